//! How much stack a thread has. WebAssembly stops before its end, even if the embedder gave the
//! thread little.

use std::cell::Cell;
use std::mem::MaybeUninit;
use std::ops::Range;

/// Bytes below the lowest frame of WebAssembly that are left to the host: host functions, the
/// collector, the compiler of trampolines.
const HOST_BYTES: usize = 192 << 10;

/// Returns the lowest stack pointer with which WebAssembly may run, if the current one is `sp`.
/// Returns 0 if `sp` is not on the stack that the system gave this thread.
#[must_use]
pub fn floor(sp: usize) -> usize {
    // The bounds of a thread's stack never change.
    thread_local! {
        static BOUNDS: Cell<Option<(usize, usize)>> = const { Cell::new(None) };
    }
    let (start, end) = BOUNDS.with(|known| {
        known.get().unwrap_or_else(|| {
            let Range { start, end } = bounds().unwrap_or(0..0);
            known.set(Some((start, end)));
            (start, end)
        })
    });
    if (start..end).contains(&sp) {
        start.saturating_add(HOST_BYTES)
    } else {
        0
    }
}

/// Returns the addresses of this thread's stack, without its guard.
fn bounds() -> Option<Range<usize>> {
    let mut attributes = MaybeUninit::<libc::pthread_attr_t>::zeroed();
    // SAFETY: asks who this is.
    let thread = unsafe { libc::pthread_self() };
    // SAFETY: this thread is alive; there is memory for its attributes.
    let got = unsafe { libc::pthread_getattr_np(thread, attributes.as_mut_ptr()) };
    if got != 0 {
        return None;
    }
    let (mut start, mut size, mut guard) = (std::ptr::null_mut(), 0, 0);
    // SAFETY: initialised by the call above.
    let stack =
        unsafe { libc::pthread_attr_getstack(attributes.as_ptr(), &raw mut start, &raw mut size) };
    // SAFETY: as above.
    let guarded = unsafe { libc::pthread_attr_getguardsize(attributes.as_ptr(), &raw mut guard) };
    // SAFETY: as above; not used any more.
    unsafe { libc::pthread_attr_destroy(attributes.as_mut_ptr()) };
    if stack != 0 || guarded != 0 {
        return None;
    }
    // Older systems count the guard as part of the stack. Where they do not, this leaves out one
    // page too many.
    let start = start.addr();
    Some(start + guard..start + size)
}
