//! What an adapter answers.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde::{Deserialize, Serialize};

/// An answer: one line of JSON.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Answer {
    /// To `hello`.
    Hello(Hello),
    /// To `open`, `load`, `instantiate`, `invoke`, `close`, `keep`, and to `observe` when a call
    /// does not return.
    Ended(Ended),
    /// To `observe`.
    Bytes {
        /// What the memory held, in base64.
        bytes: String,
        /// One entry for each memory asked for.
        memories: Vec<Memory>,
    },
    /// To `live`.
    Live(Counting),
    /// To `count`: one entry for each session that was kept, by its number.
    Counts(BTreeMap<u64, Counting>),
    /// To `batch`.
    Batch(Vec<Answer>),
}

/// Which engine this is, and what it can do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Hello {
    /// The version of the protocol that the adapter speaks.
    pub protocol: u32,
    /// A short name, such as `v8`.
    pub engine: String,
    /// The engine's version, such as `14.6.202`.
    pub version: String,
    /// What the engine and the adapter can do.
    pub capabilities: Capabilities,
}

/// What an engine and its adapter can do. Data, so that nobody decides by an engine's name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Capabilities {
    /// Proposals that the engine lacks, by the names of `wasmparser`'s features in lower case, such
    /// as `memory64`, `multi_memory`, `exceptions`. A case that uses one is skipped and counted.
    pub lacks: Vec<String>,
    /// How well host objects are counted.
    pub host_objects: HostObjects,
    /// What a full collection frees.
    pub reclaims: CollectorKind,
    /// Whether the schedule of `open` is followed.
    pub schedules: bool,
    /// Whether arithmetic gives canonical NaNs only.
    pub canonical_nans: bool,
    /// Whether the host can pass vectors to calls and get them from host functions.
    pub crosses_v128: bool,
    /// The same for references to exceptions.
    pub crosses_exnref: bool,
    /// The same for NaNs with any payload.
    pub crosses_nan_bits: bool,
    /// Whether `func_id` tells functions apart.
    pub names_functions: bool,
    /// Whether the embedder can allocate structures and arrays.
    pub host_allocates: bool,
    /// Whether an instance whose start failed stays alive as long as something refers to it, as the
    /// specification says. It may have written such references elsewhere.
    pub keeps_failed_instances: bool,
    /// How many ended sessions the adapter can keep, to count them all after one collection. 0 if
    /// counting each session by itself costs little.
    #[serde(default)]
    pub keeps_sessions: u32,
}

/// How well host objects are counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HostObjects {
    /// The count after a full collection is exact.
    Exact,
    /// A dead object may be counted, because the stack is scanned conservatively.
    AtLeast,
    /// They are not counted.
    Unknown,
}

/// What a full collection frees.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CollectorKind {
    /// All garbage.
    Everything,
    /// All but cycles and what they reach.
    Acyclic,
    /// Nothing.
    Nothing,
}

/// How a request ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Ended {
    /// As it should.
    Returned,
    /// A trap.
    Trapped {
        /// Every trap that the engine reports in this way, by the words of the official scripts,
        /// such as `cast failure`. More than one when the engine does not tell them apart. Empty
        /// when the adapter does not know the words.
        kinds: Vec<String>,
        /// The engine's words.
        text: String,
    },
    /// An exception that nobody caught.
    Threw,
    /// A resource ran out.
    Exhausted {
        /// The resource: `call_stack`, `heap`, `memory`, `table` or `fuel`.
        resource: String,
        /// The engine's words.
        text: String,
    },
    /// A module, or its imports, were refused.
    Rejected {
        /// The stage: `malformed`, `invalid`, `refused` (either of them), `unlinkable`, `limit`.
        stage: String,
        /// The engine's words.
        text: String,
    },
    /// The engine or the adapter does not offer something.
    Unsupported {
        /// What.
        feature: String,
    },
    /// The engine broke in a way that the adapter survived, such as a panic.
    Crashed {
        /// What is known.
        text: String,
    },
    /// The request refers to an instance that does not exist.
    Skipped,
}

/// How a function ended that [`HostFunction::Try`](crate::HostFunction::Try) tried, if it did not
/// return.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failed {
    /// By a trap.
    Trapped,
    /// By an exception.
    Threw,
}

impl Failed {
    /// What the function returns if the one that was tried returned.
    pub const RETURNED: u32 = 0;

    /// Returns what the function returns.
    #[must_use]
    pub fn code(self) -> u32 {
        match self {
            Failed::Trapped => 1,
            Failed::Threw => 2,
        }
    }

    /// Returns how a function failed that ended so. `None` if the host cannot go on. Arguments that
    /// do not have the types of the parameters are `Unsupported`, and count as a trap.
    #[must_use]
    pub fn of(ended: &Ended) -> Option<Failed> {
        match ended {
            Ended::Trapped { .. } | Ended::Unsupported { .. } => Some(Failed::Trapped),
            Ended::Threw => Some(Failed::Threw),
            _ => None,
        }
    }
}

/// The content of a memory.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Memory {
    /// Its length in bytes.
    pub length: u64,
    /// Blocks of 256 bytes that are not all zero, by number (address divided by 256), in base64.
    /// The last one may be shorter.
    pub blocks: BTreeMap<u64, String>,
}

impl Memory {
    /// A memory that holds these bytes.
    pub fn of(bytes: &[u8]) -> Memory {
        const BLOCK: usize = 256;
        const ZERO: [u8; BLOCK] = [0; BLOCK];
        let blocks = (0..).zip(bytes.chunks(BLOCK));
        let blocks = blocks.filter(|(_, block)| **block != ZERO[..block.len()]);
        Memory {
            length: bytes.len() as u64,
            blocks: blocks
                .map(|(at, block)| (at, BASE64.encode(block)))
                .collect(),
        }
    }
}

/// Host objects and collections of a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Counting {
    /// Host objects created so far.
    pub created: u64,
    /// Those that are still alive after a full collection.
    pub alive: u64,
    /// Collections that the adapter asked for so far.
    pub collections: u64,
}

#[test]
fn only_blocks_that_are_not_zero_are_sent() {
    let mut bytes = vec![0; 600];
    bytes[513] = 7;
    let memory = Memory::of(&bytes);
    assert_eq!(memory.length, 600);
    let expected = BASE64.encode(&bytes[512..]);
    assert_eq!(memory.blocks, BTreeMap::from([(2, expected)]));
}
