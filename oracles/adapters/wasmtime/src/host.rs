//! Functions of the host. Each is an operation of Wasmtime's interface for embedders.

use std::sync::Arc;

use gcrucible_protocol::request::TableOperation;
use gcrucible_protocol::{Failed, HostFunction, Top};
use wasmtime::{
    AsContextMut, Caller, Error, Extern, Func, FuncType, Global, Mutability, Ref, Result,
    StorageType, StoreContextMut, Table, Trap, Val, ValType,
};

use crate::kept::Kept;
use crate::store::{Data, HostObject};
use crate::values::unsigned;
use crate::version::{exceptions, release};
use crate::way::{self, ended};

/// A function of the host, and which instance imports it.
struct Host {
    importer: u32,
    function: HostFunction,
    ty: FuncType,
}

/// Makes a function of the host with the import's own type.
pub fn func(
    store: impl AsContextMut<Data = Data>,
    importer: u32,
    function: HostFunction,
    ty: FuncType,
) -> Func {
    let is_async = store.as_context().data().is_async;
    let host = Arc::new(Host {
        importer,
        function,
        ty: ty.clone(),
    });
    if is_async {
        Func::new_async(store, ty, move |caller, args, results| {
            let host = Arc::clone(&host);
            Box::new(async move { host.called(caller, args, results).await })
        })
    } else {
        Func::new(store, ty, move |caller, args, results| {
            way::done(host.called(caller, args, results))
        })
    }
}

/// A table or an operation on it that is not there.
fn missing() -> Error {
    Trap::UnreachableCodeReached.into()
}

impl Host {
    async fn called(
        &self,
        mut caller: Caller<'_, Data>,
        args: &[Val],
        results: &mut [Val],
    ) -> Result<()> {
        let store = &mut caller.as_context_mut();
        let is_probing = matches!(
            self.function,
            HostFunction::ExternIdOrNone | HostFunction::FuncId | HostFunction::Rethrow
        );
        if is_probing {
            return self.perform(store, &self.function, args, results).await;
        }
        pass_point(store).await?;
        let ended = match &self.function {
            HostFunction::Try(tried) => self.attempt(store, &tried.function, args, results).await,
            function => self.perform(store, function, args, results).await,
        };
        pass_point(store).await?;
        ended
    }

    fn exported(&self, store: &mut StoreContextMut<'_, Data>, name: &str) -> Result<Extern> {
        let instance = store.data().instances.get(&self.importer).copied();
        let found = instance.and_then(|instance| instance.get_export(store, name));
        found.ok_or_else(missing)
    }

    fn table(&self, store: &mut StoreContextMut<'_, Data>, name: &str) -> Result<Table> {
        self.exported(store, name)?.into_table().ok_or_else(missing)
    }

    fn global(&self, store: &mut StoreContextMut<'_, Data>, name: &str) -> Result<Global> {
        self.exported(store, name)?
            .into_global()
            .ok_or_else(missing)
    }

    fn func(&self, store: &mut StoreContextMut<'_, Data>, name: &str) -> Result<Func> {
        self.exported(store, name)?.into_func().ok_or_else(missing)
    }

    /// Performs a function of which a failure is a result. For an allocation it is the object, or
    /// null.
    async fn attempt(
        &self,
        store: &mut StoreContextMut<'_, Data>,
        function: &HostFunction,
        args: &[Val],
        results: &mut [Val],
    ) -> Result<()> {
        let allocates = matches!(function, HostFunction::StructNew | HostFunction::ArrayNew);
        let count = match function {
            HostFunction::Call(named) | HostFunction::CallGc(named) => {
                let func = self.func(store, &named.function);
                func.map_or(0, |func| func.ty(&*store).results().len())
            }
            HostFunction::TableGrow(_) => 1,
            _ if allocates => 1,
            _ => 0,
        };
        let mut own = vec![Val::I32(0); count];
        let ended = self.perform(store, function, args, &mut own).await;
        results[0] = match (ended, allocates) {
            (Ok(()), true) => own[0],
            (Ok(()), false) => Val::I32(Failed::RETURNED as i32),
            (Err(error), _) => {
                let failed = failed(store, error)?;
                if allocates {
                    Val::AnyRef(None)
                } else {
                    Val::I32(failed.code() as i32)
                }
            }
        };
        Ok(())
    }

