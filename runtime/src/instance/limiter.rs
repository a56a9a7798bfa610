//! What the embedder decides while code runs: whether something may grow, and what happens when a
//! deadline has passed.

use std::ffi::c_void;

use crate::execute::Raised;

/// Decides whether something may grow. The default methods allow everything. [`StoreLimits`] are
/// fixed limits.
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
    /// Returns true if a memory may grow from `current` to `desired` bytes. `maximum` is the limit
    /// of its type.
    fn memory_growing(&mut self, current: u64, desired: u64, maximum: Option<u64>) -> bool {
        let _ = (current, desired, maximum);
        true
    }

    /// Returns true if a table may grow from `current` to `desired` elements. `maximum` is the
    /// limit of its type.
    fn table_growing(&mut self, current: u64, desired: u64, maximum: Option<u64>) -> bool {
        let _ = (current, desired, maximum);
        true
    }

    /// Returns the number of instances that the store may have.
    fn instances(&self) -> usize {
        10_000
    }

    /// Returns the number of tables that the store may have.
    fn tables(&self) -> usize {
        100_000
    }

    /// Returns the number of memories that the store may have.
    fn memories(&self) -> usize {
        10_000
    }
}

/// Fixed limits.
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

/// The limits of a store without a limiter.
impl Default for StoreLimits {
    fn default() -> StoreLimits {
        StoreLimits {
            memory_bytes: u64::MAX,
            table_elements: u64::MAX,
            instances: Unlimited.instances(),
            tables: Unlimited.tables(),
            memories: Unlimited.memories(),
        }
    }
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

/// The limiter of a store whose embedder has chosen none.
pub(crate) struct Unlimited;

impl ResourceLimiter for Unlimited {}

/// The embedder's function that is called when the epoch's deadline has passed. It does not name
/// the type of the embedder's data.
#[derive(Clone, Copy, Debug)]
pub struct EpochHook {
    /// Returns the number of ticks until the next deadline, or why execution ends.
    ///
    /// # Safety
    /// The argument is `StoreOpaque::outer` of the store that holds the hook.
    pub passed: unsafe fn(*mut c_void) -> Result<u64, Raised>,
}

/// A question to a limiter.
pub type Ask<'a> = dyn FnMut(&mut dyn ResourceLimiter) + 'a;

/// The function that finds the limiter in the embedder's data. It does not name the type of that
/// data.
#[derive(Clone, Copy, Debug)]
pub struct LimiterHook {
    /// Calls the second argument with the limiter of the store that the first argument points to.
    ///
    /// # Safety
    /// The first argument is `StoreOpaque::outer` of the store that holds the hook.
    pub with: unsafe fn(*mut c_void, &mut Ask<'_>),
}
