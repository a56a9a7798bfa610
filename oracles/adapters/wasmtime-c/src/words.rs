//! The library's words to the protocol's. Only this file makes decisions by an engine's text.

use gcrucible_protocol::Ended;

/// Words of a trap and the traps of the specification they stand for. The first row that is found
/// in the text counts. Wasmtime reports an index of `call_indirect` and one of `table.get` alike.
const TRAPS: &[(&str, &[&str])] = &[
    (
        "undefined element: out of bounds table access",
        &["undefined element", "out of bounds table access"],
    ),
    ("uninitialized element", &["uninitialized element"]),
    (
        "indirect call type mismatch",
        &["indirect call type mismatch"],
    ),
    (
        "out of bounds memory access",
        &["out of bounds memory access"],
    ),
    (
        "out of bounds table access",
        &["undefined element", "out of bounds table access"],
    ),
    (
        "out of bounds array access",
        &["out of bounds array access"],
    ),
    ("integer divide by zero", &["integer divide by zero"]),
    ("integer overflow", &["integer overflow"]),
    (
        "invalid conversion to integer",
        &["invalid conversion to integer"],
    ),
    ("null reference", &["null reference"]),
    ("null i31 reference", &["null reference"]),
    ("cast failure", &["cast failure"]),
    ("`unreachable` instruction executed", &["unreachable"]),
];

/// Words of a resource that ran out.
const EXHAUSTED: &[(&str, &str)] = &[
    ("call stack exhausted", "call_stack"),
    ("all fuel consumed", "fuel"),
    ("allocation size too large", "heap"),
    ("GC heap out of memory", "heap"),
    ("failed to allocate", "heap"),
    ("out of memory", "heap"),
    ("memory minimum size", "memory"),
    ("table minimum size", "table"),
    ("resource limit exceeded", "heap"),
];

/// Words of an import that does not fit.
const UNLINKABLE: &[&str] = &[
    "incompatible import type",
    "unknown import",
    "imports, found",
];

fn exhausted(text: &str) -> Option<Ended> {
    let row = EXHAUSTED.iter().find(|(words, _)| text.contains(words))?;
    Some(Ended::Exhausted {
        resource: row.1.to_owned(),
        text: text.to_owned(),
    })
}

/// What an exception is called that nobody caught.
const THROWN: &str = "thrown Wasm exception";

/// The trap of a function of the host that cannot take an exception.
pub const NOT_TAKEN: &str = "this version does not give out the exception";

/// Returns how a call ended whose trap has this text. If no row has the text, it is that of a
/// panic, which the C interface reports as a trap without a code.
pub fn trapped(text: String, has_code: bool) -> Ended {
    // An exception that passed through a function of the host arrives as a trap.
    if text.contains(THROWN) {
        return Ended::Threw;
    }
    if text.contains(NOT_TAKEN) {
        let feature = "an exception that the host takes".to_owned();
        return Ended::Unsupported { feature };
    }
    if let Some(ended) = exhausted(&text) {
        return ended;
    }
    match TRAPS.iter().find(|(words, _)| text.contains(words)) {
        Some((_, kinds)) => Ended::Trapped {
            kinds: kinds.iter().map(|&kind| kind.to_owned()).collect(),
            text,
        },
        None if has_code => Ended::Trapped {
            kinds: Vec::new(),
            text,
        },
        None => Ended::Crashed { text },
    }
}

/// What a call is answered whose arguments do not have the types of its parameters.
const OTHER_TYPE: &str = "argument type mismatch";

/// Returns how a call or an instantiation ended that failed without a trap.
pub fn failed(text: String) -> Ended {
    if text.contains(THROWN) {
        return Ended::Threw;
    }
    if let Some(ended) = exhausted(&text) {
        return ended;
    }
    if UNLINKABLE.iter().any(|words| text.contains(words)) {
        return Ended::Rejected {
            stage: "unlinkable".to_owned(),
            text,
        };
    }
    // The C interface cannot make an `anyref` of a host object.
    if text.contains(OTHER_TYPE) {
        let feature = "an argument of this type".to_owned();
        return Ended::Unsupported { feature };
    }
    Ended::Crashed { text }
}

/// Returns how loading ended that was refused.
pub fn refused(text: String) -> Ended {
    const LIMITS: &[&str] = &[
        "exceeds",
        "limit",
        "too large",
        "too many",
        "out of bounds, must be",
    ];
    let stage = if LIMITS.iter().any(|words| text.contains(words)) {
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
