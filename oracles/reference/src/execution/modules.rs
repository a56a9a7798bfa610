//! Modules: allocation, instantiation and invocation.
//!
//! Instantiation takes the steps of the specification in their order: types and imports, globals
//! one after the other, initial values of tables, element segments, allocation of the rest, active
//! element segments, active data segments, and the start function. As in the specification, what
//! was done before a trap stays done.

use std::fmt;
use std::rc::Rc;

use crate::syntax::{
    DataIdx, DataMode, DefTypeId, ElemIdx, ElemMode, ExternIdx, ExternType, FuncType, Instr,
    MapUses, MemType, Module, TableType, TypeUse,
};
use crate::validation::ValidModule;

use super::configurations::{
    DataInst, ElemInst, Extern, FuncCode, FuncInst, GlobalInst, MemInst, ModuleInst, PAGE_BYTES,
    Store, TableInst, TagInst,
};
use super::halt::{Halt, Misuse, OrStuck, Stuck};
use super::instructions::{memory, table};
use super::interpreter::{call, eval_constant};
use super::limits::Exhausted;
use super::machine::Machine;
use super::pages;
use super::types::val_ok;
use super::values::{
    DataAddr, ElemAddr, FuncAddr, GlobalAddr, InstanceAddr, MemAddr, Ref, TableAddr, TagAddr, Value,
};

/// Why a module could not be linked with what was given for its imports.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LinkReason {
    /// Nothing was given.
    Missing,
    /// More was given than the module imports.
    Surplus,
    /// What was given is not in the store.
    NoSuchAddress,
    /// What was given does not have the type the import asks for.
    Incompatible {
        /// The import's type, closed.
        expected: ExternType,
        /// The type of the entity that was given.
        actual: ExternType,
    },
}

/// Why instantiation failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InstantiationError {
    /// The imports do not fit. Nothing has happened.
    Link {
        /// Position of the import.
        import: usize,
        /// What does not fit.
        reason: LinkReason,
    },
    /// Initialisation halted. What it has done before stays done.
    Halt(Halt),
}

impl From<Halt> for InstantiationError {
    fn from(halt: Halt) -> InstantiationError {
        InstantiationError::Halt(halt)
    }
}

impl fmt::Display for InstantiationError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            InstantiationError::Halt(halt) => halt.fmt(f),
            InstantiationError::Link { import, reason } => match reason {
                LinkReason::Missing => write!(f, "unknown import {import}: nothing is given"),
                LinkReason::Surplus => write!(f, "the module has no import {import}"),
                LinkReason::NoSuchAddress => {
                    write!(
                        f,
                        "unknown import {import}: nothing is at the address given"
                    )
                }
                LinkReason::Incompatible { expected, actual } => write!(
                    f,
                    "incompatible type of import {import}: expected {expected}, found {actual}"
                ),
            },
        }
    }
}

impl std::error::Error for InstantiationError {}

impl Store {
    /// `$alloctypes`: the defined types of a module in this store, by type index.
    pub fn close_types(&mut self, module: &ValidModule) -> Vec<DefTypeId> {
        let types = self.types.define_all(&module.module().types);
        self.lay_out_types();
        types
    }

    /// Returns the types of a module's imports, closed in this store.
    pub fn import_types(&mut self, module: &ValidModule) -> Vec<ExternType> {
        let types = self.close_types(module);
        let imports = module.module().imports.iter();
        imports.map(|import| import.ty.close(&types)).collect()
    }

    /// Returns the address of the instance that the next successful link makes. Host functions that
    /// belong to the instance need it before.
    #[must_use]
    pub fn next_instance(&self) -> InstanceAddr {
        InstanceAddr(self.instances.len() as u32)
    }

    /// `$instantiate`: an instance of `module` with `imports`, one for each import in order. Its
    /// start function has run.
    ///
    /// # Errors
    /// [`InstantiationError::Link`] if an import does not match, [`InstantiationError::Halt`] if
    /// initialisation halts.
    pub fn instantiate(
        &mut self,
        module: &Rc<ValidModule>,
        imports: &[Extern],
    ) -> Result<InstanceAddr, InstantiationError> {
        let inst = self.link(module, imports)?;
        let instance = self.next_instance();
        self.instances.push(inst);
        let start = self.enter_machine(|store, m| store.initialise(m, instance))?;
        if let Some(start) = start {
            self.invoke(start, &[])?;
        }
        Ok(instance)
    }

