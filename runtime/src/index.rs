//! Index spaces. Each space of a module has a type of its own, so that a function index cannot be
//! used as a table index.

macro_rules! index {
    ($($(#[$doc:meta])* $name:ident),* $(,)?) => { $(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub u32);

        impl $name {
            /// Returns the index as a position in a slice.
            #[must_use]
            pub const fn as_usize(self) -> usize {
                self.0 as usize
            }
        }
    )* };
}

index!(
    /// Position in a module's type section, counted over the members of all recursion groups.
    TypeIdx,
    /// Position in a module's function index space: imports first, then definitions.
    FuncIdx,
    /// Position among the functions a module defines.
    DefinedFuncIdx,
    /// Position in a module's table index space.
    TableIdx,
    /// Position in a module's memory index space.
    MemIdx,
    /// Position in a module's global index space.
    GlobalIdx,
    /// Position in a module's tag index space.
    TagIdx,
    /// Position among a module's element segments.
    ElemIdx,
    /// Position among a module's data segments.
    DataIdx,
    /// Position among the fields of a structure type.
    FieldIdx,
    /// Position among a module's function references. They are the functions that can be reached
    /// other than by a direct call.
    EscapeIdx,
);
