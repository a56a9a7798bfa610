//! A finding: a fault of an engine, or of the harness itself. It has one type on the way from the
//! comparison that sees it to the folder on disk.
//!
//! Always: a finding is data that can be sent from one process to another. Its signature has no
//! number that changes while the case is reduced, so findings with equal signatures count as one
//! fault.
//!
//! Not here: target and seed of the program (the fuzzer adds them), and the text of the report
//! (`report`).

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::engine::reference::trace::Part;
use crate::foreign::transport::NO_ANSWER;
use crate::operation::telling;
use crate::schedule::Schedule;

/// Which comparison found a difference.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Aspect {
    /// Whether a module is accepted.
    Load,
    /// How a step ends.
    Outcome,
    /// A result, or what it reaches.
    Result,
    /// An uncaught exception, or what it reaches.
    Exception,
    /// An exported global, or what it reaches.
    Global,
    /// An exported table, or what it reaches.
    Table,
    /// An exported memory.
    Memory,
    /// Which names are exported.
    Exports,
    /// Whether two places refer to the same object.
    Identity,
    /// The census after a full collection.
    Census,
    /// The balance of host objects.
    Handles,
    /// A live count with frames on the stack.
    Sample,
}

impl Aspect {
    /// All of them.
    pub const ALL: [Aspect; 12] = [
        Aspect::Load,
        Aspect::Outcome,
        Aspect::Result,
        Aspect::Exception,
        Aspect::Global,
        Aspect::Table,
        Aspect::Memory,
        Aspect::Exports,
        Aspect::Identity,
        Aspect::Census,
        Aspect::Handles,
        Aspect::Sample,
    ];

    /// One word, for grouping and folder names.
    pub fn name(self) -> &'static str {
        match self {
            Aspect::Load => "load",
            Aspect::Outcome => "outcome",
            Aspect::Result => "result",
            Aspect::Exception => "exception",
            Aspect::Global => "global",
            Aspect::Table => "table",
            Aspect::Memory => "memory",
            Aspect::Exports => "exports",
            Aspect::Identity => "identity",
            Aspect::Census => "census",
            Aspect::Handles => "handles",
            Aspect::Sample => "sample",
        }
    }

    /// Returns what is compared, in a sentence for people.
    pub fn compares(self) -> &'static str {
        match self {
            Aspect::Load => "whether a module is accepted: valid, compiled, linked",
            Aspect::Outcome => "how a step ends: it returns, traps, throws, or a resource runs out",
            Aspect::Result => "the results of a call, with all objects that they reach",
            Aspect::Exception => {
                "an exception that nobody caught, with all objects that it reaches"
            }
            Aspect::Global => "an exported global after a step, with all objects that it reaches",
            Aspect::Table => "an exported table after a step, with all objects that it reaches",
            Aspect::Memory => "the bytes of an exported memory after a step",
            Aspect::Exports => "the names that an instance exports",
            Aspect::Identity => "whether two places hold one object or two equal ones",
            Aspect::Census => {
                "the number of live objects of each kind and type after a full \
                               collection: too many is a leak, too few is a use after free"
            }
            Aspect::Handles => "host objects: those created are those dropped and those reachable",
            Aspect::Sample => "the number of live objects while functions are on the stack",
        }
    }

    /// Returns the part of the store that this comparison looks at directly.
    pub fn part(self) -> Option<Part> {
        match self {
            Aspect::Global => Some(Part::Globals),
            Aspect::Table => Some(Part::Tables),
            Aspect::Memory => Some(Part::Memories),
            Aspect::Load
            | Aspect::Outcome
            | Aspect::Result
            | Aspect::Exception
            | Aspect::Exports
            | Aspect::Identity
            | Aspect::Census
            | Aspect::Handles
            | Aspect::Sample => None,
        }
    }

    /// Returns the rule of the specification, or of this project, that says that both sides must be
    /// equal.
    pub fn authority(self) -> &'static str {
        match self {
            Aspect::Load => "specification: rule Module_ok and the grammar Bmodule leave no choice",
            Aspect::Outcome | Aspect::Result | Aspect::Exception => {
                "specification, chapter \"Execution\": only NaNs, growth and hosts give a choice"
            }
            Aspect::Global | Aspect::Table | Aspect::Memory | Aspect::Exports => {
                "specification, relation Steps: a store determines the store after it"
            }
            Aspect::Identity => {
                "specification, rules Step_pure/ref.eq-*: equal references have equal addresses"
            }
            Aspect::Census => {
                "this project: after a full collection the live objects are the reachable ones"
            }
            Aspect::Handles => "this project: host objects created == dropped + reachable",
            Aspect::Sample => {
                "this project: reachable without frames <= live <= reachable with all their slots"
            }
        }
    }
}

impl fmt::Display for Aspect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A whole text, and its class: the part that stays the same while the case is reduced.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Described {
    /// In full.
    pub text: String,
    /// Coarsely, such as `i32` or `trapped: cast failure`.
    pub class: String,
}

