//! `harness` and `spectest` on the runtime's embedding interface.

use std::sync::Arc;

use gcrucible_runtime::embed::{
    AnyRef, ArrayRef, AsContext, AsContextMut, Caller, Engine as TheirEngine, Error, ExnRef,
    Extern, ExternRef, Func, FuncType, Global, GlobalType, HeapTopType, HeapType, Instance, Memory,
    MemoryType, Misuse, Mutability, OwnedRooted, Ref as TheirRef, RefType, ResourceLimiter,
    StructRef, Table, TableType, Val, ValType,
};

use super::errors::{outcome, their_trap};
use super::observe::HostObject;
use super::{Names, Scope, observe};
use crate::case::{InstanceIndex, Limits};
use crate::host::harness::{self, Failed, Handles, HarnessFunc, Host};
use crate::host::{Covers, RefTy, Sig, Ty, spectest};
use crate::leak::Sample;
use crate::outcome::{Outcome, Trap, Why};
use crate::value::HeapTop;

/// What a store carries for the harness.
pub(super) struct Data {
    /// By instance index. `None` for an instance that failed or does not exist yet.
    pub(super) instances: Vec<Option<Instance>>,
    /// Answers given to `live`.
    pub(super) samples: Vec<Sample>,
    pub(super) budget: Budget,
    handles: Handles<Held>,
    pub(super) roots: Roots,
    /// Every host object holds a clone, so that objects that outlive the store are seen.
    pub(super) alive: Arc<()>,
}

impl Data {
    pub(super) fn new(limits: &Limits) -> Data {
        Data {
            instances: Vec::new(),
            samples: Vec::new(),
            budget: Budget {
                memory_bytes: limits.memory_bytes,
                table_elements: limits.table_elements,
            },
            handles: Handles::default(),
            roots: Roots::default(),
            alive: Arc::new(()),
        }
    }

    /// Returns a host object that carries a number.
    pub(super) fn host_object(&self, number: u32) -> HostObject {
        HostObject::new(number, &self.alive)
    }
}

/// What calls of the host in the current step saw of the store's roots.
///
/// The roots in scopes are those of the step and of the host calls under way. So all outermost host
/// calls of a step must see equally many, unless they have arguments of their own. What a call does
/// not release would otherwise be hidden by the end of the step, which releases everything.
#[derive(Default)]
pub(super) struct Roots {
    /// Host calls under way.
    depth: u32,
    /// The roots in scopes that the first outermost call of the step saw.
    first: Option<usize>,
    /// What was wrong first.
    pub(super) wrong: Option<String>,
}

/// What is left of the bytes of all memories and the elements of all tables.
pub(super) struct Budget {
    memory_bytes: u64,
    table_elements: u64,
}

fn take(left: &mut u64, current: u64, desired: u64, maximum: Option<u64>) -> bool {
    let within = maximum.is_none_or(|maximum| desired <= maximum);
    let more = desired.saturating_sub(current);
    let granted = within && more <= *left;
    if granted {
        *left -= more;
    }
    granted
}

impl ResourceLimiter for Budget {
    fn memory_growing(&mut self, current: u64, desired: u64, maximum: Option<u64>) -> bool {
        take(&mut self.memory_bytes, current, desired, maximum)
    }

    fn table_growing(&mut self, current: u64, desired: u64, maximum: Option<u64>) -> bool {
        take(&mut self.table_elements, current, desired, maximum)
    }
}

/// What a handle keeps alive.
enum Held {
    Null(HeapTopType),
    Func(Func),
    Any(OwnedRooted<AnyRef>),
    Extern(OwnedRooted<ExternRef>),
    Exn(OwnedRooted<ExnRef>),
}

