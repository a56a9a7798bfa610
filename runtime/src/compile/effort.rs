//! How much is spent on one function, so that the time to compile a module is linear in its size, whatever its shape.
//!
//! Two parts of Cranelift are not linear: placing what its optimiser kept visits all loops around an instruction, and the backtracking
//! register allocator splits ranges that cross many blocks again and again. Functions for which that would matter get by without:
//! the cost of a byte stays below a constant.

use cranelift_codegen::isa::{OwnedTargetIsa, TargetIsa};

use super::isa;
use crate::config::{Config, OptLevel, RegAlloc};
use crate::error::Rejected;

/// Loops inside of each other up to which a function is optimised. People write ten.
const LOOP_DEPTH_MAX: u32 = 64;
/// Blocks up to which registers are allocated by backtracking: at about this size it begins to dominate.
const BLOCKS_MAX: usize = 5000;

/// What the cost of compiling a function depends on.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Extent {
    /// Basic blocks.
    pub blocks: usize,
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
        if extent.loop_depth > LOOP_DEPTH_MAX {
            &*self.quick
        } else if extent.blocks > BLOCKS_MAX {
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
