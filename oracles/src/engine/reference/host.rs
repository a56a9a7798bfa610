//! `harness` and `spectest` on the reference's embedding interface.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::rc::Rc;

use gcrucible_reference::execution::{
    Extern, FuncAddr, GlobalAddr, Halt, HandleId, InstanceAddr, Internal, MemAddr, Misuse,
    Ref as TheirRef, Store, TableAddr, Value as TheirValue,
};
use gcrucible_reference::reach::Frames;
use gcrucible_reference::syntax::{
    AddrType, CompositeType, DefTypeId, FuncType, GlobalType, HeapType, Limits, MemType, RefType,
    TableType, TypeStore, TypeUse, ValType,
};

use super::{observe, their_trap};
use crate::host::harness::{self, Failed, Handles, Host};
use crate::host::{Covers, RefTy, Sig, Ty, spectest};
use crate::leak::{Bounds, Sample};
use crate::outcome::Trap;
use crate::value::HeapTop;

/// What all host functions of a session share.
pub(super) struct Shared {
    /// Answers to give to `live`, in order.
    answers: Vec<u32>,
    /// Answers given.
    pub(super) samples: Vec<Sample>,
    /// Instances whose start function has returned.
    pub(super) complete: BTreeSet<InstanceAddr>,
    handles: Handles<HandleId>,
}

impl Shared {
    pub(super) fn new(answers: Vec<u32>) -> Shared {
        Shared {
            answers,
            samples: Vec::new(),
            complete: BTreeSet::new(),
            handles: Handles::default(),
        }
    }
}

/// Makes the function of the harness that an import asks for. It acts on the exports of `instance`,
/// which is the importer.
///
/// The error says why the import does not link.
pub(super) fn define(
    store: &mut Store,
    shared: &Rc<RefCell<Shared>>,
    instance: InstanceAddr,
    name: &str,
    ty: DefTypeId,
) -> Result<FuncAddr, String> {
    let of = store.types().expand_func(ty).cloned();
    let of = of.ok_or_else(|| format!("`harness` {name:?} is a function"))?;
    let sig = signature(store.types(), &of);
    let func = harness::resolve(name, &sig).map_err(|error| error.to_string())?;
    let shared = Rc::clone(shared);
    let body = move |store: &mut Store, args: &[TheirValue]| {
        let mut call = Call {
            store,
            shared: &shared,
            instance,
            ty: &of,
        };
        let results = harness::perform(&mut call, &func, &sig, args)?;
        let mut pairs = results.iter().zip(&of.results);
        let fit = results.len() == of.results.len()
            && pairs.all(|(value, ty)| call.store.value_matches(*value, *ty));
        if fit {
            Ok(results)
        } else {
            Err(call.trap(Trap::CastFailure))
        }
    };
    store
        .add_host_function(ty, body)
        .map_err(|halt| halt.to_string())
}

fn signature(types: &TypeStore, of: &FuncType) -> Sig {
    let list = |list: &[ValType]| list.iter().map(|&ty| neutral_type(types, ty)).collect();
    Sig {
        params: list(&of.params),
        results: list(&of.results),
    }
}

fn neutral_type(types: &TypeStore, ty: ValType) -> Ty {
    match ty {
        ValType::I32 => Ty::I32,
        ValType::I64 => Ty::I64,
        ValType::F32 => Ty::F32,
        ValType::F64 => Ty::F64,
        ValType::V128 => Ty::V128,
        ValType::Ref(RefType { nullable, heap }) => {
            let top = observe::top(types, heap);
            let whole = [
                RefType::ANYREF,
                RefType::FUNCREF,
                RefType::EXTERNREF,
                RefType::EXNREF,
            ];
            let covers = match heap {
                HeapType::Use(TypeUse::Def(id)) => match types.expand(id) {
                    CompositeType::Struct(_) => Covers::Struct,
                    CompositeType::Array(_) => Covers::Array,
                    CompositeType::Func(_) => Covers::Some,
                },
                _ if whole.contains(&RefType { nullable, heap }) => Covers::All,
                _ => Covers::Some,
            };
            Ty::Ref(RefTy { top, covers })
        }
        // No value has it, and no valid import names it.
        ValType::Bot => Ty::I32,
    }
}

