//! Allocation by the host. Compiled code comes here when it finds no room in the bump region, or
//! when it may not allocate inline at all.

use super::layout::{Kind, tag};
use super::schedule::PointKind;
use super::{AllocError, CollectionKind, GcRef, Header, Heap, HeapFault, Room, Roots};
use crate::limits::OBJECT_BYTES_MAX;
use crate::planted::planted;
use crate::types::TypeId;

impl Heap {
    /// Makes the allocation with this number find the heap full, even if there is room. It collects
    /// everything, and fails. Allocations are numbered from 0, starting now. While a number is set
    /// no allocation is inline, so every allocation has a number.
    pub fn set_full_at(&mut self, number: Option<u64>) {
        self.asked = 0;
        self.full_at = number;
        self.set_inline();
    }

    /// Returns how many allocations were asked for since the last [`Heap::set_full_at`], failed
    /// ones included. Inline allocations are not counted. There are none while a number is set, or
    /// under a schedule other than [`Schedule::OnPressure`](crate::config::Schedule).
    #[must_use]
    pub fn allocations(&self) -> u64 {
        self.asked
    }

    pub(super) fn set_inline(&mut self) {
        let inline = self.scheduler.on_pressure() && self.full_at.is_none();
        self.memory.set_inline(inline);
    }

    /// Allocates a structure whose fields are all zero. The caller initialises them before the next
    /// collection point.
    ///
    /// # Errors
    /// See [`AllocError`]. A type that is no structure is a [`HeapFault::BadType`].
    pub fn alloc_struct(&mut self, ty: TypeId, roots: &mut dyn Roots) -> Result<GcRef, AllocError> {
        let size = self.fixed_size(Kind::Struct, ty)?;
        self.allocate(Kind::Struct, ty.0, 0, size, roots)
    }

    /// Allocates an array whose elements are all zero. The caller initialises them before the next
    /// collection point.
    ///
    /// # Errors
    /// See [`AllocError`]. A type that is no array is a [`HeapFault::BadType`].
    pub fn alloc_array(
        &mut self,
        ty: TypeId,
        len: u32,
        roots: &mut dyn Roots,
    ) -> Result<GcRef, AllocError> {
        let scan = self.guarded(|heap| {
            let scan = heap.memory.layouts.scan_layout(0, ty.0)?;
            if scan.kind == Kind::Array {
                Ok(scan)
            } else {
                Err(wrong_type(ty))
            }
        })?;
        let mut size = u64::from(scan.size) + u64::from(len) * u64::from(scan.element_bytes);
        if planted!(self.memory.planted, ArraySizeWraps, if size > u64::from(u32::MAX)) {
            size = u64::from(size as u32).max(u64::from(scan.size));
        }
        self.allocate(Kind::Array, ty.0, len, size.next_multiple_of(8), roots)
    }

    /// Allocates a reference to the host object with that number.
    ///
    /// # Errors
    /// See [`AllocError`].
    pub fn alloc_extern(&mut self, host: u32, roots: &mut dyn Roots) -> Result<GcRef, AllocError> {
        let size = u64::from(self.memory.header_bytes);
        self.allocate(Kind::Extern, 0, host, size, roots)
    }

    /// Allocates an exception whose payload is all zero. `ty` is the function type of its tag, and
    /// `identity` is the tag's identity in the store.
    ///
    /// # Errors
    /// See [`AllocError`]. A type that is no function is a [`HeapFault::BadType`].
    pub fn alloc_exception(
        &mut self,
        ty: TypeId,
        identity: u32,
        roots: &mut dyn Roots,
    ) -> Result<GcRef, AllocError> {
        let size = self.fixed_size(Kind::Exception, ty)?;
        self.allocate(Kind::Exception, ty.0, identity, size, roots)
    }

    fn fixed_size(&mut self, kind: Kind, ty: TypeId) -> Result<u64, HeapFault> {
        self.guarded(|heap| {
            let scan = heap.memory.layouts.scan_layout(0, ty.0)?;
            if scan.kind == kind {
                Ok(u64::from(scan.size))
            } else {
                Err(wrong_type(ty))
            }
        })
    }

    fn allocate(
        &mut self,
        kind: Kind,
        type_id: u32,
        word: u32,
        size: u64,
        roots: &mut dyn Roots,
    ) -> Result<GcRef, AllocError> {
        self.point(PointKind::Allocation, roots)?;
        let number = self.asked;
        self.asked += 1;
        if self.full_at == Some(number) {
            if self.traits.reclaims {
                self.collect(roots)?;
            }
            return Err(AllocError::Exhausted);
        }
        if size > OBJECT_BYTES_MAX {
            return Err(AllocError::TooLarge);
        }
        let header = Header {
            tag: tag(kind, type_id),
            word,
        };
        let room = if self.scheduler.on_pressure() {
            Room::Soft
        } else {
            Room::Hard
        };
        let mut made = self.try_allocate(header, size as u32, room)?;
        for collection in [CollectionKind::Routine, CollectionKind::Full] {
            if made.is_none() && self.traits.reclaims {
                self.collect_and_perhaps_check(roots, collection)?;
                made = self.try_allocate(header, size as u32, Room::Hard)?;
            }
        }
        if made.is_none() && !self.traits.reclaims {
            made = self.try_allocate(header, size as u32, Room::Hard)?;
        }
        self.memory.stats.slow_allocations += 1;
        made.and_then(GcRef::from_raw).ok_or(AllocError::Exhausted)
    }

    fn try_allocate(
        &mut self,
        header: Header,
        size: u32,
        room: Room,
    ) -> Result<Option<u32>, HeapFault> {
        self.guarded(|heap| {
            let memory = &mut heap.memory;
            heap.collector.allocate(memory, header, size, room)
        })
    }
}

fn wrong_type(ty: TypeId) -> HeapFault {
    HeapFault::BadType {
        object: 0,
        type_id: ty.0,
    }
}
