//! The runtime's values and objects as engine-neutral ones. They are read in a scope in which
//! nothing collects.
//!
//! While a graph is built, the key of an object is its raw reference, which stays valid because
//! nothing moves.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::sync::Arc;

use gcrucible_runtime::embed::{
    AsContext, Census as TheirCensus, Error, Extern, Func, FuncOrigin, HeapType, Instance, NoGc,
    ObjectKind, RawRef, RawVal, Val,
};

use super::errors::outcome;
use super::{Called, Names, Scope};
use crate::case::InstanceIndex;
use crate::leak::{Census, LiveKind};
use crate::observe::{
    FuncKey, GraphBuilder, InstanceState, MemoryState, Node, Observation, TypeKey,
    observed_elements,
};
use crate::outcome::Outcome;
use crate::value::{HeapTop, Ref, Target, Value};

/// What is behind an external reference.
#[derive(Clone)]
pub(super) struct HostObject {
    pub(super) number: u32,
    _alive: Arc<()>,
}

impl HostObject {
    /// Makes an object that carries a number. The count of clones of `alive` says how many objects
    /// exist.
    pub(super) fn new(number: u32, alive: &Arc<()>) -> HostObject {
        HostObject {
            number,
            _alive: Arc::clone(alive),
        }
    }
}

/// What a node stands for.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Key {
    Object(u32),
    Func(FuncKey),
}

type Builder = GraphBuilder<Key>;

/// Returns a number as a value of the runtime. Zero for a reference.
pub(super) fn number(value: Value) -> Val {
    match value {
        Value::I32(value) => Val::I32(value),
        Value::I64(value) => Val::I64(value),
        Value::F32(bits) => Val::F32(bits),
        Value::F64(bits) => Val::F64(bits),
        Value::V128(bits) => Val::V128(bits),
        Value::Ref(_) => Val::I32(0),
    }
}

/// Reads a store.
struct Observer<'s> {
    scope: &'s NoGc<'s>,
    names: &'s Names,
    /// Objects met so far, by key.
    met: RefCell<BTreeMap<u32, RawRef<'s>>>,
}

impl<'s> Observer<'s> {
    fn value(&self, builder: &mut Builder, value: RawVal<'s>) -> Result<Value, Error> {
        Ok(match value {
            RawVal::I32(value) => Value::I32(value as i32),
            RawVal::I64(value) => Value::I64(value as i64),
            RawVal::F32(bits) => Value::F32(bits),
            RawVal::F64(bits) => Value::F64(bits),
            RawVal::V128(bits) => Value::V128(bits),
            RawVal::Func(None) => Value::Ref(Ref::null(HeapTop::Func)),
            RawVal::Func(Some(func)) => {
                let node = builder.number(Key::Func(self.func(func)?));
                Value::Ref(Ref::node(HeapTop::Func, node))
            }
            RawVal::Any(raw) => Value::Ref(self.reference(builder, raw, HeapTop::Any)?),
            RawVal::Extern(raw) => Value::Ref(self.reference(builder, raw, HeapTop::Extern)?),
            RawVal::Exn(raw) => Value::Ref(self.reference(builder, raw, HeapTop::Exn)?),
        })
    }

    fn reference(
        &self,
        builder: &mut Builder,
        raw: Option<RawRef<'s>>,
        top: HeapTop,
    ) -> Result<Ref, Error> {
        let Some(raw) = raw else {
            return Ok(Ref::null(top));
        };
        if let Some(scalar) = raw.as_i31() {
            let to = Target::I31(scalar.get_u32());
            return Ok(Ref { top, to });
        }
        if raw.kind()? == Some(ObjectKind::Extern) {
            let number = raw.host(|object| object.downcast_ref().map(|o: &HostObject| o.number))?;
            // The harness made every host object, and gave it a number.
            let to = Target::Host(number.flatten().unwrap_or(u32::MAX));
            return Ok(Ref { top, to });
        }
        self.met.borrow_mut().insert(raw.identity(), raw);
        Ok(Ref::node(top, builder.number(Key::Object(raw.identity()))))
    }

    fn func(&self, func: Func) -> Result<FuncKey, Error> {
        Ok(match self.scope.func_origin(&func)? {
            FuncOrigin::Wasm { instance, index } => {
                let known = self.names.instances.get(&instance.number().0);
                FuncKey::Wasm {
                    instance: known.copied().unwrap_or(InstanceIndex(u32::MAX)),
                    index: index.0,
                }
            }
            FuncOrigin::Host(number) => {
                let (module, name) = self
                    .names
                    .host_funcs
                    .get(&number)
                    .cloned()
                    .unwrap_or_default();
                FuncKey::Host {
                    module: module.to_owned(),
                    name,
                }
            }
        })
    }

    fn type_key(&self, ty: Option<&HeapType>) -> TypeKey {
        type_key(self.names, ty).unwrap_or(UNKNOWN_TYPE)
    }

    /// An object, with what it refers to put on the list.
    fn node(&self, key: &Key, builder: &mut Builder) -> Result<Node, Error> {
        let identity = match key {
            Key::Func(func) => return Ok(Node::Func(func.clone())),
            Key::Object(identity) => identity,
        };
        let raw = self.met.borrow().get(identity).copied();
        let raw = raw.ok_or_else(|| Error::host("an object that was never met"))?;
        let (kind, len) = (raw.kind()?, raw.len()?);
        let mut values = Vec::new();
        let mut read = |at| -> Result<(), Error> {
            values.push(self.value(builder, raw.get(at)?)?);
            Ok(())
        };
        match kind {
            Some(ObjectKind::Array) => observed_elements(len).try_for_each(&mut read)?,
            _ => (0..len).try_for_each(&mut read)?,
        }
        Ok(match kind {
            Some(ObjectKind::Struct) => Node::Struct {
                ty: self.type_key(raw.ty()?.as_ref()),
                fields: values,
            },
            Some(ObjectKind::Array) => Node::Array {
                ty: self.type_key(raw.ty()?.as_ref()),
                len,
                elements: values,
            },
            Some(ObjectKind::Exception) => Node::Exception {
                tag: self.names.tags.get(&raw.tag()?.0).copied(),
                arguments: values,
            },
            Some(ObjectKind::Extern) | None => return Err(Error::host("an object of no kind")),
        })
    }

