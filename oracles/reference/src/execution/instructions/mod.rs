//! 4.3: the reduction rules, one file for each section, and the loop that applies them.
//!
//! Each function is an instruction, each `rule!` in it one rule, by the name it has in the specification. What a
//! function is given shows what its rules may touch: `Step_pure` rules get the stack, `Step_read` rules also `&Store`,
//! `Step` rules `&mut Store`.
//!
//! `call` enters from the host, `run` goes from frame to frame, `execute` runs one frame until it calls or returns,
//! `execute_from` is the loop over its instructions.

mod array;
mod block;
mod branch;
mod exception;
mod external;
mod function;
mod global;
mod i31;
mod local;
pub(crate) mod memory;
mod numeric;
mod parametric;
mod reference;
mod structure;
pub(crate) mod table;
pub mod trap;
mod vector;

use std::rc::Rc;

use crate::syntax::{Func, FuncIdx, Instr, MemIdx};
use crate::trace::Step;
use crate::validation::SideTable;

use super::configurations::{FuncCode, HostFunc, Store};
use super::stack::{Frame, Machine};
use super::values::{FuncAddr, InstanceAddr, Value};
use memory::At;
use trap::{Halt, OrStuck, Stuck};

/// Calls a function from the host and runs it to its end. Afterwards the stack is as before.
pub(crate) fn call(
    store: &mut Store,
    a: FuncAddr,
    arguments: &[Value],
) -> Result<Vec<Value>, Halt> {
    let mut m = store.take_machine();
    if let Err(halt) = m.enter_from_host() {
        store.machine = Some(m);
        return Err(halt);
    }
    let (height, floor) = (m.values.len(), m.frames.len());
    m.push_all(arguments);
    let (mut m, result) = run(store, m, a, floor);
    let results = result.map(|()| m.values_from(height));
    m.leave_to_host(height, floor);
    store.machine = Some(m);
    results
}

/// What a frame does last, before another one runs.
enum Flow {
    /// It calls this function on the operands on top, or its place has been taken by such a call.
    Call(FuncAddr),
    /// It returns.
    Return,
}

/// Calls `entry` on the operands on top and runs until only `floor` frames are left.
fn run(
    store: &mut Store,
    mut m: Box<Machine>,
    entry: FuncAddr,
    floor: usize,
) -> (Box<Machine>, Result<(), Halt>) {
    let mut flow = Ok(Flow::Call(entry));
    loop {
        let mut result = match flow {
            Ok(Flow::Return) => Ok(()),
            Ok(Flow::Call(a)) => {
                let (machine, result) = enter(store, m, a, floor);
                m = machine;
                result
            }
            Err(halt) => Err(halt),
        };
        if let Err(Halt::Throw(exception)) = result {
            result = exception::unwind(store, &mut m, floor, exception);
        }
        if result.is_err() || m.frames.len() <= floor {
            return (m, result);
        }
        flow = execute(store, &mut m, floor);
    }
}

/// Calls a function on the operands on top: makes its frame or, for a host function, runs it.
fn enter(
    store: &mut Store,
    mut m: Box<Machine>,
    a: FuncAddr,
    floor: usize,
) -> (Box<Machine>, Result<(), Halt>) {
    let func = match store.func(a) {
        Ok(func) => func,
        Err(halt) => return (m, Err(halt)),
    };
    match &func.code {
        FuncCode::Wasm { instance, code } => {
            let arity = (func.params, func.results);
            let result = function::call_ref_func(store, &mut m, *instance, *code, arity);
            (m, result)
        }
        FuncCode::Host(host) => {
            let (host, params) = (Rc::clone(host), func.params as usize);
            match m.top(params) {
                Ok(first) => enter_host(store, m, (a, &host), first, floor),
                Err(halt) => (m, Err(halt)),
            }
        }
    }
}

/// Runs a host function on the operands from position `first`. They stay on the stack meanwhile, where a census with
/// frames sees them; the stack is in the store, where the function finds it.
fn enter_host(
    store: &mut Store,
    m: Box<Machine>,
    (a, host): (FuncAddr, &HostFunc),
    first: usize,
    floor: usize,
) -> (Box<Machine>, Result<(), Halt>) {
    let arguments = m.values_from(first);
    store.machine = Some(m);
    let results = host(store, &arguments);
    let mut m = store.take_machine();
    let result = results.and_then(|results| {
        function::check_results(store, a, &results)?;
        m.values.truncate(first);
        m.push_all(&results);
        resume_caller(&mut m, floor);
        Ok(())
    });
    (m, result)
}

