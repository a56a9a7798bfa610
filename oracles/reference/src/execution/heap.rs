//! Structures, arrays and exceptions of a store, and their fields.
//!
//! Nothing is ever freed: which objects are live is *defined* by [`reach`](crate::reach), not
//! decided here. So an object is a start and a length in one vector of words, and its address never
//! changes.
//!
//! Always holds: an object has as many words as the [`Layout`] of its type
//! demands.

use crate::syntax::DefTypeId;

use super::halt::{Halt, OrStuck, Stuck};
use super::layout::{Field, Layout, Storage};
use super::limits::Exhausted;
use super::values::{ArrayAddr, ExnAddr, StructAddr, TagAddr, Value};
use super::words::{Kind, Word};

/// `structinst`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct StructInst {
    /// The type it was created with.
    pub(crate) ty: DefTypeId,
    /// First word.
    start: u32,
}

/// `arrayinst`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ArrayInst {
    /// The type it was created with.
    pub(crate) ty: DefTypeId,
    /// First word.
    start: u32,
    /// Number of elements.
    pub(crate) len: u32,
}

impl StructInst {
    /// Returns the first word of a field of this structure.
    #[inline]
    pub(crate) fn word(&self, field: Field) -> usize {
        self.start as usize + field.offset as usize
    }
}

/// `exninst`.
#[derive(Clone, Debug)]
pub(crate) struct Exception {
    pub(crate) tag: TagAddr,
    pub(crate) fields: Box<[Value]>,
}

/// All objects of a store.
#[derive(Debug, Default)]
pub(crate) struct Heap {
    structs: Vec<StructInst>,
    arrays: Vec<ArrayInst>,
    exceptions: Vec<Exception>,
    /// The words of all objects, then zeros for those to come.
    words: Vec<u64>,
    /// Number of words of objects.
    used: usize,
    /// Words that may still be added, headers included. There are fewer than 2^32, so that every
    /// position fits in 32 bits.
    left: u64,
    /// What `left` was at first.
    limit: u64,
    /// Whether an object was asked for that is larger than the whole heap may be.
    was_too_large: bool,
    /// Objects asked for, those of the host included.
    asked: u64,
    /// The one that does not get room.
    full_at: Option<u64>,
}

/// Words an object counts for beyond its fields.
const HEADER_WORDS: u64 = 2;

/// Number of words that are made zero at a time.
const ZEROS: usize = 1 << 9;

/// Words, or structures, for which room is made at first.
const FEW: usize = 1 << 12;

/// Words for which room is made next. This is address space: only the part that is used becomes
/// memory. So there is no need to grow in small steps and move everything each time. The size is
/// just below 32 MB. From 32 MB on, the usual allocator gets memory from the system for each
/// request and gives it back (mallopt(3), `M_MMAP_THRESHOLD`). Below, the next store gets the pages
/// of this one.
const MANY_WORDS: usize = (1 << 22) - FEW;

/// As [`MANY_WORDS`]. Free memory is also given back if there is twice as much of it as the largest
/// request (`M_TRIM_THRESHOLD`).
const MANY_STRUCTS: usize = MANY_WORDS / 2;

/// How many items to make room for, beyond the `len` there are, when `more` are wanted.
fn room(len: usize, more: usize, many: usize) -> usize {
    let wanted = len + more;
    let capacity = match wanted {
        0..FEW => FEW,
        _ if wanted < many => many,
        _ => 2 * wanted,
    };
    capacity - len
}

impl Heap {
    pub(crate) fn new(limit: u64, full_at: Option<u64>) -> Heap {
        Heap {
            limit: limit.min(u64::from(u32::MAX)),
            left: limit.min(u64::from(u32::MAX)),
            full_at,
            ..Heap::default()
        }
    }

    pub(crate) fn structs(&self) -> &[StructInst] {
        &self.structs
    }

    pub(crate) fn arrays(&self) -> &[ArrayInst] {
        &self.arrays
    }

    pub(crate) fn exceptions(&self) -> &[Exception] {
        &self.exceptions
    }

    /// Words of all objects made so far, with a few for each object.
    pub(crate) fn words_used(&self) -> u64 {
        self.limit - self.left
    }

    /// Whether an object was asked for that is larger than the whole heap may be.
    pub(crate) fn was_too_large(&self) -> bool {
        self.was_too_large
    }

    /// Objects asked for so far.
    pub(crate) fn asked(&self) -> u64 {
        self.asked
    }

    /// Counts an object that is asked for. Fails if it is the one that gets no room.
    #[inline]
    pub(crate) fn ask(&mut self) -> Result<(), Halt> {
        let number = self.asked;
        self.asked += 1;
        if self.full_at == Some(number) {
            return Err(Exhausted::Heap.into());
        }
        Ok(())
    }

    /// Counts one more object of `words` words, if it fits.
    #[inline]
    fn reserve(&mut self, words: u64) -> Result<(), Halt> {
        self.ask()?;
        match self.left.checked_sub(words + HEADER_WORDS) {
            Some(left) => self.left = left,
            None => return Err(Exhausted::Heap.into()),
        }
        Ok(())
    }

    /// One more object of `words` words, all of them zero: the first of them.
    #[inline]
    fn alloc(&mut self, words: u64) -> Result<usize, Halt> {
        self.reserve(words)?;
        let start = self.used;
        let end = start + words as usize;
        if end > self.words.len() {
            self.make_words(end)?;
        }
        self.used = end;
        Ok(start)
    }