    /// The instance of `module` with nothing in it but types and imports.
    fn link(
        &mut self,
        module: &Rc<ValidModule>,
        imports: &[Extern],
    ) -> Result<ModuleInst, InstantiationError> {
        let types = self.close_types(module);
        let required = &module.module().imports;
        let error = |import, reason| Err(InstantiationError::Link { import, reason });
        for (i, import) in required.iter().enumerate() {
            let Some(given) = imports.get(i) else {
                return error(i, LinkReason::Missing);
            };
            let Some(actual) = self.extern_type(*given) else {
                return error(i, LinkReason::NoSuchAddress);
            };
            let expected = import.ty.close(&types);
            if !self.types.externtype_sub(actual, expected) {
                return error(i, LinkReason::Incompatible { expected, actual });
            }
        }
        if imports.len() > required.len() {
            return error(required.len(), LinkReason::Surplus);
        }
        let mut inst = ModuleInst {
            module: Rc::clone(module),
            types,
            tags: Vec::new(),
            globals: Vec::new(),
            mems: Vec::new(),
            tables: Vec::new(),
            funcs: Vec::new(),
            datas: Vec::new(),
            elems: Vec::new(),
            exports: Vec::new(),
        };
        for import in imports {
            match *import {
                Extern::Func(a) => inst.funcs.push(a),
                Extern::Table(a) => inst.tables.push(a),
                Extern::Mem(a) => inst.mems.push(a),
                Extern::Global(a) => inst.globals.push(a),
                Extern::Tag(a) => inst.tags.push(a),
            }
        }
        Ok(inst)
    }

    /// `externaddr_ok`: the type of something in the store.
    #[must_use]
    pub fn extern_type(&self, item: Extern) -> Option<ExternType> {
        Some(match item {
            Extern::Func(a) => ExternType::Func(TypeUse::Def(self.funcs.get(a.index())?.ty)),
            Extern::Table(a) => ExternType::Table(self.tables.get(a.index())?.ty),
            Extern::Mem(a) => ExternType::Mem(self.mems.get(a.index())?.ty),
            Extern::Global(a) => ExternType::Global(self.globals.get(a.index())?.ty),
            Extern::Tag(a) => ExternType::Tag(TypeUse::Def(self.tags.get(a.index())?.ty)),
        })
    }

    /// Everything between linking and the start function. Returns the start function.
    fn initialise(
        &mut self,
        m: &mut Machine,
        instance: InstanceAddr,
    ) -> Result<Option<FuncAddr>, Halt> {
        let module = Rc::clone(&self.module_inst(instance)?.module);
        let module = module.module();
        self.alloc_funcs(instance, module)?;
        let made = self.globals.len();
        let evaluated = self.evaluate(m, instance, module);
        if evaluated.is_err() {
            // Constant expressions have no effects, so nobody has seen this instance: its globals
            // are no roots.
            self.globals.truncate(made);
        }
        let (table_refs, elem_refs) = evaluated?;
        self.alloc_module(instance, module, table_refs, elem_refs)?;
        self.run_elems(m, instance, module)?;
        self.run_datas(m, instance, module)?;
        match module.start {
            Some(x) => self.module_inst(instance)?.func_addr(x).map(Some),
            None => Ok(None),
        }
    }

    /// Every constant expression: globals, then the initial elements of tables, then the items of
    /// element segments.
    fn evaluate(
        &mut self,
        m: &mut Machine,
        instance: InstanceAddr,
        module: &Module,
    ) -> Result<(Vec<Ref>, Vec<Vec<Ref>>), Halt> {
        self.eval_globals(m, instance, module)?;
        let mut table_refs = Vec::new();
        for table in &module.tables {
            table_refs.push(eval_ref(self, m, instance, &table.init)?);
        }
        let mut elem_refs = Vec::new();
        for elem in &module.elems {
            m.charge(elem.init.len() as u64 / 8)?;
            let refs = elem.init.iter();
            let refs = refs.map(|expr| eval_ref(self, m, instance, expr));
            elem_refs.push(refs.collect::<Result<Vec<Ref>, Halt>>()?);
        }
        Ok((table_refs, elem_refs))
    }

