//! What a target makes of an input: one of our programs, a module of wasm-smith, or bytes that need
//! not be a module.

use std::fmt;

use gcrucible_oracles::case::{
    Case, CaseModule, InstanceIndex, Limits, ModuleIndex, Step as CaseStep,
};
use gcrucible_oracles::schedule::Schedule;

use super::operations::Operations;
use crate::generate::{Focus, Without, generate, smith};
use crate::input::Input;
use crate::mutate;
use crate::program::ballast::{self, with_ballast};
use crate::program::canaries::with_canaries;
use crate::program::checking;
use crate::program::filled::with_filled_tables;
use crate::program::portable::portable;
use crate::program::quiet::quiet;
use crate::program::{Program, Step};

/// What is tested.
#[derive(Clone, Debug)]
pub struct Subject {
    /// The program, on which the reducer works. None for modules that are only bytes.
    pub program: Option<Program>,
    /// What engines are given.
    pub case: Case,
    /// Operations on a heap, in place of a case.
    pub operations: Option<Operations>,
    /// A number drawn from the input, for choices outside the program.
    pub number: u64,
}

impl Subject {
    /// Returns a program with the input's edits.
    pub fn program(input: &Input, focus: Focus, without: Without) -> Subject {
        let mut program = generate(&input.choices(), focus, without);
        mutate::apply_all(&mut program, &input.edits);
        let case = case_of(&program);
        Subject {
            program: Some(program),
            case,
            operations: None,
            number: input.number(),
        }
    }

    /// Returns a module of wasm-smith, or one of our programs if the input does not make such a
    /// module.
    pub fn smith(input: &Input, without: Without) -> Subject {
        let choices = input.choices();
        let choices = &choices[..choices.len().min(SMITH_BYTES)];
        let Some(module) = smith::generate(choices, without) else {
            return Subject::program(input, Focus::Any, without);
        };
        let case = Case {
            steps: smith::steps(&module.wasm),
            modules: vec![CaseModule {
                name: "m0".to_owned(),
                wasm: module.wasm,
            }],
            schedule: schedule(input),
            limits: Limits::FUZZING,
            origin: String::new(),
        };
        Subject::case(case, input.number())
    }

    /// Returns a case that was not generated, with a number for choices.
    pub fn case(case: Case, number: u64) -> Subject {
        Subject {
            program: None,
            case,
            operations: None,
            number,
        }
    }

    /// Returns the bytes to load, without steps.
    pub fn bytes(input: &Input, wasm: Vec<u8>) -> Subject {
        let case = Case {
            modules: vec![CaseModule {
                name: "m0".to_owned(),
                wasm,
            }],
            steps: Vec::new(),
            schedule: Schedule::OnPressure,
            limits: Limits::FUZZING,
            origin: String::new(),
        };
        Subject::case(case, input.number())
    }
}

impl Subject {
    /// Returns the name of the file in which a finding has it as text.
    pub fn file_name(&self) -> &'static str {
        if self.operations.is_some() {
            "operations.txt"
        } else {
            "case.wast"
        }
    }

    /// Returns the subject with modules that do not depend on choices that the specification leaves
    /// open.
    #[must_use]
    pub fn portable(mut self) -> Subject {
        for module in &mut self.case.modules {
            module.wasm = portable(&module.wasm);
        }
        self
    }

    /// The same with canaries, if it is a program that can have them and has none. The limits of
    /// the case stay.
    #[must_use]
    pub fn with_canaries(self) -> Subject {
        let program = self.program.as_ref().filter(|program| !program.canaries);
        let Some(changed) = program.and_then(with_canaries) else {
            return self;
        };
        Subject {
            case: Case {
                limits: self.case.limits,
                ..case_of(&changed)
            },
            program: Some(changed),
            ..self
        }
    }

    /// The same with tables that hold fresh objects, if it is a program that has such tables.
    #[must_use]
    pub fn with_filled_tables(self) -> Subject {
        let program = self.program.as_ref().filter(|program| !program.filled);
        let Some(changed) = program.and_then(with_filled_tables) else {
            return self;
        };
        self.of(changed)
    }

    /// The same input with another program.
    fn of(self, program: Program) -> Subject {
        Subject {
            case: case_of(&program),
            program: Some(program),
            ..self
        }
    }

    /// The same with calls that return no references, if it is a program.
    #[must_use]
    pub fn quiet(self) -> Subject {
        let Some(changed) = self.program.as_ref().map(quiet) else {
            return self;
        };
        self.of(changed)
    }

    /// Adds ballast that leaves this many bytes, if it is a program without ballast.
    #[must_use]
    pub fn with_ballast(self, room: u64) -> Subject {
        let program = self.program.as_ref().filter(|program| !program.ballast);
        let Some(changed) = program.and_then(|program| with_ballast(program, room)) else {
            return self;
        };
        self.of(changed)
    }

    /// Returns a number below `n`, always the same for this input.
    pub fn draw(&self, n: usize) -> usize {
        let mut state = self.number;
        (crate::generate::source::split_mix(&mut state) % n.max(1) as u64) as usize
    }
}

/// When a case that was not generated collects: usually at every point.
pub fn schedule(input: &Input) -> Schedule {
    match input.number() % 4 {
        0 => Schedule::OnPressure,
        1 => Schedule::EveryNth(3),
        _ => Schedule::Every,
    }
}

/// How many bytes of choices wasm-smith gets. Its modules grow with them.
const SMITH_BYTES: usize = 1500;

/// Returns the case of a program. Each module is registered under its name when it is instantiated.
pub fn case_of(program: &Program) -> Case {
    let wasm = program.encode().unwrap_or_default();
    let modules = program
        .modules
        .iter()
        .enumerate()
        .map(|(at, module)| CaseModule {
            name: module.name.clone(),
            wasm: wasm.get(at).cloned().unwrap_or_default(),
        })
        .collect();
    let mut instances = vec![InstanceIndex(0); program.modules.len()];
    let mut steps = Vec::new();
    let mut next = 0;
    for step in &program.steps {
        match step {
            Step::Instantiate(at) => {
                instances[*at] = InstanceIndex(next);
                next += 1;
                steps.push(CaseStep::Instantiate {
                    module: ModuleIndex(*at as u32),
                });
                steps.push(CaseStep::Register {
                    instance: instances[*at],
                    name: program.modules[*at].name.clone(),
                });
            }
            Step::Invoke {
                module,
                export,
                args,
            } => steps.push(CaseStep::Invoke {
                instance: instances[*module],
                export: export.clone(),
                args: args.clone(),
            }),
        }
    }
    let mut limits = Limits::FUZZING;
    if program.ballast {
        limits.heap_bytes = ballast::HEAP_BYTES;
    }
    Case {
        modules,
        steps,
        schedule: program.schedule.clone(),
        limits,
        origin: String::new(),
    }
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(operations) = &self.operations {
            return operations.fmt(f);
        }
        if let Some(allocation) = self.case.limits.full_at {
            writeln!(f, ";;! full = {allocation}")?;
        }
        if let Some(program) = &self.program {
            let modules: Vec<&[u8]> = self
                .case
                .modules
                .iter()
                .map(|m| m.wasm.as_slice())
                .collect();
            return program.write_script(f, &modules);
        }
        writeln!(f, ";;! schedule = \"{}\"", self.case.schedule)?;
        f.write_str(&checking::plain(&self.case, checking::as_it_is))
    }
}
