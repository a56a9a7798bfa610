//! Reads a `.wast` script: its header, and its directives with their locations. Also turns a script
//! into a case.
//!
//! Always: one bad module does not make a script unreadable. Whether the text of a module can be
//! encoded is kept with the directive ([`Source`]), because an assertion may be about that. A form
//! that cannot be read is a directive that fails. A text that does not consist of forms is one
//! [`ScriptError`] with file, line and column.

use gcrucible_oracles::case::{Case, CaseModule, InstanceIndex, Limits, ModuleIndex, Step};
use gcrucible_oracles::engine::runtime::known_fault;
use gcrucible_oracles::header::Header;

use crate::directive::{Action, Directive, Location, Source};
use crate::read;

/// A script that cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{file}:{at}: {message}")]
pub struct ScriptError {
    /// The name given by the caller.
    pub file: String,
    /// Where.
    pub at: Location,
    /// What is wrong.
    pub message: String,
}

/// A script.
#[derive(Clone, Debug)]
pub struct Script {
    /// The name given by the caller.
    pub file: String,
    /// Its `;;!` lines.
    pub header: Header,
    /// Its directives.
    pub directives: Vec<(Location, Directive)>,
}

impl Script {
    /// Reads a script.
    ///
    /// # Errors
    ///
    /// The text is not a script, or a header line cannot be read.
    pub fn parse(file: &str, text: &str) -> Result<Script, ScriptError> {
        let lines = Lines::of(text);
        let fail = |offset: usize, message: String| ScriptError {
            file: file.to_owned(),
            at: lines.location(offset),
            message,
        };
        let header = Header::parse(text).map_err(|error| ScriptError {
            file: file.to_owned(),
            at: Location {
                line: error.line(),
                column: 1,
            },
            message: error.to_string(),
        })?;
        if let Some((offset, message)) = unknown_fault(&header, text) {
            return Err(fail(offset, message));
        }
        let directives = read::directives(text).map_err(|(at, why)| fail(at, why))?;
        let directives = directives
            .into_iter()
            .map(|(offset, directive)| (lines.location(offset), directive));
        Ok(Script {
            file: file.to_owned(),
            header,
            directives: directives.collect(),
        })
    }

    /// Limits, as the header changes them.
    pub fn limits(&self, base: Limits) -> Limits {
        Limits {
            heap_bytes: self.header.heap.unwrap_or(base.heap_bytes),
            full_at: self.header.full.or(base.full_at),
            ..base
        }
    }

    /// Returns the script as a case: every module that is instantiated and every action, without
    /// the assertions. Modules that must be refused before instantiation are left out, and so is
    /// what is unsupported.
    ///
    /// # Errors
    ///
    /// The first directive that names an unknown module or instance, or needs a module that the
    /// text parser refuses.
    pub fn case(&self) -> Result<Case, ScriptError> {
        let mut names = Names::default();
        let mut case = Case {
            modules: Vec::new(),
            steps: Vec::new(),
            schedule: self.header.schedule.clone().unwrap_or_default(),
            limits: self.limits(Limits::FUZZING),
            origin: self.file.clone(),
        };
        for (at, directive) in &self.directives {
            add_steps(&mut case, &mut names, directive).map_err(|message| ScriptError {
                file: self.file.clone(),
                at: *at,
                message,
            })?;
        }
        Ok(case)
    }
}

/// What the names of a script stand for so far.
#[derive(Debug, Default)]
pub struct Names {
    modules: Vec<(Option<String>, ModuleIndex)>,
    instances: Vec<(Option<String>, InstanceIndex)>,
    next_instance: u32,
}

impl Names {
    /// Notes a definition.
    pub fn defined(&mut self, name: Option<&String>, module: ModuleIndex) {
        self.modules.push((name.cloned(), module));
    }

    /// Numbers an attempt to instantiate. [`Names::instantiated`] gives it its name if it succeeds.
    pub fn attempt(&mut self) -> InstanceIndex {
        let index = InstanceIndex(self.next_instance);
        self.next_instance += 1;
        index
    }

