//! Code between the host's calling convention and that of compiled code. An engine has one piece
//! for each machine signature and direction.
//!
//! ```text
//! entry (System V)   (callee's context, store, code, buffer) -> 0 returned | 1 raised
//! host call (Tail)   (VmHostFunc, parameters.., [return area]) -> results
//! ```
//!
//! The entry stores where it resumes (`landing_pc`, `landing_sp`, `landing_fp`). It calls with a
//! handler that catches everything that is raised and not handled by the callee (E2 in
//! `execute::call`). The host call records its caller's frame, stores the parameters to a buffer
//! and calls the host. Then it loads the results, or resumes where the host said.
//!
//! A reference in a buffer is in no stack map. The code that reads the buffer must root the
//! reference before anything can collect.

use std::collections::BTreeMap;
use std::mem::offset_of;
use std::sync::{Arc, Mutex, PoisonError};

use cranelift_codegen::ir::{
    AbiParam, ArgumentPurpose, BlockArg, BlockCall, ExceptionTableData, ExceptionTableItem,
    InstBuilder, MemFlagsData, Signature, StackSlotData, StackSlotKind, Type, Value,
    condcodes::IntCC, types,
};
use cranelift_codegen::isa::{CallConv, OwnedTargetIsa};
use cranelift_frontend::FunctionBuilder;

use super::arena::Arena;
use super::emitted::FuncCode;
use super::image::Image;
use super::stubs::{HostCode, Maker, StubError, record_exit, resume};
use crate::abi::signature::{AbiTy, Lowered, SLOT_BYTES};
use crate::abi::vmctx::{VmHostFunc, VmStore};
use crate::index::DefinedFuncIdx;

/// A cache with this many signatures drops those that nobody uses.
const KEPT_MAX: usize = 1024;

/// The code for one machine signature in one direction. The user of its address keeps it alive
/// (I4).
#[derive(Debug)]
pub struct Trampoline {
    image: Image,
}

impl Trampoline {
    /// Returns where it begins.
    #[must_use]
    pub fn code(&self) -> *const u8 {
        self.image.func(DefinedFuncIdx(0))
    }
}

/// Trampolines of one direction by machine signature.
type Made = Mutex<BTreeMap<Lowered, Arc<Trampoline>>>;

/// An engine's trampolines. Each is made at its first use, because most signatures are called in
/// one direction only.
pub struct Trampolines {
    isa: OwnedTargetIsa,
    arena: Arc<Arena>,
    host: HostCode,
    entries: Made,
    host_calls: Made,
}

impl Trampolines {
    /// Makes an empty cache.
    #[must_use]
    pub fn new(isa: OwnedTargetIsa, arena: Arc<Arena>, host: HostCode) -> Trampolines {
        Trampolines {
            isa,
            arena,
            host,
            entries: Made::default(),
            host_calls: Made::default(),
        }
    }

    /// How the host enters functions with this signature:
    /// `extern "C" fn(callee_vmctx: *mut c_void, store: *mut VmStore, code: *const u8, buffer: *mut
    /// ValRaw) -> u32`
    ///
    /// # Errors
    ///
    /// When there is no room for code, or when Cranelift refuses its input, which is a fault of
    /// this file.
    pub fn entry(&self, lowered: &Lowered) -> Result<Arc<Trampoline>, StubError> {
        self.get(&self.entries, lowered, |maker| {
            maker.make(entry_signature(), |b, _| entry(b, lowered))
        })
    }

    /// Returns the value of [`VmFuncRef::code`](crate::abi::vmctx::VmFuncRef) for a function of the
    /// host with this signature.
    ///
    /// # Errors
    ///
    /// As [`entry`](Trampolines::entry).
    pub fn host_call(&self, lowered: &Lowered) -> Result<Arc<Trampoline>, StubError> {
        self.get(&self.host_calls, lowered, |maker| {
            maker.make(tail_signature(lowered), |b, params| {
                host_call(b, params, lowered);
            })
        })
    }

    fn get(
        &self,
        made: &Made,
        lowered: &Lowered,
        make: impl FnOnce(&mut Maker<'_>) -> Result<FuncCode, StubError>,
    ) -> Result<Arc<Trampoline>, StubError> {
        let mut made = made.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(found) = made.get(lowered) {
            return Ok(Arc::clone(found));
        }
        let piece = make(&mut Maker::new(&*self.isa))?;
        let image = Image::link(&self.arena, &self.host, &[piece], &[])?;
        let trampoline = Arc::new(Trampoline { image });
        if made.len() >= KEPT_MAX {
            made.retain(|_, t| Arc::strong_count(t) > 1);
        }
        made.insert(lowered.clone(), Arc::clone(&trampoline));
        Ok(trampoline)
    }
}

impl std::fmt::Debug for Trampolines {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Trampolines").finish_non_exhaustive()
    }
}

/// Cranelift's type for a machine type.
#[must_use]
pub fn clif_type(ty: AbiTy) -> Type {
    match ty {
        AbiTy::I32 | AbiTy::Ref => types::I32,
        AbiTy::I64 | AbiTy::Func => types::I64,
        AbiTy::F32 => types::F32,
        AbiTy::F64 => types::F64,
        AbiTy::V128 => types::I8X16,
    }
}

