//! The bodies of the libcalls: one for each row of [`abi::libcalls`](crate::abi::libcalls).
//!
//! ```text
//! control     traps, fuel, epochs, throwing, collection points
//! memory      memories and data segments
//! object      allocation, arrays, numbers of functions
//! table       tables and element segments
//! scenarios   tests: whole modules, run through a store
//! ```
//!
//! Reading order: this file, `control`, `memory`, `table`, `object`.
//!
//! A body is a method of `Call`. It uses the operations of `instance` and `heap`, which check
//! bounds before anything is written. A body that may collect roots its own reference arguments,
//! because a reference whose last use is the call is in no stack map.

mod control;
mod memory;
mod object;
mod table;

#[cfg(test)]
mod scenarios;

use crate::abi::libcalls::{LibCall, RAISED, for_each_libcall};
use crate::abi::vmctx::VmContext;
use crate::compile::stubs::HostCode;
use crate::execute::raise::{Raised, guard};
use crate::execute::{math, resume};
use crate::instance::InstanceId;
use crate::instance::contents::InstanceData;
use crate::instance::context::instance_of;
use crate::instance::store::{StoreOpaque, store_of};

/// One call from compiled code.
pub(crate) struct Call<'a> {
    store: &'a mut StoreOpaque,
    instance: InstanceId,
}

impl Call<'_> {
    fn data(&self) -> &InstanceData {
        self.store.contents.instance(self.instance)
    }
}

/// What a body that may raise returns. Results are widened to 64 bits.
type Answer = Result<u64, Raised>;

macro_rules! native {
    (I32) => {
        u32
    };
    (I64) => {
        u64
    };
    (F32) => {
        f32
    };
    (F64) => {
        f64
    };
}

macro_rules! half {
    (true, $vmctx:ident, $name:ident, $($param:ident),*) => {{
        // SAFETY: only stubs call, with the calling instance's context.
        unsafe { answer($vmctx, |mut call| call.$name($($param),*)) }
    }};
    (false, $vmctx:ident, $name:ident, $($param:ident),*) => {{
        // SAFETY: only stubs call, with the calling instance's context.
        unsafe { enter($vmctx) }.$name($($param),*)
    }};
}

macro_rules! halves {
    ($(
        $(#[$doc:meta])*
        $name:ident ( $($param:ident : $ty:ident),* ) -> $result:ident, $raise:tt;
    )*) => {
        $(
            unsafe extern "C" fn $name(
                vmctx: *mut VmContext,
                $($param: native!($ty)),*
            ) -> native!($result) {
                half!($raise, vmctx, $name, $($param),*)
            }
        )*

        /// Returns the address of the function for a libcall.
        fn address(call: LibCall) -> usize {
            match call {
                $(LibCall::$name => {
                    type Half =
                        unsafe extern "C" fn(*mut VmContext, $(native!($ty)),*) -> native!($result);
                    let half: Half = $name;
                    (half as *const ()).addr()
                })*
            }
        }
    };
}

for_each_libcall!(halves);

/// Returns the addresses of the host's code that compiled code calls.
#[must_use]
pub fn host_code() -> HostCode {
    HostCode {
        libcall: address,
        resume: (resume::resume as unsafe extern "sysv64" fn(_) -> _ as *const ()).addr(),
        math: math::address,
    }
}

/// Makes the call of a context.
///
/// # Safety
///
/// `vmctx` is the context of an instance that runs in an activation on this thread, and wasm has
/// left for the host (V3).
unsafe fn enter<'a>(vmctx: *mut VmContext) -> Call<'a> {
    // SAFETY: the caller's promise.
    let store = unsafe { store_of(vmctx) };
    Call {
        // SAFETY: V2, V3: the host alone uses the store until the libcall returns.
        store: unsafe { &mut *store },
        // SAFETY: the caller's promise.
        instance: unsafe { instance_of(vmctx) },
    }
}

/// Runs a body that may raise.
///
/// # Safety
///
/// As for [`enter`].
unsafe fn answer(vmctx: *mut VmContext, body: impl FnOnce(Call<'_>) -> Answer) -> u64 {
    // SAFETY: the caller's promise.
    match guard(|| body(unsafe { enter(vmctx) })) {
        Ok(result) => {
            debug_assert_ne!(result, RAISED, "no result has this value");
            result
        }
        Err(why) => {
            // SAFETY: the caller's promise; the body's use of the store has ended.
            let store = unsafe { store_of(vmctx) };
            // SAFETY: V2, V3, as in `enter`.
            let store = unsafe { &mut *store };
            // SAFETY: the caller's promise.
            unsafe { store.raise(why) };
            RAISED
        }
    }
}
