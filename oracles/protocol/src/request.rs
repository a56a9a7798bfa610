//! What an adapter is asked.

use serde::{Deserialize, Serialize};

use crate::value::{Top, Value};

/// A request: one line of JSON.
///
/// gcrucible chooses the numbers of modules and instances, and uses each number once in a session.
/// A module or instance that was refused does not exist. The adapter does nothing for a request
/// that names one, and answers [`Ended::Skipped`](crate::Ended).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "op", rename_all = "snake_case", deny_unknown_fields)]
pub enum Request {
    /// The first request to a process. Answer: `hello`.
    Hello {
        /// [`VERSION`](crate::VERSION).
        protocol: u32,
    },
    /// Begins a session: a new store, no modules, no instances, no host objects. Answer: `ended`.
    Open {
        /// How much the session may use.
        limits: Limits,
        /// When to collect, in addition to the collections that requests and programs ask for. Each
        /// host function has two collection points, when it begins and when it ends, except
        /// `extern_id_or_none`, `func_id` and `rethrow`, which only probes call. Points are
        /// numbered from 0 in order of execution. `pressure`: when the engine likes. `every`: at
        /// every point. `every:N`: at every N-th point. `at:A,B,C`: at the points with these
        /// numbers. An adapter that cannot place collections ignores the schedule, and says so by
        /// the capability `schedules`.
        schedule: String,
        /// The results of the host function `live`, in order. It returns 0 when they run out.
        answers: Vec<u32>,
        /// A module that exports `trap : [i32] -> []`, which traps: 0 `unreachable`, 1 cast
        /// failure, 2 table access out of bounds, 3 undefined element, 4 null reference. A host
        /// function that must trap calls it, or traps in the engine's own way. Base64.
        traps: String,
    },
    /// Compiles a module. Answer: `ended`, with `returned` or `rejected`.
    Load {
        /// The module's number.
        module: u32,
        /// The binary, in base64.
        wasm: String,
    },
    /// Instantiates a loaded module. Answer: `ended`.
    Instantiate {
        /// The module's number.
        module: u32,
        /// The number of the new instance.
        instance: u32,
        /// One entry for each import of the module, in any order. The adapter links nothing to an
        /// import without an entry, so that the engine refuses the module.
        imports: Vec<Import>,
        /// As in `invoke`, if instantiation ends by an exception.
        caught: Option<Call>,
    },
    /// Calls an exported function from outside. Answer: `ended`.
    Invoke {
        /// What to call.
        call: Call,
        /// The arguments.
        args: Vec<Value>,
        /// A function to call as soon as the call has returned, with its results as arguments.
        then: Option<Call>,
        /// A function without parameters to call as soon as the call has ended by an exception. It
        /// calls the host function `rethrow`.
        caught: Option<Call>,
    },
    /// Calls the functions `calls`, one after the other, then `length`. Calls none if one of them,
    /// or one of `memories`, does not exist. Reads as many bytes of the
    /// memory `out` as `length` returned. The instance of `length` exports that memory. Answer:
    /// `bytes`, or `ended` when a call does not return.
    Observe {
        /// Functions without parameters and results.
        calls: Vec<Call>,
        /// A function of type `[] -> [i32]`.
        length: Call,
        /// Exported memories to read as well: their length and their blocks that are not zero.
        memories: Vec<Call>,
    },
    /// Collects all garbage while no call is running, then counts host objects. Answer: `live`.
    Live,
    /// Ends the session and drops everything. Answer: `ended`.
    Close,
    /// Ends the session, but keeps everything in it until [`Request::Count`]. Asked only of an
    /// adapter with the capability `keeps_sessions`. Answer: `ended`.
    Keep {
        /// A number for the session, which no other session of the process has.
        session: u64,
    },
    /// Collects all garbage while no call is running, then counts the host objects of each session
    /// that is kept, and drops these sessions. Asked while no session is open. Answer: `counts`.
    Count,
    /// Several requests in one line. Answer: `batch`, with an answer for each.
    Batch {
        /// The requests.
        requests: Vec<Request>,
    },
}

/// An export of an instance.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Call {
    /// The instance's number.
    pub instance: u32,
    /// The name of the export.
    pub export: String,
}

/// Where an import comes from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Import {
    /// The module name in the import.
    pub module: String,
    /// The name in the import.
    pub name: String,
    /// What is linked to it.
    pub from: Source,
}

/// What is linked to an import.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Source {
    /// An export of an earlier instance.
    Export(Call),
    /// A function of the host, with the import's own type.
    Host(HostFunction),
}

