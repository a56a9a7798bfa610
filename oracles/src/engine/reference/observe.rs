//! The reference's values and objects as engine-neutral ones.
//!
//! While a graph is built, the key of an object is its address in the store, which never changes. A
//! null reference does not know its hierarchy, so every value is observed together with the type of
//! the place that holds it.

use gcrucible_reference::execution::{
    ArrayAddr, ExnAddr, Extern, FuncAddr, Halt, InstanceAddr, Object, Ref as TheirRef, Store,
    StructAddr, Stuck, Value as TheirValue,
};
use gcrucible_reference::reach::Census as TheirCensus;
use gcrucible_reference::syntax::{
    AbsHeapType, CompositeType, DefTypeId, HeapType, TypeStore, TypeUse, ValType,
};

use super::{Called, Names};
use crate::case::InstanceIndex;
use crate::leak::{Census, LiveKind};
use crate::observe::{
    FuncKey, GraphBuilder, InstanceState, MemoryState, Node, Observation, TypeKey,
    observed_elements,
};
use crate::outcome::Outcome;
use crate::value::{HeapTop, Ref, Target, Value};

/// What a node stands for.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Key {
    Struct(StructAddr),
    Array(ArrayAddr),
    Exception(ExnAddr),
    Func(FuncAddr),
}

type Builder = GraphBuilder<Key>;

/// Returns a number in the reference's own form, or `None` for a reference.
pub(super) fn number(value: Value) -> Option<TheirValue> {
    Some(match value {
        Value::I32(value) => TheirValue::I32(value as u32),
        Value::I64(value) => TheirValue::I64(value as u64),
        Value::F32(bits) => TheirValue::F32(bits),
        Value::F64(bits) => TheirValue::F64(bits),
        Value::V128(bits) => TheirValue::V128(bits.into()),
        Value::Ref(_) => return None,
    })
}

/// Returns the hierarchy of a heap type.
pub(super) fn top(types: &TypeStore, heap: HeapType) -> HeapTop {
    match heap {
        HeapType::Abs(abs) => match abs {
            AbsHeapType::Any
            | AbsHeapType::Eq
            | AbsHeapType::I31
            | AbsHeapType::Struct
            | AbsHeapType::Array
            | AbsHeapType::None
            | AbsHeapType::Bot => HeapTop::Any,
            AbsHeapType::Func | AbsHeapType::NoFunc => HeapTop::Func,
            AbsHeapType::Exn | AbsHeapType::NoExn => HeapTop::Exn,
            AbsHeapType::Extern | AbsHeapType::NoExtern => HeapTop::Extern,
        },
        HeapType::Use(TypeUse::Def(id)) => match types.expand(id) {
            CompositeType::Func(_) => HeapTop::Func,
            CompositeType::Struct(_) | CompositeType::Array(_) => HeapTop::Any,
        },
        // Types in a store are closed.
        HeapType::Use(TypeUse::Idx(_) | TypeUse::Rec(_)) => HeapTop::Any,
    }
}

/// Reads a store.
struct Observer<'a> {
    store: &'a Store,
    names: &'a Names,
}

