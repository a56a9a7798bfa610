//! Module -> bytes. The only place that knows indices and label depths.
//!
//! Comes in: a module of a program and the program's universe. Goes out: a binary module. What
//! always holds: functions mentioned by `ref.func` in a body are declared (an extra declarative
//! segment is added when nothing else does), function types of blocks are added behind the module's
//! own types, imports are put first, in their order.

use std::collections::{BTreeMap, BTreeSet};

use wasm_encoder as enc;
use wasm_encoder::{BlockType, Encode, Instruction};

use super::ops::{
    Catch, DataId, ElemId, Expr, FuncId, GlobalId, LabelId, MemId, Op, Sign, TableId, TagId, To,
};
use super::types::{Composite, Field, Heap, RefTy, Sig, Storage, Ty, TypeId, Universe};
use super::{Import, Mode, Module};

/// Something an instruction names, which is not there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Dangling {
    /// A type of no group the module lists.
    #[error("type {0:?} is not declared by the module")]
    Type(TypeId),
    /// A function.
    #[error("no function {0:?}")]
    Func(FuncId),
    /// A table.
    #[error("no table {0:?}")]
    Table(TableId),
    /// A memory.
    #[error("no memory {0:?}")]
    Mem(MemId),
    /// A global.
    #[error("no global {0:?}")]
    Global(GlobalId),
    /// A tag.
    #[error("no tag {0:?}")]
    Tag(TagId),
    /// An element segment.
    #[error("no element segment {0:?}")]
    Elem(ElemId),
    /// A data segment.
    #[error("no data segment {0:?}")]
    Data(DataId),
    /// A label that does not enclose the instruction.
    #[error("no label {0:?}")]
    Label(LabelId),
    /// An item that is neither imported nor has an initial value.
    #[error("global {0:?} has no initial value")]
    NoValue(GlobalId),
    /// An instruction that `encode` has no arm for.
    #[error("an instruction without an encoding")]
    NoEncoding,
}

/// Encodes one module.
///
/// # Errors
/// The first thing named that is not there. Never for a program as generated.
pub fn encode_module(types: &Universe, module: &Module) -> Result<Vec<u8>, Dangling> {
    let mut cx = Context::new(types, module)?;
    let mut code = enc::CodeSection::new();
    for func in module.funcs.iter().filter(|f| f.import.is_none()) {
        code.function(&cx.function(func)?);
    }
    let imports = cx.imports()?;
    let functions = cx.functions()?;
    let tables = cx.tables()?;
    let mut memories = enc::MemorySection::new();
    for mem in module.mems.iter().filter(|m| m.import.is_none()) {
        memories.memory(memory_type(mem));
    }
    let mut tags = enc::TagSection::new();
    for tag in module.tags.iter().filter(|t| t.import.is_none()) {
        tags.tag(cx.tag_type(tag.ty)?);
    }
    let globals = cx.globals()?;
    let exports = cx.exports()?;
    let elements = cx.elements()?;
    let mut out = enc::Module::new();
    out.section(&cx.type_section()?);
    if !imports.is_empty() {
        out.section(&imports);
    }
    if !functions.is_empty() {
        out.section(&functions);
    }
    if !tables.is_empty() {
        out.section(&tables);
    }
    if !memories.is_empty() {
        out.section(&memories);
    }
    if !tags.is_empty() {
        out.section(&tags);
    }
    if !globals.is_empty() {
        out.section(&globals);
    }
    if !exports.is_empty() {
        out.section(&exports);
    }
    if let Some(id) = module.start {
        out.section(&enc::StartSection {
            function_index: cx.func(id)?,
        });
    }
    if !elements.is_empty() {
        out.section(&elements);
    }
    if !module.datas.is_empty() {
        out.section(&enc::DataCountSection {
            count: module.datas.len() as u32,
        });
    }
    if !code.is_empty() {
        out.section(&code);
    }
    if !module.datas.is_empty() {
        out.section(&cx.datas()?);
    }
    Ok(out.finish())
}

/// Index spaces of the module being encoded.
struct Context<'a> {
    types: &'a Universe,
    module: &'a Module,
    type_index: BTreeMap<TypeId, u32>,
    type_count: u32,
    /// Function types of blocks, behind the module's own types.
    block_sigs: Vec<Sig>,
    funcs: BTreeMap<FuncId, u32>,
    tables: BTreeMap<TableId, u32>,
    mems: BTreeMap<MemId, u32>,
    globals: BTreeMap<GlobalId, u32>,
    tags: BTreeMap<TagId, u32>,
    elems: BTreeMap<ElemId, u32>,
    datas: BTreeMap<DataId, u32>,
}

