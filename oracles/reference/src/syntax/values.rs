//! Index spaces.
//!
//! Always holds: each index space has a type of its own, so that an index cannot be used in the
//! wrong space. Not here: numeric values. Instructions carry them as raw bits, and `numerics` gives
//! these bits a meaning.

use std::fmt;

macro_rules! index_spaces {
    ($($(#[$doc:meta])* $name:ident),* $(,)?) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub u32);

        impl $name {
            /// Returns the index as a position in a Rust sequence.
            #[must_use]
            pub fn index(self) -> usize {
                self.0 as usize
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}", self.0)
            }
        }
    )*};
}

index_spaces! {
    /// `typeidx`: a type of the module.
    TypeIdx,
    /// `funcidx`: a function of the module, imports first.
    FuncIdx,
    /// `tableidx`: a table of the module, imports first.
    TableIdx,
    /// `memidx`: a memory of the module, imports first.
    MemIdx,
    /// `globalidx`: a global of the module, imports first.
    GlobalIdx,
    /// `tagidx`: a tag of the module, imports first.
    TagIdx,
    /// `elemidx`: an element segment of the module.
    ElemIdx,
    /// `dataidx`: a data segment of the module.
    DataIdx,
    /// `localidx`: a local of the function, parameters first.
    LocalIdx,
    /// `labelidx`: an enclosing block, counted outwards from 0.
    LabelIdx,
    /// `fieldidx`: a field of a structure type.
    FieldIdx,
}