/// One call of a function of the harness.
struct Call<'a> {
    store: &'a mut Store,
    shared: &'a Rc<RefCell<Shared>>,
    instance: InstanceAddr,
    ty: &'a FuncType,
}

impl Call<'_> {
    /// Returns an export of the importing instance. `None` before its instantiation is complete.
    fn export(&self, name: &str) -> Option<Extern> {
        let complete = self.shared.borrow().complete.contains(&self.instance);
        self.store.export(self.instance, name).filter(|_| complete)
    }

    fn table(&self, name: &str) -> Result<TableAddr, Halt> {
        match self.export(name) {
            Some(Extern::Table(table)) => Ok(table),
            _ => Err(self.trap(Trap::Unreachable)),
        }
    }

    fn global(&self, name: &str) -> Result<GlobalAddr, Halt> {
        match self.export(name) {
            Some(Extern::Global(global)) => Ok(global),
            _ => Err(self.trap(Trap::Unreachable)),
        }
    }

    fn reference(&self, value: &TheirValue) -> Result<TheirRef, Halt> {
        value.as_ref().ok_or_else(|| self.trap(Trap::CastFailure))
    }

    /// The type that the import's only result refers to.
    fn result_type(&self) -> Result<DefTypeId, Halt> {
        match self.ty.results.first() {
            Some(ValType::Ref(RefType {
                heap: HeapType::Use(TypeUse::Def(id)),
                ..
            })) => Ok(*id),
            _ => Err(self.trap(Trap::Unreachable)),
        }
    }

    /// Returns what the harness promises for misuse that shows only when it is called.
    fn settle<T>(&self, result: Result<T, Halt>) -> Result<T, Halt> {
        result.map_err(|halt| match halt {
            Halt::Misuse(Misuse::ValueType | Misuse::Results) => self.trap(Trap::CastFailure),
            Halt::Misuse(_) => self.trap(Trap::Unreachable),
            other => other,
        })
    }

    /// As [`Call::settle`], with false for an index out of bounds.
    fn within(&self, result: Result<(), Halt>) -> Result<bool, Halt> {
        match result {
            Err(halt) if halt == self.trap(Trap::OutOfBoundsTableAccess) => Ok(false),
            other => self.settle(other).map(|()| true),
        }
    }

    fn bounds(&self, only_hosts: bool) -> Bounds {
        let count = |census: gcrucible_reference::reach::Census| {
            let objects = if only_hosts { 0 } else { census.objects() };
            objects + census.hosts
        };
        let (least, least_retained) = (
            count(self.store.reach(Frames::Without)),
            count(self.store.reach_counted(Frames::Without)),
        );
        if self.store.depth() == 0 {
            return Bounds {
                least,
                most: least,
                least_retained,
                most_retained: least_retained,
            };
        }
        Bounds {
            least,
            most: count(self.store.reach(Frames::With)),
            least_retained,
            most_retained: count(self.store.reach_counted(Frames::With)),
        }
    }
}

