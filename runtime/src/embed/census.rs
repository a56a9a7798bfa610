//! The live objects of a store by kind and type, and its counters.

use std::collections::BTreeMap;
use std::fmt;

use super::engine::Engine;
use super::error::Error;
use super::types::{ArrayType, FuncType, HeapType, StructType};
use crate::heap::layout::Kind;
use crate::instance::store::StoreOpaque;
use crate::types::TypeId;

/// The kind of an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ObjectKind {
    /// A structure.
    Struct,
    /// An array.
    Array,
    /// An exception.
    Exception,
    /// A reference to a host object.
    Extern,
}

/// Objects of one kind and type.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CensusEntry {
    /// What they are.
    pub kind: ObjectKind,
    /// Their type. The type of an exception is the function type of its tag. A host object has
    /// none.
    pub ty: Option<HeapType>,
    /// The number of objects.
    pub count: u64,
}

/// The objects of a store.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Census {
    /// One entry for each kind and type, ordered by kind and the number of the type.
    pub entries: Vec<CensusEntry>,
    /// The bytes of all objects, including headers.
    pub bytes: u64,
}

impl Census {
    /// Returns the number of objects.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.entries.iter().map(|entry| entry.count).sum()
    }

    /// Returns the number of objects of a kind.
    #[must_use]
    pub fn of_kind(&self, kind: ObjectKind) -> u64 {
        let of_kind = self.entries.iter().filter(|entry| entry.kind == kind);
        of_kind.map(|entry| entry.count).sum()
    }
}

impl fmt::Display for ObjectKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            ObjectKind::Struct => "struct",
            ObjectKind::Array => "array",
            ObjectKind::Exception => "exception",
            ObjectKind::Extern => "host object",
        })
    }
}

/// A line for each kind and type, then the sums.
impl fmt::Display for Census {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for CensusEntry { kind, ty, count } in &self.entries {
            match ty {
                Some(HeapType::ConcreteStruct(ty)) => writeln!(f, "{count} {kind} {ty}")?,
                Some(HeapType::ConcreteArray(ty)) => writeln!(f, "{count} {kind} {ty}")?,
                Some(HeapType::ConcreteFunc(ty)) => writeln!(f, "{count} {kind} {ty}")?,
                _ => writeln!(f, "{count} {kind}")?,
            }
        }
        write!(f, "{} objects, {} bytes", self.total(), self.bytes)
    }
}

/// Counters of a store. They count from its creation, unless they say otherwise.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct StoreStats {
    /// Collections.
    pub collections: u64,
    /// Collections that traced all references from all roots.
    pub full_collections: u64,
    /// Collection points that execution has passed. 0 under `OnPressure`.
    pub collection_points: u64,
    /// Requested allocations since the last [`Store::set_full_at`](super::Store::set_full_at), or
    /// since the heap was made. Allocations that compiled code makes inline are not counted under
    /// `OnPressure`, unless `set_full_at` has set a number.
    pub allocations: u64,
    /// Whether the store has a collected heap. It is made for the first object, or for the first
    /// instance of a module that can have objects. It takes only address space before the first
    /// object.
    pub has_heap: bool,
    /// Host objects made.
    pub hosts_created: u64,
    /// Host objects dropped.
    pub hosts_dropped: u64,
    /// Rooted references in open scopes.
    pub scoped_roots: usize,
    /// Owned roots not yet released.
    pub owned_roots: usize,
    /// Instances.
    pub instances: usize,
    /// Bytes of stack that WebAssembly had, in the entry from the host that had the fewest. 0
    /// before the first entry.
    pub stack_bytes: usize,
}

pub(super) fn stats(store: &StoreOpaque) -> StoreStats {
    let (hosts_created, hosts_dropped) = store.hosts.counts();
    let (scoped_roots, owned_roots) = store.contents.handles.counts();
    let heap = store.heap.get();
    let heap_stats = heap.map(crate::heap::Heap::stats).unwrap_or_default();
    StoreStats {
        collections: heap_stats.collections,
        full_collections: heap_stats.full_collections,
        collection_points: heap.map_or(0, crate::heap::Heap::points_passed),
        allocations: heap.map_or(0, crate::heap::Heap::allocations),
        has_heap: heap.is_some(),
        hosts_created,
        hosts_dropped,
        scoped_roots,
        owned_roots,
        instances: store.contents.instances.len(),
        stack_bytes: store.contents.execution.stack_least,
    }
}

pub(super) fn take(store: &mut StoreOpaque) -> Result<Census, Error> {
    let engine = Engine::from_data(&store.engine);
    let Some(heap) = store.heap.get_mut() else {
        return Ok(Census::default());
    };
    let counted = heap.census()?;
    let mut merged: BTreeMap<(ObjectKind, u32), u64> = BTreeMap::new();
    for ((kind, id), count) in &counted.objects {
        let kind = match kind {
            Kind::Struct => ObjectKind::Struct,
            Kind::Array => ObjectKind::Array,
            Kind::Exception => ObjectKind::Exception,
            Kind::Extern => ObjectKind::Extern,
            Kind::Free | Kind::Forwarded => continue,
        };
        *merged.entry((kind, *id)).or_default() += count;
    }
    let entries = merged.into_iter().map(|((kind, id), count)| {
        let id = TypeId(id);
        let ty = match kind {
            ObjectKind::Struct => StructType::from_id(&engine, id).map(HeapType::ConcreteStruct),
            ObjectKind::Array => ArrayType::from_id(&engine, id).map(HeapType::ConcreteArray),
            ObjectKind::Exception => FuncType::from_id(&engine, id).map(HeapType::ConcreteFunc),
            ObjectKind::Extern => None,
        };
        CensusEntry { kind, ty, count }
    });
    Ok(Census {
        entries: entries.collect(),
        bytes: counted.bytes,
    })
}