/// Imported items first, then the others, each in the given order.
fn space<Id: Ord + Copy>(items: impl Iterator<Item = (Id, bool)> + Clone) -> BTreeMap<Id, u32> {
    let imported = items.clone().filter(|&(_, i)| i);
    let defined = items.filter(|&(_, i)| !i);
    imported.chain(defined).map(|(id, _)| id).zip(0..).collect()
}

fn memory_type(mem: &super::Memory) -> enc::MemoryType {
    enc::MemoryType {
        minimum: mem.min,
        maximum: mem.max,
        memory64: mem.is64,
        shared: false,
        page_size_log2: None,
    }
}

impl<'a> Context<'a> {
    fn new(types: &'a Universe, module: &'a Module) -> Result<Context<'a>, Dangling> {
        let mut type_index = BTreeMap::new();
        for &group in &module.groups {
            for &id in &types.groups[group] {
                let next = type_index.len() as u32;
                type_index.insert(id, next);
            }
        }
        Ok(Context {
            types,
            module,
            type_count: type_index.len() as u32,
            type_index,
            block_sigs: Vec::new(),
            funcs: space(module.funcs.iter().map(|x| (x.id, x.import.is_some()))),
            tables: space(module.tables.iter().map(|x| (x.id, x.import.is_some()))),
            mems: space(module.mems.iter().map(|x| (x.id, x.import.is_some()))),
            globals: space(module.globals.iter().map(|x| (x.id, x.import.is_some()))),
            tags: space(module.tags.iter().map(|x| (x.id, x.import.is_some()))),
            elems: module.elems.iter().map(|x| x.id).zip(0..).collect(),
            datas: module.datas.iter().map(|x| x.id).zip(0..).collect(),
        })
    }

    // ---- indices

    fn ty(&self, id: TypeId) -> Result<u32, Dangling> {
        self.type_index.get(&id).copied().ok_or(Dangling::Type(id))
    }

    fn func(&self, id: FuncId) -> Result<u32, Dangling> {
        self.funcs.get(&id).copied().ok_or(Dangling::Func(id))
    }

    fn table(&self, id: TableId) -> Result<u32, Dangling> {
        self.tables.get(&id).copied().ok_or(Dangling::Table(id))
    }

    fn mem(&self, id: MemId) -> Result<u32, Dangling> {
        self.mems.get(&id).copied().ok_or(Dangling::Mem(id))
    }

    fn global(&self, id: GlobalId) -> Result<u32, Dangling> {
        self.globals.get(&id).copied().ok_or(Dangling::Global(id))
    }

    fn tag(&self, id: TagId) -> Result<u32, Dangling> {
        self.tags.get(&id).copied().ok_or(Dangling::Tag(id))
    }

    fn elem(&self, id: ElemId) -> Result<u32, Dangling> {
        self.elems.get(&id).copied().ok_or(Dangling::Elem(id))
    }

    fn data(&self, id: DataId) -> Result<u32, Dangling> {
        self.datas.get(&id).copied().ok_or(Dangling::Data(id))
    }

    // ---- types

    fn heap(&self, heap: Heap) -> Result<enc::HeapType, Dangling> {
        use enc::AbstractHeapType as A;
        let ty = match heap {
            Heap::Any => A::Any,
            Heap::Eq => A::Eq,
            Heap::I31 => A::I31,
            Heap::Struct => A::Struct,
            Heap::Array => A::Array,
            Heap::None => A::None,
            Heap::Func => A::Func,
            Heap::NoFunc => A::NoFunc,
            Heap::Extern => A::Extern,
            Heap::NoExtern => A::NoExtern,
            Heap::Exn => A::Exn,
            Heap::NoExn => A::NoExn,
            Heap::Def(id) => return Ok(enc::HeapType::Concrete(self.ty(id)?)),
        };
        Ok(enc::HeapType::Abstract { shared: false, ty })
    }

    fn ref_type(&self, ty: RefTy) -> Result<enc::RefType, Dangling> {
        Ok(enc::RefType {
            nullable: ty.null,
            heap_type: self.heap(ty.heap)?,
        })
    }

    fn val_type(&self, ty: Ty) -> Result<enc::ValType, Dangling> {
        Ok(match ty {
            Ty::I32 => enc::ValType::I32,
            Ty::I64 => enc::ValType::I64,
            Ty::F32 => enc::ValType::F32,
            Ty::F64 => enc::ValType::F64,
            Ty::V128 => enc::ValType::V128,
            Ty::Ref(r) => enc::ValType::Ref(self.ref_type(r)?),
        })
    }

    fn val_types(&self, tys: &[Ty]) -> Result<Vec<enc::ValType>, Dangling> {
        tys.iter().map(|&ty| self.val_type(ty)).collect()
    }

    fn field(&self, field: Field) -> Result<enc::FieldType, Dangling> {
        Ok(enc::FieldType {
            element_type: match field.storage {
                Storage::I8 => enc::StorageType::I8,
                Storage::I16 => enc::StorageType::I16,
                Storage::Val(ty) => enc::StorageType::Val(self.val_type(ty)?),
            },
            mutable: field.mutable,
        })
    }

    fn sub_type(&self, id: TypeId) -> Result<enc::SubType, Dangling> {
        let def = self.types.def(id);
        let inner = match &def.body {
            Composite::Struct(fields) => enc::CompositeInnerType::Struct(enc::StructType {
                fields: fields
                    .iter()
                    .map(|&f| self.field(f))
                    .collect::<Result<_, _>>()?,
            }),
            Composite::Array(field) => {
                enc::CompositeInnerType::Array(enc::ArrayType(self.field(*field)?))
            }
            Composite::Func(sig) => enc::CompositeInnerType::Func(enc::FuncType::new(
                self.val_types(&sig.params)?,
                self.val_types(&sig.results)?,
            )),
        };
        let supertype = def.supertype.map(|up| self.ty(up)).transpose()?;
        Ok(enc::SubType {
            is_final: def.is_final,
            supertype_idxs: supertype.into_iter().collect(),
            composite_type: enc::CompositeType {
                inner,
                shared: false,
                descriptor: None,
                describes: None,
            },
        })
    }

    fn type_section(&self) -> Result<enc::TypeSection, Dangling> {
        let mut section = enc::TypeSection::new();
        for &group in &self.module.groups {
            let defs = self.types.groups[group]
                .iter()
                .map(|&id| self.sub_type(id))
                .collect::<Result<Vec<_>, _>>()?;
            match defs.as_slice() {
                [one] => section.ty().subtype(one),
                _ => section.ty().rec(defs),
            }
        }
        for sig in &self.block_sigs {
            let params = self.val_types(&sig.params)?;
            section.ty().function(params, self.val_types(&sig.results)?);
        }
        Ok(section)
    }

    fn block_type(&mut self, params: &[Ty], results: &[Ty]) -> Result<BlockType, Dangling> {
        Ok(match (params, results) {
            ([], []) => BlockType::Empty,
            ([], &[one]) => BlockType::Result(self.val_type(one)?),
            _ => {
                let sig = Sig {
                    params: params.to_vec(),
                    results: results.to_vec(),
                };
                let known = self.block_sigs.iter().position(|s| *s == sig);
                let at = known.unwrap_or_else(|| {
                    self.block_sigs.push(sig);
                    self.block_sigs.len() - 1
                });
                BlockType::FunctionType(self.type_count + at as u32)
            }
        })
    }

    fn table_type(&self, ty: &super::TableTy) -> Result<enc::TableType, Dangling> {
        Ok(enc::TableType {
            element_type: self.ref_type(ty.elem)?,
            table64: ty.is64,
            minimum: ty.min,
            maximum: ty.max,
            shared: false,
        })
    }

    fn tag_type(&self, ty: TypeId) -> Result<enc::TagType, Dangling> {
        Ok(enc::TagType {
            kind: enc::TagKind::Exception,
            func_type_idx: self.ty(ty)?,
        })
    }

    // ---- sections

    fn imports(&self) -> Result<enc::ImportSection, Dangling> {
        let mut section = enc::ImportSection::new();
        let mut add = |import: &Option<Import>, ty: enc::EntityType| {
            if let Some(Import { module, name }) = import {
                section.import(module, name, ty);
            }
        };
        for x in &self.module.funcs {
            add(&x.import, enc::EntityType::Function(self.ty(x.ty)?));
        }
        for x in &self.module.tables {
            add(&x.import, enc::EntityType::Table(self.table_type(&x.ty)?));
        }
        for x in &self.module.mems {
            add(&x.import, enc::EntityType::Memory(memory_type(x)));
        }
        for x in &self.module.tags {
            add(&x.import, enc::EntityType::Tag(self.tag_type(x.ty)?));
        }
        for x in &self.module.globals {
            let ty = enc::GlobalType {
                val_type: self.val_type(x.ty)?,
                mutable: x.mutable,
                shared: false,
            };
            add(&x.import, enc::EntityType::Global(ty));
        }
        Ok(section)
    }

    fn functions(&self) -> Result<enc::FunctionSection, Dangling> {
        let mut section = enc::FunctionSection::new();
        for func in self.module.funcs.iter().filter(|f| f.import.is_none()) {
            section.function(self.ty(func.ty)?);
        }
        Ok(section)
    }

    fn tables(&mut self) -> Result<enc::TableSection, Dangling> {
        let mut section = enc::TableSection::new();
        for table in self.module.tables.iter().filter(|t| t.import.is_none()) {
            let ty = self.table_type(&table.ty)?;
            match &table.init {
                Some(init) => section.table_with_init(ty, &self.const_expr(init)?),
                None => section.table(ty),
            };
        }
        Ok(section)
    }

    fn globals(&mut self) -> Result<enc::GlobalSection, Dangling> {
        let mut section = enc::GlobalSection::new();
        for global in self.module.globals.iter().filter(|g| g.import.is_none()) {
            let ty = enc::GlobalType {
                val_type: self.val_type(global.ty)?,
                mutable: global.mutable,
                shared: false,
            };
            let init = global.init.as_ref().ok_or(Dangling::NoValue(global.id))?;
            section.global(ty, &self.const_expr(init)?);
        }
        Ok(section)
    }

    fn exports(&self) -> Result<enc::ExportSection, Dangling> {
        let mut section = enc::ExportSection::new();
        let mut add = |name: &Option<String>, kind, index| {
            if let Some(name) = name {
                section.export(name, kind, index);
            }
        };
        for x in &self.module.funcs {
            add(&x.export, enc::ExportKind::Func, self.func(x.id)?);
        }
        for x in &self.module.tables {
            add(&x.export, enc::ExportKind::Table, self.table(x.id)?);
        }
        for x in &self.module.mems {
            add(&x.export, enc::ExportKind::Memory, self.mem(x.id)?);
        }
        for x in &self.module.globals {
            add(&x.export, enc::ExportKind::Global, self.global(x.id)?);
        }
        for x in &self.module.tags {
            add(&x.export, enc::ExportKind::Tag, self.tag(x.id)?);
        }
        Ok(section)
    }

    fn elements(&mut self) -> Result<enc::ElementSection, Dangling> {
        let mut section = enc::ElementSection::new();
        for elem in &self.module.elems {
            let ty = self.ref_type(elem.ty)?;
            let items = elem
                .items
                .iter()
                .map(|item| self.const_expr(item))
                .collect::<Result<Vec<_>, _>>()?;
            let offset = match &elem.mode {
                Mode::Active(table, offset) => {
                    Some((self.table(*table)?, self.const_expr(offset)?))
                }
                Mode::Passive | Mode::Declared => None,
            };
            let mode = match (&elem.mode, &offset) {
                (Mode::Declared, _) => enc::ElementMode::Declared,
                (_, Some((table, offset))) => enc::ElementMode::Active {
                    table: Some(*table),
                    offset,
                },
                (_, None) => enc::ElementMode::Passive,
            };
            section.segment(enc::ElementSegment {
                mode,
                elements: enc::Elements::Expressions(ty, items.into()),
            });
        }
        let undeclared = self.undeclared_functions()?;
        if !undeclared.is_empty() {
            section.declared(enc::Elements::Functions(undeclared.into()));
        }
        Ok(section)
    }

    /// Functions that bodies mention by `ref.func` and nothing else in the module declares.
    fn undeclared_functions(&self) -> Result<Vec<u32>, Dangling> {
        let mut wanted = BTreeSet::new();
        for e in self.module.funcs.iter().flat_map(|f| &f.body) {
            e.walk(&mut |e| {
                if let Op::RefFunc(id) = e.op {
                    wanted.insert(id);
                }
            });
        }
        let mut declared = BTreeSet::new();
        self.module.each_const_root(&mut |e| {
            e.walk(&mut |e| {
                if let Op::RefFunc(id) = e.op {
                    declared.insert(id);
                }
            });
        });
        let exported = |id: FuncId| self.module.func(id).is_some_and(|f| f.export.is_some());
        wanted
            .into_iter()
            .filter(|id| !declared.contains(id) && !exported(*id))
            .map(|id| self.func(id))
            .collect()
    }

    fn datas(&mut self) -> Result<enc::DataSection, Dangling> {
        let mut section = enc::DataSection::new();
        for data in &self.module.datas {
            match &data.mode {
                Mode::Active(mem, offset) => {
                    let offset = self.const_expr(offset)?;
                    section.active(self.mem(*mem)?, &offset, data.bytes.iter().copied());
                }
                Mode::Passive | Mode::Declared => {
                    section.passive(data.bytes.iter().copied());
                }
            }
        }
        Ok(section)
    }

    // ---- code

    fn const_expr(&mut self, expr: &Expr) -> Result<enc::ConstExpr, Dangling> {
        let mut code = Code {
            bytes: Vec::new(),
            labels: Vec::new(),
        };
        code.expr(self, expr)?;
        Ok(enc::ConstExpr::raw(code.bytes))
    }

    fn function(&mut self, func: &super::Func) -> Result<enc::Function, Dangling> {
        let locals = self.val_types(&func.locals)?;
        let mut out = enc::Function::new_with_locals_types(locals);
        let mut code = Code {
            bytes: Vec::new(),
            labels: Vec::new(),
        };
        for e in &func.body {
            code.expr(self, e)?;
        }
        out.raw(code.bytes);
        out.instruction(&Instruction::End);
        Ok(out)
    }
}

