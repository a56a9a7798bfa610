//! Finding objects that live too long or die too early, by counting.
//!
//! Between two steps no wasm frame is on the stack. After a full collection the census then equals
//! the objects reachable from roots, by kind and type. For a collector that does not reclaim
//! cycles, it equals these plus garbage cycles and what they reach. While frames are on the stack,
//! compiled code may know that a local is dead, so a count is only bounded: see [`Sample`].
//!
//! Reading order: `census`, `frames`, `handles`.
//!
//! Not here: computing reachability (`reach` of the reference), or counting a heap (`census` of the
//! runtime).

use std::collections::BTreeMap;
use std::fmt;

use crate::observe::TypeKey;

pub mod census;
pub mod frames;
pub mod handles;

/// Which garbage a full collection frees.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reclaims {
    /// All of it.
    Everything,
    /// All but cycles and what they reach.
    Acyclic,
    /// None.
    Nothing,
}

/// What is known of an engine whose objects are read by probes. Its exceptions have no identity,
/// and programs get the reference's answers to `live`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Outside {
    /// Whether a count of living host objects may be too high, because the stack is scanned
    /// conservatively. It is never too low.
    pub at_least: bool,
}

/// What is counted apart from what.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum LiveKind {
    /// Structures of this type.
    Struct(TypeKey),
    /// Arrays of this type.
    Array(TypeKey),
    /// Exceptions of all tags.
    Exception,
    /// Host objects behind an externref.
    Host,
}

impl fmt::Display for LiveKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            LiveKind::Struct(ty) => write!(f, "structures of {ty}"),
            LiveKind::Array(ty) => write!(f, "arrays of {ty}"),
            LiveKind::Exception => f.write_str("exceptions"),
            LiveKind::Host => f.write_str("host objects"),
        }
    }
}

/// How many objects of each kind live. Kinds without objects have no entry.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Census {
    counts: BTreeMap<LiveKind, u64>,
}

impl Census {
    /// Counts objects of a kind.
    pub fn add(&mut self, kind: LiveKind, count: u64) {
        if count > 0 {
            *self.counts.entry(kind).or_insert(0) += count;
        }
    }

    /// Returns how many objects of a kind live.
    pub fn get(&self, kind: LiveKind) -> u64 {
        self.counts.get(&kind).copied().unwrap_or(0)
    }

    /// Returns every kind that has objects, in a fixed order.
    pub fn iter(&self) -> impl Iterator<Item = (LiveKind, u64)> + '_ {
        self.counts.iter().map(|(&kind, &count)| (kind, count))
    }

    /// Returns the number of all objects, host objects included.
    pub fn total(&self) -> u64 {
        self.counts.values().sum()
    }
}

/// Host objects of a session.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Handles {
    /// Host objects created so far.
    pub created: u64,
    /// Host objects whose payload was dropped so far. None for the reference, which never drops.
    pub dropped: Option<u64>,
}

/// What lives when no wasm frame is on the stack. The reference knows both counts, an engine knows
/// one or none.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Live {
    /// Objects reachable from roots: these remain if cycles are reclaimed.
    pub reachable: Option<Census>,
    /// Objects reachable from roots or from garbage cycles: these remain if cycles are not
    /// reclaimed.
    pub retained: Option<Census>,
    /// Host objects.
    pub handles: Handles,
}

/// An answer to a program that asked how many objects live (`live`, `live.extern`).
///
/// With wasm frames on the stack such an answer is only bounded: reachable without frames <= answer
/// <= reachable with every slot of every frame. So an engine reports its answers. The reference is
/// then run with them ([`Setup::answers`](crate::engine::Setup)): it gives the same answers, so
/// that both programs continue with the same number, and it reports the bounds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sample {
    /// The number that the program got.
    pub answer: u32,
    /// The bounds, where the engine knows them.
    pub bounds: Option<Bounds>,
}

/// Bounds of one [`Sample`], inclusive. They coincide when no wasm frame is on the stack.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bounds {
    /// Reachable without any frame.
    pub least: u64,
    /// Reachable with every slot of every frame.
    pub most: u64,
    /// As `least`, plus garbage cycles and what they reach.
    pub least_retained: u64,
    /// As `most`, plus garbage cycles and what they reach.
    pub most_retained: u64,
}
