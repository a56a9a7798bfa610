//! Permitted differences: one row for each way in which two correct engines may differ, with its
//! authority.
//!
//! Always: a pair that no row permits is a difference. Some rows end the comparison: a resource ran
//! out, a feature is missing. The reason is a [`Skip`] and is counted. Other rows let the
//! comparison go on: the payload of a NaN. [`Used`] counts how often each row was used. Not here:
//! live counts with frames on the stack (`leak::frames`).

use std::fmt;

use crate::engine::Traits;
use crate::outcome::{Outcome, Resource, Unasked, Why};
use crate::value::Value;

/// Why a comparison was not made, or not made to its end. Each reason has its own counter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Skip {
    /// A resource ran out on either side.
    Exhausted(Resource),
    /// Either side does not offer a feature of the case.
    Unsupported,
    /// The engine was not asked, or could not be looked at.
    Unasked(Unasked),
    /// Either side has an implementation limit below what a module needs.
    ModuleLimit,
    /// Nothing was asked: the case has no step.
    NoSteps,
    /// Both sides refused every module, so that no step could be compared.
    NothingLoaded,
}

impl Skip {
    /// Returns every reason, in a fixed order.
    pub fn all() -> impl Iterator<Item = Skip> {
        let resources = Resource::ALL.into_iter().map(Skip::Exhausted);
        let unasked = Unasked::ALL.into_iter().map(Skip::Unasked);
        resources.chain(unasked).chain([
            Skip::Unsupported,
            Skip::ModuleLimit,
            Skip::NoSteps,
            Skip::NothingLoaded,
        ])
    }
}

impl fmt::Display for Skip {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Skip::Exhausted(resource) => write!(f, "exhausted: {resource}"),
            Skip::Unsupported => f.write_str("unsupported feature"),
            Skip::Unasked(why) => write!(f, "not asked: {why}"),
            Skip::ModuleLimit => f.write_str("limit on a module"),
            Skip::NoSteps => f.write_str("no steps"),
            Skip::NothingLoaded => f.write_str("no module loaded"),
        }
    }
}

/// Whether the comparison goes on after a permitted difference.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Then {
    /// The comparison goes on.
    GoOn,
    /// It ends here, with this reason.
    End(Skip),
}

/// A row of the table of permitted differences between outcomes.
#[derive(Clone, Copy, Debug)]
pub struct Permitted {
    /// A short name.
    pub name: &'static str,
    /// Where the specification permits it.
    pub authority: &'static str,
    /// Returns what follows if this row covers a pair of outcomes.
    pub covers: fn(&Outcome, &Outcome) -> Option<Then>,
}

/// The rows, tried in order.
pub const PERMITTED: &[Permitted] = &[
    Permitted {
        name: "a resource ran out",
        authority: "specification, appendix \"Implementation Limitations\", execution",
        covers: |left, right| {
            let (left, right) = (exhausted(left), exhausted(right));
            // If both sides ran out of something, the engine's resource tells more.
            let resource = right.or(left)?;
            // The limit of calls is the same, so the state can be compared as after any other step.
            let is_same_call = [left, right] == [Some(Resource::CallDepth); 2];
            (!is_same_call).then_some(Then::End(Skip::Exhausted(resource)))
        },
    },
    Permitted {
        name: "a feature is missing",
        authority: "specification, appendix \"Profiles\"",
        covers: |left, right| {
            let unsupported = |outcome: &Outcome| matches!(outcome, Outcome::Unsupported(_));
            (unsupported(left) || unsupported(right)).then_some(Then::End(Skip::Unsupported))
        },
    },
    Permitted {
        name: "not asked",
        authority: "the protocol: an engine is given only what its capabilities allow",
        covers: |left, right| {
            let unasked = |outcome: &Outcome| match outcome {
                Outcome::Unasked(why) => Some(*why),
                _ => None,
            };
            let why = unasked(left).or_else(|| unasked(right))?;
            Some(Then::End(Skip::Unasked(why)))
        },
    },
    Permitted {
        name: "the engine merges kinds of traps",
        authority: "specification, section \"Results\": a trap has no kind; the kinds that an \
                    engine's words can mean are compared",
        covers: |left, right| {
            let among = |one: &Outcome, other: &Outcome| match (one, other) {
                (Outcome::Trapped(trap), Outcome::TrappedByAny(traps)) => traps.contains(trap),
                _ => false,
            };
            (among(left, right) || among(right, left)).then_some(Then::GoOn)
        },
    },
    Permitted {
        name: "a limit on a module",
        authority: "specification, appendix \"Implementation Limitations\", syntactic limits",
        covers: |left, right| {
            let limit = |outcome: &Outcome| refused(outcome) == Some(Why::Limit);
            (limit(left) || limit(right)).then_some(Then::End(Skip::ModuleLimit))
        },
    },
    Permitted {
        name: "malformed or invalid",
        authority: "specification, section \"Semantic Phases\": a module that is both may be \
                    found to be either first",
        covers: |left, right| {
            let early =
                |outcome: &Outcome| matches!(refused(outcome), Some(Why::Malformed | Why::Invalid));
            (early(left) && early(right)).then_some(Then::GoOn)
        },
    },
];

