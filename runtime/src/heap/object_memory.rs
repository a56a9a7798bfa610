//! [`ObjectMemory`]: what every collector works on. It has the memory, the layouts, the words that
//! are shared with compiled code, and checked access to headers.
//!
//! Invariants:
//! - **H1** The bytes from `VmStore::bump` to `region_end` are zero, accessible, and belong to no
//!   object or free block.
//! - **H2** Objects begin at multiples of 8, from [`FIRST`] on.
//! - **H3** `VmStore::bump_end` is `region_end` if wasm may allocate inline, else it is `bump`.
//!
//! Not here: when to collect (`points`), how to collect (the collectors), and what fields mean
//! (`access`).

use std::ptr::NonNull;

use super::fault::{HeapFault, Referrer};
use super::layout::{
    KIND_MASK, KIND_SHIFT, Kind, NULL_PAGE_BYTES, OBJECT_ALIGN, TAG_OFFSET, TYPE_MASK,
};
use super::layouts::{Layouts, ScanLayout};
use super::space::Space;
use crate::abi::vmctx::VmStore;
use crate::config::{Config, StoreConfig};
use crate::planted::{Planted, planted};

/// The offset of the first object. What is below is never accessible.
pub const FIRST: u32 = NULL_PAGE_BYTES;
/// The counters of one heap since it was made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    /// Collections.
    pub collections: u64,
    /// Collections that traced the whole heap from all roots.
    pub full_collections: u64,
    /// The bytes that objects took after the last collection, as far as the collector knows.
    pub live_bytes: u64,
    /// Objects that the host allocated.
    pub slow_allocations: u64,
    /// Objects that were freed one by one.
    pub freed: u64,
}

/// The memory of a heap, and how to find the objects in it.
#[derive(Debug)]
pub struct ObjectMemory {
    /// The memory.
    pub space: Space,
    /// Layouts of the types in use.
    pub layouts: Layouts,
    /// Bytes of a header.
    pub header_bytes: u32,
    /// Whether freed memory is poisoned.
    pub poison: bool,
    /// Faults planted on purpose.
    pub planted: Planted,
    /// The numbers of host objects whose last reference died.
    pub dead_hosts: Vec<u32>,
    /// Counters.
    pub stats: Stats,
    /// See [`StoreConfig::collection_bytes`].
    pub collection_bytes: u32,
    region_end: u32,
    inline: bool,
    vm: NonNull<VmStore>,
}

// SAFETY: the store's record belongs to the same store as the heap and moves between threads only
// with it.
unsafe impl Send for ObjectMemory {}

/// The tag of every reference of the host.
const EXTERN_TAG: u32 = (Kind::Extern as u32) << KIND_SHIFT;

#[cold]
fn wrong_tag(object: u32, tag: u32) -> HeapFault {
    match kind_of_tag(tag) {
        Some(Kind::Struct | Kind::Array | Kind::Exception) => HeapFault::BadType {
            object,
            type_id: tag & TYPE_MASK,
        },
        _ => HeapFault::BadTag { object, tag },
    }
}

/// Returns the kind in a tag, or `None` if the bits are no kind.
#[inline(always)]
#[must_use]
pub const fn kind_of_tag(tag: u32) -> Option<Kind> {
    match (tag & KIND_MASK) >> KIND_SHIFT {
        0 => Some(Kind::Free),
        1 => Some(Kind::Struct),
        2 => Some(Kind::Array),
        3 => Some(Kind::Extern),
        4 => Some(Kind::Exception),
        5 => Some(Kind::Forwarded),
        _ => None,
    }
}

/// Returns true if bits are a reference to an object: neither null nor an i31.
#[inline(always)]
#[must_use]
pub const fn is_object(raw: u32) -> bool {
    raw & 1 == 0 && raw != 0
}

/// The size of an object, and where its traced slots are.
#[derive(Clone, Copy, Debug)]
pub struct Extent {
    /// The size in bytes.
    pub size: u32,
    /// Where its traced slots are.
    pub scan: ScanLayout,
    /// The number of elements.
    pub len: u32,
}

/// What stands at an offset of the part of the heap that can be parsed.
#[derive(Clone, Copy, Debug)]
pub enum Resident {
    /// Free memory.
    Free {
        /// Where it begins.
        at: u32,
        /// Its size in bytes.
        size: u32,
    },
    /// An object.
    Object {
        /// Where it begins.
        at: u32,
        /// The tag in its header.
        tag: u32,
        /// Its size, and where its traced slots are.
        extent: Extent,
    },
}

impl Resident {
    /// Returns where it ends.
    #[inline(always)]
    #[must_use]
    pub fn end(&self) -> u32 {
        match self {
            Resident::Free { at, size } => at + size,
            Resident::Object { at, extent, .. } => at + extent.size,
        }
    }
}

