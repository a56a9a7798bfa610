//! What is deep or long in a module or a store ends in an answer or in `Exhausted`, never in a host
//! stack that overflows: nothing in the crate recurses over code, types or objects. Everything here
//! starts from bytes, so that decoder, validator and evaluator all see it.

use std::rc::Rc;

use gcrucible_reference::execution::{
    Exhausted, Extern, FuncAddr, Halt, Ref, Store, StoreLimits, StructAddr, Value,
};
use gcrucible_reference::reach::Frames;
use gcrucible_reference::syntax::Module;

/// How deep: far beyond what a host stack of 8 MiB could hold as frames.
const DEPTH: usize = if cfg!(miri) { 200 } else { 200_000 };

/// How many nodes a list has.
const NODES: u32 = if cfg!(miri) {
    200
} else if cfg!(debug_assertions) {
    1_000_000
} else {
    10_000_000
};

fn leb(mut number: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    while number >= 0x80 {
        bytes.push(number as u8 | 0x80);
        number >>= 7;
    }
    bytes.push(number as u8);
    bytes
}

/// Signed LEB128 of a type index.
fn index(number: usize) -> Vec<u8> {
    let mut bytes = leb(number);
    // The sign bit of the last byte must be clear.
    if let Some(last) = bytes.last_mut()
        && *last & 0x40 != 0
    {
        *last |= 0x80;
        bytes.push(0);
    }
    bytes
}

fn section(id: u8, content: &[u8]) -> Vec<u8> {
    [vec![id], leb(content.len()), content.to_vec()].concat()
}

/// A module of these sections.
fn module(sections: &[Vec<u8>]) -> Vec<u8> {
    [b"\0asm\x01\0\0\0".to_vec(), sections.concat()].concat()
}

/// One function without parameters, exported as `f`, with its type and its body.
fn one_function(ty: &[u8], body: &[u8]) -> Vec<u8> {
    let body = [&[0], body, &[0x0b]].concat();
    module(&[
        section(1, &[&[1], ty].concat()),
        section(3, &[1, 0]),
        section(7, b"\x01\x01f\0\0"),
        section(10, &[vec![1], leb(body.len()), body].concat()),
    ])
}

/// The function exported as `f` of an instance in a store.
fn instantiate(store: &mut Store, wasm: &[u8]) -> FuncAddr {
    let module = Module::decode(wasm).expect("it is a module");
    let module = Rc::new(module.validate().expect("it is valid"));
    let instance = store.instantiate(&module, &[]).expect("it links");
    match store.export(instance, "f") {
        Some(Extern::Func(f)) => f,
        other => panic!("{other:?}"),
    }
}

fn run(wasm: &[u8]) -> Result<Vec<Value>, Halt> {
    let mut store = Store::new(StoreLimits::default());
    let f = instantiate(&mut store, wasm);
    store.invoke(f, &[])
}

const NO_TYPE: &[u8] = &[0x60, 0, 0];
const TO_I32: &[u8] = &[0x60, 0, 1, 0x7f];

#[test]
fn blocks_nest_to_any_depth() {
    for open in [0x02, 0x03] {
        let body = [[open, 0x40].repeat(DEPTH), vec![0x0b; DEPTH]].concat();
        assert_eq!(run(&one_function(NO_TYPE, &body)), Ok(vec![]));
    }
    // A branch through all of them, and an `if` in each.
    let body = [
        [0x41, 1, 0x04, 0x40].repeat(DEPTH),
        vec![0x0c],
        leb(DEPTH - 1),
        vec![0x0b; DEPTH],
    ]
    .concat();
    assert_eq!(run(&one_function(NO_TYPE, &body)), Ok(vec![]));
}

#[test]
fn an_unclosed_nest_is_malformed() {
    let wasm = one_function(NO_TYPE, &[0x02, 0x40].repeat(DEPTH));
    assert!(Module::decode(&wasm).is_err());
}

#[test]
fn handlers_nest_to_any_depth() {
    // Each handler catches everything and throws again, from the innermost outwards. The outermost
    // one branches out of the function.
    let body = [
        [0x1f, 0x40, 1, 0x02, 0].repeat(DEPTH),
        vec![0x08, 0],
        vec![0x0b; DEPTH],
    ]
    .concat();
    let body = [&[0], body.as_slice(), &[0x0b]].concat();
    let wasm = module(&[
        section(1, &[&[1], NO_TYPE].concat()),
        section(3, &[1, 0]),
        section(13, &[1, 0, 0]),
        section(7, b"\x01\x01f\0\0"),
        section(10, &[vec![1], leb(body.len()), body].concat()),
    ]);
    assert_eq!(run(&wasm), Ok(vec![]));
}

#[test]
fn a_branch_table_has_any_number_of_labels() {
    let body = [
        vec![0x02, 0x40, 0x41, 7, 0x0e],
        leb(DEPTH),
        vec![0; DEPTH + 1],
        vec![0x0b],
    ]
    .concat();
    assert_eq!(run(&one_function(NO_TYPE, &body)), Ok(vec![]));
}

#[test]
fn operands_pile_up_to_the_limit_of_the_stack() {
    let body = [[0x41, 1].repeat(DEPTH), vec![0x6a; DEPTH - 1]].concat();
    let wasm = one_function(TO_I32, &body);
    assert_eq!(run(&wasm), Ok(vec![(DEPTH as u32).into()]));

    let mut store = Store::new(StoreLimits {
        stack_values: 100,
        ..StoreLimits::default()
    });
    let f = instantiate(&mut store, &wasm);
    assert_eq!(store.invoke(f, &[]), Err(Exhausted::CallStack.into()));
}

