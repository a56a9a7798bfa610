//! What there is in a store, for oracles: live objects by kind and type, and counters.

use std::collections::BTreeMap;

use super::engine::Engine;
use super::error::Error;
use super::types::{ArrayType, FuncType, HeapType, StructType};
use crate::heap::layout::Kind;
use crate::instance::store::StoreOpaque;
use crate::types::TypeId;

/// What an object is.
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
    /// Their type: of a structure or array; of an exception the function type of its tag; of a
    /// reference to a host object none.
    pub ty: Option<HeapType>,
    /// How many there are.
    pub count: u64,
}

/// The objects of a store.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Census {
    /// By kind and type, in the order of kind and id.
    pub entries: Vec<CensusEntry>,
    /// Bytes they take, headers included.
    pub bytes: u64,
}

impl Census {
    /// How many objects there are.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.entries.iter().map(|entry| entry.count).sum()
    }

    /// How many objects of a kind there are.
    #[must_use]
    pub fn of_kind(&self, kind: ObjectKind) -> u64 {
        let of_kind = self.entries.iter().filter(|entry| entry.kind == kind);
        of_kind.map(|entry| entry.count).sum()
    }
}

/// Counters of a store, since it was made unless they say otherwise.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct StoreStats {
    /// Collections.
    pub collections: u64,
    /// Collections that followed all references from all roots.
    pub full_collections: u64,
    /// Collection points passed under the current schedule; 0 for `OnPressure`.
    pub collection_points: u64,
    /// Allocations asked for since the last [`Store::set_full_at`](super::Store::set_full_at), or
    /// since there is a heap; without a number and under `OnPressure`, not those that compiled
    /// code does inline.
    pub allocations: u64,
    /// Whether there is a collected heap. One is made for the first object, or for the first
    /// instance of a module that knows types of objects; the latter takes address space, and
    /// no memory before the first object.
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
