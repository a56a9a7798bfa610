//! The loop that applies the rules.
//!
//! [`call`] enters from the host. `run` goes from frame to frame, `execute` runs one frame until it
//! calls or returns, and `execute_from` is the loop over its instructions: one arm for each
//! instruction, which names the function of its rules.
//!
//! Most arms call their function through `apart`, so that the registers of the loop stay free (see
//! [`Machine`]). Those of the most common instructions call it directly.

use std::rc::Rc;

use crate::syntax::{Func, FuncIdx, Instr, MemIdx};
use crate::validation::SideTable;

use super::configurations::{FuncCode, HostFunc, Store};
use super::halt::{Halt, OrStuck, Stuck};
use super::instructions::{
    array, block, branch, exception, external, function, global, i31, local, memory, numeric,
    parametric, reference, structure, table, vector,
};
use super::machine::{Frame, Machine, Thread};
use super::trace::Step;
use super::values::{FuncAddr, InstanceAddr, Value};

/// Calls a function from the host and runs it to its end. Afterwards the stack is as before.
pub(crate) fn call(
    store: &mut Store,
    a: FuncAddr,
    arguments: &[Value],
) -> Result<Vec<Value>, Halt> {
    let entry = store.thread_mut().enter_from_host()?;
    let mut thread = store.take_thread();
    let mut result = thread.operate(|m| m.push_all(arguments.iter().copied()));
    if result.is_ok() {
        (thread, result) = run(store, thread, a, entry.depth);
    }
    let results = result.map(|()| thread.operate(|m| m.values_from(entry.height)));
    thread.stack.leave_to_host(entry);
    store.thread = Some(thread);
    results
}

/// What a frame does last, before another one runs.
enum Flow {
    /// It calls this function on the operands on top. If that is a tail call, the frame is gone.
    Call(FuncAddr),
    /// It returns.
    Return,
}

/// Calls `entry` on the operands on top and runs until only `floor` frames are left.
fn run(
    store: &mut Store,
    mut thread: Box<Thread>,
    entry: FuncAddr,
    floor: usize,
) -> (Box<Thread>, Result<(), Halt>) {
    let mut flow = Ok(Flow::Call(entry));
    loop {
        let mut result = Ok(());
        match flow {
            Ok(Flow::Return) => {}
            Ok(Flow::Call(a)) => (thread, result) = enter(store, thread, a, floor),
            Err(halt) => result = Err(halt),
        }
        if let Err(Halt::Throw(exception)) = result {
            result = thread.operate(|m| exception::unwind(store, m, floor, exception));
        }
        if result.is_err() || thread.stack.frames.len() <= floor {
            return (thread, result);
        }
        flow = execute(store, &mut thread, floor);
    }
}

/// Calls a function on the operands on top: makes its frame or, for a host function, runs it.
fn enter(
    store: &mut Store,
    mut thread: Box<Thread>,
    a: FuncAddr,
    floor: usize,
) -> (Box<Thread>, Result<(), Halt>) {
    let func = match store.func(a) {
        Ok(func) => func,
        Err(halt) => return (thread, Err(halt)),
    };
    match &func.code {
        FuncCode::Wasm { instance, code } => {
            let arity = (func.params, func.results);
            let result =
                thread.operate(|m| function::call_ref_func(store, m, *instance, *code, arity));
            (thread, result)
        }
        FuncCode::Host(host) => {
            let (host, params) = (Rc::clone(host), func.params as usize);
            match thread.operate(|m| m.top(params)) {
                Ok(first) => enter_host(store, thread, (a, &host), first, floor),
                Err(halt) => (thread, Err(halt)),
            }
        }
    }
}

/// Runs a host function on the operands from position `first`. Meanwhile they stay on the stack,
/// where a census with frames sees them, and the thread is in the store, where the function finds
/// it.
fn enter_host(
    store: &mut Store,
    mut thread: Box<Thread>,
    (a, host): (FuncAddr, &HostFunc),
    first: usize,
    floor: usize,
) -> (Box<Thread>, Result<(), Halt>) {
    let arguments = thread.operate(|m| m.values_from(first));
    store.thread = Some(thread);
    let results = host(store, &arguments);
    let mut thread = store.take_thread();
    let result = results.and_then(|results| {
        function::check_results(store, a, &results)?;
        thread.operate(|m| {
            m.truncate(first);
            m.push_all(results.iter().copied())?;
            resume_caller(m, floor);
            Ok(())
        })
    });
    (thread, result)
}

