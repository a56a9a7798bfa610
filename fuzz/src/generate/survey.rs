//! Counts what the generator makes: the shares of instructions and features over many seeds.

use std::collections::{BTreeMap, BTreeSet};

use super::swarm::Focus;
use super::whole::from_seed;
use crate::program::{Expr, Program};

/// Counts over many programs.
#[derive(Clone, Debug, Default)]
pub struct Survey {
    /// Programs looked at.
    pub programs: u64,
    /// The number of programs in which each name occurs.
    pub in_programs: BTreeMap<String, u64>,
    /// How often each name occurs in all programs.
    pub occurrences: BTreeMap<String, u64>,
    /// Bytes of all modules.
    pub bytes: u64,
    /// Modules.
    pub modules: u64,
    /// Steps.
    pub steps: u64,
    /// Programs that do not validate. It must stay 0.
    pub invalid: u64,
}

impl Survey {
    /// Looks at the programs of `seeds`.
    pub fn of_seeds(seeds: impl Iterator<Item = u64>, focus: Focus) -> Survey {
        let mut survey = Survey::default();
        for seed in seeds {
            survey.add(&from_seed(seed, focus));
        }
        survey
    }

    /// Adds one program.
    pub fn add(&mut self, program: &Program) {
        self.programs += 1;
        self.modules += program.modules.len() as u64;
        self.steps += program.steps.len() as u64;
        match program.validate() {
            Ok(modules) => self.bytes += modules.iter().map(|m| m.len() as u64).sum::<u64>(),
            Err(_) => self.invalid += 1,
        }
        let mut here = BTreeSet::new();
        for name in names(program) {
            *self.occurrences.entry(name.clone()).or_default() += 1;
            here.insert(name);
        }
        for name in here {
            *self.in_programs.entry(name).or_default() += 1;
        }
    }

    /// Returns the percentage of programs in which `name` occurs.
    pub fn percent(&self, name: &str) -> f64 {
        let count = self.in_programs.get(name).copied().unwrap_or(0);
        100.0 * count as f64 / self.programs.max(1) as f64
    }

    /// One line for each name, most frequent first.
    pub fn table(&self) -> String {
        let mut rows: Vec<(&String, &u64)> = self.in_programs.iter().collect();
        rows.sort_by(|a, b| b.1.cmp(a.1).then(a.0.cmp(b.0)));
        let mut out = format!(
            "{} programs, {} modules, {} bytes a module, {:.1} steps a program, {} invalid\n",
            self.programs,
            self.modules,
            self.bytes / self.modules.max(1),
            self.steps as f64 / self.programs.max(1) as f64,
            self.invalid,
        );
        for (name, _) in rows {
            let each = self.occurrences.get(name).copied().unwrap_or(0);
            out += &format!("{:6.2}%  {:8}  {name}\n", self.percent(name), each);
        }
        out
    }
}

/// Every name that occurs in a program, with repetitions: instructions, harness imports, kinds of
/// items.
pub fn names(program: &Program) -> Vec<String> {
    let mut out = Vec::new();
    for module in &program.modules {
        module.each_root(&mut |e: &Expr| e.walk(&mut |e| out.push(e.op.name())));
        out.extend(item_names(module).into_iter().map(str::to_owned));
        for func in &module.funcs {
            if let Some(import) = &func.import {
                let name = import.name.split(':').next().unwrap_or_default();
                let kind = if import.module == "harness" {
                    "harness "
                } else {
                    "import func"
                };
                out.push(if kind == "harness " {
                    format!("harness {name}")
                } else {
                    kind.to_owned()
                });
            }
        }
    }
    out.push(format!(
        "schedule {}",
        program
            .schedule
            .to_string()
            .split(':')
            .next()
            .unwrap_or_default()
    ));
    if program.held {
        out.push("held".to_owned());
    }
    let depth = (0..program.types.defs.len() as u32)
        .map(|id| program.types.depth(crate::program::TypeId(id)))
        .max();
    out.push(format!("subtype depth {}", depth.unwrap_or(0)));
    out
}

fn item_names(module: &crate::program::Module) -> Vec<&'static str> {
    use crate::program::Mode;
    let mut out = Vec::new();
    for elem in &module.elems {
        out.push(match elem.mode {
            Mode::Active(..) => "active elem",
            Mode::Passive => "passive elem",
            Mode::Declared => "declarative elem",
        });
    }
    for data in &module.datas {
        out.push(match data.mode {
            Mode::Active(..) => "active data",
            Mode::Passive | Mode::Declared => "passive data",
        });
    }
    for table in &module.tables {
        if table.init.is_some() {
            out.push("table with initial value");
        }
        if !table.ty.elem.null {
            out.push("non-null table");
        }
        if table.ty.is64 {
            out.push("table64");
        }
        if table.import.is_some() {
            out.push("import table");
        }
    }
    out.extend(
        module
            .globals
            .iter()
            .filter(|g| g.import.is_some())
            .map(|_| "import global"),
    );
    out.extend(
        module
            .tags
            .iter()
            .filter(|t| t.import.is_some())
            .map(|_| "import tag"),
    );
    if module.start.is_some() {
        out.push("start");
    }
    out
}