/// Makes the function of the harness that an import asks for. It acts on the exports of `instance`,
/// which is the importer.
pub(super) fn define(
    store: &mut Scope<'_>,
    instance: InstanceIndex,
    name: &str,
    ty: &FuncType,
    names: &Names,
) -> Result<Func, Outcome> {
    let sig = Sig {
        params: ty.params().map(|ty| neutral_type(&ty)).collect(),
        results: ty.results().map(|ty| neutral_type(&ty)).collect(),
    };
    let func = harness::resolve(name, &sig);
    let func = func.map_err(|error| Outcome::rejected(Why::Unlinkable, error.to_string()))?;
    let of = ty.clone();
    let body = move |caller: Caller<'_, Data>, args: &[Val], results: &mut [Val]| {
        let mut call = Call {
            caller,
            instance,
            ty: &of,
        };
        call.count_scoped_roots(args);
        call.caller.data_mut().roots.depth += 1;
        let performed = harness::perform(&mut call, &func, &sig, args);
        call.caller.data_mut().roots.depth -= 1;
        if func == HarnessFunc::Gc {
            call.count_owned_roots();
        }
        let values = performed?;
        call.check(&values)?;
        results.copy_from_slice(&values);
        Ok(())
    };
    Func::new(store, ty, body).map_err(|error| outcome(&error, names))
}

pub(super) fn neutral_top(top: HeapTopType) -> HeapTop {
    match top {
        HeapTopType::Any => HeapTop::Any,
        HeapTopType::Func => HeapTop::Func,
        HeapTopType::Extern => HeapTop::Extern,
        HeapTopType::Exn => HeapTop::Exn,
    }
}

fn neutral_type(ty: &ValType) -> Ty {
    match ty {
        ValType::I32 => Ty::I32,
        ValType::I64 => Ty::I64,
        ValType::F32 => Ty::F32,
        ValType::F64 => Ty::F64,
        ValType::V128 => Ty::V128,
        ValType::Ref(RefType {
            nullable,
            heap_type,
        }) => {
            let covers = match heap_type {
                HeapType::ConcreteStruct(_) => Covers::Struct,
                HeapType::ConcreteArray(_) => Covers::Array,
                HeapType::Any | HeapType::Func | HeapType::Extern | HeapType::Exn if *nullable => {
                    Covers::All
                }
                _ => Covers::Some,
            };
            let top = neutral_top(heap_type.top());
            Ty::Ref(RefTy { top, covers })
        }
    }
}

/// One call of a function of the harness.
struct Call<'a, 'b> {
    caller: Caller<'b, Data>,
    instance: InstanceIndex,
    ty: &'a FuncType,
}

impl Call<'_, '_> {
    /// Compares the roots in scopes with those that an earlier host call of the step saw.
    fn count_scoped_roots(&mut self, args: &[Val]) {
        let is_rooted =
            |arg: &Val| matches!(arg, Val::AnyRef(_) | Val::ExternRef(_) | Val::ExnRef(_));
        let now = self.caller.as_context().stats().scoped_roots;
        let roots = &mut self.caller.data_mut().roots;
        if roots.depth > 0 || args.iter().any(is_rooted) {
            return;
        }
        let first = *roots.first.get_or_insert(now);
        if first != now {
            roots.wrong.get_or_insert_with(|| {
                format!("a host call sees {now} roots in scopes, and an earlier one saw {first}")
            });
        }
    }

    /// Compares the owned roots with the handles that the program holds, after a collection.
    fn count_owned_roots(&mut self) {
        let owned = self.caller.as_context().stats().owned_roots;
        let data = self.caller.data_mut();
        let is_owned = |held: &&Held| !matches!(held, Held::Null(_) | Held::Func(_));
        let held = data.handles.references().filter(is_owned).count();
        if data.roots.depth == 0 && owned != held {
            data.roots.wrong.get_or_insert_with(|| {
                format!("{owned} owned roots, and the program holds {held} handles")
            });
        }
    }

    /// Returns an export of the importing instance. `None` before its instantiation is complete.
    fn export(&self, name: &str) -> Option<Extern> {
        let known = self.caller.data().instances.get(self.instance.0 as usize);
        known.copied().flatten()?.get_export(&self.caller, name)
    }

