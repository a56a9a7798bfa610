//! Constant expressions: `wasmparser`'s operators to [`ConstOp`]s.
//!
//! Not here: their values. `compile::init` folds constants and compiles other expressions.

use wasmparser::Operator;

use super::classify::{malformed, unsupported};
use super::convert::TypeSpace;
use super::{ConstExpr, ConstOp, Items};
use crate::error::Rejected;
use crate::index::{FuncIdx, GlobalIdx};
use crate::types::RefKind;

/// Converts a validated constant expression.
pub(super) fn convert(
    types: &TypeSpace,
    expr: &wasmparser::ConstExpr<'_>,
) -> Result<ConstExpr, Rejected> {
    let mut reader = expr.get_operators_reader();
    let mut ops = Vec::new();
    while !reader.is_end_then_eof() {
        let op = reader.read().map_err(malformed)?;
        ops.push(operator(types, &op)?);
    }
    Ok(ConstExpr { ops: ops.into() })
}

fn operator(types: &TypeSpace, op: &Operator<'_>) -> Result<ConstOp, Rejected> {
    Ok(match *op {
        Operator::I32Const { value } => ConstOp::I32Const(value),
        Operator::I64Const { value } => ConstOp::I64Const(value),
        Operator::F32Const { value } => ConstOp::F32Const(value.bits()),
        Operator::F64Const { value } => ConstOp::F64Const(value.bits()),
        Operator::V128Const { value } => ConstOp::V128Const(u128::from_le_bytes(*value.bytes())),
        Operator::I32Add => ConstOp::I32Add,
        Operator::I32Sub => ConstOp::I32Sub,
        Operator::I32Mul => ConstOp::I32Mul,
        Operator::I64Add => ConstOp::I64Add,
        Operator::I64Sub => ConstOp::I64Sub,
        Operator::I64Mul => ConstOp::I64Mul,
        Operator::RefNull { hty } => ConstOp::RefNull(RefKind {
            nullable: true,
            heap: types.heap(hty)?,
        }),
        Operator::RefFunc { function_index } => ConstOp::RefFunc(FuncIdx(function_index)),
        Operator::GlobalGet { global_index } => ConstOp::GlobalGet(GlobalIdx(global_index)),
        Operator::RefI31 => ConstOp::RefI31,
        Operator::StructNew { struct_type_index } => {
            ConstOp::StructNew(types.id(struct_type_index)?)
        }
        Operator::StructNewDefault { struct_type_index } => {
            ConstOp::StructNewDefault(types.id(struct_type_index)?)
        }
        Operator::ArrayNew { array_type_index } => ConstOp::ArrayNew(types.id(array_type_index)?),
        Operator::ArrayNewDefault { array_type_index } => {
            ConstOp::ArrayNewDefault(types.id(array_type_index)?)
        }
        Operator::ArrayNewFixed {
            array_type_index,
            array_size,
        } => ConstOp::ArrayNewFixed(types.id(array_type_index)?, array_size),
        Operator::AnyConvertExtern | Operator::ExternConvertAny => ConstOp::Convert,
        _ => return Err(unsupported("an operator in a constant expression")),
    })
}

/// The function that an expression names. `Some(None)` for null, `None` for any other expression.
fn as_func(expr: &ConstExpr) -> Option<Option<FuncIdx>> {
    match *expr.ops {
        [ConstOp::RefFunc(func)] => Some(Some(func)),
        [ConstOp::RefNull(_)] => Some(None),
        _ => None,
    }
}

/// Returns the items of a segment of that type. A segment of functions only gets the short form.
pub(super) fn items(element: RefKind, exprs: Vec<ConstExpr>) -> Items {
    if element.is_collected() {
        return Items::Exprs(exprs.into());
    }
    match exprs.iter().map(as_func).collect::<Option<Vec<_>>>() {
        Some(funcs) => Items::Funcs(funcs.into()),
        None => Items::Exprs(exprs.into()),
    }
}

/// Functions that the expression refers to.
pub(super) fn funcs(expr: &ConstExpr) -> impl Iterator<Item = FuncIdx> + '_ {
    expr.ops.iter().filter_map(|op| match op {
        ConstOp::RefFunc(func) => Some(*func),
        _ => None,
    })
}
