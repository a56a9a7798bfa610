//! Values in the library's own form: a kind, then a number or a root.

/// What a value is, as the library numbers it.
#[allow(missing_docs, reason = "named after the C interface")]
pub mod kind {
    pub const I32: u8 = 0;
    pub const I64: u8 = 1;
    pub const F32: u8 = 2;
    pub const F64: u8 = 3;
    pub const V128: u8 = 4;
    pub const FUNCREF: u8 = 5;
    pub const EXTERNREF: u8 = 6;
    pub const ANYREF: u8 = 7;
    pub const EXNREF: u8 = 8;
}

/// Values side by side, each as many words long as this version of the library has them (W3).
#[derive(Debug)]
pub struct Values {
    words: Vec<u64>,
    stride: usize,
}

impl Values {
    /// `count` zeros of type `i32`.
    pub fn zeros(count: usize, stride: usize) -> Values {
        Values {
            words: vec![0; count * stride],
            stride,
        }
    }

    /// Returns how many.
    pub fn len(&self) -> usize {
        self.words.len() / self.stride
    }

    /// Returns where they begin.
    pub fn as_mut_ptr(&mut self) -> *mut u64 {
        self.words.as_mut_ptr()
    }

    /// Returns where they begin.
    pub fn as_ptr(&self) -> *const u64 {
        self.words.as_ptr()
    }

    /// One of them.
    pub fn get(&self, at: usize) -> &[u64] {
        &self.words[at * self.stride..][..self.stride]
    }

    /// One of them, to be changed.
    pub fn get_mut(&mut self, at: usize) -> &mut [u64] {
        &mut self.words[at * self.stride..][..self.stride]
    }

    /// Adds one.
    pub fn push(&mut self, value: &[u64]) {
        self.words.extend_from_slice(&value[..self.stride]);
    }
}

/// Returns the kind of a value.
pub fn kind_of(value: &[u64]) -> u8 {
    (value[0] & 0xff) as u8
}

/// Writes a value that has no root.
pub fn write(value: &mut [u64], kind: u8, low: u64, high: u64) {
    value.fill(0);
    value[0] = u64::from(kind);
    value[1] = low;
    value[2] = high;
}

/// Returns the bits of a number as an unsigned integer of 64 bits. An `i32` is not sign-extended.
pub fn unsigned(value: &[u64]) -> u64 {
    match kind_of(value) {
        kind::I32 => value[1] & 0xffff_ffff,
        _ => value[1],
    }
}

/// Returns true if the reference in a value is null: its store is number 0.
pub fn is_null(value: &[u64]) -> bool {
    value[1] == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_lie_side_by_side() {
        for stride in [3, 4] {
            let mut values = Values::zeros(2, stride);
            write(values.get_mut(1), kind::I64, 7, 0);
            assert_eq!((values.len(), values.words.len()), (2, 2 * stride));
            assert_eq!((kind_of(values.get(1)), unsigned(values.get(1))), (1, 7));
            assert_eq!(kind_of(values.get(0)), kind::I32);
        }
    }

    #[test]
    fn an_i32_has_32_bits() {
        let mut values = Values::zeros(1, 4);
        write(values.get_mut(0), kind::I32, u64::MAX, 0);
        assert_eq!(unsigned(values.get(0)), 0xffff_ffff);
    }
}