    fn table(&self, name: &str) -> Result<Table, Error> {
        let table = self.export(name).and_then(Extern::into_table);
        table.ok_or_else(|| self.trap(Trap::Unreachable))
    }

    fn global(&self, name: &str) -> Result<Global, Error> {
        let global = self.export(name).and_then(Extern::into_global);
        global.ok_or_else(|| self.trap(Trap::Unreachable))
    }

    /// The type that the import's only result refers to.
    fn result_type(&self) -> Option<HeapType> {
        match self.ty.results().next()? {
            ValType::Ref(RefType { heap_type, .. }) => Some(heap_type),
            _ => None,
        }
    }

    /// Results that do not have the import's types are a cast failure.
    fn check(&mut self, values: &[Val]) -> Result<(), Error> {
        let types: Vec<ValType> = self.ty.results().collect();
        let mut fit = types.len() == values.len();
        for (value, ty) in values.iter().zip(&types) {
            fit = fit && value.matches_ty(&mut self.caller, ty)?;
        }
        if fit {
            Ok(())
        } else {
            Err(self.trap(Trap::CastFailure))
        }
    }

    /// Returns what the harness promises for misuse that shows only when it is called.
    fn settle<T>(&self, result: Result<T, Error>) -> Result<T, Error> {
        result.map_err(|error| match error {
            Error::Misuse(Misuse::Type { .. }) => self.trap(Trap::CastFailure),
            Error::Misuse(_) => self.trap(Trap::Unreachable),
            other => other,
        })
    }

    /// As [`Call::settle`], with false for an index out of bounds.
    fn within(&self, result: Result<(), Error>) -> Result<bool, Error> {
        match result {
            Err(error) if error.trap() == Some(their_trap(Trap::OutOfBoundsTableAccess)) => {
                Ok(false)
            }
            other => self.settle(other).map(|()| true),
        }
    }
}

impl Host for Call<'_, '_> {
    type Val = Val;
    type Halt = Error;

    fn trap(&self, trap: Trap) -> Error {
        their_trap(trap).into()
    }

    fn failed(&mut self, halt: Error) -> Result<Failed, Error> {
        match halt {
            Error::Thrown(_) => Ok(Failed::Threw),
            other if other.trap().is_some() => Ok(Failed::Trapped),
            other => Err(other),
        }
    }

    fn null(&self) -> Val {
        Val::null(HeapTopType::Any)
    }

    fn collect(&mut self) -> Result<(), Error> {
        self.caller.gc()
    }

    fn live(&mut self, only_hosts: bool) -> Result<u32, Error> {
        let census = self.caller.as_context_mut().census()?;
        let stats = self.caller.as_context().stats();
        let count = if only_hosts {
            stats.hosts_created.saturating_sub(stats.hosts_dropped)
        } else {
            census.total()
        };
        let answer = u32::try_from(count).unwrap_or(u32::MAX);
        let sample = Sample {
            answer,
            bounds: None,
        };
        self.caller.data_mut().samples.push(sample);
        Ok(answer)
    }

    fn new_host_object(&mut self, number: u32) -> Result<Val, Error> {
        let object = self.caller.data().host_object(number);
        ExternRef::new(&mut self.caller, object).map(Val::from)
    }

    fn host_number(&mut self, value: &Val) -> Option<u32> {
        match value {
            Val::ExternRef(Some(reference)) => {
                let object = reference.get::<HostObject>(&mut self.caller).ok()?;
                Some(object.number)
            }
            _ => None,
        }
    }

