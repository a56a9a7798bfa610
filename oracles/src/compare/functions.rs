//! Functions of an engine that numbers functions without saying how they are defined.
//!
//! Always: over a whole run a number stands for one function of the reference, and a function that
//! a module defines has one number. A host function may have several, one for each import.

use std::collections::BTreeMap;

use crate::observe::FuncKey;

/// What is known of the numbers so far.
#[derive(Debug, Default)]
pub(super) struct Numbers {
    keys: BTreeMap<u32, FuncKey>,
    numbers: BTreeMap<FuncKey, u32>,
}

impl Numbers {
    /// Checks that `key` may have this number, and remembers it.
    ///
    /// # Errors
    ///
    /// What the number, or the key, stood for before.
    pub(super) fn same(&mut self, key: &FuncKey, number: u32) -> Result<(), String> {
        let known = self.keys.entry(number).or_insert_with(|| key.clone());
        if known != key {
            return Err(format!("{known}, as before"));
        }
        if matches!(key, FuncKey::Host { .. }) {
            return Ok(());
        }
        match *self.numbers.entry(key.clone()).or_insert(number) {
            before if before == number => Ok(()),
            before => Err(format!("not function number {before}, as before")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::case::InstanceIndex;

    #[test]
    fn a_number_and_a_function_belong_together() {
        let wasm = |index| FuncKey::Wasm {
            instance: InstanceIndex(0),
            index,
        };
        let host = FuncKey::Host {
            module: "harness".to_owned(),
            name: "gc".to_owned(),
        };
        let mut numbers = Numbers::default();
        assert_eq!(numbers.same(&wasm(5), 0), Ok(()));
        assert_eq!(numbers.same(&wasm(5), 0), Ok(()));
        assert!(numbers.same(&wasm(6), 0).is_err());
        assert!(numbers.same(&wasm(5), 1).is_err());
        assert_eq!(numbers.same(&host, 2), Ok(()));
        assert_eq!(numbers.same(&host, 3), Ok(()));
        assert!(numbers.same(&host, 0).is_err());
    }
}
