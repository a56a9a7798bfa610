//! Values, and their conversion into and out of a store: type checks and rooting.

use super::display::val_text;
use super::engine::Engine;
use super::error::{Error, Misuse};
use super::handles::Func;
use super::reference::{AnyRef, ExnRef, ExternRef, Reference, Root, Rooted};
use super::store::AsContextMut;
use super::types::{HeapTopType, RefType, ValType};
use crate::abi::vmctx::ValRaw;
use crate::heap::layout::Kind;
use crate::heap::{GcRef, Stored};
use crate::instance::store::StoreOpaque;
use crate::types::{HeapKind, RefKind, Shape, StorageKind, Top, TypeId, ValKind};

/// A value.
#[derive(Clone, Copy, Debug)]
pub enum Val {
    /// A 32-bit integer.
    I32(i32),
    /// A 64-bit integer.
    I64(i64),
    /// The bits of a 32-bit float.
    F32(u32),
    /// The bits of a 64-bit float.
    F64(u64),
    /// A vector. Lane 0 is in the lowest bits.
    V128(u128),
    /// A reference to a function, or null.
    FuncRef(Option<Func>),
    /// A reference below `extern`, or null.
    ExternRef(Option<Rooted<ExternRef>>),
    /// A reference below `any`, or null.
    AnyRef(Option<Rooted<AnyRef>>),
    /// A reference below `exn`, or null.
    ExnRef(Option<Rooted<ExnRef>>),
}

/// A reference, or null.
#[derive(Clone, Copy, Debug)]
pub enum Ref {
    /// Below `func`.
    Func(Option<Func>),
    /// Below `extern`.
    Extern(Option<Rooted<ExternRef>>),
    /// Below `any`.
    Any(Option<Rooted<AnyRef>>),
    /// Below `exn`.
    Exn(Option<Rooted<ExnRef>>),
}

impl Ref {
    /// Null of a hierarchy.
    #[must_use]
    pub const fn null(top: HeapTopType) -> Ref {
        match top {
            HeapTopType::Func => Ref::Func(None),
            HeapTopType::Extern => Ref::Extern(None),
            HeapTopType::Any => Ref::Any(None),
            HeapTopType::Exn => Ref::Exn(None),
        }
    }

    /// Returns true if it is null.
    #[must_use]
    pub const fn is_null(&self) -> bool {
        matches!(
            self,
            Ref::Func(None) | Ref::Extern(None) | Ref::Any(None) | Ref::Exn(None)
        )
    }
}

impl From<Ref> for Val {
    fn from(reference: Ref) -> Val {
        match reference {
            Ref::Func(f) => Val::FuncRef(f),
            Ref::Extern(e) => Val::ExternRef(e),
            Ref::Any(a) => Val::AnyRef(a),
            Ref::Exn(e) => Val::ExnRef(e),
        }
    }
}

impl Val {
    /// Null of a hierarchy.
    #[must_use]
    pub fn null(top: HeapTopType) -> Val {
        Ref::null(top).into()
    }

    /// Returns the default value of a type: zero or null. `None` if it has none.
    #[must_use]
    pub fn default_for(ty: &ValType) -> Option<Val> {
        Some(match ty {
            ValType::I32 => Val::I32(0),
            ValType::I64 => Val::I64(0),
            ValType::F32 => Val::F32(0),
            ValType::F64 => Val::F64(0),
            ValType::V128 => Val::V128(0),
            ValType::Ref(RefType {
                nullable: true,
                heap_type,
            }) => Val::null(heap_type.top()),
            ValType::Ref(_) => return None,
        })
    }

    /// Returns the reference, if it is one.
    #[must_use]
    pub const fn as_ref(&self) -> Option<Ref> {
        Some(match *self {
            Val::FuncRef(f) => Ref::Func(f),
            Val::ExternRef(e) => Ref::Extern(e),
            Val::AnyRef(a) => Ref::Any(a),
            Val::ExnRef(e) => Ref::Exn(e),
            _ => return None,
        })
    }

    /// Returns the integer, if it is one of 32 bits.
    #[must_use]
    pub const fn i32(&self) -> Option<i32> {
        match *self {
            Val::I32(value) => Some(value),
            _ => None,
        }
    }

