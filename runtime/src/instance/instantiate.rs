//! Instantiation: a module and its imports to an instance, in the order of the specification.
//!
//! ```text
//! match       every import has a matching type; nothing is made yet
//! allocate    context, tables, memories, globals, tags, segments, functions
//! initialise  globals, tables, element segments: known values, then compiled code
//! run         active element segments, active data segments, start function
//! ```
//!
//! After allocation the instance belongs to the store, even if a later step ends badly: what it
//! wrote to imported tables stays. If initialisation ends badly (the heap is full), nobody has seen
//! the instance, and it releases every object.
//!
//! Specification: `instantiate`, `allocmodule`, `evalglobals`, `evalexprs`, `runelem`, `rundata`.

use std::ptr::{self, NonNull};
use std::sync::Arc;

use super::code::CompiledModule;
use super::contents::{InstanceData, TagData};
use super::context::Context;
use super::global::GlobalData;
use super::link::Item;
use super::mapping::{NoMemory, Record};
use super::memory::MemoryData;
use super::segment::Segment;
use super::store::StoreOpaque;
use super::table::TableData;
use super::{GlobalId, InstanceId, MemoryId, TableId, TagId};
use crate::abi::vmctx::{ValRaw, VmFuncImport, VmFuncRef, VmGlobal};
use crate::compile::init::{Constant, Initial, evaluate};
use crate::error::Exhausted;
use crate::execute::{Backtrace, Ended, Raised};
use crate::index::{DataIdx, ElemIdx, FuncIdx, GlobalIdx};
use crate::module::{ConstExpr, Items, Mode, Module};
use crate::planted::planted;
use crate::types::{HeapKind, TypeId, ValKind};

/// Why an instantiation ended early.
#[derive(Debug)]
pub enum InstantiateError {
    /// The import at this position is missing, or does not match.
    Link(usize),
    /// Initialisation, a segment or the start function ended early.
    Ended(Ended),
}

impl From<Raised> for InstantiateError {
    fn from(why: Raised) -> InstantiateError {
        InstantiateError::Ended(ended(why))
    }
}

impl From<Ended> for InstantiateError {
    fn from(ended: Ended) -> InstantiateError {
        InstantiateError::Ended(ended)
    }
}

fn no_memory(_: NoMemory) -> Raised {
    Raised::Exhausted(Exhausted::Memory)
}

impl StoreOpaque {
    /// Makes an instance of `module` with `imports`, which belong to this store, and runs its start
    /// function.
    ///
    /// # Errors
    /// [`InstantiateError`].
    ///
    /// # Panics
    /// With the payload of a panic in a host function inside.
    pub fn instantiate(
        &mut self,
        module: &CompiledModule,
        imports: &[Item],
    ) -> Result<InstanceId, InstantiateError> {
        self.usable()?;
        for (at, import) in module.module.decls().imports.iter().enumerate() {
            let item = imports.get(at);
            if !item.is_some_and(|item| self.matches(&module.module, import.entity, *item)) {
                return Err(InstantiateError::Link(at));
            }
        }
        self.allowed(&module.module)?;
        if module.module.decls().uses_heap {
            self.reserve_heap()?;
        }
        let before = self.contents.counts();
        let id = self.allocate_instance(module, imports);
        if id.is_err() {
            // Their records were in a context that is gone; nobody else has their numbers.
            self.contents.truncate(before);
        }
        let id = id?;
        let initialised = self.initialise(id, module);
        if let Err(ended) = initialised {
            if !planted!(self.planted(), FailedInstanceKeepsObjects) {
                self.abandon(id)?;
            }
            return Err(ended.into());
        }
        self.run_active(id, &module.module)?;
        if let Some(start) = module.module.decls().start {
            self.call_start(id, module, start)?;
        }
        Ok(id)
    }

