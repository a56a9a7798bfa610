//! Execution: control flow, calls, exceptions, limits, instantiation. What the official suite tests
//! is not repeated here. These are the cases it does not reach, and the promises of this
//! implementation.

mod common;

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use common::*;
use gcrucible_reference::execution::*;
use gcrucible_reference::syntax::*;

fn limits(change: impl FnOnce(&mut StoreLimits)) -> StoreLimits {
    let mut limits = StoreLimits::default();
    change(&mut limits);
    limits
}

/// `f(n) = n < 2 ? n : f(n - 1) + f(n - 2)`, as function 0.
fn fibonacci() -> Build {
    let mut build = Build::default();
    let body = [
        get(0),
        int(2),
        Instr::I32Relop(IRelop::Lt(Sx::S)),
        Instr::If(BlockType::Val(I32)),
        get(0),
        Instr::Else,
        get(0),
        int(1),
        SUB,
        call(0),
        get(0),
        int(2),
        SUB,
        call(0),
        ADD,
        Instr::End,
    ];
    build.func(&[I32], &[I32], &[], &body);
    build
}

#[test]
fn calls_return_to_their_callers() {
    assert_eq!(fibonacci().run(0, &[7.into()]), Ok(vec![13.into()]));
}

#[test]
fn recursion_without_end_exhausts_the_call_stack_not_the_hosts() {
    let mut build = Build::default();
    build.func(&[], &[], &[], &[call(0)]);
    let (result, store) = build.run_within(limits(|l| l.call_depth = 100), 0, &[]);
    assert_eq!(result, Err(Exhausted::CallDepth.into()));
    assert_eq!(store.depth(), 0);
}

#[test]
fn many_locals_exhaust_the_stack_before_memory() {
    let mut build = Build::default();
    build.func(&[], &[], &[I64; 100], &[call(0)]);
    let (result, _) = build.run_within(limits(|l| l.stack_values = 5000), 0, &[]);
    assert_eq!(result, Err(Exhausted::CallStack.into()));
}

#[test]
fn tail_calls_do_not_deepen_the_stack() {
    let mut build = Build::default();
    let body = [
        get(0),
        Instr::I32Eqz,
        Instr::If(BlockType::Empty),
        int(7),
        Instr::Return,
        Instr::End,
        get(0),
        int(1),
        SUB,
        Instr::ReturnCall(FuncIdx(0)),
    ];
    build.func(&[I32], &[I32], &[], &body);
    let (result, _) = build.run_within(limits(|l| l.call_depth = 1), 0, &[50.into()]);
    assert_eq!(result, Ok(vec![7.into()]));
}

#[test]
fn loops_without_end_exhaust_the_step_budget() {
    let mut build = Build::default();
    build.func(
        &[],
        &[],
        &[],
        &[
            Instr::Loop(BlockType::Empty),
            Instr::Br(LabelIdx(0)),
            Instr::End,
        ],
    );
    let (result, store) = build.run_within(limits(|l| l.steps = 1000), 0, &[]);
    assert_eq!(result, Err(Exhausted::Steps.into()));
    assert_eq!(store.steps_left(), 0);
}

#[test]
fn steps_are_counted_one_for_each_instruction() {
    let mut build = Build::default();
    build.func(&[], &[I32], &[], &[int(1), int(2), ADD]);
    let (result, store) = build.run_within(limits(|l| l.steps = 100), 0, &[]);
    assert_eq!((result, store.steps_left()), (Ok(vec![3.into()]), 96));
}

#[test]
fn bulk_instructions_cost_what_they_move() {
    let mut build = Build::default();
    build.mem(AddrType::I32, 1);
    build.func(
        &[],
        &[],
        &[],
        &[int(0), int(1), int(65536), Instr::MemoryFill(MemIdx(0))],
    );
    let (result, _) = build.run_within(limits(|l| l.steps = 1000), 0, &[]);
    assert_eq!(result, Err(Exhausted::Steps.into()));
}