/// Lets the frame on top continue after a call that has returned, if it is above the floor.
#[inline(always)]
fn resume_caller(m: &mut Machine, floor: usize) {
    if m.depth() > floor
        && let Ok(caller) = m.frame_mut()
    {
        caller.position += 1;
    }
}

/// Runs the frame on top until it calls or returns. Not inlined, so that the loop has the registers
/// for itself.
#[inline(never)]
fn execute(store: &mut Store, thread: &mut Thread, floor: usize) -> Result<Flow, Halt> {
    let frame = *thread.stack.frames.last().or_stuck(Stuck::Position)?;
    let module = Rc::clone(&store.module_inst(frame.instance)?.module);
    let code = module.code(frame.code as usize).or_stuck(Stuck::Index)?;
    let mut m = thread.start();
    m.jump(&code.0.body, frame.position as usize)?;
    let result = execute_from(store, &mut m, frame, code, floor);
    if result.is_err() {
        suspend(&mut m)?;
    }
    let stopped = m.stop();
    thread.coverage.resume(stopped);
    result
}

/// Writes down the position of the frame on top, for everything that looks at frames from outside:
/// callees, handlers, a census.
#[inline(always)]
fn suspend(m: &mut Machine) -> Result<(), Halt> {
    m.frame_mut()?.position = m.position() as u32;
    Ok(())
}