    async fn perform(
        &self,
        store: &mut StoreContextMut<'_, Data>,
        function: &HostFunction,
        args: &[Val],
        results: &mut [Val],
    ) -> Result<()> {
        match function {
            HostFunction::Gc => way::collect(store).await?,
            HostFunction::Live => {
                way::collect(store).await?;
                let answer = store.data_mut().answers.pop_front();
                results[0] = Val::I32(answer.unwrap_or(0) as i32);
            }
            HostFunction::Extern => {
                let object = way::new_extern(store, unsigned(&args[0]) as u32).await?;
                results[0] = Val::ExternRef(Some(object));
            }
            HostFunction::ExternId => {
                let number = host_number(store, &args[0])?.ok_or(Trap::NullReference)?;
                results[0] = Val::I32(number as i32);
            }
            HostFunction::ExternIdOrNone => {
                let number = host_number(store, &args[0])?;
                results[0] = Val::I32(number.map_or(-1, |number| number as i32));
            }
            HostFunction::Hold(hierarchy) => {
                let kept = Kept::new(&args[0], store)?;
                let handles = &mut store.data_mut().handles;
                handles.push(Some((hierarchy.top, kept)));
                results[0] = Val::I32(handles.len() as i32 - 1);
            }
            HostFunction::Held(hierarchy) => {
                results[0] = self.held(store, &args[0], hierarchy.top)?;
            }
            HostFunction::Release => {
                let at = unsigned(&args[0]) as usize;
                let handle = store.data_mut().handles.get_mut(at);
                let handle = handle.and_then(Option::take);
                let (_, kept) = handle.ok_or(Trap::TableOutOfBounds)?;
                kept.release(store);
            }
            HostFunction::GlobalGet(named) => {
                results[0] = self.global(store, &named.global)?.get(store);
            }
            HostFunction::GlobalSet(named) => {
                let global = self.global(store, &named.global)?;
                if global.set(&mut *store, args[0]).is_err() {
                    let is_immutable = global.ty(store).mutability() == Mutability::Const;
                    return Err(if is_immutable {
                        missing()
                    } else {
                        Trap::CastFailure.into()
                    });
                }
            }
            HostFunction::StructNew | HostFunction::ArrayNew => {
                results[0] = self.allocate(store, args).await?;
            }
            HostFunction::Call(named) => {
                let func = self.func(store, &named.function)?;
                way::call(store, func, args, results).await?;
            }
            HostFunction::CallGc(named) => {
                let func = self.func(store, &named.function)?;
                let ended = way::call(store, func, args, results).await;
                way::collect(store).await?;
                ended?;
            }
            HostFunction::Rethrow => return Err(rethrow(store)),
            // Only one level: `attempt` has called this function.
            HostFunction::Try(_) => return Err(missing()),
            // Never asked for: the capability `names_functions` is not there, because a reference
            // to an imported function and one to the same function where it is defined differ.
            HostFunction::FuncId => return Err(missing()),
            HostFunction::TableCopy(of) => {
                let (to, from) = (self.table(store, &of.to)?, self.table(store, &of.from)?);
                let [d, s, n] = [0, 1, 2].map(|at| unsigned(&args[at]));
                within(store, from, s, n)?;
                within(store, to, d, n)?;
                Table::copy(store, &to, d, &from, s, n).map_err(|_| Trap::CastFailure)?;
            }
            HostFunction::TableGet(of)
            | HostFunction::TableSet(of)
            | HostFunction::TableGrow(of)
            | HostFunction::TableFill(of)
            | HostFunction::TableSize(of) => {
                let result = self.table_operation(store, function, of, args).await?;
                if let (Some(room), Some(result)) = (results.first_mut(), result) {
                    *room = result;
                }
            }
        }
        Ok(())
    }

    /// The reference of a handle.
    fn held(&self, store: &mut StoreContextMut<'_, Data>, handle: &Val, top: Top) -> Result<Val> {
        // Making a root changes the store, and so the handle is taken out while that is done.
        let at = unsigned(handle) as usize;
        let handle = store.data_mut().handles.get_mut(at);
        let (of, kept) = handle
            .and_then(Option::take)
            .ok_or(Trap::TableOutOfBounds)?;
        let value = (of == top).then(|| kept.value(store));
        store.data_mut().handles[at] = Some((of, kept));
        let value = value.ok_or(Trap::TableOutOfBounds)?;
        let ty = self.ty.result(0).ok_or_else(missing)?;
        if value.matches_ty(store, &ty)? {
            Ok(value)
        } else {
            Err(Trap::CastFailure.into())
        }
    }

    /// Allocates an object of the type in the import's result.
    async fn allocate(&self, store: &mut StoreContextMut<'_, Data>, args: &[Val]) -> Result<Val> {
        let result = self.ty.result(0);
        let ty = result.as_ref().and_then(ValType::as_ref);
        let ty = ty.ok_or_else(missing)?.heap_type();
        if let Some(ty) = ty.as_concrete_struct() {
            let fields = ty.fields().map(|field| field.element_type().clone());
            let fit = fit(store, &fields.collect::<Vec<_>>(), args)?;
            let made = way::new_struct(store, ty.clone(), args).await;
            let made = made.map_err(|error| misfit(error, fit))?;
            return Ok(Val::AnyRef(Some(made.to_anyref())));
        }
        let ty = ty.as_concrete_array().ok_or_else(missing)?.clone();
        let [element, length] = args else {
            return Err(missing());
        };
        let length = unsigned(length);
        // An array has at least as many bytes as elements. Wasmtime would first make a list of so
        // many values, which takes minutes.
        if length > store.data().heap_bytes {
            return Err(Trap::AllocationTooLarge.into());
        }
        let fit = fit(store, &[ty.element_type()], std::slice::from_ref(element))?;
        let made = way::new_array(store, ty, element, length as u32).await;
        let made = made.map_err(|error| misfit(error, fit))?;
        Ok(Val::AnyRef(Some(made.to_anyref())))
    }