impl Observer<'_> {
    fn value(&self, builder: &mut Builder, value: TheirValue, ty: ValType) -> Value {
        match value {
            TheirValue::I32(value) => Value::I32(value as i32),
            TheirValue::I64(value) => Value::I64(value as i64),
            TheirValue::F32(bits) => Value::F32(bits),
            TheirValue::F64(bits) => Value::F64(bits),
            TheirValue::V128(bits) => Value::V128(bits.bits()),
            TheirValue::Ref(r) => {
                let heap = match ty {
                    ValType::Ref(ty) => ty.heap,
                    _ => HeapType::Abs(AbsHeapType::Any),
                };
                Value::Ref(self.reference(builder, r, heap))
            }
        }
    }

    fn reference(&self, builder: &mut Builder, r: TheirRef, heap: HeapType) -> Ref {
        let top = match r {
            TheirRef::Null => return Ref::null(top(self.store.types(), heap)),
            TheirRef::Func(_) => HeapTop::Func,
            TheirRef::Exn(_) => HeapTop::Exn,
            TheirRef::Extern(_) => HeapTop::Extern,
            TheirRef::I31(_) | TheirRef::Struct(_) | TheirRef::Array(_) | TheirRef::Host(_) => {
                HeapTop::Any
            }
        };
        let to = match r.unwrapped() {
            // `REF.EXTERN` never wraps null or another `REF.EXTERN`.
            TheirRef::Null | TheirRef::Extern(_) => Target::Null,
            TheirRef::I31(value) => Target::I31(value & 0x7fff_ffff),
            // Every host object here was made by the store.
            TheirRef::Host(a) => Target::Host(self.store.host_number(a).unwrap_or(u32::MAX)),
            TheirRef::Struct(a) => Target::Node(builder.number(Key::Struct(a))),
            TheirRef::Array(a) => Target::Node(builder.number(Key::Array(a))),
            TheirRef::Func(a) => Target::Node(builder.number(Key::Func(self.same_func(a)))),
            TheirRef::Exn(a) => Target::Node(builder.number(Key::Exception(a))),
        };
        Ref { top, to }
    }

    /// Everything that an instance exports and that can change.
    fn instance(
        &self,
        builder: &mut Builder,
        index: InstanceIndex,
        address: InstanceAddr,
    ) -> Result<InstanceState, Halt> {
        let mut state = InstanceState {
            instance: Some(index),
            ..InstanceState::default()
        };
        for (name, item) in self.store.instance(address)?.exports() {
            let name = name.to_owned();
            match item {
                Extern::Global(a) => {
                    let ty = self.store.global_type(a)?.val;
                    let value = self.value(builder, self.store.global_get(a)?, ty);
                    state.globals.push((name, value));
                }
                Extern::Table(a) => {
                    let heap = self.store.table_type(a)?.elem.heap;
                    let elements = self.store.table_elements(a)?.iter();
                    let elements = elements.map(|&r| self.reference(builder, r, heap));
                    state.tables.push((name, elements.collect()));
                }
                Extern::Mem(a) => {
                    let memory = MemoryState::of(self.store.memory_bytes(a)?);
                    state.memories.push((name, memory));
                }
                Extern::Func(_) | Extern::Tag(_) => {}
            }
        }
        Ok(state)
    }

    /// An object, with what it refers to put on the list.
    fn node(&self, key: Key, builder: &mut Builder) -> Result<Node, Halt> {
        match key {
            Key::Func(a) => self.func(a).map(Node::Func),
            Key::Struct(a) => self.object(TheirRef::Struct(a), builder),
            Key::Array(a) => self.array(a, builder),
            Key::Exception(a) => self.object(TheirRef::Exn(a), builder),
        }
    }

    fn key(&self, ty: DefTypeId) -> Result<TypeKey, Halt> {
        let key = self.names.types.get(&ty).copied();
        key.ok_or(Halt::Stuck(Stuck::Address))
    }

    fn array(&self, a: ArrayAddr, builder: &mut Builder) -> Result<Node, Halt> {
        let (ty, len) = (self.store.array_type(a)?, self.store.array_len(a)?);
        let CompositeType::Array(of) = self.store.types().expand(ty) else {
            return Err(Halt::Stuck(Stuck::Address));
        };
        let of = of.storage.unpack();
        let mut elements = Vec::new();
        for at in observed_elements(len) {
            elements.push(self.value(builder, self.store.array_get(a, at)?, of));
        }
        let ty = self.key(ty)?;
        Ok(Node::Array { ty, len, elements })
    }

    /// A structure or an exception.
    fn object(&self, r: TheirRef, builder: &mut Builder) -> Result<Node, Halt> {
        let types = self.store.types();
        let lost = Halt::Stuck(Stuck::Address);
        match self.store.object(r)?.ok_or(lost)? {
            Object::Struct { ty, fields } => {
                let CompositeType::Struct(of) = types.expand(ty) else {
                    return Err(lost);
                };
                let pairs = fields.into_iter().zip(of);
                let fields =
                    pairs.map(|(value, field)| self.value(builder, value, field.storage.unpack()));
                Ok(Node::Struct {
                    fields: fields.collect(),
                    ty: self.key(ty)?,
                })
            }
            Object::Exception { tag, fields } => {
                let of = types.expand_func(self.store.tag_type(tag)?).ok_or(lost)?;
                let pairs = fields.into_iter().zip(of.params.iter());
                let arguments = pairs.map(|(value, &ty)| self.value(builder, value, ty));
                Ok(Node::Exception {
                    arguments: arguments.collect(),
                    tag: self.names.tags.get(&tag).copied(),
                })
            }
            Object::Array { .. } | Object::Host(_) => Err(lost),
        }
    }

    /// The first function with the same definition. Each import of a host function makes a function
    /// of its own, and nothing can tell these apart.
    fn same_func(&self, a: FuncAddr) -> FuncAddr {
        let funcs = &self.names.host_funcs;
        let Some(definition) = funcs.get(&a) else {
            return a;
        };
        let same = funcs.iter().find(|(_, other)| *other == definition);
        same.map_or(a, |(&first, _)| first)
    }

    fn func(&self, a: FuncAddr) -> Result<FuncKey, Halt> {
        let lost = Halt::Stuck(Stuck::Address);
        if let Some((instance, index)) = self.store.func_origin(a)? {
            let instance = self.names.instances.get(&instance).copied().ok_or(lost)?;
            return Ok(FuncKey::Wasm {
                instance,
                index: index.0,
            });
        }
        let (module, name) = self.names.host_funcs.get(&a).ok_or(lost)?;
        Ok(FuncKey::Host {
            module: (*module).to_owned(),
            name: name.clone(),
        })
    }
}

