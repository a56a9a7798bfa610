//! The parts of the page that are tables and curves: runs, rules, conformance, planted faults.

use std::collections::{BTreeMap, BTreeSet};

use maud::{Markup, html};

use super::data::{Data, Detection, Fault, Rule, Run, Scripts};
use super::plot::{Curve, curves};

/// A sentence about what is not in the folder, and the command that writes it.
fn missing(what: &str, command: &str) -> Markup {
    html! {
        p class="missing" { "No " (what) " is in this folder. " code { (command) } " writes one." }
    }
}

/// Which builds the runs are of.
#[must_use]
pub fn builds(data: &Data) -> Markup {
    let builds: BTreeSet<(&str, &str)> = data
        .runs
        .iter()
        .map(|run| (run.build.version.as_str(), run.build.commit.as_str()))
        .collect();
    html! {
        @for (version, commit) in builds { p { "Build " (version) ", commit " code { (commit) } } }
    }
}

/// Returns the section about runs.
#[must_use]
pub fn runs(data: &Data) -> Markup {
    html! {
        @if data.runs.is_empty() {
            (missing("run", "gcrucible fuzz --json DIR/fuzz.json --out DIR/findings"))
        }
        @for run in &data.runs { (one_run(run)) }
    }
}

fn one_run(run: &Run) -> Markup {
    let of = |value: &dyn Fn(&crate::cli::fuzz::summary::Sample) -> f64| {
        let points = run
            .samples
            .iter()
            .map(|sample| (sample.seconds, value(sample)));
        points.collect::<Vec<_>>()
    };
    let speed: Vec<(f64, f64)> = run
        .samples
        .windows(2)
        .map(|two| {
            let took = (two[1].seconds - two[0].seconds).max(0.001);
            let programs = two[1].programs.saturating_sub(two[0].programs);
            (two[1].seconds, programs as f64 / took)
        })
        .collect();
    let speeds: [Curve<'_>; 1] = [("programs a second", speed)];
    let found: [Curve<'_>; 2] = [
        ("findings", of(&|sample| sample.findings as f64)),
        ("groups", of(&|sample| sample.groups as f64)),
    ];
    html! {
        h3 { (run.file) }
        div class="scroll" tabindex="0" {
            table {
                caption { "--run-seed " (run.run_seed) ", " (run.jobs) " workers" }
                tbody {
                    (row("seconds", format!("{:.1}", run.seconds)))
                    (row("targets", run.targets.join(", ")))
                    (row("programs", run.programs))
                    (row("programs a second", format!("{:.0}", run.programs as f64 / run.seconds.max(0.001))))
                    (row("compared", run.compared))
                    (row("collections", run.collections))
                    (row("live objects compared", run.live_objects))
                    (row("findings", format!("{} in {} groups", run.findings, run.groups.len())))
                }
            }
        }
        div class="plots" {
            (curves("Programs a second", "seconds", &speeds))
            (curves("Findings", "seconds", &found))
        }
        (skips(run))
        (live(run))
        @if !run.groups.is_empty() {
            details {
                summary { "Groups, as the run counted them" }
                ul { @for group in &run.groups { li { (group.title) " (" (group.count) "x)" } } }
            }
        }
    }
}

fn row(name: &str, value: impl std::fmt::Display) -> Markup {
    html! { tr { th scope="row" { (name) } td class="words" { (value) } } }
}

fn skips(run: &Run) -> Markup {
    html! {
        @if run.skipped.is_empty() {
            p { "No program was skipped." }
        } @else {
            div class="scroll" tabindex="0" {
                table {
                    caption { "Programs that were not compared" }
                    thead { tr { th scope="col" { "reason" } th scope="col" { "programs" } } }
                    tbody {
                        @for (reason, count) in &run.skipped {
                            tr { th scope="row" { (reason) } td { (count) } }
                        }
                    }
                }
            }
        }
    }
}

/// Live objects by target and collector.
fn live(run: &Run) -> Markup {
    let by_target = &run.live_by_collector;
    let collectors: BTreeSet<&String> = by_target.values().flat_map(BTreeMap::keys).collect();
    let most = by_target.values().flat_map(BTreeMap::values).copied().max();
    html! {
        @if !by_target.is_empty() {
            div class="scroll" tabindex="0" {
                table {
                    caption { "Live objects on which an engine and the reference agreed" }
                    thead {
                        tr {
                            th scope="col" { "target" }
                            @for collector in &collectors { th scope="col" { (collector) } }
                        }
                    }
                    tbody {
                        @for (target, counts) in by_target {
                            tr {
                                th scope="row" { (target) }
                                @for collector in &collectors {
                                    @let count = counts.get(*collector).copied().unwrap_or(0);
                                    td class=(heat(count, most.unwrap_or(1))) { (count) }
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}

/// The class of a cell, by how much of the most it has: nothing, little, ..., much.
fn heat(count: u64, most: u64) -> &'static str {
    let share = count as f64 / most.max(1) as f64;
    match share {
        _ if count == 0 => "heat0",
        s if s < 0.05 => "heat1",
        s if s < 0.25 => "heat2",
        s if s < 0.6 => "heat3",
        _ => "heat4",
    }
}

/// Returns the section about rules of the specification.
#[must_use]
pub fn rules(data: &Data) -> Markup {
    let Some(survey) = &data.survey else {
        return missing("survey", "gcrucible survey --json DIR/survey.json");
    };
    let chapters: BTreeSet<&str> = survey.rules.iter().map(|r| r.chapter.as_str()).collect();
    let of = |chapter: &str| {
        let rules = survey.rules.iter().filter(|rule| rule.chapter == chapter);
        let mut rules: Vec<&Rule> = rules.collect();
        rules.sort_by_key(|rule| (rule.programs, &rule.name));
        rules
    };
    html! {
        p {
            "In how many of " (survey.programs) " programs the reference applied each rule. "
            "Darker is more often; red is never."
        }
        @if survey.below.is_empty() {
            p class="good" { "Nothing is rarer than it must be." }
        } @else {
            p class="bad" { "Rarer than it must be:" }
            ul {
                @for below in &survey.below {
                    li {
                        (below.kind) " " code { (below.name) } ": in " (below.programs)
                        " programs, and " (below.least) " are the least"
                    }
                }
            }
        }
        @for chapter in chapters {
            @let rules = of(chapter);
            @let possible = rules.iter().filter(|rule| rule.absorbed.is_none()).count();
            @let applied = rules.iter().filter(|rule| rule.programs > 0).count();
            h3 { (chapter) ": " (applied) " of " (possible) }
            ul class="rules" {
                @for rule in rules { (one_rule(rule, survey.programs)) }
            }
        }
    }
}

fn one_rule(rule: &Rule, programs: u64) -> Markup {
    let name = rule
        .name
        .split_once('/')
        .map_or(rule.name.as_str(), |(_, name)| name);
    let percent = 100.0 * rule.programs as f64 / programs.max(1) as f64;
    html! {
        @if let Some(why) = &rule.absorbed {
            li title=(why) { s { (name) } " no run has it" }
        } @else {
            li class=(heat(rule.programs, programs)) {
                (name) " " @if rule.programs == 0 { "never" } @else { (format!("{percent:.1}%")) }
            }
        }
    }
}

/// Returns the section about the conformance suite.
#[must_use]
pub fn conformance(data: &Data) -> Markup {
    html! {
        @if data.scripts.is_empty() {
            (missing("conformance run", "gcrucible wast --matrix --json DIR/wast.json"))
        } @else {
            div class="scroll" tabindex="0" {
                table {
                    caption { "Assertions, by engine and schedule" }
                    thead {
                        tr {
                            th scope="col" { "engine" } th scope="col" { "schedule" }
                            th scope="col" { "passed" } th scope="col" { "failed" }
                            th scope="col" { "unsupported" }
                        }
                    }
                    tbody { @for scripts in &data.scripts { (one_engine(scripts)) } }
                }
            }
            @for scripts in data.scripts.iter().filter(|scripts| scripts.failed > 0) {
                (failures(scripts))
            }
        }
    }
}

fn one_engine(scripts: &Scripts) -> Markup {
    let class = if scripts.failed == 0 { "good" } else { "bad" };
    html! {
        tr {
            th scope="row" { (scripts.engine) }
            td class="words" { (scripts.schedule) }
            td { (scripts.passed) }
            td class=(class) { (scripts.failed) }
            td { (scripts.unsupported) }
        }
    }
}

fn failures(scripts: &Scripts) -> Markup {
    let files = scripts
        .files
        .iter()
        .filter(|file| !file.failures.is_empty());
    html! {
        details {
            summary { "What fails on " (scripts.engine) " under " (scripts.schedule) }
            @for file in files {
                p { code { (file.file) } }
                ul { @for failure in &file.failures { li { (failure) } } }
            }
        }
    }
}

/// Returns the section about planted faults.
#[must_use]
pub fn detection(data: &Data) -> Markup {
    let Some(detection) = &data.detection else {
        return missing("measurement", "gcrucible detect --json DIR/detect.json");
    };
    let curve: [Curve<'_>; 1] = [("% of all trials", share_found(detection))];
    html! {
        p {
            (detection.found) " of " (detection.of) " planted faults are found in the median of "
            (detection.seeds) " seeds, within " (detection.time) " s each; "
            (detection.false_alarms) " findings without a fault."
        }
        (curves("Planted faults found within a time", "seconds", &curve))
        div class="scroll" tabindex="0" {
            table {
                thead {
                    tr {
                        th scope="col" { "fault" } th scope="col" { "reached" }
                        th scope="col" { "triggered" } th scope="col" { "found" }
                        th scope="col" { "programs" } th scope="col" { "seconds" }
                        th scope="col" { "by" }
                    }
                }
                tbody { @for fault in &detection.faults { (one_fault(fault)) } }
            }
        }
    }
}

fn one_fault(fault: &Fault) -> Markup {
    let yes = |is: bool| if is { "yes" } else { "no" };
    let class = if fault.detected || fault.healthy {
        "good"
    } else {
        "bad"
    };
    html! {
        tr {
            th scope="row" { (fault.name) }
            td { (yes(fault.reached)) }
            td { (yes(fault.triggered)) }
            td class=(class) { (fault.found) " of " (fault.trials.len()) }
            td { (fault.programs.map_or("-".to_owned(), |programs| programs.to_string())) }
            td { (fault.seconds.map_or("-".to_owned(), |seconds| format!("{seconds:.2}"))) }
            td class="words" { (fault.by.as_deref().unwrap_or("-")) }
        }
    }
}

/// The share of trials that have a finding, in percent, over time.
fn share_found(detection: &Detection) -> Vec<(f64, f64)> {
    let planted = detection.faults.iter().filter(|fault| !fault.healthy);
    let trials: Vec<&serde_json::Value> = planted.flat_map(|fault| &fault.trials).collect();
    let seconds = |trial: &&serde_json::Value| trial["detected"]["mark"]["seconds"].as_f64();
    let mut found: Vec<f64> = trials.iter().filter_map(seconds).collect();
    found.sort_by(f64::total_cmp);
    let share = |count: usize| 100.0 * count as f64 / trials.len().max(1) as f64;
    let steps = found.iter().enumerate();
    let steps = steps.flat_map(|(at, &by)| [(by, share(at)), (by, share(at + 1))]);
    let end = (detection.time as f64, share(found.len()));
    std::iter::once((0.0, 0.0))
        .chain(steps)
        .chain([end])
        .collect()
}
