//! The embedder's say in growth, and in going on after a deadline.

use std::ffi::c_void;

use crate::execute::Raised;

/// Decides about growth. Everything is allowed that an implementation does not refuse. Fixed limits
/// are [`StoreLimits`].
///
/// ```
/// use gcrucible_runtime::embed::*;
/// # fn main() -> Result<(), Error> {
/// /// All memories together.
/// struct Total {
///     left: u64,
/// }
///
/// impl ResourceLimiter for Total {
///     fn memory_growing(&mut self, current: u64, desired: u64, _: Option<u64>) -> bool {
///         let left = self.left.checked_sub(desired - current);
///         self.left = left.unwrap_or(self.left);
///         left.is_some()
///     }
/// }
///
/// let engine = Engine::new(&Config::optimised())?;
/// let mut store = Store::new(&engine, Total { left: 3 << 16 });
/// store.limiter(|total| total);
/// let (a, b) = (MemoryType::new(2, None), MemoryType::new(1, None));
/// let (a, b) = (Memory::new(&mut store, a)?, Memory::new(&mut store, b)?);
/// assert!(matches!(a.grow(&mut store, 1), Err(Error::Exhausted(Exhausted::Memory))));
/// assert_eq!(b.data_size(&store)?, 1 << 16);
/// # Ok(())
/// # }
/// ```
pub trait ResourceLimiter {
    /// Whether a memory may grow from `current` to `desired` bytes; `maximum` is what its type
    /// allows.
    fn memory_growing(&mut self, current: u64, desired: u64, maximum: Option<u64>) -> bool {
        let _ = (current, desired, maximum);
        true
    }

    /// Whether a table may grow from `current` to `desired` elements; `maximum` is what its type
    /// allows.
    fn table_growing(&mut self, current: u64, desired: u64, maximum: Option<u64>) -> bool {
        let _ = (current, desired, maximum);
        true
    }

    /// How many instances the store may have.
    fn instances(&self) -> usize {
        10_000
    }

    /// How many tables the store may have.
    fn tables(&self) -> usize {
        100_000
    }

    /// How many memories the store may have.
    fn memories(&self) -> usize {
        10_000
    }
}

/// Fixed limits, the common case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoreLimits {
    /// Largest memory, in bytes.
    pub memory_bytes: u64,
    /// Largest table, in elements.
    pub table_elements: u64,
    /// Most instances.
    pub instances: usize,
    /// Most tables.
    pub tables: usize,
    /// Most memories.
    pub memories: usize,
}

impl ResourceLimiter for StoreLimits {
    fn memory_growing(&mut self, _: u64, desired: u64, _: Option<u64>) -> bool {
        desired <= self.memory_bytes
    }

    fn table_growing(&mut self, _: u64, desired: u64, _: Option<u64>) -> bool {
        desired <= self.table_elements
    }

    fn instances(&self) -> usize {
        self.instances
    }

    fn tables(&self) -> usize {
        self.tables
    }

    fn memories(&self) -> usize {
        self.memories
    }
}

/// What a store without a limiter has.
pub(crate) struct Unlimited;

impl ResourceLimiter for Unlimited {}

/// How a store without type parameter asks the embedder what to do about a deadline that has
/// passed.
#[derive(Clone, Copy, Debug)]
pub struct EpochHook {
    /// How many ticks more to run, or how to end.
    ///
    /// # Safety
    /// The argument is `StoreOpaque::outer` of the store that holds the hook.
    pub passed: unsafe fn(*mut c_void) -> Result<u64, Raised>,
}

/// What is asked of a limiter.
pub type Ask<'a> = dyn FnMut(&mut dyn ResourceLimiter) + 'a;

/// How a store without type parameter finds the limiter in the embedder's data.
#[derive(Clone, Copy, Debug)]
pub struct LimiterHook {
    /// Calls the second argument with the limiter of the store that the first points to
    /// (`StoreOpaque::outer`).
    ///
    /// # Safety
    /// The first argument is `StoreOpaque::outer` of the store that holds the hook.
    pub with: unsafe fn(*mut c_void, &mut Ask<'_>),
}