/// Lets the frame on top go on after a call that has been answered, if it is above the floor.
#[inline(always)]
fn resume_caller(m: &mut Machine, floor: usize) {
    if m.frames.len() > floor
        && let Some(caller) = m.frames.last_mut()
    {
        caller.position += 1;
    }
}

/// Runs the frame on top until it calls or returns.
fn execute(store: &mut Store, m: &mut Machine, floor: usize) -> Result<Flow, Halt> {
    let frame = m.frame()?;
    let module = Rc::clone(&store.module_inst(frame.instance)?.module);
    let code = module.code(frame.code as usize).or_stuck(Stuck::Index)?;
    let mut pc = frame.position as usize;
    let result = execute_from(&mut pc, store, m, frame, code, floor);
    if result.is_err() {
        suspend(m, pc)?;
    }
    result
}

/// Notes where the frame on top is, for whoever looks at it from outside: callees, handlers, a census.
#[inline(always)]
fn suspend(m: &mut Machine, pc: usize) -> Result<(), Halt> {
    let frame = m.frames.last_mut().or_stuck(Stuck::Position)?;
    frame.position = pc as u32;
    Ok(())
}

/// Executes `code` in `frame`, which is on top, from position `pc` on, until it calls or returns: one arm for each
/// instruction. When it halts, `pc` is where.
#[inline(always)]
fn execute_from(
    pc: &mut usize,
    store: &mut Store,
    m: &mut Machine,
    frame: Frame,
    (func, side): (&Func, &SideTable),
    floor: usize,
) -> Result<Flow, Halt> {
    let inst = frame.instance;
    let body = func.body.as_slice();

    macro_rules! call {
        ($callee:expr) => {{
            let callee = $callee?;
            suspend(m, *pc)?;
            return Ok(Flow::Call(callee));
        }};
    }
    macro_rules! tail_call {
        ($callee:expr) => {{
            let callee = $callee?;
            function::return_call_ref_frame_addr(store, m, callee)?;
            return Ok(Flow::Call(callee));
        }};
    }
    macro_rules! branch_if {
        ($taken:expr) => {{
            if $taken? {
                let jump = side.jump(*pc);
                branch::br(m, jump, frame.operands)?;
                *pc = jump.target as usize;
                continue;
            }
        }};
    }

    loop {
        let Some(instr) = body.get(*pc) else {
            return Err(Stuck::Position.into());
        };
        if m.slice == 0 {
            m.refill()?;
            trace(store, m, frame, *pc, instr);
        }
        m.slice = m.slice.wrapping_sub(1);
        match *instr {
            Instr::Block(_) => block::block(m)?,
            Instr::Loop(_) => block::r#loop(m)?,
            Instr::If(_) => {
                if !block::r#if(m)? {
                    *pc = side.jump(*pc).target as usize;
                    continue;
                }
            }
            Instr::Else => {
                block::end(m, side, *pc);
                *pc = side.jump(*pc).target as usize;
                continue;
            }
            Instr::End => {
                if *pc + 1 == body.len() {
                    return function::frame_vals(m, floor);
                }
                block::end(m, side, *pc);
            }
            Instr::TryTable(_) => exception::try_table(m)?,
            Instr::Br(_) => branch_if!(Ok::<bool, Halt>(true)),
            Instr::BrIf(_) => branch_if!(branch::br_if(m)),
            Instr::BrTable(ref table) => {
                let i = branch::br_table(m, table.labels.len())?;
                let jump = side.table_jump(*pc, i, table.labels.len());
                branch::br(m, jump, frame.operands)?;
                *pc = jump.target as usize;
                continue;
            }
            Instr::BrOnNull(_) => branch_if!(branch::br_on_null(m)),
            Instr::BrOnNonNull(_) => branch_if!(branch::br_on_non_null(m)),
            Instr::BrOnCast(ref cast) => {
                branch_if!(branch::br_on_cast(store, m, inst, cast.to))
            }
            Instr::BrOnCastFail(ref cast) => {
                branch_if!(branch::br_on_cast_fail(store, m, inst, cast.to))
            }
            Instr::Return => return function::r#return(m, floor),
            Instr::Call(x) => call!(function::call(store, m, inst, x)),
            Instr::CallRef(_) => call!(function::call_ref(m)),
            Instr::CallIndirect(x, y) => call!(function::call_indirect(store, m, inst, x, y)),
            Instr::ReturnCall(x) => tail_call!(function::return_call(store, m, inst, x)),
            Instr::ReturnCallRef(_) => tail_call!(function::return_call_ref(m)),
            Instr::ReturnCallIndirect(x, y) => {
                tail_call!(function::return_call_indirect(store, m, inst, x, y))
            }
            Instr::LocalGet(x) => local::get(m, frame.base, x)?,
            Instr::LocalSet(x) => local::set(m, frame.base, x)?,
            Instr::LocalTee(x) => local::tee(m, frame.base, x)?,

            Instr::Drop => parametric::drop(m)?,
            Instr::Select | Instr::SelectTyped(_) => parametric::select(m)?,
            Instr::GlobalGet(x) => global::get(store, m, inst, x)?,
            Instr::GlobalSet(x) => global::set(store, m, inst, x)?,
            Instr::TableGet(x) => table::get(store, m, inst, x)?,
            Instr::Load {
                op, mem, offset, ..
            } => memory::load(store, m, op, at(inst, mem, offset))?,
            Instr::Store {
                op, mem, offset, ..
            } => memory::store(store, m, op, at(inst, mem, offset))?,
            Instr::RefNull(_) => reference::null(m)?,
            Instr::RefIsNull => reference::is_null(m)?,
            Instr::RefAsNonNull => reference::as_non_null(m)?,
            Instr::RefEq => reference::eq(m)?,
            Instr::RefI31 => i31::ref_i31(m)?,
            Instr::I31Get(sx) => i31::get(m, sx)?,
            Instr::StructNew(x) => structure::new(store, m, inst, x)?,
            Instr::StructGet(sx, _, i) => structure::get(store, m, sx, i)?,
            Instr::StructSet(_, i) => structure::set(store, m, i)?,
            Instr::ArrayGet(sx, _) => array::get(store, m, sx)?,
            Instr::ArraySet(_) => array::set(store, m)?,
            Instr::ArrayLen => array::len(store, m)?,
            Instr::I32Const(c) => numeric::constant(m, Value::I32(c))?,
            Instr::I64Const(c) => numeric::constant(m, Value::I64(c))?,
            Instr::I32Binop(op) => numeric::ibinop::<u32>(m, op)?,
            Instr::I64Binop(op) => numeric::ibinop::<u64>(m, op)?,
            Instr::I32Eqz => numeric::eqz::<u32>(m)?,
            Instr::I64Eqz => numeric::eqz::<u64>(m)?,
            Instr::I32Relop(op) => numeric::irelop::<u32>(m, op)?,
            Instr::I64Relop(op) => numeric::irelop::<u64>(m, op)?,

            ref other => step(store, m, inst, other)?,
        }
        *pc = pc.wrapping_add(1);
    }
}

