//! Scalar reference instructions. All are pure.

use crate::execution::halt::{Halt, Stuck, Trap};
use crate::execution::machine::Machine;
use crate::execution::values::Ref;
use crate::numerics::Int;
use crate::rules::rule;
use crate::syntax::Sx;

/// The bits of a scalar.
const MASK: u32 = u32::MAX >> 1;

#[inline(always)]
pub(crate) fn ref_i31(m: &mut Machine) -> Result<(), Halt> {
    rule!(m, "Step_pure/ref.i31");
    let i = m.pop_num::<u32>()?;
    m.push(Ref::I31(i & MASK))
}

#[inline(always)]
pub(crate) fn get(m: &mut Machine, sx: Sx) -> Result<(), Halt> {
    match m.pop_ref()? {
        Ref::Null => {
            rule!(m, "Step_pure/i31.get-null");
            Err(Trap::NullI31Reference.into())
        }
        Ref::I31(i) => {
            rule!(m, "Step_pure/i31.get-num");
            m.push(match sx {
                Sx::S => i.iextend_s(31),
                Sx::U => i & MASK,
            })
        }
        _ => Err(Stuck::OperandType.into()),
    }
}
