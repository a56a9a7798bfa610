//! Host objects: both sides create the same number, and dropped host objects = created - reachable.
//!
//! The host creates a host object and the collector drops it. So it is the one kind of object whose
//! end the host sees.

use super::{Census, Handles, Live, LiveKind, Outside, Reclaims};

/// A broken balance of host objects.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Imbalance {
    /// The two sides created different numbers of host objects.
    #[error("{actual} host objects were created, expected {expected}")]
    Created {
        /// Created by the reference.
        expected: u64,
        /// Created by the engine.
        actual: u64,
    },
    /// More or fewer host objects are left than can be reached.
    #[error("{} host objects are left (created - dropped), expected {expected}", *.actual as i64)]
    Outstanding {
        /// How many should be left.
        expected: u64,
        /// Created minus dropped.
        actual: u64,
    },
}

/// Checks the balance if `actual` reports drops. Returns how many equations were checked. The
/// number that should live depends on the form of the census that `actual` reports. For an engine
/// that is seen from outside it depends on what the engine reclaims.
///
/// # Errors
///
/// The first equation that does not hold.
pub fn check(
    expected: &Live,
    actual: &Live,
    reclaims: Reclaims,
    outside: Option<Outside>,
) -> Result<u64, Imbalance> {
    let Some(dropped) = actual.handles.dropped else {
        return Ok(0);
    };
    let (
        Handles {
            created: should, ..
        },
        Handles { created, .. },
    ) = (expected.handles, actual.handles);
    if should != created {
        return Err(Imbalance::Created {
            expected: should,
            actual: created,
        });
    }
    let hosts = |census: &Census| census.get(LiveKind::Host);
    let living = match (&actual.reachable, &actual.retained, outside) {
        (Some(_), _, _) => expected.reachable.as_ref().map(hosts),
        (None, Some(_), _) => expected.retained.as_ref().map(hosts),
        (None, None, None) => None,
        (None, None, Some(_)) => match reclaims {
            Reclaims::Everything => expected.reachable.as_ref().map(hosts),
            Reclaims::Acyclic => expected.retained.as_ref().map(hosts),
            Reclaims::Nothing => None,
        },
    };
    let Some(living) = living else {
        return Ok(1);
    };
    // If more objects are dropped than were created, the difference wraps and equals no living
    // number.
    let outstanding = created.wrapping_sub(dropped);
    let at_least = outside.is_some_and(|outside| outside.at_least);
    if at_least && outstanding > living && dropped <= created {
        return Ok(1);
    }
    if outstanding != living {
        return Err(Imbalance::Outstanding {
            expected: living,
            actual: outstanding,
        });
    }
    Ok(2)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn live(created: u64, dropped: Option<u64>, hosts: u64) -> Live {
        let mut census = Census::default();
        census.add(LiveKind::Host, hosts);
        Live {
            reachable: Some(census),
            retained: None,
            handles: Handles { created, dropped },
        }
    }

    #[test]
    fn every_imbalance_is_found() {
        let expected = live(5, None, 2);
        let check = |actual| check(&expected, &actual, Reclaims::Everything, None);
        assert_eq!(check(live(5, Some(3), 2)), Ok(2));
        assert_eq!(check(live(5, None, 2)), Ok(0));
        for dropped in [2, 4, 6] {
            assert!(check(live(5, Some(dropped), 2)).is_err(), "{dropped}");
        }
        assert!(check(live(6, Some(4), 2)).is_err());
    }

    #[test]
    fn from_outside_only_host_objects_are_counted() {
        let expected = Live {
            retained: live(5, None, 4).reachable,
            ..live(5, None, 2)
        };
        let check = |dropped, reclaims, at_least| {
            let actual = Live {
                handles: Handles {
                    created: 5,
                    dropped: Some(dropped),
                },
                ..Live::default()
            };
            check(&expected, &actual, reclaims, Some(Outside { at_least }))
        };
        assert_eq!(check(3, Reclaims::Everything, false), Ok(2));
        assert_eq!(check(1, Reclaims::Acyclic, false), Ok(2));
        assert_eq!(check(0, Reclaims::Nothing, false), Ok(1));
        assert!(check(2, Reclaims::Everything, false).is_err());
        assert!(check(4, Reclaims::Everything, false).is_err());
        assert!(check(3, Reclaims::Acyclic, false).is_err());
        // One object too many may be a stray word on the stack, one too few never is.
        assert_eq!(check(2, Reclaims::Everything, true), Ok(1));
        assert!(check(4, Reclaims::Everything, true).is_err());
        assert!(check(6, Reclaims::Everything, true).is_err());
    }
}
