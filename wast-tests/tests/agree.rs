//! The official suite as cases. There is one trial for each file. Every engine is compared with the
//! reference, by all comparisons.
//!
//! The assertions of a script are tested in `spec`. Here everything observable after each step and
//! every live count must agree, also where no script looks. A collection happens at every third
//! point, so collectors that move objects do so in the middle of a program.

use std::process::ExitCode;

use gcrucible_oracles::engine;
use gcrucible_oracles::judge::Judge;
use gcrucible_oracles::report::{Context, report};
use gcrucible_oracles::schedule::Schedule;
use gcrucible_oracles::verdict::Tally;
use gcrucible_wast_tests::script::Script;
use gcrucible_wast_tests::suite::{self, SuiteFile};
use libtest_mimic::{Arguments, Failed, Trial};

fn main() -> ExitCode {
    let arguments = Arguments::from_args();
    let files = suite::files()
        .into_iter()
        .filter(|file| file.standing.is_required());
    let trials = files.map(|file| Trial::test(file.name.clone(), move || check(&file)));
    libtest_mimic::run(&arguments, trials.collect()).exit_code()
}

fn check(file: &SuiteFile) -> Result<(), Failed> {
    let script = Script::parse(&file.name, file.text)?;
    let case = script.case()?.under(Schedule::EveryNth(3));
    let reference = engine::reference();
    let has_steps = !case.steps.is_empty();
    let mut judge = Judge::new(case, reference.as_ref());
    let mut tally = Tally::default();
    for name in engine::names().into_iter().skip(1) {
        let engine = engine::named(&name)?;
        let (verdict, _) = judge.judge(engine.as_ref());
        tally.count(&verdict);
        if verdict.finding().is_some() {
            let context = Context {
                case: judge.case(),
                configuration: &engine.describe(),
            };
            return Err(report(&verdict, &context).into());
        }
    }
    // Some files only assert that modules are refused.
    if has_steps {
        tally.check()?;
    }
    Ok(())
}
