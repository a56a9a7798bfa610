//! The configurations that are run: the matrix of the official suite, and the pool from which fuzz
//! targets draw by a number.

use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::Arc;

use super::config::{RuntimeConfig, collectors, known_faults};
use super::{Runtime, Shared};
use crate::engine::{Engine, NoEngine};

/// Returns the names of the engines on which the official suite runs. First every combination of
/// optimisation level, trap mode and collector. Backtracking register allocation is used if and
/// only if the optimisation level is `speed`. Then a few configurations with all other choices.
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
        "runtime:copying:speed:backtracking:inline:tiny",
        "runtime:drc:explicit:bounds:inline:tiny:paired",
    ];
    names.extend(others.map(str::to_owned));
    names
}

/// Engines of all configurations. Each is made when it is first drawn.
pub struct Pool {
    faults: Vec<&'static str>,
    made: BTreeMap<String, Rc<dyn Engine>>,
    shared: Arc<Shared>,
}

impl Pool {
    /// Makes a pool. These planted faults are switched on in all its engines.
    ///
    /// # Errors
    ///
    /// As [`known_faults`].
    pub fn new(faults: &[String]) -> Result<Pool, NoEngine> {
        let faults = known_faults(faults)?;
        Ok(Pool {
            faults,
            made: BTreeMap::new(),
            shared: Arc::default(),
        })
    }

    /// Returns the engine that a number draws (see [`RuntimeConfig::drawn`]). A function of the
    /// number only. The engine need not [allow](Engine::allows) every schedule.
    pub fn drawn(&mut self, number: u64) -> Rc<dyn Engine> {
        self.engine(RuntimeConfig::drawn(number))
    }

    /// Returns the engine that a number draws among those that allow every schedule.
    pub fn drawn_for_schedules(&mut self, number: u64) -> Rc<dyn Engine> {
        let mut config = RuntimeConfig::drawn(number);
        config.inline_allocation = false;
        self.engine(config)
    }

    fn engine(&mut self, mut config: RuntimeConfig) -> Rc<dyn Engine> {
        config.faults.clone_from(&self.faults);
        let shared = Arc::clone(&self.shared);
        let made = self.made.entry(config.name());
        Rc::clone(made.or_insert_with(|| Rc::new(Runtime::sharing(config, shared))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Mappings of memory for code: an engine with its own has two.
    fn code_mappings() -> usize {
        let maps = std::fs::read_to_string("/proc/self/maps").expect("mappings");
        maps.lines()
            .filter(|line| line.contains("gcrucible-code"))
            .count()
    }

    #[test]
    fn engines_of_a_pool_recycle_memory_together() {
        let mut pool = Pool::new(&[]).expect("no faults");
        let before = code_mappings();
        for number in 0..200_u64 {
            // Makes the engine.
            let number = number.wrapping_mul(0x9e37_79b9_7f4a_7c15);
            pool.drawn(number).validate(b"\0asm\x01\0\0\0");
        }
        let made = pool.made.len();
        assert!(made > 30, "{made} different ones");
        // Other tests make engines at the same time.
        assert!(code_mappings() < before + made, "{before} before");
    }
}