impl ObjectMemory {
    /// Makes the memory of a heap without objects.
    ///
    /// # Safety
    /// `vm` is valid for reads and writes for as long as this value lives, and nobody else accesses
    /// it while a method runs.
    #[must_use]
    pub unsafe fn new(
        space: Space,
        layouts: Layouts,
        header_bytes: u32,
        engine: &Config,
        store: &StoreConfig,
        vm: NonNull<VmStore>,
    ) -> ObjectMemory {
        let mut memory = ObjectMemory {
            space,
            layouts,
            header_bytes,
            poison: store.poison,
            planted: engine.planted(),
            dead_hosts: Vec::new(),
            stats: Stats::default(),
            collection_bytes: store.collection_bytes,
            region_end: FIRST,
            inline: false,
            vm,
        };
        memory.set_region(FIRST, FIRST);
        memory
    }

    /// Returns the size in bytes of a bump region: usually 64 KiB. A region is cleared at once and
    /// then used for inline allocation, and should stay in the cache meanwhile.
    #[must_use]
    pub fn region_bytes(&self) -> u32 {
        self.collection_bytes / 16
    }

    /// Returns the offset of the next object in the bump region.
    #[inline(always)]
    #[must_use]
    pub fn bump(&self) -> u32 {
        // SAFETY: the contract of `ObjectMemory::new`.
        unsafe { (*self.vm.as_ptr()).bump }
    }

    /// Returns the offset at which the bump region ends.
    #[inline(always)]
    #[must_use]
    pub fn region_end(&self) -> u32 {
        self.region_end
    }

    #[inline(always)]
    fn publish(&mut self, bump: u32) {
        let end = if self.inline { self.region_end } else { bump };
        // SAFETY: the contract of `ObjectMemory::new`.
        unsafe { (*self.vm.as_ptr()).bump = bump };
        // SAFETY: the contract of `ObjectMemory::new`.
        unsafe { (*self.vm.as_ptr()).bump_end = end };
    }

    /// Makes `bump..end` the bump region. It satisfies H1.
    pub fn set_region(&mut self, bump: u32, end: u32) {
        self.region_end = end;
        self.publish(bump);
    }

    /// Makes `bump` an empty region, and leaves compiled code the end of the region before.
    #[cfg(feature = "planted")]
    pub fn set_region_stale(&mut self, bump: u32) {
        // SAFETY: the contract of `ObjectMemory::new`.
        let before = unsafe { (*self.vm.as_ptr()).bump_end };
        self.set_region(bump, bump);
        // SAFETY: the contract of `ObjectMemory::new`.
        unsafe { (*self.vm.as_ptr()).bump_end = before.max(bump) };
    }

    /// Says whether wasm may allocate inline.
    pub fn set_inline(&mut self, inline: bool) {
        self.inline = inline;
        self.publish(self.bump());
    }

    /// Returns the first object of the zero-count table, and the length of the table.
    #[inline(always)]
    #[must_use]
    pub fn zero_count_table(&self) -> (u32, u32) {
        // SAFETY: the contract of `ObjectMemory::new`.
        let head = unsafe { (*self.vm.as_ptr()).zero_count_table };
        // SAFETY: the contract of `ObjectMemory::new`.
        let len = unsafe { (*self.vm.as_ptr()).zero_count_table_len };
        (head, len)
    }

    /// Sets the first object of the zero-count table, and the length of the table.
    #[inline(always)]
    pub fn set_zero_count_table(&mut self, head: u32, len: u32) {
        // SAFETY: the contract of `ObjectMemory::new`.
        unsafe { (*self.vm.as_ptr()).zero_count_table = head };
        // SAFETY: the contract of `ObjectMemory::new`.
        unsafe { (*self.vm.as_ptr()).zero_count_table_len = len };
    }

    /// Returns how many functions have a number.
    #[must_use]
    pub fn funcrefs_len(&self) -> u32 {
        // SAFETY: the contract of `ObjectMemory::new`.
        unsafe { (*self.vm.as_ptr()).funcrefs_len }
    }

    /// Takes `size` bytes from the bump region. They are zero. Returns `None` if the region is too
    /// small.
    #[inline]
    pub fn take(&mut self, size: u32) -> Option<u32> {
        let at = self.bump();
        if self.region_end - at < size {
            return None;
        }
        self.publish(at + size);
        Some(at)
    }

    /// Checks that an object can begin at `raw`: it is aligned, and its header lies in `range`.
    #[inline(always)]
    pub fn check(
        &self,
        raw: u32,
        range: &std::ops::Range<u32>,
        referrer: impl FnOnce() -> Referrer,
    ) -> Result<(), HeapFault> {
        if raw.is_multiple_of(OBJECT_ALIGN)
            && raw >= range.start
            && u64::from(raw) + u64::from(self.header_bytes) <= u64::from(range.end)
        {
            Ok(())
        } else {
            Err(HeapFault::BadReference {
                referrer: referrer(),
                raw,
            })
        }
    }

