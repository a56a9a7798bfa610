//! The bytes that probes write: one value after the other, each with a tag.
//!
//! | tag | bytes after it | meaning |
//! |---|---|---|
//! | `NULL` | | the null reference |
//! | `I32`, `F32` | 4 | a number, its bits |
//! | `I64`, `F64` | 8 | the same |
//! | `V128` | 16 | the same |
//! | `I31` | 4 | an unboxed scalar |
//! | `HOST` | 4 | a host object, its number |
//! | `OBJECT` | 4 | a structure or array, by its number in this observation |
//! | `FUNC` | 4 | a function, by the number that `func_id` gave |
//! | `EXN` | 4 | an exception: who can read it, or [`NOBODY`]; then `TAG` and its arguments |
//! | `TAG` | 4 | the tag of the exception, among those of its reader |
//! | `MARK` | 4 | what follows: results, an exception, the state of an instance |
//! | `HEAD` | 4 | the type of the next object; its fields, or its length and elements, follow |
//! | `SIZE` | 4 | the size of a table |
//!
//! The first eight bytes are the header. It says if there was room for everything, and how many
//! objects there are. All numbers have their least significant byte first.

/// The tags, as in the table above.
#[allow(missing_docs, reason = "named after the rows of the table above")]
pub mod tag {
    pub const NULL: u8 = 0x10;
    pub const I32: u8 = 0x11;
    pub const I64: u8 = 0x12;
    pub const F32: u8 = 0x13;
    pub const F64: u8 = 0x14;
    pub const V128: u8 = 0x15;
    pub const I31: u8 = 0x16;
    pub const HOST: u8 = 0x17;
    pub const OBJECT: u8 = 0x18;
    pub const FUNC: u8 = 0x19;
    pub const EXN: u8 = 0x1a;
    pub const TAG: u8 = 0x1b;
    pub const MARK: u8 = 0x20;
    pub const HEAD: u8 = 0x21;
    pub const SIZE: u8 = 0x22;
}

/// What a mark says.
#[allow(missing_docs, reason = "named after what follows the mark")]
pub mod mark {
    pub const RESULTS: u32 = 1;
    pub const THROWN: u32 = 2;
    pub const STATE: u32 = 3;
}

/// Bytes of the header.
pub const HEADER: u32 = 8;
/// The header's first word when everything found room.
pub const COMPLETE: u32 = 0x0b5e_55ed;
/// The header's first word when something found none.
pub const FULL: u32 = 0x0b5e_f011;
/// In place of a number: an exception that nobody can read, an object of an unknown type, a
/// function that the engine does not number.
pub const NOBODY: u32 = u32::MAX;

/// A tape that is not what probes write.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Garbled {
    /// It ends too early.
    #[error("the observation ends at byte {0}")]
    Short(usize),
    /// Another tag was expected.
    #[error("the observation has {found:#04x} in place of {expected} at byte {at}")]
    Tag {
        /// Where.
        at: usize,
        /// What is there.
        found: u8,
        /// What should be there.
        expected: &'static str,
    },
    /// The header is none.
    #[error("the observation has no header")]
    Header,
    /// A number that nothing has.
    #[error("the observation names {what} {number}, which does not exist")]
    Number {
        /// What is garbled.
        what: &'static str,
        /// The number.
        number: u32,
    },
    /// Exceptions carry exceptions, more than can be followed.
    #[error("exceptions inside of exceptions, {0} deep")]
    Deep(u32),
    /// Something follows the end.
    #[error("{0} bytes follow the observation")]
    Long(usize),
}

/// Reads a tape from its header on.
pub struct Cursor<'a> {
    bytes: &'a [u8],
    at: usize,
}

/// What the header says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// Whether everything found room.
    pub complete: bool,
    /// How many objects were found.
    pub objects: u32,
}

impl<'a> Cursor<'a> {
    /// Reads the header.
    ///
    /// # Errors
    ///
    /// There is none.
    pub fn open(bytes: &'a [u8]) -> Result<(Header, Cursor<'a>), Garbled> {
        let mut cursor = Cursor { bytes, at: 0 };
        let (first, objects) = (cursor.word()?, cursor.word()?);
        let complete = match first {
            COMPLETE => true,
            FULL => false,
            _ => return Err(Garbled::Header),
        };
        Ok((Header { complete, objects }, cursor))
    }

    /// Returns true if nothing is left.
    pub fn is_done(&self) -> bool {
        self.at == self.bytes.len()
    }

    /// # Errors
    ///
    /// Something is left.
    pub fn done(&self) -> Result<(), Garbled> {
        match self.bytes.len() - self.at {
            0 => Ok(()),
            left => Err(Garbled::Long(left)),
        }
    }

    /// Returns the tag that comes next.
    pub fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    /// Returns the mark that comes next, if one does.
    pub fn peek_mark(&self) -> Option<u32> {
        let bytes = self.bytes.get(self.at..self.at + 5)?;
        let (&first, number) = bytes.split_first()?;
        (first == tag::MARK)
            .then(|| u32::from_le_bytes([number[0], number[1], number[2], number[3]]))
    }

    /// Returns the next tag.
    ///
    /// # Errors
    ///
    /// The tape has ended.
    pub fn tag(&mut self) -> Result<u8, Garbled> {
        let found = self.peek().ok_or(Garbled::Short(self.at))?;
        self.at += 1;
        Ok(found)
    }

    /// Returns an error about the tag that was read last.
    pub fn unexpected(&self, found: u8, expected: &'static str) -> Garbled {
        Garbled::Tag {
            at: self.at - 1,
            found,
            expected,
        }
    }

    /// Returns a tag that has to come now, and the word after it.
    ///
    /// # Errors
    ///
    /// Another tag comes, or the tape has ended.
    pub fn tagged(&mut self, wanted: u8, expected: &'static str) -> Result<u32, Garbled> {
        let found = self.tag()?;
        if found == wanted {
            self.word()
        } else {
            Err(self.unexpected(found, expected))
        }
    }

    /// Four bytes.
    ///
    /// # Errors
    ///
    /// The tape has ended.
    pub fn word(&mut self) -> Result<u32, Garbled> {
        self.take().map(u32::from_le_bytes)
    }

    /// Eight bytes.
    ///
    /// # Errors
    ///
    /// The tape has ended.
    pub fn long(&mut self) -> Result<u64, Garbled> {
        self.take().map(u64::from_le_bytes)
    }

    /// Sixteen bytes.
    ///
    /// # Errors
    ///
    /// The tape has ended.
    pub fn wide(&mut self) -> Result<u128, Garbled> {
        self.take().map(u128::from_le_bytes)
    }

    fn take<const N: usize>(&mut self) -> Result<[u8; N], Garbled> {
        let bytes = self.bytes.get(self.at..self.at + N);
        let bytes = bytes.and_then(|bytes| <[u8; N]>::try_from(bytes).ok());
        let bytes = bytes.ok_or(Garbled::Short(self.bytes.len()))?;
        self.at += N;
        Ok(bytes)
    }
}