impl Described {
    /// Makes a text that is its own class.
    pub fn plain(text: impl fmt::Display) -> Described {
        let text = text.to_string();
        Described {
            class: text.clone(),
            text,
        }
    }

    /// A text and a class.
    pub fn new(text: impl fmt::Display, class: impl fmt::Display) -> Described {
        Described {
            text: text.to_string(),
            class: class.to_string(),
        }
    }

    /// Returns a text with its first words as the class. Numbers, also hexadecimal ones, and single
    /// letters do not count as words.
    pub fn by_words(text: impl fmt::Display, most: usize) -> Described {
        let text = text.to_string();
        let pieces = text.split(|c: char| !c.is_alphanumeric());
        let pieces = pieces.filter(|piece| !piece.starts_with(|c: char| c.is_ascii_digit()));
        let words = pieces.flat_map(|piece| piece.split(|c: char| !c.is_alphabetic()));
        let words: Vec<&str> = words.filter(|word| word.len() > 1).take(most).collect();
        Described {
            class: words.join(" "),
            text,
        }
    }
}

/// The first difference between two runs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Difference {
    /// Which comparison.
    pub aspect: Aspect,
    /// The path from a root to the value that differs, such as `table "t"[3] -> field 1`. Empty if
    /// the aspect needs no path.
    pub path: String,
    /// What the first run (the reference) has there.
    pub expected: Described,
    /// What the second run has there.
    pub actual: Described,
    /// How many objects more the second run has. None if no objects were counted.
    pub excess: Option<i64>,
}

impl Difference {
    /// What is wrong, in a few words.
    fn words(&self) -> String {
        let Difference {
            aspect,
            path,
            expected,
            actual,
            excess,
        } = self;
        let way = |excess: i64| if excess > 0 { "many" } else { "few" };
        match (aspect, excess) {
            (Aspect::Census, Some(excess)) => {
                let (number, way) = (excess.unsigned_abs(), way(*excess));
                // The path names kind and type.
                let kinds = path.split(" of ").next().unwrap_or_default();
                let one = kinds.strip_suffix('s').filter(|_| number == 1);
                format!("live: {number} {} too {way}", one.unwrap_or(kinds))
            }
            (Aspect::Handles, Some(excess)) => {
                let (number, way) = (excess.unsigned_abs(), way(*excess));
                format!("{aspect}: {number} host objects too {way} ({path})")
            }
            (Aspect::Sample, _) => format!("{aspect}: {}, not {}", actual.text, expected.text),
            _ if expected.class == actual.class => format!("{aspect}: another {}", actual.class),
            _ => format!("{aspect}: {} instead of {}", actual.class, expected.class),
        }
    }
}

/// What was seen to go wrong.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Symptom {
    /// The engine and the reference differ.
    Differs(Difference),
    /// The engine reached a state that its own rules or checks exclude. The text is the engine's.
    Broke(Described),
    /// The process that ran the input died. How it ended.
    Died(String),
    /// The input did not end in time.
    Hung {
        /// How long it was waited for.
        seconds: u64,
    },
    /// The harness itself panicked. The message.
    Panicked(Described),
}

/// How a case was run. Under other conditions it may not show the symptom.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Conditions {
    /// When collections happened.
    pub schedule: Schedule,
    /// The allocation that had to fail: [`Limits::full_at`](crate::case::Limits::full_at).
    pub full_at: Option<u64>,
    /// The engine's answers when the program asked for the number of live objects. The reference
    /// needs the same answers to take the same path.
    pub answers: Vec<u32>,
}

/// What other engines do on a case in which one engine shows a finding. Lists of engines' names.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stands {
    /// These show the same finding.
    pub with: Vec<String>,
    /// These agree with the reference.
    pub against: Vec<String>,
    /// These show another finding.
    pub apart: Vec<String>,
    /// These compared nothing: they lack a feature, or a resource ran out.
    pub silent: Vec<String>,
}

impl fmt::Display for Stands {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let list = |names: &[String]| names.join(", ");
        if self.with.is_empty() {
            f.write_str("alone")?;
        } else {
            write!(f, "with {}", list(&self.with))?;
        }
        f.write_str(" against reference")?;
        for name in &self.against {
            write!(f, ", {name}")?;
        }
        if !self.apart.is_empty() {
            write!(f, "; another finding on {}", list(&self.apart))?;
        }
        if !self.silent.is_empty() {
            write!(f, "; nothing compared on {}", list(&self.silent))?;
        }
        if self.against.is_empty() && self.with.len() > 1 {
            f.write_str("; suspect the reference first")?;
        }
        Ok(())
    }
}

/// How often a finding shows when its case is run again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rate {
    /// Runs that showed the same finding, the first one included.
    pub shown: u32,
    /// All runs.
    pub of: u32,
}

impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} of {} runs", self.shown, self.of)
    }
}

