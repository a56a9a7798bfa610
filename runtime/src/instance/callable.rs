//! What the host needs to call functions of some type.

use std::sync::Arc;

use crate::compile::trampoline::Trampoline;
use crate::types::FuncSig;

/// What a call of a function of some type needs. It keeps the code of the trampoline alive.
#[derive(Debug)]
pub struct Callable {
    /// Parameters and results.
    pub sig: FuncSig,
    pub(super) trampoline: Arc<Trampoline>,
}