/// Tells the tracer, if there is one, which instruction comes next.
#[cold]
fn trace(store: &Store, m: &mut Machine, frame: Frame, position: usize, instr: &Instr) {
    let Some(mut tracer) = m.tracer.take() else {
        return;
    };
    let imported = store.module_inst(frame.instance).map_or(0, |inst| {
        inst.funcs.len() - inst.module.module().funcs.len()
    });
    tracer(&Step {
        depth: m.frames.len() - 1,
        instance: frame.instance,
        func: FuncIdx(imported as u32 + frame.code),
        position,
        instr,
        operands: &m.values_from(frame.operands as usize),
    });
    m.tracer = Some(tracer);
}

/// `Eval_expr` of a constant expression: the instructions of `Instr_const`, which neither branch nor call nor trap.
pub(crate) fn eval_constant(
    store: &mut Store,
    m: &mut Machine,
    inst: InstanceAddr,
    expr: &[Instr],
) -> Result<Value, Halt> {
    for instr in expr {
        m.charge(1)?;
        match *instr {
            Instr::End => break,
            Instr::GlobalGet(x) => global::get(store, m, inst, x),
            Instr::RefNull(_) => reference::null(m),
            Instr::RefFunc(x) => reference::func(store, m, inst, x),
            Instr::RefI31 => i31::ref_i31(m),
            Instr::StructNew(x) => structure::new(store, m, inst, x),
            Instr::StructNewDefault(x) => structure::new_default(store, m, inst, x),
            Instr::ArrayNew(x) => array::new(store, m, inst, x),
            Instr::ArrayNewDefault(x) => array::new_default(store, m, inst, x),
            Instr::ArrayNewFixed(x, n) => array::new_fixed(store, m, inst, (x, n)),
            Instr::ExternConvertAny => external::extern_convert_any(m),
            Instr::AnyConvertExtern => external::any_convert_extern(m),
            Instr::I32Const(c) => numeric::constant(m, Value::I32(c)),
            Instr::I64Const(c) => numeric::constant(m, Value::I64(c)),
            Instr::F32Const(c) => numeric::constant(m, Value::F32(c)),
            Instr::F64Const(c) => numeric::constant(m, Value::F64(c)),
            Instr::VConst(ref bits) => vector::constant(m, **bits),
            Instr::I32Binop(op) => numeric::ibinop::<u32>(m, op),
            Instr::I64Binop(op) => numeric::ibinop::<u64>(m, op),
            _ => return Err(Stuck::NotConstant.into()),
        }?;
    }
    let slot = m.pop()?;
    Ok(m.value(slot))
}

