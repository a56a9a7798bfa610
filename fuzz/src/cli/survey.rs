//! `gcrucible survey`: what the generator makes and what programs execute, and what is too rare.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::PathBuf;

use clap::Args;
use gcrucible_oracles::engine::reference::{absorbed_rules, rule_names};
use serde::Serialize;

use super::build::{BUILD, Build};
use super::failure::{Ending, Failure};
use super::interrupt::Interrupted;
use super::output;
use super::progress::Bar;
use super::terminal::{complain, print, warn_line};
use crate::survey::executed::Instruction;
use crate::survey::floors::{Below, below};
use crate::survey::{PROGRAMS, Survey};

/// Arguments of `survey`.
#[derive(Clone, Debug, Args)]
pub struct Options {
    /// Count this many programs
    #[arg(long, value_name = "N", default_value_t = PROGRAMS)]
    #[arg(value_parser = clap::value_parser!(u64).range(1..))]
    pub programs: u64,
    /// The seed of the first program; the others follow
    #[arg(long, value_name = "S", default_value = "0", value_parser = super::named::parse_seed)]
    pub first: u64,
    /// Write the counts as one JSON object into this file; `-` is standard output
    #[arg(long, value_name = "FILE")]
    pub json: Option<PathBuf>,
}

/// Runs the subcommand.
///
/// # Errors
///
/// An engine does not start, the file cannot be written, or a signal ended the work.
pub fn run(options: &Options) -> Result<Ending, Failure> {
    if let Some(json) = &options.json {
        output::try_file(json)?;
    }
    let end = options.first.saturating_add(options.programs);
    let programs = end - options.first;
    let bar = Bar::new(programs, "programs");
    let interrupted = Interrupted::listen();
    let counted = Survey::of_seeds(options.first..end, || {
        bar.step();
        !interrupted.is()
    });
    bar.end();
    let survey = counted.map_err(|why| Failure::Engine(why.to_string()))?;
    let done = survey.generated.programs;
    let table = Table {
        interrupted: done < programs,
        ..Table::new(&survey, options.first)
    };
    match &options.json {
        Some(path) => {
            if output::is_standard(path) {
                complain(format_args!("{table}"));
            } else {
                print(format_args!("{table}"));
            }
            // Serialising numbers, strings and maps of them cannot fail.
            let mut text = serde_json::to_vec_pretty(&table).unwrap_or_default();
            text.push(b'\n');
            output::write(path, &text)?;
        }
        None => print(format_args!("{table}")),
    }
    // Fewer programs than were asked for say nothing about what is rare.
    let below = table.below.iter().filter(|_| !table.interrupted);
    for below in below {
        let Below {
            kind,
            name,
            programs,
            least,
        } = below;
        warn_line!(
            "below its floor: {kind} {name}: in {programs} programs, and {least} are the least"
        );
    }
    for title in table.findings {
        warn_line!("found: {title}");
    }
    if table.interrupted && table.findings.is_empty() {
        let message = format!("{done} of {programs} programs were counted");
        return Err(Failure::Interrupted(message));
    }
    let clean = table.below.is_empty() && table.findings.is_empty() && table.invalid == 0;
    Ok(if clean { Ending::Clean } else { Ending::Found })
}

/// Everything that is shown, for people and as JSON.
#[derive(Serialize)]
struct Table<'a> {
    build: Build,
    first: String,
    /// Whether a signal ended it.
    interrupted: bool,
    programs: u64,
    modules: u64,
    bytes: u64,
    steps: u64,
    /// Programs that do not validate.
    invalid: u64,
    generated: Vec<Generated<'a>>,
    rules: Vec<Rule>,
    pieces: &'a BTreeMap<&'static str, u64>,
    collectors: Vec<Collector<'a>>,
    below: Vec<Below>,
    findings: &'a [String],
}

#[derive(Serialize)]
struct Generated<'a> {
    name: &'a str,
    programs: u64,
    occurrences: u64,
}

#[derive(Serialize)]
struct Rule {
    name: &'static str,
    /// The chapter of the specification, from the relation.
    chapter: &'static str,
    programs: u64,
    /// Why no run can have it, if none can.
    absorbed: Option<&'static str>,
}

#[derive(Serialize)]
struct Collector<'a> {
    collector: &'static str,
    programs: u64,
    at_every_point: u64,
    points: u64,
    collections: u64,
    live_objects: u64,
    instructions: &'a BTreeMap<&'static str, Instruction>,
}

