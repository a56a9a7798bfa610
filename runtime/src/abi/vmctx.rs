//! The records that compiled code reads and writes, with their layout fixed at compile time.
//!
//! There is one [`VmStore`] for each store and one [`VmContext`] for each instance. A context is
//! followed by a variable part, whose offsets [`VmOffsets`] computes from the shape of the module.
//! A compiled function gets its instance's context as its first argument.
//!
//! Invariants that unsafe code argues from:
//! - **V1** A `VmStore` and every `VmContext`, `VmFuncRef`, `VmTable`, `VmMemory` and `VmGlobal` of
//!   a store stays at its address until the store is dropped.
//! - **V2** `VmContext::store` points at the `VmStore` of the store that owns the instance.
//! - **V3** While compiled code runs, the host holds no reference to these records. It reads and
//!   writes them through raw pointers.

use std::ffi::c_void;
use std::mem::offset_of;

/// A reference into the collected heap as compiled code holds it. 0 is null. An odd number is an
/// i31, its value shifted left by one. Any other number is the offset of an object from the start
/// of the heap, a multiple of 8.
pub type RawGcRef = u32;

/// One value in a buffer between host and compiled code: 16 bytes, the value at the start. A GC
/// reference takes 4 bytes ([`RawGcRef`]), a function reference 8 (`*mut VmFuncRef`, null is 0).
#[repr(C, align(16))]
#[derive(Clone, Copy)]
pub struct ValRaw(pub [u8; 16]);

impl ValRaw {
    /// All bytes zero: zero of every number type, and null.
    pub const ZERO: ValRaw = ValRaw([0; 16]);

    /// Returns a value of at most 8 bytes, zero-extended: i32 and f32 (bits), i64 and f64 (bits),
    /// references.
    #[must_use]
    pub const fn from_u64(bits: u64) -> ValRaw {
        ValRaw((bits as u128).to_le_bytes())
    }

    /// Returns a vector.
    #[must_use]
    pub const fn from_u128(bits: u128) -> ValRaw {
        ValRaw(bits.to_le_bytes())
    }

    /// Returns a function reference.
    #[must_use]
    pub fn from_func(func: *mut VmFuncRef) -> ValRaw {
        ValRaw::from_u64(func.expose_provenance() as u64)
    }

    /// Returns the first 4 bytes: i32, f32 (bits), a reference into the collected heap.
    #[must_use]
    pub const fn low_u32(&self) -> u32 {
        u128::from_le_bytes(self.0) as u32
    }

    /// Returns the first 8 bytes: i64, f64 (bits).
    #[must_use]
    pub const fn low_u64(&self) -> u64 {
        u128::from_le_bytes(self.0) as u64
    }

    /// Returns all bytes: a vector.
    #[must_use]
    pub const fn as_u128(&self) -> u128 {
        u128::from_le_bytes(self.0)
    }

    /// Returns a function reference.
    #[must_use]
    pub fn func(&self) -> *mut VmFuncRef {
        std::ptr::with_exposed_provenance_mut(self.low_u64() as usize)
    }
}

impl std::fmt::Debug for ValRaw {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "ValRaw({:#x})", self.as_u128())
    }
}