impl Module {
    /// Calls `visit` for every constant expression.
    fn each_const_root(&self, visit: &mut dyn FnMut(&Expr)) {
        self.tables
            .iter()
            .filter_map(|t| t.init.as_ref())
            .for_each(&mut *visit);
        self.globals
            .iter()
            .filter_map(|g| g.init.as_ref())
            .for_each(&mut *visit);
        self.elems
            .iter()
            .flat_map(|e| &e.items)
            .for_each(&mut *visit);
    }
}

/// The body being written, and the labels around the current instruction.
struct Code {
    bytes: Vec<u8>,
    labels: Vec<LabelId>,
}

impl Code {
    fn put(&mut self, instruction: Instruction<'_>) {
        instruction.encode(&mut self.bytes);
    }

    fn depth(&self, label: LabelId) -> Result<u32, Dangling> {
        let at = self.labels.iter().rev().position(|&l| l == label);
        at.map(|d| d as u32).ok_or(Dangling::Label(label))
    }

    fn body(
        &mut self,
        cx: &mut Context<'_>,
        label: LabelId,
        body: &[Expr],
    ) -> Result<(), Dangling> {
        self.labels.push(label);
        let done = body.iter().try_for_each(|e| self.expr(cx, e));
        self.labels.pop();
        done
    }