    /// Returns the tag of an object.
    #[inline(always)]
    #[must_use]
    pub fn tag(&self, object: u32) -> u32 {
        self.space.word(object + TAG_OFFSET)
    }

    /// Returns the last word of an object's header: the length of an array, the number of a host
    /// object, or the identity of an exception's tag.
    #[inline(always)]
    #[must_use]
    pub fn header_word(&self, object: u32) -> u32 {
        self.space.word(object + self.header_bytes - 4)
    }

    /// Writes the tag and the last word of a header. The collector writes its words in between.
    #[inline(always)]
    pub fn write_header(&mut self, object: u32, tag: u32, word: u32) {
        self.space.set_word(object + TAG_OFFSET, tag);
        self.space.set_word(object + self.header_bytes - 4, word);
    }

    /// Returns the extent of the object at `object`, which has the given tag.
    ///
    /// # Errors
    /// There is no object, or it ends behind `end`.
    #[inline(always)]
    pub fn extent(&mut self, object: u32, tag: u32, end: u32) -> Result<Extent, HeapFault> {
        let type_id = tag & TYPE_MASK;
        let scan = if tag & (KIND_MASK | TYPE_MASK) == EXTERN_TAG {
            self.extern_layout()
        } else {
            self.layouts.scan_layout(object, type_id)?
        };
        if (scan.kind as u32) << KIND_SHIFT != tag & KIND_MASK {
            return Err(wrong_tag(object, tag));
        }
        let (mut len, mut size) = (0, u64::from(scan.size));
        if scan.element_bytes != 0 {
            len = self.header_word(object);
            size += u64::from(len) * u64::from(scan.element_bytes);
            size = size.next_multiple_of(u64::from(OBJECT_ALIGN));
        }
        if u64::from(object) + size > u64::from(end) {
            return Err(HeapFault::BadSize { object, size });
        }
        Ok(Extent {
            size: size as u32,
            scan,
            len,
        })
    }

    /// Returns what stands at `at`, or behind the bump region if that begins there. Returns `None`
    /// at `end`, where the part of the heap that can be parsed ends.
    ///
    /// # Errors
    /// There is neither an object nor free memory, or it ends behind `end`.
    #[inline(always)]
    pub fn resident(&mut self, at: u32, end: u32) -> Result<Option<Resident>, HeapFault> {
        let in_region = at == self.bump() && at < end;
        let at = if in_region { self.region_end() } else { at };
        if at >= end {
            return Ok(None);
        }
        let tag = self.tag(at);
        if kind_of_tag(tag) == Some(Kind::Free) {
            let size = self.space.word(at + 4);
            if tag != 0 || size == 0 || !size.is_multiple_of(OBJECT_ALIGN) || size > end - at {
                return Err(HeapFault::BadTag { object: at, tag });
            }
            return Ok(Some(Resident::Free { at, size }));
        }
        let extent = self.extent(at, tag, end)?;
        Ok(Some(Resident::Object { at, tag, extent }))
    }

    /// References of the host have nothing behind their header.
    #[inline(always)]
    fn extern_layout(&self) -> ScanLayout {
        ScanLayout {
            kind: Kind::Extern,
            size: self.header_bytes,
            element_bytes: 0,
            traced_elements: false,
            first: 0,
            count: 0,
        }
    }

    /// Returns how many elements of an array are traced: all, if references are. With a fault
    /// planted, it is the size of an element.
    #[inline(always)]
    #[must_use]
    pub fn traced_elements(&self, scan: &ScanLayout, len: u32) -> u32 {
        if !scan.traced_elements {
            0
        } else if planted!(self.planted, ArrayEdgesMiscounted, if len > scan.element_bytes) {
            len.min(scan.element_bytes)
        } else {
            len
        }
    }

    /// Calls `visit` for every traced slot of an object, with the offset of the slot in the heap.
    ///
    /// # Errors
    /// The errors of `visit`.
    #[inline(always)]
    pub fn each_slot(
        &mut self,
        object: u32,
        extent: &Extent,
        mut visit: impl FnMut(&mut ObjectMemory, u32) -> Result<(), HeapFault>,
    ) -> Result<(), HeapFault> {
        let scan = &extent.scan;
        if planted!(self.planted, ExceptionsNotTraced, if scan.kind == Kind::Exception) {
            return Ok(());
        }
        // One loop for fields and elements, because `visit` is inlined only if it is called once.
        let fields = scan.count;
        for at in 0..fields + self.traced_elements(scan, extent.len) {
            let offset = match at.checked_sub(fields) {
                None => self.layouts.edge(scan.first + at),
                Some(element) => scan.size + element * 4,
            };
            visit(self, object + offset)?;
        }
        Ok(())
    }
}
