//! Pieces of conformance scripts, changed in structure: one engine against the reference.
//!
//! The official suite has what our generator does not make: modules that people wrote, with
//! every instruction in the shapes that they thought of. A piece is a module with what it needs and
//! the calls after it. A change that makes it invalid is dropped, because the target `validate`
//! is about those. Assertions become calls: the reference says what is right.

use std::ops::Range;
use std::sync::OnceLock;

use gcrucible_oracles::case::{Case, CaseModule, Limits, Step};
use gcrucible_oracles::value::{Target as To, Value};
use gcrucible_wast_tests::directive::Directive;
use gcrucible_wast_tests::forms::{Part, parts};
use gcrucible_wast_tests::script::Script;
use gcrucible_wast_tests::suite;
use wasmparser::Validator;

use super::features::Edges;
use super::rig::Rig;
use super::run::{self, Ran};
use super::subject::{Subject, schedule};
use super::target::Target;
use super::validate::FEATURES;
use crate::generate::Without;
use crate::generate::source::Source;
use crate::input::Input;
use crate::mutate::script::change;
use crate::tree::{Item, items};

/// See the module.
pub static TARGET: Target = Target {
    name: "wast_mutate",
    hunts: "pieces of conformance scripts, changed in structure, one engine against the reference",
    share: 6,
    subject: test_case,
    for_named: None,
    edges: Edges::OfFunctions,
    check,
};

/// Larger files are tables of numbers.
const FILE_BYTES_MAX: usize = 60_000;
/// Modules before the one of the piece, on which it may depend.
const BEFORE_MAX: usize = 8;
/// Calls after it.
const CALLS_MAX: usize = 12;
/// Most changes of one piece.
const CHANGES_MAX: usize = 5;
/// How often a change is tried until the piece is a valid script.
const TRIES: usize = 12;
/// A module without anything.
const EMPTY: [u8; 8] = *b"\0asm\x01\0\0\0";
/// A piece may loop after a change.
const FUEL: u64 = 300_000;

/// A script of the suite.
struct File {
    text: &'static str,
    /// Its directives.
    forms: Vec<Range<usize>>,
    /// Modules of which calls follow, as positions in `forms`. Any modules if there are none.
    modules: Vec<usize>,
}

/// The scripts of the suite, which are always the same. Those about references come first.
fn files() -> &'static (Vec<File>, usize) {
    static FILES: OnceLock<(Vec<File>, usize)> = OnceLock::new();
    FILES.get_or_init(|| {
        let required = suite::files()
            .into_iter()
            .filter(|file| file.standing.is_required() && file.text.len() <= FILE_BYTES_MAX);
        let files = required.filter_map(|file| File::of(file.text));
        let (mut telling, others): (Vec<File>, Vec<File>) = files.partition(File::is_telling);
        let first = telling.len();
        telling.extend(others);
        (telling, first)
    })
}

/// Whether a directive defines a module by its text, and makes an instance.
fn is_plain(form: &str) -> bool {
    let words = ["definition", "instance", "binary", "quote"];
    let start = form.get(..form.len().min(60)).unwrap_or("");
    form.starts_with("(module") && !words.iter().any(|word| start.contains(word))
}

impl File {
    fn of(text: &'static str) -> Option<File> {
        let forms: Vec<Range<usize>> = parts(text, 0..text.len())
            .ok()?
            .into_iter()
            .filter_map(|part| match part {
                Part::List(form) => Some(form),
                Part::Atom(_) => None,
            })
            .collect();
        let is_call = |form: &Range<usize>| {
            let heads = ["(invoke", "(assert_return", "(assert_exception"];
            heads
                .iter()
                .any(|head| text[form.clone()].starts_with(head))
        };
        let mut modules: Vec<usize> = (0..forms.len())
            .filter(|&at| is_plain(&text[forms[at].clone()]))
            .collect();
        let is_called = |&at: &usize| forms.get(at + 1).is_some_and(is_call);
        if modules.iter().any(is_called) {
            modules.retain(is_called);
        }
        let file = File {
            text,
            forms,
            modules,
        };
        (!file.modules.is_empty()).then_some(file)
    }

    fn is_telling(&self) -> bool {
        let words = [
            "(ref ",
            "ref.",
            "struct.",
            "array.",
            "externref",
            "funcref",
            "(tag",
        ];
        words.iter().any(|word| self.text.contains(word))
    }