    /// Notes a successful instantiation: the current instance from now on.
    pub fn instantiated(&mut self, name: Option<&String>, instance: InstanceIndex) {
        self.instances.push((name.cloned(), instance));
    }

    /// Returns the last definition, or the last with this name.
    ///
    /// # Errors
    ///
    /// There is none.
    pub fn module(&self, name: Option<&String>) -> Result<ModuleIndex, String> {
        find(&self.modules, name).ok_or_else(|| missing("module definition", name))
    }

    /// Returns the current instance, or the last with this name.
    ///
    /// # Errors
    ///
    /// There is none.
    pub fn instance(&self, name: Option<&String>) -> Result<InstanceIndex, String> {
        find(&self.instances, name).ok_or_else(|| missing("instance", name))
    }
}

fn find<I: Copy>(list: &[(Option<String>, I)], name: Option<&String>) -> Option<I> {
    let fits = |entry: &&(Option<String>, I)| name.is_none() || entry.0.as_ref() == name;
    list.iter().rev().find(fits).map(|(_, index)| *index)
}

fn missing(what: &str, name: Option<&String>) -> String {
    match name {
        Some(name) => format!("no {what} named ${name}"),
        None => format!("no {what} before this"),
    }
}

fn add_module(
    case: &mut Case,
    name: Option<&String>,
    source: &Source,
) -> Result<ModuleIndex, String> {
    let wasm = source.binary.clone()?;
    let index = ModuleIndex(case.modules.len() as u32);
    case.modules.push(CaseModule {
        name: name.cloned().unwrap_or_default(),
        wasm,
    });
    Ok(index)
}

fn add_steps(case: &mut Case, names: &mut Names, directive: &Directive) -> Result<(), String> {
    match directive {
        Directive::Module { name, source } => {
            let module = add_module(case, name.as_ref(), source)?;
            names.defined(name.as_ref(), module);
            case.steps.push(Step::Instantiate { module });
            let instance = names.attempt();
            names.instantiated(name.as_ref(), instance);
        }
        Directive::Definition { name, source } => {
            let module = add_module(case, name.as_ref(), source)?;
            names.defined(name.as_ref(), module);
        }
        Directive::Instance { name, module } => {
            let module = names.module(module.as_ref())?;
            case.steps.push(Step::Instantiate { module });
            let instance = names.attempt();
            names.instantiated(name.as_ref(), instance);
        }
        Directive::Register { name, instance } => {
            let instance = names.instance(instance.as_ref())?;
            case.steps.push(Step::Register {
                instance,
                name: name.clone(),
            });
        }
        Directive::Action(action)
        | Directive::Return(action, _)
        | Directive::Trap(action, _)
        | Directive::Exception(action)
        | Directive::Unlinkable(action, _)
        | Directive::Exhaustion(action, _) => add_action(case, names, action)?,
        Directive::Unread(why) => return Err(why.clone()),
        Directive::Malformed(..) | Directive::Invalid(..) | Directive::Unsupported(_) => {}
    }
    Ok(())
}

fn add_action(case: &mut Case, names: &mut Names, action: &Action) -> Result<(), String> {
    let module = match action {
        Action::Module(source) => Some(add_module(case, None, source)?),
        Action::Instantiate { module } => Some(names.module(module.as_ref())?),
        Action::Invoke { .. } | Action::Get { .. } => None,
    };
    if let Some(module) = module {
        case.steps.push(Step::Instantiate { module });
        names.attempt();
        return Ok(());
    }
    case.steps.extend(action_step(names, action)?);
    Ok(())
}

/// Returns the step of an action. `None` for a module, which takes two steps.
///
/// # Errors
///
/// The instance it names does not exist.
pub fn action_step(names: &Names, action: &Action) -> Result<Option<Step>, String> {
    match action {
        Action::Invoke {
            instance,
            export,
            args,
        } => Ok(Some(Step::Invoke {
            instance: names.instance(instance.as_ref())?,
            export: export.clone(),
            args: args.clone(),
        })),
        Action::Get { instance, global } => Ok(Some(Step::Get {
            instance: names.instance(instance.as_ref())?,
            global: global.clone(),
        })),
        Action::Module(_) | Action::Instantiate { .. } => Ok(None),
    }
}