impl<'a> Table<'a> {
    fn new(survey: &'a Survey, first: u64) -> Table<'a> {
        let (generated, executed) = (&survey.generated, &survey.executed);
        let absorbed: BTreeMap<&str, &str> = absorbed_rules().collect();
        let rules = rule_names().zip(&executed.rules);
        let mut names: Vec<Generated<'_>> = generated
            .in_programs
            .iter()
            .map(|(name, &programs)| Generated {
                name,
                programs,
                occurrences: generated.occurrences.get(name).copied().unwrap_or(0),
            })
            .collect();
        names.sort_by(|a, b| b.programs.cmp(&a.programs).then(a.name.cmp(b.name)));
        let collectors = executed.collectors.iter().map(|on| Collector {
            collector: on.collector,
            programs: on.programs,
            at_every_point: on.at_every_point,
            points: on.points,
            collections: on.collections,
            live_objects: on.live_objects,
            instructions: &on.instructions,
        });
        Table {
            build: BUILD,
            first: format!("{first:#x}"),
            interrupted: false,
            programs: generated.programs,
            modules: generated.modules,
            bytes: generated.bytes,
            steps: generated.steps,
            invalid: generated.invalid,
            generated: names,
            rules: rules
                .map(|(name, &programs)| Rule {
                    name,
                    chapter: chapter(name),
                    programs,
                    absorbed: absorbed.get(name).copied(),
                })
                .collect(),
            pieces: &executed.pieces,
            collectors: collectors.collect(),
            below: below(survey),
            findings: &executed.findings,
        }
    }

    fn percent(&self, programs: u64) -> f64 {
        100.0 * programs as f64 / self.programs.max(1) as f64
    }

    /// What programs contain.
    fn write_generated(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "generated: share of programs, occurrences, name")?;
        for row in &self.generated {
            let percent = self.percent(row.programs);
            writeln!(f, "{percent:6.2}%  {:8}  {}", row.occurrences, row.name)?;
        }
        Ok(())
    }

    /// Rules, by chapter. All of them, those that were never applied first.
    fn write_rules(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let chapters: BTreeSet<&str> = self.rules.iter().map(|rule| rule.chapter).collect();
        for chapter in chapters {
            let of_chapter = self.rules.iter().filter(|rule| rule.chapter == chapter);
            let mut rules: Vec<&Rule> = of_chapter.collect();
            rules.sort_by_key(|rule| (rule.programs, rule.name));
            let possible = rules.iter().filter(|rule| rule.absorbed.is_none()).count();
            let reached = rules.iter().filter(|rule| rule.programs > 0).count();
            writeln!(f, "\nrules of {chapter}: {reached} of {possible} applied")?;
            for rule in rules {
                let percent = self.percent(rule.programs);
                let why = rule.absorbed.map(|why| format!("  ({why})"));
                writeln!(
                    f,
                    "{percent:6.2}%  {}{}",
                    rule.name,
                    why.unwrap_or_default()
                )?;
            }
        }
        writeln!(f, "\npieces executed to their end")?;
        for (name, &programs) in self.pieces {
            writeln!(f, "{:6.2}%  {name}", self.percent(programs))?;
        }
        Ok(())
    }

    /// Collectors, and each instruction on each of them.
    fn write_collectors(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "\n{:<12} {:>9} {:>15} {:>10} {:>12} {:>13}",
            "collector", "compared", "at every point", "points", "collections", "live objects"
        )?;
        for on in &self.collectors {
            writeln!(
                f,
                "{:<12} {:>9} {:>15} {:>10} {:>12} {:>13}",
                on.collector,
                on.programs,
                on.at_every_point,
                on.points,
                on.collections,
                on.live_objects
            )?;
        }
        write!(
            f,
            "\nprograms with collections / at every point\n{:<24}",
            ""
        )?;
        for on in &self.collectors {
            write!(f, " {:>13}", on.collector)?;
        }
        writeln!(f)?;
        let all = self.collectors.iter().flat_map(|on| on.instructions.keys());
        for name in all.collect::<BTreeSet<_>>() {
            write!(f, "{name:<24}")?;
            for on in &self.collectors {
                let counts = on.instructions.get(name).copied().unwrap_or_default();
                let shown = format!("{} / {}", counts.collected, counts.at_every_point);
                write!(f, " {shown:>13}")?;
            }
            writeln!(f)?;
        }
        Ok(())
    }
}

impl fmt::Display for Table<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.write_generated(f)?;
        self.write_rules(f)?;
        self.write_collectors(f)?;
        writeln!(
            f,
            "\n{} programs from seed {}: {} modules, {} bytes a module, {:.1} steps a program, {} invalid, \
             {} findings, {} below a floor",
            self.programs,
            self.first,
            self.modules,
            self.bytes / self.modules.max(1),
            self.steps as f64 / self.programs.max(1) as f64,
            self.invalid,
            self.findings.len(),
            self.below.len()
        )
    }
}

/// The chapter of the specification that has a rule, from the relation in its name.
fn chapter(rule: &str) -> &'static str {
    match rule.split('/').next().unwrap_or_default() {
        "Instr_ok" => "validation: instructions",
        "Ref_ok" => "execution: values",
        "Step_pure" => "execution: instructions that need no store",
        "Step_read" => "execution: instructions that read the store",
        _ => "execution: instructions that change the store",
    }
}

#[test]
fn every_relation_has_a_chapter() {
    let chapters: BTreeSet<&str> = rule_names().map(chapter).collect();
    assert_eq!(chapters.len(), 5);
}
