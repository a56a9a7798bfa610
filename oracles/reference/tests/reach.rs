//! Liveness: what is reachable, what garbage cycles keep, and which places are roots.

mod common;

use std::cell::RefCell;
use std::rc::Rc;

use common::*;
use gcrucible_reference::execution::*;
use gcrucible_reference::reach::{Frames, Root};
use gcrucible_reference::syntax::*;

/// A store with a type of nodes, `(struct (field (mut i32)) (field (mut anyref)))`.
fn nodes() -> (Store, DefTypeId) {
    let mut store = Store::new(StoreLimits::default());
    let field = |t| FieldType {
        mutable: true,
        storage: StorageType::Val(t),
    };
    let ty = store.define(CompositeType::Struct(Box::new([field(I32), field(ANY)])));
    (store, ty)
}

fn node(store: &mut Store, ty: DefTypeId, next: Ref) -> Ref {
    Ref::Struct(store.new_struct(ty, &[0.into(), next.into()]).unwrap())
}

fn link(store: &mut Store, from: Ref, to: Ref) {
    let Ref::Struct(a) = from else {
        panic!("{from:?} is no node")
    };
    store.struct_set(a, 1, to.into()).unwrap();
}

/// Objects that are reachable, and that counting references keeps.
fn live(store: &Store) -> (u64, u64) {
    let count = |census: gcrucible_reference::reach::Census| census.objects();
    (
        count(store.reach(Frames::Without)),
        count(store.reach_counted(Frames::Without)),
    )
}

#[test]
fn nothing_is_live_without_roots() {
    let (mut store, ty) = nodes();
    let first = node(&mut store, ty, Ref::Null);
    node(&mut store, ty, first);
    assert_eq!(live(&store), (0, 0));
}

#[test]
fn handles_keep_what_they_lead_to_until_released() {
    let (mut store, ty) = nodes();
    let first = node(&mut store, ty, Ref::Null);
    let second = node(&mut store, ty, first);
    let handle = store.hold(second);
    let again = store.hold(first);
    assert_eq!(live(&store), (2, 2));
    let census = store.reach(Frames::Without);
    assert_eq!(census.structs, [(ty, 2)].into());
    assert_eq!(store.held(handle), Some(second));
    assert_eq!(store.release(handle), Some(second));
    assert_eq!((store.release(handle), store.held(handle)), (None, None));
    assert_eq!(live(&store), (1, 1));
    store.release(again);
    assert_eq!(live(&store), (0, 0));
}

#[test]
fn garbage_cycles_keep_themselves_and_what_they_lead_to_when_counted() {
    let (mut store, ty) = nodes();
    let led_to = node(&mut store, ty, Ref::Null);
    let a = node(&mut store, ty, Ref::Null);
    let b = node(&mut store, ty, a);
    link(&mut store, a, b);
    let own = node(&mut store, ty, Ref::Null);
    link(&mut store, own, own);
    let leads_in = node(&mut store, ty, a);
    node(&mut store, ty, leads_in);
    assert_eq!(
        live(&store),
        (0, 3),
        "two nodes of a cycle and one of its own"
    );
    let array = FieldType {
        mutable: true,
        storage: StorageType::Val(ANY),
    };
    let array = store.define(CompositeType::Array(array));
    let out = [a.into(), led_to.into()];
    let array = Ref::Array(store.new_array(array, &out).unwrap());
    link(&mut store, b, array);
    assert_eq!(
        live(&store),
        (0, 5),
        "the cycle now leads through an array to one more"
    );
    store.hold(own);
    assert_eq!(live(&store), (1, 5));
}

#[test]
fn host_objects_are_counted_once_and_through_wrapping() {
    let (mut store, ty) = nodes();
    let host = store.new_host_object(7).expect("room");
    assert_eq!(store.host_number(host), Some(7));
    let inside = node(&mut store, ty, Ref::Host(host));
    assert_eq!(store.reach(Frames::Without).hosts, 0);
    store.hold(Ref::Extern(Internal::Host(host)));
    store.hold(inside);
    let census = store.reach(Frames::Without);
    assert_eq!((census.hosts, census.objects()), (1, 1));
    let Ref::Struct(a) = inside else {
        unreachable!()
    };
    store.hold(Ref::Extern(Internal::Struct(a)));
    assert_eq!(store.reach(Frames::Without), census);
}