    /// `$allocfuncs`. Functions come first, because constant expressions refer to them.
    fn alloc_funcs(&mut self, instance: InstanceAddr, module: &Module) -> Result<(), Halt> {
        for (i, func) in module.funcs.iter().enumerate() {
            let ty = self.module_inst(instance)?.type_at(func.ty)?;
            let code = FuncCode::Wasm {
                instance,
                code: i as u32,
            };
            let a = self.alloc_func(ty, code).or_stuck(Stuck::Index)?;
            self.instances[instance.index()].funcs.push(a);
        }
        Ok(())
    }

    /// `$allocfunc`, if `ty` is a function type.
    pub(crate) fn alloc_func(&mut self, ty: DefTypeId, code: FuncCode) -> Option<FuncAddr> {
        let FuncType { params, results } = self.types.expand_func(ty)?;
        let func = FuncInst {
            ty,
            params: params.len() as u32,
            results: results.len() as u32,
            code,
        };
        self.funcs.push(func);
        Some(FuncAddr(self.funcs.len() as u32 - 1))
    }

    /// `$evalglobals`: each global is allocated before the next one's value is computed.
    fn eval_globals(
        &mut self,
        m: &mut Machine,
        instance: InstanceAddr,
        module: &Module,
    ) -> Result<(), Halt> {
        for global in &module.globals {
            let value = eval_constant(self, m, instance, &global.init)?;
            let inst = &mut self.instances[instance.index()];
            let ty = global.ty.close(&inst.types);
            inst.globals.push(GlobalAddr(self.globals.len() as u32));
            self.globals.push(GlobalInst { ty, value });
        }
        Ok(())
    }

    /// `$allocmodule`, for all but functions and globals.
    fn alloc_module(
        &mut self,
        instance: InstanceAddr,
        module: &Module,
        table_refs: Vec<Ref>,
        elem_refs: Vec<Vec<Ref>>,
    ) -> Result<(), Halt> {
        let types = self.instances[instance.index()].types.clone();
        for tag in &module.tags {
            let TypeUse::Def(ty) = tag.close(&types) else {
                return Err(Stuck::Index.into());
            };
            let a = self.alloc_tag(ty);
            self.instances[instance.index()].tags.push(a);
        }
        for ty in &module.mems {
            let a = self.alloc_mem(*ty)?;
            self.instances[instance.index()].mems.push(a);
        }
        for (table, r) in module.tables.iter().zip(table_refs) {
            let a = self.alloc_table(table.ty.close(&types), r)?;
            self.instances[instance.index()].tables.push(a);
        }
        for data in &module.datas {
            let a = self.alloc_data(data.init.clone());
            self.instances[instance.index()].datas.push(a);
        }
        for refs in elem_refs {
            let a = self.alloc_elem(refs);
            self.instances[instance.index()].elems.push(a);
        }
        let inst = &mut self.instances[instance.index()];
        for export in &module.exports {
            let item = match export.item {
                ExternIdx::Func(x) => Extern::Func(inst.func_addr(x)?),
                ExternIdx::Table(x) => Extern::Table(inst.table_addr(x)?),
                ExternIdx::Mem(x) => Extern::Mem(inst.mem_addr(x)?),
                ExternIdx::Global(x) => Extern::Global(inst.global_addr(x)?),
                ExternIdx::Tag(x) => Extern::Tag(inst.tag_addr(x)?),
            };
            inst.exports.push(item);
        }
        Ok(())
    }

    /// `$alloctag`.
    pub(crate) fn alloc_tag(&mut self, ty: DefTypeId) -> TagAddr {
        self.tags.push(TagInst { ty });
        TagAddr(self.tags.len() as u32 - 1)
    }

    /// `$allocmem`.
    pub(crate) fn alloc_mem(&mut self, ty: MemType) -> Result<MemAddr, Halt> {
        let free = self.limits.memory_bytes - self.memory_bytes;
        if ty.limits.min > free / PAGE_BYTES {
            return Err(Exhausted::Memory.into());
        }
        let size = ty.limits.min * PAGE_BYTES;
        let bytes = pages::zeros(size as usize).ok_or(Exhausted::Memory)?;
        self.memory_bytes += size;
        self.mems.push(MemInst { ty, bytes });
        Ok(MemAddr(self.mems.len() as u32 - 1))
    }

