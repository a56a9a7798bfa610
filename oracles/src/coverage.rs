//! Which rules of the specification a run applied, and which pairs of them directly after each
//! other. It guides the fuzzer.
//!
//! Only the reference reports it. The map has a fixed number of bits, so libFuzzer can take it as
//! counters and two maps are merged word by word. Not here: the names of rules
//! (`engine::reference`).

/// A table of bits. Column `r` of row `p` is set when rule `r` was applied directly after rule `p`.
/// The last row is for rules applied first. The table is empty for engines that report nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RuleMap {
    rules: usize,
    words: Vec<u64>,
}

impl RuleMap {
    /// Makes a map over this many rules from its words, row by row. Each row begins with a new
    /// word.
    pub fn new(rules: usize, words: impl IntoIterator<Item = u64>) -> RuleMap {
        RuleMap {
            rules,
            words: words.into_iter().collect(),
        }
    }

    /// Returns the words, row by row.
    pub fn words(&self) -> &[u64] {
        &self.words
    }

    /// Returns how many pairs are set.
    pub fn pairs(&self) -> u64 {
        self.words
            .iter()
            .map(|word| u64::from(word.count_ones()))
            .sum()
    }

    /// Returns the numbers of the rules applied at least once, ascending.
    pub fn reached(&self) -> Vec<usize> {
        let width = self.rules.div_ceil(64).max(1);
        let mut any = vec![0_u64; width];
        for row in self.words.chunks(width) {
            for (any, word) in any.iter_mut().zip(row) {
                *any |= word;
            }
        }
        let is_set = |rule: &usize| any[rule / 64] >> (rule % 64) & 1 == 1;
        (0..self.rules).filter(is_set).collect()
    }

    /// Returns the pairs that are set, as row and column. The number of rules is the last row.
    pub fn applied_in_a_row(&self) -> impl Iterator<Item = (usize, usize)> {
        let width = self.rules.div_ceil(64).max(1);
        let words = self.words.iter().enumerate();
        words.flat_map(move |(at, &word)| {
            let bits = (0..64).filter(move |bit| word >> bit & 1 == 1);
            bits.map(move |bit| (at / width, at % width * 64 + bit))
        })
    }

    /// Returns for each row by how many different rules it was followed.
    pub fn followers(&self) -> impl Iterator<Item = u32> {
        let width = self.rules.div_ceil(64).max(1);
        let rows = self.words.chunks(width);
        rows.map(|row| row.iter().map(|word| word.count_ones()).sum())
    }

    /// Adds another map. Returns how many pairs were new.
    pub fn merge(&mut self, other: &RuleMap) -> u64 {
        if self.words.len() < other.words.len() {
            self.words.resize(other.words.len(), 0);
            self.rules = other.rules;
        }
        let mut new = 0;
        for (mine, theirs) in self.words.iter_mut().zip(&other.words) {
            new += u64::from((theirs & !*mine).count_ones());
            *mine |= theirs;
        }
        new
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn merging_counts_what_is_new() {
        // Two rules, three rows of one word.
        let mut seen = RuleMap::default();
        let run = RuleMap::new(2, [0b10, 0b00, 0b01]);
        assert_eq!(seen.merge(&run), 2);
        assert_eq!(seen.merge(&run), 0);
        assert_eq!(seen.merge(&RuleMap::new(2, [0b11, 0, 0])), 1);
        assert_eq!((seen.pairs(), seen.reached()), (3, vec![0, 1]));
        assert_eq!(RuleMap::default().reached(), Vec::<usize>::new());
        assert!(run.applied_in_a_row().eq([(0, 1), (2, 0)]));
        assert!(seen.followers().eq([2, 0, 1]));
    }
}