/// The offsets at which lines start, so that a location is found by a binary search.
struct Lines(Vec<usize>);

impl Lines {
    fn of(text: &str) -> Lines {
        let ends = text.bytes().enumerate().filter(|&(_, byte)| byte == b'\n');
        let starts = std::iter::once(0).chain(ends.map(|(at, _)| at + 1));
        Lines(starts.collect())
    }

    fn location(&self, offset: usize) -> Location {
        let line = self.0.partition_point(|&start| start <= offset).max(1);
        Location {
            line,
            column: offset - self.0[line - 1] + 1,
        }
    }
}

/// Returns the place of a planted fault in the header that does not exist, and what to say of it.
fn unknown_fault(header: &Header, text: &str) -> Option<(usize, String)> {
    header.planted.iter().find_map(|name| {
        let error = known_fault(name).err()?;
        Some((text.find(name.as_str()).unwrap_or(0), error.to_string()))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bad_scripts_are_errors_with_a_location() {
        let table = [
            ("(module", "1:1"),
            ("(module)\nword (module)", "2:1"),
            ("(module))", "1:9"),
            ("\n\"open", "2:1"),
            (";;! schedule = \"x\"\n(module)", "1:1"),
        ];
        for (text, at) in table {
            let error = Script::parse("t.wast", text).expect_err(text);
            assert!(
                error.to_string().starts_with(&format!("t.wast:{at}: ")),
                "{text:?}: {error}"
            );
        }
    }

    #[test]
    fn a_form_that_cannot_be_read_costs_that_form_only() {
        let text = r#"(module definition $d (func (export "f") (result anyref) (ref.i31 (i32.const 1))))
            (module instance $i $d)
            (assert_retur (invoke "f"))
              (assert_return (invoke 3))
            (script $s (assert_return (invoke "f") (ref)) (input "x.wast"))
            (assert_trap (module instance $j $d) "unreach")
            (assert_unlinkable (module instance) "unknown import")"#;
        let script = Script::parse("t.wast", text).expect("a script");
        let expected = [
            ((1, 2), "Definition"),
            ((2, 14), "Instance"),
            ((3, 14), "Unread"),
            ((4, 38), "Unread"),
            ((5, 24), "Return"),
            ((5, 59), "Unsupported"),
            ((6, 13), "Trap"),
            ((7, 13), "Unlinkable"),
        ];
        let found = script.directives.iter().map(|(at, directive)| {
            let text = format!("{directive:?}");
            let kind = text.split(['(', ' ']).next().unwrap_or_default();
            ((at.line, at.column), kind.to_owned())
        });
        let expected = expected.map(|(at, kind)| (at, kind.to_owned()));
        assert_eq!(found.collect::<Vec<_>>(), expected);
        assert!(script.case().is_err());
    }

    #[test]
    fn a_case_keeps_names_and_leaves_assertions_out() {
        let text = r#"
            (module $a (func (export "f") (param externref)))
            (module $b (import "a" "f" (func)))
            (invoke $a "f" (ref.extern 3))
            (assert_invalid (module (func (result i32))) "type mismatch")
            (assert_return (invoke $a "f" (ref.null extern)))
            (register "x" $b)"#;
        let case = Script::parse("t", text)
            .expect("a script")
            .case()
            .expect("a case");
        assert_eq!(case.modules.len(), 2);
        let steps: Vec<String> = case.steps.iter().map(Step::to_string).collect();
        let expected = [
            "instantiate module 0",
            "instantiate module 1",
            "invoke \"f\" of instance 0 (ref.extern 3)",
            "invoke \"f\" of instance 0 (ref.null extern)",
            "register instance 1 as \"x\"",
        ];
        assert_eq!(steps, expected);
        let orphan = Script::parse("t", "(invoke $c \"f\")").expect("a script");
        assert!(orphan.case().is_err());
    }
}
