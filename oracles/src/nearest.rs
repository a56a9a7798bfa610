//! Finds the known name that somebody probably meant, for messages about unknown names.

use strsim::damerau_levenshtein;

/// Returns the known name with the fewest typing errors between it and `word`. If several are
/// equally near, returns the first one. If none is near enough, returns `None`.
pub fn nearest<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    // Half of a short word may be wrong, a third of a long one.
    let most = (word.chars().count() / 3).max(2);
    let distances = known
        .into_iter()
        .map(|name| (damerau_levenshtein(word, name), name));
    let (distance, name) = distances.min_by_key(|&(distance, _)| distance)?;
    (distance <= most).then_some(name)
}

/// Returns the end of a message about an unknown name: the name that was probably meant, or all
/// names.
pub fn suggestion(word: &str, known: &[&str]) -> String {
    match nearest(word, known.iter().copied()) {
        Some(name) => format!("did you mean `{name}`?"),
        None => format!("known are `{}`", known.join("`, `")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn typing_errors_are_seen_through_and_strangers_are_not() {
        let known = ["schedule", "collectors", "engine", "heap"];
        for (word, meant) in [
            ("shedule", Some("schedule")),
            ("collector", Some("collectors")),
            ("enigne", Some("engine")),
            ("haep", Some("heap")),
            ("temperature", None),
            ("x", None),
        ] {
            assert_eq!(nearest(word, known), meant, "{word}");
        }
        assert_eq!(suggestion("haep", &known), "did you mean `heap`?");
        assert_eq!(
            suggestion("temperature", &known),
            "known are `schedule`, `collectors`, `engine`, `heap`"
        );
    }
}
