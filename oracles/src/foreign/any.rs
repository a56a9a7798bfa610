//! An engine under several sets of flags. Each case gets one of them.

use super::engine::Foreign;
use crate::engine::{Engine, Session, Setup, Traits};
use crate::schedule::Schedule;

/// One engine in several configurations, never none.
pub struct Any {
    name: String,
    first: Foreign,
    others: Vec<Foreign>,
}

impl Any {
    /// These configurations of the engine called `name`.
    pub fn new(name: &str, first: Foreign, others: Vec<Foreign>) -> Any {
        Any {
            name: name.to_owned(),
            first,
            others,
        }
    }
}

impl Engine for Any {
    fn name(&self) -> String {
        self.name.clone()
    }

    fn describe(&self) -> String {
        self.first.describe()
    }

    fn traits(&self) -> Traits {
        self.first.traits()
    }

    fn lacks(&self) -> Vec<String> {
        let all = std::iter::once(&self.first).chain(&self.others);
        all.flat_map(Foreign::lacks).collect()
    }

    fn allows(&self, schedule: &Schedule) -> bool {
        self.first.allows(schedule)
    }

    fn open(&self, setup: &Setup) -> Result<Box<dyn Session>, String> {
        self.first.open(setup)
    }

    fn drawn(&self, number: u64) -> Option<Box<dyn Engine>> {
        let count = self.others.len() as u64 + 1;
        let at = (number % count) as usize;
        let chosen = self.others.get(at).unwrap_or(&self.first);
        Some(Box::new(chosen.clone()))
    }
}
