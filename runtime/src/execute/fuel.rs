//! Fuel, a deterministic budget. Compiled code decrements `VmStore::fuel` and asks for more when it
//! is negative.
//!
//! `VmStore::fuel` is signed and a budget is not. The part that does not fit is in
//! [`Execution::fuel_reserve`].

use super::call::Execution;
use crate::abi::vmctx::VmStore;
use crate::error::Exhausted;

/// Gives a store exactly `fuel`.
pub fn set(vm: &mut VmStore, execution: &mut Execution, fuel: u64) {
    let first = fuel.min(i64::MAX as u64);
    vm.fuel = first as i64;
    execution.fuel_reserve = fuel - first;
}

/// Returns the fuel that is left. It is never below 0, although the last block of code may have
/// used more than there was.
#[must_use]
pub fn left(vm: &VmStore, execution: &Execution) -> u64 {
    execution.fuel_reserve.saturating_add_signed(vm.fuel)
}

/// Moves fuel from the reserve to `VmStore::fuel`, which is negative.
///
/// # Errors
///
/// [`Exhausted::Fuel`] when the reserve does not suffice.
pub fn refill(vm: &mut VmStore, execution: &mut Execution) -> Result<(), Exhausted> {
    let owed = vm.fuel.min(0).unsigned_abs();
    let Some(rest) = execution.fuel_reserve.checked_sub(owed) else {
        return Err(Exhausted::Fuel);
    };
    set(vm, execution, rest);
    Ok(())
}
