//! The inline path of allocation, which every collector has. It takes the object from the bump
//! region (`VmStore::bump` to `bump_end`) and writes its header, or calls the host if the region is
//! too small. The region is zero (invariant H1 of `object_memory`), so nothing else has to be
//! written.
//!
//! ```text
//! at = bump; left = bump_end - at
//! left >= bytes: bump = at + bytes; tag; the collector's words
//! else:          alloc_struct / alloc_array
//! ```

use super::emit::{EmitAllocation, Op, Region, StoreWord};
use super::layout::TAG_OFFSET;
use super::{Emit, Reg};

/// Emits an allocation. `finish` gets the object's native address and its reference, and emits the
/// stores of the collector's own words.
pub fn allocate(
    emit: &mut dyn Emit,
    object: &EmitAllocation<'_>,
    finish: &dyn Fn(&mut dyn Emit, Reg, Reg),
) -> Reg {
    let fast = emit.label(0, false);
    let slow = emit.label(0, true);
    let done = emit.label(1, false);

    let at = emit.load_word(StoreWord::Bump);
    let end = emit.load_word(StoreWord::BumpEnd);
    let left = emit.op(Op::Sub, end, at);
    let unfit = emit.op(Op::Ult, left, object.bytes);
    emit.branch(unfit, slow, fast);

    emit.bind(fast);
    let next = emit.op(Op::Add, at, object.bytes);
    emit.store_word(StoreWord::Bump, next);
    let address = emit.object_address(at);
    let tag = emit.constant(object.tag);
    emit.store(address, TAG_OFFSET as i32, tag, Region::Header);
    finish(emit, address, at);
    emit.jump(done, &[at]);

    emit.bind(slow);
    let made = emit.call(object.slow, object.args);
    emit.jump(done, &[made]);

    emit.bind(done);
    emit.param(done, 0)
}
