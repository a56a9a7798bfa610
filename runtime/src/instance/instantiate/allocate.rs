//! Allocating an instance: its context, its entities, and the records of what it imports.
//!
//! Specification: `allocmodule`.

use std::ptr::{self, NonNull};
use std::sync::Arc;

use crate::abi::vmctx::{VmFuncImport, VmFuncRef};
use crate::execute::Raised;
use crate::index::FuncIdx;
use crate::instance::code::CompiledModule;
use crate::instance::contents::{InstanceData, TagData};
use crate::instance::context::Context;
use crate::instance::global::GlobalData;
use crate::instance::link::Item;
use crate::instance::mapping::Record;
use crate::instance::memory::MemoryData;
use crate::instance::segment::Segment;
use crate::instance::store::StoreOpaque;
use crate::instance::table::TableData;
use crate::instance::{GlobalId, InstanceId, MemoryId, TableId, TagId};
use crate::module::{Items, Module};
use crate::planted::planted;
use crate::types::{HeapKind, TypeId};

impl StoreOpaque {
    /// `allocmodule`. Afterwards only the values of globals, tables and segments are missing.
    pub(super) fn allocate_instance(
        &mut self,
        compiled: &CompiledModule,
        imports: &[Item],
    ) -> Result<InstanceId, Raised> {
        let module = &compiled.module;
        let decls = module.decls();
        let id = InstanceId(self.contents.instances.len() as u32);
        let context = Context::new(module, self.vm(), id)?;
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
                    let record = host.for_caller(context.as_ptr())?;
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
}

/// The reference of a function of a living store with another type: a planted fault.
fn retyped(func: NonNull<VmFuncRef>, ty: TypeId) -> Result<Record, Raised> {
    let record = Record::new(size_of::<VmFuncRef>())?;
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
