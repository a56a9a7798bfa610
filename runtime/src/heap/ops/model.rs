//! The model: numbered objects that refer to each other by number. It frees nothing by itself.
//! Which objects are live is computed by reachability.

use std::collections::BTreeMap;
use std::fmt;

use super::Op;
use super::types::{ARRAYS, EXCEPTION, HOST, NODE, SUBNODE, storages};
use crate::heap::layout::Kind;
use crate::heap::{AccessError, AllocError, HeapFault};
use crate::types::{HeapKind, StorageKind, ValKind};

/// A reference of the model. 0 is null, and an odd number is an i31. Any other number is twice the
/// position of an object plus 2.
pub type Ref = u32;

/// The end of a run that went wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mismatch {
    /// The number of the operation, from 0.
    pub step: u64,
    /// The operation, or `None` at the end of the run.
    pub op: Option<Op>,
    /// What is wrong.
    pub kind: MismatchKind,
}

/// A difference between heap and model.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MismatchKind {
    /// The heap found a fault.
    Fault(HeapFault),
    /// An array access inside the bounds was refused, or one outside was not.
    Bounds,
    /// An allocation failed that should succeed, or succeeded that should fail.
    Allocation(AllocError),
    /// A value differs.
    Value {
        /// The offset of the object in the heap.
        object: u32,
        /// Its field or element.
        at: u32,
        /// What the heap has.
        found: u128,
        /// What the model has.
        expected: u128,
    },
    /// An object has another kind, type or length.
    Object {
        /// The offset of the object in the heap.
        object: u32,
        /// Kind, type and last word of the header in the heap.
        found: (Kind, u32, u32),
        /// What the model has.
        expected: (Kind, u32, u32),
    },
    /// A reference differs: null, i31 and objects are confused.
    Reference {
        /// What the heap has.
        found: u32,
        /// What the model has.
        expected: u32,
    },
    /// The number of live objects differs.
    Census {
        /// Their kind and type.
        of: (Kind, u32),
        /// What the heap has.
        found: u64,
        /// What the model has.
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
        match &self.kind {
            MismatchKind::Fault(fault) => fault.fmt(f),
            other => write!(f, "{other:?}"),
        }
    }
}

impl std::error::Error for Mismatch {}

impl From<HeapFault> for MismatchKind {
    fn from(fault: HeapFault) -> MismatchKind {
        MismatchKind::Fault(fault)
    }
}

impl From<AccessError> for MismatchKind {
    fn from(error: AccessError) -> MismatchKind {
        match error {
            AccessError::OutOfBounds => MismatchKind::Bounds,
            AccessError::Fault(fault) => MismatchKind::Fault(fault),
        }
    }
}

/// An object of the model.
#[derive(Clone, Debug)]
pub struct Object {
    /// Its kind.
    pub kind: Kind,
    /// Its type, or 0 for a reference of the host.
    pub ty: u32,
    /// Length, number of the host object, or identity of the tag.
    pub word: u32,
    /// Its fields or elements.
    pub values: Vec<u128>,
}

/// All objects.
#[derive(Debug, Default)]
pub struct Model {
    objects: Vec<Option<Object>>,
    vacant: Vec<u32>,
    /// How many objects were ever made, by kind and type.
    pub made: BTreeMap<(Kind, u32), u64>,
}

/// Returns the position of the object that the reference refers to.
#[must_use]
pub fn position(reference: Ref) -> Option<usize> {
    (reference & 1 == 0 && reference != 0).then(|| reference as usize / 2 - 1)
}

/// Returns the storage type of a field or element.
#[must_use]
pub fn storage(ty: u32, at: usize) -> StorageKind {
    let of = storages(ty);
    of[if ARRAYS.contains(&ty) { 0 } else { at }]
}

/// Returns true if a slot of that storage type holds a collected reference.
#[must_use]
pub fn is_ref(storage: StorageKind) -> bool {
    crate::heap::layout::is_traced(storage)
}

impl Model {
    /// Adds an object, and returns a reference to it.
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

    /// Returns the object that a reference refers to.
    #[must_use]
    pub fn get(&self, reference: Ref) -> Option<&Object> {
        self.objects.get(position(reference)?)?.as_ref()
    }

    /// Returns the object that a reference refers to.
    pub fn get_mut(&mut self, reference: Ref) -> Option<&mut Object> {
        self.objects.get_mut(position(reference)?)?.as_mut()
    }

    /// Returns a number above all positions of objects.
    #[must_use]
    pub fn positions(&self) -> usize {
        self.objects.len()
    }

    /// Returns true if a slot of that storage type can hold the reference.
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

    /// Returns which objects are reachable from the roots.
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

    /// Adds to the kept objects those that reference counting cannot reclaim: unreachable cycles,
    /// and the objects to which they refer.
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

    /// Counts the objects that exist, by kind and type.
    #[must_use]
    pub fn census(&self) -> BTreeMap<(Kind, u32), u64> {
        let mut census = BTreeMap::new();
        for object in self.objects.iter().flatten() {
            *census.entry((object.kind, object.ty)).or_insert(0) += 1;
        }
        census
    }

    /// Returns the numbers of the host objects for which there is a reference.
    pub fn hosts(&self) -> impl Iterator<Item = u32> {
        let externs = self.objects.iter().flatten();
        externs.filter(|o| o.kind == Kind::Extern).map(|o| o.word)
    }

    /// Returns the kind of the objects of a type.
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
