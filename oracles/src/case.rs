//! A case: modules, and steps on them. It is everything that an engine gets.
//!
//! Always: a case is a value. Running it needs no file, clock or environment, and every run of it
//! is the same. Modules may import from earlier instances by their registered names, from `harness`
//! and from `spectest`.
//!
//! Not here: the text form. On disk a case is a `.wast` file, which `wast-tests` reads. Its header
//! lines are in `header`.

use std::fmt;

use crate::schedule::Schedule;
use crate::value::Value;

/// A module of a case: its position in [`Case::modules`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ModuleIndex(pub u32);

/// An instance of a case: the number of the [`Step::Instantiate`] that made it. Failed steps count
/// too. The first is 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct InstanceIndex(pub u32);

impl fmt::Display for ModuleIndex {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "module {}", self.0)
    }
}

impl fmt::Display for InstanceIndex {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "instance {}", self.0)
    }
}

/// A module in binary form. The name is for people (and for `$name` in a script).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct CaseModule {
    /// A short identifier without `$`. It may be empty.
    pub name: String,
    /// The binary. It need not be a valid module.
    pub wasm: Vec<u8>,
}

/// One thing asked of an engine.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Step {
    /// Instantiate a module. Its imports are looked up among everything registered so far.
    Instantiate {
        /// Which module.
        module: ModuleIndex,
    },
    /// Register an instance's exports under a module name. Later registrations shadow earlier ones.
    Register {
        /// Which instance.
        instance: InstanceIndex,
        /// The module name that importers use.
        name: String,
    },
    /// Call an exported function.
    Invoke {
        /// Which instance.
        instance: InstanceIndex,
        /// The name of the exported function.
        export: String,
        /// Its arguments. References among them are null, i31 or host objects: a node has no
        /// meaning between steps.
        args: Vec<Value>,
    },
    /// Read an exported global.
    Get {
        /// Which instance.
        instance: InstanceIndex,
        /// The name of the exported global.
        global: String,
    },
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Step::Instantiate { module } => write!(f, "instantiate {module}"),
            Step::Register { instance, name } => write!(f, "register {instance} as {name:?}"),
            Step::Invoke {
                instance,
                export,
                args,
            } => {
                write!(f, "invoke {export:?} of {instance} (")?;
                for (index, value) in args.iter().enumerate() {
                    let comma = if index > 0 { ", " } else { "" };
                    write!(f, "{comma}{value}")?;
                }
                f.write_str(")")
            }
            Step::Get { instance, global } => write!(f, "get {global:?} of {instance}"),
        }
    }
}

/// Entries from the host that may be nested, on engines that count calls: calls that host functions
/// make in turn.
pub const HOST_NESTING: u32 = 64;

/// Resources a case may use. A step that runs out of one is `Exhausted`. It is compared as
/// behaviour only if all engines run out at the same moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Limits {
    /// Steps of the reference, and fuel of engines that meter, for the whole case.
    pub fuel: u64,
    /// Nested calls of wasm functions.
    pub call_depth: u32,
    /// Bytes of the heap of garbage-collected objects.
    pub heap_bytes: u64,
    /// Bytes of all linear memories of a store together. Growing beyond them returns -1 on every
    /// engine.
    pub memory_bytes: u64,
    /// Elements of all tables of a store together. Growing beyond them returns -1 on every engine.
    pub table_elements: u64,
    /// The allocation that fails as if the heap were full, counted from 0 over the whole case. All
    /// engines allocate in the same order, so the steps after it can still be compared.
    pub full_at: Option<u64>,
}

impl Limits {
    /// For generated programs. They are small, so that an endless loop costs milliseconds.
    pub const FUZZING: Limits = Limits {
        fuel: 5_000_000,
        call_depth: 4_000,
        heap_bytes: 16 << 20,
        memory_bytes: 8 << 20,
        table_elements: 20_000,
        full_at: None,
    };

    /// For scripts written by people, and the official suite.
    pub const SCRIPT: Limits = Limits {
        fuel: 2_000_000_000,
        call_depth: 4_000,
        heap_bytes: 256 << 20,
        memory_bytes: 16 << 30,
        table_elements: 64 << 20,
        full_at: None,
    };
}

/// Modules, steps, when to collect, and how much may be used.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Case {
    /// The modules, in the order in which they are loaded.
    pub modules: Vec<CaseModule>,
    /// The steps, in order.
    pub steps: Vec<Step>,
    /// When to collect.
    pub schedule: Schedule,
    /// Resources.
    pub limits: Limits,
    /// Where the case came from, for replay: target and seed, or a file. One line, or empty when
    /// unknown.
    pub origin: String,
}

impl Case {
    /// One module, instantiated, and then each named export called in turn without arguments.
    pub fn of_module(wasm: Vec<u8>, exports: &[&str]) -> Case {
        let instance = InstanceIndex(0);
        let mut steps = vec![Step::Instantiate {
            module: ModuleIndex(0),
        }];
        steps.extend(exports.iter().map(|&export| Step::Invoke {
            instance,
            export: export.to_owned(),
            args: Vec::new(),
        }));
        Case {
            modules: vec![CaseModule {
                name: String::new(),
                wasm,
            }],
            steps,
            schedule: Schedule::OnPressure,
            limits: Limits::FUZZING,
            origin: String::new(),
        }
    }

    /// Returns the same case, in which the allocation with this number finds the heap full.
    pub fn full_at(&self, allocation: u64) -> Case {
        let limits = Limits {
            full_at: Some(allocation),
            ..self.limits
        };
        Case {
            limits,
            ..self.clone()
        }
    }

    /// Returns the same case under another schedule.
    pub fn under(&self, schedule: Schedule) -> Case {
        Case {
            schedule,
            ..self.clone()
        }
    }
}
