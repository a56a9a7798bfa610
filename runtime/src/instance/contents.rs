//! Everything that a store owns except its heap, and the list of all roots.

use std::collections::BTreeMap;
use std::ptr::NonNull;
use std::sync::Arc;

use super::context::Context;
use super::global::GlobalData;
use super::handles::Handles;
use super::host_func::HostFuncData;
use super::mapping::Record;
use super::memory::MemoryData;
use super::segment::Segment;
use super::table::{Elements, TableData};
use super::{GlobalId, InstanceId, MemoryId, TableId, TagId};
use crate::abi::vmctx::{VmFuncRef, VmStore};
use crate::execute::{Execution, unwind};
use crate::heap::{RootKind, Roots};
use crate::index::{DataIdx, ElemIdx, FuncIdx};
use crate::module::Module;
use crate::planted::Planted;
use crate::types::TypeId;

/// An instance.
#[derive(Debug)]
pub struct InstanceData {
    /// Its module.
    pub module: Arc<Module>,
    /// Its context.
    pub context: Context,
    /// Tables, imports first.
    pub tables: Box<[TableId]>,
    /// Memories, imports first.
    pub memories: Box<[MemoryId]>,
    /// Globals, imports first.
    pub globals: Box<[GlobalId]>,
    /// Tags, imports first.
    pub tags: Box<[TagId]>,
    /// References of the imported functions.
    pub imported_funcs: Box<[NonNull<VmFuncRef>]>,
    /// Element segments.
    pub segments: Vec<Segment>,
    /// Which data segments were dropped.
    pub dropped_datas: Box<[bool]>,
    /// Records of the host's functions that it imports.
    pub records: Vec<Record>,
}

impl InstanceData {
    /// Returns the bytes of a data segment, or none if it was dropped.
    #[must_use]
    pub fn data(&self, data: DataIdx) -> &[u8] {
        if self.dropped_datas[data.as_usize()] {
            &[]
        } else {
            self.module.data(data)
        }
    }

    /// Returns the reference of a function that is imported or escapes.
    ///
    /// # Panics
    /// When the function does neither.
    #[must_use]
    pub fn func(&self, func: FuncIdx) -> NonNull<VmFuncRef> {
        match self.module.escape(func) {
            Some(escape) => self.context.funcref(escape.0),
            None => self.imported_funcs[func.as_usize()],
        }
    }
}

/// A tag of a store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TagData {
    /// Its function type.
    pub ty: TypeId,
}

/// What a store owns except its heap.
///
/// Invariants:
/// - **N1** Nothing is removed from the vectors of entities, so positions stay good and records
///   stay where they are (V1). There is one exception: if an instance cannot be allocated, what was
///   made for it is removed at once, before anyone knows its position.
/// - **N2** `vm` is the store's record, valid until the store is dropped.
#[derive(Debug)]
pub struct Contents {
    /// The record that compiled code uses.
    pub vm: NonNull<VmStore>,
    /// The state of running code.
    pub execution: Execution,
    /// Instances.
    pub instances: Vec<InstanceData>,
    /// Positions of instances by the address of their context.
    pub by_context: BTreeMap<usize, InstanceId>,
    /// Tables.
    pub tables: Vec<TableData>,
    /// Memories.
    pub memories: Vec<MemoryData>,
    /// Globals.
    pub globals: Vec<GlobalData>,
    /// Tags.
    pub tags: Vec<TagData>,
    /// Functions of the host.
    pub host_funcs: Vec<HostFuncData>,
    /// Positions in `host_funcs` by the address of the `HostFunc`.
    pub by_host: BTreeMap<usize, u32>,
    /// Positions in `host_funcs` by the address of the context in the function's reference.
    pub by_host_context: BTreeMap<usize, u32>,
    /// Functions by the number that stands for them in the collected heap. Entry 0 is null.
    /// `VmStore::funcrefs` describes this vector.
    pub numbered_funcs: Vec<*mut VmFuncRef>,
    /// The embedder's roots.
    pub handles: Handles,
    /// Roots for references that the host holds during one operation.
    pub temporaries: Vec<u32>,
    pub(super) planted: Planted,
}

// SAFETY: all pointers are to records that this value or the store around it owns; they are used
// only by whoever borrows the store.
unsafe impl Send for Contents {}

/// Who defines a function.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Definition {
    /// A function of a module, in an instance.
    Wasm(InstanceId, FuncIdx),
    /// A function of the host, by its position in [`Contents::host_funcs`].
    Host(u32),
}

impl Contents {
    /// Makes the contents of an empty store. `vm` is as N2 says.
    pub(super) fn new(vm: NonNull<VmStore>, execution: Execution, planted: Planted) -> Contents {
        Contents {
            vm,
            execution,
            instances: Vec::new(),
            by_context: BTreeMap::new(),
            tables: Vec::new(),
            memories: Vec::new(),
            globals: Vec::new(),
            tags: Vec::new(),
            host_funcs: Vec::new(),
            by_host: BTreeMap::new(),
            by_host_context: BTreeMap::new(),
            numbered_funcs: vec![std::ptr::null_mut()],
            handles: Handles::default(),
            temporaries: Vec::new(),
            planted,
        }
    }

    /// Returns an instance.
    ///
    /// # Panics
    /// When there is no such instance.
    #[must_use]
    pub fn instance(&self, id: InstanceId) -> &InstanceData {
        &self.instances[id.at()]
    }

    /// Returns an instance.
    ///
    /// # Panics
    /// When there is no such instance.
    pub fn instance_mut(&mut self, id: InstanceId) -> &mut InstanceData {
        &mut self.instances[id.at()]
    }

