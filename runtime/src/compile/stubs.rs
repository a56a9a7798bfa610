//! The stubs through which compiled code calls the host. An engine has one for each libcall.
//!
//! A stub has the `Tail` convention. It records the calling frame and calls the host's half in the
//! System V convention. If the call raised something, the stub then resumes where the host said.
//! Rust frames always return in the ordinary way.
//!
//! The bodies of the libcalls are in the room `libcalls`. This room only gets their addresses
//! ([`HostCode`]).

use std::mem::offset_of;
use std::sync::{Arc, OnceLock};

use cranelift_codegen::Context;
use cranelift_codegen::control::ControlPlane;
use cranelift_codegen::ir::{
    AbiParam, ExtFuncData, ExternalName, FuncRef, InstBuilder, MemFlagsData, Signature, Type,
    UserFuncName, Value, condcodes::IntCC, types,
};
use cranelift_codegen::isa::{CallConv, TargetIsa};
use cranelift_frontend::{FunctionBuilder, FunctionBuilderContext};

use super::arena::Arena;
use super::emitted::{FuncCode, Math, Target, Unexpected, trap_code};
use super::image::{Image, LinkError, Resolve};
use super::isa;
use crate::abi::libcalls::{LibCall, RAISED, Ty};
use crate::abi::vmctx::{VmContext, VmStore};
use crate::config::{Config, OptLevel, RegAlloc};
use crate::error::Trap;
use crate::index::DefinedFuncIdx;

/// Where the host's code is.
#[derive(Clone, Copy, Debug)]
pub struct HostCode {
    /// The host's half of a libcall: `unsafe extern "C" fn(*mut VmContext, parameters..) ->
    /// result`.
    pub libcall: fn(LibCall) -> usize,
    /// `unsafe extern "C" fn(*const VmStore) -> !`: resumes where `VmStore::resume_*` says.
    pub resume: usize,
    /// Arithmetic: functions of the C convention.
    pub math: fn(Math) -> usize,
}

