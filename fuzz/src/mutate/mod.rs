//! Program -> neighbouring program.
//!
//! Comes in: a valid program and an [`Edit`]. Goes out: a valid program that is changed in one
//! place, or the same program if the edit does not apply. What always holds:
//!
//! - the result validates: each mutation is tried on a copy, which is dropped if it is not valid;
//! - the result terminates: no mutation touches the code that counts;
//! - the result depends on the program and the edit alone.
//!
//! To add a mutation, add a row to [`MUTATIONS`] and its function to the file of its subject:
//! `body` (statements and expressions), `schedule` (collections and steps), `types` (recursion
//! groups). Append an edit of its kind to `fuzz/oss-fuzz/default.dict`.
//!
//! Reading order: `body`, `schedule`, `types`, `bytes`, `script`, `inputs`.

mod body;
pub mod bytes;
pub mod inputs;
mod schedule;
pub mod script;
mod types;

use crate::generate::source::{Source, expand};
use crate::input::Edit;
use crate::program::Program;

/// One kind of change: its name, and how it is made. It returns false if there is nothing to
/// change.
type Mutation = (&'static str, fn(&mut Program, &mut Source<'_>) -> bool);

/// Every mutation. `Edit::kind` chooses by position, so rows are only appended.
pub const MUTATIONS: &[Mutation] = &[
    ("collect elsewhere", schedule::collect_elsewhere),
    ("collect in code", body::collect_here),
    ("delete a statement", body::delete_statement),
    ("repeat a statement", body::repeat_statement),
    ("splice a statement", body::splice_statement),
    ("change a constant", body::change_constant),
    ("replace a value", body::replace_value),
    ("let a value wait", body::let_wait),
    ("change the steps", schedule::change_steps),
    ("change an argument", schedule::change_argument),
    ("reorder types", types::reorder_groups),
    ("repeat a type", types::repeat_group),
];

/// How many positions are tried for one edit. A statement often does not fit at a random position.
const TRIES: u64 = 3;

/// Applies one edit. Returns true if the program changed.
pub fn apply(program: &mut Program, edit: Edit) -> bool {
    let (_, change) = MUTATIONS[usize::from(edit.kind) % MUTATIONS.len()];
    for turn in 0..TRIES {
        let bytes = expand(u64::from(edit.seed) | turn << 32, 256);
        let mut copy = program.clone();
        if change(&mut copy, &mut Source::new(&bytes)) && copy.validate().is_ok() {
            *program = copy;
            return true;
        }
    }
    false
}

/// Applies edits in order. Returns how many took effect.
pub fn apply_all(program: &mut Program, edits: &[Edit]) -> usize {
    edits.iter().filter(|&&edit| apply(program, edit)).count()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::generate::{Focus, from_seed};

    /// Every mutation changes a good share of programs, and the results validate.
    #[test]
    fn every_mutation_has_an_effect() {
        const PROGRAMS: u32 = 60;
        for (kind, (name, _)) in MUTATIONS.iter().enumerate() {
            let mut effects = 0;
            for seed in 0..PROGRAMS {
                let mut program = from_seed(u64::from(seed), Focus::Any);
                let edit = Edit {
                    kind: kind as u8,
                    seed,
                };
                effects += u32::from(apply(&mut program, edit));
                assert!(program.validate().is_ok(), "{name}, seed {seed}");
            }
            assert!(effects * 5 >= PROGRAMS, "{name}: {effects} of {PROGRAMS}");
        }
    }
    /// libFuzzer's dictionary has an edit of each kind.
    #[test]
    fn the_dictionary_has_every_mutation() {
        let lines = include_str!("../../oss-fuzz/default.dict").lines();
        let edits = lines.filter(|line| line.ends_with("\\x01\\x00\\x00\\x00\""));
        let expected = MUTATIONS.iter().enumerate().map(|(kind, (name, _))| {
            let name = name.replace(' ', "_");
            format!("{name}=\"\\x{kind:02x}\\x01\\x00\\x00\\x00\"")
        });
        assert!(edits.eq(expected));
    }
}
