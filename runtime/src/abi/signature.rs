//! How a function type becomes a machine signature. No other file decides this.
//!
//! ```text
//! Tail convention   (vmctx: i64, parameters.., [return area: i64]) -> results
//! ```
//!
//! If more than [`RESULT_REGISTERS`] results fall into one register class, all results are written
//! to the return area, result `i` at byte [`SLOT_BYTES`]` * i`, and the function returns nothing. A
//! tail call passes the caller's return area on. That is sound because the callee's results are
//! subtypes of the caller's, and subtyping does not change the machine type.
//!
//! Not here: Cranelift's types and the trampolines (`compile::trampoline`).

use crate::limits::RESULT_REGISTERS;
use crate::types::{FuncSig, ValKind};

/// Bytes of one slot in a return area and in a buffer of [`ValRaw`](super::vmctx::ValRaw).
pub const SLOT_BYTES: u32 = 16;

/// The machine type of a WebAssembly value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum AbiTy {
    /// A 32-bit integer.
    I32,
    /// A 64-bit integer.
    I64,
    /// A 32-bit float.
    F32,
    /// A 64-bit float.
    F64,
    /// A vector.
    V128,
    /// A reference into the collected heap: 32 bits, kept in stack maps.
    Ref,
    /// A function reference: 64 bits, a pointer to a `VmFuncRef`.
    Func,
}

impl AbiTy {
    /// Returns the machine type of values of that type.
    #[must_use]
    pub const fn of(kind: ValKind) -> AbiTy {
        match kind {
            ValKind::I32 => AbiTy::I32,
            ValKind::I64 => AbiTy::I64,
            ValKind::F32 => AbiTy::F32,
            ValKind::F64 => AbiTy::F64,
            ValKind::V128 => AbiTy::V128,
            ValKind::Ref(r) if r.is_collected() => AbiTy::Ref,
            ValKind::Ref(_) => AbiTy::Func,
        }
    }

    /// Returns the number of bytes that the value takes at the start of its slot.
    #[must_use]
    pub const fn bytes(self) -> u32 {
        match self {
            AbiTy::I32 | AbiTy::F32 | AbiTy::Ref => 4,
            AbiTy::I64 | AbiTy::F64 | AbiTy::Func => 8,
            AbiTy::V128 => 16,
        }
    }

    /// Returns true if results of this type are returned in integer registers, and false if they
    /// are returned in vector registers.
    #[must_use]
    pub const fn is_integer_class(self) -> bool {
        matches!(self, AbiTy::I32 | AbiTy::I64 | AbiTy::Ref | AbiTy::Func)
    }
}

/// A machine signature. Function types with equal ones can share trampolines.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Lowered {
    /// Parameters behind the context, without the return area.
    pub params: Box<[AbiTy]>,
    /// Results, whether they go to registers or to the return area.
    pub results: Box<[AbiTy]>,
    /// Whether the results go through a return area. Its address is then the last parameter.
    pub return_area: bool,
}

impl Lowered {
    /// Returns the number of slots of a buffer for both parameters and results.
    #[must_use]
    pub fn slots(&self) -> usize {
        self.params.len().max(self.results.len())
    }
}

/// Returns true if the results of one class do not fit into its registers.
#[must_use]
pub fn needs_return_area(results: &[ValKind]) -> bool {
    let integers = results
        .iter()
        .filter(|&&kind| AbiTy::of(kind).is_integer_class())
        .count();
    integers > RESULT_REGISTERS || results.len() - integers > RESULT_REGISTERS
}

/// Returns the machine signature of a function type.
#[must_use]
pub fn lower(sig: &FuncSig) -> Lowered {
    Lowered {
        params: sig.params.iter().map(|&kind| AbiTy::of(kind)).collect(),
        results: sig.results.iter().map(|&kind| AbiTy::of(kind)).collect(),
        return_area: needs_return_area(&sig.results),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn results(kinds: &[(ValKind, usize)]) -> bool {
        let results: Vec<_> = kinds
            .iter()
            .flat_map(|&(kind, count)| std::iter::repeat_n(kind, count))
            .collect();
        let sig = FuncSig {
            params: [].into(),
            results: results.into(),
        };
        lower(&sig).return_area
    }

    #[test]
    fn classes_are_counted_apart() {
        assert!(!results(&[(ValKind::I32, 8), (ValKind::F64, 8)]));
        assert!(results(&[(ValKind::I32, 4), (ValKind::I64, 5)]));
        assert!(results(&[(ValKind::V128, 5), (ValKind::F32, 4)]));
        assert!(!results(&[]));
    }
}