#[test]
fn calls_nest_to_the_limit_of_the_stack() {
    let wasm = one_function(NO_TYPE, &[0x10, 0]);
    assert_eq!(run(&wasm), Err(Exhausted::CallDepth.into()));
    let mut store = Store::new(StoreLimits {
        call_depth: u32::MAX,
        steps: if cfg!(miri) { 1000 } else { 2_000_000 },
        ..StoreLimits::default()
    });
    let f = instantiate(&mut store, &wasm);
    assert_eq!(store.invoke(f, &[]), Err(Exhausted::Steps.into()));
}

#[test]
fn supertypes_chain_to_any_depth() {
    // Structure 0 has no supertype, and the supertype of structure i is structure i-1. The last one
    // is made, and cast to the first.
    let mut types = leb(DEPTH + 1);
    for i in 0..DEPTH {
        let supers = match i {
            0 => vec![0],
            _ => [vec![1], leb(i - 1)].concat(),
        };
        types.extend([vec![0x50], supers, vec![0x5f, 0]].concat());
    }
    types.extend(TO_I32);
    let body = [
        vec![0, 0xfb, 0x01],
        leb(DEPTH - 1),
        vec![0xfb, 0x14],
        index(0),
        vec![0x0b],
    ]
    .concat();
    let wasm = module(&[
        section(1, &types),
        section(3, &[vec![1], leb(DEPTH)].concat()),
        section(7, b"\x01\x01f\0\0"),
        section(10, &[vec![1], leb(body.len()), body].concat()),
    ]);
    assert_eq!(run(&wasm), Ok(vec![1.into()]));
}

/// `DEPTH` structures in one group. Each has a field of the next one's type, and the last has one
/// of the first one's type.
fn ring_of_types() -> Vec<u8> {
    let mut types = [vec![1, 0x4e], leb(DEPTH)].concat();
    for i in 0..DEPTH {
        let next = index((i + 1) % DEPTH);
        types.extend([vec![0x5f, 1, 0x63], next, vec![1]].concat());
    }
    section(1, &types)
}

#[test]
fn types_refer_to_each_other_in_any_ring() {
    let wasm = module(&[ring_of_types()]);
    let module = Rc::new(Module::decode(&wasm).unwrap().validate().unwrap());
    let mut store = Store::new(StoreLimits::default());
    let types = store.close_types(&module);
    // The same group again is the same types.
    assert_eq!(store.close_types(&module), types);
    assert_eq!(types.len(), DEPTH);
}

#[test]
fn constant_expressions_nest_to_any_depth() {
    // A global that is a list, made by one expression.
    let node = section(1, &[vec![2, 0x5f, 1, 0x63, 0, 1], TO_I32.to_vec()].concat());
    let init = [vec![0xd0, 0], [0xfb, 0, 0].repeat(DEPTH), vec![0x0b]].concat();
    let body = [0, 0x23, 0, 0xd1, 0x0b];
    let wasm = module(&[
        node,
        section(3, &[1, 1]),
        section(6, &[vec![1, 0x63, 0, 0], init].concat()),
        section(7, b"\x01\x01f\0\0"),
        section(10, &[&[1, 5], body.as_slice()].concat()),
    ]);
    let mut store = Store::new(StoreLimits::default());
    let f = instantiate(&mut store, &wasm);
    assert_eq!(store.invoke(f, &[]), Ok(vec![0.into()]));
    let live = store.reach(Frames::Without);
    assert_eq!(live.objects(), DEPTH as u64);
}

/// `f` makes a list of that many nodes in a global, and returns the first.
fn list() -> Vec<u8> {
    let ty = [0x60, 1, 0x7f, 1, 0x63, 0];
    let types = [vec![2, 0x5f, 1, 0x63, 0, 1], ty.to_vec()].concat();
    let body: Vec<u8> = [
        &[0, 0x03, 0x40][..],
        // global := (struct.new (global)); repeat while --n
        &[0x23, 0, 0xfb, 0, 0, 0x24, 0],
        &[
            0x20, 0, 0x41, 1, 0x6b, 0x22, 0, 0x0d, 0, 0x0b, 0x23, 0, 0x0b,
        ],
    ]
    .concat();
    module(&[
        section(1, &types),
        section(3, &[1, 1]),
        section(6, &[1, 0x63, 0, 1, 0xd0, 0, 0x0b]),
        section(7, b"\x01\x01f\0\0"),
        section(10, &[vec![1], leb(body.len()), body].concat()),
    ])
}

#[test]
fn lists_have_any_length() {
    let mut store = Store::new(StoreLimits {
        heap_words: 4 * u64::from(NODES),
        ..StoreLimits::default()
    });
    let f = instantiate(&mut store, &list());
    let last = StructAddr(NODES - 1);
    assert_eq!(
        store.invoke(f, &[NODES.into()]),
        Ok(vec![Ref::Struct(last).into()])
    );
    assert_eq!(store.reach(Frames::Without).objects(), u64::from(NODES));
    let counted = store.reach_counted(Frames::Without);
    assert_eq!(counted.objects(), u64::from(NODES));
    let end = Ref::Struct(StructAddr(0));
    let (_, path) = store.path_to(end, Frames::Without).expect("it is live");
    assert_eq!(path.len(), NODES as usize);

    // A heap for half of it.
    let mut store = Store::new(StoreLimits {
        heap_words: 3 * u64::from(NODES) / 2,
        ..StoreLimits::default()
    });
    let f = instantiate(&mut store, &list());
    let result = store.invoke(f, &[NODES.into()]);
    assert_eq!(result, Err(Exhausted::Heap.into()));
    assert_eq!(store.objects_made(), NODES as usize / 2);
}
