//! Why the instruction at an address faulted, and which handlers a call has.
//!
//! Each module has both tables. They are sorted by offset and looked up by binary search. A look-up
//! neither allocates nor locks, because the signal handler does it.

use super::emitted::{Cause, FuncCode, Handler};

/// All instructions of a module that can fault.
#[derive(Debug, Default)]
pub struct TrapTable {
    offsets: Vec<u32>,
    causes: Vec<Cause>,
}

impl TrapTable {
    /// Appends the sites of a function that is placed at `at`. Functions come in ascending order of
    /// their positions.
    pub fn append(&mut self, at: u32, code: &FuncCode) {
        for site in &code.traps {
            let offset = at + site.offset;
            if self.offsets.last() == Some(&offset) {
                // Cranelift records two traps for an access that is also a check. The first one is
                // the access's own.
                continue;
            }
            debug_assert!(self.offsets.last().is_none_or(|&last| last < offset));
            self.offsets.push(offset);
            self.causes.push(site.cause);
        }
    }

    /// Why the instruction at `offset` faulted. `None` if it must not fault.
    #[must_use]
    pub fn get(&self, offset: u32) -> Option<Cause> {
        let at = self.offsets.binary_search(&offset).ok()?;
        Some(self.causes[at])
    }
}

/// The handlers of one call, in the order in which they are tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TryCall<'a> {
    /// From the frame pointer down to the stack pointer during the call, in bytes.
    pub frame_bytes: u32,
    /// The handlers. Their offsets are relative to the module's code.
    pub handlers: &'a [Handler],
}

/// All calls of a module that have handlers.
#[derive(Debug, Default)]
pub struct TryTable {
    rets: Vec<u32>,
    sites: Vec<Site>,
    handlers: Vec<Handler>,
}

#[derive(Debug)]
struct Site {
    frame_bytes: u32,
    first: u32,
    count: u32,
}

impl TryTable {
    /// Appends the calls of a function that is placed at `at`. Functions come in ascending order of
    /// their positions.
    pub fn append(&mut self, at: u32, code: &FuncCode) {
        let base = self.handlers.len() as u32;
        self.handlers.extend(code.handlers.iter().map(|h| Handler {
            offset: at + h.offset,
            ..*h
        }));
        for site in &code.tries {
            let ret = at + site.ret;
            debug_assert!(self.rets.last().is_none_or(|&last| last < ret));
            self.rets.push(ret);
            self.sites.push(Site {
                frame_bytes: site.frame_bytes,
                first: base + site.first,
                count: site.count,
            });
        }
    }

    /// Returns the call that returns to exactly `ret`, if it has handlers.
    #[must_use]
    pub fn get(&self, ret: u32) -> Option<TryCall<'_>> {
        let at = self.rets.binary_search(&ret).ok()?;
        let site = &self.sites[at];
        Some(TryCall {
            frame_bytes: site.frame_bytes,
            handlers: &self.handlers[site.first as usize..][..site.count as usize],
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compile::emitted::{TrapSite, TrySite};
    use crate::error::Trap;
    use crate::index::TagIdx;

    #[test]
    fn tables_are_moved_to_where_functions_are_placed() {
        let handler = Handler {
            tag: Some((TagIdx(3), 16)),
            offset: 40,
        };
        let code = FuncCode {
            traps: vec![TrapSite {
                offset: 6,
                cause: Cause::Trap(Trap::Unreachable),
            }],
            tries: vec![TrySite {
                ret: 20,
                frame_bytes: 64,
                first: 0,
                count: 1,
            }],
            handlers: vec![handler],
            ..FuncCode::default()
        };
        let (mut traps, mut tries) = (TrapTable::default(), TryTable::default());
        for at in [0, 1000] {
            traps.append(at, &code);
            tries.append(at, &code);
        }
        assert_eq!(traps.get(1006), Some(Cause::Trap(Trap::Unreachable)));
        assert_eq!(traps.get(1005), None);
        let call = tries.get(1020).expect("a call with a handler");
        assert_eq!(call.frame_bytes, 64);
        assert_eq!(call.handlers[0].offset, 1040);
        assert_eq!(call.handlers[0].tag, handler.tag);
        assert_eq!(tries.get(1021), None);
    }
}
