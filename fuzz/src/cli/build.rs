//! The build of this program: its version, the commit of its sources, and its features.

use serde::Serialize;

/// The commit, `unknown` without git, followed by `with changes` if the sources differ from it.
const COMMIT: &str = env!("GCRUCIBLE_COMMIT");

/// The build's features, as a list.
const FEATURES: &[&str] = if cfg!(feature = "planted") {
    &["planted"]
} else {
    &[]
};

/// What `--version` says after the name.
pub const VERSION: &str = if cfg!(feature = "planted") {
    concat!(
        env!("CARGO_PKG_VERSION"),
        " (commit ",
        env!("GCRUCIBLE_COMMIT"),
        ", features planted)"
    )
} else {
    concat!(
        env!("CARGO_PKG_VERSION"),
        " (commit ",
        env!("GCRUCIBLE_COMMIT"),
        ", no features)"
    )
};

/// The build, in JSON.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Build {
    version: &'static str,
    commit: &'static str,
    features: &'static [&'static str],
}

/// The build of this program.
pub const BUILD: Build = Build {
    version: env!("CARGO_PKG_VERSION"),
    commit: COMMIT,
    features: FEATURES,
};
