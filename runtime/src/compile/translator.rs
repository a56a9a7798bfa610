//! State of the function that is being translated, and the basic operations that all translators
//! use: the operand stack, memory flags, constants of the context, traps, and libcalls.
//!
//! Invariants:
//! - **G1** Every value that is a reference into the collected heap is declared where it is
//!   defined: parameters of blocks, results of calls and libcalls, loads, selects. (`spill` finds
//!   the values of locals.) A value that is known to be null or an i31 needs no declaration.
//! - **G2** A native address derived from a reference is used before the next call is emitted.
//! - **G3** `readonly` and `can_move` are set only on loads from addresses that are valid, and hold
//!   the same bits, from the function's first instruction to its last.
//!
//! Not here: the meaning of operators (`control`, `numeric`, `object`, ...), and the loop over them
//! (`function`).

use std::collections::BTreeMap;
use std::mem::offset_of;

use cranelift_codegen::cursor::{Cursor, FuncCursor};
use cranelift_codegen::ir::condcodes::IntCC;
use cranelift_codegen::ir::{
    self, AliasRegion, AliasRegionData, Block, BlockArg, ExtFuncData, ExternalName, FuncRef, Inst,
    InstBuilder, MemFlagsData, SigRef, StackSlot, StackSlotData, StackSlotKind, Type, Value, types,
};
use cranelift_codegen::isa::CallConv;
use cranelift_frontend::{FunctionBuilder, Variable};
use smallvec::SmallVec;

use super::emitted::{Target, trap_code};
use super::env::Env;
use super::facts::Facts;
use super::frame::{Frame, Handlers, LoopDepth};
use super::spill::References;
use super::stubs;
use super::trampoline::{clif_type, tail_signature};
use crate::abi::libcalls::{LibCall, Ty};
use crate::abi::signature::{AbiTy, Lowered, SLOT_BYTES};
use crate::abi::vmctx::{VmContext, VmStore};
use crate::config::{Config, TrapMode};
use crate::error::Trap;
use crate::heap::emit::{Holds, Region};
use crate::index::TypeIdx;
use crate::planted::planted;

/// Arguments of a jump.
pub(super) type Args = SmallVec<[BlockArg; 8]>;

/// A few values.
pub(super) type Values = SmallVec<[Value; 8]>;

/// A pointer that is loaded once, at the start of the function.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Cached {
    /// The `VmStore`.
    Store,
    /// Start of the collected heap.
    HeapBase,
    /// The supertype displays.
    Displays,
    /// The record of an imported memory.
    Memory(u32),
    /// The first byte of a memory that never moves.
    MemoryBase(u32),
}

/// A kind of memory that overlaps no other kind, for alias analysis.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum MemoryRegion {
    /// One that collectors know as well.
    Shared(Region),
    /// Return areas.
    ReturnArea,
}

impl From<Region> for MemoryRegion {
    fn from(region: Region) -> MemoryRegion {
        MemoryRegion::Shared(region)
    }
}

/// Identity of the region of return areas.
const RESULTS_REGION: u32 = 101;
/// How many kinds of memory have a region in `Translator::regions`.
const REGIONS: usize = Region::Memory as usize + 2;

/// Where a local is.
#[derive(Clone, Copy, Debug)]
pub(super) enum Local {
    /// A variable of Cranelift's.
    Variable(Variable),
    /// In the function's frame, at this offset in `Translator::locals_slot`. Used in a function
    /// with very many locals, and not for references.
    Frame(i32, Type),
}

