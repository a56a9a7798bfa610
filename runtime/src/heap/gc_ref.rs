//! A reference into the collected heap: a 32-bit offset or a small integer, never a pointer. A
//! wrong one gives a wrong answer, never a memory error of the host.

/// A non-null reference: an object's offset from the start of the heap (a multiple of 8) or an i31
/// (odd).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct GcRef(std::num::NonZeroU32);

impl GcRef {
    /// The reference with these bits, or `None` for null.
    #[must_use]
    pub const fn from_raw(raw: u32) -> Option<GcRef> {
        match std::num::NonZeroU32::new(raw) {
            Some(bits) => Some(GcRef(bits)),
            None => None,
        }
    }

    /// The bits compiled code uses for `reference`.
    #[must_use]
    pub const fn to_raw(reference: Option<GcRef>) -> u32 {
        match reference {
            Some(r) => r.0.get(),
            None => 0,
        }
    }

    /// The i31 of the low 31 bits of `value`.
    #[must_use]
    pub const fn from_i31(value: u32) -> GcRef {
        match std::num::NonZeroU32::new(value << 1 | 1) {
            Some(bits) => GcRef(bits),
            None => unreachable!(),
        }
    }

    /// The 31 bits, zero-extended, if this is an i31.
    #[must_use]
    pub const fn as_i31(self) -> Option<u32> {
        if self.is_i31() {
            Some(self.0.get() >> 1)
        } else {
            None
        }
    }

    /// Whether this is an i31.
    #[must_use]
    pub const fn is_i31(self) -> bool {
        self.0.get() & 1 != 0
    }

    /// The object's offset, if this is one.
    #[must_use]
    pub const fn as_object(self) -> Option<u32> {
        if self.is_i31() {
            None
        } else {
            Some(self.0.get())
        }
    }

    /// The bits.
    #[must_use]
    pub const fn raw(self) -> u32 {
        self.0.get()
    }
}
