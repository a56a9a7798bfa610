//! What the generator makes: the shares of instructions and features over many programs.

use std::collections::{BTreeMap, BTreeSet};

use crate::program::{Expr, Program};

/// Counts over many programs.
#[derive(Clone, Debug, Default)]
pub struct Generated {
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

impl Generated {
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
    if module.mems.len() > 1 {
        out.push("several memories");
    }
    if module.mems.iter().any(|m| m.import.is_some()) {
        out.push("import memory");
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