    async fn table_operation(
        &self,
        store: &mut StoreContextMut<'_, Data>,
        function: &HostFunction,
        of: &TableOperation,
        args: &[Val],
    ) -> Result<Option<Val>> {
        let table = self.table(store, &of.table)?;
        let sized = |size: u64| {
            if of.wide {
                Val::I64(size as i64)
            } else {
                Val::I32(size as i32)
            }
        };
        let misfit = |_: Error| Trap::CastFailure;
        Ok(match function {
            HostFunction::TableSize(_) => Some(sized(table.size(store))),
            HostFunction::TableGet(_) => {
                let element = table.get(store, unsigned(&args[0]));
                Some(element.ok_or(Trap::TableOutOfBounds)?.into())
            }
            HostFunction::TableSet(_) => {
                let at = unsigned(&args[0]);
                within(store, table, at, 1)?;
                table.set(store, at, reference(&args[1])?).map_err(misfit)?;
                None
            }
            HostFunction::TableFill(_) => {
                let (from, count) = (unsigned(&args[0]), unsigned(&args[2]));
                within(store, table, from, count)?;
                table
                    .fill(store, from, reference(&args[1])?, count)
                    .map_err(misfit)?;
                None
            }
            _ => {
                let (element, delta) = (reference(&args[0])?, unsigned(&args[1]));
                let element_type = table.ty(&*store).element().clone();
                let fits = element.matches_ty(&*store, &element_type)?;
                let grown = way::grow(store, table, delta, element).await;
                match grown {
                    Ok(old) => Some(sized(old)),
                    Err(_) if fits => Some(sized(u64::MAX)),
                    Err(_) => return Err(Trap::CastFailure.into()),
                }
            }
        })
    }
}

/// Returns how a function failed. Lets go of the exception by which it ended.
///
/// # Errors
///
/// The error, if it is neither a trap nor an exception.
fn failed(store: &mut StoreContextMut<'_, Data>, error: Error) -> Result<Failed> {
    let Some(failed) = Failed::of(&ended(&error)) else {
        return Err(error);
    };
    if failed == Failed::Threw
        && let Some(exception) = exceptions::taken(store)?
    {
        release(exception, store);
    }
    Ok(failed)
}

async fn pass_point(store: &mut StoreContextMut<'_, Data>) -> Result<()> {
    if store.data_mut().pass_point() {
        way::collect(store).await?;
    }
    Ok(())
}

fn reference(value: &Val) -> Result<Ref> {
    value.ref_().ok_or_else(missing)
}

/// # Errors
///
/// Elements from `from` on, `count` of them, are not all in the table.
fn within(
    store: &mut StoreContextMut<'_, Data>,
    table: Table,
    from: u64,
    count: u64,
) -> Result<()> {
    match from.checked_add(count) {
        Some(end) if end <= table.size(store) => Ok(()),
        _ => Err(Trap::TableOutOfBounds.into()),
    }
}

/// Whether values have the types of their fields.
fn fit(
    store: &mut StoreContextMut<'_, Data>,
    fields: &[StorageType],
    values: &[Val],
) -> Result<bool> {
    for (field, value) in fields.iter().zip(values) {
        if !value.matches_ty(&*store, field.unpack())? {
            return Ok(false);
        }
    }
    Ok(fields.len() == values.len())
}

/// The error of an allocation. It is a cast failure unless the values `fit`.
fn misfit(error: Error, fit: bool) -> Error {
    if fit { error } else { Trap::CastFailure.into() }
}

/// The number of the host object in a value, if there is one.
fn host_number(store: &mut StoreContextMut<'_, Data>, value: &Val) -> Result<Option<u32>> {
    let Val::ExternRef(Some(reference)) = value else {
        return Ok(None);
    };
    let data = reference.data(&*store)?;
    let object = data.and_then(|data| data.downcast_ref::<HostObject>());
    Ok(object.map(|object| object.number))
}

/// The error that throws again the exception by which the call of this request ended.
fn rethrow(store: &mut StoreContextMut<'_, Data>) -> Error {
    match store.data_mut().exception.take() {
        Some(exception) => {
            let error = exceptions::thrown_again(&exception, store);
            release(exception, store);
            error
        }
        None => missing(),
    }
}
