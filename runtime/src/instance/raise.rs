//! Ending an activation early, for a store: an exception goes to its handler in wasm code,
//! everything else to the landing.

use super::store::StoreOpaque;
#[cfg(feature = "planted")]
use crate::error::Exhausted;
use crate::error::Trap;
use crate::execute::{Raised, landing, unwind};
use crate::heap::GcRef;
use crate::planted::planted;

impl StoreOpaque {
    /// Ends what runs in the newest activation. An exception that wasm code catches resumes at its
    /// handler. Everything else is recorded and resumes at the landing; an exception then becomes
    /// `VmStore::pending_exception`. The stub that the caller returns to must be told to resume.
    ///
    /// # Safety
    /// The host runs inside of an activation of this store (E1 to E4).
    pub unsafe fn raise(&mut self, why: Raised) {
        let planted = self.planted();
        let vm = self.vm().as_ptr();
        let mut why = why;
        let caught = match why {
            Raised::Exception(object, tag) => Some((GcRef::to_raw(Some(object)), tag)),
            Raised::Trap(Trap::AllocationTooLarge) if planted!(planted, LargeAllocationCaught) => {
                Some((0, u32::MAX))
            }
            _ => None,
        };
        if let Some((object, tag)) = caught {
            // SAFETY: V1, V3.
            let vm = unsafe { &mut *vm };
            // SAFETY: the caller's promise; every module that runs is in the code map.
            let handler = unsafe { unwind::find_handler(vm, &self.contents.execution.code, tag) };
            if let Some(handler) = handler {
                return landing::to_handler(vm, &handler, object, planted);
            }
        }
        planted!(planted, UncaughtExceptionExhausts => if let Raised::Exception(..) = why {
            why = Raised::Exhausted(Exhausted::CallStack);
        });
        if let Raised::Exception(object, _) = why {
            // SAFETY: V1, V3.
            let slot = unsafe { &mut (*vm).pending_exception };
            if planted!(planted, PendingExceptionUncounted) {
                *slot = object.raw();
            } else if let Err(fault) = self.heap.init_root(slot, Some(object)) {
                why = fault.into();
            }
        }
        // SAFETY: the caller's promise.
        unsafe { landing::to_landing(vm, &raw mut self.contents.execution, why) };
    }
}