/// A function of the host. `self` is the instance that imports it. A start function can call it
/// before `self` is complete. A function that needs an export of `self` traps with `unreachable` if
/// `self` is not complete or has no such export.
///
/// Every operation on a table or global is the engine's operation for *embedders*.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "do", rename_all = "snake_case", deny_unknown_fields)]
pub enum HostFunction {
    /// `[] -> []`: a full collection now.
    Gc,
    /// `[] -> [i32]`: a full collection, then the next of the session's `answers`.
    Live,
    /// `[i32] -> [externref]`: a new host object that carries the number.
    Extern,
    /// `[externref] -> [i32]`: the number of a host object. Anything else traps: null reference.
    ExternId,
    /// `[externref] -> [i32]`: the number of a host object, or -1.
    ExternIdOrNone,
    /// `[funcref] -> [i32]`: a number for a function that is not null, the same each time for the
    /// same function of the same instance, counted from 0 in the order of first sight.
    FuncId,
    /// `[ref] -> [i32]`: keeps a reference alive under a new handle. Handles of all hierarchies are
    /// counted together, from 0, and never used again.
    Hold(Hierarchy),
    /// `[i32] -> [ref]`: the reference of a handle. A handle that was released, never given out, or
    /// is of another hierarchy traps: undefined element. A reference that does not have the
    /// import's result type traps: cast failure.
    Held(Hierarchy),
    /// `[i32] -> []`: releases a handle. A handle that is not held traps: undefined element.
    Release,
    /// `[i] -> [ref]` on the exported table `table` of `self`. An index out of bounds traps: table
    /// access. `wide`: `i` is `i64`.
    TableGet(TableOperation),
    /// `[i, ref] -> []`. A reference of a wrong type traps: cast failure.
    TableSet(TableOperation),
    /// `[ref, i] -> [i]`: the old size, or -1.
    TableGrow(TableOperation),
    /// `[i, ref, i] -> []`.
    TableFill(TableOperation),
    /// `[] -> [i]`.
    TableSize(TableOperation),
    /// `[i, i, i] -> []`: target index, source index and count. The source is the exported table
    /// `from`.
    TableCopy(TableCopy),
    /// `[] -> [t]` on the exported global of `self`.
    GlobalGet(NamedGlobal),
    /// `[t] -> []`. An immutable global traps: unreachable. A wrong type traps: cast failure.
    GlobalSet(NamedGlobal),
    /// `[t*] -> [ref]`: the embedder allocates a structure of the type in the import's result.
    /// Packed fields come as `i32`. Sent only to an adapter with the capability `host_allocates`.
    StructNew,
    /// `[t, i32] -> [ref]`: the same for an array, from an element and a length.
    ArrayNew,
    /// The host calls the export of `self` and returns what it returns.
    Call(NamedFunction),
    /// The same, with a full collection after the call, however it ends.
    CallGc(NamedFunction),
    /// `[t*] -> [i32]`: does what `function` does and drops its results. Returns 0 if it returned,
    /// 1 if it trapped, and 2 if it ended by an exception. For [`HostFunction::StructNew`] and
    /// [`HostFunction::ArrayNew`] the result is the object, or null if they trapped. A resource
    /// that runs out ends this function as well.
    Try(Tried),
    /// `[] -> []`: throws again the exception by which the call of this request ended. Only the
    /// function `caught` of the same request calls it, so that no exception is kept longer than its
    /// request.
    Rethrow,
}

/// The argument of [`HostFunction::Hold`] and [`HostFunction::Held`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Hierarchy {
    /// The hierarchy of the reference.
    pub top: Top,
}

/// A table, for the functions on it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TableOperation {
    /// The name under which `self` exports the table.
    pub table: String,
    /// Whether indices and sizes are `i64` in the import's type.
    pub wide: bool,
}

/// The argument of [`HostFunction::TableCopy`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TableCopy {
    /// The table that is written.
    pub to: String,
    /// The table that is read.
    pub from: String,
}

/// A global.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NamedGlobal {
    /// The name under which `self` exports it.
    pub global: String,
}

/// A function.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NamedFunction {
    /// The name under which `self` exports it.
    pub function: String,
}

/// The argument of [`HostFunction::Try`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tried {
    /// What is tried. Never [`HostFunction::Try`] itself.
    pub function: Box<HostFunction>,
}

/// Resources of a session. An adapter applies the limits that its engine supports. A request that
/// reaches one ends with [`Ended::Exhausted`](crate::Ended).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Limits {
    /// Bytes of the heap of objects.
    pub heap_bytes: u64,
    /// Bytes of all linear memories.
    pub memory_bytes: u64,
    /// Elements of all tables.
    pub table_elements: u64,
    /// Milliseconds for one request. gcrucible watches the time. The adapter need not.
    pub milliseconds: u64,
}