/// Steps are counted many at a time, and one by one for a tracer.
#[test]
fn a_budget_ends_at_the_same_instruction_with_and_without_a_tracer() {
    let run = |steps, traced| {
        let mut build = Build::default();
        build.mem(AddrType::I32, 1);
        let below = Instr::I32Relop(IRelop::Lt(Sx::U));
        let thrice = [
            Instr::Loop(BlockType::Empty),
            call(1),
            get(0),
            int(1),
            ADD,
            Instr::LocalTee(LocalIdx(0)),
            int(3),
            below,
            br_if(0),
            Instr::End,
        ];
        build.func(&[], &[], &[I32], &thrice);
        let fill = Instr::MemoryFill(MemIdx(0));
        build.func(&[], &[], &[], &[int(0), int(1), int(256), fill]);
        let mut store = Store::new(limits(|l| l.steps = steps));
        let instance = build.instantiate(&mut store, &[]);
        if traced {
            store.set_tracer(Some(Box::new(|_| {})));
        }
        let result = store.invoke(func(&store, instance, 0), &[]);
        (result, store.steps_left(), store.coverage().clone())
    };
    let all = 1000 - run(1000, false).1;
    for steps in (0..=all).rev().step_by(if cfg!(miri) { 4 } else { 1 }) {
        let counted = run(steps, false);
        assert_eq!(counted.0.is_ok(), steps == all, "{steps} of {all} steps");
        assert!(counted == run(steps, true), "{steps} of {all} steps");
    }
}

#[test]
fn branches_keep_their_values_and_drop_the_rest() {
    let mut build = Build::default();
    let two = build.func_ty(&[], &[I32, I32]);
    let body = [
        int(1),
        Instr::Block(BlockType::Idx(two)),
        int(2),
        int(3),
        int(4),
        int(5),
        Instr::Br(LabelIdx(0)),
        Instr::End,
        ADD,
        ADD,
    ];
    let f = build.func(&[], &[I32], &[], &body);
    assert_eq!(build.run(f, &[]), Ok(vec![10.into()]));
}

/// A module with a tag of one `i32`, index 0.
fn with_tag() -> Build {
    let mut build = Build::default();
    let ty = build.func_ty(&[I32], &[]);
    build.0.tags.push(TypeUse::Idx(ty));
    build
}

#[test]
fn an_uncaught_exception_comes_out_with_its_fields() {
    let mut build = with_tag();
    build.func(&[], &[], &[], &[int(5), Instr::Throw(TagIdx(0))]);
    build.func(&[], &[], &[], &[call(0)]);
    let (result, store) = build.run_within(StoreLimits::default(), 1, &[]);
    let Err(Halt::Throw(exception)) = result else {
        panic!("{result:?}")
    };
    let object = store.object(Ref::Exn(exception));
    let fields = vec![5.into()];
    assert_eq!(
        object,
        Ok(Some(Object::Exception {
            tag: TagAddr(0),
            fields
        }))
    );
}

/// Function 0 throws 5. Function 1 catches it by `catch` and returns what arrives. A reference is
/// tested against `(ref exn)`.
fn catching(catch: Catch, arrives: &[ValType]) -> Build {
    let mut build = with_tag();
    build.func(&[], &[], &[], &[int(5), Instr::Throw(TagIdx(0))]);
    let label = build.func_ty(&[], arrives);
    let table = TryTable {
        ty: BlockType::Empty,
        catches: vec![catch],
    };
    let mut body = vec![
        Instr::Block(BlockType::Idx(label)),
        Instr::TryTable(Box::new(table)),
        call(0),
        Instr::End,
        Instr::Unreachable,
        Instr::End,
    ];
    if arrives.contains(&EXN) {
        body.push(Instr::RefTest(RefType::abs(false, AbsHeapType::Exn)));
    }
    let arrived = vec![I32; arrives.len()];
    build.func(&[], &arrived, &[], &body);
    build
}

#[test]
fn handlers_pass_on_what_their_clause_says() {
    let (tag, label) = (TagIdx(0), LabelIdx(0));
    let rows: [(Catch, &[ValType], &[Value]); 4] = [
        (Catch::Catch(tag, label), &[I32], &[Value::I32(5)]),
        (
            Catch::CatchRef(tag, label),
            &[I32, EXN],
            &[Value::I32(5), Value::I32(1)],
        ),
        (Catch::CatchAll(label), &[], &[]),
        (Catch::CatchAllRef(label), &[EXN], &[Value::I32(1)]),
    ];
    for (catch, arrives, expected) in rows {
        let (result, store) = catching(catch, arrives).run_within(StoreLimits::default(), 1, &[]);
        assert_eq!(result.as_deref(), Ok(expected), "{catch:?}");
        assert!(reached(&store).contains(&"Step_read/throw_ref-frame"));
    }
}