/// Why a stub could not be made. Only [`LinkError::Full`] is not a fault of this runtime.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StubError {
    /// Cranelift refused.
    #[error("code generator: {0}")]
    Codegen(String),
    /// Cranelift made something unexpected.
    #[error(transparent)]
    Unexpected(#[from] Unexpected),
    /// No room.
    #[error(transparent)]
    Link(#[from] LinkError),
}

impl Resolve for HostCode {
    fn address(&self, target: Target) -> Option<usize> {
        match target {
            Target::Host(call) => Some((self.libcall)(call)),
            Target::Resume => Some(self.resume),
            Target::Math(math) => Some((self.math)(math)),
            Target::Func(_) | Target::Init(_) | Target::LibCall(_) => None,
        }
    }
}

/// An engine's stubs.
#[derive(Debug)]
pub struct Stubs {
    image: Image,
    host: HostCode,
}

impl Stubs {
    /// Links the stubs of all libcalls into the engine's arena.
    ///
    /// # Errors
    ///
    /// When there is no room for code, or when Cranelift refuses its input, which is a fault of
    /// this file.
    pub fn new(arena: &Arc<Arena>, host: HostCode) -> Result<Stubs, StubError> {
        // Made once for the process. The code is the same for every engine: it depends on neither
        // configuration nor address.
        static CODE: OnceLock<Result<Vec<FuncCode>, StubError>> = OnceLock::new();
        let code = CODE.get_or_init(make_all).as_deref();
        Ok(Stubs {
            image: Image::link(arena, &host, code.map_err(StubError::clone)?, &[])?,
            host,
        })
    }
}

impl Resolve for Stubs {
    fn address(&self, target: Target) -> Option<usize> {
        match target {
            Target::LibCall(call) => Some(self.image.func(DefinedFuncIdx(call as u32)).addr()),
            outside => self.host.address(outside),
        }
    }
}

fn make_all() -> Result<Vec<FuncCode>, StubError> {
    let config = Config {
        opt_level: OptLevel::Speed,
        reg_alloc: RegAlloc::SinglePass,
        ..Config::optimised()
    };
    let isa = isa::target(&config).map_err(|e| StubError::Codegen(e.to_string()))?;
    let mut maker = Maker::new(&*isa);
    let make = |&call: &LibCall| {
        maker.make(signature(call, CallConv::Tail), |b, params| {
            stub(b, params, call);
        })
    };
    LibCall::ALL.iter().map(make).collect()
}

/// Cranelift's type for a type of the libcall table.
#[must_use]
pub fn clif_type(ty: Ty) -> Type {
    match ty {
        Ty::I32 => types::I32,
        Ty::I64 => types::I64,
        Ty::F32 => types::F32,
        Ty::F64 => types::F64,
    }
}

/// Returns the signature of a libcall: of its stub with [`CallConv::Tail`], of the host's half with
/// [`CallConv::SystemV`].
#[must_use]
pub fn signature(call: LibCall, convention: CallConv) -> Signature {
    let mut signature = Signature::new(convention);
    let params = call.params().iter().map(|&ty| clif_type(ty));
    signature.params = std::iter::once(types::I64)
        .chain(params)
        .map(AbiParam::new)
        .collect();
    signature.returns = vec![AbiParam::new(clif_type(call.result()))];
    signature
}

fn stub(b: &mut FunctionBuilder<'_>, params: &[Value], call: LibCall) {
    let store = b.ins().load(
        types::I64,
        MemFlagsData::trusted(),
        params[0],
        offset_of!(VmContext, store) as i32,
    );
    record_exit(b, store);
    let callee = import(b, Target::Host(call), signature(call, CallConv::SystemV));
    let inst = b.ins().call(callee, params);
    let result = b.inst_results(inst)[0];
    if call.may_raise() {
        debug_assert_eq!(call.result(), Ty::I64, "room for RAISED");
        let sentinel = b.ins().iconst(types::I64, RAISED as i64);
        let raised = b.ins().icmp(IntCC::Equal, result, sentinel);
        resume(b, store, raised);
    }
    b.ins().return_(&[result]);
}

/// Records the frame that called this stub as the newest wasm frame (E3 in `execute::call`).
pub(super) fn record_exit(b: &mut FunctionBuilder<'_>, store: Value) {
    const TRUSTED: MemFlagsData = MemFlagsData::trusted();
    let own = b.ins().get_frame_pointer(types::I64);
    let fp = b.ins().load(types::I64, TRUSTED, own, 0);
    let pc = b.ins().get_return_address(types::I64);
    b.ins()
        .store(TRUSTED, fp, store, offset_of!(VmStore, exit_fp) as i32);
    b.ins()
        .store(TRUSTED, pc, store, offset_of!(VmStore, exit_pc) as i32);
}

/// Leaves the stub and resumes where the host said, if `raised` is not 0. Continues otherwise.
pub(super) fn resume(b: &mut FunctionBuilder<'_>, store: Value, raised: Value) {
    let (away, on) = (b.create_block(), b.create_block());
    b.set_cold_block(away);
    b.ins().brif(raised, away, &[], on, &[]);
    b.switch_to_block(away);
    let mut signature = Signature::new(CallConv::SystemV);
    signature.params.push(AbiParam::new(types::I64));
    let callee = import(b, Target::Resume, signature);
    b.ins().call(callee, &[store]);
    b.ins().trap(trap_code(Trap::Unreachable));
    b.switch_to_block(on);
}

/// Declares a callee outside of the arena.
fn import(b: &mut FunctionBuilder<'_>, target: Target, signature: Signature) -> FuncRef {
    let signature = b.import_signature(signature);
    let name = b.func.declare_imported_user_function(target.name());
    b.import_function(ExtFuncData {
        name: ExternalName::user(name),
        signature,
        colocated: false,
        patchable: false,
    })
}

/// Makes small functions, reusing Cranelift's memory.
pub(crate) struct Maker<'a> {
    isa: &'a dyn TargetIsa,
    context: Context,
    builder: FunctionBuilderContext,
}

impl<'a> Maker<'a> {
    pub(crate) fn new(isa: &'a dyn TargetIsa) -> Maker<'a> {
        Maker {
            isa,
            context: Context::new(),
            builder: FunctionBuilderContext::new(),
        }
    }

    /// Makes a function with that signature and the body that `body` builds from the parameters.
    pub(crate) fn make(
        &mut self,
        signature: Signature,
        body: impl FnOnce(&mut FunctionBuilder<'_>, &[Value]),
    ) -> Result<FuncCode, StubError> {
        self.context.clear();
        self.context.func.signature = signature;
        self.context.func.name = UserFuncName::user(0, 0);
        let mut b = FunctionBuilder::new(&mut self.context.func, &mut self.builder);
        let block = b.create_block();
        b.append_block_params_for_function_params(block);
        b.switch_to_block(block);
        let params = b.block_params(block).to_vec();
        body(&mut b, &params);
        b.seal_all_blocks();
        b.finalize(self.isa.frontend_config());
        self.context
            .compile(self.isa, &mut ControlPlane::default())
            .map_err(|e| StubError::Codegen(format!("{:?}", e.inner)))?;
        let code = self
            .context
            .compiled_code()
            .ok_or_else(|| StubError::Codegen("no code".into()))?;
        Ok(FuncCode::new(code, &self.context.func)?)
    }
}
