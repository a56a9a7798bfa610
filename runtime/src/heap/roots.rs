//! The complete list of places outside of the heap that can hold a reference into it.

use std::fmt;

/// What kind of place a root is. A new kind of place is a new variant, and the crate does not
/// compile until every match handles it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RootKind {
    /// A global, of an instance or of the host.
    Global,
    /// An element of a table, of an instance or of the host.
    TableElement,
    /// An item of an element segment that was not dropped.
    Segment,
    /// A handle of the host, scoped or owned.
    HostHandle,
    /// The exception that has left wasm and was not yet caught.
    PendingException,
    /// A slot of a wasm frame, from a stack map.
    StackSlot,
    /// A value that the host holds during one operation.
    Temporary,
}

impl RootKind {
    /// Returns true if reference counting counts this root. Stack slots and temporaries are not
    /// counted: each collection visits them.
    #[must_use]
    pub const fn is_counted(self) -> bool {
        match self {
            RootKind::Global
            | RootKind::TableElement
            | RootKind::Segment
            | RootKind::HostHandle
            | RootKind::PendingException => true,
            RootKind::StackSlot | RootKind::Temporary => false,
        }
    }
}

impl fmt::Display for RootKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            RootKind::Global => "a global",
            RootKind::TableElement => "a table element",
            RootKind::Segment => "a segment",
            RootKind::HostHandle => "a handle of the host",
            RootKind::PendingException => "the pending exception",
            RootKind::StackSlot => "a stack slot",
            RootKind::Temporary => "a temporary of the host",
        })
    }
}

/// Visits roots. The store implements it for its instances, handles and frames.
pub trait Roots {
    /// Calls `visit` once for each root. It gets the bits of the reference, and may change them.
    fn each_root(&mut self, visit: &mut dyn FnMut(RootKind, &mut u32));

    /// Calls `visit` once for each root that is not counted. A store with large tables implements
    /// it without a visit of the others.
    fn each_uncounted_root(&mut self, visit: &mut dyn FnMut(RootKind, &mut u32)) {
        self.each_root(&mut |kind, slot| {
            if !kind.is_counted() {
                visit(kind, slot);
            }
        });
    }
}