/// Executes `code` in `frame`, which is on top, from the machine's position on, until it calls or
/// returns: one arm for each instruction.
#[inline(always)]
fn execute_from<'c>(
    store: &mut Store,
    m: &mut Machine<'_, 'c>,
    frame: Frame,
    (func, side): (&'c Func, &SideTable),
    floor: usize,
) -> Result<Flow, Halt> {
    let inst = frame.instance;
    let body = func.body.as_slice();

    // An instruction that is rarer, or does so much that a call does not matter.
    macro_rules! apart {
        ($rule:expr) => {{
            m.apart($rule)?;
            m.advance();
            continue;
        }};
    }
    // A call ends the loop.
    macro_rules! call {
        ($callee:expr) => {{
            let callee = $callee?;
            suspend(m)?;
            return Ok(Flow::Call(callee));
        }};
    }
    // So does a tail call, and the frame.
    macro_rules! tail_call {
        ($callee:expr) => {{
            let callee = $callee?;
            m.apart(|m| function::return_call_ref_frame_addr(store, m, callee))?;
            return Ok(Flow::Call(callee));
        }};
    }
    // Goes on at the target of a jump.
    macro_rules! go {
        ($jump:expr) => {
            m.jump(body, $jump.target as usize)?;
            continue;
        };
    }
    // Takes the branch of the current instruction, or goes on behind it.
    macro_rules! branch_if {
        ($taken:expr) => {{
            if $taken? {
                let jump = side.jump(m.position());
                branch::br(m, jump, frame.operands)?;
                go!(jump);
            }
        }};
    }

    loop {
        let Some((instr, rest)) = m.current() else {
            m.apart(|m| go_on(store, m, body))?;
            continue;
        };
        match *instr {
            Instr::Unreachable => apart!(|m| parametric::unreachable(m)),
            Instr::Nop => parametric::nop(m)?,
            Instr::Drop => parametric::drop(m)?,
            Instr::Select | Instr::SelectTyped(_) => parametric::select(m)?,

            Instr::Block(_) => block::block(m)?,
            Instr::Loop(_) => block::r#loop(m)?,
            Instr::If(_) => {
                if !block::r#if(m)? {
                    go!(side.jump(m.position()));
                }
            }
            Instr::Else => {
                let pc = m.position();
                block::end(m, side, pc);
                go!(side.jump(pc));
            }
            Instr::End => {
                if m.position() + 1 == body.len() {
                    function::frame_vals(m)?;
                    resume_caller(m, floor);
                    return Ok(Flow::Return);
                }
                block::end(m, side, m.position());
            }
            Instr::TryTable(_) => exception::try_table(m)?,

            Instr::Br(_) => branch_if!(Ok::<bool, Halt>(true)),
            Instr::BrIf(_) => branch_if!(branch::br_if(m)),
            Instr::BrTable(ref table) => {
                let i = branch::br_table(m, table.labels.len())?;
                let jump = side.table_jump(m.position(), i, table.labels.len());
                branch::br(m, jump, frame.operands)?;
                go!(jump);
            }
            Instr::BrOnNull(_) => branch_if!(branch::br_on_null(m)),
            Instr::BrOnNonNull(_) => branch_if!(branch::br_on_non_null(m)),
            Instr::BrOnCast(ref cast) => {
                branch_if!(m.apart(|m| branch::br_on_cast(store, m, inst, cast.to)))
            }
            Instr::BrOnCastFail(ref cast) => {
                branch_if!(m.apart(|m| branch::br_on_cast_fail(store, m, inst, cast.to)))
            }

            Instr::Return => {
                function::r#return(m)?;
                resume_caller(m, floor);
                return Ok(Flow::Return);
            }
            Instr::Call(x) => call!(function::call(store, m, inst, x)),
            Instr::CallRef(_) => call!(m.apart(function::call_ref)),
            Instr::CallIndirect(x, y) => {
                call!(m.apart(|m| function::call_indirect(store, m, inst, x, y)))
            }
            Instr::ReturnCall(x) => {
                tail_call!(m.apart(|m| function::return_call(store, m, inst, x)))
            }
            Instr::ReturnCallRef(_) => tail_call!(m.apart(function::return_call_ref)),
            Instr::ReturnCallIndirect(x, y) => {
                tail_call!(m.apart(|m| function::return_call_indirect(store, m, inst, x, y)))
            }
            Instr::Throw(x) => apart!(|m| exception::throw(store, m, inst, x)),
            Instr::ThrowRef => apart!(|m| exception::throw_ref(m)),

            Instr::LocalGet(x) => local::get(m, frame.base, x)?,
            Instr::LocalSet(x) => local::set(m, frame.base, x)?,
            Instr::LocalTee(x) => local::tee(m, frame.base, x)?,
            Instr::GlobalGet(x) => apart!(|m| global::get(store, m, inst, x)),
            Instr::GlobalSet(x) => apart!(|m| global::set(store, m, inst, x)),

            Instr::TableGet(x) => apart!(|m| table::get(store, m, inst, x)),
            Instr::TableSet(x) => apart!(|m| table::set(store, m, inst, x)),
            Instr::TableSize(x) => apart!(|m| table::size(store, m, inst, x)),
            Instr::TableGrow(x) => apart!(|m| table::grow(store, m, inst, x)),
            Instr::TableFill(x) => apart!(|m| table::fill(store, m, inst, x)),
            Instr::TableCopy(x, y) => apart!(|m| table::copy(store, m, inst, (x, y))),
            Instr::TableInit(x, y) => apart!(|m| table::init(store, m, inst, (x, y))),
            Instr::ElemDrop(x) => apart!(|m| table::elem_drop(store, m, inst, x)),

            Instr::Load {
                op, mem, offset, ..
            } => apart!(|m| memory::load(store, m, op, at(inst, mem, offset))),
            Instr::Store {
                op, mem, offset, ..
            } => apart!(|m| memory::store(store, m, op, at(inst, mem, offset))),
            Instr::VLoad {
                op, mem, offset, ..
            } => apart!(|m| memory::vload(store, m, op, at(inst, mem, offset))),
            Instr::VLoadLane {
                sz,
                lane,
                mem,
                offset,
                ..
            } => apart!(|m| memory::vload_lane(store, m, (sz, lane), at(inst, mem, offset))),
            Instr::VStore { mem, offset, .. } => {
                apart!(|m| memory::vstore(store, m, at(inst, mem, offset)))
            }
            Instr::VStoreLane {
                sz,
                lane,
                mem,
                offset,
                ..
            } => apart!(|m| memory::vstore_lane(store, m, (sz, lane), at(inst, mem, offset))),
            Instr::MemorySize(x) => apart!(|m| memory::size(store, m, inst, x)),
            Instr::MemoryGrow(x) => apart!(|m| memory::grow(store, m, inst, x)),
            Instr::MemoryFill(x) => apart!(|m| memory::fill(store, m, inst, x)),
            Instr::MemoryCopy(x, y) => apart!(|m| memory::copy(store, m, inst, (x, y))),
            Instr::MemoryInit(x, y) => apart!(|m| memory::init(store, m, inst, (x, y))),
            Instr::DataDrop(x) => apart!(|m| memory::data_drop(store, m, inst, x)),

            Instr::RefNull(_) => reference::null(m)?,
            Instr::RefFunc(x) => apart!(|m| reference::func(store, m, inst, x)),
            Instr::RefIsNull => reference::is_null(m)?,
            Instr::RefAsNonNull => reference::as_non_null(m)?,
            Instr::RefEq => reference::eq(m)?,
            Instr::RefTest(rt) => apart!(|m| reference::test(store, m, inst, rt)),
            Instr::RefCast(rt) => apart!(|m| reference::cast(store, m, inst, rt)),
            Instr::RefI31 => i31::ref_i31(m)?,
            Instr::I31Get(sx) => i31::get(m, sx)?,

            Instr::StructNew(x) => structure::new(store, m, inst, x)?,
            Instr::StructNewDefault(x) => apart!(|m| structure::new_default(store, m, inst, x)),
            Instr::StructGet(sx, _, i) => structure::get(store, m, sx, i)?,
            Instr::StructSet(_, i) => apart!(|m| structure::set(store, m, i)),

            Instr::ArrayNew(x) => apart!(|m| array::new(store, m, inst, x)),
            Instr::ArrayNewDefault(x) => apart!(|m| array::new_default(store, m, inst, x)),
            Instr::ArrayNewFixed(x, n) => apart!(|m| array::new_fixed(store, m, inst, (x, n))),
            Instr::ArrayNewData(x, y) => apart!(|m| array::new_data(store, m, inst, (x, y))),
            Instr::ArrayNewElem(x, y) => apart!(|m| array::new_elem(store, m, inst, (x, y))),
            Instr::ArrayGet(sx, _) => apart!(|m| array::get(store, m, sx)),
            Instr::ArraySet(_) => apart!(|m| array::set(store, m)),
            Instr::ArrayLen => apart!(|m| array::len(store, m)),
            Instr::ArrayFill(x) => apart!(|m| array::fill(store, m, inst, x)),
            Instr::ArrayCopy(x, _) => apart!(|m| array::copy(store, m, inst, x)),
            Instr::ArrayInitData(x, y) => apart!(|m| array::init_data(store, m, inst, (x, y))),
            Instr::ArrayInitElem(x, y) => apart!(|m| array::init_elem(store, m, inst, (x, y))),

            Instr::ExternConvertAny => apart!(|m| external::extern_convert_any(m)),
            Instr::AnyConvertExtern => apart!(|m| external::any_convert_extern(m)),

            Instr::I32Const(c) => numeric::constant(m, Value::I32(c))?,
            Instr::I64Const(c) => numeric::constant(m, Value::I64(c))?,
            Instr::F32Const(c) => apart!(|m| numeric::constant(m, Value::F32(c))),
            Instr::F64Const(c) => apart!(|m| numeric::constant(m, Value::F64(c))),
            Instr::I32Unop(op) => apart!(|m| numeric::iunop::<u32>(m, op)),
            Instr::I64Unop(op) => apart!(|m| numeric::iunop::<u64>(m, op)),
            Instr::F32Unop(op) => apart!(|m| numeric::funop::<f32>(m, op)),
            Instr::F64Unop(op) => apart!(|m| numeric::funop::<f64>(m, op)),
            Instr::I32Binop(op) => numeric::ibinop::<u32>(m, op)?,
            Instr::I64Binop(op) => numeric::ibinop::<u64>(m, op)?,
            Instr::F32Binop(op) => apart!(|m| numeric::fbinop::<f32>(m, op)),
            Instr::F64Binop(op) => apart!(|m| numeric::fbinop::<f64>(m, op)),
            Instr::I32Eqz => numeric::eqz::<u32>(m)?,
            Instr::I64Eqz => numeric::eqz::<u64>(m)?,
            Instr::I32Relop(op) => numeric::irelop::<u32>(m, op)?,
            Instr::I64Relop(op) => numeric::irelop::<u64>(m, op)?,
            Instr::F32Relop(op) => apart!(|m| numeric::frelop::<f32>(m, op)),
            Instr::F64Relop(op) => apart!(|m| numeric::frelop::<f64>(m, op)),
            Instr::Cvtop(op) => apart!(|m| numeric::cvtop(m, op)),

            Instr::VConst(ref bits) => apart!(|m| vector::constant(m, **bits)),
            Instr::VvNot => apart!(|m| vector::vvnot(m)),
            Instr::VvBinop(op) => apart!(|m| vector::vvbinop(m, op)),
            Instr::VvBitselect => apart!(|m| vector::vvbitselect(m)),
            Instr::VvAnyTrue => apart!(|m| vector::vvany_true(m)),
            Instr::ViUnop(sh, op) => apart!(|m| vector::viunop(m, sh, op)),
            Instr::VfUnop(sh, op) => apart!(|m| vector::vfunop(m, sh, op)),
            Instr::ViBinop(sh, op) => apart!(|m| vector::vibinop(m, sh, op)),
            Instr::VfBinop(sh, op) => apart!(|m| vector::vfbinop(m, sh, op)),
            Instr::ViRelaxedLaneselect(sh) => apart!(|m| vector::virelaxed_laneselect(m, sh)),
            Instr::VfTernop(sh, op) => apart!(|m| vector::vfternop(m, sh, op)),
            Instr::ViAllTrue(sh) => apart!(|m| vector::viall_true(m, sh)),
            Instr::ViRelop(sh, op) => apart!(|m| vector::virelop(m, sh, op)),
            Instr::VfRelop(sh, op) => apart!(|m| vector::vfrelop(m, sh, op)),
            Instr::VShiftop(sh, op) => apart!(|m| vector::vshiftop(m, sh, op)),
            Instr::VBitmask(sh) => apart!(|m| vector::vbitmask(m, sh)),
            Instr::VSwizzlop(op) => apart!(|m| vector::vswizzlop(m, op)),
            Instr::VShuffle(ref indices) => apart!(|m| vector::vshuffle(m, indices)),
            Instr::VExtaddPairwise(sh, sx) => apart!(|m| vector::vextadd_pairwise(m, sh, sx)),
            Instr::VExtbinop(sh, op) => apart!(|m| vector::vextbinop(m, sh, op)),
            Instr::VRelaxedDotAdd => apart!(|m| vector::vrelaxed_dot_add(m)),
            Instr::VNarrow(sh, sx) => apart!(|m| vector::vnarrow(m, sh, sx)),
            Instr::VCvtop(op) => apart!(|m| vector::vcvtop(m, op)),
            Instr::VSplat(sh) => apart!(|m| vector::vsplat(m, sh)),
            Instr::VExtractLane(sh, sx, i) => apart!(|m| vector::vextract_lane(m, sh, sx, i)),
            Instr::VReplaceLane(sh, i) => apart!(|m| vector::vreplace_lane(m, sh, i)),
        }
        m.advance_to(rest);
    }
}

