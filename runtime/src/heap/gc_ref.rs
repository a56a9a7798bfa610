//! A reference into the collected heap is a 32-bit offset or a small integer, never a pointer. A
//! wrong reference leads to a wrong answer, never to a memory error of the host.

/// A reference that is not null: the offset of an object from the start of the heap, which is a
/// multiple of 8, or an i31, which is odd.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct GcRef(std::num::NonZeroU32);

impl GcRef {
    /// Returns the reference with these bits, or `None` for null.
    #[must_use]
    pub const fn from_raw(raw: u32) -> Option<GcRef> {
        match std::num::NonZeroU32::new(raw) {
            Some(bits) => Some(GcRef(bits)),
            None => None,
        }
    }

    /// Returns the bits that compiled code uses for `reference`.
    #[must_use]
    pub const fn to_raw(reference: Option<GcRef>) -> u32 {
        match reference {
            Some(r) => r.0.get(),
            None => 0,
        }
    }

    /// Returns the i31 of the low 31 bits of `value`.
    #[must_use]
    pub const fn from_i31(value: u32) -> GcRef {
        match std::num::NonZeroU32::new(value << 1 | 1) {
            Some(bits) => GcRef(bits),
            None => unreachable!(),
        }
    }

    /// Returns the 31 bits, zero-extended, if this is an i31.
    #[must_use]
    pub const fn as_i31(self) -> Option<u32> {
        if self.is_i31() {
            Some(self.0.get() >> 1)
        } else {
            None
        }
    }

    /// Returns true if this is an i31.
    #[must_use]
    pub const fn is_i31(self) -> bool {
        self.0.get() & 1 != 0
    }

    /// Returns the bits.
    #[must_use]
    pub const fn raw(self) -> u32 {
        self.0.get()
    }
}
