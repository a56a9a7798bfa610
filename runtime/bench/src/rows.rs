//! What is compared: a row is one thing to do, and the configurations that do it.

use serde::Serialize;

use crate::engine::{Collector, Compiled, Engine, Setup, Side};
use crate::measure::{Spread, seconds_of};
use crate::programs::{self, Program};
use crate::shapes;
use crate::start::start;

/// What a row does.
#[derive(Debug)]
enum Work {
    /// Calls `run` with that argument in a new store. Only the call is measured.
    Run(i32),
    /// Compiles the module.
    Compile,
    /// Makes a store and an instance, and drops both.
    Instantiate,
}

/// One thing to do in several configurations.
#[derive(Debug)]
pub struct Row {
    /// Its group.
    pub group: &'static str,
    /// Its name.
    pub name: String,
    module: Vec<u8>,
    work: Work,
    setups: Vec<Setup>,
    /// At most this many samples, for what takes the peer seconds.
    rounds_max: usize,
}

/// The samples of one configuration.
#[derive(Debug, Serialize)]
pub struct Samples {
    /// The configuration.
    pub setup: Setup,
    /// Seconds.
    pub seconds: Vec<f64>,
}

/// What was measured in a row.
#[derive(Debug, Serialize)]
pub struct Figures {
    /// The row's group.
    pub group: &'static str,
    /// Its name.
    pub name: String,
    /// The samples of each configuration.
    pub samples: Vec<Samples>,
    /// Our best configuration against the peer's best one, among those that collect.
    pub best: Option<Ratio>,
    /// For each collector, our best configuration with it against the peer's best one with it.
    pub by_collector: Vec<Ratio>,
}

/// Two configurations side by side.
#[derive(Clone, Debug, Serialize)]
pub struct Ratio {
    /// Ours.
    pub ours: Setup,
    /// The peer's.
    pub peer: Setup,
    /// Ours divided by the peer's.
    pub ratio: Spread,
}

/// Returns all rows.
pub fn all(quick: bool) -> Vec<Row> {
    let mut rows = Vec::new();
    compute(&mut rows, quick);
    gc(&mut rows, quick);
    compile(&mut rows, quick);
    instantiate(&mut rows);
    rows
}

fn run_row(group: &'static str, program: &Program, quick: bool, setups: Vec<Setup>) -> Row {
    let divisor = if quick && program.name != "fib" { 4 } else { 1 };
    Row {
        group,
        name: program.name.to_owned(),
        module: shapes::binary(program.text),
        work: Work::Run(program.argument / divisor),
        setups,
        rounds_max: usize::MAX,
    }
}

fn compute(rows: &mut Vec<Row>, quick: bool) {
    for program in &programs::COMPUTE {
        let peer = Setup::peer(Collector::Copying);
        let setups = vec![Setup::ours(Collector::Copying), peer, peer.plain()];
        rows.push(run_row("compute", program, quick, setups));
    }
}

fn gc(rows: &mut Vec<Row>, quick: bool) {
    for program in &programs::GC {
        let mut setups = Vec::new();
        for collector in Collector::ALL {
            setups.push(Setup::ours(collector));
            setups.push(Setup::peer(collector));
        }
        setups.push(Setup::peer(Collector::Copying).plain());
        rows.push(run_row("gc", program, quick, setups));
    }
}

fn compile(rows: &mut Vec<Row>, quick: bool) {
    let ours = Setup::ours(Collector::Copying);
    let peer = Setup::peer(Collector::Copying);
    let mut row = |group, name: &str, text: &str, rounds_max| {
        for (suffix, ours, peer) in [("", ours, peer), (" (plain)", ours.plain(), peer.plain())] {
            rows.push(Row {
                group,
                name: format!("{name}{suffix}"),
                module: shapes::binary(text),
                work: Work::Compile,
                setups: vec![ours, peer],
                rounds_max: if suffix.is_empty() {
                    rounds_max
                } else {
                    usize::MAX
                },
            });
        }
    };
    let any = usize::MAX;
    row("compile", "small function", shapes::SMALL, any);
    row("compile", "nbody", programs::text("nbody"), any);
    row("compile", "array sort", programs::text("array sort"), any);
    row("compile", "240 functions", &shapes::functions(240), any);
    let sizes: &[u32] = if quick { &[250] } else { &[250, 500, 1000] };
    for &count in sizes {
        let name = format!("{count} struct globals");
        let rounds = if count == 1000 { 1 } else { 3 };
        row("allocations", &name, &shapes::struct_globals(count), rounds);
    }
    if !quick {
        let globals = shapes::array_globals(1000);
        row("allocations", "1000 array globals", &globals, 1);
        let function = shapes::struct_function(1000);
        row("allocations", "1000 structs, one function", &function, 1);
    }
    let segment = shapes::struct_segment(1000, true);
    row("allocations", "1000 structs, segment", &segment, any);
}