#[test]
fn throwing_null_traps() {
    let mut build = Build::default();
    let null = Instr::RefNull(HeapType::Abs(AbsHeapType::Exn));
    build.func(&[], &[], &[], &[null, Instr::ThrowRef]);
    assert_eq!(build.run(0, &[]), Err(Trap::NullExceptionReference.into()));
}

#[test]
fn lane_accesses_check_bounds() {
    let mut build = Build::default();
    let (mem, zero) = (MemIdx(0), Instr::VConst(Box::new(0)));
    build.mem(AddrType::I32, 1);
    let load = Instr::VLoadLane {
        sz: Sz::B64,
        lane: 1,
        align: 0,
        mem,
        offset: u64::from(u32::MAX),
    };
    build.func(&[], &[V128], &[], &[int(-1), zero.clone(), load]);
    let store = Instr::VStoreLane {
        sz: Sz::B16,
        lane: 7,
        align: 0,
        mem,
        offset: 0,
    };
    build.func(&[], &[], &[], &[int(65535), zero, store]);
    let mut at = Store::new(StoreLimits::default());
    let instance = build.instantiate(&mut at, &[]);
    for x in [0, 1] {
        let f = func(&at, instance, x);
        assert_eq!(at.invoke(f, &[]), Err(Trap::OutOfBoundsMemoryAccess.into()));
    }
}

#[test]
fn vectors_survive_however_many_are_made() {
    let mut build = Build::default();
    let one = Instr::VSplat(Shape::I32x4);
    let body = [
        Instr::Loop(BlockType::Empty),
        get(1),
        int(1),
        one,
        Instr::ViBinop(IShape::I32x4, ViBinop::Add),
        set(1),
        get(0),
        int(1),
        SUB,
        Instr::LocalTee(LocalIdx(0)),
        br_if(0),
        Instr::End,
        get(1),
        Instr::VExtractLane(Shape::I32x4, None, 3),
    ];
    build.func(&[I32], &[I32], &[V128], &body);
    assert_eq!(build.run(0, &[1100.into()]), Ok(vec![1100.into()]));
}

#[test]
fn host_functions_call_back_and_are_bounded() {
    let mut store = Store::new(limits(|l| l.host_nesting = 5));
    let ty = host_ty(&mut store, &[I32], &[I32]);
    let target: Rc<Cell<Option<FuncAddr>>> = Rc::default();
    let callee = Rc::clone(&target);
    let host = store.add_host_function(ty, move |store, arguments| {
        assert!(store.depth() > 0);
        store.invoke(callee.get().unwrap(), arguments)
    });
    let mut build = Build::default();
    build.import("again", &[I32], &[I32]);
    let body = [
        get(0),
        Instr::I32Eqz,
        Instr::If(BlockType::Val(I32)),
        int(42),
        Instr::Else,
        get(0),
        int(1),
        SUB,
        call(0),
        int(1),
        ADD,
        Instr::End,
    ];
    let x = build.func(&[I32], &[I32], &[], &body);
    let instance = build.instantiate(&mut store, &[Extern::Func(host.unwrap())]);
    let f = func(&store, instance, x);
    target.set(Some(f));
    assert_eq!(store.invoke(f, &[4.into()]), Ok(vec![46.into()]));
    assert_eq!(
        store.invoke(f, &[5.into()]),
        Err(Exhausted::CallDepth.into())
    );
    assert_eq!(store.invoke(f, &[0.into()]), Ok(vec![42.into()]));
}

#[test]
fn exceptions_cross_host_functions() {
    let mut store = Store::new(StoreLimits::default());
    let void = host_ty(&mut store, &[], &[]);
    let tag = store.add_tag(void).unwrap();
    let host = store.add_host_function(void, move |store, _| {
        Err(Halt::Throw(store.new_exception(tag, &[])?))
    });
    let mut build = Build::default();
    build.import("throw", &[], &[]);
    let table = TryTable {
        ty: BlockType::Empty,
        catches: vec![Catch::CatchAll(LabelIdx(0))],
    };
    let body = [
        Instr::Block(BlockType::Empty),
        Instr::TryTable(Box::new(table)),
        call(0),
        Instr::End,
        int(0),
        Instr::Return,
        Instr::End,
        int(1),
    ];
    let x = build.func(&[], &[I32], &[], &body);
    let tail = build.func(&[], &[], &[], &[Instr::ReturnCall(FuncIdx(0))]);
    let instance = build.instantiate(&mut store, &[Extern::Func(host.unwrap())]);
    let (catches, throws) = (func(&store, instance, x), func(&store, instance, tail));
    assert_eq!(store.invoke(catches, &[]), Ok(vec![1.into()]));
    assert!(matches!(store.invoke(throws, &[]), Err(Halt::Throw(_))));
}