/// The state of one store that compiled code needs.
#[repr(C)]
#[derive(Debug)]
pub struct VmStore {
    /// Wasm functions may not let the stack pointer fall below this.
    pub stack_limit: usize,
    /// Start of the heap's reservation, or null as long as the store has none. It never changes
    /// afterwards.
    pub heap_base: *mut u8,
    /// Offset in the heap at which the next object is made inline.
    pub bump: u32,
    /// Offset at which the region for inline allocation ends. Equal to `bump` if allocation must go
    /// out of line.
    pub bump_end: u32,
    /// First object of the zero-count table of `drc`. The table is a list, which 0 ends.
    pub zero_count_table: RawGcRef,
    /// Objects in that table.
    pub zero_count_table_len: u32,
    /// The engine's supertype displays: row of
    /// [`DISPLAY_ROW_BYTES`](crate::limits::DISPLAY_ROW_BYTES) per type id.
    pub displays: *const u32,
    /// Function references by the number that stands for them in the collected heap. Entry 0 is
    /// null.
    pub funcrefs: *const *mut VmFuncRef,
    /// Entries of `funcrefs`.
    pub funcrefs_len: u32,
    /// Fuel left. Compiled code subtracts from it, and asks for more when it is negative.
    pub fuel: i64,
    /// The engine's epoch.
    pub epoch: *const u64,
    /// The epoch at which execution is interrupted.
    pub epoch_deadline: u64,
    /// Frame pointer of the newest wasm frame, written when wasm leaves for the host.
    pub exit_fp: usize,
    /// Return address into that frame.
    pub exit_pc: usize,
    /// Where traps and uncaught exceptions of the newest activation resume: the entry trampoline's
    /// handler.
    pub landing_pc: usize,
    /// Stack pointer there.
    pub landing_sp: usize,
    /// Frame pointer there. It also ends a walk over frames.
    pub landing_fp: usize,
    /// Where `resume` jumps to. The host fills in this field and the next three before it tells a
    /// stub to resume.
    pub resume_pc: usize,
    /// Stack pointer for `resume`.
    pub resume_sp: usize,
    /// Frame pointer for `resume`.
    pub resume_fp: usize,
    /// First payload for `resume`: the exception, if the target is a handler of wasm code.
    pub resume_payload: u64,
    /// The exception that is thrown, while it is outside of wasm frames. A root.
    pub pending_exception: RawGcRef,
    /// How many more calls may be nested. Compiled code counts if the engine says so.
    pub calls_left: u32,
    /// The host's store (`instance::store::StoreOpaque`).
    pub host: *mut c_void,
}

/// A function reference: what `ref.func` yields and tables of functions hold.
#[repr(C)]
#[derive(Debug)]
pub struct VmFuncRef {
    /// Entry in the `Tail` convention: `(vmctx, params.., [return area]) -> results`.
    pub code: *const u8,
    /// First argument for `code`: a `*mut VmContext`, or a `*mut VmHostFunc` for a function of the
    /// host.
    pub vmctx: *mut c_void,
    /// The function's own type.
    pub type_id: u32,
    /// Its position in `VmStore::funcrefs`, or 0 as long as it has none.
    pub heap_id: u32,
}

/// Context of a function of the host. The `code` that gets it is a trampoline for the signature.
#[repr(C)]
#[derive(Debug)]
pub struct VmHostFunc {
    /// The store.
    pub store: *mut VmStore,
    /// The host's function. It takes this record and a buffer of parameters, which it overwrites
    /// with the results. It returns 0 if it returned, and anything else if the trampoline must
    /// resume.
    pub call: unsafe extern "C" fn(*mut VmHostFunc, *mut ValRaw) -> u64,
    /// The host's own data.
    pub data: *mut c_void,
    /// The instance that imports the function, or null.
    pub caller: *mut VmContext,
}

/// An imported function, as a direct call needs it.
#[repr(C)]
#[derive(Debug)]
pub struct VmFuncImport {
    /// As in [`VmFuncRef`].
    pub code: *const u8,
    /// As in [`VmFuncRef`].
    pub vmctx: *mut c_void,
    /// The reference that `ref.func` yields for it. It is the exporter's and has the function's own
    /// type.
    pub funcref: *mut VmFuncRef,
}

/// A table: elements are [`RawGcRef`] (4 bytes) or `*mut VmFuncRef` (8 bytes).
#[repr(C)]
#[derive(Debug)]
pub struct VmTable {
    /// First element. Moves when the table grows.
    pub base: *mut u8,
    /// Elements.
    pub len: u64,
}

/// A linear memory.
#[repr(C)]
#[derive(Debug)]
pub struct VmMemory {
    /// First byte. Never moves when the reservation is at least 4 GiB.
    pub base: *mut u8,
    /// Bytes that can be accessed.
    pub len: u64,
}

/// A global's value, stored like in a [`ValRaw`].
#[repr(C, align(16))]
#[derive(Debug)]
pub struct VmGlobal {
    /// The value's bytes.
    pub bytes: [u8; 16],
}

/// The items of an element segment of GC references. A dropped segment has length 0.
#[repr(C)]
#[derive(Debug)]
pub struct VmSegment {
    /// First reference.
    pub base: *mut RawGcRef,
    /// References.
    pub len: u64,
}

/// Fixed part of an instance's context.
#[repr(C, align(16))]
#[derive(Debug)]
pub struct VmContext {
    /// [`VmContext::MAGIC`], looked at in assertions.
    pub magic: u64,
    /// The store's record.
    pub store: *mut VmStore,
    /// The host's instance (`instance::InstanceData`).
    pub host: *mut c_void,
    /// A copy of [`VmStore::heap_base`], which saves a load in each function that uses the heap.
    /// The heap's address space is reserved before an instance of a module that uses the heap is
    /// made.
    pub heap_base: *mut u8,
}

