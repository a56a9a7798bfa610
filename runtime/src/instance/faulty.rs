//! What planted faults do to a store. Only the cargo feature `planted` compiles this.

use std::cell::RefCell;
use std::sync::{Arc, Mutex, Weak};

use super::handles::Handles;
use super::store::StoreOpaque;
use crate::execute::Raised;
use crate::heap::{CollectorTraits, GcRef};

thread_local! {
    /// The list that the living stores of this thread share.
    static DROPPED: RefCell<Weak<Mutex<Vec<u32>>>> = const { RefCell::new(Weak::new()) };
}

impl Handles {
    /// Uses the list of dropped handles that other stores of this thread use.
    pub(super) fn share_dropped(&mut self) {
        DROPPED.with_borrow_mut(|shared| match shared.upgrade() {
            Some(list) => self.dropped = list,
            None => *shared = Arc::downgrade(&self.dropped),
        });
    }
}

impl StoreOpaque {
    /// Runs `act` while no write of a reference changes a count.
    pub(crate) fn without_barriers<R>(&mut self, act: impl FnOnce(&mut StoreOpaque) -> R) -> R {
        self.with_traits(CollectorTraits::without_barrier, act)
    }

    /// Runs `act` while an allocation that finds the heap full fails without a collection.
    pub(crate) fn without_collections<R>(&mut self, act: impl FnOnce(&mut StoreOpaque) -> R) -> R {
        self.with_traits(CollectorTraits::without_reclamation, act)
    }

    /// Runs `act` while the heap behaves as if its collector had other traits.
    fn with_traits<R>(
        &mut self,
        change: fn(CollectorTraits) -> CollectorTraits,
        act: impl FnOnce(&mut StoreOpaque) -> R,
    ) -> R {
        let Some(heap) = self.heap.get_mut() else {
            return act(self);
        };
        let sound = heap.traits();
        heap.set_traits(change(sound));
        let result = act(self);
        if let Some(heap) = self.heap.get_mut() {
            heap.set_traits(sound);
        }
        result
    }

    /// Increments the count of an object for which no place is found afterwards.
    pub(crate) fn count_once_more(&mut self, raw: u32) -> Result<(), Raised> {
        Ok(self.heap.init_root(&mut 0, GcRef::from_raw(raw))?)
    }
}
