//! Types at run time: which type a reference has (`Ref_ok`), and how large a table or memory may
//! be.
//!
//! All types here are closed: their uses are defined types, which mean the same in every module of
//! the store.

use crate::rules::Rule;
use crate::syntax::{AbsHeapType, AddrType, RefType, ValType};

use super::configurations::Store;
use super::halt::{Halt, Stuck};
use super::values::{Ref, Value};

/// `Ref_ok`, without its rule `sub`: the rule that applies, and the least type it gives.
pub(crate) fn ref_ok(store: &Store, r: Ref) -> Result<(Rule, RefType), Halt> {
    let abs = |heap| RefType::abs(false, heap);
    let (rule, rt) = match r {
        Ref::Null => (
            const { Rule::named("Ref_ok/null") },
            RefType::abs(true, AbsHeapType::Bot),
        ),
        Ref::I31(i) if i > i32::MAX as u32 => return Err(Stuck::OperandType.into()),
        Ref::I31(_) => (const { Rule::named("Ref_ok/i31") }, abs(AbsHeapType::I31)),
        Ref::Struct(a) => (
            const { Rule::named("Ref_ok/struct") },
            RefType::def(false, store.heap.structure(a)?.ty),
        ),
        Ref::Array(a) => (
            const { Rule::named("Ref_ok/array") },
            RefType::def(false, store.heap.array(a)?.ty),
        ),
        Ref::Func(a) => (
            const { Rule::named("Ref_ok/func") },
            RefType::def(false, store.func(a)?.ty),
        ),
        Ref::Exn(a) => {
            store.heap.exception(a)?;
            (const { Rule::named("Ref_ok/exn") }, abs(AbsHeapType::Exn))
        }
        Ref::Host(_) => (const { Rule::named("Ref_ok/host") }, abs(AbsHeapType::Any)),
        Ref::Extern(internal) => {
            ref_ok(store, internal.into())?;
            (
                const { Rule::named("Ref_ok/extern") },
                abs(AbsHeapType::Extern),
            )
        }
    };
    Ok((rule, rt))
}

/// `Val_ok`: whether `value` has the closed type `t`.
pub(crate) fn val_ok(store: &Store, value: Value, t: ValType) -> bool {
    match (value, t) {
        (Value::I32(_), ValType::I32)
        | (Value::I64(_), ValType::I64)
        | (Value::F32(_), ValType::F32)
        | (Value::F64(_), ValType::F64)
        | (Value::V128(_), ValType::V128) => true,
        (Value::Ref(r), ValType::Ref(rt)) => {
            ref_ok(store, r).is_ok_and(|(_, actual)| store.types.reftype_sub(actual, rt))
        }
        _ => false,
    }
}

/// `2^$size(at) - 1`: most elements of a table.
pub(crate) fn most_elements(at: AddrType) -> u64 {
    u64::MAX >> (64 - at.bits())
}

/// `2^($size(at) - 16)`: most pages of a memory.
pub(crate) fn most_pages(at: AddrType) -> u64 {
    1 << (at.bits() - 16)
}