/// Something that went wrong, where and how.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// The name of the faulty engine. Empty if the fault is not one of an engine.
    pub engine: String,
    /// The step of the case in which it shows, counted from 0. None if it shows while modules are
    /// loaded, after the last step, or if there is no case.
    pub step: Option<usize>,
    /// What was seen.
    pub symptom: Symptom,
    /// How the case was run; none if there is no case.
    pub conditions: Option<Conditions>,
    /// What other engines do. `None` if no other engine ran the case.
    pub stands: Option<Stands>,
    /// How often it shows; none if the case was run once.
    pub rate: Option<Rate>,
    /// The operations of the smallest program known to show it. Empty if none was made smaller.
    #[serde(default)]
    pub operations: Vec<String>,
    /// The whole report for people. Empty until [`report`](crate::report) has written it.
    pub text: String,
}

impl Finding {
    /// Makes a finding about an engine, with nothing known about the case.
    pub fn new(engine: impl Into<String>, step: Option<usize>, symptom: Symptom) -> Finding {
        Finding {
            engine: engine.into(),
            step,
            symptom,
            conditions: None,
            stands: None,
            rate: None,
            operations: Vec::new(),
            text: String::new(),
        }
    }

    /// Makes a finding about an engine that broke, with its words.
    pub fn broke(engine: impl Into<String>, step: Option<usize>, words: &str) -> Finding {
        const WORDS: usize = 12;
        let words = Described::by_words(words, WORDS);
        Finding::new(engine, step, Symptom::Broke(words))
    }

    /// Makes a finding about an input that killed its process.
    pub fn died(how: impl Into<String>) -> Finding {
        Finding::of_no_engine(Symptom::Died(how.into()))
    }

    /// Makes a finding about an input that did not end within `seconds`.
    pub fn hung(seconds: u64) -> Finding {
        Finding::of_no_engine(Symptom::Hung { seconds })
    }

    /// Makes a finding about a panic of the harness, with its message.
    pub fn panicked(message: &str) -> Finding {
        const WORDS: usize = 10;
        Finding::of_no_engine(Symptom::Panicked(Described::by_words(message, WORDS)))
    }

    fn of_no_engine(symptom: Symptom) -> Finding {
        let finding = Finding::new("", None, symptom);
        let text = match &finding.symptom {
            Symptom::Panicked(message) => message.text.clone(),
            _ => finding.title(),
        };
        Finding { text, ..finding }
    }

    /// Returns the first word of the engine's name: `v8` of `v8:liftoff`.
    pub fn engine_word(&self) -> &str {
        self.engine.split(':').next().unwrap_or_default()
    }

    /// Returns true if seeing it again costs a whole time limit.
    pub fn is_slow(&self) -> bool {
        match &self.symptom {
            Symptom::Hung { .. } => true,
            Symptom::Broke(words) => words.text.starts_with(NO_ANSWER),
            Symptom::Differs(_) | Symptom::Died(_) | Symptom::Panicked(_) => false,
        }
    }

    /// Returns true if running the case again does not always show it.
    pub fn is_rare(&self) -> bool {
        self.rate.is_some_and(|rate| rate.shown < rate.of)
    }

    /// Returns a text that is equal for two cases that show the same fault, as far as one symptom
    /// can tell.
    pub fn signature(&self) -> String {
        match &self.symptom {
            Symptom::Differs(difference) => {
                let (expected, actual) = (&difference.expected.class, &difference.actual.class);
                format!("{}: {expected} / {actual}", difference.aspect)
            }
            Symptom::Broke(words) => format!("crash: {}", words.class),
            Symptom::Died(_) => "process died".to_owned(),
            Symptom::Hung { .. } => "hang".to_owned(),
            Symptom::Panicked(message) => format!("panic: {}", message.class),
        }
    }

    /// One line for people.
    pub fn title(&self) -> String {
        let engine = &self.engine;
        let after = telling(&self.operations).map(|name| format!(" after {name}"));
        let after = after.unwrap_or_default();
        match &self.symptom {
            Symptom::Differs(difference) => format!("{}{after} on {engine}", difference.words()),
            Symptom::Broke(words) => {
                const SHOWN: usize = 100;
                let line = words.text.lines().next().unwrap_or_default();
                let shown: String = line.chars().take(SHOWN).collect();
                let more = if shown.len() < line.len() { "..." } else { "" };
                format!("broke: {shown}{more}{after} on {engine}")
            }
            Symptom::Died(how) => how.clone(),
            Symptom::Hung { seconds } => format!("no end within {seconds} s"),
            Symptom::Panicked(message) => {
                message.text.lines().next().unwrap_or_default().to_owned()
            }
        }
    }

    /// Returns the difference, if two runs were compared.
    pub fn difference(&self) -> Option<&Difference> {
        match &self.symptom {
            Symptom::Differs(difference) => Some(difference),
            _ => None,
        }
    }

    /// Returns the comparison that found it, if two runs were compared.
    pub fn aspect(&self) -> Option<Aspect> {
        self.difference().map(|difference| difference.aspect)
    }
}