    fn hold(&mut self, value: &Val, top: HeapTop) -> Result<u32, Error> {
        let held = match value.as_ref().ok_or_else(|| self.trap(Trap::CastFailure))? {
            TheirRef::Func(Some(func)) => Held::Func(func),
            TheirRef::Any(Some(reference)) => {
                Held::Any(reference.to_owned_rooted(&mut self.caller)?)
            }
            TheirRef::Extern(Some(reference)) => {
                Held::Extern(reference.to_owned_rooted(&mut self.caller)?)
            }
            TheirRef::Exn(Some(reference)) => {
                Held::Exn(reference.to_owned_rooted(&mut self.caller)?)
            }
            TheirRef::Func(None) => Held::Null(HeapTopType::Func),
            TheirRef::Any(None) => Held::Null(HeapTopType::Any),
            TheirRef::Extern(None) => Held::Null(HeapTopType::Extern),
            TheirRef::Exn(None) => Held::Null(HeapTopType::Exn),
        };
        Ok(self.caller.data_mut().handles.hold(top, held))
    }

    fn held(&mut self, handle: u32, top: HeapTop) -> Result<Option<Val>, Error> {
        enum Kept {
            Val(Val),
            Any(OwnedRooted<AnyRef>),
            Extern(OwnedRooted<ExternRef>),
            Exn(OwnedRooted<ExnRef>),
        }
        let kept = match self.caller.data().handles.held(handle, top) {
            None => return Ok(None),
            Some(Held::Null(top)) => Kept::Val(Val::null(*top)),
            Some(Held::Func(func)) => Kept::Val(Val::from(*func)),
            Some(Held::Any(reference)) => Kept::Any(reference.clone()),
            Some(Held::Extern(reference)) => Kept::Extern(reference.clone()),
            Some(Held::Exn(reference)) => Kept::Exn(reference.clone()),
        };
        Ok(Some(match kept {
            Kept::Val(value) => value,
            Kept::Any(reference) => Val::AnyRef(Some(reference.to_rooted(&mut self.caller)?)),
            Kept::Extern(reference) => Val::ExternRef(Some(reference.to_rooted(&mut self.caller)?)),
            Kept::Exn(reference) => Val::ExnRef(Some(reference.to_rooted(&mut self.caller)?)),
        }))
    }

    fn release(&mut self, handle: u32) -> bool {
        self.caller.data_mut().handles.release(handle).is_some()
    }

    fn table_size(&mut self, table: &str) -> Result<u64, Error> {
        self.table(table)?.size(&self.caller)
    }

    fn table_get(&mut self, table: &str, index: u64) -> Result<Option<Val>, Error> {
        let element = self.table(table)?.get(&mut self.caller, index);
        Ok(self.settle(element)?.map(Val::from))
    }

    fn table_set(&mut self, table: &str, index: u64, value: &Val) -> Result<bool, Error> {
        let result = self.table(table)?.set(&mut self.caller, index, *value);
        self.within(result)
    }

    fn table_grow(&mut self, table: &str, value: &Val, by: u64) -> Result<Option<u64>, Error> {
        match self.table(table)?.grow(&mut self.caller, by, *value) {
            Err(Error::Exhausted(gcrucible_runtime::embed::Exhausted::Table)) => Ok(None),
            other => self.settle(other).map(Some),
        }
    }

    fn table_fill(
        &mut self,
        table: &str,
        from: u64,
        value: &Val,
        count: u64,
    ) -> Result<bool, Error> {
        let result = self
            .table(table)?
            .fill(&mut self.caller, from, *value, count);
        self.within(result)
    }

    fn table_copy(
        &mut self,
        to: (&str, u64),
        from: (&str, u64),
        count: u64,
    ) -> Result<bool, Error> {
        let (target, source) = (self.table(to.0)?, self.table(from.0)?);
        let result = Table::copy(&mut self.caller, &target, to.1, &source, from.1, count);
        self.within(result)
    }

    fn global_get(&mut self, global: &str) -> Result<Val, Error> {
        self.global(global)?.get(&mut self.caller)
    }

    fn global_set(&mut self, global: &str, value: &Val) -> Result<(), Error> {
        let result = self.global(global)?.set(&mut self.caller, *value);
        self.settle(result)
    }

