//! Cranelift's output for one function, converted to the runtime's own types. No other file reads
//! Cranelift's buffers.
//!
//! A [`FuncCode`] is plain data. `compile::image` can place it anywhere. Offsets in its tables are
//! relative to the function's first byte. The module's tables have the same entries with the
//! function's position added.
//!
//! Names of call targets are converted in both directions. A translator asks [`Target::name`] which
//! Cranelift name to declare for a callee, and [`FuncCode::new`] reads the same name back from a
//! relocation.

use cranelift_codegen::binemit::Reloc as ClifReloc;
use cranelift_codegen::ir::{
    self, ExternalName, LibCall as ClifLibCall, UserExternalName, UserExternalNameRef,
};
use cranelift_codegen::{
    CompiledCode, ExceptionContextLoc, FinalizedMachExceptionHandler, FinalizedRelocTarget,
};

use crate::abi::libcalls::LibCall;
use crate::error::Trap;
use crate::index::{DefinedFuncIdx, TagIdx};

/// What compiled code can call, or take the address of, by a relocation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Target {
    /// A function of the same module.
    Func(DefinedFuncIdx),
    /// A piece of the same module's compiled initialiser.
    Init(u32),
    /// The engine's stub for a function of the host.
    LibCall(LibCall),
    /// The host's half of a libcall. Only stubs call it.
    Host(LibCall),
    /// The code that resumes where the host said. Only stubs and trampolines call it.
    Resume,
    /// Arithmetic for which the processor has no instruction.
    Math(Math),
}

const FUNC_SPACE: u32 = 0;
const INIT_SPACE: u32 = 1;
const LIBCALL_SPACE: u32 = 2;
const HOST_SPACE: u32 = 3;
const RESUME_SPACE: u32 = 4;

impl Target {
    /// Returns the name by which a translator declares this target to Cranelift.
    ///
    /// # Panics
    ///
    /// On [`Target::Math`], which only Cranelift itself calls.
    #[must_use]
    pub fn name(self) -> UserExternalName {
        match self {
            Target::Func(func) => UserExternalName::new(FUNC_SPACE, func.0),
            Target::Init(piece) => UserExternalName::new(INIT_SPACE, piece),
            Target::LibCall(call) => UserExternalName::new(LIBCALL_SPACE, call as u32),
            Target::Host(call) => UserExternalName::new(HOST_SPACE, call as u32),
            Target::Resume => UserExternalName::new(RESUME_SPACE, 0),
            Target::Math(_) => unreachable!("translators do not call arithmetic by name"),
        }
    }

    fn from_name(name: &UserExternalName) -> Option<Target> {
        let libcall = || LibCall::ALL.get(name.index as usize).copied();
        match name.namespace {
            FUNC_SPACE => Some(Target::Func(DefinedFuncIdx(name.index))),
            INIT_SPACE => Some(Target::Init(name.index)),
            LIBCALL_SPACE => libcall().map(Target::LibCall),
            HOST_SPACE => libcall().map(Target::Host),
            RESUME_SPACE => Some(Target::Resume),
            _ => None,
        }
    }
}

/// Arithmetic that Cranelift calls out of line on processors without the instruction.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[allow(missing_docs)]
pub enum Math {
    CeilF32,
    CeilF64,
    FloorF32,
    FloorF64,
    TruncF32,
    TruncF64,
    NearestF32,
    NearestF64,
    FmaF32,
    FmaF64,
}

impl Math {
    fn from_clif(call: ClifLibCall) -> Option<Math> {
        Some(match call {
            ClifLibCall::CeilF32 => Math::CeilF32,
            ClifLibCall::CeilF64 => Math::CeilF64,
            ClifLibCall::FloorF32 => Math::FloorF32,
            ClifLibCall::FloorF64 => Math::FloorF64,
            ClifLibCall::TruncF32 => Math::TruncF32,
            ClifLibCall::TruncF64 => Math::TruncF64,
            ClifLibCall::NearestF32 => Math::NearestF32,
            ClifLibCall::NearestF64 => Math::NearestF64,
            ClifLibCall::FmaF32 => Math::FmaF32,
            ClifLibCall::FmaF64 => Math::FmaF64,
            _ => return None,
        })
    }
}