    /// Returns the integer, if it is one of 64 bits.
    #[must_use]
    pub const fn i64(&self) -> Option<i64> {
        match *self {
            Val::I64(value) => Some(value),
            _ => None,
        }
    }

    /// Returns the float, if it is one of 32 bits.
    #[must_use]
    pub const fn f32(&self) -> Option<f32> {
        match *self {
            Val::F32(bits) => Some(f32::from_bits(bits)),
            _ => None,
        }
    }

    /// Returns the float, if it is one of 64 bits.
    #[must_use]
    pub const fn f64(&self) -> Option<f64> {
        match *self {
            Val::F64(bits) => Some(f64::from_bits(bits)),
            _ => None,
        }
    }

    /// Returns the most precise type of the value in that store.
    ///
    /// # Errors
    /// `Misuse` for a stale handle or a handle of another store.
    pub fn ty(&self, mut store: impl AsContextMut) -> Result<ValType, Error> {
        let store = store.as_context_mut().opaque_mut();
        let kind = kind_of(store, self)?;
        Ok(ValType::from_kind(&Engine::from_data(&store.engine), kind))
    }

    /// Returns true if it is a value of that type.
    ///
    /// # Errors
    /// `Misuse` for a stale handle, a handle of another store, or a type of another engine.
    pub fn matches_ty(&self, mut store: impl AsContextMut, ty: &ValType) -> Result<bool, Error> {
        let store = store.as_context_mut().opaque_mut();
        let kind = ty.kind(&Engine::from_data(&store.engine))?;
        let own = kind_of(store, self)?;
        Ok(store.engine.registry.val_matches(own, kind))
    }
}

macro_rules! from {
    ($($variant:ident($from:ty) => $convert:expr;)*) => { $(
        impl From<$from> for Val {
            fn from(value: $from) -> Val {
                #[allow(clippy::redundant_closure_call)]
                Val::$variant($convert(value))
            }
        }
    )* };
}

from! {
    I32(i32) => |v| v;
    I32(u32) => |v: u32| v as i32;
    I64(i64) => |v| v;
    I64(u64) => |v: u64| v as i64;
    F32(f32) => f32::to_bits;
    F64(f64) => f64::to_bits;
    V128(u128) => |v| v;
    FuncRef(Func) => Some;
    FuncRef(Option<Func>) => |v| v;
    ExternRef(Rooted<ExternRef>) => Some;
    ExternRef(Option<Rooted<ExternRef>>) => |v| v;
    AnyRef(Rooted<AnyRef>) => Some;
    AnyRef(Option<Rooted<AnyRef>>) => |v| v;
    ExnRef(Rooted<ExnRef>) => Some;
    ExnRef(Option<Rooted<ExnRef>>) => |v| v;
}

/// Returns the kind of an object.
pub(crate) fn object_kind(store: &mut StoreOpaque, reference: GcRef) -> Result<Kind, Error> {
    Ok(store.heap()?.object(reference)?.kind)
}

/// Returns the most precise heap type of a reference in the hierarchy of `top`.
pub(crate) fn heap_kind(
    store: &mut StoreOpaque,
    reference: GcRef,
    top: Top,
) -> Result<HeapKind, Error> {
    match top {
        Top::Extern => return Ok(HeapKind::Extern),
        Top::Exn => return Ok(HeapKind::Exn),
        Top::Func => return Ok(HeapKind::Func),
        Top::Any => {}
    }
    if reference.is_i31() {
        return Ok(HeapKind::I31);
    }
    let object = store.heap()?.object(reference)?;
    let id = TypeId(object.type_id);
    Ok(match object.kind {
        Kind::Struct => HeapKind::Defined(id, Shape::Struct),
        Kind::Array => HeapKind::Defined(id, Shape::Array),
        Kind::Extern | Kind::Exception | Kind::Free | Kind::Forwarded => HeapKind::Any,
    })
}

