//! Operations on segments: the rules `elem.drop`, `data.drop` and `memory.init`. `table.init` is
//! in [`table`](super::table).

use crate::abi::vmctx::VmFuncRef;
use crate::error::Trap;
use crate::execute::Raised;
use crate::heap::GcRef;
use crate::index::{DataIdx, ElemIdx};
use crate::instance::segment::Segment;
use crate::instance::store::StoreOpaque;
use crate::instance::{InstanceId, MemoryId};
use crate::planted::planted;

impl StoreOpaque {
    /// Returns an instance's element segment.
    ///
    /// # Panics
    /// When there is no such instance or segment.
    #[must_use]
    pub fn segment(&self, instance: InstanceId, elem: ElemIdx) -> &Segment {
        self.contents.segment(instance, elem)
    }

    /// `elem.drop`. Releases the items.
    ///
    /// # Errors
    /// The heap is corrupt.
    pub fn elem_drop(&mut self, instance: InstanceId, elem: ElemIdx) -> Result<(), Raised> {
        let planted = self.planted();
        if planted!(planted, ElemDropIgnored) {
            return Ok(());
        }
        let vm = self.contents.instance(instance).context.segment(elem.0);
        let segment = self.contents.segment_mut(instance, elem);
        match segment {
            Segment::Refs(items) => {
                let mut items = std::mem::take(items);
                // SAFETY: `vm` is this segment's record in the living context.
                unsafe { segment.publish(vm) };
                if planted!(planted, ElemDropBecomesFuncs) {
                    *segment = Segment::Funcs(Vec::new());
                }
                if planted!(planted, PassiveSegmentUncounted) {
                    return Ok(());
                }
                for slot in &mut items {
                    self.heap.write_root(slot, None)?;
                }
            }
            Segment::Funcs(items) => *items = Vec::new(),
        }
        Ok(())
    }

    /// Sets an item during the initialisation of the instance.
    ///
    /// # Errors
    /// The heap is corrupt.
    pub fn init_segment_ref(
        &mut self,
        instance: InstanceId,
        elem: ElemIdx,
        item: u32,
        value: u32,
    ) -> Result<(), Raised> {
        let planted = self.planted();
        match self.contents.segment_mut(instance, elem) {
            Segment::Refs(items) => {
                let slot = &mut items[item as usize];
                if planted!(planted, PassiveSegmentUncounted) {
                    *slot = value;
                    return Ok(());
                }
                Ok(self.heap.write_root(slot, GcRef::from_raw(value))?)
            }
            Segment::Funcs(_) => unreachable!("compiled for a segment of GC references"),
        }
    }

    /// Sets an item during the initialisation of the instance.
    pub fn init_segment_func(
        &mut self,
        instance: InstanceId,
        elem: ElemIdx,
        item: u32,
        value: *mut VmFuncRef,
    ) {
        match self.contents.segment_mut(instance, elem) {
            Segment::Funcs(items) => items[item as usize] = value,
            Segment::Refs(_) => unreachable!("compiled for a segment of functions"),
        }
    }

    /// Returns the bytes of an instance's data segment, or none if it was dropped.
    #[must_use]
    pub fn data(&self, instance: InstanceId, data: DataIdx) -> &[u8] {
        self.contents.instance(instance).data(data)
    }

    /// `data.drop`.
    pub fn data_drop(&mut self, instance: InstanceId, data: DataIdx) {
        if planted!(self.planted(), DataDropIgnored) {
            return;
        }
        self.contents.instance_mut(instance).dropped_datas[data.as_usize()] = true;
    }

    /// `memory.init`.
    ///
    /// # Errors
    /// `MemoryOutOfBounds` if either range is out of bounds. Nothing was written then.
    pub fn memory_init(
        &mut self,
        (instance, data): (InstanceId, DataIdx),
        memory: MemoryId,
        at: u64,
        from: u32,
        len: u32,
    ) -> Result<(), Raised> {
        let (memory, bytes) = self.contents.memory_and_data(memory, instance, data);
        let from = from as usize;
        let bytes = bytes.get(from..from.saturating_add(len as usize));
        memory.write(at, bytes.ok_or(Trap::MemoryOutOfBounds)?)
    }
}
