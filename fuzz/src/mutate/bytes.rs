//! Bytes of a module -> damaged bytes, to test which sides accept them as a module.
//!
//! The lengths of sections and bodies are usually corrected after the damage. Otherwise most
//! mutants would fail there and never reach the rule that the damage is about. The result depends
//! on the bytes and the choices alone. It need not be a module.

use crate::generate::source::Source;

/// The magic number and the version.
const HEADER: usize = 8;

/// The code section.
const CODE: u8 = 10;

/// Opcodes, types and small numbers that mean something in many places.
const TELLING: [u8; 40] = [
    0x00, 0x01, 0x02, 0x03, 0x05, 0x06, 0x07, 0x08, 0x0b, 0x0c, 0x0d, 0x0e, 0x10, 0x11, 0x13, 0x14,
    0x1a, 0x1f, 0x20, 0x21, 0x23, 0x25, 0x3f, 0x40, 0x41, 0x4e, 0x50, 0x5e, 0x5f, 0x60, 0x63, 0x64,
    0x7f, 0x80, 0xd0, 0xd2, 0xd4, 0xfb, 0xfc, 0xfd,
];

/// A module in pieces, from which its lengths can be computed again.
#[derive(Clone, Debug)]
pub struct Parts {
    sections: Vec<Section>,
}

#[derive(Clone, Debug)]
struct Section {
    id: u8,
    /// The content as one piece. The code section has one piece for each body, without its length.
    pieces: Vec<Vec<u8>>,
}

impl Parts {
    /// Returns the parts of a module, or `None` if the bytes are no module.
    pub fn of(wasm: &[u8]) -> Option<Parts> {
        let mut rest = wasm.get(HEADER..)?;
        let mut sections = Vec::new();
        while let Some((&id, after)) = rest.split_first() {
            rest = after;
            let size = length(&mut rest)?;
            let (mut content, after) = rest.split_at_checked(size)?;
            rest = after;
            let mut pieces = Vec::new();
            if id == CODE {
                for _ in 0..length(&mut content)? {
                    let size = length(&mut content)?;
                    let (body, after) = content.split_at_checked(size)?;
                    pieces.push(body.to_vec());
                    content = after;
                }
            } else {
                pieces.push(content.to_vec());
            }
            sections.push(Section { id, pieces });
        }
        Some(Parts { sections })
    }

    /// Returns the module with up to four small changes. One in 16 has none.
    pub fn damaged(&self, src: &mut Source<'_>) -> Vec<u8> {
        let mut parts = self.clone();
        let mut bytes_too = false;
        let changes = match src.below(16) {
            0 => 0,
            1..9 => 1,
            9..13 => 2,
            _ => 4,
        };
        for _ in 0..changes {
            match src.below(16) {
                0 => bytes_too = true,
                1 => parts.rearrange(src),
                _ => parts.damage(src),
            }
        }
        let mut wasm = parts.joined();
        if bytes_too {
            let mut body = wasm.split_off(HEADER);
            change(&mut body, src);
            wasm.extend(body);
        }
        wasm
    }

    /// Changes one section or body.
    fn damage(&mut self, src: &mut Source<'_>) {
        let chosen = src.below(self.pieces());
        let pieces = self.sections.iter_mut().flat_map(|s| &mut s.pieces);
        if let Some(piece) = pieces.into_iter().nth(chosen) {
            change(piece, src);
        }
    }

    /// Drops, repeats or moves a section, or swaps two bodies.
    fn rearrange(&mut self, src: &mut Source<'_>) {
        let at = src.below(self.sections.len());
        let Some(section) = self.sections.get_mut(at) else {
            return;
        };
        if section.id == CODE && !section.pieces.is_empty() && src.chance(50) {
            let (one, other) = (
                src.below(section.pieces.len()),
                src.below(section.pieces.len()),
            );
            section.pieces.swap(one, other);
            return;
        }
        let other = src.below(self.sections.len());
        match src.below(3) {
            0 => drop(self.sections.remove(at)),
            1 => self.sections.insert(other, self.sections[at].clone()),
            _ => self.sections.swap(at, other),
        }
    }

    /// Returns the number of sections.
    #[must_use]
    pub fn sections(&self) -> usize {
        self.sections.len()
    }

    /// Returns the number of pieces of all sections.
    #[must_use]
    pub fn pieces(&self) -> usize {
        self.sections.iter().map(|s| s.pieces.len()).sum()
    }

    /// Returns the length of a piece in bytes, and 0 if there is no such piece.
    #[must_use]
    pub fn piece_len(&self, piece: usize) -> usize {
        let mut pieces = self.sections.iter().flat_map(|s| &s.pieces);
        pieces.nth(piece).map_or(0, Vec::len)
    }

    /// Returns the module without a section.
    ///
    /// # Panics
    /// There is no such section.
    #[must_use]
    pub fn without_section(&self, at: usize) -> Parts {
        let mut smaller = self.clone();
        smaller.sections.remove(at);
        smaller
    }

    /// Returns the module with a function that only traps, if the piece is a longer body.
    #[must_use]
    pub fn with_short_body(&self, piece: usize) -> Option<Parts> {
        // No locals, `unreachable`, `end`.
        const TRAPS: [u8; 3] = [0x00, 0x00, 0x0b];
        let mut smaller = self.clone();
        let sections = smaller.sections.iter_mut();
        let mut pieces = sections.flat_map(|s| s.pieces.iter_mut().map(|piece| (s.id, piece)));
        let (id, body) = pieces.nth(piece)?;
        if id != CODE || body.len() <= TRAPS.len() {
            return None;
        }
        *body = TRAPS.to_vec();
        Some(smaller)
    }

