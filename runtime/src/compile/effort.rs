//! How much is spent on one function, so that the time to compile a module is linear in its size,
//! whatever its shape.
//!
//! Two parts of Cranelift are not linear: placing what its optimiser kept visits all loops around
//! an instruction, and the backtracking register allocator splits ranges that cross many blocks
//! again and again, and looks for spill slots among all others. Functions for which that would
//! matter get by without: the cost of a byte stays below a constant.

use cranelift_codegen::isa::{OwnedTargetIsa, TargetIsa};

use super::isa;
use crate::config::{Config, OptLevel, RegAlloc};
use crate::error::Rejected;

/// Loops inside of each other up to which a function is optimised. People write ten.
const LOOP_DEPTH_MAX: u32 = 64;
/// Blocks up to which registers are allocated by backtracking: at about this size it begins to
/// dominate.
const BLOCKS_MAX: usize = 3000;
/// Locals other than references up to which each is a variable of its own: every allocator looks at
/// each variable in each block where it is alive, so that 16,000 locals over as many blocks took 5
/// s. With more of them, all are in memory, and the function is not optimised, which would bring
/// them back.
pub(super) const VARIABLES_MAX: u32 = 2000;
/// Values alive at once up to which registers are allocated by backtracking: 1,000 of them take 30
/// ms in straight code.
const VALUES_MAX: usize = 1000;
/// The same for blocks times values, ranges at worst: a million take 0.3 s, four million 1.7 s.
const RANGES_MAX: usize = 300_000;

/// What the cost of compiling a function depends on.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Extent {
    /// Basic blocks.
    pub blocks: usize,
    /// Locals and operands, at most so many at once.
    pub values: usize,
    /// Whether there are locals in the frame.
    pub in_frame: bool,
    /// Loops inside of each other, at most.
    pub loop_depth: u32,
}

/// The targets of one configuration, from the most work to the least.
pub(super) struct Targets {
    configured: OwnedTargetIsa,
    /// As configured, but registers are allocated in a single pass.
    single_pass: OwnedTargetIsa,
    /// As quickly as can be, whatever the configuration.
    quick: OwnedTargetIsa,
}

impl Targets {
    /// # Errors
    ///
    /// As [`isa::target`].
    pub fn new(config: &Config) -> Result<Targets, Rejected> {
        let single_pass = Config {
            reg_alloc: RegAlloc::SinglePass,
            ..config.clone()
        };
        let quick = Config {
            opt_level: OptLevel::None,
            ..single_pass.clone()
        };
        Ok(Targets {
            configured: isa::target(config)?,
            single_pass: isa::target(&single_pass)?,
            quick: isa::target(&quick)?,
        })
    }

    /// What was configured.
    pub fn configured(&self) -> &dyn TargetIsa {
        &*self.configured
    }

    /// For a function of the module.
    pub fn of_function(&self, extent: Extent) -> &dyn TargetIsa {
        if extent.loop_depth > LOOP_DEPTH_MAX || extent.in_frame {
            &*self.quick
        } else if extent.blocks > BLOCKS_MAX
            || extent.values > VALUES_MAX
            || extent.blocks.saturating_mul(extent.values) > RANGES_MAX
        {
            &*self.single_pass
        } else {
            &*self.configured
        }
    }

    /// For code that runs once for each instance.
    pub fn of_initialiser(&self) -> &dyn TargetIsa {
        &*self.quick
    }
}