/// The function that is being translated.
pub(super) struct Translator<'a> {
    /// The module.
    pub env: &'a Env<'a>,
    /// Cranelift's side of the function.
    pub b: FunctionBuilder<'a>,
    /// The operand stack.
    pub stack: Vec<Value>,
    /// Control frames, outermost first.
    pub frames: Vec<Frame>,
    /// How deeply loops are nested.
    pub loops: LoopDepth,
    /// Exception handlers in force.
    pub handlers: Handlers,
    /// Whether the current position can be reached.
    pub reachable: bool,
    /// Whether the function takes one of the calls that may be nested, and so has to give it back.
    pub takes_call: bool,
    /// The function's own machine signature.
    pub signature: &'a Lowered,
    /// The instance's context.
    pub vmctx: Value,
    /// Where the caller expects the results.
    pub return_area: Option<Value>,
    /// For each open fuel check, the instruction of the constant to be patched, and the number of
    /// operators so far. The innermost loop is last.
    pub costs: Vec<(Inst, i64)>,
    /// Parameters and locals.
    pub locals: Vec<Local>,
    /// The locals that are [`Local::Frame`].
    pub locals_slot: Option<StackSlot>,
    /// Slot that receives results of calls through a return area.
    pub results_slot: Option<StackSlot>,
    /// Whether objects are allocated without a call of the host, as long as there is room.
    pub allocates_inline: bool,
    /// Whether references are missing from stack maps: a planted fault.
    #[cfg(feature = "planted")]
    pub forgets_references: bool,
    /// The references among the function's values.
    pub references: References,
    /// The largest number of operands on the stack so far.
    pub height: usize,
    /// What is known at the current position, and counts that are not emitted yet.
    pub facts: Facts,
    /// The trap of an access to the slot that a collector is overwriting, if the access can trap.
    pub slot_trap: Option<Trap>,
    /// The first block.
    pub entry: Block,
    cached: BTreeMap<Cached, Value>,
    cached_after: Option<Inst>,
    trap_blocks: BTreeMap<Trap, Block>,
    libcalls: BTreeMap<LibCall, FuncRef>,
    funcs: BTreeMap<u32, FuncRef>,
    sigs: BTreeMap<TypeIdx, SigRef>,
    regions: [Option<AliasRegion>; REGIONS],
}

impl<'a> Translator<'a> {
    /// Makes a translator at the start of the function's first block.
    pub fn new(
        env: &'a Env<'a>,
        mut b: FunctionBuilder<'a>,
        signature: &'a Lowered,
    ) -> Translator<'a> {
        let entry = b.create_block();
        b.append_block_params_for_function_params(entry);
        b.switch_to_block(entry);
        b.seal_block(entry);
        b.ensure_inserted_block();
        let params = b.block_params(entry);
        let vmctx = params[0];
        let return_area = signature.return_area.then(|| params[params.len() - 1]);
        Translator {
            env,
            b,
            stack: Vec::new(),
            frames: Vec::new(),
            loops: LoopDepth::default(),
            handlers: Handlers::default(),
            reachable: true,
            takes_call: false,
            signature,
            vmctx,
            return_area,
            costs: Vec::new(),
            locals: Vec::new(),
            locals_slot: None,
            results_slot: None,
            allocates_inline: !env.compiler.config().collection_points,
            #[cfg(feature = "planted")]
            forgets_references: false,
            references: References::default(),
            height: 0,
            facts: Facts::default(),
            slot_trap: None,
            entry,
            cached: BTreeMap::new(),
            cached_after: None,
            trap_blocks: BTreeMap::new(),
            libcalls: BTreeMap::new(),
            funcs: BTreeMap::new(),
            sigs: BTreeMap::new(),
            regions: [None; REGIONS],
        }
    }

    /// Returns the configuration.
    pub fn config(&self) -> &'a Config {
        self.env.compiler.config()
    }

    /// Returns true if traps must not rely on signals.
    pub fn is_explicit(&self) -> bool {
        self.config().trap_mode == TrapMode::Explicit
    }
}