fn ref_kind(
    store: &mut StoreOpaque,
    root: Option<Root>,
    top: Top,
    bottom: HeapKind,
) -> Result<ValKind, Error> {
    Ok(ValKind::Ref(match root {
        None => RefKind {
            nullable: true,
            heap: bottom,
        },
        Some(root) => {
            let reference = root.get(store)?;
            RefKind {
                nullable: false,
                heap: heap_kind(store, reference, top)?,
            }
        }
    }))
}

/// Returns the most precise type of a value.
pub(crate) fn kind_of(store: &mut StoreOpaque, val: &Val) -> Result<ValKind, Error> {
    Ok(match val {
        Val::I32(_) => ValKind::I32,
        Val::I64(_) => ValKind::I64,
        Val::F32(_) => ValKind::F32,
        Val::F64(_) => ValKind::F64,
        Val::V128(_) => ValKind::V128,
        Val::FuncRef(None) => ValKind::Ref(RefKind {
            nullable: true,
            heap: HeapKind::NoFunc,
        }),
        Val::FuncRef(Some(func)) => ValKind::Ref(RefKind {
            nullable: false,
            heap: HeapKind::Defined(store.func_type(func.get(store)?), Shape::Func),
        }),
        Val::ExternRef(e) => {
            let root = e.as_ref().map(|e| e.root());
            ref_kind(store, root, Top::Extern, HeapKind::NoExtern)?
        }
        Val::AnyRef(a) => {
            let root = a.as_ref().map(|a| a.root());
            ref_kind(store, root, Top::Any, HeapKind::None)?
        }
        Val::ExnRef(e) => {
            let root = e.as_ref().map(|e| e.root());
            ref_kind(store, root, Top::Exn, HeapKind::NoExn)?
        }
    })
}

/// Returns the error for a value or type of kind `found` where `expected` is needed.
pub(crate) fn mismatch(store: &StoreOpaque, expected: ValKind, found: ValKind) -> Error {
    let engine = Engine::from_data(&store.engine);
    Error::type_mismatch(val_text(&engine, expected), val_text(&engine, found))
}

/// Returns a value in raw form, as compiled code has it. A reference is valid until something
/// collects.
pub(crate) fn lower(store: &mut StoreOpaque, val: &Val, ty: ValKind) -> Result<ValRaw, Error> {
    let own = kind_of(store, val)?;
    if !store.engine.registry.val_matches(own, ty) {
        return Err(mismatch(store, ty, own));
    }
    let raw = |store: &StoreOpaque, root: Option<Root>| -> Result<ValRaw, Error> {
        let reference = root.map(|root| root.get(store)).transpose()?;
        Ok(ValRaw::from_u64(GcRef::to_raw(reference).into()))
    };
    Ok(match val {
        Val::I32(v) => ValRaw::from_u64((*v as u32).into()),
        Val::I64(v) => ValRaw::from_u64(*v as u64),
        Val::F32(bits) => ValRaw::from_u64((*bits).into()),
        Val::F64(bits) => ValRaw::from_u64(*bits),
        Val::V128(bits) => ValRaw::from_u128(*bits),
        Val::FuncRef(None) => ValRaw::ZERO,
        Val::FuncRef(Some(func)) => ValRaw::from_func(func.get(store)?.as_ptr()),
        Val::ExternRef(e) => raw(store, e.as_ref().map(|e| e.root()))?,
        Val::AnyRef(a) => raw(store, a.as_ref().map(|a| a.root()))?,
        Val::ExnRef(e) => raw(store, e.as_ref().map(|e| e.root()))?,
    })
}

/// Returns a reference in the hierarchy of `top` from its raw form, rooted. Nothing may have
/// collected since the caller obtained it.
pub(crate) fn lift_ref(store: &mut StoreOpaque, raw: u32, top: Top) -> Result<Val, Error> {
    let reference = GcRef::from_raw(raw);
    Ok(match (top, reference) {
        (Top::Extern, Some(r)) => Val::ExternRef(Some(Rooted::new(store, r)?)),
        (Top::Extern, None) => Val::ExternRef(None),
        (Top::Exn, Some(r)) => Val::ExnRef(Some(Rooted::new(store, r)?)),
        (Top::Exn, None) => Val::ExnRef(None),
        (Top::Any, Some(r)) => Val::AnyRef(Some(Rooted::new(store, r)?)),
        (Top::Any | Top::Func, None) => Val::AnyRef(None),
        (Top::Func, Some(_)) => unreachable!("functions are not in the collected heap"),
    })
}