    fn struct_new(&mut self, fields: &[Val]) -> Result<Val, Error> {
        let Some(HeapType::ConcreteStruct(ty)) = self.result_type() else {
            return Err(self.trap(Trap::Unreachable));
        };
        let made = StructRef::new(&mut self.caller, &ty, fields);
        self.settle(made)
            .map(|object| Val::AnyRef(Some(object.to_anyref())))
    }

    fn array_new(&mut self, element: &Val, length: u32) -> Result<Val, Error> {
        let Some(HeapType::ConcreteArray(ty)) = self.result_type() else {
            return Err(self.trap(Trap::Unreachable));
        };
        let made = ArrayRef::new(&mut self.caller, &ty, element, length);
        self.settle(made)
            .map(|object| Val::AnyRef(Some(object.to_anyref())))
    }

    fn call(&mut self, export: &str, args: &[Val]) -> Result<Vec<Val>, Error> {
        let func = self.export(export).and_then(Extern::into_func);
        let func = func.ok_or_else(|| self.trap(Trap::Unreachable))?;
        let count = func.ty(&self.caller)?.results().len();
        let mut results = vec![Val::I32(0); count];
        match func.call(&mut self.caller, args, &mut results) {
            Ok(()) => Ok(results),
            // Arguments that do not fit, in number or type.
            Err(Error::Misuse(_)) => Err(self.trap(Trap::CastFailure)),
            Err(error) => Err(error),
        }
    }

    fn unsigned(&self, value: &Val) -> Option<u64> {
        match *value {
            Val::I32(value) => Some(u64::from(value as u32)),
            Val::I64(value) => Some(value as u64),
            _ => None,
        }
    }

    fn integer(&self, value: u64, wide: bool) -> Val {
        if wide {
            Val::I64(value as i64)
        } else {
            Val::I32(value as i32)
        }
    }
}

/// The `spectest` module in a store.
pub(super) struct Spectest {
    items: Vec<(&'static str, Extern)>,
}

impl Spectest {
    pub(super) fn new(engine: &TheirEngine, store: &mut Scope<'_>) -> Result<Spectest, Error> {
        let mut items = Vec::new();
        for (name, value) in spectest::GLOBALS {
            let value = observe::number(value);
            let ty = GlobalType::new(value.ty(&mut *store)?, Mutability::Const);
            items.push((name, Extern::Global(Global::new(&mut *store, &ty, value)?)));
        }
        for table in spectest::TABLES {
            let mut ty = TableType::new(
                RefType::new(true, HeapType::Func),
                table.least,
                Some(table.most),
            );
            ty.is_64 = table.wide;
            let made = Table::new(&mut *store, &ty, Val::FuncRef(None))?;
            items.push((table.name, Extern::Table(made)));
        }
        let (name, least, most) = spectest::MEMORY;
        let memory = Memory::new(&mut *store, MemoryType::new(least, Some(most)))?;
        items.push((name, Extern::Memory(memory)));
        for (name, params) in spectest::FUNCS {
            let ty = FuncType::new(engine, params.iter().map(|&ty| number_type(ty)), [])?;
            let func = Func::new(&mut *store, &ty, |_: Caller<'_, Data>, _, _| Ok(()))?;
            items.push((name, Extern::Func(func)));
        }
        Ok(Spectest { items })
    }

    /// Returns what is exported under a name.
    pub(super) fn get(&self, name: &str) -> Option<Extern> {
        let found = self.items.iter().find(|(of, _)| *of == name);
        found.map(|(_, item)| *item)
    }

    /// Returns the functions, with their names.
    pub(super) fn funcs(&self) -> impl Iterator<Item = (Func, &'static str)> {
        self.items.iter().filter_map(|(name, item)| match item {
            Extern::Func(func) => Some((*func, *name)),
            _ => None,
        })
    }
}

fn number_type(ty: Ty) -> ValType {
    match ty {
        Ty::I32 | Ty::Ref(_) => ValType::I32,
        Ty::I64 => ValType::I64,
        Ty::F32 => ValType::F32,
        Ty::F64 => ValType::F64,
        Ty::V128 => ValType::V128,
    }
}