/// The operand stack.
impl Translator<'_> {
    pub fn push(&mut self, value: Value) {
        self.stack.push(value);
        self.height = self.height.max(self.stack.len());
    }

    pub fn pop(&mut self) -> Value {
        self.stack.pop().expect("validated: an operand")
    }

    /// Returns the operand that has `above` operands above it.
    pub fn operand(&self, above: usize) -> Value {
        self.stack[self.stack.len() - 1 - above]
    }

    pub fn pop2(&mut self) -> (Value, Value) {
        let b = self.pop();
        let a = self.pop();
        (a, b)
    }

    pub fn pop3(&mut self) -> (Value, Value, Value) {
        let c = self.pop();
        let (a, b) = self.pop2();
        (a, b, c)
    }

    pub fn pop_many(&mut self, count: usize) -> Values {
        let at = self.stack.len() - count;
        self.stack.drain(at..).collect()
    }

    /// Returns the topmost operands as arguments of a jump.
    pub fn top_args(&self, count: usize) -> Args {
        let at = self.stack.len() - count;
        self.stack[at..]
            .iter()
            .map(|&value| BlockArg::Value(value))
            .collect()
    }

    /// Declares `value` according to its machine type (invariant G1).
    pub fn declare(&mut self, value: Value, ty: AbiTy) {
        planted!(self.config().planted(), ConstEvalOperandsUnrooted => {
            if self.forgets_references {
                return;
            }
        });
        if ty == AbiTy::Ref {
            self.references.declared.insert(value);
        }
    }

    /// Declares a reference unless its static type says that it is never an object.
    pub fn declare_if(&mut self, reference: Value, holds: Holds) {
        if holds.object {
            self.declare(reference, AbiTy::Ref);
        }
    }

    /// Returns a part of the frame, aligned to [`SLOT_BYTES`] and empty. Its users make it larger.
    pub fn frame_area(&mut self) -> StackSlot {
        let align = SLOT_BYTES.trailing_zeros() as u8;
        let data = StackSlotData::new(StackSlotKind::ExplicitSlot, 0, align);
        self.b.create_sized_stack_slot(data)
    }

    /// Adds a parameter to a block that is not filled yet.
    pub fn block_param(&mut self, block: Block, ty: Type) -> Value {
        let param = self.b.append_block_param(block, ty);
        self.references.own_params.insert(param);
        param
    }

    /// Returns a block with parameters of those types.
    pub fn block_with(&mut self, tys: &[AbiTy]) -> Block {
        let block = self.b.create_block();
        for &ty in tys {
            let param = self.block_param(block, clif_type(ty));
            if !planted!(self.config().planted(), BlockParameterUndeclared) {
                self.declare(param, ty);
            }
        }
        block
    }

    /// Continues in a block that gets no more predecessors.
    pub fn enter(&mut self, block: Block) {
        self.b.seal_block(block);
        self.b.switch_to_block(block);
    }

    /// Returns a new block that is laid out after the function's other code.
    pub fn cold_block(&mut self) -> Block {
        let block = self.b.create_block();
        self.b.set_cold_block(block);
        block
    }
}