/// Continues after a stretch that ended because of the step budget. If there is a tracer, it is
/// told of the next step.
#[cold]
fn go_on<'c>(store: &Store, m: &mut Machine<'_, 'c>, body: &'c [Instr]) -> Result<(), Halt> {
    m.refill(body)?;
    let frame = m.frame()?;
    let Some(mut tracer) = m.tracer().take() else {
        return Ok(());
    };
    let imported = store.module_inst(frame.instance).map_or(0, |inst| {
        inst.funcs.len() - inst.module.module().funcs.len()
    });
    let position = m.position();
    tracer(&Step {
        depth: m.depth() - 1,
        instance: frame.instance,
        func: FuncIdx(imported as u32 + frame.code),
        position,
        instr: &body[position],
        operands: &m.values_from(frame.operands as usize),
    });
    *m.tracer() = Some(tracer);
    Ok(())
}

/// `Eval_expr` of a constant expression: the instructions of `Instr_const`, which neither branch
/// nor call nor trap.
pub(crate) fn eval_constant(
    store: &mut Store,
    m: &mut Machine,
    inst: InstanceAddr,
    expr: &[Instr],
) -> Result<Value, Halt> {
    m.reserve(expr.len());
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
    m.pop_value()
}

/// The memory operand of an access.
#[inline(always)]
fn at(instance: InstanceAddr, mem: MemIdx, offset: u64) -> memory::At {
    memory::At {
        instance,
        mem,
        offset,
    }
}
