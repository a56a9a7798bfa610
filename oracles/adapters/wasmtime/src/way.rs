//! The engine's operations that run code, allocate or collect. Each has two forms. An asynchronous
//! store may only use one of them.

use std::pin::pin;
use std::task::{Context, Poll, Waker};

use gcrucible_protocol::Ended;
use gcrucible_wasmtime_c::words;
use wasmtime::{
    ArrayRef, ArrayRefPre, ArrayType, Error, ExternRef, Func, Instance, Module, Ref, Result,
    Rooted, StoreContextMut, StructRef, StructRefPre, StructType, Table, Trap, Val,
};

use crate::store::Data;
use crate::version::{Collected, exceptions};

type Store<'a> = StoreContextMut<'a, Data>;

/// Polls a future until it is done. A future of a store that is not asynchronous is done at once.
pub fn done<T>(future: impl Future<Output = T>) -> T {
    let mut future = pin!(future);
    let mut context = Context::from_waker(Waker::noop());
    loop {
        if let Poll::Ready(value) = future.as_mut().poll(&mut context) {
            return value;
        }
    }
}

/// Calls a function.
///
/// # Errors
///
/// A trap, an exception, or an error of the engine.
pub async fn call(
    store: &mut Store<'_>,
    func: Func,
    args: &[Val],
    results: &mut [Val],
) -> Result<()> {
    if store.data().is_async {
        func.call_async(store, args, results).await
    } else {
        func.call(store, args, results)
    }
}

/// Instantiates a module.
///
/// # Errors
///
/// As for [`call`], or an import that does not fit.
pub async fn instantiate(
    store: &mut Store<'_>,
    module: &Module,
    imports: &[wasmtime::Extern],
) -> Result<Instance> {
    if store.data().is_async {
        Instance::new_async(store, module, imports).await
    } else {
        Instance::new(store, module, imports)
    }
}

/// A full collection.
///
/// # Errors
///
/// Those of the engine.
pub async fn collect(store: &mut Store<'_>) -> Result<()> {
    store.data_mut().collections += 1;
    if store.data().is_async {
        store.gc_async(None).await.result()
    } else {
        store.gc(None).result()
    }
}

/// A new host object.
///
/// # Errors
///
/// The heap is full.
pub async fn new_extern(store: &mut Store<'_>, number: u32) -> Result<Rooted<ExternRef>> {
    let object = store.data_mut().hosts.make(number);
    if store.data().is_async {
        ExternRef::new_async(store, object).await
    } else {
        ExternRef::new(store, object)
    }
}

/// A new structure.
///
/// # Errors
///
/// The heap is full, or a field does not fit.
pub async fn new_struct(
    store: &mut Store<'_>,
    ty: StructType,
    fields: &[Val],
) -> Result<Rooted<StructRef>> {
    let allocator = StructRefPre::new(&mut *store, ty);
    if store.data().is_async {
        StructRef::new_async(store, &allocator, fields).await
    } else {
        StructRef::new(store, &allocator, fields)
    }
}

/// A new array.
///
/// # Errors
///
/// The heap is full, or the element does not fit.
pub async fn new_array(
    store: &mut Store<'_>,
    ty: ArrayType,
    element: &Val,
    length: u32,
) -> Result<Rooted<ArrayRef>> {
    let allocator = ArrayRefPre::new(&mut *store, ty);
    if store.data().is_async {
        ArrayRef::new_async(store, &allocator, element, length).await
    } else {
        ArrayRef::new(store, &allocator, element, length)
    }
}

/// Grows a table. Returns the old size.
///
/// # Errors
///
/// The table cannot grow so far, or the element does not fit.
pub async fn grow(store: &mut Store<'_>, table: Table, delta: u64, element: Ref) -> Result<u64> {
    if store.data().is_async {
        table.grow_async(store, delta, element).await
    } else {
        table.grow(store, delta, element)
    }
}

/// What an error means, in the protocol's words.
pub fn ended(error: &Error) -> Ended {
    if exceptions::is_thrown(error) {
        return Ended::Threw;
    }
    match error.downcast_ref::<Trap>() {
        Some(trap) => words::trapped(trap.to_string(), true),
        None => words::failed(format!("{error:#}")),
    }
}
