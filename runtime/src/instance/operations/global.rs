//! Operations on globals: the rule `global.set`. Reading needs no more than
//! [`GlobalData::get`].

use crate::abi::vmctx::ValRaw;
use crate::execute::Raised;
use crate::heap::GcRef;
use crate::instance::GlobalId;
use crate::instance::global::GlobalData;
use crate::instance::store::StoreOpaque;

impl StoreOpaque {
    /// Returns a global.
    ///
    /// # Panics
    /// When no global of this store has that number.
    #[must_use]
    pub fn global(&self, id: GlobalId) -> &GlobalData {
        &self.contents.globals[id.at()]
    }

    /// Writes a global whose type has been checked.
    ///
    /// # Errors
    /// The heap is corrupt.
    pub fn global_set(&mut self, id: GlobalId, value: ValRaw) -> Result<(), Raised> {
        let global = &mut self.contents.globals[id.at()];
        match global.slot() {
            Some(slot) => {
                let new = GcRef::from_raw(value.low_u32());
                Ok(self.heap.write_root(slot, new)?)
            }
            None => {
                // SAFETY: as in `GlobalData::get`.
                unsafe { (*global.vm().as_ptr()).bytes = value.0 };
                Ok(())
            }
        }
    }
}
