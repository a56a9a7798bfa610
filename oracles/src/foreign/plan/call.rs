//! Calls of the case's own exports: checks that the arguments fit, and plans how the engine gets
//! them.

use gcrucible_protocol::{Call, Value as Given};
use wasm_encoder::{AbstractHeapType, HeapType, RefType, ValType};

use super::link::wire_top;
use super::{Placed, Plan, exported};
use crate::foreign::module::{Item, Module};
use crate::outcome::{Outcome, Why};
use crate::value::{HeapTop, Ref, Target, Value};

/// A call that makes sense.
pub(super) struct Planned {
    pub(super) call: Call,
    pub(super) args: Vec<Given>,
    /// The function that reads the results, if there are any.
    pub(super) then: Option<Call>,
    pub(super) results: Vec<ValType>,
    /// Whether a probe calls it from inside.
    pub(super) wrapped: bool,
}

fn misuse(what: &str) -> Outcome {
    Outcome::rejected(Why::Misuse, what)
}

impl Plan {
    /// Plans a call of an export of an instance that has a probe.
    ///
    /// # Errors
    ///
    /// There is no such function, or the arguments do not fit.
    pub(super) fn call(
        &self,
        placed: &Placed,
        export: &str,
        args: &[Value],
    ) -> Result<Planned, Outcome> {
        let missing = || misuse("no such exported function");
        let module = &placed.module;
        let number = module.exports.iter().position(|e| e.name == export);
        let number = number.ok_or_else(missing)?;
        let Item::Func(func) = module.exports[number].item else {
            return Err(missing());
        };
        let ty = module
            .func_type(module.funcs[func as usize])
            .ok_or_else(missing)?;
        let (params, results) = (ty.params(), ty.results());
        let fit = params.len() == args.len()
            && params
                .iter()
                .zip(args)
                .all(|(&ty, &arg)| fits(module, ty, arg));
        if !fit {
            return Err(misuse("arguments that do not fit"));
        }
        let (probe_instance, probe) = placed.probe.as_ref().ok_or_else(missing)?;
        let crosses = self.crosses;
        let mut crossing = params
            .iter()
            .chain(results)
            .all(|&ty| crosses.allows(module, ty));
        crossing &= crosses.nan_bits || !args.iter().any(|arg| arg.is_nan());
        if !crossing && probe.wrapped.contains(&number) {
            let pairs = params.iter().zip(args);
            return Ok(Planned {
                call: exported(*probe_instance, &format!("invoke:{number}")),
                args: pairs
                    .flat_map(|(&ty, &arg)| carried(module, ty, arg))
                    .collect(),
                then: None,
                results: results.to_vec(),
                wrapped: true,
            });
        }
        let then = probe.results.iter().position(|list| list == results);
        Ok(Planned {
            call: exported(placed.number, export),
            args: args.iter().map(|&arg| given(arg)).collect(),
            then: then.map(|number| exported(*probe_instance, &format!("results:{number}"))),
            results: results.to_vec(),
            wrapped: false,
        })
    }
}

/// Whether a value can be an argument of this type.
fn fits(module: &Module, ty: ValType, value: Value) -> bool {
    match (ty, value) {
        (ValType::I32, Value::I32(_))
        | (ValType::I64, Value::I64(_))
        | (ValType::F32, Value::F32(_))
        | (ValType::F64, Value::F64(_))
        | (ValType::V128, Value::V128(_)) => true,
        (ValType::Ref(ty), Value::Ref(Ref { top, to })) => {
            module.top(ty) == top && refers(ty, top, to)
        }
        _ => false,
    }
}

fn refers(ty: RefType, top: HeapTop, to: Target) -> bool {
    let HeapType::Abstract { ty: of, .. } = ty.heap_type else {
        return ty.nullable && to == Target::Null;
    };
    match (top, to) {
        (_, Target::Null) => ty.nullable,
        (HeapTop::Any, Target::I31(_)) => matches!(
            of,
            AbstractHeapType::Any | AbstractHeapType::Eq | AbstractHeapType::I31
        ),
        (HeapTop::Any, Target::Host(_)) => of == AbstractHeapType::Any,
        (HeapTop::Extern, Target::I31(_) | Target::Host(_)) => of == AbstractHeapType::Extern,
        (_, Target::Node(_)) | (HeapTop::Func | HeapTop::Exn, _) => false,
    }
}

fn given(value: Value) -> Given {
    match value {
        Value::I32(value) => Given::I32(value),
        Value::I64(value) => Given::I64(value.to_string()),
        Value::F32(bits) => Given::F32(bits),
        Value::F64(bits) => Given::F64(bits.to_string()),
        Value::V128(bits) => Given::V128(format!("{bits:032x}")),
        Value::Ref(reference) => match reference.to {
            Target::Null | Target::Node(_) => Given::Null(wire_top(reference.top)),
            // Sign-extended from 31 bits.
            Target::I31(value) => Given::I31(((value << 1) as i32) >> 1),
            Target::Host(number) => Given::Host(number),
        },
    }
}

/// The arguments of `invoke:N` that stand for one argument.
fn carried(module: &Module, ty: ValType, value: Value) -> Vec<Given> {
    let long = |bits: u64| Given::I64((bits as i64).to_string());
    match (ty, value) {
        (_, Value::F32(bits)) => vec![Given::I32(bits as i32)],
        (_, Value::F64(bits)) => vec![long(bits)],
        (_, Value::V128(bits)) => vec![long(bits as u64), long((bits >> 64) as u64)],
        (ValType::Ref(ty), _) if module.top(ty) == HeapTop::Exn => Vec::new(),
        (_, value) => vec![given(value)],
    }
}