#[cfg(test)]
mod tests {
    use gcrucible_oracles::case::Step;
    use gcrucible_oracles::judge::Judge;
    use gcrucible_oracles::outcome::Outcome;

    use super::*;
    use crate::targets::subject::case_of;

    /// Least share of programs, in percent, in which something must occur.
    const LEAST: &[(f64, &str)] = &[
        (
            70.0,
            "struct.new array.new array.new_fixed local.tee call block ref.func ref.i31",
        ),
        (
            45.0,
            "struct.get struct.set array.len loop br_if ref.cast ref.test",
        ),
        (
            35.0,
            "array.get array.set array.new_default table.set table.get br_on_cast br_on_cast_fail br_on_non_null",
        ),
        (
            25.0,
            "br_on_null try_table extern.convert_any any.convert_extern ref.is_null",
        ),
        (
            15.0,
            "table.grow array.copy array.fill throw ref.eq call_ref call_indirect table.fill table.copy",
        ),
        (
            12.0,
            "table.init i31.get_s i31.get_u select v128.const f32.const f64.const",
        ),
        (
            8.0,
            "array.new_elem array.init_elem throw_ref struct.get_s struct.get_u array.new_data",
        ),
        (
            4.0,
            "elem.drop array.init_data array.get_s array.get_u memory.init memory.copy memory.fill memory.grow data.drop",
        ),
        (4.0, "return_call return_call_ref start"),
        (1.0, "return_call_indirect"),
        (40.0, "harness gc|passive elem|active elem"),
        (
            10.0,
            "import func|import global|import table|import tag|table64|held|declarative elem",
        ),
        (
            6.0,
            "non-null table|harness extern|harness extern.id|harness hold|harness held|harness release",
        ),
        (
            5.0,
            "harness table.get|harness table.set|harness table.grow|harness table.fill|harness table.copy",
        ),
        (
            5.0,
            "harness global.get|harness global.set|harness struct.new|harness array.new|harness call",
        ),
        (3.0, "harness live|subtype depth 4|subtype depth 5"),
        (1.5, "subtype depth 6|subtype depth 7"),
        (1.0, "harness live|harness live.extern"),
        (10.0, "schedule every|schedule at|schedule pressure"),
    ];

    #[test]
    fn nothing_listed_is_rare() {
        let survey = Survey::of_seeds(0..2000, Focus::Any);
        let mut rare = Vec::new();
        for (least, names) in LEAST {
            let separator = if names.contains('|') { '|' } else { ' ' };
            for name in names.split(separator) {
                if survey.percent(name) < *least {
                    rare.push(format!("{name}: {:.1} % < {least} %", survey.percent(name)));
                }
            }
        }
        assert!(rare.is_empty(), "{}\n\n{}", rare.join("\n"), survey.table());
    }

    /// Least share of programs, in percent, in which the reference must apply a rule of execution.
    const EXECUTED: &[(f64, &str)] = &[
        (
            12.0,
            "Step_pure/binop-val Step_pure/unop-val Step_pure/cvtop-val Step_pure/relop",
        ),
        (
            4.0,
            "Step_pure/vbinop-val Step_pure/vunop-val Step_pure/vrelop Step_pure/vshiftop Step_pure/vextract_lane-pack",
        ),
        (
            1.0,
            "Step_pure/testop Step_read/vload-val Step_read/vload-pack-val Step_read/vload-splat-val Step_read/vload-zero-val",
        ),
        (
            1.0,
            "Step_read/vload_lane-val Step/vstore_lane-val Step/vstore-val Step_pure/vreplace_lane",
        ),
        (
            6.0,
            "Step_read/load-num-val Step_read/load-pack-val Step/store-num-val Step/store-pack-val",
        ),
        (
            5.5,
            "Step_read/array.copy-gt Step_read/array.copy-le Step_read/array.fill-succ Step/array.set-array",
        ),
        (
            1.5,
            "Step_read/array.init_data-num Step_read/array.new_data-num Step_read/array.init_elem-succ",
        ),
        (
            15.0,
            "Step_read/struct.get-struct Step/struct.set-struct Step_read/array.get-array Step_pure/i31.get-num",
        ),
        (
            12.0,
            "Step_read/ref.test-true Step_read/ref.test-false Step_read/br_on_cast-fail Step_read/br_on_cast-succeed",
        ),
        (
            8.0,
            "Step_read/br_on_cast_fail-fail Step_read/br_on_cast_fail-succeed Step_pure/ref.eq-true Step_pure/ref.eq-false",
        ),
        (
            5.0,
            "Step_pure/br_on_null-null Step_pure/br_on_null-addr Step_pure/br_on_non_null-null Step_pure/br_on_non_null-addr",
        ),
        (
            2.0,
            "Step_read/table.copy-gt Step_read/table.copy-le Step_read/table.fill-succ Step_read/table.init-succ",
        ),
        (
            1.0,
            "Step/table.grow-fail Step/table.grow-succeed Step/memory.grow-fail Step/memory.grow-succeed",
        ),
        (
            2.0,
            "Step_read/memory.copy-gt Step_read/memory.copy-le Step_read/memory.fill-succ Step_read/memory.init-succ",
        ),
        (
            3.0,
            "Step_read/throw_ref-handler-catch Step_read/throw_ref-handler-catch_ref Step_read/throw_ref-handler-next",
        ),
        (
            2.0,
            "Step_read/return_call Step_read/return_call_ref-frame-addr Step_pure/return_call_indirect",
        ),
        (
            0.5,
            "Step_read/array.copy-oob1 Step_read/array.fill-oob Step_read/array.get-oob Step/array.set-oob",
        ),
        (
            0.2,
            "Step_read/array.init_data-oob1 Step_read/array.init_data-oob2 Step_read/table.init-oob Step_read/memory.init-oob",
        ),
        (
            0.5,
            "Step_read/memory.init-zero Step_read/table.init-zero Step_read/memory.fill-oob Step_read/ref.cast-fail",
        ),
    ];

