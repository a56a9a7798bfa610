//! The record that a heap shares with compiled code. Here the driver plays compiled code.

use std::ptr::NonNull;

use crate::abi::vmctx::VmStore;
use crate::heap::emit::StoreWord;

/// The record, all zero at first. It is dropped after the heap that uses it: [`Driver`] declares
/// its fields in this order.
///
/// [`Driver`]: super::Driver
#[derive(Debug)]
pub(super) struct Record(NonNull<VmStore>);

impl Record {
    pub(super) fn new() -> Record {
        // SAFETY: every field is a number or a raw pointer, for which zero is a value.
        let record: Box<VmStore> = unsafe { Box::new_zeroed().assume_init() };
        Record(NonNull::from(Box::leak(record)))
    }

    /// Returns the address, for the heap.
    pub(super) fn address(&self) -> NonNull<VmStore> {
        self.0
    }

    /// Returns the record as compiled code sees it: no method of the heap runs meanwhile.
    pub(super) fn fields(&mut self) -> &mut VmStore {
        // SAFETY: made by `new`; while this borrow lives, the driver calls no method of the heap.
        unsafe { self.0.as_mut() }
    }

    /// Reads a word as compiled code does.
    pub(super) fn word(&mut self, word: StoreWord) -> u32 {
        *self.slot(word)
    }

    /// Writes a word as compiled code does.
    pub(super) fn set_word(&mut self, word: StoreWord, value: u32) {
        *self.slot(word) = value;
    }

    fn slot(&mut self, word: StoreWord) -> &mut u32 {
        let record = self.fields();
        match word {
            StoreWord::Bump => &mut record.bump,
            StoreWord::BumpEnd => &mut record.bump_end,
            StoreWord::ZeroCountTable => &mut record.zero_count_table,
            StoreWord::ZeroCountTableLen => &mut record.zero_count_table_len,
        }
    }
}

impl Drop for Record {
    fn drop(&mut self) {
        // SAFETY: leaked in `new`, and the heap that used it is gone.
        drop(unsafe { Box::from_raw(self.0.as_ptr()) });
    }
}
