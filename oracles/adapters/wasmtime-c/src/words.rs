//! The library's words to the protocol's. Only this file makes decisions by an engine's text.

use std::sync::LazyLock;

use gcrucible_protocol::Ended;
use serde::Deserialize;

/// What the library says. The adapter in Python reads the same file.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Words {
    /// What an exception is called that nobody caught.
    thrown: String,
    /// What a call is answered whose arguments do not have the types of its parameters.
    other_type: String,
    /// Words of a trap and the traps of the specification they stand for. The first row that is
    /// found in the text counts. Wasmtime reports an index of `call_indirect` and one of
    /// `table.get` alike.
    traps: Vec<(String, Vec<String>)>,
    /// Words of a resource that ran out.
    exhausted: Vec<(String, String)>,
    /// Words of an import that does not fit.
    unlinkable: Vec<String>,
    /// Words of a module that is refused because it is too large for the engine.
    limits: Vec<String>,
}

/// The file.
pub const FILE: &str = include_str!("../words.json");

static WORDS: LazyLock<Words> =
    LazyLock::new(|| serde_json::from_str(FILE).expect("words.json is read by a test"));

fn exhausted(text: &str) -> Option<Ended> {
    let mut rows = WORDS.exhausted.iter();
    let (_, resource) = rows.find(|(words, _)| text.contains(words))?;
    Some(Ended::Exhausted {
        resource: resource.clone(),
        text: text.to_owned(),
    })
}

/// The trap of a function of the host that cannot take an exception.
pub const NOT_TAKEN: &str = "this version does not give out the exception";

/// Returns how a call ended whose trap has this text. If no row has the text, it is that of a
/// panic, which the C interface reports as a trap without a code.
pub fn trapped(text: String, has_code: bool) -> Ended {
    // An exception that passed through a function of the host arrives as a trap.
    if text.contains(&WORDS.thrown) {
        return Ended::Threw;
    }
    if text.contains(NOT_TAKEN) {
        let feature = "an exception that the host takes".to_owned();
        return Ended::Unsupported { feature };
    }
    if let Some(ended) = exhausted(&text) {
        return ended;
    }
    match (WORDS.traps.iter()).find(|(words, _)| text.contains(words)) {
        Some((_, kinds)) => Ended::Trapped {
            kinds: kinds.clone(),
            text,
        },
        None if has_code => Ended::Trapped {
            kinds: Vec::new(),
            text,
        },
        None => Ended::Crashed { text },
    }
}

/// Returns how a call or an instantiation ended that failed without a trap.
pub fn failed(text: String) -> Ended {
    if text.contains(&WORDS.thrown) {
        return Ended::Threw;
    }
    if let Some(ended) = exhausted(&text) {
        return ended;
    }
    if (WORDS.unlinkable.iter()).any(|words| text.contains(words)) {
        return Ended::Rejected {
            stage: "unlinkable".to_owned(),
            text,
        };
    }
    // The C interface cannot make an `anyref` of a host object.
    if text.contains(&WORDS.other_type) {
        let feature = "an argument of this type".to_owned();
        return Ended::Unsupported { feature };
    }
    Ended::Crashed { text }
}

/// Returns how loading ended that was refused.
pub fn refused(text: String) -> Ended {
    let stage = if (WORDS.limits.iter()).any(|words| text.contains(words)) {
        "limit"
    } else {
        "refused"
    };
    Ended::Rejected {
        stage: stage.to_owned(),
        text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_told_apart() {
        let kinds = |text: &str| match trapped(text.to_owned(), true) {
            Ended::Trapped { kinds, .. } => kinds.join("|"),
            other => format!("{other:?}"),
        };
        assert_eq!(kinds("wasm trap: cast failure"), "cast failure");
        assert_eq!(
            kinds("wasm trap: undefined element: out of bounds table access"),
            "undefined element|out of bounds table access"
        );
        assert_eq!(kinds("wasm trap: something new"), "");
        let panic = trapped("Cannot GC inside a no-GC scope!".to_owned(), false);
        assert!(matches!(panic, Ended::Crashed { .. }));
        assert!(matches!(
            trapped("wasm trap: call stack exhausted".to_owned(), true),
            Ended::Exhausted { .. }
        ));
        assert_eq!(failed("thrown Wasm exception".to_owned()), Ended::Threw);
    }
}
