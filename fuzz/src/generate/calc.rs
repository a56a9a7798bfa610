//! The few numeric instructions that the generator's own patterns need.

use std::sync::LazyLock;

use crate::program::numeric::{NUMERIC, NumId};
use crate::program::{Expr, Op, Ty};

/// Returns the row of `NUMERIC` whose instruction has this name in its debug form.
fn num(name: &str) -> NumId {
    let at = NUMERIC
        .iter()
        .position(|row| format!("{:?}", row.instruction) == name);
    NumId(at.unwrap_or(0) as u16)
}

macro_rules! ids {
    ($($fun:ident $name:literal $result:ident;)*) => { $(
        /// The instruction with two operands.
        pub(super) fn $fun(a: Expr, b: Expr) -> Expr {
            static ID: LazyLock<NumId> = LazyLock::new(|| num($name));
            Expr::value(Op::Num(*ID), vec![a, b], Ty::$result)
        }
    )* };
}

ids! {
    add "I32Add" I32;
    sub "I32Sub" I32;
    mul "I32Mul" I32;
    add64 "I64Add" I64;
    sub64 "I64Sub" I64;
    mul64 "I64Mul" I64;
    and "I32And" I32;
    or "I32Or" I32;
    or64 "I64Or" I64;
    and64 "I64And" I64;
    rem_u "I32RemU" I32;
    lt_s "I32LtS" I32;
    lt_u "I32LtU" I32;
    gt_s "I32GtS" I32;
    ge_u "I32GeU" I32;
    ge_s "I32GeS" I32;
}

/// `i64.extend_i32_u`
pub(super) fn extend(a: Expr) -> Expr {
    static ID: LazyLock<NumId> = LazyLock::new(|| num("I64ExtendI32U"));
    Expr::value(Op::Num(*ID), vec![a], Ty::I64)
}

/// `i32.wrap_i64`
pub(super) fn wrap(a: Expr) -> Expr {
    static ID: LazyLock<NumId> = LazyLock::new(|| num("I32WrapI64"));
    Expr::value(Op::Num(*ID), vec![a], Ty::I32)
}
