//! The store and its instances.
//!
//! Instances are found by address in the store, or by index through a module instance. A missing
//! one is [`Stuck`]: valid code cannot name it.
//!
//! Not here: objects (`heap`), the stack (`machine`), who may change what (`instructions`,
//! `embedding`).

use std::collections::BTreeMap;
use std::fmt;
use std::rc::Rc;

use crate::rules::Coverage;
use crate::syntax::{
    DataIdx, DefTypeId, ElemIdx, FuncIdx, GlobalIdx, GlobalType, MemIdx, MemType, TableIdx,
    TableType, TagIdx, TypeIdx, TypeStore,
};
use crate::validation::ValidModule;

use super::halt::{Halt, OrStuck, Stuck};
use super::heap::Heap;
use super::layout::Layout;
use super::limits::StoreLimits;
use super::machine::{Machine, Stack, Thread};
use super::values::{
    DataAddr, ElemAddr, ExnAddr, FuncAddr, GlobalAddr, HandleId, InstanceAddr, MemAddr, Ref,
    TableAddr, TagAddr, Value,
};

/// `$Ki` squared times 64: bytes of a page.
pub const PAGE_BYTES: u64 = 65_536;

/// `externaddr`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Extern {
    /// A function.
    Func(FuncAddr),
    /// A table.
    Table(TableAddr),
    /// A memory.
    Mem(MemAddr),
    /// A global.
    Global(GlobalAddr),
    /// A tag.
    Tag(TagAddr),
}

/// `moduleinst`. Index spaces list imports first.
#[derive(Clone, Debug)]
pub struct ModuleInst {
    pub(crate) module: Rc<ValidModule>,
    pub(crate) types: Vec<DefTypeId>,
    pub(crate) tags: Vec<TagAddr>,
    pub(crate) globals: Vec<GlobalAddr>,
    pub(crate) mems: Vec<MemAddr>,
    pub(crate) tables: Vec<TableAddr>,
    pub(crate) funcs: Vec<FuncAddr>,
    pub(crate) datas: Vec<DataAddr>,
    pub(crate) elems: Vec<ElemAddr>,
    /// In the order of the module's exports, which has the names.
    pub(crate) exports: Vec<Extern>,
}

impl ModuleInst {
    /// Returns the module this is an instance of.
    #[must_use]
    pub fn module(&self) -> &Rc<ValidModule> {
        &self.module
    }

    /// Defined types, by type index.
    #[must_use]
    pub fn types(&self) -> &[DefTypeId] {
        &self.types
    }

    /// Tags, by tag index.
    #[must_use]
    pub fn tags(&self) -> &[TagAddr] {
        &self.tags
    }

    /// Globals, by global index.
    #[must_use]
    pub fn globals(&self) -> &[GlobalAddr] {
        &self.globals
    }

    /// Memories, by memory index.
    #[must_use]
    pub fn mems(&self) -> &[MemAddr] {
        &self.mems
    }

    /// Tables, by table index.
    #[must_use]
    pub fn tables(&self) -> &[TableAddr] {
        &self.tables
    }

    /// Functions, by function index.
    #[must_use]
    pub fn funcs(&self) -> &[FuncAddr] {
        &self.funcs
    }

    /// Returns the names and addresses of the exports, in the module's order. Empty until
    /// instantiation has allocated the instance.
    pub fn exports(&self) -> impl Iterator<Item = (&str, Extern)> {
        let names = self.module.module().exports.iter();
        names
            .map(|e| e.name.as_str())
            .zip(self.exports.iter().copied())
    }
}

/// A host function: it may use the store freely, and call back into it.
pub(crate) type HostFunc = Rc<dyn Fn(&mut Store, &[Value]) -> Result<Vec<Value>, Halt>>;

/// `funccode`.
#[derive(Clone)]
pub(crate) enum FuncCode {
    Wasm {
        instance: InstanceAddr,
        /// The function, counted without imports.
        code: u32,
    },
    Host(HostFunc),
}

/// `funcinst`.
#[derive(Clone)]
pub(crate) struct FuncInst {
    pub(crate) ty: DefTypeId,
    /// Number of parameters.
    pub(crate) params: u32,
    /// Number of results.
    pub(crate) results: u32,
    pub(crate) code: FuncCode,
}

impl fmt::Debug for FuncInst {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.code {
            FuncCode::Wasm { instance, code } => write!(f, "function {code} of {instance:?}"),
            FuncCode::Host(_) => write!(f, "host function of {:?}", self.ty),
        }
    }
}

/// `taginst`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct TagInst {
    pub(crate) ty: DefTypeId,
}

