//! Functions with parameters and results of Rust types.

use std::marker::PhantomData;
use std::sync::Arc;

use super::caller::Caller;
use super::engine::Engine;
use super::error::Error;
use super::handles::Func;
use super::raw_call::{Buffer, call_raw, raw_host_func};
use super::reference::{AnyRef, ArrayRef, EqRef, ExnRef, ExternRef, Reference, Rooted, StructRef};
use super::refs::I31;
use super::store::AsContextMut;
use super::types::{FuncType, HeapType, RefType, ValType};
use crate::abi::vmctx::ValRaw;
use crate::heap::GcRef;
use crate::instance::host_func::HostFunc;
use crate::instance::store::StoreOpaque;

/// A Rust type that is a WebAssembly value type.
pub trait WasmTy: Sized + Send {
    /// Returns the value type.
    #[doc(hidden)]
    fn val_type() -> ValType;
    #[doc(hidden)]
    fn lower(self, store: &mut StoreOpaque) -> Result<ValRaw, Error>;
    #[doc(hidden)]
    fn lift(store: &mut StoreOpaque, raw: &ValRaw) -> Result<Self, Error>;
}

macro_rules! number {
    ($($ty:ty, $val:ident, $lower:expr, $lift:expr;)*) => { $(
        impl WasmTy for $ty {
            fn val_type() -> ValType {
                ValType::$val
            }

            fn lower(self, _: &mut StoreOpaque) -> Result<ValRaw, Error> {
                #[allow(clippy::redundant_closure_call)]
                Ok($lower(self))
            }

            fn lift(_: &mut StoreOpaque, raw: &ValRaw) -> Result<$ty, Error> {
                #[allow(clippy::redundant_closure_call)]
                Ok($lift(raw))
            }
        }
    )* };
}

number! {
    i32, I32, |v: i32| ValRaw::from_u64((v as u32).into()), |raw: &ValRaw| raw.low_u32() as i32;
    u32, I32, |v: u32| ValRaw::from_u64(v.into()), ValRaw::low_u32;
    i64, I64, |v: i64| ValRaw::from_u64(v as u64), |raw: &ValRaw| raw.low_u64() as i64;
    u64, I64, ValRaw::from_u64, ValRaw::low_u64;
    f32, F32, |v: f32| ValRaw::from_u64(v.to_bits().into()), |raw: &ValRaw| f32::from_bits(raw.low_u32());
    f64, F64, |v: f64| ValRaw::from_u64(v.to_bits()), |raw: &ValRaw| f64::from_bits(raw.low_u64());
    u128, V128, ValRaw::from_u128, ValRaw::as_u128;
}

macro_rules! reference {
    ($($kind:ident, $heap:ident;)*) => { $(
        impl WasmTy for Rooted<$kind> {
            fn val_type() -> ValType {
                ValType::Ref(RefType::new(false, HeapType::$heap))
            }

            fn lower(self, store: &mut StoreOpaque) -> Result<ValRaw, Error> {
                Ok(ValRaw::from_u64(self.root().get(store)?.raw().into()))
            }

            fn lift(store: &mut StoreOpaque, raw: &ValRaw) -> Result<Self, Error> {
                let reference = GcRef::from_raw(raw.low_u32());
                Rooted::new(store, reference.ok_or_else(null)?)
            }
        }

        impl WasmTy for Option<Rooted<$kind>> {
            fn val_type() -> ValType {
                ValType::Ref(RefType::new(true, HeapType::$heap))
            }

            fn lower(self, store: &mut StoreOpaque) -> Result<ValRaw, Error> {
                match self {
                    Some(rooted) => rooted.lower(store),
                    None => Ok(ValRaw::ZERO),
                }
            }

            fn lift(store: &mut StoreOpaque, raw: &ValRaw) -> Result<Self, Error> {
                match GcRef::from_raw(raw.low_u32()) {
                    Some(reference) => Rooted::new(store, reference).map(Some),
                    None => Ok(None),
                }
            }
        }
    )* };
}

reference! {
    AnyRef, Any;
    EqRef, Eq;
    StructRef, Struct;
    ArrayRef, Array;
    ExternRef, Extern;
    ExnRef, Exn;
}

fn null() -> Error {
    Error::type_mismatch("a non-null reference", "null")
}

impl WasmTy for I31 {
    fn val_type() -> ValType {
        ValType::Ref(RefType::new(false, HeapType::I31))
    }

    fn lower(self, _: &mut StoreOpaque) -> Result<ValRaw, Error> {
        Ok(ValRaw::from_u64(
            GcRef::from_i31(self.get_u32()).raw().into(),
        ))
    }

    fn lift(_: &mut StoreOpaque, raw: &ValRaw) -> Result<I31, Error> {
        let value = GcRef::from_raw(raw.low_u32()).and_then(GcRef::as_i31);
        value.map(I31::wrapping_u32).ok_or_else(null)
    }
}

