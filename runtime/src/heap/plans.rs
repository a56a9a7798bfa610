//! The list of all collectors, and which one a configuration means.

#[cfg(feature = "planted")]
use super::faulty;
use super::{CollectorTraits, Plan, copying::CopyingPlan, drc::DrcPlan, null::NullPlan};
use crate::config::{CollectorKind, Config};
#[cfg(feature = "planted")]
use crate::planted::Planted;

/// All collectors. There is no other list.
static PLANS: [(CollectorKind, &dyn Plan); 4] = [
    (CollectorKind::Null, &NullPlan),
    (CollectorKind::Drc, &DrcPlan { cycles: false }),
    (CollectorKind::DrcCycles, &DrcPlan { cycles: true }),
    (CollectorKind::Copying, &CopyingPlan),
];

/// Returns the collector of that kind.
///
/// # Panics
/// Never: every kind is in the list (tested).
fn plan(kind: CollectorKind) -> &'static dyn Plan {
    let row = PLANS.iter().find(|(k, _)| *k == kind);
    row.expect("every collector is in the list").1
}

/// Returns the collector of a configuration. It includes the faults that the configuration plants
/// in emitted code.
#[must_use]
pub fn plan_for(config: &Config) -> &'static dyn Plan {
    #[cfg(feature = "planted")]
    if config.planted() != Planted::NONE {
        return faulty::plan(plan(config.collector), config.planted());
    }
    plan(config.collector)
}

impl CollectorKind {
    /// Returns how the collector differs from others.
    #[must_use]
    pub fn traits(self) -> CollectorTraits {
        plan(self).traits()
    }
}
