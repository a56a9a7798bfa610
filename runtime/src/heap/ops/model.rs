//! The model: objects in a map, references as numbers, nothing ever freed by itself. What is live
//! is computed by reachability.

use std::collections::BTreeMap;
use std::fmt;

use super::Op;
use super::types::{ARRAYS, EXCEPTION, HOST, NODE, SUBNODE, storages};
use crate::heap::layout::Kind;
use crate::heap::{AccessError, AllocError, HeapFault};
use crate::types::{HeapKind, StorageKind, ValKind};

/// A reference of the model: 0 is null, an odd number an i31, else twice (position + 1).
pub type Ref = u32;

/// What went wrong in a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mismatch {
    /// Number of the operation, from 0.
    pub step: u64,
    /// The operation; `None` at the end of the run.
    pub op: Option<Op>,
    /// What.
    pub what: What,
}

/// A difference between heap and model.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum What {
    /// The heap found a fault.
    Fault(HeapFault),
    /// An array access inside of the bounds was refused, or one outside was not.
    Bounds,
    /// An allocation failed that should not, or the other way round.
    Allocation(AllocError),
    /// A value differs, or the shape of the graph.
    Value {
        /// The object in the heap.
        object: u32,
        /// Its field or element.
        at: u32,
        /// In the heap.
        found: u128,
        /// In the model.
        expected: u128,
    },
    /// An object has another kind, type or length.
    Object {
        /// The object in the heap.
        object: u32,
        /// Kind, type and length in the heap.
        found: (Kind, u32, u32),
        /// In the model.
        expected: (Kind, u32, u32),
    },
    /// Null, i31 and objects are confused.
    Reference {
        /// In the heap.
        found: u32,
        /// In the model.
        expected: u32,
    },
    /// Another number of live objects.
    Census {
        /// Kind and type.
        of: (Kind, u32),
        /// In the heap.
        found: u64,
        /// In the model.
        expected: u64,
    },
    /// A host object died too early, too late or twice.
    HostObject {
        /// Its number.
        number: u32,
    },
}

impl fmt::Display for Mismatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "step {} ({:?}): ", self.step, self.op)?;
        match &self.what {
            What::Fault(fault) => fault.fmt(f),
            other => write!(f, "{other:?}"),
        }
    }
}

impl std::error::Error for Mismatch {}

impl From<HeapFault> for What {
    fn from(fault: HeapFault) -> What {
        What::Fault(fault)
    }
}

impl From<AccessError> for What {
    fn from(error: AccessError) -> What {
        match error {
            AccessError::OutOfBounds => What::Bounds,
            AccessError::Fault(fault) => What::Fault(fault),
        }
    }
}

/// An object of the model.
#[derive(Clone, Debug)]
pub struct Object {
    /// Its kind.
    pub kind: Kind,
    /// Its type; 0 for host references.
    pub ty: u32,
    /// Length, number of the host object or identity of the tag.
    pub word: u32,
    /// Fields or elements.
    pub values: Vec<u128>,
}

/// All objects.
#[derive(Debug, Default)]
pub struct Model {
    objects: Vec<Option<Object>>,
    vacant: Vec<u32>,
    /// Every object ever made, by kind and type.
    pub made: BTreeMap<(Kind, u32), u64>,
}

/// Position of an object, if the reference is one.
#[must_use]
pub fn position(reference: Ref) -> Option<usize> {
    (reference & 1 == 0 && reference != 0).then(|| reference as usize / 2 - 1)
}

/// Storage type of a field or element.
#[must_use]
pub fn storage(ty: u32, at: usize) -> StorageKind {
    let of = storages(ty);
    of[if ARRAYS.contains(&ty) { 0 } else { at }]
}

/// Whether a storage type holds references of the collected heap.
#[must_use]
pub fn is_ref(storage: StorageKind) -> bool {
    crate::heap::layout::is_traced(storage)
}

impl Model {
    /// Adds an object.
    pub fn add(&mut self, object: Object) -> Ref {
        *self.made.entry((object.kind, object.ty)).or_insert(0) += 1;
        let at = match self.vacant.pop() {
            Some(at) => {
                self.objects[at as usize] = Some(object);
                at
            }
            None => {
                self.objects.push(Some(object));
                self.objects.len() as u32 - 1
            }
        };
        (at + 1) * 2
    }

    /// The object a reference refers to.
    #[must_use]
    pub fn get(&self, reference: Ref) -> Option<&Object> {
        self.objects.get(position(reference)?)?.as_ref()
    }