impl WasmTy for Option<I31> {
    fn val_type() -> ValType {
        ValType::Ref(RefType::new(true, HeapType::I31))
    }

    fn lower(self, store: &mut StoreOpaque) -> Result<ValRaw, Error> {
        self.map_or(Ok(ValRaw::ZERO), |value| value.lower(store))
    }

    fn lift(_: &mut StoreOpaque, raw: &ValRaw) -> Result<Option<I31>, Error> {
        let value = GcRef::from_raw(raw.low_u32()).and_then(GcRef::as_i31);
        Ok(value.map(I31::wrapping_u32))
    }
}

impl WasmTy for Func {
    fn val_type() -> ValType {
        ValType::Ref(RefType::new(false, HeapType::Func))
    }

    fn lower(self, store: &mut StoreOpaque) -> Result<ValRaw, Error> {
        Ok(ValRaw::from_func(self.get(store)?.as_ptr()))
    }

    fn lift(store: &mut StoreOpaque, raw: &ValRaw) -> Result<Func, Error> {
        Func::from_ptr(store.id(), raw.func()).ok_or_else(null)
    }
}

impl WasmTy for Option<Func> {
    fn val_type() -> ValType {
        ValType::FUNCREF
    }

    fn lower(self, store: &mut StoreOpaque) -> Result<ValRaw, Error> {
        self.map_or(Ok(ValRaw::ZERO), |func| func.lower(store))
    }

    fn lift(store: &mut StoreOpaque, raw: &ValRaw) -> Result<Option<Func>, Error> {
        Ok(Func::from_ptr(store.id(), raw.func()))
    }
}

/// Parameters: a tuple of [`WasmTy`], or a single one.
pub trait WasmParams: Send {
    #[doc(hidden)]
    fn types() -> Vec<ValType>;
    #[doc(hidden)]
    fn lower_all(self, store: &mut StoreOpaque, buffer: &mut [ValRaw]) -> Result<(), Error>;
}

/// Results: a tuple of [`WasmTy`], or a single one.
pub trait WasmResults: Sized + Send {
    #[doc(hidden)]
    fn types() -> Vec<ValType>;
    #[doc(hidden)]
    fn lift_all(store: &mut StoreOpaque, buffer: &[ValRaw]) -> Result<Self, Error>;
}

/// What a host closure may return: results, or a [`Result`] of them.
pub trait WasmRet {
    #[doc(hidden)]
    type Ok: WasmParams;
    #[doc(hidden)]
    fn into_result(self) -> Result<Self::Ok, Error>;
}

impl<T: WasmTy> WasmParams for T {
    fn types() -> Vec<ValType> {
        vec![T::val_type()]
    }

    fn lower_all(self, store: &mut StoreOpaque, buffer: &mut [ValRaw]) -> Result<(), Error> {
        buffer[0] = self.lower(store)?;
        Ok(())
    }
}

impl<T: WasmTy> WasmResults for T {
    fn types() -> Vec<ValType> {
        vec![T::val_type()]
    }

    fn lift_all(store: &mut StoreOpaque, buffer: &[ValRaw]) -> Result<T, Error> {
        T::lift(store, &buffer[0])
    }
}

impl<T: WasmTy> WasmRet for T {
    type Ok = T;

    fn into_result(self) -> Result<T, Error> {
        Ok(self)
    }
}

impl<P: WasmParams> WasmRet for Result<P, Error> {
    type Ok = P;

    fn into_result(self) -> Result<P, Error> {
        self
    }
}

/// A function with parameters and results of Rust types. Both are a tuple or a single value.
///
/// ```
/// use gcrucible_runtime::embed::*;
/// # fn main() -> Result<(), Error> {
/// let mut store = Store::new(&Engine::new(&Config::optimised())?, ());
/// let swap = Func::wrap(&mut store, |a: i32, b: f64| (b, a))?;
/// let swap = swap.typed::<(i32, f64), (f64, i32)>(&store)?;
/// assert_eq!(swap.call(&mut store, (1, 2.5))?, (2.5, 1));
/// // The type is checked once, here.
/// assert!(swap.func().typed::<(), ()>(&store).is_err());
/// # Ok(())
/// # }
/// ```
pub struct TypedFunc<P, R> {
    func: Func,
    types: PhantomData<fn(P) -> R>,
}

impl<P, R> Clone for TypedFunc<P, R> {
    fn clone(&self) -> TypedFunc<P, R> {
        *self
    }
}

impl<P, R> Copy for TypedFunc<P, R> {}

impl<P: WasmParams, R: WasmResults> TypedFunc<P, R> {
    pub(super) fn new(
        func: Func,
        ty: &FuncType,
        engine: &Engine,
    ) -> Result<TypedFunc<P, R>, Error> {
        let wanted = FuncType::new(engine, P::types(), R::types())?;
        if engine.registry().sig_matches(ty.sig(), wanted.sig()) {
            Ok(TypedFunc {
                func,
                types: PhantomData,
            })
        } else {
            Err(Error::type_mismatch(&wanted, ty))
        }
    }

