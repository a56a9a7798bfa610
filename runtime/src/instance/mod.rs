//! Compiled code to instances: what a store owns, and the operations on it.
//!
//! ```text
//! engine code                        what stores share; a module ready to be instantiated
//! store contents lazy_heap handles   what a store owns: the heap, all roots, everything else
//! table memory global segment        entities and their operations
//! context mapping                    the records that compiled code sees, and their memory
//! link instantiate                   a module and its imports to an instance
//! invoke host raise                  host calls wasm, wasm calls host, and early ends of both
//! limiter                            what the embedder decides while code runs
//! ```
//!
//! [`store::StoreOpaque`] owns everything. An entity is named by its position in one of the store's
//! vectors, which never changes (the types below).
//!
//! Not here: how code is entered and left (`execute`), the bodies of libcalls (`libcalls`), and the
//! embedder's types (`embed`), which hold these positions together with the store's identity.

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
            /// Returns the position in the store's vector.
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
    /// A tag of a store. Its position is the tag's identity in exceptions and contexts.
    TagId,
);