    /// Least share of programs, in percent, in which a piece of this kind was executed to its end.
    const KINDS: &[(f64, &str)] = &[
        (
            4.0,
            "places: places|over: handlers|over: host results|indirect: indirect|high: empty",
        ),
        (1.0, "sizes: sizes|rows: rows"),
        (
            0.5,
            "traps: null|traps: too large|high: beyond|indirect: wrong|over: released handle",
        ),
    ];

    /// The pieces in functions that returned or trapped.
    fn executed_kinds(program: &Program, judge: &Judge<'_>) -> BTreeSet<&'static str> {
        let steps = judge.case().steps.iter().zip(&judge.expected().steps);
        let mut kinds = BTreeSet::new();
        for (step, run) in steps {
            let Step::Invoke { export, .. } = step else {
                continue;
            };
            let of_step = program.kinds.iter().filter(|(of, _)| of == export);
            // What may trap is alone in its function; all else is executed if the function returns.
            let ended = |kind: &str| match run.observation.outcome {
                Outcome::Returned(_) => true,
                Outcome::Trapped(_) | Outcome::Exhausted(_) => MAY_TRAP.contains(&kind),
                _ => false,
            };
            kinds.extend(of_step.map(|&(_, kind)| kind).filter(|kind| ended(kind)));
        }
        kinds
    }

    const MAY_TRAP: &[&str] = &[
        "traps: null",
        "traps: too large",
        "high: beyond",
        "indirect: wrong",
        "over: released handle",
    ];

    /// The names of the rules, by number.
    const RULES: &str = include_str!("../../../oracles/reference/src/rules.txt");

    /// This counts rules that were applied, because an instruction in a program is not always
    /// executed.
    #[test]
    fn nothing_listed_is_rarely_executed() {
        const PROGRAMS: u32 = 1000;
        let reference = gcrucible_oracles::engine::reference();
        let mut counts = BTreeMap::<&str, u32>::new();
        let names: Vec<&str> = RULES.lines().collect();
        for seed in 0..u64::from(PROGRAMS) {
            let program = from_seed(seed, Focus::Any);
            let judge = Judge::new(case_of(&program), &*reference);
            for kind in executed_kinds(&program, &judge) {
                *counts.entry(kind).or_default() += 1;
            }
            for rule in judge.expected().rules.reached() {
                *counts.entry(names[rule]).or_default() += 1;
            }
        }
        let mut rare = Vec::new();
        let rules = EXECUTED
            .iter()
            .map(|(least, list)| (least, list.split(' ')));
        let kinds = KINDS.iter().map(|(least, list)| (least, list.split('|')));
        let rules = rules.map(|(least, list)| (least, list.collect::<Vec<_>>()));
        let kinds = kinds.map(|(least, list)| (least, list.collect::<Vec<_>>()));
        for (least, list) in rules.chain(kinds) {
            for name in list {
                let count = counts.get(name).copied().unwrap_or(0);
                let percent = 100.0 * f64::from(count) / f64::from(PROGRAMS);
                if percent < *least {
                    rare.push(format!("{name}: {percent:.1} % < {least} %"));
                }
            }
        }
        assert!(rare.is_empty(), "{}\n\n{counts:#?}", rare.join("\n"));
    }
}