/// The memory operand of an access.
#[inline(always)]
fn at(instance: InstanceAddr, mem: MemIdx, offset: u64) -> At {
    At {
        instance,
        mem,
        offset,
    }
}

/// One instruction of those that programs consist of less often; [`execute`] is the faster for not having their code.
#[inline(never)]
fn step(store: &mut Store, m: &mut Machine, inst: InstanceAddr, instr: &Instr) -> Result<(), Halt> {
    match *instr {
        Instr::Unreachable => parametric::unreachable(m),
        Instr::Nop => parametric::nop(m),

        Instr::Throw(x) => exception::throw(store, m, inst, x),
        Instr::ThrowRef => exception::throw_ref(m),

        Instr::TableSet(x) => table::set(store, m, inst, x),
        Instr::TableSize(x) => table::size(store, m, inst, x),
        Instr::TableGrow(x) => table::grow(store, m, inst, x),
        Instr::TableFill(x) => table::fill(store, m, inst, x),
        Instr::TableCopy(x, y) => table::copy(store, m, inst, (x, y)),
        Instr::TableInit(x, y) => table::init(store, m, inst, (x, y)),
        Instr::ElemDrop(x) => table::elem_drop(store, m, inst, x),

        Instr::VLoad {
            op, mem, offset, ..
        } => memory::vload(store, m, op, at(inst, mem, offset)),
        Instr::VLoadLane {
            sz,
            lane,
            mem,
            offset,
            ..
        } => memory::vload_lane(store, m, (sz, lane), at(inst, mem, offset)),
        Instr::VStore { mem, offset, .. } => memory::vstore(store, m, at(inst, mem, offset)),
        Instr::VStoreLane {
            sz,
            lane,
            mem,
            offset,
            ..
        } => memory::vstore_lane(store, m, (sz, lane), at(inst, mem, offset)),
        Instr::MemorySize(x) => memory::size(store, m, inst, x),
        Instr::MemoryGrow(x) => memory::grow(store, m, inst, x),
        Instr::MemoryFill(x) => memory::fill(store, m, inst, x),
        Instr::MemoryCopy(x, y) => memory::copy(store, m, inst, (x, y)),
        Instr::MemoryInit(x, y) => memory::init(store, m, inst, (x, y)),
        Instr::DataDrop(x) => memory::data_drop(store, m, inst, x),

        Instr::RefTest(rt) => reference::test(store, m, inst, rt),
        Instr::RefCast(rt) => reference::cast(store, m, inst, rt),
        Instr::RefFunc(x) => reference::func(store, m, inst, x),

        Instr::StructNewDefault(x) => structure::new_default(store, m, inst, x),

        Instr::ArrayNew(x) => array::new(store, m, inst, x),
        Instr::ArrayNewDefault(x) => array::new_default(store, m, inst, x),
        Instr::ArrayNewFixed(x, n) => array::new_fixed(store, m, inst, (x, n)),
        Instr::ArrayNewData(x, y) => array::new_data(store, m, inst, (x, y)),
        Instr::ArrayNewElem(x, y) => array::new_elem(store, m, inst, (x, y)),
        Instr::ArrayFill(x) => array::fill(store, m, inst, x),
        Instr::ArrayCopy(x, _) => array::copy(store, m, inst, x),
        Instr::ArrayInitData(x, y) => array::init_data(store, m, inst, (x, y)),
        Instr::ArrayInitElem(x, y) => array::init_elem(store, m, inst, (x, y)),

        Instr::ExternConvertAny => external::extern_convert_any(m),
        Instr::AnyConvertExtern => external::any_convert_extern(m),

        Instr::F32Const(c) => numeric::constant(m, Value::F32(c)),
        Instr::F64Const(c) => numeric::constant(m, Value::F64(c)),
        Instr::I32Unop(op) => numeric::iunop::<u32>(m, op),
        Instr::I64Unop(op) => numeric::iunop::<u64>(m, op),
        Instr::F32Unop(op) => numeric::funop::<f32>(m, op),
        Instr::F64Unop(op) => numeric::funop::<f64>(m, op),
        Instr::F32Binop(op) => numeric::fbinop::<f32>(m, op),
        Instr::F64Binop(op) => numeric::fbinop::<f64>(m, op),
        Instr::F32Relop(op) => numeric::frelop::<f32>(m, op),
        Instr::F64Relop(op) => numeric::frelop::<f64>(m, op),
        Instr::Cvtop(op) => numeric::cvtop(m, op),

        ref other => vector_step(m, other),
    }
}

