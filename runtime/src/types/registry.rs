//! The engine-wide registry of canonical recursion groups.

/// A set of types kept alive for as long as this value lives.
#[derive(Debug)]
pub struct Registered {
    ids: Box<[super::TypeId]>,
}

impl Registered {
    /// The ids, in the order of the module's types.
    #[must_use]
    pub fn ids(&self) -> &[super::TypeId] {
        &self.ids
    }
}