/// Returns what a step showed. If the store cannot be read, the reference is stuck.
pub(super) fn observation(
    store: &Store,
    names: &Names,
    called: Result<Called, Outcome>,
    instances: &[(InstanceIndex, InstanceAddr)],
) -> Observation {
    let observer = Observer { store, names };
    let mut builder = GraphBuilder::new();
    let outcome = match called {
        Err(outcome) => outcome,
        Ok(Called::Returned(values)) => {
            let values = values
                .into_iter()
                .map(|(value, ty)| observer.value(&mut builder, value, ty));
            Outcome::Returned(values.collect())
        }
        Ok(Called::Threw(exception)) => {
            let node = builder.number(Key::Exception(exception));
            Outcome::Threw(Ref::node(HeapTop::Exn, node))
        }
    };
    let states: Result<Vec<InstanceState>, Halt> = instances
        .iter()
        .map(|&(index, address)| observer.instance(&mut builder, index, address))
        .collect();
    let graph = builder.finish(|&key, builder| observer.node(key, builder));
    match (states, graph) {
        (Ok(instances), Ok(graph)) => Observation {
            outcome,
            instances,
            graph,
        },
        (Err(halt), _) | (_, Err(halt)) => {
            Observation::bare(Outcome::Stuck(format!("observing: {halt}")))
        }
    }
}

/// Returns a census with the names of types.
pub(super) fn census(theirs: &TheirCensus, names: &Names) -> Census {
    let mut census = Census::default();
    // Every object's type was named when its module was loaded.
    let key = |ty| names.types.get(ty).copied();
    for (ty, &count) in &theirs.structs {
        if let Some(ty) = key(ty) {
            census.add(LiveKind::Struct(ty), count);
        }
    }
    for (ty, &count) in &theirs.arrays {
        if let Some(ty) = key(ty) {
            census.add(LiveKind::Array(ty), count);
        }
    }
    census.add(LiveKind::Exception, theirs.exceptions);
    census.add(LiveKind::Host, theirs.hosts);
    census
}