    fn expr(&mut self, cx: &mut Context<'_>, e: &Expr) -> Result<(), Dangling> {
        for arg in &e.args {
            self.expr(cx, arg)?;
        }
        match &e.op {
            Op::Params | Op::Seq => {}
            Op::Sink(to) => self.sink(cx, to)?,
            Op::Block(..) | Op::Loop(..) | Op::If(..) | Op::Try(..) => self.structured(cx, e)?,
            Op::Num(id) => self.put(id.row().instruction.clone()),
            Op::Load(..) | Op::Store(..) => self.memory_access(cx, &e.op)?,
            op => {
                let instruction = self.control(cx, op)?;
                let instruction = match instruction {
                    Some(i) => i,
                    None => plain(cx, op)?,
                };
                self.put(instruction);
            }
        }
        Ok(())
    }

    fn sink(&mut self, cx: &Context<'_>, to: &[To]) -> Result<(), Dangling> {
        for target in to.iter().rev() {
            self.put(match *target {
                To::Drop => Instruction::Drop,
                To::Local(l) => Instruction::LocalSet(l.0),
                To::Global(g) => Instruction::GlobalSet(cx.global(g)?),
                To::Call(f) => Instruction::Call(cx.func(f)?),
            });
        }
        Ok(())
    }

    fn structured(&mut self, cx: &mut Context<'_>, e: &Expr) -> Result<(), Dangling> {
        match &e.op {
            Op::Block(label, params, body) => {
                self.put(Instruction::Block(cx.block_type(params, &e.tys)?));
                self.body(cx, *label, body)?;
            }
            Op::Loop(label, params, body) => {
                self.put(Instruction::Loop(cx.block_type(params, &e.tys)?));
                self.body(cx, *label, body)?;
            }
            Op::If(label, then, els) => {
                self.put(Instruction::If(cx.block_type(&[], &e.tys)?));
                self.body(cx, *label, then)?;
                if !els.is_empty() {
                    self.put(Instruction::Else);
                    self.body(cx, *label, els)?;
                }
            }
            Op::Try(label, catches, body) => {
                let ty = cx.block_type(&[], &e.tys)?;
                let catches = catches
                    .iter()
                    .map(|c| self.catch(cx, c))
                    .collect::<Result<Vec<_>, _>>()?;
                self.put(Instruction::TryTable(ty, catches.into()));
                self.body(cx, *label, body)?;
            }
            _ => return Ok(()),
        }
        self.put(Instruction::End);
        Ok(())
    }