    /// Asks the limiter for one more instance with the module's tables and memories.
    fn allowed(&mut self, module: &Module) -> Result<(), Raised> {
        let shape = *module.shape();
        let have = (
            self.contents.instances.len(),
            self.contents.tables.len() + shape.defined_tables as usize,
            self.contents.memories.len() + shape.defined_memories as usize,
        );
        let count = self
            .limit(|l| have.0 < l.instances() && have.1 <= l.tables() && have.2 <= l.memories());
        if !count {
            return Err(Raised::Exhausted(Exhausted::Count));
        }
        let decls = module.decls();
        for table in &decls.tables[decls.imported_tables as usize..] {
            if table.min > 0 && !self.limit(|l| l.table_growing(0, table.min, table.max)) {
                return Err(Raised::Exhausted(Exhausted::Table));
            }
        }
        let page = crate::limits::WASM_PAGE_BYTES;
        for memory in &decls.memories[decls.imported_memories as usize..] {
            let bytes = memory.min.saturating_mul(page);
            let max = memory.max.map(|pages| pages.saturating_mul(page));
            if bytes > 0 && !self.limit(|l| l.memory_growing(0, bytes, max)) {
                return Err(Raised::Exhausted(Exhausted::Memory));
            }
        }
        Ok(())
    }

    /// `allocmodule`. Afterwards only the values of globals, tables and segments are missing.
    fn allocate_instance(
        &mut self,
        compiled: &CompiledModule,
        imports: &[Item],
    ) -> Result<InstanceId, Raised> {
        let module = &compiled.module;
        let decls = module.decls();
        let id = InstanceId(self.contents.instances.len() as u32);
        let context = Context::new(module, self.vm(), id).map_err(no_memory)?;
        let imports = ImportedItems::new(imports);
        let tables = self.allocate_tables(module, &context, imports.tables)?;
        let memories = self.allocate_memories(module, &context, imports.memories)?;
        let globals = self.allocate_globals(module, &context, imports.globals);
        let tags = self.allocate_tags(module, &context, imports.tags);
        let records = self.import_funcs(module, &context, &imports.funcs)?;
        define_funcs(compiled, &context);
        let segments = (decls.elems.iter())
            .map(|elem| match &elem.items {
                Items::Exprs(items) if elem.element.is_collected() => {
                    Segment::Refs(vec![0; items.len()])
                }
                Items::Exprs(items) => Segment::Funcs(vec![ptr::null_mut(); items.len()]),
                Items::Funcs(items) => Segment::Funcs(vec![ptr::null_mut(); items.len()]),
            })
            .collect();
        self.contents
            .execution
            .code
            .insert(&compiled.image, &compiled.module);
        self.contents
            .by_context
            .insert(context.as_ptr().as_ptr().addr(), id);
        self.contents.instances.push(InstanceData {
            module: Arc::clone(module),
            context,
            tables,
            memories,
            globals,
            tags,
            imported_funcs: imports.funcs.into(),
            segments,
            dropped_datas: vec![false; decls.datas.len()].into(),
            records,
        });
        let data = &mut self.contents.instances[id.at()];
        for (at, segment) in data.segments.iter_mut().enumerate() {
            // SAFETY: the record of this segment in the living context.
            unsafe { segment.publish(data.context.segment(at as u32)) };
        }
        self.name_funcs(id);
        Ok(id)
    }

    fn allocate_tables(
        &mut self,
        module: &Module,
        context: &Context,
        mut tables: Vec<TableId>,
    ) -> Result<Box<[TableId]>, Raised> {
        for (at, id) in tables.iter().enumerate() {
            let vm = self.table(*id).vm().as_ptr();
            // SAFETY: an entry of the new context.
            unsafe { context.imported_table(at as u32).write(vm) };
        }
        let decls = module.decls();
        for (at, ty) in (0..).zip(&decls.tables[decls.imported_tables as usize..]) {
            // SAFETY: the context lives as long as the store, once the instance is in it; if it
            // does not come to that, the table's record is not used any more.
            let table = unsafe { TableData::new(*ty, context.table(at), None) }?;
            tables.push(TableId(self.contents.tables.len() as u32));
            self.contents.tables.push(table);
        }
        Ok(tables.into())
    }

    fn allocate_memories(
        &mut self,
        module: &Module,
        context: &Context,
        mut memories: Vec<MemoryId>,
    ) -> Result<Box<[MemoryId]>, Raised> {
        for (at, id) in memories.iter().enumerate() {
            let vm = self.memory(*id).vm().as_ptr();
            // SAFETY: an entry of the new context.
            unsafe { context.imported_memory(at as u32).write(vm) };
        }
        let decls = module.decls();
        let reservation = self.engine.config.memory_reservation;
        for (at, ty) in (0..).zip(&decls.memories[decls.imported_memories as usize..]) {
            let vm = Some(context.memory(at));
            // SAFETY: as for tables.
            let memory = unsafe { MemoryData::new(*ty, reservation, &self.engine.memories, vm) }?;
            memories.push(MemoryId(self.contents.memories.len() as u32));
            self.contents.memories.push(memory);
        }
        Ok(memories.into())
    }