#[test]
fn a_host_object_in_a_garbage_cycle_is_kept_when_counted() {
    let (mut store, ty) = nodes();
    let host = store.new_host_object(0).expect("room");
    let element = FieldType {
        mutable: true,
        storage: StorageType::Val(ANY),
    };
    let array_ty = store.define(CompositeType::Array(element));
    let array = store.new_array(array_ty, &[Ref::Null.into(), Ref::Host(host).into()]);
    let array = array.unwrap();
    let back = node(&mut store, ty, Ref::Array(array));
    store.array_set(array, 0, back.into()).unwrap();
    assert_eq!(store.reach(Frames::Without).hosts, 0);
    let counted = store.reach_counted(Frames::Without);
    assert_eq!((counted.hosts, counted.objects()), (1, 2));
    assert_eq!(counted.arrays, [(array_ty, 1)].into());
}

#[test]
fn tables_globals_segments_and_pending_exceptions_are_roots() {
    let (mut store, ty) = nodes();
    let in_table = node(&mut store, ty, Ref::Null);
    let in_global = node(&mut store, ty, Ref::Null);
    let table = TableType {
        addr: AddrType::I32,
        limits: Limits { min: 2, max: None },
        elem: RefType::ANYREF,
    };
    let table = store.add_table(table, Ref::Null).unwrap();
    store.table_set(table, 1, in_table).unwrap();
    let global = GlobalType {
        mutable: true,
        val: ANY,
    };
    let global = store.add_global(global, in_global.into()).unwrap();
    assert_eq!(live(&store), (2, 2));
    let path = store.path_to(in_table, Frames::Without);
    assert_eq!(path, Some((Root::Table(table), vec![in_table])));
    store.global_set(global, Ref::Null.into()).unwrap();
    assert_eq!(live(&store), (1, 1));
    assert_eq!(store.path_to(in_global, Frames::Without), None);

    let tag = host_ty(&mut store, &[ANY], &[]);
    let tag = store.add_tag(tag).unwrap();
    let exception = store.new_exception(tag, &[in_global.into()]).unwrap();
    store.set_pending_exception(Some(exception));
    let census = store.reach(Frames::Without);
    assert_eq!((census.exceptions, census.objects()), (1, 3));
    store.set_pending_exception(None);
    assert_eq!(live(&store), (1, 1));
}

/// A passive segment holds a node until it is dropped.
#[test]
fn a_segment_is_a_root_until_it_is_dropped() {
    let mut build = Build::default();
    let ty = build.struct_ty(&[StorageType::Val(I32)]);
    build.0.elems.push(Elem {
        ty: RefType::ANYREF,
        init: vec![vec![int(1), Instr::StructNew(ty), Instr::End]],
        mode: ElemMode::Passive,
    });
    let f = build.func(&[], &[], &[], &[Instr::ElemDrop(ElemIdx(0))]);
    let mut store = Store::new(StoreLimits::default());
    let instance = build.instantiate(&mut store, &[]);
    assert_eq!(live(&store), (1, 1));
    let drop = func(&store, instance, f);
    store.invoke(drop, &[]).unwrap();
    assert_eq!(live(&store), (0, 0));
}

/// The host counts while one node is in a local, one is an operand, and one an argument of the
/// call.
#[test]
fn frames_are_roots_of_the_upper_bound_only() {
    let mut store = Store::new(StoreLimits::default());
    let counts: Rc<RefCell<Vec<(u64, u64)>>> = Rc::default();
    let seen = Rc::clone(&counts);
    let ty = host_ty(&mut store, &[ANY], &[]);
    let host = store.add_host_function(ty, move |store, _| {
        let without = store.reach(Frames::Without).objects();
        let with = store.reach(Frames::With).objects();
        seen.borrow_mut().push((without, with));
        Ok(vec![])
    });
    let mut build = Build::default();
    build.import("count", &[ANY], &[]);
    let node = build.struct_ty(&[StorageType::Val(I32)]);
    let new = Instr::StructNewDefault(node);
    let body = [new.clone(), set(0), new.clone(), new, call(0), Instr::Drop];
    let f = build.func(&[], &[], &[ANY], &body);
    let instance = build.instantiate(&mut store, &[Extern::Func(host.unwrap())]);
    let f = func(&store, instance, f);
    store.invoke(f, &[]).unwrap();
    assert_eq!(*counts.borrow(), [(0, 3)]);
    assert_eq!(live(&store), (0, 0));
}

#[test]
fn a_long_list_is_no_deeper_than_a_short_one() {
    let length = if cfg!(miri) { 100 } else { 300_000 };
    let (mut store, ty) = nodes();
    let mut list = Ref::Null;
    for _ in 0..length {
        list = node(&mut store, ty, list);
    }
    let handle = store.hold(list);
    assert_eq!(live(&store), (length, length));
    let (_, path) = store
        .path_to(Ref::Struct(StructAddr(0)), Frames::Without)
        .unwrap();
    assert_eq!(path.len() as u64, length);
    store.release(handle);
    assert_eq!(live(&store), (0, 0));
    link(&mut store, Ref::Struct(StructAddr(0)), list);
    assert_eq!(live(&store), (0, length));
}
