//! The data of a store's host objects. References carry its position.

use std::any::Any;

/// The data of host objects, by the number that their references carry.
#[derive(Default)]
pub struct HostObjects {
    slots: Vec<Option<Box<dyn Any + Send + Sync>>>,
    free: Vec<u32>,
    created: u64,
    dropped: u64,
}

impl HostObjects {
    pub(super) fn insert(&mut self, object: Box<dyn Any + Send + Sync>) -> u32 {
        self.created += 1;
        match self.free.pop() {
            Some(at) => {
                self.slots[at as usize] = Some(object);
                at
            }
            None => {
                self.slots.push(Some(object));
                (self.slots.len() - 1) as u32
            }
        }
    }

    pub(super) fn take(&mut self, at: u32) -> Option<Box<dyn Any + Send + Sync>> {
        let object = self.slots.get_mut(at as usize)?.take()?;
        self.free.push(at);
        self.dropped += 1;
        Some(object)
    }

    /// Returns an object.
    #[must_use]
    pub fn get(&self, at: u32) -> Option<&(dyn Any + Send + Sync)> {
        self.slots.get(at as usize)?.as_deref()
    }

    /// Returns an object.
    #[must_use]
    pub fn get_mut(&mut self, at: u32) -> Option<&mut (dyn Any + Send + Sync)> {
        self.slots.get_mut(at as usize)?.as_deref_mut()
    }

    /// Returns how many were created and dropped since the store was made.
    #[must_use]
    pub fn counts(&self) -> (u64, u64) {
        (self.created, self.dropped)
    }
}

impl std::fmt::Debug for HostObjects {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("HostObjects")
            .field("created", &self.created)
            .field("dropped", &self.dropped)
            .finish()
    }
}