    /// `$alloctable`.
    pub(crate) fn alloc_table(&mut self, ty: TableType, r: Ref) -> Result<TableAddr, Halt> {
        let free = self.limits.table_elements - self.table_elements;
        if ty.limits.min > free {
            return Err(Exhausted::Table.into());
        }
        let size = ty.limits.min as usize;
        let mut refs = Vec::new();
        refs.try_reserve_exact(size).map_err(|_| Exhausted::Table)?;
        refs.resize(size, r);
        self.table_elements += ty.limits.min;
        self.tables.push(TableInst { ty, refs });
        Ok(TableAddr(self.tables.len() as u32 - 1))
    }

    /// `$allocdata`.
    fn alloc_data(&mut self, bytes: Vec<u8>) -> DataAddr {
        self.datas.push(DataInst { bytes });
        DataAddr(self.datas.len() as u32 - 1)
    }

    /// `$allocelem`.
    fn alloc_elem(&mut self, refs: Vec<Ref>) -> ElemAddr {
        self.elems.push(ElemInst { refs });
        ElemAddr(self.elems.len() as u32 - 1)
    }

    /// `$runelem_`, of all element segments.
    fn run_elems(
        &mut self,
        m: &mut Machine,
        instance: InstanceAddr,
        module: &Module,
    ) -> Result<(), Halt> {
        for (i, elem) in module.elems.iter().enumerate() {
            let y = ElemIdx(i as u32);
            match &elem.mode {
                ElemMode::Passive => {}
                ElemMode::Declare => table::elem_drop(self, m, instance, y)?,
                ElemMode::Active(x, offset) => {
                    let offset = eval_constant(self, m, instance, offset)?;
                    let len = elem.init.len() as u32;
                    m.push_all([offset, 0u32.into(), len.into()].into_iter())?;
                    table::init(self, m, instance, (*x, y))?;
                    table::elem_drop(self, m, instance, y)?;
                }
            }
        }
        Ok(())
    }

    /// `$rundata_`, of all data segments.
    fn run_datas(
        &mut self,
        m: &mut Machine,
        instance: InstanceAddr,
        module: &Module,
    ) -> Result<(), Halt> {
        for (i, data) in module.datas.iter().enumerate() {
            if let DataMode::Active(x, offset) = &data.mode {
                let y = DataIdx(i as u32);
                let offset = eval_constant(self, m, instance, offset)?;
                let len = data.init.len() as u32;
                m.push_all([offset, 0u32.into(), len.into()].into_iter())?;
                memory::init(self, m, instance, (*x, y))?;
                memory::data_drop(self, m, instance, y)?;
            }
        }
        Ok(())
    }

    /// `$invoke`: calls a function with arguments and runs it to its end. A host function may do so
    /// again.
    ///
    /// # Errors
    /// Whatever halts the execution, or [`Misuse::Arguments`] if the arguments do not match the
    /// function's type. After an error the store is as execution has left it, and the stack as
    /// it was before.
    pub fn invoke(&mut self, func: FuncAddr, arguments: &[Value]) -> Result<Vec<Value>, Halt> {
        let inst = self.funcs.get(func.index()).ok_or(Misuse::NoSuchAddress)?;
        let ft = self.types.expand_func(inst.ty).or_stuck(Stuck::Index)?;
        let fit = |(value, t): (&Value, _)| val_ok(self, *value, t);
        if arguments.len() != ft.params.len()
            || !arguments.iter().zip(ft.params.iter().copied()).all(fit)
        {
            return Err(Misuse::Arguments.into());
        }
        call(self, func, arguments)
    }

    /// Runs `f` as an entry from the host. If it fails, the stack is as before.
    fn enter_machine<T>(
        &mut self,
        f: impl FnOnce(&mut Store, &mut Machine) -> Result<T, Halt>,
    ) -> Result<T, Halt> {
        let entry = self.thread_mut().enter_from_host()?;
        let result = self.with_machine(f);
        self.stack_mut().leave_to_host(entry);
        result
    }
}

/// The reference that a constant expression gives.
fn eval_ref(
    store: &mut Store,
    m: &mut Machine,
    instance: InstanceAddr,
    expr: &[Instr],
) -> Result<Ref, Halt> {
    match eval_constant(store, m, instance, expr)? {
        Value::Ref(r) => Ok(r),
        _ => Err(Stuck::OperandType.into()),
    }
}