    fn allocate_globals(
        &mut self,
        module: &Module,
        context: &Context,
        mut globals: Vec<GlobalId>,
    ) -> Box<[GlobalId]> {
        for (at, id) in globals.iter().enumerate() {
            let vm = self.global(*id).vm().as_ptr();
            // SAFETY: an entry of the new context.
            unsafe { context.imported_global(at as u32).write(vm) };
        }
        let decls = module.decls();
        for (at, ty) in (0..).zip(&decls.globals[decls.imported_globals as usize..]) {
            globals.push(GlobalId(self.contents.globals.len() as u32));
            // SAFETY: as for tables.
            let global = unsafe { GlobalData::defined(*ty, context.global(at)) };
            self.contents.globals.push(global);
        }
        globals.into()
    }

    fn allocate_tags(
        &mut self,
        module: &Module,
        context: &Context,
        mut tags: Vec<TagId>,
    ) -> Box<[TagId]> {
        let decls = module.decls();
        for ty in &decls.tags[decls.imported_tags as usize..] {
            if planted!(self.planted(), TagsComparedByType)
                && let Some(same) = self.tag_of_type(decls.types[ty.as_usize()])
            {
                tags.push(same);
                continue;
            }
            tags.push(TagId(self.contents.tags.len() as u32));
            self.contents.tags.push(TagData {
                ty: decls.types[ty.as_usize()],
            });
        }
        for (at, id) in tags.iter().enumerate() {
            // SAFETY: an entry of the new context.
            unsafe { context.tag(at as u32).write(id.0) };
        }
        tags.into()
    }

    /// The first tag of a type: a planted fault.
    fn tag_of_type(&self, ty: TypeId) -> Option<TagId> {
        let at = self.contents.tags.iter().position(|tag| tag.ty == ty)?;
        Some(TagId(at as u32))
    }

    /// Fills in the imported functions. Each function of the host gets a record that names the
    /// importing instance.
    fn import_funcs(
        &mut self,
        module: &Module,
        context: &Context,
        funcs: &[NonNull<VmFuncRef>],
    ) -> Result<Vec<Record>, Raised> {
        let mut records = Vec::new();
        for (at, func) in funcs.iter().enumerate() {
            let mut func = *func;
            if planted!(self.planted(), ImportTypeWins) {
                let record = retyped(func, module.func_type(FuncIdx(at as u32)))?;
                func = record.start().cast();
                records.push(record);
            }
            // SAFETY: V1: a function of this store.
            let VmFuncRef { code, vmctx, .. } = unsafe { func.read() };
            let host = self.contents.by_host_context.get(&vmctx.addr());
            let host = host.map(|at| &self.contents.host_funcs[*at as usize]);
            let vmctx = match host {
                Some(host) => {
                    let record = host
                        .for_caller(self.vm(), context.as_ptr())
                        .map_err(no_memory)?;
                    let vmctx = record.start().as_ptr().cast();
                    records.push(record);
                    vmctx
                }
                None => vmctx,
            };
            let import = VmFuncImport {
                code,
                vmctx,
                funcref: func.as_ptr(),
            };
            // SAFETY: an entry of the new context.
            unsafe { context.imported_func(at as u32).write(import) };
        }
        Ok(records)
    }

    /// Fills in the segments whose items are indices of functions.
    fn name_funcs(&mut self, id: InstanceId) {
        let not_null = planted!(self.planted(), NullItemIsNotNull);
        let data = &mut self.contents.instances[id.at()];
        let module = Arc::clone(&data.module);
        for (at, elem) in module.decls().elems.iter().enumerate() {
            let Items::Funcs(items) = &elem.items else {
                continue;
            };
            let null = if not_null && elem.element.heap == HeapKind::Func {
                module.decls().escaped.first().copied()
            } else {
                None
            };
            let named = items
                .iter()
                .map(|item| item.or(null))
                .map(|item| item.map_or(ptr::null_mut(), |func| data.func(func).as_ptr()))
                .collect();
            data.segments[at] = Segment::Funcs(named);
        }
    }

