//! Memories and data segments (the rules `memory.grow` to `data.drop`).

use super::{Answer, Call};
use crate::index::{DataIdx, MemIdx};
use crate::instance::MemoryId;

impl Call<'_> {
    fn memory(&self, memory: u32) -> MemoryId {
        self.data().memories[MemIdx(memory).as_usize()]
    }

    pub(super) fn memory_grow(&mut self, memory: u32, delta: u64) -> Answer {
        let memory = self.memory(memory);
        Ok(self.store.memory_grow(memory, delta).unwrap_or(u64::MAX))
    }

    pub(super) fn memory_fill(&mut self, memory: u32, at: u64, value: u32, len: u64) -> Answer {
        let memory = self.memory(memory);
        self.store.memory_fill(memory, at, value as u8, len)?;
        Ok(0)
    }

    pub(super) fn memory_copy(
        &mut self,
        to: u32,
        from: u32,
        at: u64,
        start: u64,
        len: u64,
    ) -> Answer {
        let (to, from) = (self.memory(to), self.memory(from));
        self.store.memory_copy((to, at), (from, start), len)?;
        Ok(0)
    }

    pub(super) fn memory_init(
        &mut self,
        memory: u32,
        data: u32,
        at: u64,
        from: u32,
        len: u32,
    ) -> Answer {
        let memory = self.memory(memory);
        let data = (self.instance, DataIdx(data));
        self.store.memory_init(data, memory, at, from, len)?;
        Ok(0)
    }

    pub(super) fn data_drop(&mut self, data: u32) -> u64 {
        self.store.data_drop(self.instance, DataIdx(data));
        0
    }
}