/// `globalinst`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct GlobalInst {
    pub(crate) ty: GlobalType,
    pub(crate) value: Value,
}

/// `meminst`.
#[derive(Clone, Debug)]
pub(crate) struct MemInst {
    pub(crate) ty: MemType,
    pub(crate) bytes: Vec<u8>,
}

/// `tableinst`.
#[derive(Clone, Debug)]
pub(crate) struct TableInst {
    pub(crate) ty: TableType,
    pub(crate) refs: Vec<Ref>,
}

/// `datainst`.
#[derive(Clone, Debug)]
pub(crate) struct DataInst {
    pub(crate) bytes: Vec<u8>,
}

/// `eleminst`, without its type, which no rule reads.
#[derive(Clone, Debug)]
pub(crate) struct ElemInst {
    pub(crate) refs: Vec<Ref>,
}

/// `store`, with everything else an embedder needs beside it: types, limits, handles, the stack.
///
/// Nothing in a store is freed before the store is dropped. Its state is a function of the calls
/// made on it.
pub struct Store {
    pub(crate) types: TypeStore,
    /// By [`DefTypeId`], as many as `types` has.
    pub(crate) layouts: Vec<Layout>,
    pub(crate) tags: Vec<TagInst>,
    pub(crate) globals: Vec<GlobalInst>,
    pub(crate) mems: Vec<MemInst>,
    pub(crate) tables: Vec<TableInst>,
    pub(crate) funcs: Vec<FuncInst>,
    pub(crate) datas: Vec<DataInst>,
    pub(crate) elems: Vec<ElemInst>,
    pub(crate) heap: Heap,
    pub(crate) instances: Vec<ModuleInst>,
    /// Numbers of the host objects made by the store.
    pub(crate) hosts: Vec<u32>,
    pub(crate) handles: BTreeMap<HandleId, Ref>,
    pub(crate) handles_made: u32,
    /// An exception the embedder has declared to be pending.
    pub(crate) pending: Option<ExnAddr>,
    pub(crate) limits: StoreLimits,
    /// Bytes of all memories.
    pub(crate) memory_bytes: u64,
    /// Elements of all tables.
    pub(crate) table_elements: u64,
    /// Taken out while wasm code runs, and put back while a host function does.
    pub(crate) thread: Option<Box<Thread>>,
}

impl fmt::Debug for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Store")
            .field("instances", &self.instances.len())
            .field("structs", &self.heap.structs().len())
            .field("arrays", &self.heap.arrays().len())
            .field("exceptions", &self.heap.exceptions().len())
            .finish_non_exhaustive()
    }
}

/// Where the thread is when the embedder can see the store.
const HOME: &str = "the thread is in the store whenever the embedder is";

impl Store {
    /// Makes an empty store.
    #[must_use]
    pub fn new(limits: StoreLimits) -> Store {
        Store {
            types: TypeStore::new(),
            layouts: Vec::new(),
            tags: Vec::new(),
            globals: Vec::new(),
            mems: Vec::new(),
            tables: Vec::new(),
            funcs: Vec::new(),
            datas: Vec::new(),
            elems: Vec::new(),
            heap: Heap::new(limits.heap_words, limits.full_at),
            instances: Vec::new(),
            hosts: Vec::new(),
            handles: BTreeMap::new(),
            handles_made: 0,
            pending: None,
            limits,
            memory_bytes: 0,
            table_elements: 0,
            thread: Some(Box::new(Thread::new(&limits))),
        }
    }

    /// The thread, outside of wasm code.
    fn thread(&self) -> &Thread {
        let thread = self.thread.as_deref();
        thread.expect(HOME)
    }

    /// Returns the thread, outside of wasm code.
    pub(crate) fn thread_mut(&mut self) -> &mut Thread {
        let thread = self.thread.as_deref_mut();
        thread.expect(HOME)
    }

    /// Takes the thread out of the store, to run wasm code on it.
    pub(crate) fn take_thread(&mut self) -> Box<Thread> {
        self.thread.take().expect(HOME)
    }

    /// Runs `f` on the store and the stack side by side, as rules take them.
    pub(crate) fn with_machine<T>(&mut self, f: impl FnOnce(&mut Store, &mut Machine) -> T) -> T {
        let mut thread = self.take_thread();
        let result = thread.operate(|m| f(self, m));
        self.thread = Some(thread);
        result
    }

    /// Returns the stack, outside of wasm code.
    pub(crate) fn stack(&self) -> &Stack {
        &self.thread().stack
    }

    /// Returns the stack, outside of wasm code.
    pub(crate) fn stack_mut(&mut self) -> &mut Stack {
        &mut self.thread_mut().stack
    }