    fn catch(&self, cx: &Context<'_>, catch: &Catch) -> Result<enc::Catch, Dangling> {
        let label = self.depth(catch.label)?;
        Ok(match (catch.tag, catch.with_exn) {
            (None, false) => enc::Catch::All { label },
            (None, true) => enc::Catch::AllRef { label },
            (Some(tag), false) => enc::Catch::One {
                tag: cx.tag(tag)?,
                label,
            },
            (Some(tag), true) => enc::Catch::OneRef {
                tag: cx.tag(tag)?,
                label,
            },
        })
    }

    /// Instructions that name labels.
    fn control(&self, cx: &Context<'_>, op: &Op) -> Result<Option<Instruction<'static>>, Dangling> {
        use Instruction as I;
        Ok(Some(match op {
            Op::Br(l) => I::Br(self.depth(*l)?),
            Op::BrIf(l) => I::BrIf(self.depth(*l)?),
            Op::BrTable(ls, d) => {
                let ls = ls
                    .iter()
                    .map(|&l| self.depth(l))
                    .collect::<Result<Vec<_>, _>>()?;
                I::BrTable(ls.into(), self.depth(*d)?)
            }
            Op::BrOnNull(l) => I::BrOnNull(self.depth(*l)?),
            Op::BrOnNonNull(l) => I::BrOnNonNull(self.depth(*l)?),
            Op::BrOnCast(l, from, to) => I::BrOnCast {
                relative_depth: self.depth(*l)?,
                from_ref_type: cx.ref_type(*from)?,
                to_ref_type: cx.ref_type(*to)?,
            },
            Op::BrOnCastFail(l, from, to) => I::BrOnCastFail {
                relative_depth: self.depth(*l)?,
                from_ref_type: cx.ref_type(*from)?,
                to_ref_type: cx.ref_type(*to)?,
            },
            _ => return Ok(None),
        }))
    }

    fn memory_access(&mut self, cx: &Context<'_>, op: &Op) -> Result<(), Dangling> {
        use super::ops::{Load as L, Store as S};
        use Instruction as I;
        let arg = |mem: &MemId, offset: &u32| {
            Ok(enc::MemArg {
                offset: u64::from(*offset),
                align: 0,
                target: enc::MemArgTarget::Memory(cx.mem(*mem)?),
                ordering: None,
            })
        };
        let instruction = match op {
            Op::Load(load, mem, offset) => {
                let arg = arg(mem, offset)?;
                match load {
                    L::I32 => I::I32Load(arg),
                    L::I64 => I::I64Load(arg),
                    L::F32 => I::F32Load(arg),
                    L::F64 => I::F64Load(arg),
                    L::I32S8 => I::I32Load8S(arg),
                    L::I32U8 => I::I32Load8U(arg),
                    L::I32S16 => I::I32Load16S(arg),
                    L::I32U16 => I::I32Load16U(arg),
                    L::I64S8 => I::I64Load8S(arg),
                    L::I64U8 => I::I64Load8U(arg),
                    L::I64S16 => I::I64Load16S(arg),
                    L::I64U16 => I::I64Load16U(arg),
                    L::I64S32 => I::I64Load32S(arg),
                    L::I64U32 => I::I64Load32U(arg),
                    L::V128 => I::V128Load(arg),
                    L::V128Splat32 => I::V128Load32Splat(arg),
                    L::V128Zero64 => I::V128Load64Zero(arg),
                }
            }
            Op::Store(store, mem, offset) => {
                let arg = arg(mem, offset)?;
                match store {
                    S::I32 => I::I32Store(arg),
                    S::I64 => I::I64Store(arg),
                    S::F32 => I::F32Store(arg),
                    S::F64 => I::F64Store(arg),
                    S::I32As8 => I::I32Store8(arg),
                    S::I32As16 => I::I32Store16(arg),
                    S::I64As8 => I::I64Store8(arg),
                    S::I64As16 => I::I64Store16(arg),
                    S::I64As32 => I::I64Store32(arg),
                    S::V128 => I::V128Store(arg),
                }
            }
            _ => return Ok(()),
        };
        self.put(instruction);
        Ok(())
    }
}

/// Instructions that are one instruction each and name no label.
fn plain(cx: &Context<'_>, op: &Op) -> Result<Instruction<'static>, Dangling> {
    use Instruction as I;
    Ok(match op {
        Op::Unreachable => I::Unreachable,
        Op::Drop => I::Drop,
        Op::Select(None) => I::Select,
        Op::Select(Some(ty)) => I::TypedSelect(cx.val_type(*ty)?),
        Op::Return => I::Return,
        Op::Throw(t) => I::Throw(cx.tag(*t)?),
        Op::ThrowRef => I::ThrowRef,
        Op::Call(f) => I::Call(cx.func(*f)?),
        Op::CallRef(t) => I::CallRef(cx.ty(*t)?),
        Op::CallIndirect(table, t) => I::CallIndirect {
            type_index: cx.ty(*t)?,
            table_index: cx.table(*table)?,
        },
        Op::ReturnCall(f) => I::ReturnCall(cx.func(*f)?),
        Op::ReturnCallRef(t) => I::ReturnCallRef(cx.ty(*t)?),
        Op::ReturnCallIndirect(table, t) => I::ReturnCallIndirect {
            type_index: cx.ty(*t)?,
            table_index: cx.table(*table)?,
        },
        Op::LocalGet(l) => I::LocalGet(l.0),
        Op::LocalSet(l) => I::LocalSet(l.0),
        Op::LocalTee(l) => I::LocalTee(l.0),
        Op::GlobalGet(g) => I::GlobalGet(cx.global(*g)?),
        Op::GlobalSet(g) => I::GlobalSet(cx.global(*g)?),
        Op::I32(v) => I::I32Const(*v),
        Op::I64(v) => I::I64Const(*v),
        Op::F32(v) => I::F32Const(f32::from_bits(*v).into()),
        Op::F64(v) => I::F64Const(f64::from_bits(*v).into()),
        Op::V128(v) => I::V128Const(*v as i128),
        _ => match tables_and_memories(cx, op)? {
            Some(i) => i,
            None => aggregates(cx, op)?,
        },
    })
}

fn tables_and_memories(
    cx: &Context<'_>,
    op: &Op,
) -> Result<Option<Instruction<'static>>, Dangling> {
    use Instruction as I;
    Ok(Some(match op {
        Op::TableGet(t) => I::TableGet(cx.table(*t)?),
        Op::TableSet(t) => I::TableSet(cx.table(*t)?),
        Op::TableSize(t) => I::TableSize(cx.table(*t)?),
        Op::TableGrow(t) => I::TableGrow(cx.table(*t)?),
        Op::TableFill(t) => I::TableFill(cx.table(*t)?),
        Op::TableCopy(to, from) => I::TableCopy {
            dst_table: cx.table(*to)?,
            src_table: cx.table(*from)?,
        },
        Op::TableInit(t, e) => I::TableInit {
            elem_index: cx.elem(*e)?,
            table: cx.table(*t)?,
        },
        Op::ElemDrop(e) => I::ElemDrop(cx.elem(*e)?),
        Op::MemorySize(m) => I::MemorySize(cx.mem(*m)?),
        Op::MemoryGrow(m) => I::MemoryGrow(cx.mem(*m)?),
        Op::MemoryFill(m) => I::MemoryFill(cx.mem(*m)?),
        Op::MemoryCopy(to, from) => I::MemoryCopy {
            dst_mem: cx.mem(*to)?,
            src_mem: cx.mem(*from)?,
        },
        Op::MemoryInit(m, d) => I::MemoryInit {
            mem: cx.mem(*m)?,
            data_index: cx.data(*d)?,
        },
        Op::DataDrop(d) => I::DataDrop(cx.data(*d)?),
        _ => return Ok(None),
    }))
}

fn aggregates(cx: &Context<'_>, op: &Op) -> Result<Instruction<'static>, Dangling> {
    use Instruction as I;
    Ok(match op {
        Op::RefNull(h) => I::RefNull(cx.heap(*h)?),
        Op::RefFunc(f) => I::RefFunc(cx.func(*f)?),
        Op::RefIsNull => I::RefIsNull,
        Op::RefEq => I::RefEq,
        Op::RefAsNonNull => I::RefAsNonNull,
        Op::RefTest(r) if r.null => I::RefTestNullable(cx.heap(r.heap)?),
        Op::RefTest(r) => I::RefTestNonNull(cx.heap(r.heap)?),
        Op::RefCast(r) if r.null => I::RefCastNullable(cx.heap(r.heap)?),
        Op::RefCast(r) => I::RefCastNonNull(cx.heap(r.heap)?),
        Op::RefI31 => I::RefI31,
        Op::I31Get(Sign::Unsigned) => I::I31GetU,
        Op::I31Get(_) => I::I31GetS,
        Op::AnyConvertExtern => I::AnyConvertExtern,
        Op::ExternConvertAny => I::ExternConvertAny,
        Op::StructNew(t) => I::StructNew(cx.ty(*t)?),
        Op::StructNewDefault(t) => I::StructNewDefault(cx.ty(*t)?),
        Op::StructGet(t, field_index, sign) => {
            let (struct_type_index, field_index) = (cx.ty(*t)?, *field_index);
            match sign {
                Sign::Plain => I::StructGet {
                    struct_type_index,
                    field_index,
                },
                Sign::Signed => I::StructGetS {
                    struct_type_index,
                    field_index,
                },
                Sign::Unsigned => I::StructGetU {
                    struct_type_index,
                    field_index,
                },
            }
        }
        Op::StructSet(t, field_index) => I::StructSet {
            struct_type_index: cx.ty(*t)?,
            field_index: *field_index,
        },
        _ => arrays(cx, op)?,
    })
}

fn arrays(cx: &Context<'_>, op: &Op) -> Result<Instruction<'static>, Dangling> {
    use Instruction as I;
    Ok(match op {
        Op::ArrayNew(t) => I::ArrayNew(cx.ty(*t)?),
        Op::ArrayNewDefault(t) => I::ArrayNewDefault(cx.ty(*t)?),
        Op::ArrayNewFixed(t, n) => I::ArrayNewFixed {
            array_type_index: cx.ty(*t)?,
            array_size: *n,
        },
        Op::ArrayNewData(t, d) => I::ArrayNewData {
            array_type_index: cx.ty(*t)?,
            array_data_index: cx.data(*d)?,
        },
        Op::ArrayNewElem(t, e) => I::ArrayNewElem {
            array_type_index: cx.ty(*t)?,
            array_elem_index: cx.elem(*e)?,
        },
        Op::ArrayGet(t, Sign::Plain) => I::ArrayGet(cx.ty(*t)?),
        Op::ArrayGet(t, Sign::Signed) => I::ArrayGetS(cx.ty(*t)?),
        Op::ArrayGet(t, Sign::Unsigned) => I::ArrayGetU(cx.ty(*t)?),
        Op::ArraySet(t) => I::ArraySet(cx.ty(*t)?),
        Op::ArrayLen => I::ArrayLen,
        Op::ArrayFill(t) => I::ArrayFill(cx.ty(*t)?),
        Op::ArrayCopy(to, from) => I::ArrayCopy {
            array_type_index_dst: cx.ty(*to)?,
            array_type_index_src: cx.ty(*from)?,
        },
        Op::ArrayInitData(t, d) => I::ArrayInitData {
            array_type_index: cx.ty(*t)?,
            array_data_index: cx.data(*d)?,
        },
        Op::ArrayInitElem(t, e) => I::ArrayInitElem {
            array_type_index: cx.ty(*t)?,
            array_elem_index: cx.elem(*e)?,
        },
        Op::Nop => I::Nop,
        // Everything else was taken care of on the way here.
        _ => return Err(Dangling::NoEncoding),
    })
}
