//! Operations on memories: the rules `memory.grow`, `memory.fill` and `memory.copy`.

use crate::execute::Raised;
use crate::instance::MemoryId;
use crate::instance::memory::MemoryData;
use crate::instance::store::StoreOpaque;
use crate::limits::WASM_PAGE_BYTES;

impl StoreOpaque {
    /// Returns a memory.
    ///
    /// # Panics
    /// When no memory of this store has that number.
    #[must_use]
    pub fn memory(&self, id: MemoryId) -> &MemoryData {
        &self.contents.memories[id.at()]
    }

    /// Returns a memory.
    ///
    /// # Panics
    /// When no memory of this store has that number.
    #[must_use]
    pub fn memory_mut(&mut self, id: MemoryId) -> &mut MemoryData {
        &mut self.contents.memories[id.at()]
    }

    /// `memory.grow`. Returns the old size in pages, or `None` if type, implementation or limiter
    /// refuse.
    pub fn memory_grow(&mut self, id: MemoryId, delta: u64) -> Option<u64> {
        let memory = self.memory(id);
        let (old, max) = (memory.pages(), memory.pages_max());
        let wanted = old.checked_add(delta).filter(|pages| *pages <= max)?;
        let declared = memory
            .declared()
            .max
            .map(|pages| pages.saturating_mul(WASM_PAGE_BYTES));
        let (from, to) = (old * WASM_PAGE_BYTES, wanted * WASM_PAGE_BYTES);
        if delta > 0 && !self.limit(|l| l.memory_growing(from, to, declared)) {
            return None;
        }
        self.memory_mut(id).grow_to(wanted).then_some(old)
    }

    /// `memory.fill`.
    ///
    /// # Errors
    /// `MemoryOutOfBounds`. Nothing was written then.
    pub fn memory_fill(
        &mut self,
        id: MemoryId,
        at: u64,
        value: u8,
        len: u64,
    ) -> Result<(), Raised> {
        let memory = self.memory_mut(id);
        let range = memory.range(at, len)?;
        memory.data_mut()[range].fill(value);
        Ok(())
    }

    /// `memory.copy`.
    ///
    /// # Errors
    /// `MemoryOutOfBounds`. Nothing was written then.
    pub fn memory_copy(
        &mut self,
        (to, at): (MemoryId, u64),
        (from, start): (MemoryId, u64),
        len: u64,
    ) -> Result<(), Raised> {
        let source = self.memory(from).range(start, len)?;
        let target = self.memory(to).range(at, len)?;
        if to == from {
            self.memory_mut(to)
                .data_mut()
                .copy_within(source, target.start);
        } else {
            let bytes: *const [u8] = &raw const self.memory(from).data()[source];
            // SAFETY: M4: two memories have different reservations, so the slices do not overlap,
            // and neither moves here.
            let bytes = unsafe { &*bytes };
            self.memory_mut(to).data_mut()[target].copy_from_slice(bytes);
        }
        Ok(())
    }
}
