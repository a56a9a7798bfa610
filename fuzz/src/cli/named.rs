//! Targets and seeds, as the command line names them.

use super::failure::Failure;
use crate::targets::{TARGETS, Target};

/// Returns the targets with these names, in the order of the list of targets. Without names,
/// returns all of them.
///
/// # Errors
///
/// A name that is no target's.
pub fn chosen(names: &[String]) -> Result<Vec<&'static Target>, Failure> {
    if let Some(unknown) = names
        .iter()
        .find(|name| TARGETS.iter().all(|t| t.name != name.as_str()))
    {
        let known: Vec<_> = TARGETS.iter().map(|t| t.name).collect();
        let message = format!(
            "no target is named {unknown:?}; there are: {}",
            known.join(", ")
        );
        return Err(Failure::Usage(message));
    }
    Ok(TARGETS
        .iter()
        .copied()
        .filter(|t| names.is_empty() || names.iter().any(|n| n == t.name))
        .collect())
}

/// Parses a number that may be written in hexadecimal, as replay lines write seeds.
///
/// # Errors
///
/// A sentence for the user.
pub fn parse_seed(text: &str) -> Result<u64, String> {
    let parsed = match text.strip_prefix("0x") {
        Some(digits) => u64::from_str_radix(digits, 16),
        None => text.parse(),
    };
    parsed
        .map_err(|_| format!("{text:?} is no seed: a number up to 2^64-1, in decimal or as 0x..."))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_target_is_a_usage_error_that_names_the_known_ones() {
        let error = chosen(&["differental".to_owned()]).unwrap_err().to_string();
        assert!(
            error.contains("differental") && error.contains("differential"),
            "{error}"
        );
    }
}