/// Returns a value of that type from its raw form. A reference is rooted. Nothing may have
/// collected since the caller obtained it.
pub(crate) fn lift(store: &mut StoreOpaque, raw: &ValRaw, ty: ValKind) -> Result<Val, Error> {
    Ok(match ty {
        ValKind::I32 => Val::I32(raw.low_u32() as i32),
        ValKind::I64 => Val::I64(raw.low_u64() as i64),
        ValKind::F32 => Val::F32(raw.low_u32()),
        ValKind::F64 => Val::F64(raw.low_u64()),
        ValKind::V128 => Val::V128(raw.as_u128()),
        ValKind::Ref(r) if r.heap.top() == Top::Func => {
            Val::FuncRef(Func::from_ptr(store.id(), raw.func()))
        }
        ValKind::Ref(r) => lift_ref(store, raw.low_u32(), r.heap.top())?,
    })
}

/// Returns a value as a field or element stores it. A packed one is given as i32 and wrapped.
pub(crate) fn to_stored(
    store: &mut StoreOpaque,
    val: &Val,
    storage: StorageKind,
) -> Result<Stored, Error> {
    let ty = match storage {
        StorageKind::I8 | StorageKind::I16 => ValKind::I32,
        StorageKind::Val(ty) => ty,
    };
    let raw = lower(store, val, ty)?;
    Ok(match (storage, ty) {
        (StorageKind::I8, _) => Stored::I8(raw.low_u32() as u8),
        (StorageKind::I16, _) => Stored::I16(raw.low_u32() as u16),
        (_, ValKind::I32 | ValKind::F32) => Stored::I32(raw.low_u32()),
        (_, ValKind::I64 | ValKind::F64) => Stored::I64(raw.low_u64()),
        (_, ValKind::V128) => Stored::V128(raw.as_u128()),
        (_, ValKind::Ref(r)) if r.heap.top() == Top::Func => {
            // SAFETY: `lower` took it from a handle of this store.
            Stored::Func(unsafe { store.intern_func(raw.func()) })
        }
        (_, ValKind::Ref(_)) => Stored::Ref(GcRef::from_raw(raw.low_u32())),
    })
}

/// Returns the value of a field or element of that type. A packed one is zero-extended. A reference
/// is rooted.
pub(crate) fn from_stored(
    store: &mut StoreOpaque,
    stored: Stored,
    storage: StorageKind,
) -> Result<Val, Error> {
    let ty = match storage {
        StorageKind::I8 | StorageKind::I16 => ValKind::I32,
        StorageKind::Val(ty) => ty,
    };
    let raw = match stored {
        Stored::I8(v) => ValRaw::from_u64(v.into()),
        Stored::I16(v) => ValRaw::from_u64(v.into()),
        Stored::I32(v) => ValRaw::from_u64(v.into()),
        Stored::I64(v) => ValRaw::from_u64(v),
        Stored::V128(v) => ValRaw::from_u128(v),
        Stored::Ref(r) => ValRaw::from_u64(GcRef::to_raw(r).into()),
        Stored::Func(number) => ValRaw::from_func(numbered_func(store, number)?),
    };
    lift(store, &raw, ty)
}

/// Returns the function with that number in the collected heap.
pub(crate) fn numbered_func(
    store: &StoreOpaque,
    number: u32,
) -> Result<*mut crate::abi::vmctx::VmFuncRef, Error> {
    let func = store.contents.numbered_funcs.get(number as usize);
    func.copied().ok_or_else(|| {
        crate::heap::HeapFault::BadFunction {
            object: 0,
            slot: 0,
            number,
        }
        .into()
    })
}

/// Checks the number of values.
pub(crate) fn arity(expected: usize, found: usize) -> Result<(), Error> {
    if expected == found {
        Ok(())
    } else {
        Err(Misuse::Arity { expected, found }.into())
    }
}
