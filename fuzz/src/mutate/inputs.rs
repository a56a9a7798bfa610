//! Input -> another input near it, or between two: what a fuzzer that keeps a corpus tries next.
//!
//! Comes in: inputs, a seed, and the greatest length of the result in bytes. What always holds: the
//! result is a function of these, and is not longer. It is changed in terms of edits and choices,
//! so most of a program stays as it was.

use crate::generate::source::{Source, expand};
use crate::input::{EDITS_MAX, Edit, Input, SEED_BYTES_MAX};

/// At most this many choices are stored in an input. Programs seldom use more.
const CHOICES_MAX: usize = 3_000;

/// Returns an input near another: it has one edit more, one less or another one, another base, or a
/// few other choices. If the input is longer than `max`, the result is a smaller one.
pub fn neighbour(input: &Input, seed: u64, max: usize) -> Input {
    let bytes = expand(seed, 64);
    let src = &mut Source::new(&bytes);
    let mut new = input.clone();
    if length(input) > max {
        shrink(&mut new, src);
    } else {
        change(&mut new, src);
    }
    fit(&mut new, max);
    new
}

/// Returns an input that has its base and its edits partly from one input and partly from another.
pub fn crossed(one: &Input, other: &Input, seed: u64, max: usize) -> Input {
    let bytes = expand(seed, 64);
    let src = &mut Source::new(&bytes);
    let mut new = one.clone();
    match src.below(4) {
        // The other's changes to this program.
        0 => new.edits.clone_from(&other.edits),
        // The changes of both.
        1 => new.edits.extend(&other.edits),
        // A program that begins like one and goes on like the other.
        2 => {
            let (mut base, tail) = (one.choices(), other.choices());
            let at = even(src.below(base.len().min(tail.len())));
            base.splice(at.., tail[at..].iter().copied());
            new.base = base;
        }
        // A piece of the other's program.
        _ => {
            let (mut base, piece) = (one.choices(), other.choices());
            let from = even(src.below(piece.len()));
            let to = (from + 2 * src.range(4, 64) as usize).min(piece.len());
            let at = even(src.below(base.len())).min(base.len());
            let end = (at + to - from).min(base.len());
            base.splice(at..end, piece[from..to].iter().copied());
            new.base = base;
        }
    }
    new.base.truncate(CHOICES_MAX);
    new.edits.truncate(EDITS_MAX);
    fit(&mut new, max);
    new
}

fn change(new: &mut Input, src: &mut Source<'_>) {
    let edit = Edit {
        kind: src.below(256) as u8,
        seed: src.bits32(),
    };
    match src.below(10) {
        0..=4 if new.edits.len() < EDITS_MAX => new.edits.push(edit),
        0..=5 if !new.edits.is_empty() => {
            let at = src.below(new.edits.len());
            new.edits[at] = edit;
        }
        6 if !new.edits.is_empty() => drop(new.edits.remove(src.below(new.edits.len()))),
        7 => {
            new.base = src.bits64().to_le_bytes().to_vec();
            new.edits.clear();
        }
        // Replaces a seed by its choices, so that single choices can change.
        _ if new.base.len() <= SEED_BYTES_MAX => {
            new.base = new.choices();
            new.base.truncate(CHOICES_MAX);
            change_choices(&mut new.base, src);
        }
        _ => change_choices(&mut new.base, src),
    }
}

fn change_choices(base: &mut [u8], src: &mut Source<'_>) {
    for _ in 0..src.range(1, 3) {
        let at = src.below(base.len());
        if let Some(byte) = base.get_mut(at) {
            *byte = src.below(256) as u8;
        }
    }
}

/// Drops an edit, or some choices.
fn shrink(new: &mut Input, src: &mut Source<'_>) {
    if !new.edits.is_empty() && src.chance(50) {
        new.edits.remove(src.below(new.edits.len()));
    } else if new.base.len() > SEED_BYTES_MAX {
        let from = even(src.below(new.base.len()));
        let to = (from + 2 * src.range(1, 64) as usize).min(new.base.len());
        // A base must stay long enough to be choices. Otherwise it is another program's seed.
        if new.base.len() - (to - from) > SEED_BYTES_MAX {
            new.base.drain(from..to);
        }
    }
}

/// The number of bytes of an input.
fn length(input: &Input) -> usize {
    input.to_bytes().len()
}

/// Drops choices at the end, then edits, until the input has at most `max` bytes.
fn fit(input: &mut Input, max: usize) {
    while length(input) > max {
        let over = length(input) - max;
        let spare = input.base.len().saturating_sub(SEED_BYTES_MAX + 1);
        if over <= spare || input.edits.is_empty() {
            let left = input.base.len().saturating_sub(over);
            input.base.truncate(left);
            return;
        }
        input.edits.pop();
    }
}

/// Most choices are numbers of two bytes.
fn even(at: usize) -> usize {
    at & !1
}

#[cfg(test)]
mod tests {
    use super::*;

    fn input(edits: usize, base: usize, seed: u64) -> Input {
        Input {
            edits: vec![
                Edit {
                    kind: 1,
                    seed: seed as u32
                };
                edits
            ],
            base: expand(seed, base),
        }
    }

    #[test]
    fn results_are_never_longer_than_asked() {
        for seed in 0..3000 {
            let one = input(seed as usize % 8, seed as usize % 90, seed);
            let other = input(seed as usize % 5, seed as usize * 7 % 4000, !seed);
            let max = 1 + seed as usize % 60;
            for new in [
                neighbour(&one, seed, max),
                neighbour(&other, seed, max),
                crossed(&one, &other, seed, max),
            ] {
                assert!(new.to_bytes().len() <= max, "{seed}: {new:?}");
                assert_eq!(Input::parse(&new.to_bytes()), new, "{seed}");
            }
        }
    }

    /// An input that has to become shorter keeps its kind: choices stay choices.
    #[test]
    fn shorter_inputs_are_pieces_of_the_program() {
        let old = input(3, 400, 9);
        let max = old.to_bytes().len() - 1;
        let mut lengths = std::collections::BTreeSet::new();
        for seed in 0..200 {
            let new = neighbour(&old, seed, max);
            assert!(new.base.len() > SEED_BYTES_MAX && new != old);
            assert!(new.edits == old.edits || new.edits.len() == 2);
            lengths.insert(new.to_bytes().len());
        }
        assert!(lengths.len() > 20, "{lengths:?}");
    }

    /// Most inputs between two have something of both.
    #[test]
    fn inputs_between_two_have_something_of_both() {
        let (one, other) = (input(2, 600, 1), input(3, 600, 2));
        let same = |new: &Input, old: &Input| {
            new.edits.ends_with(&old.edits)
                || new.edits.starts_with(&old.edits)
                || new
                    .base
                    .iter()
                    .zip(&old.base)
                    .filter(|(a, b)| a == b)
                    .count()
                    > 8
        };
        let mut both = 0;
        for seed in 0..200 {
            let new = crossed(&one, &other, seed, 4096);
            assert!(new != one && new != other, "{seed}");
            both += u32::from(same(&new, &one) && same(&new, &other));
        }
        assert!(both > 120, "{both}");
    }
}
