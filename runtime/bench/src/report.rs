//! The report at the end: goals, and all figures as JSON.

use serde::Serialize;

use crate::collections::Series;
use crate::engine::{Collector, Side};
use crate::linear::Growth;
use crate::measure::{Spread, geometric_mean};
use crate::rows::{Figures, Ratio};

/// Everything that was measured.
#[derive(Debug, Default, Serialize)]
pub struct Report {
    /// Comparisons.
    pub rows: Vec<Figures>,
    /// Time to compile by size.
    pub growth: Vec<Growth>,
    /// Time of collections by number of objects.
    pub collections: Vec<Series>,
    /// The goals.
    pub goals: Vec<Goal>,
}

/// A goal.
#[derive(Debug, Serialize)]
pub struct Goal {
    /// What it is about.
    pub name: String,
    /// The most that it may be.
    pub at_most: f64,
    /// The figure that was measured.
    pub is: f64,
    /// Whether the goal is met.
    pub met: bool,
}

/// An exponent above this is not linear. Caches and fixed costs explain exponents below it.
const EXPONENT_MAX: f64 = 1.2;

impl Report {
    /// Compares the figures with the goals. A goal whose rows were not measured is left out.
    pub fn conclude(&mut self) {
        let best = |figures: &Figures| figures.best.as_ref().map(|best| best.ratio.median);
        self.mean("compute: geometric mean", 1.05, "compute", best, |_| true);
        let small = ["small function", "nbody", "array sort"];
        self.mean(
            "compiling small modules: geometric mean",
            0.8,
            "compile",
            best,
            |name| small.contains(&name),
        );
        self.mean(
            "compiling 1,000 struct globals",
            1.0 / 500.0,
            "allocations",
            best,
            |name| name == "1000 struct globals",
        );
        self.mean(
            "instantiating one struct global",
            0.5,
            "instantiate",
            best,
            |name| name == "one struct global",
        );
        self.mean("ref.cast, six deep", 0.25, "gc", best, |name| {
            name == "cast, six deep"
        });
        self.mean("call_ref", 0.6, "gc", best, |name| name == "call_ref");
        self.mean("GC: geometric mean", 0.6, "gc", best, |_| true);
        let worst = self
            .ratios("gc", best)
            .map(|(_, ratio)| ratio)
            .reduce(f64::max);
        self.goal("GC: the worst row", 1.05, worst);
        let drc = |figures: &Figures| of_collector(figures, Collector::Drc);
        self.mean("drc against drc: geometric mean", 0.3, "gc", drc, |_| true);
        let worst = self
            .growth
            .iter()
            .map(|growth| growth.exponent)
            .reduce(f64::max);
        self.goal(
            "compile time by size: the worst exponent",
            EXPONENT_MAX,
            worst,
        );
    }

    fn ratios<'a>(
        &'a self,
        group: &'a str,
        of: impl Fn(&Figures) -> Option<f64> + 'a,
    ) -> impl Iterator<Item = (&'a str, f64)> {
        let rows = self.rows.iter().filter(move |row| row.group == group);
        rows.filter_map(move |row| Some((&*row.name, of(row)?)))
    }

    fn mean(
        &mut self,
        name: &str,
        at_most: f64,
        group: &str,
        of: impl Fn(&Figures) -> Option<f64>,
        counts: impl Fn(&str) -> bool,
    ) {
        let ratios: Vec<f64> = self
            .ratios(group, of)
            .filter(|(name, _)| counts(name))
            .map(|(_, ratio)| ratio)
            .collect();
        let mean = (!ratios.is_empty()).then(|| geometric_mean(ratios));
        self.goal(name, at_most, mean);
    }

    fn goal(&mut self, name: &str, at_most: f64, is: Option<f64>) {
        if let Some(is) = is {
            let name = name.to_owned();
            let met = is <= at_most;
            self.goals.push(Goal {
                name,
                at_most,
                is,
                met,
            });
        }
    }
}

fn of_collector(figures: &Figures, collector: Collector) -> Option<f64> {
    let found = figures
        .by_collector
        .iter()
        .find(|ratio| ratio.ours.collector == collector)?;
    Some(found.ratio.median)
}

fn time(seconds: f64) -> String {
    match seconds {
        s if s >= 1.0 => format!("{s:.2} s"),
        s if s >= 1e-3 => format!("{:.2} ms", s * 1e3),
        s => format!("{:.2} us", s * 1e6),
    }
}

fn ratio(found: &Ratio) -> String {
    let Spread { low, median, high } = found.ratio;
    let (ours, peer) = (found.ours.label(), found.peer.label());
    format!("{median:.3} ({low:.3} to {high:.3})  {ours} / {peer}")
}

/// Prints one row of the table.
pub fn print_row(figures: &Figures) {
    println!("{}/{}", figures.group, figures.name);
    for side in [Side::Ours, Side::Peer] {
        let of_side = figures
            .samples
            .iter()
            .filter(|samples| samples.setup.side == side);
        let cells = of_side.map(|samples| {
            let median = Spread::of(&samples.seconds).median;
            format!("{} {}", samples.setup.label(), time(median))
        });
        println!("    {}", cells.collect::<Vec<_>>().join("   "));
    }
    if let Some(best) = &figures.best {
        println!("    best       {}", ratio(best));
    }
    if figures.by_collector.len() > 1 {
        for found in &figures.by_collector {
            println!("    {:10} {}", found.ours.collector.name(), ratio(found));
        }
    }
}

/// Prints the growth of a shape.
pub fn print_growth(growth: &Growth) {
    println!("linear/{}  exponent {:.2}", growth.name, growth.exponent);
    let points = growth
        .points
        .iter()
        .map(|(size, bytes, seconds)| format!("{size}: {bytes} B {}", time(*seconds)));
    println!("    {}", points.collect::<Vec<_>>().join("   "));
}

/// Prints the series of the plot.
pub fn print_collections(series: &[Series]) {
    for series in series {
        println!("collections/{}", series.name);
        for &(count, seconds) in &series.points {
            let each = seconds / f64::from(count) * 1e9;
            println!("    {count:>9}  {:>10}  {each:.1} ns each", time(seconds));
        }
    }
}

/// Prints the goals, and which of them are met.
pub fn print_goals(report: &Report) {
    println!();
    for group in ["compute", "gc", "compile", "allocations", "instantiate"] {
        let best = |figures: &Figures| figures.best.as_ref().map(|best| best.ratio.median);
        let mut ratios = report
            .ratios(group, best)
            .map(|(_, ratio)| ratio)
            .peekable();
        if ratios.peek().is_some() {
            println!(
                "{group}: geometric mean {:.3} (best against best)",
                geometric_mean(ratios)
            );
        }
        for collector in Collector::ALL {
            let of = |figures: &Figures| of_collector(figures, collector);
            let ratios: Vec<f64> = report.ratios(group, of).map(|(_, ratio)| ratio).collect();
            if matches!(group, "gc" | "instantiate") && !ratios.is_empty() {
                println!("    {:8} {:.3}", collector.name(), geometric_mean(ratios));
            }
        }
    }
    println!();
    for goal in &report.goals {
        let word = if goal.met { "met    " } else { "NOT MET" };
        println!(
            "{word} {}: {:.4} (at most {:.4})",
            goal.name, goal.is, goal.at_most
        );
    }
}