    /// The global or table behind one export, if it is one.
    fn export(
        &self,
        builder: &mut Builder,
        state: &mut InstanceState,
        name: &str,
        item: Extern,
        size: u64,
    ) -> Result<(), Error> {
        match item {
            Extern::Global(global) => {
                let value = self.value(builder, self.scope.global(&global)?)?;
                state.globals.push((name.to_owned(), value));
            }
            Extern::Table(table) => {
                let mut elements = Vec::new();
                for at in 0..size {
                    let element = self.scope.element(&table, at)?;
                    let element =
                        element.ok_or_else(|| Error::host("a table shorter than its size"))?;
                    if let Value::Ref(element) = self.value(builder, element)? {
                        elements.push(element);
                    }
                }
                state.tables.push((name.to_owned(), elements));
            }
            Extern::Func(_) | Extern::Memory(_) | Extern::Tag(_) => {}
        }
        Ok(())
    }
}

/// Stands for a type that no module defined. It differs from every type of the reference.
const UNKNOWN_TYPE: TypeKey = TypeKey {
    module: crate::case::ModuleIndex(u32::MAX),
    index: u32::MAX,
};

fn type_key(names: &Names, ty: Option<&HeapType>) -> Option<TypeKey> {
    let id = match ty? {
        HeapType::ConcreteStruct(ty) => ty.id(),
        HeapType::ConcreteArray(ty) => ty.id(),
        HeapType::ConcreteFunc(ty) => ty.id(),
        _ => return None,
    };
    names.types.get(&id).copied()
}

/// The exports of one instance that can change: sizes of tables, and memories as they are.
struct Exports {
    items: Vec<(Box<str>, Extern, u64)>,
    state: InstanceState,
}

fn exports(store: &Scope<'_>, index: InstanceIndex, instance: Instance) -> Result<Exports, Error> {
    let mut state = InstanceState {
        instance: Some(index),
        ..InstanceState::default()
    };
    let mut items = Vec::new();
    for (name, item) in instance.exports(store) {
        match item {
            Extern::Memory(memory) => {
                let bytes = MemoryState::of(memory.data(store)?);
                state.memories.push((name.into(), bytes));
            }
            Extern::Table(table) => {
                let size = table.size(store.as_context())?;
                items.push((name, item, size));
            }
            Extern::Global(_) => items.push((name, item, 0)),
            Extern::Func(_) | Extern::Tag(_) => {}
        }
    }
    Ok(Exports { items, state })
}

/// Returns what a step showed. A store that cannot be read is a crash.
pub(super) fn observation(
    store: &mut Scope<'_>,
    names: &Names,
    called: Result<Called, Outcome>,
    instances: &[(InstanceIndex, Instance)],
) -> Observation {
    match observe(store, names, called, instances) {
        Ok(observation) => observation,
        Err(error) => Observation::bare(match outcome(&error, names) {
            crashed @ Outcome::Crashed(_) => crashed,
            other => Outcome::Crashed(format!("observing: {other}")),
        }),
    }
}

fn observe(
    store: &mut Scope<'_>,
    names: &Names,
    called: Result<Called, Outcome>,
    instances: &[(InstanceIndex, Instance)],
) -> Result<Observation, Error> {
    let mut found = Vec::new();
    for &(index, instance) in instances {
        found.push(exports(store, index, instance)?);
    }
    let scope = NoGc::new(store);
    let observer = Observer {
        scope: &scope,
        names,
        met: RefCell::default(),
    };
    let mut builder = GraphBuilder::new();
    let outcome = match called {
        Err(outcome) => outcome,
        Ok(Called::Returned(values)) => {
            let mut seen = Vec::new();
            for value in &values {
                seen.push(observer.value(&mut builder, scope.val(value)?)?);
            }
            Outcome::Returned(seen)
        }
        Ok(Called::Threw(exception)) => {
            let raw = scope.get(&*exception)?;
            Outcome::Threw(observer.reference(&mut builder, Some(raw), HeapTop::Exn)?)
        }
    };
    let mut states = Vec::new();
    for Exports { items, mut state } in found {
        for (name, item, size) in items {
            observer.export(&mut builder, &mut state, &name, item, size)?;
        }
        states.push(state);
    }
    let graph = builder.finish(|key, builder| observer.node(key, builder))?;
    Ok(Observation {
        outcome,
        instances: states,
        graph,
    })
}

/// Returns a census with the names of types.
pub(super) fn census(theirs: &TheirCensus, names: &Names) -> Census {
    let mut census = Census::default();
    for entry in &theirs.entries {
        let key = type_key(names, entry.ty.as_ref()).unwrap_or(UNKNOWN_TYPE);
        let kind = match entry.kind {
            ObjectKind::Struct => LiveKind::Struct(key),
            ObjectKind::Array => LiveKind::Array(key),
            ObjectKind::Exception => LiveKind::Exception,
            ObjectKind::Extern => LiveKind::Host,
        };
        census.add(kind, entry.count);
    }
    census
}
