//! The engines of a session, with or without planted faults.

use std::collections::BTreeMap;

use gcrucible_oracles::coverage::RuleMap;
use gcrucible_oracles::engine::{self, Engine, NoEngine, Pool};
use gcrucible_oracles::known_faults::{self, KnownFault};
use gcrucible_oracles::leak::Reclaims;

use super::subject::Subject;
use crate::generate::Without;

/// How many programs for an engine that is not ours have canaries, in percent. The others run as
/// they are, because a canary changes the layout of each structure.
const CANARIES_PERCENT: usize = 60;

/// How many programs for such an engine have ballast, in percent, so that it collects wherever it
/// allocates.
const BALLAST_PERCENT: usize = 30;

/// How many programs for such an engine return no references to the embedder, in percent.
const QUIET_PERCENT: usize = 55;

/// How many programs for such an engine fill their tables first, in percent, so that what a table
/// operation overwrites can be counted.
const FILLED_PERCENT: usize = 40;

/// How many bytes the ballast may leave.
const ROOMS: [u64; 4] = [256, 512, 1 << 10, 4 << 10];

/// How much is asked about a program if engines are named.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Asked {
    /// Every named engine. A finding is located, repeated, and compared with the other engines and
    /// the runtime.
    Everything,
    /// The named engines. Nothing more is asked about a finding.
    Named,
    /// The engine with this name alone, as the reducer needs it.
    Only(String),
}

/// The engines of a session. They are made once and used for every input.
pub struct Rig {
    /// The reference.
    pub reference: Box<dyn Engine>,
    /// The engines under test, each in one configuration.
    pub engines: Vec<Box<dyn Engine>>,
    /// Whether the user named the engines under test. Then every target uses only these.
    pub are_named: bool,
    /// How much is asked about a program if engines are named.
    pub asked: Asked,
    /// How often findings were examined, by engine and words.
    pub examined: BTreeMap<String, u32>,
    /// Faults that are counted and not reported.
    pub known_faults: Vec<KnownFault>,
    /// Whether engines whose collections cost much count later: see `late`.
    pub defers: bool,
    /// Engines that were asked to count later, by name.
    pub late: BTreeMap<String, Box<dyn Engine>>,
    /// All configurations, for targets that draw one.
    pub pool: Pool,
    /// Every rule and pair of rules seen so far.
    pub seen: RuleMap,
    /// The rules and pairs of the last input.
    pub last: RuleMap,
}

impl Rig {
    /// Returns the usual engines and the pool of all configurations, with the named planted faults
    /// switched on in each.
    ///
    /// # Errors
    /// A fault's name is unknown, or this build has no planted faults.
    pub fn standard(planted: &[String]) -> Result<Rig, NoEngine> {
        let pool = Pool::new(planted)?;
        let reference = engine::reference();
        let mut names: Vec<String> = engine::names();
        names.retain(|name| *name != reference.name());
        for name in &mut names {
            for fault in planted {
                name.push_str(":+");
                name.push_str(fault);
            }
        }
        let find = |name: &String| engine::named(name);
        Ok(Rig {
            reference,
            engines: names.iter().map(find).collect::<Result<_, _>>()?,
            are_named: false,
            asked: Asked::Everything,
            examined: BTreeMap::new(),
            known_faults: known_faults::built_in(),
            defers: false,
            late: BTreeMap::new(),
            pool,
            seen: RuleMap::default(),
            last: RuleMap::default(),
        })
    }

    /// Returns true if the user named an engine that is not ours.
    #[must_use]
    pub fn asks_others(&self) -> bool {
        let mut engines = self.engines.iter();
        self.are_named && engines.any(|engine| engine.traits().outside.is_some())
    }

    /// Returns what programs do without, because a named engine lacks it.
    #[must_use]
    pub fn without(&self) -> Without {
        let named = self.engines.iter().filter(|_| self.are_named);
        let lacks: Vec<String> = named.flat_map(|engine| engine.lacks()).collect();
        Without::proposals(lacks.iter().map(String::as_str))
    }

    /// Returns true if programs may have ballast. An engine that never frees anything has no use
    /// for it, and one that may copy needs room that nobody knows.
    fn takes_ballast(&self) -> bool {
        let mut engines = self.engines.iter();
        engines.all(|engine| engine.traits().reclaims == Reclaims::Acyclic)
    }

    /// Returns a subject as the engines under test get it. If one of them is not ours, it is
    /// portable. Most programs then have canaries, and some have ballast, fill their tables, or are
    /// quiet.
    #[must_use]
    pub fn prepared(&self, subject: Subject) -> Subject {
        if self.asks_others() {
            let is_quiet = subject.number.rotate_right(31) as usize % 100 < QUIET_PERCENT;
            let subject = if is_quiet { subject.quiet() } else { subject };
            let is_filled = subject.number.rotate_right(43) as usize % 100 < FILLED_PERCENT;
            let subject = if is_filled {
                subject.with_filled_tables()
            } else {
                subject
            };
            let has_canaries = subject.draw(100) < CANARIES_PERCENT;
            let subject = if has_canaries {
                subject.with_canaries()
            } else {
                subject
            };
            // The same number of canaries would give them to the same programs.
            let draw = subject.number.rotate_right(17) as usize;
            let has_ballast = self.takes_ballast() && draw % 100 < BALLAST_PERCENT;
            let subject = if has_ballast {
                subject.with_ballast(ROOMS[draw / 100 % ROOMS.len()])
            } else {
                subject
            };
            subject.portable()
        } else {
            subject
        }
    }

    /// Returns the same engines with these under test, unless there are none.
    #[must_use]
    pub fn naming(self, engines: Vec<Box<dyn Engine>>) -> Rig {
        if engines.is_empty() {
            return self;
        }
        Rig {
            engines,
            are_named: true,
            ..self
        }
    }
}
