//! What is visible after a step: the outcome, every exported global, table and memory, and one
//! graph of all objects reachable from them.
//!
//! Always: nodes are numbered in the order of a breadth-first walk from the results, then from each
//! instance's exports in the order of its export section. So moving an object changes nothing, and
//! two engines that agree give equal observations. [`GraphBuilder`] does the numbering. Adapters
//! only read objects.
//!
//! Not here: comparing observations (`compare`), counting live objects (`leak`).

use std::collections::BTreeMap;
use std::fmt;

use crate::case::{InstanceIndex, ModuleIndex};
use crate::outcome::Outcome;
use crate::value::{NodeId, Ref, Value};

/// A type, engine-neutrally: the first definition, in the order of loading, that defines the same
/// type after canonicalisation. Each engine computes it by itself, so a wrong canonicalisation is a
/// difference.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TypeKey {
    /// The module of the first definition.
    pub module: ModuleIndex,
    /// The type index in that module.
    pub index: u32,
}

impl fmt::Display for TypeKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "type {} of {}", self.index, self.module)
    }
}

/// A function by its definition.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum FuncKey {
    /// Defined in a module: the instance, and the function's index there. Imports count in that
    /// index.
    Wasm {
        /// The instance that defines it.
        instance: InstanceIndex,
        /// The function index.
        index: u32,
    },
    /// A function of the host, by the names of its import.
    Host {
        /// `harness` or `spectest`.
        module: String,
        /// The import's name.
        name: String,
    },
    /// A function of an engine that tells functions apart, but not how they are defined: the same
    /// number for the same function during a whole run.
    Numbered(u32),
    /// A function of an engine that does not tell functions apart.
    Unknown,
}

impl fmt::Display for FuncKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            FuncKey::Wasm { instance, index } => write!(f, "function {index} of {instance}"),
            FuncKey::Host { module, name } => write!(f, "host function {module:?} {name:?}"),
            FuncKey::Numbered(number) => write!(f, "function number {number}"),
            FuncKey::Unknown => f.write_str("a function"),
        }
    }
}

/// An exception tag by its definition.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TagKey {
    /// The instance that defines it.
    pub instance: InstanceIndex,
    /// The tag index there.
    pub index: u32,
}

impl fmt::Display for TagKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "tag {} of {}", self.index, self.instance)
    }
}

/// An object. Packed fields are read zero-extended, as `I32`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Node {
    /// A structure.
    Struct {
        /// Its dynamic type.
        ty: TypeKey,
        /// Its fields.
        fields: Vec<Value>,
    },
    /// An array.
    Array {
        /// Its dynamic type.
        ty: TypeKey,
        /// How many elements it has.
        len: u32,
        /// The elements with the numbers of [`observed_elements`].
        elements: Vec<Value>,
    },
    /// An exception. The tag is unknown when the engine cannot name it. If there are no arguments
    /// either, it could not be read at all.
    Exception {
        /// Its tag.
        tag: Option<TagKey>,
        /// Its arguments.
        arguments: Vec<Value>,
    },
    /// A function, by definition.
    Func(FuncKey),
}

/// The length up to which every element of an array is observed.
pub const ELEMENTS_ALL: u32 = 16 << 10;

/// Returns the indices of the elements that are observed in an array of `len` elements. Up to
/// [`ELEMENTS_ALL`] it is all of them. In a longer array it is [`ELEMENTS_ALL`] of them: a quarter
/// at each end, and the rest spread evenly between. One instruction can fill a heap with elements,
/// and reading all of them after every step would take seconds.
pub fn observed_elements(len: u32) -> impl Iterator<Item = u32> {
    const END: u32 = ELEMENTS_ALL / 4;
    let is_long = len > ELEMENTS_ALL;
    let (low, high) = if is_long {
        (END, len - END)
    } else {
        (len, len)
    };
    let step = ((high - low) / (2 * END)).max(1);
    let middle = (low..high).step_by(step as usize).take(2 * END as usize);
    (0..low).chain(middle).chain(high..len)
}

impl Node {
    /// Returns the values inside: fields, elements or arguments.
    pub fn values(&self) -> &[Value] {
        match self {
            Node::Struct { fields, .. } => fields,
            Node::Array { elements, .. } => elements,
            Node::Exception { arguments, .. } => arguments,
            Node::Func(_) => &[],
        }
    }