    /// Rules reached so far, with the pairs they formed.
    #[must_use]
    pub fn coverage(&self) -> &Coverage {
        &self.thread().coverage
    }

    /// As [`Store::coverage`], to clear it or take it away.
    pub fn coverage_mut(&mut self) -> &mut Coverage {
        &mut self.thread_mut().coverage
    }

    /// `$moduleinst(z)`.
    #[inline]
    pub(crate) fn module_inst(&self, a: InstanceAddr) -> Result<&ModuleInst, Halt> {
        self.instances.get(a.index()).or_stuck(Stuck::Address)
    }

    /// `$funcinst(z)[a]`.
    #[inline]
    pub(crate) fn func(&self, a: FuncAddr) -> Result<&FuncInst, Halt> {
        self.funcs.get(a.index()).or_stuck(Stuck::Address)
    }

    /// Returns the layout of objects of a type.
    #[inline]
    pub(crate) fn layout(&self, ty: DefTypeId) -> Result<&Layout, Halt> {
        self.layouts.get(ty.0 as usize).or_stuck(Stuck::Index)
    }
}

/// `$type(z, x)`, `$global(z, x)` and so on: what an index means in an instance. Each gives what is
/// there, and, with `_mut`, the place to change.
macro_rules! lookups {
    ($(
        $(#[$doc:meta])*
        $get:ident, $get_mut:ident, $addr:ident: $Idx:ident -> $Addr:ident, $space:ident, $Inst:ident;
    )*) => {
        impl ModuleInst {$(
            $(#[$doc])*
            #[inline]
            pub(crate) fn $addr(&self, x: $Idx) -> Result<$Addr, Halt> {
                self.$space.get(x.index()).copied().or_stuck(Stuck::Index)
            }
        )*}

        impl Store {$(
            $(#[$doc])*
            #[inline]
            pub(crate) fn $get(&self, instance: InstanceAddr, x: $Idx) -> Result<&$Inst, Halt> {
                let a = self.module_inst(instance)?.$addr(x)?;
                self.$space.get(a.index()).or_stuck(Stuck::Address)
            }

            $(#[$doc])*
            #[inline]
            pub(crate) fn $get_mut(
                &mut self,
                instance: InstanceAddr,
                x: $Idx,
            ) -> Result<&mut $Inst, Halt> {
                let a = self.module_inst(instance)?.$addr(x)?;
                self.$space.get_mut(a.index()).or_stuck(Stuck::Address)
            }
        )*}
    };
}

lookups! {
    /// `$global(z, x)`.
    global, global_mut, global_addr: GlobalIdx -> GlobalAddr, globals, GlobalInst;
    /// `$table(z, x)`.
    table, table_mut, table_addr: TableIdx -> TableAddr, tables, TableInst;
    /// `$mem(z, x)`.
    mem, mem_mut, mem_addr: MemIdx -> MemAddr, mems, MemInst;
    /// `$elem(z, x)`.
    elem, elem_mut, elem_addr: ElemIdx -> ElemAddr, elems, ElemInst;
    /// `$data(z, x)`.
    data, data_mut, data_addr: DataIdx -> DataAddr, datas, DataInst;
}

impl ModuleInst {
    /// `$type(z, x)`.
    #[inline]
    pub(crate) fn type_at(&self, x: TypeIdx) -> Result<DefTypeId, Halt> {
        self.types.get(x.index()).copied().or_stuck(Stuck::Index)
    }

    /// `$moduleinst(z).FUNCS[x]`.
    #[inline]
    pub(crate) fn func_addr(&self, x: FuncIdx) -> Result<FuncAddr, Halt> {
        self.funcs.get(x.index()).copied().or_stuck(Stuck::Index)
    }

    /// `$tagaddr(z)[x]`.
    pub(crate) fn tag_addr(&self, x: TagIdx) -> Result<TagAddr, Halt> {
        self.tags.get(x.index()).copied().or_stuck(Stuck::Index)
    }
}

impl Store {
    /// Returns the layout of the type an index means in an instance, and that type.
    #[inline]
    pub(crate) fn type_layout(
        &self,
        instance: InstanceAddr,
        x: TypeIdx,
    ) -> Result<(DefTypeId, &Layout), Halt> {
        let ty = self.module_inst(instance)?.type_at(x)?;
        Ok((ty, self.layout(ty)?))
    }

    /// Makes layouts for types that have been defined since the last time.
    pub(crate) fn lay_out_types(&mut self) {
        for id in self.layouts.len()..self.types.len() {
            let composite = self.types.expand(DefTypeId(id as u32));
            self.layouts.push(Layout::of(composite));
        }
    }
}
