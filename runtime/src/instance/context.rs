//! An instance's context: the record that its compiled code gets as its first argument.
//!
//! Invariant **X1**: a [`Context`] owns a record of `VmOffsets::size` bytes, which is laid out for
//! the shape of the instance's module. Every accessor returns the aligned address of an entry in
//! it.

use std::ptr::{self, NonNull};

use super::InstanceId;
use super::mapping::{NoMemory, Record};
use crate::abi::vmctx::{
    VmContext, VmFuncImport, VmFuncRef, VmGlobal, VmMemory, VmOffsets, VmSegment, VmShape, VmStore,
    VmTable,
};
use crate::module::Module;

/// An instance's context.
#[derive(Debug)]
pub struct Context {
    record: Record,
    shape: VmShape,
    offsets: VmOffsets,
}

macro_rules! entries {
    ($($(#[$doc:meta])* $name:ident: $ty:ty, $offset:ident, $count:ident;)*) => {
        $(
            $(#[$doc])*
            ///
            /// # Panics
            /// When there are fewer entries.
            #[must_use]
            pub fn $name(&self, at: u32) -> NonNull<$ty> {
                assert!(at < self.shape.$count, "no such entry");
                self.entry(self.offsets.$offset, at)
            }
        )*
    };
}

impl Context {
    /// Makes the context of an instance of `module`. Everything but the fixed part is zero.
    ///
    /// # Errors
    /// There is no memory.
    pub fn new(
        module: &Module,
        store: NonNull<VmStore>,
        id: InstanceId,
    ) -> Result<Context, NoMemory> {
        let context = Context {
            record: Record::new(module.offsets().size as usize)?,
            shape: *module.shape(),
            offsets: *module.offsets(),
        };
        // SAFETY: V1: the record of a living store.
        let heap_base = unsafe { (*store.as_ptr()).heap_base };
        let fixed = VmContext {
            magic: VmContext::MAGIC,
            store: store.as_ptr(),
            host: ptr::without_provenance_mut(id.at()),
            heap_base,
        };
        // SAFETY: X1: the fixed part stands first.
        unsafe { context.as_ptr().write(fixed) };
        Ok(context)
    }

    /// Returns the context as compiled code gets it.
    #[must_use]
    pub fn as_ptr(&self) -> NonNull<VmContext> {
        self.record.start().cast()
    }

    fn entry<T>(&self, offset: u32, at: u32) -> NonNull<T> {
        let at = offset as usize + at as usize * size_of::<T>();
        debug_assert!(at + size_of::<T>() <= self.offsets.size as usize);
        // SAFETY: X1.
        unsafe { self.record.start().add(at) }.cast()
    }

    entries! {
        /// A global defined here.
        global: VmGlobal, globals, defined_globals;
        /// Where an imported global is.
        imported_global: *mut VmGlobal, imported_globals, imported_globals;
        /// A memory defined here.
        memory: VmMemory, memories, defined_memories;
        /// Where an imported memory is.
        imported_memory: *mut VmMemory, imported_memories, imported_memories;
        /// A table defined here.
        table: VmTable, tables, defined_tables;
        /// Where an imported table is.
        imported_table: *mut VmTable, imported_tables, imported_tables;
        /// An imported function.
        imported_func: VmFuncImport, imported_funcs, imported_funcs;
        /// The reference of a function that escapes.
        funcref: VmFuncRef, funcrefs, escaped_funcs;
        /// An element segment of GC references.
        segment: VmSegment, segments, segments;
        /// A tag's identity.
        tag: u32, tags, tags;
    }

    /// Returns the position of a function reference among the escaped functions, if it lies in this
    /// context.
    #[must_use]
    pub fn funcref_position(&self, func: *mut VmFuncRef) -> Option<u32> {
        let start = self.record.start().as_ptr().addr() + self.offsets.funcrefs as usize;
        let at = func.addr().checked_sub(start)? / size_of::<VmFuncRef>();
        (at < self.shape.escaped_funcs as usize).then_some(at as u32)
    }
}

/// Returns the instance whose context this is.
///
/// # Safety
/// `context` is the context of an instance of a living store.
#[must_use]
pub unsafe fn instance_of(context: *const VmContext) -> InstanceId {
    // SAFETY: the caller's promise (V1).
    let host = unsafe { (*context).host };
    InstanceId(host.addr() as u32)
}