    /// The object a reference refers to.
    pub fn get_mut(&mut self, reference: Ref) -> Option<&mut Object> {
        self.objects.get_mut(position(reference)?)?.as_mut()
    }

    /// Positions from 0 to this cover all objects.
    #[must_use]
    pub fn positions(&self) -> usize {
        self.objects.len()
    }

    /// Whether a reference may be stored in a place of that type.
    #[must_use]
    pub fn fits(&self, reference: Ref, storage: StorageKind) -> bool {
        let StorageKind::Val(ValKind::Ref(ty)) = storage else {
            return false;
        };
        if reference == 0 {
            return true;
        }
        let object = self.get(reference).map(|o| (o.kind, o.ty));
        match (ty.heap, object) {
            (HeapKind::Any | HeapKind::Extern, Some((kind, _))) => kind != Kind::Exception,
            (HeapKind::Any | HeapKind::Extern | HeapKind::Eq | HeapKind::I31, None) => true,
            (HeapKind::Eq, Some((kind, _))) => matches!(kind, Kind::Struct | Kind::Array),
            (HeapKind::Defined(..), Some((_, ty))) => ty == NODE || ty == SUBNODE,
            _ => false,
        }
    }

    /// Which objects are reachable.
    #[must_use]
    pub fn reach(&self, roots: &[Ref]) -> Vec<bool> {
        let mut reached = vec![false; self.objects.len()];
        let mut pending: Vec<usize> = roots.iter().filter_map(|&r| position(r)).collect();
        while let Some(at) = pending.pop() {
            if std::mem::replace(&mut reached[at], true) {
                continue;
            }
            self.each_edge(at, &mut |to| {
                if !reached[to] {
                    pending.push(to);
                }
            });
        }
        reached
    }

    /// Extends what is reachable by what reference counting cannot reclaim: garbage cycles, and
    /// what they refer to.
    pub fn add_cycles(&self, kept: &mut [bool]) {
        let mut edges = vec![0u32; self.objects.len()];
        for (at, _) in kept.iter().enumerate().filter(|(_, kept)| !**kept) {
            self.each_edge(at, &mut |to| edges[to] += 1);
        }
        let free = |at: usize, edges: &[u32]| !kept[at] && edges[at] == 0;
        let mut dead: Vec<usize> = (0..edges.len()).filter(|&at| free(at, &edges)).collect();
        let mut gone = vec![false; edges.len()];
        while let Some(at) = dead.pop() {
            gone[at] = true;
            self.each_edge(at, &mut |to| {
                edges[to] -= 1;
                if !kept[to] && edges[to] == 0 {
                    dead.push(to);
                }
            });
        }
        for (kept, gone) in kept.iter_mut().zip(gone) {
            *kept |= !gone;
        }
    }

    fn each_edge(&self, at: usize, visit: &mut dyn FnMut(usize)) {
        let Some(object) = &self.objects[at] else {
            return;
        };
        if object.kind == Kind::Array {
            if is_ref(storage(object.ty, 0)) {
                let refs = object.values.iter().filter_map(|&v| position(v as u32));
                refs.for_each(visit);
            }
            return;
        }
        for (field, &value) in storages(object.ty).iter().zip(&object.values) {
            if let (true, Some(to)) = (is_ref(*field), position(value as u32)) {
                visit(to);
            }
        }
    }

    /// Removes the objects that are not kept.
    pub fn remove(&mut self, kept: &[bool]) {
        for (at, object) in self.objects.iter_mut().enumerate() {
            if !kept[at] && object.take().is_some() {
                self.vacant.push(at as u32);
            }
        }
    }

    /// The objects there are, by kind and type.
    #[must_use]
    pub fn census(&self) -> BTreeMap<(Kind, u32), u64> {
        let mut census = BTreeMap::new();
        for object in self.objects.iter().flatten() {
            *census.entry((object.kind, object.ty)).or_insert(0) += 1;
        }
        census
    }

    /// Numbers of the host objects that are referred to.
    pub fn hosts(&self) -> impl Iterator<Item = u32> {
        let externs = self.objects.iter().flatten();
        externs.filter(|o| o.kind == Kind::Extern).map(|o| o.word)
    }

    /// The kind of a type's objects.
    #[must_use]
    pub fn kind(ty: u32) -> Kind {
        match ty {
            HOST => Kind::Extern,
            EXCEPTION => Kind::Exception,
            ty if ARRAYS.contains(&ty) => Kind::Array,
            _ => Kind::Struct,
        }
    }
}
