//! Values between the protocol and the engine.

use gcrucible_protocol::{Ended, Top, Value};
use wasmtime::{AnyRef, ExternRef, HeapType, I31, StoreContextMut, Val, ValType};

use crate::store::Data;
use crate::version::exceptions;
use crate::way;

/// An argument of a parameter's type.
///
/// # Errors
///
/// The request holds no number, or what this version lacks, or the engine cannot make the value.
pub async fn argument(
    store: &mut StoreContextMut<'_, Data>,
    ty: &ValType,
    given: &Value,
) -> Result<Val, Ended> {
    let bad = |text: &str| Ended::Crashed {
        text: format!("the request holds no number: {text}"),
    };
    let broken = |error: wasmtime::Error| Ended::Crashed {
        text: format!("making an argument: {error:#}"),
    };
    let heap_type = ty.as_ref().map(|ty| ty.heap_type().top());
    let is_extern = matches!(heap_type, Some(HeapType::Extern));
    Ok(match given {
        Value::I32(number) => Val::I32(*number),
        Value::I64(text) => Val::I64(text.parse().map_err(|_| bad(text))?),
        Value::F32(bits) => Val::F32(*bits),
        Value::F64(text) => Val::F64(text.parse().map_err(|_| bad(text))?),
        Value::V128(text) => {
            let bits = u128::from_str_radix(text, 16).map_err(|_| bad(text))?;
            Val::V128(bits.into())
        }
        Value::Null(top) => null(*top).ok_or_else(|| Ended::Unsupported {
            feature: "exceptions".to_owned(),
        })?,
        Value::I31(number) => {
            let scalar = AnyRef::from_i31(&mut *store, I31::wrapping_i32(*number));
            if is_extern {
                let outside = ExternRef::convert_any(store, scalar).map_err(broken)?;
                Val::ExternRef(Some(outside))
            } else {
                Val::AnyRef(Some(scalar))
            }
        }
        Value::Host(number) => {
            let outside = way::new_extern(store, *number).await.map_err(broken)?;
            if is_extern {
                Val::ExternRef(Some(outside))
            } else {
                let inside = AnyRef::convert_extern(store, outside).map_err(broken)?;
                Val::AnyRef(Some(inside))
            }
        }
    })
}

/// The null reference of a hierarchy, if this version has the hierarchy.
fn null(top: Top) -> Option<Val> {
    Some(match top {
        Top::Any => Val::AnyRef(None),
        Top::Extern => Val::ExternRef(None),
        Top::Func => Val::FuncRef(None),
        Top::Exn => return exceptions::null(),
    })
}

/// The bits of an integer, not sign-extended.
pub fn unsigned(value: &Val) -> u64 {
    match value {
        Val::I32(number) => u64::from(*number as u32),
        Val::I64(number) => *number as u64,
        _ => 0,
    }
}
