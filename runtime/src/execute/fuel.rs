//! A deterministic budget: compiled code counts `VmStore::fuel` down and asks for more when it is
//! negative.
//!
//! `VmStore::fuel` is signed, a budget is not; what does not fit waits in
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

/// What a store has left. Not below 0, although the last block of code may have used more than
/// there was.
#[must_use]
pub fn left(vm: &VmStore, execution: &Execution) -> u64 {
    execution.fuel_reserve.saturating_add_signed(vm.fuel)
}

/// Moves fuel from the reserve, when `VmStore::fuel` is negative.
///
/// # Errors
///
/// [`Exhausted::Fuel`] when there is none.
pub fn refill(vm: &mut VmStore, execution: &mut Execution) -> Result<(), Exhausted> {
    let owed = vm.fuel.min(0).unsigned_abs();
    let Some(rest) = execution.fuel_reserve.checked_sub(owed) else {
        return Err(Exhausted::Fuel);
    };
    set(vm, execution, rest);
    Ok(())
}
