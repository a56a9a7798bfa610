//! Which target a function is compiled for. Large functions get a quicker one, so that the time to
//! compile a module of any shape is linear in its size.
//!
//! Two parts of Cranelift are not linear. The optimiser visits all loops around each instruction
//! that it places. The backtracking register allocator splits a range that crosses many blocks
//! again and again, and searches all other spill slots for each new one. Functions for which this
//! would be expensive are compiled without these parts. So the cost for each byte stays below a
//! constant.

use cranelift_codegen::isa::{OwnedTargetIsa, TargetIsa};
use cranelift_codegen::settings::RegallocAlgorithm;

use super::isa;
use crate::config::{Config, OptLevel, RegAlloc};
use crate::error::Rejected;

/// A function is optimised if its loops are nested at most this deeply. People nest about ten.
const LOOP_DEPTH_MAX: u32 = 64;
/// Registers are allocated by backtracking in functions of at most this many blocks. At about this
/// size, the allocation begins to dominate the time.
const BLOCKS_MAX: usize = 3000;
/// Locals that are not references are variables if a function has at most this many. Every
/// allocator visits each variable in each block where it is live: 16,000 locals over as many blocks
/// took 5 s. With more of them, all that are ever set are in memory, and the function is not
/// optimised, because the optimiser would turn them into variables again.
pub(super) const VARIABLES_MAX: u32 = 2000;
/// Registers are allocated by backtracking if at most this many values are live at once. 1,000 of
/// them take 30 ms in straight-line code.
const VALUES_MAX: usize = 1000;
/// The same for blocks times values, which bounds the number of live ranges. A million take 0.3 s,
/// four million 1.7 s.
const RANGES_MAX: usize = 300_000;

/// With more calls, registers are allocated by backtracking after values were demoted. Allocation
/// in a single pass keeps the result of nearly every call in a slot of its own, for an instant. No
/// value lives longer than a block then, so backtracking is linear as well.
const CALLS_MAX: usize = 48;

/// What the cost of compiling a function depends on.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Extent {
    /// Basic blocks.
    pub blocks: usize,
    /// The largest number of locals and operands that are live at once.
    pub values: usize,
    /// Whether there are locals in the frame.
    pub in_frame: bool,
    /// How deeply loops are nested.
    pub loop_depth: u32,
    /// Whether it is known that the frame is small, so that no value need share a slot.
    pub small_frame: bool,
}

/// The targets of one configuration, from the most work to the least.
pub(super) struct Targets {
    configured: OwnedTargetIsa,
    /// As configured, but registers are allocated in a single pass.
    single_pass: OwnedTargetIsa,
    /// The quickest one, whatever the configuration.
    quick: OwnedTargetIsa,
    /// For a function that is optimised already: changes nothing more.
    demoted: OwnedTargetIsa,
    /// The same with backtracking.
    demoted_many_calls: OwnedTargetIsa,
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
        let demoted = Config {
            canonical_nans: false,
            ..quick.clone()
        };
        let demoted_many_calls = Config {
            reg_alloc: RegAlloc::Backtracking,
            ..demoted.clone()
        };
        Ok(Targets {
            configured: isa::target(config)?,
            single_pass: isa::target(&single_pass)?,
            quick: isa::target(&quick)?,
            demoted: isa::target(&demoted)?,
            demoted_many_calls: isa::target(&demoted_many_calls)?,
        })
    }

    /// Returns the target as configured.
    pub fn configured(&self) -> &dyn TargetIsa {
        &*self.configured
    }

    /// Returns true if a target allocates registers in a single pass.
    pub fn is_single_pass(&self, target: &dyn TargetIsa) -> bool {
        target.flags().regalloc_algorithm() == RegallocAlgorithm::SinglePass
    }

    /// Returns the target for a function that is optimised already, and whose values were demoted.
    pub fn of_demoted(&self, calls: usize) -> &dyn TargetIsa {
        if calls > CALLS_MAX {
            &*self.demoted_many_calls
        } else {
            &*self.demoted
        }
    }

    /// Returns the target for a function of the module.
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

    /// Returns the target for code that runs once for each instance.
    pub fn of_initialiser(&self, _: Extent) -> &dyn TargetIsa {
        &*self.quick
    }
}