fn exhausted(outcome: &Outcome) -> Option<Resource> {
    match outcome {
        Outcome::Exhausted(resource) => Some(*resource),
        _ => None,
    }
}

fn refused(outcome: &Outcome) -> Option<Why> {
    match outcome {
        Outcome::Rejected(rejection) => Some(rejection.why),
        _ => None,
    }
}

/// The row for two different NaNs, see [`permits_values`].
const NANS: (&str, &str) = (
    "bits of a NaN",
    "specification, section \"NaN Propagation\": the payload is any of a set",
);

/// The number of rows, that of NaNs included.
const ROWS: usize = PERMITTED.len() + 1;

/// A row of the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Row(usize);

impl Row {
    /// A resource ran out.
    pub const RESOURCE: Row = Row(0);
    /// Two different NaNs.
    pub const NANS: Row = Row(PERMITTED.len());

    /// Returns its short name.
    pub fn name(self) -> &'static str {
        PERMITTED.get(self.0).map_or(NANS.0, |row| row.name)
    }

    /// Returns where the specification permits it.
    pub fn authority(self) -> &'static str {
        PERMITTED.get(self.0).map_or(NANS.1, |row| row.authority)
    }
}

/// How often each row was used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Used([u64; ROWS]);

impl Used {
    /// Counts one use of a row.
    pub fn count(&mut self, row: Row) {
        self.0[row.0] += 1;
    }

    /// Adds other counts.
    pub fn add(&mut self, other: &Used) {
        self.0
            .iter_mut()
            .zip(other.0)
            .for_each(|(sum, more)| *sum += more);
    }

    /// Returns the rows that were used, in the order of the table, and how often.
    pub fn rows(&self) -> impl Iterator<Item = (Row, u64)> + '_ {
        let rows = self.0.iter().enumerate();
        rows.filter(|(_, count)| **count > 0)
            .map(|(row, &count)| (Row(row), count))
    }
}

/// Returns the first row that covers a pair of outcomes.
pub fn permits(left: &Outcome, right: &Outcome) -> Option<(Row, Then)> {
    let mut rows = PERMITTED.iter().enumerate();
    rows.find_map(|(at, row)| (row.covers)(left, right).map(|then| (Row(at), then)))
}