/// Memory flags and constants of the context.
impl Translator<'_> {
    fn region(&mut self, region: MemoryRegion) -> AliasRegion {
        let (at, user_id, description) = match region {
            MemoryRegion::Shared(region) => (region as usize, region as u32, region_name(region)),
            MemoryRegion::ReturnArea => (REGIONS - 1, RESULTS_REGION, "return areas"),
        };
        if let Some(region) = self.regions[at] {
            return region;
        }
        let region = self.b.func.dfg.alias_regions.insert(AliasRegionData {
            user_id,
            description: description.into(),
        });
        self.regions[at] = Some(region);
        region
    }

    /// Flags of an access that cannot fault.
    pub fn flags(&mut self, region: impl Into<MemoryRegion>) -> MemFlagsData {
        let region = self.region(region.into());
        MemFlagsData::new()
            .with_notrap()
            .with_alias_region(Some(region))
    }

    /// Flags of an access that traps when it faults.
    pub fn trapping_flags(&mut self, region: impl Into<MemoryRegion>, trap: Trap) -> MemFlagsData {
        self.flags(region).with_trap_code(Some(trap_code(trap)))
    }

    /// Flags of a load from the context that satisfies invariant G3.
    pub fn constant_flags(&mut self) -> MemFlagsData {
        self.flags(Region::Context)
            .with_aligned()
            .with_readonly()
            .with_can_move()
    }

    /// Loads a value that may change from a record of the context.
    pub fn load_context(&mut self, ty: Type, base: Value, offset: u32) -> Value {
        let flags = self.flags(Region::Context).with_aligned();
        self.b.ins().load(ty, flags, base, offset as i32)
    }

    /// Loads a value that never changes from a record of the context (invariant G3).
    pub fn load_constant(&mut self, ty: Type, base: Value, offset: u32) -> Value {
        let flags = self.constant_flags();
        self.b.ins().load(ty, flags, base, offset as i32)
    }

    /// Loads a pointer that never changes, once, at the start of the function.
    pub fn load_at_entry(&mut self, what: Cached, base: Value, offset: u32) -> Value {
        if let Some(&value) = self.cached.get(&what) {
            return value;
        }
        let flags = self.constant_flags();
        let entry = self.entry;
        let mut at = FuncCursor::new(self.b.func);
        at = match self.cached_after {
            Some(inst) => at.after_inst(inst),
            None => at.at_first_insertion_point(entry),
        };
        let value = at.ins().load(types::I64, flags, base, offset as i32);
        self.cached_after = Some(self.b.func.dfg.value_def(value).unwrap_inst());
        self.cached.insert(what, value);
        value
    }

    /// Returns the `VmStore`.
    pub fn store(&mut self) -> Value {
        let offset = offset_of!(VmContext, store) as u32;
        self.load_at_entry(Cached::Store, self.vmctx, offset)
    }

    /// Returns the start of the collected heap. In a module that uses the heap, the address is
    /// reserved before any of its code runs and never changes. In any other module, the host may
    /// make the first object while this function runs, and the heap with it.
    pub fn heap_base(&mut self) -> Value {
        if self.env.module.decls().uses_heap {
            let offset = offset_of!(VmContext, heap_base) as u32;
            self.load_at_entry(Cached::HeapBase, self.vmctx, offset)
        } else {
            let store = self.store();
            let offset = offset_of!(VmStore, heap_base) as u32;
            self.load_context(types::I64, store, offset)
        }
    }

    /// Returns the supertype displays.
    pub fn displays(&mut self) -> Value {
        let store = self.store();
        let offset = offset_of!(VmStore, displays) as u32;
        self.load_at_entry(Cached::Displays, store, offset)
    }

    /// Native address of an object (invariant G2).
    pub fn object_address(&mut self, reference: Value) -> Value {
        let base = self.heap_base();
        let offset = self.b.ins().uextend(types::I64, reference);
        self.b.ins().iadd(base, offset)
    }

    /// Tests with one comparison whether a reference is an object. Rotated right by one, an i31 is
    /// at least 2^31 and null is 0.
    pub fn object_bit(&mut self, reference: Value) -> Value {
        let rotated = self.b.ins().rotr_imm_u(reference, 1);
        let rotated = self.b.ins().iadd_imm_s(rotated, -1);
        self.b
            .ins()
            .icmp_imm_u(IntCC::UnsignedLessThan, rotated, 0x7fff_ffff)
    }

    pub fn i32_const(&mut self, value: i32) -> Value {
        self.b.ins().iconst(types::I32, i64::from(value as u32))
    }

    pub fn i64_const(&mut self, value: i64) -> Value {
        self.b.ins().iconst(types::I64, value)
    }

    /// Zero-extends an index of a table or memory to 64 bits, unless it has them.
    pub fn widen(&mut self, value: Value) -> Value {
        if self.b.func.dfg.value_type(value) == types::I64 {
            value
        } else {
            self.b.ins().uextend(types::I64, value)
        }
    }
}

const fn region_name(region: Region) -> &'static str {
    match region {
        Region::Header => "headers",
        Region::RefField => "reference fields",
        Region::ScalarField => "scalar fields",
        Region::ArrayLen => "array lengths",
        Region::AllocState => "allocation state",
        Region::Context => "context",
        Region::Table => "tables",
        Region::Global => "globals",
        Region::Memory => "memories",
    }
}

