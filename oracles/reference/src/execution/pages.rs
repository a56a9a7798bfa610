//! The bytes of memories. Zero bytes that nobody has written take address space only, so a memory
//! of 4 GiB costs as much as the part of it that is used.
//!
//! The standard library makes `vec![0; n]` of memory that the system hands out as zeros. `resize`
//! writes its zeros, so it is used for small additions only.

use std::hint::black_box;

/// Additions below this many bytes are written.
const SMALL: usize = 1 << 20;

/// Bytes that are looked at together when only non-zero ones are copied.
const BLOCK: usize = 1 << 12;

/// Makes `len` zero bytes. Returns nothing if there is no room for them.
pub(crate) fn zeros(len: usize) -> Option<Vec<u8>> {
    // `vec!` would end the process if there were no room. `black_box` keeps the attempt from being
    // optimised away.
    let mut attempt = Vec::<u8>::new();
    attempt.try_reserve_exact(len).ok()?;
    drop(black_box(attempt));
    Some(vec![0; len])
}

/// Adds `added` zero bytes. Returns true if there is room for them.
pub(crate) fn add_zeros(bytes: &mut Vec<u8>, added: usize) -> bool {
    // If the length at least doubles, copying costs no more than writing the zeros would.
    if added >= SMALL.max(bytes.len()) {
        let Some(mut grown) = bytes.len().checked_add(added).and_then(zeros) else {
            return false;
        };
        for (new, old) in grown.chunks_mut(BLOCK).zip(bytes.chunks(BLOCK)) {
            if old.iter().any(|byte| *byte != 0) {
                new[..old.len()].copy_from_slice(old);
            }
        }
        *bytes = grown;
        return true;
    }
    let found = bytes.try_reserve(added).is_ok();
    if found {
        bytes.resize(bytes.len() + added, 0);
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn growing_keeps_what_was_written() {
        for added in [1, SMALL - 1, SMALL, 3 * SMALL + 1] {
            let mut bytes = zeros(2 * BLOCK + 1).unwrap();
            bytes[BLOCK] = 1;
            bytes[2 * BLOCK] = 2;
            let mut expected = bytes.clone();
            expected.resize(bytes.len() + added, 0);
            assert!(add_zeros(&mut bytes, added));
            assert!(bytes == expected, "{added} bytes added");
        }
    }

    #[test]
    fn what_has_no_room_is_refused() {
        let mut bytes = vec![1];
        assert!(zeros(usize::MAX).is_none());
        assert!(!add_zeros(&mut bytes, usize::MAX));
        assert!(!add_zeros(&mut bytes, isize::MAX as usize));
        assert_eq!(bytes, [1]);
    }
}
