//! Which configurations are run: the matrix of the official suite, and pools from which fuzz
//! targets draw by a number.

use std::collections::BTreeMap;
use std::rc::Rc;

use super::Runtime;
use super::config::{RuntimeConfig, collectors, known_faults};
use crate::engine::{Engine, NoEngine};

/// The names of the engines on which the official suite runs: every combination of optimisation
/// level, trap mode and collector, with backtracking register allocation if and only if the
/// optimisation level is `speed`. After them come configurations in which every other choice
/// occurs, with each of those at least once.
pub fn matrix() -> Vec<String> {
    let mut names = Vec::new();
    for collector in collectors() {
        for level in ["", ":speed:backtracking"] {
            for traps in ["", ":explicit"] {
                names.push(format!("runtime:{collector}{level}{traps}"));
            }
        }
    }
    let others = [
        "runtime:drc:backtracking:bounds:fuel",
        "runtime:copying:speed:explicit:bounds:epochs",
        "runtime:drc-cycles:speed:fuel:epochs",
        "runtime:null:backtracking:explicit:fuel",
        "runtime:copying:speed:backtracking:inline",
        "runtime:drc:explicit:bounds:inline",
    ];
    names.extend(others.map(str::to_owned));
    names
}

/// The engines of all configurations, each made when it is first drawn.
pub struct Pool {
    faults: Vec<&'static str>,
    made: BTreeMap<String, Rc<dyn Engine>>,
}

impl Pool {
    /// A pool whose engines all have these planted faults switched on.
    ///
    /// # Errors
    ///
    /// As [`known_faults`].
    pub fn new(faults: &[String]) -> Result<Pool, NoEngine> {
        let faults = known_faults(faults)?;
        Ok(Pool {
            faults,
            made: BTreeMap::new(),
        })
    }

    /// The engine that a number draws, see [`RuntimeConfig::drawn`]. A function of the number only.
    /// It may not [allow](Engine::allows) every schedule.
    pub fn drawn(&mut self, number: u64) -> Rc<dyn Engine> {
        self.engine(RuntimeConfig::drawn(number))
    }

    /// The same among those that allow every schedule.
    pub fn drawn_for_schedules(&mut self, number: u64) -> Rc<dyn Engine> {
        let mut config = RuntimeConfig::drawn(number);
        config.inline_allocation = false;
        self.engine(config)
    }

    fn engine(&mut self, mut config: RuntimeConfig) -> Rc<dyn Engine> {
        config.faults.clone_from(&self.faults);
        let made = self.made.entry(config.name());
        Rc::clone(made.or_insert_with(|| Rc::new(Runtime::new(config))))
    }
}