/// How relocated bytes refer to their target.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RelocKind {
    /// 32 bits: the target's address minus the address of the relocated bytes.
    Relative4,
    /// 64 bits: the target's address.
    Absolute8,
}

/// Bytes of a function that depend on an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reloc {
    /// Where the bytes are.
    pub offset: u32,
    /// How they are filled.
    pub kind: RelocKind,
    /// Whose address they refer to. `None` means the start of the function itself.
    pub target: Option<Target>,
    /// Added to the address.
    pub addend: i64,
}

/// Why an instruction can fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cause {
    /// The program traps.
    Trap(Trap),
    /// The stack limit was reached.
    StackOverflow,
}

impl Cause {
    fn from_clif(code: ir::TrapCode) -> Option<Cause> {
        Some(match code {
            ir::TrapCode::STACK_OVERFLOW => Cause::StackOverflow,
            ir::TrapCode::INTEGER_OVERFLOW => Cause::Trap(Trap::IntegerOverflow),
            ir::TrapCode::HEAP_OUT_OF_BOUNDS => Cause::Trap(Trap::MemoryOutOfBounds),
            ir::TrapCode::INTEGER_DIVISION_BY_ZERO => Cause::Trap(Trap::IntegerDivideByZero),
            ir::TrapCode::BAD_CONVERSION_TO_INTEGER => {
                Cause::Trap(Trap::InvalidConversionToInteger)
            }
            user => Cause::Trap(Trap::from_code(user.as_raw().get())?),
        })
    }
}

/// Cranelift's code for a trap.
#[must_use]
pub fn trap_code(trap: Trap) -> ir::TrapCode {
    ir::TrapCode::unwrap_user(trap.code())
}

/// An instruction that can fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TrapSite {
    /// The instruction.
    pub offset: u32,
    /// Why.
    pub cause: Cause,
}

/// The references that a frame holds during one call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MapSite {
    /// The offset to which the call returns. The map holds for exactly this offset.
    pub ret: u32,
    /// From the frame pointer down to the stack pointer during the call, in bytes.
    pub span: u32,
    /// First of its slots in [`FuncCode::slots`].
    pub first: u32,
    /// How many slots.
    pub count: u32,
}

/// A call inside of a `try_table`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TrySite {
    /// Where the call returns to.
    pub ret: u32,
    /// From the frame pointer down to the stack pointer during the call, in bytes.
    pub frame_bytes: u32,
    /// First of its handlers in [`FuncCode::handlers`]. The first handler that matches is taken.
    pub first: u32,
    /// How many handlers.
    pub count: u32,
}

/// One handler of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Handler {
    /// The tag it catches, and where the frame keeps the context of the instance that the tag index
    /// belongs to (from the stack pointer, in bytes). `None` catches everything.
    pub tag: Option<(TagIdx, u32)>,
    /// Where it begins.
    pub offset: u32,
}

/// A compiled function and its tables.
#[derive(Clone, Debug, Default)]
pub struct FuncCode {
    /// The machine code.
    pub bytes: Box<[u8]>,
    /// Its address must be a multiple of this power of two.
    pub align: u32,
    /// Bytes that depend on addresses.
    pub relocs: Vec<Reloc>,
    /// Instructions that can fault, by ascending offset.
    pub traps: Vec<TrapSite>,
    /// References in the frame, by ascending return offset. A call without references has no
    /// entry.
    pub maps: Vec<MapSite>,
    /// Slots of all `maps`: offsets from the stack pointer during the call.
    pub slots: Vec<u32>,
    /// Calls with handlers, by ascending return offset.
    pub tries: Vec<TrySite>,
    /// Handlers of all `tries`.
    pub handlers: Vec<Handler>,
    /// From the frame pointer down to the lowest stack pointer of the function, in bytes.
    pub frame_bytes: u32,
}

/// Something in Cranelift's output that this runtime does not use.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[allow(missing_docs)]
pub enum Unexpected {
    #[error("a relocation of a kind that is not used here")]
    Reloc,
    #[error("a call of an unknown target")]
    Target,
    #[error("an unknown trap code")]
    TrapCode,
    #[error("a tag without a context, or with one in a register")]
    Context,
    #[error("a call with handlers in a frame of unknown size")]
    Frame,
    #[error("a stack map for something other than 32-bit references")]
    Slot,
}

