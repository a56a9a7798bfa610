//! Where versions of Wasmtime differ. Nothing else in this program asks for a version.

use wasmtime::{AsContextMut, Collector, Config, GcRef, RegallocAlgorithm, Result, Rooted};

#[cfg_attr(since_37, path = "version/exceptions.rs")]
#[cfg_attr(not(since_37), path = "version/no_exceptions.rs")]
pub mod exceptions;

/// The version that this program is built against.
pub const VERSION: &str = env!("WASMTIME_VERSION");

/// The copying collector, which is the default where it is there.
#[cfg(since_45)]
pub const COPYING: Option<Collector> = Some(Collector::Copying);
#[cfg(not(since_45))]
pub const COPYING: Option<Collector> = None;

/// Register allocation in a single pass.
#[cfg(since_37)]
pub const SINGLE_PASS: Option<RegallocAlgorithm> = Some(RegallocAlgorithm::SinglePass);
#[cfg(not(since_37))]
pub const SINGLE_PASS: Option<RegallocAlgorithm> = None;

/// Turns on what `--cfg gc_zeal` offers: the heap checks itself, and every fourth allocation
/// collects. Returns nothing if this program is built without it.
pub fn set_zeal(config: &mut Config) -> Option<Result<()>> {
    #[cfg(all(since_45, gc_zeal))]
    {
        let counter = std::num::NonZeroU32::new(4);
        Some(config.gc_zeal_alloc_counter(counter).map(drop))
    }
    #[cfg(not(all(since_45, gc_zeal)))]
    {
        let _ = config;
        None
    }
}

/// Lets calls be asynchronous. Later versions allow it always.
pub fn set_async(config: &mut Config) {
    #[cfg(not(since_42))]
    config.async_support(true);
    #[cfg(since_42)]
    let _ = config;
}

/// What a collection returns: nothing in some versions.
pub trait Collected {
    /// Whether it went well.
    fn result(self) -> Result<()>;
}

impl Collected for () {
    fn result(self) -> Result<()> {
        Ok(())
    }
}

impl Collected for Result<()> {
    fn result(self) -> Result<()> {
        self
    }
}

/// A reference that lives until it is released.
#[cfg(since_37)]
pub type Owned<T> = wasmtime::OwnedRooted<T>;
#[cfg(not(since_37))]
pub type Owned<T> = wasmtime::ManuallyRooted<T>;

/// Keeps a reference.
///
/// # Errors
///
/// The reference is of another store, or its scope has ended.
pub fn keep<T: GcRef>(reference: Rooted<T>, store: impl AsContextMut) -> Result<Owned<T>> {
    #[cfg(since_37)]
    return reference.to_owned_rooted(store);
    #[cfg(not(since_37))]
    return reference.to_manually_rooted(store);
}

/// Keeps a reference no longer.
pub fn release<T: GcRef>(owned: Owned<T>, store: impl AsContextMut) {
    #[cfg(since_37)]
    drop((owned, store));
    #[cfg(not(since_37))]
    owned.unroot(store);
}