impl VmContext {
    /// "gcruvmctx", shortened.
    pub const MAGIC: u64 = u64::from_le_bytes(*b"gcruvmct");
}

/// Counts that fix the layout of an instance's context.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct VmShape {
    /// Imported functions.
    pub imported_funcs: u32,
    /// Tables, imported and defined.
    pub imported_tables: u32,
    /// Tables defined here.
    pub defined_tables: u32,
    /// Memories imported.
    pub imported_memories: u32,
    /// Memories defined here.
    pub defined_memories: u32,
    /// Globals imported.
    pub imported_globals: u32,
    /// Globals defined here.
    pub defined_globals: u32,
    /// Tags, imported and defined.
    pub tags: u32,
    /// Function references of functions defined here.
    pub escaped_funcs: u32,
    /// Element segments. The records of segments of functions stay empty.
    pub segments: u32,
}

/// Offsets of the variable part from the start of the context, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct VmOffsets {
    /// `[VmGlobal; defined_globals]`.
    pub globals: u32,
    /// `[*mut VmGlobal; imported_globals]`.
    pub imported_globals: u32,
    /// `[VmMemory; defined_memories]`.
    pub memories: u32,
    /// `[*mut VmMemory; imported_memories]`.
    pub imported_memories: u32,
    /// `[VmTable; defined_tables]`.
    pub tables: u32,
    /// `[*mut VmTable; imported_tables]`.
    pub imported_tables: u32,
    /// `[VmFuncImport; imported_funcs]`.
    pub imported_funcs: u32,
    /// `[VmFuncRef; escaped_funcs]`.
    pub funcrefs: u32,
    /// `[VmSegment; segments]`.
    pub segments: u32,
    /// `[u32; tags]`: each tag's identity in the store.
    pub tags: u32,
    /// Size of the whole context, a multiple of 16.
    pub size: u32,
}

impl VmOffsets {
    /// Returns the offsets for a module of that shape, or `None` if the context would exceed 2 GiB.
    #[must_use]
    pub fn new(shape: &VmShape) -> Option<VmOffsets> {
        let mut at = size_of::<VmContext>() as u64;
        let mut place = |count: u32, bytes: usize| {
            let here = at;
            at += u64::from(count) * bytes as u64;
            here
        };
        let globals = place(shape.defined_globals, size_of::<VmGlobal>());
        let imported_globals = place(shape.imported_globals, 8);
        let memories = place(shape.defined_memories, size_of::<VmMemory>());
        let imported_memories = place(shape.imported_memories, 8);
        let tables = place(shape.defined_tables, size_of::<VmTable>());
        let imported_tables = place(shape.imported_tables, 8);
        let imported_funcs = place(shape.imported_funcs, size_of::<VmFuncImport>());
        let funcrefs = place(shape.escaped_funcs, size_of::<VmFuncRef>());
        let segments = place(shape.segments, size_of::<VmSegment>());
        let tags = place(shape.tags, 4);
        let size = at.next_multiple_of(16);
        if size > i32::MAX as u64 {
            return None;
        }
        Some(VmOffsets {
            globals: globals as u32,
            imported_globals: imported_globals as u32,
            memories: memories as u32,
            imported_memories: imported_memories as u32,
            tables: tables as u32,
            imported_tables: imported_tables as u32,
            imported_funcs: imported_funcs as u32,
            funcrefs: funcrefs as u32,
            segments: segments as u32,
            tags: tags as u32,
            size: size as u32,
        })
    }
}

const _: () = {
    assert!(offset_of!(VmContext, store) == 8);
    assert!(size_of::<VmContext>() == 32);
    assert!(size_of::<VmFuncRef>() == 24);
    assert!(offset_of!(VmFuncRef, code) == 0);
    assert!(offset_of!(VmFuncRef, vmctx) == 8);
    assert!(offset_of!(VmFuncRef, type_id) == 16);
    assert!(size_of::<VmFuncImport>() == 24);
    assert!(offset_of!(VmStore, stack_limit) == 0);
    assert!(offset_of!(VmStore, heap_base) == 8);
    assert!(offset_of!(VmStore, bump) == 16);
    assert!(size_of::<ValRaw>() == 16);
};
