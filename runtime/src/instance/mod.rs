//! Compiled code to instances: what a store owns, and every operation on it that runs no
//! WebAssembly code.
//!
//! [`store::StoreOpaque`] owns everything; entities are found by the numbers below, which are
//! positions in its vectors and never change. Compiled code sees the records of `abi::vmctx` that
//! [`context`] fills in.
//!
//! Not here: entering and leaving code (`execute`), the bodies of libcalls, and the embedder's
//! types (`embed`), which wrap these numbers together with the store's identity.

pub mod code;
pub mod contents;
pub mod context;
pub mod engine;
#[cfg(feature = "planted")]
mod faulty;
pub mod global;
pub mod handles;
pub mod host;
pub mod instantiate;
pub mod invoke;
pub mod lazy_heap;
pub mod limiter;
pub mod link;
pub mod mapping;
pub mod memory;
mod raise;
pub mod segment;
pub mod store;
pub mod table;

macro_rules! id {
    ($($(#[$doc:meta])* $name:ident),* $(,)?) => { $(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub u32);

        impl $name {
            /// The position in the store's vector.
            #[must_use]
            pub const fn at(self) -> usize {
                self.0 as usize
            }
        }
    )* };
}

id!(
    /// An instance of a store.
    InstanceId,
    /// A table of a store.
    TableId,
    /// A memory of a store.
    MemoryId,
    /// A global of a store.
    GlobalId,
    /// A tag of a store. Its number is the tag's identity in exceptions and contexts.
    TagId,
);