    /// Returns an instance's element segment.
    ///
    /// # Panics
    /// When there is no such instance or segment.
    #[must_use]
    pub fn segment(&self, instance: InstanceId, elem: ElemIdx) -> &Segment {
        &self.instance(instance).segments[elem.as_usize()]
    }

    /// Returns an instance's element segment.
    ///
    /// # Panics
    /// When there is no such instance or segment.
    pub(super) fn segment_mut(&mut self, instance: InstanceId, elem: ElemIdx) -> &mut Segment {
        &mut self.instance_mut(instance).segments[elem.as_usize()]
    }

    /// Returns a table to be written, and an element segment to be read.
    ///
    /// # Panics
    /// When one of them does not exist.
    pub(super) fn table_and_segment(
        &mut self,
        table: TableId,
        instance: InstanceId,
        elem: ElemIdx,
    ) -> (&mut TableData, &Segment) {
        let segment = &self.instances[instance.at()].segments[elem.as_usize()];
        (&mut self.tables[table.at()], segment)
    }

    /// Returns a memory to be written, and the bytes of a data segment to be read.
    ///
    /// # Panics
    /// When one of them does not exist.
    pub(super) fn memory_and_data(
        &mut self,
        memory: MemoryId,
        instance: InstanceId,
        data: DataIdx,
    ) -> (&mut MemoryData, &[u8]) {
        let bytes = self.instances[instance.at()].data(data);
        (&mut self.memories[memory.at()], bytes)
    }

    /// Returns a table to be written, and another one to be read.
    ///
    /// # Panics
    /// When they are the same, or one of them does not exist.
    pub(super) fn two_tables(
        &mut self,
        written: TableId,
        read: TableId,
    ) -> (&mut TableData, &TableData) {
        let both = self.tables.get_disjoint_mut([written.at(), read.at()]);
        let [written, read] = both.expect("two tables of this store");
        (written, read)
    }

    /// Returns the numbers of tables, memories, globals and tags.
    pub(super) fn counts(&self) -> [usize; 4] {
        [
            self.tables.len(),
            self.memories.len(),
            self.globals.len(),
            self.tags.len(),
        ]
    }

    /// Removes the tables, memories, globals and tags that were made since
    /// [`Contents::counts`] returned these numbers.
    pub(super) fn truncate(&mut self, [tables, memories, globals, tags]: [usize; 4]) {
        self.tables.truncate(tables);
        self.memories.truncate(memories);
        self.globals.truncate(globals);
        self.tags.truncate(tags);
    }

    /// Writes to the store's record where the numbered functions are.
    pub(super) fn publish_funcs(&mut self) {
        let funcrefs = self.numbered_funcs.as_ptr();
        let len = self.numbered_funcs.len() as u32;
        // SAFETY: N2; wasm does not use it while the host runs.
        let vm = unsafe { self.vm.as_mut() };
        vm.funcrefs = funcrefs;
        vm.funcrefs_len = len;
    }

    /// Returns who defines a function of this store.
    #[must_use]
    pub fn definition(&self, func: NonNull<VmFuncRef>) -> Option<Definition> {
        // SAFETY: V1: a function of this store.
        let vmctx = unsafe { (*func.as_ptr()).vmctx };
        if let Some(&id) = self.by_context.get(&vmctx.addr()) {
            let instance = &self.instances[id.at()];
            let at = instance.context.funcref_position(func.as_ptr())?;
            let func = *instance.module.decls().escaped.get(at as usize)?;
            return Some(Definition::Wasm(id, func));
        }
        let at = self.by_host_context.get(&vmctx.addr())?;
        Some(Definition::Host(*at))
    }
}

impl Roots for Contents {
    fn each_root(&mut self, visit: &mut dyn FnMut(RootKind, &mut u32)) {
        // Exhaustive on purpose: a new kind of root does not compile until it is visited here.
        let all = |kind: RootKind| match kind {
            RootKind::Global
            | RootKind::TableElement
            | RootKind::Segment
            | RootKind::HostHandle
            | RootKind::PendingException
            | RootKind::StackSlot
            | RootKind::Temporary => kind,
        };
        for global in &mut self.globals {
            if let Some(slot) = global.slot() {
                visit(all(RootKind::Global), slot);
            }
        }
        for table in &mut self.tables {
            if let Elements::Refs(slots) = &mut table.elements {
                for slot in slots {
                    visit(RootKind::TableElement, slot);
                }
            }
        }
        for instance in &mut self.instances {
            for segment in &mut instance.segments {
                if let Segment::Refs(slots) = segment {
                    for slot in slots {
                        visit(RootKind::Segment, slot);
                    }
                }
            }
        }
        self.handles
            .each_slot(&mut |slot| visit(RootKind::HostHandle, slot));
        for slot in &mut self.temporaries {
            visit(RootKind::Temporary, slot);
        }
        // SAFETY: N2; only one thread uses the store.
        let pending = unsafe { &mut (*self.vm.as_ptr()).pending_exception };
        visit(RootKind::PendingException, pending);
        // SAFETY: N2; nothing writes the record while frames are walked.
        let vm = unsafe { self.vm.as_ref() };
        // SAFETY: E3 to E5 hold whenever the host runs (`execute`), and every module whose code
        // runs is in the code map.
        unsafe {
            unwind::each_slot(
                vm,
                &self.execution.saved,
                &self.execution.code,
                self.planted,
                &mut |slot| visit(RootKind::StackSlot, slot),
            );
        }
    }
}