/// Returns true if two different numbers may be results of the same instruction. They may if both
/// are NaNs and at least one engine does not promise the canonical one (specification, section "NaN
/// Propagation"). Vectors are compared lane by lane, as singles or as doubles.
pub fn permits_values(left: Value, right: Value, traits: [Traits; 2]) -> bool {
    if traits.iter().all(|traits| traits.canonical_nans) {
        return false;
    }
    match (left, right) {
        (Value::F32(_), Value::F32(_)) | (Value::F64(_), Value::F64(_)) => {
            left.is_nan() && right.is_nan()
        }
        (Value::V128(left), Value::V128(right)) => {
            let single = |bits: u128, lane: u32| Value::F32((bits >> (32 * lane)) as u32);
            let double = |bits: u128, lane: u32| Value::F64((bits >> (64 * lane)) as u64);
            let alike =
                |left: Value, right: Value| left == right || (left.is_nan() && right.is_nan());
            (0..4).all(|lane| alike(single(left, lane), single(right, lane)))
                || (0..2).all(|lane| alike(double(left, lane), double(right, lane)))
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::leak::Reclaims;
    use crate::outcome::Trap;

    #[test]
    fn each_row_covers_what_it_says_and_nothing_else() {
        let returned = Outcome::Returned(vec![]);
        let trapped = Outcome::Trapped(Trap::Unreachable);
        let heap = Outcome::Exhausted(Resource::Heap);
        let malformed = Outcome::rejected(Why::Malformed, "");
        let invalid = Outcome::rejected(Why::Invalid, "");
        let unlinkable = Outcome::rejected(Why::Unlinkable, "");
        let limit = Outcome::rejected(Why::Limit, "");
        let unasked = Outcome::Unasked(Unasked::Proposal);
        let merged = Outcome::TrappedByAny(vec![Trap::CastFailure, Trap::Unreachable]);
        let unknown = Outcome::TrappedByAny(vec![]);
        let name =
            |left: &Outcome, right: &Outcome| permits(left, right).map(|(row, _)| row.name());
        assert_eq!(name(&returned, &heap), Some("a resource ran out"));
        assert_eq!(name(&heap, &trapped), Some("a resource ran out"));
        assert_eq!(
            name(&returned, &Outcome::Unsupported("x".into())),
            Some("a feature is missing")
        );
        assert_eq!(name(&returned, &limit), Some("a limit on a module"));
        assert_eq!(name(&malformed, &invalid), Some("malformed or invalid"));
        assert_eq!(name(&returned, &unasked), Some("not asked"));
        assert_eq!(
            name(&trapped, &merged),
            Some("the engine merges kinds of traps")
        );
        for (left, right) in [
            (&returned, &trapped),
            (&returned, &invalid),
            (&unlinkable, &invalid),
            (&unlinkable, &trapped),
            (&trapped, &unknown),
            (&Outcome::Trapped(Trap::NullReference), &merged),
            (&returned, &merged),
        ] {
            assert_eq!(name(left, right), None, "{left} / {right}");
        }
    }

    #[test]
    fn uses_are_counted_by_row() {
        let heap = Outcome::Exhausted(Resource::Heap);
        let (row, then) = permits(&heap, &heap).expect("a row");
        assert_eq!(
            (row, then),
            (Row::RESOURCE, Then::End(Skip::Exhausted(Resource::Heap)))
        );
        let mut used = Used::default();
        used.count(row);
        used.count(Row::NANS);
        let mut sum = used;
        sum.add(&used);
        let named: Vec<_> = sum.rows().map(|(row, count)| (row.name(), count)).collect();
        assert_eq!(named, [("a resource ran out", 2), ("bits of a NaN", 2)]);
        assert!(Row::NANS.authority().contains("NaN"));
    }

    #[test]
    fn nans_differ_only_without_the_promise() {
        let traits = |canonical_nans| Traits {
            canonical_nans,
            reclaims: Reclaims::Nothing,
            outside: None,
        };
        let (a, b) = (Value::F32(0x7fc0_0000), Value::F32(0xffc0_0001));
        assert!(permits_values(a, b, [traits(true), traits(false)]));
        assert!(!permits_values(a, b, [traits(true), traits(true)]));
        assert!(!permits_values(
            a,
            Value::F32(0),
            [traits(true), traits(false)]
        ));
        let lanes = |lane: u32| Value::V128(u128::from(lane) << 32 | 7);
        assert!(permits_values(
            lanes(0x7fc0_0000),
            lanes(0x7fc0_0001),
            [traits(false); 2]
        ));
        assert!(!permits_values(lanes(1), lanes(2), [traits(false); 2]));
    }
}
