//! Functions.

use std::sync::Arc;

use super::caller::Caller;
use super::engine::Engine;
use super::error::{Error, Misuse};
use super::handles::{Func, FuncOrigin, Instance};
use super::raw_call::{Buffer, call_raw, host_func};
use super::store::{AsContext, AsContextMut};
use super::typed::{IntoFunc, TypedFunc, WasmParams, WasmResults};
use super::types::{FuncType, func_type};
use super::val::{Val, arity, lift, lower};
use crate::abi::vmctx::ValRaw;
use crate::instance::contents::Definition;
use crate::instance::host_func::HostFunc;
use crate::instance::store::StoreOpaque;

impl Func {
    /// Makes a function of the host with that type. Its body gets the caller, the arguments and a
    /// slice for the results. The results are zero or null before.
    ///
    /// # Errors
    /// `Misuse` for a type of another engine. [`Error::Rejected`] when the engine has no memory for
    /// code.
    pub fn new<T: 'static>(
        mut store: impl AsContextMut<Data = T>,
        ty: &FuncType,
        body: impl Fn(Caller<'_, T>, &[Val], &mut [Val]) -> Result<(), Error> + Send + Sync + 'static,
    ) -> Result<Func, Error> {
        let mut context = store.as_context_mut();
        let func = host_func(&context.engine(), ty, body)?;
        Func::insert(context.as_context_mut().opaque_mut(), func)
    }

    /// Returns a function of the host from a closure, such as `|a: i32, b: f64| -> Result<i64,
    /// Error>`. The first parameter of the closure can be a [`Caller`].
    ///
    /// # Errors
    /// [`Error::Rejected`] when the engine has no memory for code.
    pub fn wrap<T: 'static, Params, Results>(
        mut store: impl AsContextMut<Data = T>,
        body: impl IntoFunc<T, Params, Results>,
    ) -> Result<Func, Error> {
        let mut context = store.as_context_mut();
        let func = body.into_func(&context.engine())?;
        Func::insert(context.as_context_mut().opaque_mut(), func)
    }

    pub(crate) fn insert(store: &mut StoreOpaque, func: Arc<HostFunc>) -> Result<Func, Error> {
        let func = store.add_host_func(func)?;
        Ok(Func {
            store: store.id(),
            func,
        })
    }

    /// Returns its type.
    ///
    /// # Errors
    /// `Misuse` for a function of another store.
    pub fn ty(&self, store: impl AsContext) -> Result<FuncType, Error> {
        self.ty_in(store.as_context().opaque())
    }

    pub(crate) fn ty_in(&self, opaque: &StoreOpaque) -> Result<FuncType, Error> {
        let id = opaque.func_type(self.get(opaque)?);
        Ok(func_type(&Engine::from_data(&opaque.engine), id))
    }

    /// Returns true if it is a value of that type.
    ///
    /// # Errors
    /// `Misuse` for a function of another store.
    pub fn matches_ty(&self, store: impl AsContext, ty: &FuncType) -> Result<bool, Error> {
        Ok(self.ty(store)?.matches(ty))
    }

    /// Returns the definition of the function.
    ///
    /// # Errors
    /// `Misuse` for a function of another store.
    pub fn origin(&self, store: impl AsContext) -> Result<FuncOrigin, Error> {
        self.origin_in(store.as_context().opaque())
    }

    pub(crate) fn origin_in(&self, opaque: &StoreOpaque) -> Result<FuncOrigin, Error> {
        let definition = opaque.contents.definition(self.get(opaque)?);
        Ok(match definition.ok_or(Misuse::Stale)? {
            Definition::Wasm(instance, index) => FuncOrigin::Wasm {
                instance: Instance::from_id(opaque, instance),
                index,
            },
            Definition::Host(at) => FuncOrigin::Host(at),
        })
    }

    /// Calls it. `results` must have as many values as it has results. Their old contents are
    /// ignored.
    ///
    /// # Errors
    /// `Misuse` when the arguments do not match. Otherwise the reason why the call ended early.
    ///
    /// # Panics
    /// Resumes the panic of a host function.
    pub fn call(
        &self,
        mut store: impl AsContextMut,
        params: &[Val],
        results: &mut [Val],
    ) -> Result<(), Error> {
        let opaque = store.as_context_mut().opaque_mut();
        let func = self.get(opaque)?;
        let callable = opaque.callable(opaque.func_type(func))?;
        let sig = &callable.sig;
        arity(sig.params.len(), params.len())?;
        arity(sig.results.len(), results.len())?;
        let mut buffer = Buffer::from_elem(ValRaw::ZERO, params.len().max(results.len()));
        for ((slot, val), kind) in buffer.iter_mut().zip(params).zip(&sig.params) {
            *slot = lower(opaque, val, *kind)?;
        }
        call_raw(opaque, func, &callable, &mut buffer)?;
        for ((result, slot), kind) in results.iter_mut().zip(&buffer).zip(&sig.results) {
            *result = lift(opaque, slot, *kind)?;
        }
        Ok(())
    }

    /// Returns the function with parameters and results of Rust types.
    ///
    /// # Errors
    /// `Misuse` when its type does not match.
    pub fn typed<P: WasmParams, R: WasmResults>(
        &self,
        store: impl AsContext,
    ) -> Result<TypedFunc<P, R>, Error> {
        let context = store.as_context();
        let ty = self.ty(context)?;
        TypedFunc::new(*self, &ty, &context.engine())
    }
}
