//! The complete list of where references into the heap can hide, outside of the heap.

/// Where a root is. A new place that can hold a reference is a new variant, and does not compile
/// until every match handles it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RootKind {
    /// A global, of an instance or of the host.
    Global,
    /// An element of a table, of an instance or of the host.
    TableElement,
    /// An item of an element segment that is not dropped.
    Segment,
    /// A handle of the host (scoped or owned).
    HostHandle,
    /// The exception in flight outside of wasm frames.
    PendingException,
    /// A slot of a wasm frame, from a stack map.
    StackSlot,
    /// A value the host holds during one operation.
    Temporary,
}

impl RootKind {
    /// Whether reference counting counts this root. Stack slots and temporaries are looked at by
    /// each collection instead.
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

/// Visits roots. Implemented by the store over its instances, handles and frames.
pub trait Roots {
    /// Calls `visit` once for each root slot, with the slot's bits (0 is null, odd an i31), which
    /// it may change.
    fn each_root(&mut self, visit: &mut dyn FnMut(RootKind, &mut u32));

    /// Calls `visit` for the roots that are not counted only. A store with large tables does better
    /// than this default.
    fn each_uncounted_root(&mut self, visit: &mut dyn FnMut(RootKind, &mut u32)) {
        self.each_root(&mut |kind, slot| {
            if !kind.is_counted() {
                visit(kind, slot);
            }
        });
    }
}