/// One vector instruction that does not access memory.
#[inline(never)]
fn vector_step(m: &mut Machine, instr: &Instr) -> Result<(), Halt> {
    match *instr {
        Instr::VConst(ref bits) => vector::constant(m, **bits),
        Instr::VvNot => vector::vvnot(m),
        Instr::VvBinop(op) => vector::vvbinop(m, op),
        Instr::VvBitselect => vector::vvbitselect(m),
        Instr::VvAnyTrue => vector::vvany_true(m),
        Instr::ViUnop(sh, op) => vector::viunop(m, sh, op),
        Instr::VfUnop(sh, op) => vector::vfunop(m, sh, op),
        Instr::ViBinop(sh, op) => vector::vibinop(m, sh, op),
        Instr::VfBinop(sh, op) => vector::vfbinop(m, sh, op),
        Instr::ViRelaxedLaneselect(sh) => vector::virelaxed_laneselect(m, sh),
        Instr::VfTernop(sh, op) => vector::vfternop(m, sh, op),
        Instr::ViAllTrue(sh) => vector::viall_true(m, sh),
        Instr::ViRelop(sh, op) => vector::virelop(m, sh, op),
        Instr::VfRelop(sh, op) => vector::vfrelop(m, sh, op),
        Instr::VShiftop(sh, op) => vector::vshiftop(m, sh, op),
        Instr::VBitmask(sh) => vector::vbitmask(m, sh),
        Instr::VSwizzlop(op) => vector::vswizzlop(m, op),
        Instr::VShuffle(ref indices) => vector::vshuffle(m, indices),
        Instr::VExtaddPairwise(sh, sx) => vector::vextadd_pairwise(m, sh, sx),
        Instr::VExtbinop(sh, op) => vector::vextbinop(m, sh, op),
        Instr::VRelaxedDotAdd => vector::vrelaxed_dot_add(m),
        Instr::VNarrow(sh, sx) => vector::vnarrow(m, sh, sx),
        Instr::VCvtop(op) => vector::vcvtop(m, op),
        Instr::VSplat(sh) => vector::vsplat(m, sh),
        Instr::VExtractLane(sh, sx, i) => vector::vextract_lane(m, sh, sx, i),
        Instr::VReplaceLane(sh, i) => vector::vreplace_lane(m, sh, i),
        _ => Err(Stuck::Position.into()),
    }
}