#[test]
fn host_functions_must_keep_their_type() {
    let mut store = Store::new(StoreLimits::default());
    let ty = host_ty(&mut store, &[], &[I32]);
    let liar = store
        .add_host_function(ty, |_, _| Ok(vec![Value::I64(0)]))
        .unwrap();
    assert_eq!(store.invoke(liar, &[]), Err(Misuse::Results.into()));
    assert_eq!(
        store.invoke(liar, &[0.into()]),
        Err(Misuse::Arguments.into())
    );
}

#[test]
fn memory_and_tables_stop_growing_at_the_stores_limits() {
    let mut build = Build::default();
    build.mem(AddrType::I64, 0);
    build.func(&[I64], &[I64], &[], &[get(0), Instr::MemoryGrow(MemIdx(0))]);
    let mut store = Store::new(limits(|l| l.memory_bytes = 3 * PAGE_BYTES));
    let instance = build.instantiate(&mut store, &[]);
    let grow = func(&store, instance, 0);
    for (pages, expected) in [
        (2u64, 0u64),
        (2, u64::MAX),
        (u64::MAX, u64::MAX),
        (1, 2),
        (0, 3),
    ] {
        assert_eq!(
            store.invoke(grow, &[pages.into()]),
            Ok(vec![expected.into()])
        );
    }
    let ty = TableType {
        addr: AddrType::I32,
        limits: Limits {
            min: 1,
            max: Some(3),
        },
        elem: RefType::EXTERNREF,
    };
    let table = store.add_table(ty, Ref::Null).unwrap();
    assert_eq!(store.table_grow(table, 3, Ref::Null), Ok(None));
    assert_eq!(store.table_grow(table, 2, Ref::Null), Ok(Some(1)));
}

#[test]
fn objects_beyond_the_limit_exhaust_the_heap() {
    let mut build = Build::default();
    let element = FieldType {
        mutable: true,
        storage: StorageType::I8,
    };
    let array = build.ty(CompositeType::Array(element));
    let body = [get(0), Instr::ArrayNewDefault(array), Instr::Drop];
    let f = build.func(&[I32], &[], &[], &body);
    let mut store = Store::new(limits(|l| l.heap_words = 100));
    let instance = build.instantiate(&mut store, &[]);
    let f = func(&store, instance, f);
    assert_eq!(store.invoke(f, &[50.into()]), Ok(vec![]));
    assert_eq!(store.invoke(f, &[50.into()]), Err(Exhausted::Heap.into()));
    assert_eq!(store.invoke(f, &[(-1).into()]), Err(Exhausted::Heap.into()));
    assert_eq!(store.objects_made(), 1);
}

/// A module whose active element segment writes to an imported table before its data segment is out
/// of bounds.
#[test]
fn what_instantiation_did_before_a_trap_stays_done() {
    let mut store = Store::new(StoreLimits::default());
    let table_ty = TableType {
        addr: AddrType::I32,
        limits: Limits { min: 1, max: None },
        elem: RefType::FUNCREF,
    };
    let table = store.add_table(table_ty, Ref::Null).unwrap();
    let mut build = Build::default();
    build.0.imports.push(Import {
        module: "host".into(),
        name: "table".into(),
        ty: ExternType::Table(table_ty),
    });
    build.mem(AddrType::I32, 0);
    let at_zero = || vec![int(0), Instr::End];
    let void = build.func_ty(&[], &[]);
    build.0.funcs.push(Func {
        ty: void,
        locals: vec![],
        body: vec![Instr::End],
    });
    build.0.elems.push(Elem {
        ty: RefType::FUNCREF,
        init: vec![vec![Instr::RefFunc(FuncIdx(0)), Instr::End]],
        mode: ElemMode::Active(TableIdx(0), at_zero()),
    });
    build.0.datas.push(Data {
        init: vec![1],
        mode: DataMode::Active(MemIdx(0), at_zero()),
    });
    let module = Rc::new(build.0.validate().unwrap());
    let next = store.next_instance();
    let error = store
        .instantiate(&module, &[Extern::Table(table)])
        .unwrap_err();
    assert_eq!(error, Halt::from(Trap::OutOfBoundsMemoryAccess).into());
    let Ok(Ref::Func(written)) = store.table_get(table, 0) else {
        panic!("the segment was not written")
    };
    assert_eq!(store.func_origin(written), Ok(Some((next, FuncIdx(0)))));
    assert_eq!(store.invoke(written, &[]), Ok(vec![]));
}