impl Host for Call<'_> {
    type Val = TheirValue;
    type Halt = Halt;

    fn trap(&self, trap: Trap) -> Halt {
        Halt::Trap(their_trap(trap))
    }

    fn failed(&mut self, halt: Halt) -> Result<Failed, Halt> {
        match halt {
            Halt::Trap(_) => Ok(Failed::Trapped),
            Halt::Throw(_) => Ok(Failed::Threw),
            other => Err(other),
        }
    }

    fn null(&self) -> TheirValue {
        TheirRef::Null.into()
    }

    fn collect(&mut self) -> Result<(), Halt> {
        Ok(())
    }

    fn live(&mut self, only_hosts: bool) -> Result<u32, Halt> {
        let bounds = self.bounds(only_hosts);
        let mut shared = self.shared.borrow_mut();
        let given = shared.answers.get(shared.samples.len()).copied();
        let answer = given.unwrap_or(u32::try_from(bounds.most).unwrap_or(u32::MAX));
        shared.samples.push(Sample {
            answer,
            bounds: Some(bounds),
        });
        Ok(answer)
    }

    fn new_host_object(&mut self, number: u32) -> Result<TheirValue, Halt> {
        let object = self.store.new_host_object(number)?;
        Ok(TheirRef::Extern(Internal::Host(object)).into())
    }

    fn host_number(&mut self, value: &TheirValue) -> Option<u32> {
        match value {
            TheirValue::Ref(TheirRef::Extern(Internal::Host(a))) => self.store.host_number(*a),
            _ => None,
        }
    }

    fn hold(&mut self, value: &TheirValue, top: HeapTop) -> Result<u32, Halt> {
        let reference = self.reference(value)?;
        let handle = self.store.hold(reference);
        Ok(self.shared.borrow_mut().handles.hold(top, handle))
    }

    fn held(&mut self, handle: u32, top: HeapTop) -> Result<Option<TheirValue>, Halt> {
        let handle = self.shared.borrow().handles.held(handle, top).copied();
        Ok(handle
            .and_then(|handle| self.store.held(handle))
            .map(TheirValue::Ref))
    }

    fn release(&mut self, handle: u32) -> bool {
        let handle = self.shared.borrow_mut().handles.release(handle);
        handle.is_some_and(|handle| self.store.release(handle).is_some())
    }

    fn table_size(&mut self, table: &str) -> Result<u64, Halt> {
        let size = self.store.table_size(self.table(table)?);
        self.settle(size)
    }

    fn table_get(&mut self, table: &str, index: u64) -> Result<Option<TheirValue>, Halt> {
        let elements = self.store.table_elements(self.table(table)?);
        let elements = self.settle(elements)?;
        let element = usize::try_from(index)
            .ok()
            .and_then(|index| elements.get(index));
        Ok(element.map(|&r| TheirValue::Ref(r)))
    }

    fn table_set(&mut self, table: &str, index: u64, value: &TheirValue) -> Result<bool, Halt> {
        let (table, value) = (self.table(table)?, self.reference(value)?);
        let result = self.store.table_set(table, index, value);
        self.within(result)
    }

    fn table_grow(
        &mut self,
        table: &str,
        value: &TheirValue,
        by: u64,
    ) -> Result<Option<u64>, Halt> {
        let (table, value) = (self.table(table)?, self.reference(value)?);
        let result = self.store.table_grow(table, by, value);
        self.settle(result)
    }

    fn table_fill(
        &mut self,
        table: &str,
        from: u64,
        value: &TheirValue,
        count: u64,
    ) -> Result<bool, Halt> {
        let (table, value) = (self.table(table)?, self.reference(value)?);
        let result = self.store.table_fill(table, from, value, count);
        self.within(result)
    }

    fn table_copy(&mut self, to: (&str, u64), from: (&str, u64), count: u64) -> Result<bool, Halt> {
        let (target, source) = (self.table(to.0)?, self.table(from.0)?);
        let result = self
            .store
            .table_copy((target, to.1), (source, from.1), count);
        self.within(result)
    }

    fn global_get(&mut self, global: &str) -> Result<TheirValue, Halt> {
        let value = self.store.global_get(self.global(global)?);
        self.settle(value)
    }

    fn global_set(&mut self, global: &str, value: &TheirValue) -> Result<(), Halt> {
        let global = self.global(global)?;
        let result = self.store.global_set(global, *value);
        self.settle(result)
    }

    fn struct_new(&mut self, fields: &[TheirValue]) -> Result<TheirValue, Halt> {
        let ty = self.result_type()?;
        let made = self.store.new_struct(ty, fields);
        self.settle(made).map(|a| TheirRef::Struct(a).into())
    }

    fn array_new(&mut self, element: &TheirValue, length: u32) -> Result<TheirValue, Halt> {
        let ty = self.result_type()?;
        let made = self.store.new_array_filled(ty, *element, length);
        self.settle(made).map(|a| TheirRef::Array(a).into())
    }

    fn call(&mut self, export: &str, args: &[TheirValue]) -> Result<Vec<TheirValue>, Halt> {
        let Some(Extern::Func(func)) = self.export(export) else {
            return Err(self.trap(Trap::Unreachable));
        };
        let result = invoke(self.store, func, args);
        match result {
            Err(Halt::Misuse(Misuse::Arguments)) => Err(self.trap(Trap::CastFailure)),
            other => other,
        }
    }

    fn unsigned(&self, value: &TheirValue) -> Option<u64> {
        match *value {
            TheirValue::I32(value) => Some(u64::from(value)),
            TheirValue::I64(value) => Some(value),
            _ => None,
        }
    }

    fn integer(&self, value: u64, wide: bool) -> TheirValue {
        if wide {
            TheirValue::I64(value)
        } else {
            TheirValue::I32(value as u32)
        }
    }
}

