//! Compiled code to instances: what a store owns, and the operations on it.
//!
//! Reading order: `mapping`, `limiter`, `engine`, `code` (what stores share, and what they are made
//! of), `lazy_heap`, `handles`, `context`, `global`, `memory`, `segment`, `table`, `host_func`,
//! `host_objects`, `callable`, `contents`, `store` (data), `operations`, `link`, `raise`, `invoke`,
//! `host_call`, `faulty`, `instantiate` (what is done with it).
//!
//! ```text
//! mapping limiter engine code            memory, limits of the embedder, engines, compiled modules
//! lazy_heap handles                      the heap, and the embedder's roots in it
//! context                                the record that an instance's code sees
//! global memory segment table            entities as data
//! host_func host_objects callable        what the host puts into a store
//! contents store                         everything together, and the list of all roots
//! operations                             what instructions do with entities, by chapter
//! link instantiate                       a module and its imports to an instance
//! invoke host_call raise                 host calls wasm, wasm calls host, and early ends of both
//! ```
//!
//! [`store::StoreOpaque`] owns everything. An entity is named by its position in one of the store's
//! vectors, which never changes (the types below). The files after `store` add operations to it.
//!
//! Not here: how code is entered and left (`execute`), the bodies of libcalls (`libcalls`), and the
//! embedder's types (`embed`), which hold these positions together with the store's identity.

pub mod callable;
pub mod code;
pub mod contents;
pub mod context;
pub mod engine;
#[cfg(feature = "planted")]
mod faulty;
pub mod global;
pub mod handles;
mod host_call;
pub mod host_func;
mod host_objects;
pub mod instantiate;
mod invoke;
pub mod lazy_heap;
pub mod limiter;
pub mod link;
pub mod mapping;
pub mod memory;
mod operations;
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