/// Traps.
impl Translator<'_> {
    /// Returns the function's only block with that trap.
    pub fn trap_block(&mut self, trap: Trap) -> Block {
        if let Some(&block) = self.trap_blocks.get(&trap) {
            return block;
        }
        let block = self.cold_block();
        self.trap_blocks.insert(trap, block);
        block
    }

    /// Traps when `condition` is not 0.
    pub fn trap_if(&mut self, condition: Value, trap: Trap) {
        if self.is_explicit() {
            let block = self.trap_block(trap);
            let next = self.b.create_block();
            self.b.ins().brif(condition, block, &[], next, &[]);
            self.enter(next);
        } else {
            self.b.ins().trapnz(condition, trap_code(trap));
        }
    }

    /// Traps when `condition` is 0.
    pub fn trap_unless(&mut self, condition: Value, trap: Trap) {
        if self.is_explicit() {
            let block = self.trap_block(trap);
            let next = self.b.create_block();
            self.b.ins().brif(condition, next, &[], block, &[]);
            self.enter(next);
        } else {
            self.b.ins().trapz(condition, trap_code(trap));
        }
    }

    /// Traps. The code after it is unreachable.
    pub fn trap_now(&mut self, trap: Trap) {
        if self.is_explicit() {
            let block = self.trap_block(trap);
            self.b.ins().jump(block, &[]);
        } else {
            self.b.ins().trap(trap_code(trap));
        }
        self.reachable = false;
    }

    /// Fills the blocks that trap. The current block must be filled.
    pub fn finish_traps(&mut self) {
        for (trap, block) in std::mem::take(&mut self.trap_blocks) {
            self.enter(block);
            if self.is_explicit() {
                let code = self.i32_const(i32::from(trap.code()));
                self.libcall(LibCall::raise_trap, &[code]);
            }
            self.b.ins().trap(trap_code(trap));
        }
    }
}

/// Callees.
impl Translator<'_> {
    fn import(&mut self, target: Target, signature: SigRef) -> FuncRef {
        let name = self.b.func.declare_imported_user_function(target.name());
        self.b.import_function(ExtFuncData {
            name: ExternalName::user(name),
            signature,
            colocated: true,
            patchable: false,
        })
    }

    /// Returns the machine signature of a function type, as Cranelift's function knows it.
    pub fn sig_ref(&mut self, ty: TypeIdx) -> SigRef {
        if let Some(&sig) = self.sigs.get(&ty) {
            return sig;
        }
        let signature = tail_signature(self.env.ty(ty).signature());
        let sig = self.b.import_signature(signature);
        self.sigs.insert(ty, sig);
        sig
    }

    /// Returns a function of this module.
    pub fn func_ref(&mut self, index: crate::index::DefinedFuncIdx, ty: TypeIdx) -> FuncRef {
        if let Some(&func) = self.funcs.get(&index.0) {
            return func;
        }
        let sig = self.sig_ref(ty);
        let func = self.import(Target::Func(index), sig);
        self.funcs.insert(index.0, func);
        func
    }

    /// Returns a libcall.
    pub fn libcall_ref(&mut self, call: LibCall) -> FuncRef {
        if let Some(&func) = self.libcalls.get(&call) {
            return func;
        }
        let sig = self
            .b
            .import_signature(stubs::signature(call, CallConv::Tail));
        let func = self.import(Target::LibCall(call), sig);
        self.libcalls.insert(call, func);
        func
    }

    /// Returns a libcall with another signature than its own, for calls that do not return.
    pub fn libcall_as(&mut self, call: LibCall, signature: ir::Signature) -> FuncRef {
        let sig = self.b.import_signature(signature);
        self.import(Target::LibCall(call), sig)
    }

    /// Calls the host. The result has the type that the table in `abi::libcalls` says.
    pub fn libcall(&mut self, call: LibCall, args: &[Value]) -> Value {
        let func = self.libcall_ref(call);
        let mut all: Values = SmallVec::with_capacity(args.len() + 1);
        all.push(self.vmctx);
        all.extend_from_slice(args);
        let inst = self.b.ins().call(func, &all);
        self.b.inst_results(inst)[0]
    }

    /// Calls the host for a number of 32 bits.
    pub fn libcall_i32(&mut self, call: LibCall, args: &[Value]) -> Value {
        let result = self.libcall(call, args);
        match call.result() {
            Ty::I64 => self.b.ins().ireduce(types::I32, result),
            _ => result,
        }
    }

    /// Calls the host for a reference, and declares it.
    pub fn libcall_object(&mut self, call: LibCall, args: &[Value]) -> Value {
        let reference = self.libcall_i32(call, args);
        self.declare(reference, AbiTy::Ref);
        reference
    }
}