/// Calls a function. The embedder holds handles on the arguments until it returns, even if the
/// program drops them earlier.
pub(super) fn invoke(
    store: &mut Store,
    func: FuncAddr,
    args: &[TheirValue],
) -> Result<Vec<TheirValue>, Halt> {
    let references = args.iter().filter_map(|arg| arg.as_ref());
    let held: Vec<_> = references.map(|reference| store.hold(reference)).collect();
    let result = store.invoke(func, args);
    for handle in held {
        store.release(handle);
    }
    result
}

/// The `spectest` module in a store.
pub(super) struct Spectest {
    items: Vec<(&'static str, Extern)>,
}

impl Spectest {
    pub(super) fn new(store: &mut Store) -> Result<Spectest, Halt> {
        let mut items = Vec::new();
        for (name, value) in spectest::GLOBALS {
            items.push((name, Extern::Global(global(store, value)?)));
        }
        for table in spectest::TABLES {
            items.push((table.name, Extern::Table(null_table(store, table)?)));
        }
        items.push((spectest::MEMORY.0, Extern::Mem(memory(store)?)));
        for (name, params) in spectest::FUNCS {
            let params = params.iter().map(|&ty| number_type(ty)).collect();
            let ty = store.define_func(FuncType {
                params,
                results: Box::new([]),
            });
            let func = store.add_host_function(ty, |_, _| Ok(Vec::new()))?;
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
    pub(super) fn funcs(&self) -> impl Iterator<Item = (FuncAddr, &'static str)> {
        self.items.iter().filter_map(|(name, item)| match item {
            Extern::Func(func) => Some((*func, *name)),
            _ => None,
        })
    }
}

fn global(store: &mut Store, value: crate::value::Value) -> Result<GlobalAddr, Halt> {
    let value = observe::number(value).ok_or(Halt::Misuse(Misuse::ValueType))?;
    let val = match value {
        TheirValue::I32(_) => ValType::I32,
        TheirValue::I64(_) => ValType::I64,
        TheirValue::F32(_) => ValType::F32,
        TheirValue::F64(_) => ValType::F64,
        TheirValue::V128(_) | TheirValue::Ref(_) => ValType::V128,
    };
    store.add_global(
        GlobalType {
            mutable: false,
            val,
        },
        value,
    )
}

fn null_table(store: &mut Store, table: spectest::SpectestTable) -> Result<TableAddr, Halt> {
    let ty = TableType {
        addr: if table.wide {
            AddrType::I64
        } else {
            AddrType::I32
        },
        limits: Limits {
            min: table.least,
            max: Some(table.most),
        },
        elem: RefType::FUNCREF,
    };
    store.add_table(ty, TheirRef::Null)
}

fn memory(store: &mut Store) -> Result<MemAddr, Halt> {
    let (_, min, max) = spectest::MEMORY;
    store.add_memory(MemType {
        addr: AddrType::I32,
        limits: Limits {
            min,
            max: Some(max),
        },
    })
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