/// Cranelift's signature for a machine signature: the `Tail` convention of `abi::signature`.
#[must_use]
pub fn tail_signature(lowered: &Lowered) -> Signature {
    let mut signature = Signature::new(CallConv::Tail);
    let mut param = |ty| signature.params.push(AbiParam::new(ty));
    param(types::I64);
    lowered.params.iter().for_each(|&ty| param(clif_type(ty)));
    if lowered.return_area {
        param(types::I64);
    } else {
        let results = lowered.results.iter();
        signature.returns = results.map(|&ty| AbiParam::new(clif_type(ty))).collect();
    }
    signature
}

fn entry_signature() -> Signature {
    let mut signature = Signature::new(CallConv::SystemV);
    signature.params = vec![AbiParam::new(types::I64); 4];
    signature.returns = vec![AbiParam::special(types::I32, ArgumentPurpose::Normal)];
    signature
}

fn slot(at: usize) -> i32 {
    at as i32 * SLOT_BYTES as i32
}

fn entry(b: &mut FunctionBuilder<'_>, lowered: &Lowered) {
    const TRUSTED: MemFlagsData = MemFlagsData::trusted();
    let first = b.current_block().expect("in the first block");
    let &[callee, store, code, buffer] = b.block_params(first) else {
        unreachable!("the signature has four parameters");
    };
    // The handler's address can be taken in any block but the first.
    let block = b.create_block();
    b.ins().jump(block, &[]);
    b.switch_to_block(block);
    let (normal, raised) = (b.create_block(), b.create_block());
    let fp = b.ins().get_frame_pointer(types::I64);
    let sp = b.ins().get_stack_pointer(types::I64);
    let pc = b.ins().get_exception_handler_address(types::I64, block, 0);
    for (value, offset) in [
        (fp, offset_of!(VmStore, landing_fp)),
        (sp, offset_of!(VmStore, landing_sp)),
        (pc, offset_of!(VmStore, landing_pc)),
    ] {
        b.ins().store(TRUSTED, value, store, offset as i32);
    }
    let mut args = vec![callee];
    for (at, &ty) in lowered.params.iter().enumerate() {
        args.push(b.ins().load(clif_type(ty), TRUSTED, buffer, slot(at)));
    }
    let mut returned = Vec::new();
    if lowered.return_area {
        args.push(buffer);
    } else {
        for (at, &ty) in lowered.results.iter().enumerate() {
            b.append_block_param(normal, clif_type(ty));
            returned.push(BlockArg::TryCallRet(at as u32));
        }
    }
    let signature = b.import_signature(tail_signature(lowered));
    let pool = &mut b.func.dfg.value_lists;
    let normal_call = BlockCall::new(normal, returned, pool);
    let raised_call = BlockCall::new(raised, [], pool);
    let table = b.func.dfg.exception_tables.push(ExceptionTableData::new(
        signature,
        normal_call,
        [ExceptionTableItem::Default(raised_call)],
    ));
    b.ins().try_call_indirect(code, &args, table);

    b.switch_to_block(normal);
    let results: Vec<Value> = b.block_params(normal).to_vec();
    for (at, value) in results.into_iter().enumerate() {
        b.ins().store(TRUSTED, value, buffer, slot(at));
    }
    let zero = b.ins().iconst(types::I32, 0);
    b.ins().return_(&[zero]);

    b.switch_to_block(raised);
    b.set_cold_block(raised);
    let one = b.ins().iconst(types::I32, 1);
    b.ins().return_(&[one]);
}

fn host_call(b: &mut FunctionBuilder<'_>, params: &[Value], lowered: &Lowered) {
    const TRUSTED: MemFlagsData = MemFlagsData::trusted();
    let context = params[0];
    let store = b.ins().load(
        types::I64,
        TRUSTED,
        context,
        offset_of!(VmHostFunc, store) as i32,
    );
    record_exit(b, store);
    let bytes = lowered.slots().max(1) as u32 * SLOT_BYTES;
    let data = StackSlotData::new(StackSlotKind::ExplicitSlot, bytes, 4);
    let area = b.create_sized_stack_slot(data);
    let buffer = b.ins().stack_addr(types::I64, area, 0);
    for (at, &value) in params[1..][..lowered.params.len()].iter().enumerate() {
        b.ins().store(TRUSTED, value, buffer, slot(at));
    }
    let mut signature = Signature::new(CallConv::SystemV);
    signature.params = vec![AbiParam::new(types::I64); 2];
    signature.returns = vec![AbiParam::new(types::I64)];
    let signature = b.import_signature(signature);
    let call = b.ins().load(
        types::I64,
        TRUSTED,
        context,
        offset_of!(VmHostFunc, call) as i32,
    );
    let call = b.ins().call_indirect(signature, call, &[context, buffer]);
    let status = b.inst_results(call)[0];
    let raised = b.ins().icmp_imm_u(IntCC::NotEqual, status, 0);
    resume(b, store, raised);

    let mut results = Vec::new();
    for (at, &ty) in lowered.results.iter().enumerate() {
        let value = b.ins().load(clif_type(ty), TRUSTED, buffer, slot(at));
        if lowered.return_area {
            let area = params[params.len() - 1];
            b.ins().store(TRUSTED, value, area, slot(at));
        } else {
            results.push(value);
        }
    }
    b.ins().return_(&results);
}