    /// Returns the function.
    #[must_use]
    pub fn func(&self) -> &Func {
        &self.func
    }

    /// Calls it.
    ///
    /// # Errors
    /// `Misuse` for a stale handle or a handle of another store. Otherwise the reason why the call
    /// ended early.
    ///
    /// # Panics
    /// Resumes the panic of a host function.
    pub fn call(&self, mut store: impl AsContextMut, params: P) -> Result<R, Error> {
        let opaque = store.as_context_mut().opaque_mut();
        let func = self.func.get(opaque)?;
        let callable = opaque.callable(opaque.func_type(func))?;
        let slots = callable.sig.params.len().max(callable.sig.results.len());
        let mut buffer = Buffer::from_elem(ValRaw::ZERO, slots);
        params.lower_all(opaque, &mut buffer)?;
        call_raw(opaque, func, &callable, &mut buffer)?;
        R::lift_all(opaque, &buffer)
    }
}

/// A closure that can be a function of the host.
pub trait IntoFunc<T, Params, Results>: Send + Sync + 'static {
    #[doc(hidden)]
    fn into_func(self, engine: &Engine) -> Result<Arc<HostFunc>, Error>;
}

macro_rules! tuples {
    ($($len:literal: $($param:ident $at:tt),*;)*) => { $(
        #[allow(non_snake_case, unused_variables, unused_mut)]
        impl<$($param: WasmTy),*> WasmParams for ($($param,)*) {
            fn types() -> Vec<ValType> {
                vec![$($param::val_type()),*]
            }

            fn lower_all(self, store: &mut StoreOpaque, buffer: &mut [ValRaw]) -> Result<(), Error> {
                $(buffer[$at] = self.$at.lower(store)?;)*
                Ok(())
            }
        }

        #[allow(unused_variables)]
        impl<$($param: WasmTy),*> WasmResults for ($($param,)*) {
            fn types() -> Vec<ValType> {
                vec![$($param::val_type()),*]
            }

            #[allow(clippy::unused_unit)]
            fn lift_all(store: &mut StoreOpaque, buffer: &[ValRaw]) -> Result<Self, Error> {
                Ok(($($param::lift(store, &buffer[$at])?,)*))
            }
        }

        impl<$($param: WasmTy),*> WasmRet for ($($param,)*) {
            type Ok = Self;

            fn into_result(self) -> Result<Self, Error> {
                Ok(self)
            }
        }

        #[allow(non_snake_case, unused_mut, unused_variables)]
        impl<T: 'static, Fun, $($param: WasmTy,)* Ret: WasmRet> IntoFunc<T, ($($param,)*), Ret> for Fun
        where
            Fun: Fn($($param),*) -> Ret + Send + Sync + 'static,
        {
            fn into_func(self, engine: &Engine) -> Result<Arc<HostFunc>, Error> {
                let body = move |_: Caller<'_, T>, $($param: $param),*| self($($param),*);
                IntoFunc::<T, (Caller<'_, T>, $($param),*), Ret>::into_func(body, engine)
            }
        }

        #[allow(non_snake_case, unused_mut, unused_variables)]
        impl<T: 'static, Fun, $($param: WasmTy,)* Ret: WasmRet> IntoFunc<T, (Caller<'_, T>, $($param),*), Ret> for Fun
        where
            Fun: Fn(Caller<'_, T>, $($param),*) -> Ret + Send + Sync + 'static,
        {
            fn into_func(self, engine: &Engine) -> Result<Arc<HostFunc>, Error> {
                let ty = FuncType::new(engine, [$($param::val_type()),*], <Ret::Ok as WasmParams>::types())?;
                raw_host_func(engine, &ty, move |mut caller: Caller<'_, T>, buffer| {
                    let store = caller.as_context_mut().opaque_mut();
                    $(let $param = $param::lift(store, &buffer[$at])?;)*
                    let lent = Caller {
                        store: caller.store.as_context_mut(),
                        instance: caller.instance,
                    };
                    let results = self(lent, $($param),*).into_result()?;
                    results.lower_all(caller.as_context_mut().opaque_mut(), buffer)
                })
            }
        }
    )* };
}

tuples! {
    0: ;
    1: A 0;
    2: A 0, B 1;
    3: A 0, B 1, C 2;
    4: A 0, B 1, C 2, D 3;
    5: A 0, B 1, C 2, D 3, E 4;
    6: A 0, B 1, C 2, D 3, E 4, F 5;
    7: A 0, B 1, C 2, D 3, E 4, F 5, G 6;
    8: A 0, B 1, C 2, D 3, E 4, F 5, G 6, H 7;
}
