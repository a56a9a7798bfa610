//! Seeds -> what their programs contain and execute, and what is rarer than it must be.
//!
//! The command `survey` shows it, and a test here demands it. Both count the same programs in the
//! same way. Every count is a function of build and seeds.
//!
//! Reading order: `generated`, `executed`, `floors` (which counts what is in this file).

pub mod executed;
pub mod floors;
pub mod generated;

use std::ops::Range;

use executed::{Engines, Executed};
use gcrucible_oracles::engine::NoEngine;
use generated::Generated;

use crate::generate::{Focus, from_seed};

/// How many programs are counted unless somebody asks for another number.
pub const PROGRAMS: u64 = 1000;

/// All counts.
#[derive(Clone, Debug, Default)]
pub struct Survey {
    /// What programs contain.
    pub generated: Generated,
    /// What they execute.
    pub executed: Executed,
}

impl Survey {
    /// Counts the programs of `seeds`. Calls `after` behind each, and ends if it returns false.
    ///
    /// # Errors
    /// An engine does not start.
    pub fn of_seeds(
        seeds: Range<u64>,
        mut after: impl FnMut() -> bool,
    ) -> Result<Survey, NoEngine> {
        let engines = Engines::new()?;
        let mut survey = Survey::default();
        for seed in seeds {
            let program = from_seed(seed, Focus::Any);
            survey.generated.add(&program);
            survey.executed.add(&program, &engines);
            if !after() {
                break;
            }
        }
        Ok(survey)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_below_its_floor() {
        let survey = Survey::of_seeds(0..PROGRAMS, || true).expect("engines start");
        let below = floors::below(&survey);
        assert!(below.is_empty(), "{below:#?}\n\n{survey:#?}");
        assert_eq!(survey.executed.findings, Vec::<String>::new());
        assert_eq!(survey.generated.invalid, 0);
        for on in &survey.executed.collectors {
            assert!(on.programs * 10 > PROGRAMS * 9, "{}", on.collector);
            assert!(
                on.collections > 0 && on.at_every_point > 0,
                "{}",
                on.collector
            );
        }
    }

    #[test]
    fn what_is_missing_is_named() {
        let mut survey = Survey::of_seeds(0..1, || true).expect("engines start");
        survey.generated.programs = PROGRAMS;
        let below = floors::below(&survey);
        let named = |kind: &str, name: &str| {
            let mut of_kind = below.iter().filter(|below| below.kind == kind);
            of_kind.any(|below| below.name == name)
        };
        assert!(named("generated", "struct.new"));
        assert!(named("rule", "Step_pure/relop"));
        assert!(named("piece", "rows: rows"));
    }
}