    fn form(&self, at: usize) -> &'static str {
        &self.text[self.forms[at].clone()]
    }

    /// Returns a module, those before it if the file registers any, and the calls after it.
    fn piece(&self, source: &mut Source<'_>) -> Vec<Item> {
        let at = self.modules[source.below(self.modules.len())];
        let mut taken: Vec<&str> = Vec::new();
        if self.text.contains("(register") {
            let is_needed = |&at: &usize| {
                let form = self.form(at);
                form.starts_with("(register") || is_plain(form)
            };
            let before: Vec<usize> = (0..at).filter(is_needed).collect();
            let before = &before[before.len().saturating_sub(BEFORE_MAX)..];
            taken.extend(before.iter().map(|&at| self.form(at)));
        }
        taken.push(self.form(at));
        let next = (at + 1..self.forms.len()).find(|&at| is_plain(self.form(at)));
        let end = next.unwrap_or(self.forms.len());
        let mut calls: Vec<usize> = (at + 1..end).collect();
        while calls.len() > CALLS_MAX {
            calls.remove(source.below(calls.len()));
        }
        taken.extend(calls.into_iter().map(|at| self.form(at)));
        let trees = taken
            .into_iter()
            .filter_map(|form| items(form).ok())
            .flatten();
        trees.filter_map(|item| directive(item, source)).collect()
    }
}

/// Returns the directive without what it asserts. Leaves out what must be refused, and most of what
/// must trap.
fn directive(item: Item, source: &mut Source<'_>) -> Option<Item> {
    let Item::List(mut items) = item else {
        return None;
    };
    let Some(Item::Word(head)) = items.first() else {
        return None;
    };
    match head.as_str() {
        "module" | "register" | "invoke" | "get" => Some(Item::List(items)),
        "assert_trap" if !source.chance(20) => None,
        "assert_return" | "assert_exception" | "assert_trap" if items.len() > 1 => {
            let action = items.swap_remove(1);
            let is_action = matches!(&action, Item::List(items)
                if matches!(items.first(), Some(Item::Word(word)) if word == "invoke"));
            is_action.then_some(action)
        }
        _ => None,
    }
}

/// Returns the case of a script. `None` if one of its directives cannot be read, or if one of its
/// modules is not valid.
fn case(tree: &[Item]) -> Option<Case> {
    let text: String = tree.iter().map(|item| format!("{item}\n")).collect();
    let script = Script::parse("piece", &text).ok()?;
    let is_unread = |directive: &Directive| matches!(directive, Directive::Unread(_));
    if script
        .directives
        .iter()
        .any(|(_, directive)| is_unread(directive))
    {
        return None;
    }
    let case = script.case().ok()?;
    let is_valid = |module: &CaseModule| {
        let mut validator = Validator::new_with_features(FEATURES);
        validator.validate_all(&module.wasm).is_ok()
    };
    case.modules.iter().all(is_valid).then_some(case)
}

/// Whether a call has a host object as an argument. If another argument does not fit any more, some
/// engines have made the object when they refuse the call, and some have not.
fn has_host_object(step: &Step) -> bool {
    let is_host = |arg: &Value| matches!(arg, Value::Ref(arg) if matches!(arg.to, To::Host(_)));
    matches!(step, Step::Invoke { args, .. } if args.iter().any(is_host))
}

fn test_case(input: &Input, _: Without) -> Subject {
    let choices = input.choices();
    let source = &mut Source::new(&choices);
    let (files, telling) = files();
    let of_all = source.chance(15);
    let file = &files[source.below(if of_all { files.len() } else { *telling })];
    let mut tree = file.piece(source);
    let mut best = case(&tree).unwrap_or_else(|| Case::of_module(EMPTY.to_vec(), &[]));
    for _ in 0..1 + source.below(CHANGES_MAX) {
        for _ in 0..TRIES {
            let mut changed = tree.clone();
            if change(&mut changed, source)
                && let Some(case) = case(&changed)
            {
                (tree, best) = (changed, case);
                break;
            }
        }
    }
    best.steps.retain(|step| !has_host_object(step));
    best.schedule = schedule(input);
    best.limits = Limits {
        fuel: FUEL,
        ..Limits::FUZZING
    };
    best.origin = String::new();
    for module in &mut best.modules {
        // Names of a script need not differ.
        module.name = String::new();
    }
    Subject::case(best, input.number())
}

fn check(subject: &Subject, rig: &mut Rig) -> Ran {
    run::one_engine(subject, rig)
}

#[test]
fn smoke() {
    TARGET.smoke(60);
}

/// Most changes apply, most pieces make steps, and what is printed is the same case.
#[test]
fn pieces_are_changed_and_run() {
    let (mut steps, mut printed) = (0, std::collections::BTreeSet::new());
    for seed in 0..300 {
        let subject = TARGET.plain(&Input::of_seed(seed));
        steps += usize::from(subject.case.steps.len() > 1);
        let text = subject.to_string();
        let again = Script::parse("printed", &text).and_then(|script| script.case());
        let again = again.unwrap_or_else(|error| panic!("seed {seed}: {error}\n{text}"));
        assert_eq!(again.steps, subject.case.steps, "seed {seed}:\n{text}");
        printed.insert(text);
    }
    assert!(steps > 240, "{steps} of 300 make more than one step");
    assert!(printed.len() > 280, "{} of 300 differ", printed.len());
}