#[test]
fn imports_are_matched_by_type() {
    let mut store = Store::new(StoreLimits::default());
    let ty = host_ty(&mut store, &[I64], &[]);
    let wrong = store.add_host_function(ty, |_, _| Ok(vec![])).unwrap();
    let mut build = Build::default();
    build.import("f", &[I32], &[]);
    let module = Rc::new(build.0.validate().unwrap());
    let reason = |result: Result<InstanceAddr, InstantiationError>| match result {
        Err(InstantiationError::Link { import, reason }) => (import, reason),
        other => panic!("{other:?}"),
    };
    assert_eq!(
        reason(store.instantiate(&module, &[])),
        (0, LinkReason::Missing)
    );
    let given = [Extern::Func(wrong)];
    let (0, LinkReason::Incompatible { .. }) = reason(store.instantiate(&module, &given)) else {
        panic!("linked")
    };
    let right = host_ty(&mut store, &[I32], &[]);
    let right = store.add_host_function(right, |_, _| Ok(vec![])).unwrap();
    let given = [Extern::Func(right), Extern::Func(right)];
    assert_eq!(
        reason(store.instantiate(&module, &given)),
        (1, LinkReason::Surplus)
    );
    let nowhere = [Extern::Tag(TagAddr(9))];
    assert_eq!(
        reason(store.instantiate(&module, &nowhere)),
        (0, LinkReason::NoSuchAddress)
    );
    assert!(store.instantiate(&module, &given[..1]).is_ok());
}

#[test]
fn the_tracer_sees_every_instruction_and_its_operands() {
    let lines: Rc<RefCell<Vec<String>>> = Rc::default();
    let log = Rc::clone(&lines);
    let mut store = Store::new(limits(|l| l.steps = 100));
    let mut build = Build::default();
    build.func(&[I32], &[I32], &[], &[get(0), int(2), ADD]);
    let instance = build.instantiate(&mut store, &[]);
    store.set_tracer(Some(Box::new(move |step| {
        log.borrow_mut()
            .push(format!("{} {}", step.position, step.operands.len()));
    })));
    let f = func(&store, instance, 0);
    assert_eq!(store.invoke(f, &[1.into()]), Ok(vec![3.into()]));
    store.set_tracer(None);
    assert_eq!(store.invoke(f, &[1.into()]), Ok(vec![3.into()]));
    assert_eq!(*lines.borrow(), ["0 0", "1 1", "2 2", "3 1"]);
    assert_eq!(store.steps_left(), 92);
}

#[test]
fn packed_fields_wrap_and_extend() {
    let mut build = Build::default();
    let ty = build.struct_ty(&[StorageType::I8, StorageType::Val(V128), StorageType::I16]);
    let i = FieldIdx(2);
    let body = [
        int(0x180),
        Instr::VConst(Box::new(u128::MAX - 1)),
        int(-2),
        Instr::StructNew(ty),
        Instr::LocalTee(LocalIdx(0)),
        Instr::StructGet(Some(Sx::S), ty, FieldIdx(0)),
        get(0),
        Instr::StructGet(Some(Sx::U), ty, i),
        get(0),
        Instr::StructGet(None, ty, FieldIdx(1)),
    ];
    let local = ValType::Ref(ref_to(true, ty.0));
    let f = build.func(&[], &[I32, I32, V128], &[local], &body);
    let expected = vec![(-128).into(), 0xfffe.into(), (u128::MAX - 1).into()];
    assert_eq!(build.run(f, &[]), Ok(expected));
}
