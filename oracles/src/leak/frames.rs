//! Live counts taken while wasm frames are on the stack. These are bounded, not exact.
//!
//! Compiled code may know that a local is dead. So the bounds are: reachable without frames <=
//! answer <= reachable with every slot of every frame. Both are equal if every reference in a frame
//! is used after the call.

use super::{Reclaims, Sample};

/// An answer outside its bounds, or a different number of answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OutOfBounds {
    /// The `index`-th answer.
    Answer {
        /// Which, counted from 0 over the whole run.
        index: usize,
        /// The engine's answer.
        answer: u32,
        /// The least it may be.
        least: u64,
        /// The most it may be.
        most: u64,
    },
    /// One side asked more often.
    Count {
        /// The number of answers of the reference.
        expected: usize,
        /// The number of answers of the engine.
        actual: usize,
    },
}

/// Checks every answer of `actual` against the bounds that the reference computed at the same
/// point. Returns how many were checked.
///
/// Both runs must have got the same answers ([`same_answers`]).
///
/// # Errors
///
/// The first answer out of bounds.
pub fn check(
    expected: &[Sample],
    actual: &[Sample],
    reclaims: Reclaims,
) -> Result<u64, OutOfBounds> {
    if expected.len() != actual.len() {
        return Err(OutOfBounds::Count {
            expected: expected.len(),
            actual: actual.len(),
        });
    }
    let mut checked = 0;
    for (index, (expected, actual)) in expected.iter().zip(actual).enumerate() {
        let Some(bounds) = expected.bounds else {
            continue;
        };
        let (least, most) = match reclaims {
            Reclaims::Everything => (bounds.least, bounds.most),
            Reclaims::Acyclic => (bounds.least_retained, bounds.most_retained),
            Reclaims::Nothing => continue,
        };
        if !(least..=most).contains(&u64::from(actual.answer)) {
            let answer = actual.answer;
            return Err(OutOfBounds::Answer {
                index,
                answer,
                least,
                most,
            });
        }
        checked += 1;
    }
    Ok(checked)
}

/// Returns true if both programs got the same answers. Otherwise their runs cannot be compared.
pub fn same_answers(left: &[Sample], right: &[Sample]) -> bool {
    let answers = |samples: &[Sample]| {
        samples
            .iter()
            .map(|sample| sample.answer)
            .collect::<Vec<_>>()
    };
    answers(left) == answers(right)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::leak::Bounds;

    #[test]
    fn answers_are_held_to_the_bounds_of_their_collector() {
        let bounds = Bounds {
            least: 2,
            most: 4,
            least_retained: 5,
            most_retained: 6,
        };
        let expected = [Sample {
            answer: 4,
            bounds: Some(bounds),
        }];
        let table = [
            (Reclaims::Everything, vec![2, 3, 4], vec![1, 5]),
            (Reclaims::Acyclic, vec![5, 6], vec![4, 7]),
            (Reclaims::Nothing, vec![0, 100], vec![]),
        ];
        for (reclaims, good, bad) in table {
            let check = |answer| {
                let actual = [Sample {
                    answer,
                    bounds: None,
                }];
                super::check(&expected, &actual, reclaims)
            };
            for answer in good {
                assert!(check(answer).is_ok(), "{reclaims:?} {answer}");
            }
            for answer in bad {
                assert!(check(answer).is_err(), "{reclaims:?} {answer}");
            }
        }
        assert!(super::check(&expected, &[], Reclaims::Nothing).is_err());
    }
}
