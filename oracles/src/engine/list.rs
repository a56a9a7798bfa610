//! The engines by name, and the names of those that tests run.
//!
//! Without the cargo feature `runtime` the reference is the only one.

use super::reference::Reference;
#[cfg(feature = "runtime")]
use super::runtime::{Runtime, RuntimeConfig};
use super::{Engine, NoEngine};

/// Returns the reference.
pub fn reference() -> Box<dyn Engine> {
    Box::new(Reference)
}

/// Returns the names of the engines that tests run by default: the reference, each collector with
/// quick compilation, and two configurations that change compiled code most.
pub fn names() -> Vec<String> {
    let mut names = vec!["reference"];
    if cfg!(feature = "runtime") {
        names.extend([
            "runtime:null",
            "runtime:drc",
            "runtime:drc-cycles",
            "runtime:copying",
            "runtime:drc:speed:backtracking:explicit:paired",
            "runtime:copying:speed:backtracking:bounds",
        ]);
    }
    names.into_iter().map(str::to_owned).collect()
}

/// The first parts of engines' names.
const KINDS: &[&str] = if cfg!(feature = "runtime") {
    &["reference", "runtime"]
} else {
    &["reference"]
};

/// Returns the engine with this name: `reference`, or `runtime:` and a configuration (see
/// `runtime::RuntimeConfig`).
///
/// # Errors
///
/// No engine has this name. The error says which part of it is wrong and what is similar.
pub fn named(name: &str) -> Result<Box<dyn Engine>, NoEngine> {
    let kind = name.split([':', '+']).next().unwrap_or_default();
    match kind {
        "reference" if kind == name => Ok(reference()),
        #[cfg(feature = "runtime")]
        "runtime" => Ok(Box::new(Runtime::new(RuntimeConfig::named(name)?))),
        _ => Err(NoEngine::Name {
            name: name.to_owned(),
            known: KINDS,
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_is_an_engine_and_keeps_its_name() {
        for name in names() {
            let engine = named(&name).unwrap_or_else(|why| panic!("{why}"));
            assert_eq!(engine.name(), name);
        }
    }

    #[test]
    fn an_unknown_name_is_answered_with_the_nearest() {
        let answer = |name| {
            named(name)
                .map(|engine| engine.name())
                .unwrap_err()
                .to_string()
        };
        assert_eq!(
            answer("refrence"),
            "no engine is named `refrence`; did you mean `reference`?"
        );
        assert!(answer("reference:drc").starts_with("no engine is named `reference:drc`; "));
        assert!(answer("").contains("`reference`"));
    }
}