    /// Returns true if this is an exception that the engine could not read.
    pub fn is_unread(&self) -> bool {
        matches!(self, Node::Exception { tag: None, arguments } if arguments.is_empty())
    }

    /// Returns the kind in one word.
    pub fn kind(&self) -> &'static str {
        match self {
            Node::Struct { .. } => "struct",
            Node::Array { .. } => "array",
            Node::Exception { .. } => "exception",
            Node::Func(_) => "function",
        }
    }
}

/// Every object reachable from what is visible, numbered in first-visit order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Graph {
    nodes: Vec<Node>,
}

impl Graph {
    /// Returns the object with this number, if there is one.
    pub fn get(&self, id: NodeId) -> Option<&Node> {
        self.nodes.get(id.0 as usize)
    }

    /// Returns an object to change, for tests of the comparison.
    pub fn get_mut(&mut self, id: NodeId) -> Option<&mut Node> {
        self.nodes.get_mut(id.0 as usize)
    }

    /// Returns how many objects there are.
    pub fn len(&self) -> usize {
        self.nodes.len()
    }

    /// Returns true if there is no object.
    pub fn is_empty(&self) -> bool {
        self.nodes.is_empty()
    }
}

/// Numbers objects when they are found. `K` is the engine's own identity of an object: an address,
/// valid while nothing moves.
#[derive(Debug)]
pub struct GraphBuilder<K> {
    numbers: BTreeMap<K, NodeId>,
    found: Vec<K>,
}

impl<K: Ord + Clone> GraphBuilder<K> {
    /// No object found yet.
    pub fn new() -> GraphBuilder<K> {
        GraphBuilder {
            numbers: BTreeMap::new(),
            found: Vec::new(),
        }
    }

    /// Returns the number of an object. It is a new one if the object was not found before.
    pub fn number(&mut self, key: K) -> NodeId {
        if let Some(&id) = self.numbers.get(&key) {
            return id;
        }
        // References are 32 bits wide, so no heap under test has 2^32 objects.
        let id = NodeId(u32::try_from(self.found.len()).unwrap_or(u32::MAX));
        self.numbers.insert(key.clone(), id);
        self.found.push(key);
        id
    }

    /// Reads every object that was found, and every object found by reading. `read` returns the
    /// object, and calls [`GraphBuilder::number`] for each reference in it.
    ///
    /// # Errors
    ///
    /// The first error of `read`.
    pub fn finish<E>(
        mut self,
        mut read: impl FnMut(&K, &mut GraphBuilder<K>) -> Result<Node, E>,
    ) -> Result<Graph, E> {
        let mut nodes = Vec::new();
        while nodes.len() < self.found.len() {
            let key = self.found[nodes.len()].clone();
            nodes.push(read(&key, &mut self)?);
        }
        Ok(Graph { nodes })
    }
}

impl<K: Ord + Clone> Default for GraphBuilder<K> {
    fn default() -> Self {
        GraphBuilder::new()
    }
}

/// Bytes in one block of an observed memory.
pub const BLOCK: usize = 256;

/// The contents of a linear memory: its length, and every block that is not all zero.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MemoryState {
    /// Length in bytes.
    pub length: u64,
    /// Non-zero blocks by block number (address divided by [`BLOCK`]).
    pub blocks: BTreeMap<u64, Box<[u8]>>,
}

impl MemoryState {
    /// Observes a memory.
    pub fn of(bytes: &[u8]) -> MemoryState {
        // Memories are mostly zero, and observed after every step. So blocks are compared as
        // slices.
        const ZERO: [u8; BLOCK] = [0; BLOCK];
        let blocks = bytes.chunks(BLOCK).enumerate();
        let blocks = blocks.filter(|(_, block)| **block != ZERO[..block.len()]);
        MemoryState {
            length: bytes.len() as u64,
            blocks: blocks
                .map(|(number, block)| (number as u64, block.into()))
                .collect(),
        }
    }

    /// Returns the byte at an address. It is 0 if no block is kept there.
    pub fn byte(&self, address: u64) -> u8 {
        let block = self.blocks.get(&(address / BLOCK as u64));
        let within = (address % BLOCK as u64) as usize;
        block
            .and_then(|block| block.get(within))
            .copied()
            .unwrap_or(0)
    }