impl FuncCode {
    /// Takes over what Cranelift made of `func`.
    ///
    /// # Errors
    ///
    /// [`Unexpected`] when the code uses something that this runtime does not support: a fault of
    /// the translator.
    pub fn new(compiled: &CompiledCode, func: &ir::Function) -> Result<FuncCode, Unexpected> {
        let buffer = &compiled.buffer;
        let mut code = FuncCode {
            bytes: buffer.data().into(),
            align: buffer.alignment.max(isa_alignment()),
            frame_bytes: buffer.frame_layout().map_or(0, |f| f.frame_to_fp_offset),
            ..FuncCode::default()
        };
        for reloc in buffer.relocs() {
            code.relocs.push(Reloc {
                offset: reloc.offset,
                kind: match reloc.kind {
                    ClifReloc::X86CallPCRel4 | ClifReloc::X86PCRel4 => RelocKind::Relative4,
                    ClifReloc::Abs8 => RelocKind::Absolute8,
                    _ => return Err(Unexpected::Reloc),
                },
                target: match &reloc.target {
                    FinalizedRelocTarget::ExternalName(name) => Some(target_of(name, func)?),
                    FinalizedRelocTarget::Func(0) => None,
                    FinalizedRelocTarget::Func(_) => return Err(Unexpected::Reloc),
                },
                addend: reloc.addend,
            });
        }
        for trap in buffer.traps() {
            code.traps.push(TrapSite {
                offset: trap.offset,
                cause: Cause::from_clif(trap.code).ok_or(Unexpected::TrapCode)?,
            });
        }
        code.traps.sort_by_key(|t| t.offset);
        code.take_maps(compiled)?;
        code.take_tries(compiled)?;
        Ok(code)
    }

    fn take_maps(&mut self, compiled: &CompiledCode) -> Result<(), Unexpected> {
        for (ret, span, map) in compiled.buffer.user_stack_maps() {
            let first = self.slots.len() as u32;
            for (ty, slot) in map.entries() {
                if ty != ir::types::I32 {
                    return Err(Unexpected::Slot);
                }
                self.slots.push(slot);
            }
            let count = self.slots.len() as u32 - first;
            if count > 0 {
                self.maps.push(MapSite {
                    ret: *ret,
                    span: *span,
                    first,
                    count,
                });
            }
        }
        self.maps.sort_by_key(|m| m.ret);
        Ok(())
    }

    fn take_tries(&mut self, compiled: &CompiledCode) -> Result<(), Unexpected> {
        for site in compiled.buffer.call_sites() {
            if site.exception_handlers.is_empty() {
                continue;
            }
            let first = self.handlers.len() as u32;
            let mut context = None;
            for handler in site.exception_handlers {
                let (tag, offset) = match handler {
                    FinalizedMachExceptionHandler::Context(ExceptionContextLoc::SPOffset(at)) => {
                        context = Some(*at);
                        continue;
                    }
                    FinalizedMachExceptionHandler::Context(ExceptionContextLoc::GPR(_)) => {
                        return Err(Unexpected::Context);
                    }
                    FinalizedMachExceptionHandler::Tag(tag, offset) => {
                        let context = context.ok_or(Unexpected::Context)?;
                        (Some((TagIdx(tag.as_u32()), context)), *offset)
                    }
                    FinalizedMachExceptionHandler::Default(offset) => (None, *offset),
                };
                self.handlers.push(Handler { tag, offset });
            }
            self.tries.push(TrySite {
                ret: site.ret_addr,
                frame_bytes: site.frame_offset.ok_or(Unexpected::Frame)?,
                first,
                count: self.handlers.len() as u32 - first,
            });
        }
        self.tries.sort_by_key(|t| t.ret);
        Ok(())
    }
}

/// Functions begin on a boundary of this many bytes at least.
const fn isa_alignment() -> u32 {
    16
}

fn target_of(name: &ExternalName, func: &ir::Function) -> Result<Target, Unexpected> {
    let user = |reference: &UserExternalNameRef| {
        Target::from_name(&func.params.user_named_funcs()[*reference])
    };
    match name {
        ExternalName::User(reference) => user(reference),
        ExternalName::LibCall(call) => Math::from_clif(*call).map(Target::Math),
        _ => None,
    }
    .ok_or(Unexpected::Target)
}