    /// Returns the module without up to `length` bytes of a piece.
    #[must_use]
    pub fn without_bytes(&self, piece: usize, at: usize, length: usize) -> Parts {
        let mut smaller = self.clone();
        let mut pieces = smaller.sections.iter_mut().flat_map(|s| &mut s.pieces);
        if let Some(bytes) = pieces.nth(piece) {
            let end = (at + length).min(bytes.len());
            bytes.drain(at.min(end)..end);
        }
        smaller
    }

    /// Returns the bytes of the module.
    #[must_use]
    pub fn joined(&self) -> Vec<u8> {
        let mut wasm = b"\0asm\x01\0\0\0".to_vec();
        for section in &self.sections {
            let mut content = Vec::new();
            if section.id == CODE {
                push_length(&mut content, section.pieces.len());
                for body in &section.pieces {
                    push_length(&mut content, body.len());
                    content.extend(body);
                }
            } else {
                content.extend(section.pieces.iter().flatten());
            }
            wasm.push(section.id);
            push_length(&mut wasm, content.len());
            wasm.extend(content);
        }
        wasm
    }
}

/// One small change of some bytes.
fn change(bytes: &mut Vec<u8>, src: &mut Source<'_>) {
    if bytes.is_empty() {
        return;
    }
    let at = src.below(bytes.len());
    match src.below(12) {
        0 => bytes[at] ^= 1 << src.below(8),
        1 => bytes[at] = src.below(256) as u8,
        2 => bytes[at] = bytes[at].wrapping_add(1),
        3 => bytes[at] = bytes[at].wrapping_sub(1),
        4 => bytes.insert(at, src.below(256) as u8),
        5 => drop(bytes.remove(at)),
        6 => bytes[at] = bytes[src.below(bytes.len())],
        // Types and heap types.
        7 => bytes[at] = 0x60 + src.below(32) as u8,
        8 => bytes[at] = TELLING[src.below(TELLING.len())],
        9 => bytes.insert(at, TELLING[src.below(TELLING.len())]),
        // A few bytes again, elsewhere: an instruction or a type.
        10 => {
            let from = src.below(bytes.len());
            let to = (from + 1 + src.below(6)).min(bytes.len());
            let copy = bytes[from..to].to_vec();
            bytes.splice(at..at, copy);
        }
        // The same number, written longer.
        _ => {
            bytes[at] |= 0x80;
            bytes.insert(at + 1, if src.chance(80) { 0 } else { 0x7f });
        }
    }
}

/// Reads a length.
fn length(bytes: &mut &[u8]) -> Option<usize> {
    let (mut value, mut shift) = (0_u64, 0);
    loop {
        let (&byte, rest) = bytes.split_first()?;
        *bytes = rest;
        value |= u64::from(byte & 0x7f) << shift;
        if byte < 0x80 {
            return usize::try_from(value).ok();
        }
        shift += 7;
        if shift > 28 {
            return None;
        }
    }
}

fn push_length(bytes: &mut Vec<u8>, mut length: usize) {
    while length >= 0x80 {
        bytes.push(length as u8 | 0x80);
        length >>= 7;
    }
    bytes.push(length as u8);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::generate::source::expand;

    const MODULE: &[u8] = b"\0asm\x01\0\0\0\x01\x04\x01\x60\0\0\x03\x03\x02\0\0\
        \x0a\x07\x02\x02\0\x0b\x02\0\x0b";

    #[test]
    fn parts_make_the_module_again() {
        let parts = Parts::of(MODULE).unwrap();
        assert_eq!(parts.sections.len(), 3);
        assert_eq!(parts.sections[2].pieces.len(), 2);
        assert_eq!(parts.joined(), MODULE);
        assert!(Parts::of(&MODULE[..MODULE.len() - 1]).is_none());
    }

    #[test]
    fn parts_can_be_taken_away() {
        let parts = Parts::of(MODULE).unwrap();
        assert_eq!((parts.sections(), parts.pieces()), (3, 4));
        assert_eq!(parts.without_section(2).joined(), &MODULE[..19]);
        assert!(parts.with_short_body(2).is_none(), "it is short");
        let long = Parts::of(b"\0asm\x01\0\0\0\x0a\x06\x01\x04\0\x01\x01\x0b").unwrap();
        let short = long.with_short_body(0).map(|parts| parts.joined());
        let expected = b"\0asm\x01\0\0\0\x0a\x05\x01\x03\0\0\x0b".to_vec();
        assert_eq!(short, Some(expected));
        let less = parts.without_bytes(0, 1, 9);
        assert_eq!((less.piece_len(0), parts.piece_len(0)), (1, 4));
    }

    #[test]
    fn mutants_are_of_every_kind() {
        let parts = Parts::of(MODULE).unwrap();
        let (mut valid, mut same) = (0, 0);
        for seed in 0..1000 {
            let wasm = parts.damaged(&mut Source::new(&expand(seed, 64)));
            same += u32::from(wasm == MODULE);
            valid += u32::from(wasmparser::Validator::new().validate_all(&wasm).is_ok());
        }
        assert!(same > 30 && same < 300, "{same}");
        assert!(valid > same && valid < 800, "{valid}");
    }
}
