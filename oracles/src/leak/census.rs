//! The census after a full collection equals what the reference reaches, by kind and type.
//!
//! The reference reports two counts: with garbage cycles and without. The one that fits what the
//! collector reclaims is compared. If the engine reports neither, nothing is compared and the
//! caller counts that.

use super::{Census, Live, LiveKind};

/// The first kind of object that is counted differently.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{actual} {kind} live, expected {expected}")]
pub struct Miscount {
    /// The kind and type.
    pub kind: LiveKind,
    /// How many should live.
    pub expected: u64,
    /// How many do.
    pub actual: u64,
    /// Whether garbage cycles were counted as living.
    pub retained: bool,
}

/// Compares every count that both sides report. Returns how many were compared.
///
/// # Errors
///
/// The first kind, in the order of [`LiveKind`], whose numbers differ.
pub fn check(expected: &Live, actual: &Live) -> Result<u64, Miscount> {
    let forms = [
        (&expected.reachable, &actual.reachable, false),
        (&expected.retained, &actual.retained, true),
    ];
    let mut compared = 0;
    for (expected, actual, retained) in forms {
        if let (Some(expected), Some(actual)) = (expected, actual) {
            if let Some(miscount) = first_miscount(expected, actual, retained) {
                return Err(miscount);
            }
            compared += 1;
        }
    }
    Ok(compared)
}

fn first_miscount(expected: &Census, actual: &Census, retained: bool) -> Option<Miscount> {
    let mut kinds: Vec<LiveKind> = expected
        .iter()
        .chain(actual.iter())
        .map(|(kind, _)| kind)
        .collect();
    kinds.sort_unstable();
    let differing = kinds
        .into_iter()
        .find(|&kind| expected.get(kind) != actual.get(kind))?;
    Some(Miscount {
        kind: differing,
        expected: expected.get(differing),
        actual: actual.get(differing),
        retained,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::case::ModuleIndex;
    use crate::observe::TypeKey;

    fn census(counts: &[(u32, u64)]) -> Option<Census> {
        let mut census = Census::default();
        for &(index, count) in counts {
            let module = ModuleIndex(0);
            census.add(LiveKind::Struct(TypeKey { module, index }), count);
        }
        Some(census)
    }

    #[test]
    fn one_object_too_many_is_named_by_its_type() {
        let expected = Live {
            reachable: census(&[(1, 4), (2, 1)]),
            retained: census(&[(1, 6), (2, 1)]),
            ..Live::default()
        };
        let check = |reachable, retained| {
            let handles = expected.handles;
            super::check(
                &expected,
                &Live {
                    reachable,
                    retained,
                    handles,
                },
            )
        };
        assert_eq!(check(census(&[(1, 4), (2, 1)]), None), Ok(1));
        assert_eq!(check(None, census(&[(1, 6), (2, 1)])), Ok(1));
        assert_eq!(check(None, None), Ok(0));
        let miscount = check(census(&[(1, 4), (2, 2)]), None).expect_err("a leak");
        assert_eq!(
            (miscount.expected, miscount.actual, miscount.retained),
            (1, 2, false)
        );
        let miscount = check(None, census(&[(1, 5), (2, 1)])).expect_err("freed too early");
        assert_eq!(
            (miscount.expected, miscount.actual, miscount.retained),
            (6, 5, true)
        );
        assert!(check(census(&[(1, 4), (2, 1), (3, 1)]), None).is_err());
    }
}