    /// Returns the first address at which two memories differ, up to the length of the shorter one.
    pub fn first_difference(&self, other: &MemoryState) -> Option<u64> {
        let numbers = self.blocks.keys().chain(other.blocks.keys());
        let mut numbers: Vec<u64> = numbers.copied().collect();
        numbers.sort_unstable();
        numbers.dedup();
        let ends = self.length.min(other.length);
        numbers
            .into_iter()
            .filter(|number| self.blocks.get(number) != other.blocks.get(number))
            .flat_map(|number| (0..BLOCK as u64).map(move |within| number * BLOCK as u64 + within))
            .find(|&address| address < ends && self.byte(address) != other.byte(address))
    }
}

/// The exports of one instance that can change, in the order of its export section.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct InstanceState {
    /// Which instance.
    pub instance: Option<InstanceIndex>,
    /// Exported globals.
    pub globals: Vec<(String, Value)>,
    /// Exported tables, all elements.
    pub tables: Vec<(String, Vec<Ref>)>,
    /// Exported memories.
    pub memories: Vec<(String, MemoryState)>,
}

/// What one step showed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Observation {
    /// How the step ended. References in it are nodes of `graph`.
    pub outcome: Outcome,
    /// Every instance's exports, when they were asked for.
    pub instances: Vec<InstanceState>,
    /// Every object reachable from the outcome and the exports.
    pub graph: Graph,
}

impl Observation {
    /// Returns an observation of an outcome and nothing else.
    pub fn bare(outcome: Outcome) -> Observation {
        Observation {
            outcome,
            instances: Vec::new(),
            graph: Graph::default(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn elements_of_long_arrays_are_observed_at_both_ends_and_between() {
        for len in [0, 1, ELEMENTS_ALL, ELEMENTS_ALL + 1, 1 << 20, u32::MAX] {
            let seen: Vec<u32> = observed_elements(len).collect();
            assert!(seen.is_sorted_by(|a, b| a < b), "{len}");
            assert_eq!(seen.len() as u32, len.min(ELEMENTS_ALL), "{len}");
            assert_eq!(seen.last().copied(), len.checked_sub(1));
            let gap = seen.windows(2).map(|pair| pair[1] - pair[0]).max();
            assert!(
                gap.unwrap_or(1) <= (len / (ELEMENTS_ALL / 2)).max(1) * 2,
                "{len}"
            );
        }
    }

    #[test]
    fn memories_find_their_first_difference() {
        let mut left = vec![0; 3 * BLOCK + 5];
        let mut right = left.clone();
        assert_eq!(
            MemoryState::of(&left).first_difference(&MemoryState::of(&right)),
            None
        );
        left[BLOCK] = 7;
        right[BLOCK] = 7;
        right[3 * BLOCK + 4] = 1;
        left[3 * BLOCK + 2] = 9;
        let (left, right) = (MemoryState::of(&left), MemoryState::of(&right));
        assert_eq!(left.blocks.len(), 2);
        assert_eq!(left.first_difference(&right), Some(3 * BLOCK as u64 + 2));
    }

    #[test]
    fn numbering_does_not_depend_on_addresses() {
        // A cycle of two objects and a shared third, at two different sets of addresses.
        let build = |addresses: [u32; 3]| {
            let [a, b, c] = addresses;
            let edges: BTreeMap<u32, Vec<u32>> =
                [(a, vec![c, b]), (b, vec![a, c]), (c, vec![])].into();
            let mut builder = GraphBuilder::new();
            builder.number(a);
            let ty = TypeKey {
                module: ModuleIndex(0),
                index: 0,
            };
            builder
                .finish(|key, builder| -> Result<Node, ()> {
                    let refer = |to: &u32| {
                        Value::Ref(Ref::node(crate::value::HeapTop::Any, builder.number(*to)))
                    };
                    let fields = edges[key].iter().map(refer).collect();
                    Ok(Node::Struct { ty, fields })
                })
                .expect("a graph")
        };
        assert_eq!(build([1, 2, 3]), build([30, 20, 10]));
        assert_eq!(build([1, 2, 3]).len(), 3);
    }
}
