//! Making objects.

use std::any::Any;

use crate::execute::Raised;
use crate::heap::{AllocError, GcRef, Heap};
use crate::instance::TagId;
use crate::instance::contents::Contents;
use crate::instance::store::StoreOpaque;
use crate::types::TypeId;

impl StoreOpaque {
    /// Makes a reference to a host object. A collection point.
    ///
    /// # Errors
    /// Exhaustion, or the heap is corrupt. The object is dropped then.
    pub fn alloc_extern(&mut self, object: Box<dyn Any + Send + Sync>) -> Result<GcRef, Raised> {
        self.heap()?;
        let at = self.hosts.insert(object);
        let made = self.allocate(|heap, contents| heap.alloc_extern(at, contents));
        if made.is_err() {
            drop(self.hosts.take(at));
        }
        made
    }

    /// Makes a structure, all zero. A collection point. See [`Heap::alloc_struct`].
    ///
    /// # Errors
    /// Exhaustion, or the heap is corrupt.
    pub fn alloc_struct(&mut self, ty: TypeId) -> Result<GcRef, Raised> {
        self.allocate(|heap, contents| heap.alloc_struct(ty, contents))
    }

    /// Makes an array, all zero. A collection point. See [`Heap::alloc_array`].
    ///
    /// # Errors
    /// Exhaustion, a length that no heap could hold, or the heap is corrupt.
    pub fn alloc_array(&mut self, ty: TypeId, len: u32) -> Result<GcRef, Raised> {
        self.allocate(|heap, contents| heap.alloc_array(ty, len, contents))
    }

    /// Makes an exception of a tag, its payload all zero. A collection point. See
    /// [`Heap::alloc_exception`].
    ///
    /// # Errors
    /// Exhaustion, or the heap is corrupt.
    pub fn alloc_exception(&mut self, tag: TagId) -> Result<GcRef, Raised> {
        let ty = self.tag(tag).ty;
        self.allocate(|heap, contents| heap.alloc_exception(ty, tag.0, contents))
    }

    fn allocate(
        &mut self,
        make: impl FnOnce(&mut Heap, &mut Contents) -> Result<GcRef, AllocError>,
    ) -> Result<GcRef, Raised> {
        let (heap, contents) = self.heap_and_contents()?;
        let made = make(heap, contents);
        self.drop_dead_hosts();
        Ok(made?)
    }
}
