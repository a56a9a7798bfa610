//! The one jump that leaves the host other than by returning. A stub makes it when only the stub's
//! own frame is left.

use std::arch::naked_asm;
use std::mem::offset_of;

use crate::abi::vmctx::VmStore;

/// Continues at `resume_pc`, with `resume_sp` and `resume_fp` as stack and frame pointer, and
/// `resume_payload` in `rax` as the first payload of an exception.
///
/// # Safety
///
/// `store` is valid, its four fields describe a handler of a frame that is on the stack (E2, E4),
/// and no Rust frame is between here and there (E7): only stubs of `compile` call this.
#[unsafe(naked)]
pub unsafe extern "sysv64" fn resume(store: *const VmStore) -> ! {
    naked_asm!(
        "mov rcx, [rdi + {pc}]",
        "mov rax, [rdi + {payload}]",
        "mov rsp, [rdi + {sp}]",
        "mov rbp, [rdi + {fp}]",
        "jmp rcx",
        pc = const offset_of!(VmStore, resume_pc),
        payload = const offset_of!(VmStore, resume_payload),
        sp = const offset_of!(VmStore, resume_sp),
        fp = const offset_of!(VmStore, resume_fp),
    )
}
