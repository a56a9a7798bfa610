//! Which slots of a frame hold references, by the address a call returns to.
//!
//! There is one table for each module. It is sorted by return offset and looked up by binary
//! search. A call whose exact return offset is not in the table holds no references.

use super::emitted::FuncCode;

/// The references in one frame during one call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StackMap<'a> {
    /// From the frame pointer down to the stack pointer during the call, in bytes.
    pub span: u32,
    /// Where the references are: offsets from that stack pointer.
    pub slots: &'a [u32],
}

/// All stack maps of a module.
#[derive(Debug, Default)]
pub struct StackMapTable {
    rets: Vec<u32>,
    maps: Vec<Entry>,
    slots: Vec<u32>,
}

#[derive(Debug)]
struct Entry {
    span: u32,
    first: u32,
    count: u32,
}

impl StackMapTable {
    /// Appends the maps of a function that is placed at `at`. Functions come in ascending order of
    /// their positions.
    pub fn append(&mut self, at: u32, code: &FuncCode) {
        let base = self.slots.len() as u32;
        self.slots.extend_from_slice(&code.slots);
        for site in &code.maps {
            let ret = at + site.ret;
            debug_assert!(
                self.rets.last().is_none_or(|&last| last < ret),
                "stack maps out of order"
            );
            self.rets.push(ret);
            self.maps.push(Entry {
                span: site.span,
                first: base + site.first,
                count: site.count,
            });
        }
    }

    /// Returns the map of the call that returns to exactly `ret`.
    #[must_use]
    pub fn get(&self, ret: u32) -> Option<StackMap<'_>> {
        self.rets.binary_search(&ret).ok().map(|at| self.map(at))
    }

    /// Returns the last call that returns to `ret` or before it: its return offset and its map.
    #[must_use]
    pub fn at_or_before(&self, ret: u32) -> Option<(u32, StackMap<'_>)> {
        let after = self.rets.partition_point(|&r| r <= ret);
        let at = after.checked_sub(1)?;
        Some((self.rets[at], self.map(at)))
    }

    fn map(&self, at: usize) -> StackMap<'_> {
        let entry = &self.maps[at];
        StackMap {
            span: entry.span,
            slots: &self.slots[entry.first as usize..][..entry.count as usize],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compile::emitted::MapSite;

    #[test]
    fn only_the_exact_return_address_counts() {
        let code = FuncCode {
            maps: vec![
                MapSite {
                    ret: 4,
                    span: 32,
                    first: 0,
                    count: 1,
                },
                MapSite {
                    ret: 9,
                    span: 48,
                    first: 1,
                    count: 2,
                },
            ],
            slots: vec![8, 0, 16],
            ..FuncCode::default()
        };
        let mut table = StackMapTable::default();
        table.append(0, &code);
        table.append(100, &code);
        let slots = |ret| table.get(ret).map(|m| (m.span, m.slots.to_vec()));
        assert_eq!(slots(4), Some((32, vec![8])));
        assert_eq!(slots(109), Some((48, vec![0, 16])));
        assert_eq!(slots(5), None);
        assert_eq!(
            table.at_or_before(5).map(|(at, m)| (at, m.span)),
            Some((4, 32))
        );
        assert_eq!(table.at_or_before(3), None);
        assert_eq!(table.rets.len(), 4);
    }
}
