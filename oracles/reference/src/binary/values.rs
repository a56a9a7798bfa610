//! Numbers, lists, names and indices.

use super::{Malformed, MalformedKind, Result};

/// A position in a module's bytes, and the end of the construct that is being read.
#[derive(Clone, Debug)]
pub(super) struct Reader<'a> {
    bytes: &'a [u8],
    pos: usize,
}

impl<'a> Reader<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Reader<'a> {
        Reader { bytes, pos: 0 }
    }

    /// Offset from the start of the module.
    pub(super) fn pos(&self) -> usize {
        self.pos
    }

    pub(super) fn at_end(&self) -> bool {
        self.pos == self.bytes.len()
    }

    /// Returns an error at the byte before the current position.
    pub(super) fn fail<T>(&self, kind: MalformedKind) -> Result<T> {
        Err(Malformed {
            offset: self.pos.saturating_sub(1),
            kind,
        })
    }

    /// Returns the next byte, not consumed.
    pub(super) fn peek(&self) -> Result<u8> {
        match self.bytes.get(self.pos) {
            Some(b) => Ok(*b),
            None => Err(Malformed {
                offset: self.pos,
                kind: MalformedKind::UnexpectedEnd,
            }),
        }
    }

    pub(super) fn byte(&mut self) -> Result<u8> {
        let b = self.peek()?;
        self.pos += 1;
        Ok(b)
    }

    pub(super) fn take(&mut self, len: usize) -> Result<&'a [u8]> {
        match self.bytes[self.pos..].get(..len) {
            Some(taken) => {
                self.pos += len;
                Ok(taken)
            }
            None => Err(Malformed {
                offset: self.pos,
                kind: MalformedKind::UnexpectedEnd,
            }),
        }
    }

    pub(super) fn rest(&mut self) -> &'a [u8] {
        let rest = &self.bytes[self.pos..];
        self.pos = self.bytes.len();
        rest
    }

    pub(super) fn array<const N: usize>(&mut self) -> Result<[u8; N]> {
        let mut array = [0; N];
        array.copy_from_slice(self.take(N)?);
        Ok(array)
    }

    /// A construct preceded by its size. Its reader ends where the size says.
    pub(super) fn sized(&mut self) -> Result<Reader<'a>> {
        let len = self.u32()? as usize;
        let pos = self.pos;
        self.take(len)?;
        Ok(Reader {
            bytes: &self.bytes[..pos + len],
            pos,
        })
    }

    /// `BuN`: at most `ceil(N/7)` bytes, unused bits zero.
    fn unsigned(&mut self, bits: u32) -> Result<u64> {
        let mut value = 0;
        let mut shift = 0;
        loop {
            let b = self.byte()?;
            let left = bits - shift;
            value |= u64::from(b & 0x7F) << shift;
            if b < 0x80 {
                if left < 7 && b >> left != 0 {
                    return self.fail(MalformedKind::IntegerTooLarge);
                }
                return Ok(value);
            }
            if left <= 7 {
                return self.fail(MalformedKind::IntegerTooLong);
            }
            shift += 7;
        }
    }

    /// `BsN`: as `BuN`, unused bits equal to the sign.
    fn signed(&mut self, bits: u32) -> Result<i64> {
        let mut value = 0;
        let mut shift = 0;
        loop {
            let b = self.byte()?;
            let left = bits - shift;
            if b < 0x80 {
                // The seven payload bits as a signed number.
                let last = i64::from(b) - if b < 0x40 { 0 } else { 0x80 };
                if left < 7 && !(-(1 << (left - 1))..1 << (left - 1)).contains(&last) {
                    return self.fail(MalformedKind::IntegerTooLarge);
                }
                return Ok(value | last << shift);
            }
            if left <= 7 {
                return self.fail(MalformedKind::IntegerTooLong);
            }
            value |= i64::from(b & 0x7F) << shift;
            shift += 7;
        }
    }

    pub(super) fn u32(&mut self) -> Result<u32> {
        Ok(self.unsigned(32)? as u32)
    }

    pub(super) fn u64(&mut self) -> Result<u64> {
        self.unsigned(64)
    }

    /// `Bs33` where the grammar requires it to be non-negative.
    pub(super) fn s33_as_u32(&mut self) -> Result<u32> {
        let value = self.signed(33)?;
        match u32::try_from(value) {
            Ok(index) => Ok(index),
            Err(_) => self.fail(MalformedKind::TypeNumber),
        }
    }

    /// `Bi32` as bits.
    pub(super) fn i32(&mut self) -> Result<u32> {
        Ok(self.signed(32)? as u32)
    }

    /// `Bi64` as bits.
    pub(super) fn i64(&mut self) -> Result<u64> {
        Ok(self.signed(64)? as u64)
    }

    /// `Bf32` as bits.
    pub(super) fn f32(&mut self) -> Result<u32> {
        Ok(u32::from_le_bytes(self.array()?))
    }

    /// `Bf64` as bits.
    pub(super) fn f64(&mut self) -> Result<u64> {
        Ok(u64::from_le_bytes(self.array()?))
    }

    /// `Blist`.
    pub(super) fn list<T>(
        &mut self,
        mut element: impl FnMut(&mut Self) -> Result<T>,
    ) -> Result<Vec<T>> {
        let mut elements = Vec::new();
        for _ in 0..self.u32()? {
            elements.push(element(self)?);
        }
        Ok(elements)
    }

    /// `Blist(Bbyte)`.
    pub(super) fn byte_list(&mut self) -> Result<&'a [u8]> {
        let len = self.u32()? as usize;
        self.take(len)
    }

    /// `Bname`.
    pub(super) fn name(&mut self) -> Result<String> {
        let bytes = self.byte_list()?;
        match std::str::from_utf8(bytes) {
            Ok(name) => Ok(name.to_owned()),
            Err(_) => self.fail(MalformedKind::Utf8),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use MalformedKind::{IntegerTooLarge, IntegerTooLong, UnexpectedEnd, Utf8};

    fn check<T: PartialEq + std::fmt::Debug>(
        read: impl Fn(&mut Reader<'static>) -> Result<T>,
        cases: &[(&'static [u8], std::result::Result<T, MalformedKind>)],
    ) {
        for (bytes, expected) in cases {
            let mut r = Reader::new(bytes);
            let got = read(&mut r).map_err(|e| e.kind);
            assert_eq!(got, *expected, "{bytes:02x?}");
            assert!(
                got.is_err() || r.at_end(),
                "{bytes:02x?} is not read to the end"
            );
        }
    }

    #[test]
    fn unsigned_32_bit_numbers() {
        check(
            Reader::u32,
            &[
                (&[0], Ok(0)),
                (&[0x7F], Ok(127)),
                (&[0x80, 0], Ok(0)),
                (&[0x80, 0x80, 0x80, 0x80, 0], Ok(0)),
                (&[0xFF, 0xFF, 0xFF, 0xFF, 0x0F], Ok(u32::MAX)),
                (&[0xFF, 0xFF, 0xFF, 0xFF, 0x1F], Err(IntegerTooLarge)),
                (&[0x80, 0x80, 0x80, 0x80, 0x70], Err(IntegerTooLarge)),
                (&[0x80, 0x80, 0x80, 0x80, 0x80, 0], Err(IntegerTooLong)),
                (&[0x80], Err(UnexpectedEnd)),
                (&[], Err(UnexpectedEnd)),
            ],
        );
    }

    #[test]
    fn unsigned_64_bit_numbers() {
        check(
            Reader::u64,
            &[
                (
                    &[0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 1],
                    Ok(u64::MAX),
                ),
                (
                    &[0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0],
                    Ok(0),
                ),
                (
                    &[0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 3],
                    Err(IntegerTooLarge),
                ),
                (
                    &[
                        0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0,
                    ],
                    Err(IntegerTooLong),
                ),
            ],
        );
    }

    #[test]
    fn signed_32_bit_numbers() {
        check(
            Reader::i32,
            &[
                (&[0x3F], Ok(63)),
                (&[0x40], Ok(-64i32 as u32)),
                (&[0x7F], Ok(u32::MAX)),
                (&[0xFF, 0x7F], Ok(u32::MAX)),
                (&[0xFF, 0xFF, 0xFF, 0xFF, 0x7F], Ok(u32::MAX)),
                (&[0xFF, 0xFF, 0xFF, 0xFF, 0x07], Ok(i32::MAX as u32)),
                (&[0x80, 0x80, 0x80, 0x80, 0x78], Ok(i32::MIN as u32)),
                (&[0x80, 0x80, 0x80, 0x80, 0x70], Err(IntegerTooLarge)),
                (&[0xFF, 0xFF, 0xFF, 0xFF, 0x0F], Err(IntegerTooLarge)),
                (&[0xFF, 0xFF, 0xFF, 0xFF, 0x4F], Err(IntegerTooLarge)),
                (&[0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x7F], Err(IntegerTooLong)),
            ],
        );
    }

    #[test]
    fn signed_64_bit_numbers() {
        check(
            Reader::i64,
            &[
                (
                    &[0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x7F],
                    Ok(i64::MIN as u64),
                ),
                (
                    &[0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0],
                    Ok(i64::MAX as u64),
                ),
                (
                    &[0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x7F],
                    Ok(u64::MAX),
                ),
                (
                    &[0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 1],
                    Err(IntegerTooLarge),
                ),
                (
                    &[0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x7E],
                    Err(IntegerTooLarge),
                ),
            ],
        );
    }

    #[test]
    fn type_indices_are_non_negative() {
        check(
            Reader::s33_as_u32,
            &[
                (&[0xFF, 0xFF, 0xFF, 0xFF, 0x0F], Ok(u32::MAX)),
                (&[0xFF, 0xFF, 0xFF, 0xFF, 0x1F], Err(IntegerTooLarge)),
                (
                    &[0xFF, 0xFF, 0xFF, 0xFF, 0x7F],
                    Err(MalformedKind::TypeNumber),
                ),
                (
                    &[0x80, 0x80, 0x80, 0x80, 0x70],
                    Err(MalformedKind::TypeNumber),
                ),
                (&[0x7F], Err(MalformedKind::TypeNumber)),
            ],
        );
    }

    #[test]
    fn names_are_utf8() {
        check(
            Reader::name,
            &[
                (&[0], Ok(String::new())),
                (b"\x04\xF0\x9F\x8D\x8C", Ok("\u{1F34C}".to_owned())),
                (b"\x04\xF4\x8F\xBF\xBF", Ok("\u{10FFFF}".to_owned())),
                (b"\x04\xF4\x90\x80\x80", Err(Utf8)),
                (b"\x02\xC0\x80", Err(Utf8)),
                (b"\x03\xED\xA0\x80", Err(Utf8)),
                (b"\x01\x80", Err(Utf8)),
                (b"\x02\xC3", Err(UnexpectedEnd)),
            ],
        );
    }
}