    /// `runelem` and `rundata`.
    fn run_active(&mut self, id: InstanceId, module: &Module) -> Result<(), Raised> {
        for (at, elem) in module.decls().elems.iter().enumerate() {
            let segment = ElemIdx(at as u32);
            match &elem.mode {
                Mode::Passive => {}
                Mode::Declared => self.elem_drop(id, segment)?,
                Mode::Active(table, offset) => {
                    let offset = self.offset(id, offset);
                    let table = self.contents.instances[id.at()].tables[table.as_usize()];
                    let len = self.segment(id, segment).len() as u32;
                    self.table_init((id, segment), table, offset, 0, len)?;
                    self.elem_drop(id, segment)?;
                }
            }
        }
        for (at, data) in module.decls().datas.iter().enumerate() {
            let segment = DataIdx(at as u32);
            if let Mode::Active(memory, offset) = &data.mode {
                let offset = self.offset(id, offset);
                let memory = self.contents.instances[id.at()].memories[memory.as_usize()];
                let len = self.data(id, segment).len() as u32;
                self.memory_init((id, segment), memory, offset, 0, len)?;
                self.data_drop(id, segment);
            }
        }
        Ok(())
    }

    /// Returns the value of a segment's offset, which is a constant expression of type i32 or i64,
    /// zero-extended.
    fn offset(&self, id: InstanceId, expr: &ConstExpr) -> u64 {
        let globals = &self.contents.instances[id.at()].globals;
        let number = |index: GlobalIdx| {
            let global = self.global(globals[index.as_usize()]);
            let bits = match global.ty().content {
                ValKind::I32 => u128::from(global.get().low_u32()),
                ValKind::I64 => u128::from(global.get().low_u64()),
                _ => return None,
            };
            Some(Constant::Bits(bits))
        };
        match evaluate(expr, &number) {
            Some(Constant::Bits(bits)) => bits as u64,
            _ => unreachable!("validated: an offset is a number"),
        }
    }

    fn call_start(
        &mut self,
        id: InstanceId,
        compiled: &CompiledModule,
        start: FuncIdx,
    ) -> Result<(), Ended> {
        let module = &compiled.module;
        let data = &self.contents.instances[id.at()];
        if let Some(defined) = module.defined(start) {
            let context = data.context.as_ptr().as_ptr();
            return self.invoke_nullary(compiled.image.func(defined), context.cast());
        }
        // An imported one is called through the instance's import, so that the host knows who
        // calls. SAFETY: an entry of a living context.
        let import = unsafe { data.context.imported_func(start.0).read() };
        self.invoke_nullary(import.code, import.vmctx)
    }
}

/// The reference of a function of a living store with another type: a planted fault.
fn retyped(func: NonNull<VmFuncRef>, ty: TypeId) -> Result<Record, Raised> {
    let record = Record::new(size_of::<VmFuncRef>()).map_err(no_memory)?;
    // SAFETY: V1: a function of the store.
    let mut copy = unsafe { func.read() };
    copy.type_id = ty.0;
    copy.heap_id = 0;
    // SAFETY: the record is new, and large enough.
    unsafe { record.start().cast().write(copy) };
    Ok(record)
}

/// Fills in the references of the functions that escape.
fn define_funcs(compiled: &CompiledModule, context: &Context) {
    let module = &compiled.module;
    for (at, func) in (0..).zip(&module.decls().escaped) {
        let Some(defined) = module.defined(*func) else {
            unreachable!("only defined functions are in the list");
        };
        let funcref = VmFuncRef {
            code: compiled.image.func(defined),
            vmctx: context.as_ptr().as_ptr().cast(),
            type_id: module.func_type(*func).0,
            heap_id: 0,
        };
        // SAFETY: an entry of the new context.
        unsafe { context.funcref(at).write(funcref) };
    }
}