    /// Makes at least this many words.
    #[cold]
    fn make_words(&mut self, least: usize) -> Result<(), Halt> {
        let now = self.words.len();
        let len = least.max(now + ZEROS);
        if len > self.words.capacity() {
            let done = self
                .words
                .try_reserve_exact(room(now, len - now, MANY_WORDS));
            done.map_err(|_| Exhausted::Heap)?;
        }
        self.words.resize(len, 0);
        Ok(())
    }

    /// Returns the structure at an address.
    #[inline]
    pub(crate) fn structure(&self, a: StructAddr) -> Result<&StructInst, Halt> {
        self.structs.get(a.index()).or_stuck(Stuck::Address)
    }

    /// Returns the array at an address.
    #[inline]
    pub(crate) fn array(&self, a: ArrayAddr) -> Result<ArrayInst, Halt> {
        self.arrays.get(a.index()).copied().or_stuck(Stuck::Address)
    }

    /// Returns the exception at an address.
    pub(crate) fn exception(&self, a: ExnAddr) -> Result<&Exception, Halt> {
        self.exceptions.get(a.index()).or_stuck(Stuck::Address)
    }

    /// `$add_structinst`: a structure of this layout with these values. Not
    /// inlined, so that the loop over instructions keeps its registers.
    #[inline(never)]
    pub(crate) fn add_struct(
        &mut self,
        ty: DefTypeId,
        layout: &Layout,
        values: impl Iterator<Item = Word>,
    ) -> Result<StructAddr, Halt> {
        let start = self.alloc(u64::from(layout.words))?;
        for (field, value) in layout.fields.iter().zip(values) {
            self.write(start + field.offset as usize, field.storage, value)?;
        }
        let address = StructAddr(self.structs.len() as u32);
        let start = start as u32;
        if self.structs.len() == self.structs.capacity() {
            let room = room(self.structs.len(), 1, MANY_STRUCTS);
            self.structs.reserve_exact(room);
        }
        self.structs.push(StructInst { ty, start });
        Ok(address)
    }

    /// Fails if an array is larger than the whole heap may be.
    pub(crate) fn check_size(&mut self, storage: Storage, len: u32) -> Result<(), Halt> {
        // References take four bytes at least.
        let bytes = match storage.bytes() {
            0 => 4,
            bytes => bytes as u64,
        };
        if u64::from(len) * bytes > 8 * self.limit {
            self.ask()?;
            self.was_too_large = true;
            return Err(Exhausted::Heap.into());
        }
        Ok(())
    }

    /// `$add_arrayinst`: an array of `len` elements, which `element` gives in order.
    pub(crate) fn add_array(
        &mut self,
        ty: DefTypeId,
        storage: Storage,
        len: u32,
        mut element: impl FnMut(u32) -> Result<Word, Halt>,
    ) -> Result<ArrayAddr, Halt> {
        let words = storage.words();
        let start = self.alloc(u64::from(len) * words as u64)?;
        for i in 0..len {
            self.write(start + i as usize * words, storage, element(i)?)?;
        }
        let address = ArrayAddr(self.arrays.len() as u32);
        let start = start as u32;
        self.arrays.push(ArrayInst { ty, start, len });
        Ok(address)
    }

    /// `$add_exninst`.
    pub(crate) fn add_exception(
        &mut self,
        tag: TagAddr,
        fields: Vec<Value>,
    ) -> Result<ExnAddr, Halt> {
        // Each field counts as three words.
        self.reserve(3 * fields.len() as u64)?;
        let address = ExnAddr(self.exceptions.len() as u32);
        self.exceptions.push(Exception {
            tag,
            fields: fields.into(),
        });
        Ok(address)
    }

    /// Returns the value held in this way from word `at` on.
    #[inline]
    pub(crate) fn read(&self, at: usize, storage: Storage) -> Result<Word, Halt> {
        storage.unpack(self.words.get(at..).or_stuck(Stuck::Address)?)
    }

    /// Returns the value of element `i < len` of `array`.
    #[inline]
    pub(crate) fn element(&self, array: ArrayInst, storage: Storage, i: u32) -> Result<Word, Halt> {
        self.read(array.start as usize + i as usize * storage.words(), storage)
    }

    /// `$with_array`.
    #[inline]
    pub(crate) fn set_element(
        &mut self,
        array: ArrayInst,
        storage: Storage,
        i: u32,
        value: Word,
    ) -> Result<(), Halt> {
        let at = array.start as usize + i as usize * storage.words();
        self.write(at, storage, value)
    }

    /// `$with_struct`, and what [`Heap::set_element`] comes to: holds a value from word `at` on.
    #[inline]
    pub(crate) fn write(&mut self, at: usize, storage: Storage, value: Word) -> Result<(), Halt> {
        let packed = storage.pack(value)?;
        *self.words.get_mut(at).or_stuck(Stuck::Address)? = packed[0];
        if storage.kind == Kind::V128 {
            *self.words.get_mut(at + 1).or_stuck(Stuck::Address)? = packed[1];
        }
        Ok(())
    }

    /// Copies `n` elements of `from`, from the `j`th on, to `to`, from the `i`th on. Both ranges
    /// are in bounds. Both may be the same array. Their elements take the same number of words,
    /// since their types match.
    pub(crate) fn copy_elements(
        &mut self,
        (to, i): (ArrayInst, u32),
        (from, j): (ArrayInst, u32),
        n: u32,
        storage: Storage,
    ) {
        let words = storage.words();
        let source = from.start as usize + j as usize * words;
        let target = to.start as usize + i as usize * words;
        self.words
            .copy_within(source..source + n as usize * words, target);
    }
}
