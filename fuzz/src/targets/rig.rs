//! The engines of a session, with or without planted faults.

use gcrucible_oracles::coverage::RuleMap;
use gcrucible_oracles::engine::{self, Engine, NoEngine, Pool};

use super::subject::Subject;

/// How many programs for an engine that is not ours have canaries, in percent. The others run as
/// they are, because a canary changes the layout of each structure.
const CANARIES_PERCENT: usize = 60;

/// The engines of a session. They are made once and used for every input.
pub struct Rig {
    /// The reference.
    pub reference: Box<dyn Engine>,
    /// The engines under test, each in one configuration.
    pub engines: Vec<Box<dyn Engine>>,
    /// Whether the user named the engines under test. Then every target uses only these.
    pub are_named: bool,
    /// Whether a finding on a named engine is located, repeated, and compared with the other
    /// engines. The reducer needs none of this.
    pub examines: bool,
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
            examines: true,
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

    /// Returns a subject as the engines under test get it. If one of them is not ours, it
    /// is portable, and most programs have canaries.
    #[must_use]
    pub fn prepared(&self, subject: Subject) -> Subject {
        if self.asks_others() {
            let has_canaries = subject.draw(100) < CANARIES_PERCENT;
            let subject = if has_canaries {
                subject.with_canaries()
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