impl InstanceData {
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

/// Imports, by kind, in order.
#[derive(Default)]
struct ImportedItems {
    funcs: Vec<NonNull<VmFuncRef>>,
    tables: Vec<TableId>,
    memories: Vec<MemoryId>,
    globals: Vec<GlobalId>,
    tags: Vec<TagId>,
}

impl ImportedItems {
    fn new(items: &[Item]) -> ImportedItems {
        let mut sorted = ImportedItems::default();
        for item in items {
            match *item {
                Item::Func(func) => sorted.funcs.push(func),
                Item::Table(id) => sorted.tables.push(id),
                Item::Memory(id) => sorted.memories.push(id),
                Item::Global(id) => sorted.globals.push(id),
                Item::Tag(id) => sorted.tags.push(id),
            }
        }
        sorted
    }
}

/// The first values of globals, tables and segments.
impl StoreOpaque {
    /// `evalglobals` and `evalexprs`. Sets the known values, then runs the compiled pieces in
    /// order.
    fn initialise(&mut self, id: InstanceId, compiled: &CompiledModule) -> Result<(), Ended> {
        self.known_globals(id, compiled);
        self.known_items(id, compiled).map_err(ended)?;
        for code in compiled.image.inits() {
            let context = self.contents.instances[id.at()].context.as_ptr();
            let context = context.as_ptr().cast();
            planted!(self.planted(), ConstEvalCannotCollect => {
                self.without_collections(|store| store.invoke_nullary(code, context))?;
                continue;
            });
            self.invoke_nullary(code, context)?;
        }
        Ok(())
    }

    /// Releases everything that an instance holds whose initialisation ended early.
    fn abandon(&mut self, id: InstanceId) -> Result<(), Raised> {
        let data = &self.contents.instances[id.at()];
        let decls = data.module.decls();
        let (imported_globals, imported_tables) = (decls.imported_globals, decls.imported_tables);
        let segments = decls.elems.len() as u32;
        let globals = data.globals[imported_globals as usize..].to_vec();
        let tables = data.tables[imported_tables as usize..].to_vec();
        for segment in 0..segments {
            self.elem_drop(id, ElemIdx(segment))?;
        }
        for table in tables {
            if self.table(table).declared().element.is_collected() {
                self.init_table_ref(table, 0)?;
            }
        }
        for global in globals {
            if let Some(slot) = self.contents.globals[global.at()].slot() {
                self.heap.write_root(slot, None)?;
            }
        }
        Ok(())
    }

    fn known_globals(&mut self, id: InstanceId, compiled: &CompiledModule) {
        let data = &self.contents.instances[id.at()];
        let imported = compiled.module.decls().imported_globals;
        let image = &compiled.first_values.globals;
        for (at, bytes) in (0..).zip(image.as_chunks::<16>().0) {
            // References among them are null or i31: nothing to count.
            // SAFETY: an entry of the new context, which nobody else uses yet.
            unsafe { data.context.global(at).write(VmGlobal { bytes: *bytes }) };
        }
        for (global, func) in &compiled.first_values.global_funcs {
            let bytes = ValRaw::from_func(data.func(*func).as_ptr()).0;
            // SAFETY: as above.
            unsafe {
                data.context
                    .global(global.0 - imported)
                    .write(VmGlobal { bytes })
            };
        }
    }

    fn known_items(&mut self, id: InstanceId, compiled: &CompiledModule) -> Result<(), Raised> {
        let imported = compiled.module.decls().imported_tables as usize;
        for (at, initial) in compiled.first_values.tables.iter().enumerate() {
            let data = &self.contents.instances[id.at()];
            let table = data.tables[imported + at];
            match initial {
                Initial::Constant(Constant::Ref(raw)) if *raw != 0 => {
                    self.init_table_ref(table, *raw)?;
                }
                Initial::Constant(Constant::Func(Some(func))) => {
                    let func = data.func(*func).as_ptr();
                    self.init_table_func(table, func);
                }
                Initial::Constant(_) | Initial::Code => {}
            }
        }
        for (at, items) in compiled.first_values.segments.iter().enumerate() {
            let elem = ElemIdx(at as u32);
            for (item, initial) in (0..).zip(items) {
                match initial {
                    Initial::Constant(Constant::Ref(_))
                        if planted!(self.planted(), I31ItemLost) => {}
                    Initial::Constant(Constant::Ref(raw)) if *raw != 0 => {
                        self.init_segment_ref(id, elem, item, *raw)?;
                    }
                    Initial::Constant(Constant::Func(Some(func))) => {
                        let func = self.contents.instances[id.at()].func(*func).as_ptr();
                        self.init_segment_func(id, elem, item, func);
                    }
                    Initial::Constant(_) | Initial::Code => {}
                }
            }
        }
        Ok(())
    }
}

fn ended(why: Raised) -> Ended {
    Ended {
        why,
        backtrace: Backtrace::default(),
    }
}