fn instantiate(rows: &mut Vec<Row>) {
    let mut setups = Vec::new();
    for collector in Collector::ALL {
        setups.push(Setup::ours(collector));
        // If the peer optimises, it takes many seconds to compile some of these, and the code that
        // runs is hardly different.
        setups.push(Setup::peer(collector).plain());
        setups.push(Setup::peer(collector).plain().pooled());
    }
    for (name, text) in shapes::to_instantiate() {
        rows.push(Row {
            group: "instantiate",
            name: name.to_owned(),
            module: shapes::binary(&text),
            work: Work::Instantiate,
            setups: setups.clone(),
            rounds_max: usize::MAX,
        });
    }
}

/// A configuration at work.
struct Worker {
    engine: Box<dyn Engine>,
    compiled: Option<Box<dyn Compiled>>,
}

impl Row {
    /// Takes the samples, in turn, and compares the results.
    pub fn measure(&self, rounds: usize) -> Result<Figures, String> {
        let rounds = rounds.min(self.rounds_max);
        let mut workers = Vec::new();
        for setup in &self.setups {
            let engine = start(setup)?;
            let compiled = match self.work {
                Work::Compile => None,
                _ => Some(engine.compile(&self.module)?),
            };
            workers.push(Worker { engine, compiled });
        }
        let mut samples: Vec<Samples> = Vec::new();
        for &setup in &self.setups {
            let seconds = Vec::new();
            samples.push(Samples { setup, seconds });
        }
        let mut expected = None;
        // If there is more than one round, the first one warms caches and branch predictors.
        let warm = usize::from(rounds > 1);
        for round in 0..rounds + warm {
            for (worker, samples) in workers.iter().zip(&mut samples) {
                let (seconds, result) = self.sample(worker)?;
                if *expected.get_or_insert(result) != result {
                    let label = samples.setup.label();
                    let (group, name) = (self.group, &self.name);
                    return Err(format!("{group}/{name}: {label} has another result"));
                }
                if round >= warm {
                    samples.seconds.push(seconds);
                }
            }
        }
        Ok(Figures {
            group: self.group,
            name: self.name.clone(),
            best: ratio(&samples, |setup| {
                self.group == "compute" || setup.collector != Collector::Null
            }),
            by_collector: Collector::ALL
                .iter()
                .filter_map(|&collector| ratio(&samples, |setup| setup.collector == collector))
                .collect(),
            samples,
        })
    }

    fn sample(&self, worker: &Worker) -> Result<(f64, i64), String> {
        let Some(compiled) = &worker.compiled else {
            let seconds = seconds_of(|| worker.engine.compile(&self.module).map(drop))?;
            return Ok((seconds, 0));
        };
        match self.work {
            Work::Run(argument) => {
                let (time, result) = compiled.run(argument)?;
                Ok((time.as_secs_f64(), result))
            }
            Work::Compile | Work::Instantiate => Ok((seconds_of(|| compiled.instantiate())?, 0)),
        }
    }
}

/// Compares our best configuration with the peer's best one, among those for which `counts` returns
/// true.
fn ratio(samples: &[Samples], counts: impl Fn(&Setup) -> bool) -> Option<Ratio> {
    let best = |side: Side| {
        let of_side = samples
            .iter()
            .filter(|samples| samples.setup.side == side && counts(&samples.setup));
        let median = |samples: &&Samples| Spread::of(&samples.seconds).median;
        of_side.min_by(|a, b| median(a).total_cmp(&median(b)))
    };
    let (ours, peer) = (best(Side::Ours)?, best(Side::Peer)?);
    Some(Ratio {
        ours: ours.setup,
        peer: peer.setup,
        ratio: Spread::of_ratios(&ours.seconds, &peer.seconds),
    })
}
