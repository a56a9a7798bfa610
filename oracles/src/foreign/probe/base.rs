//! The part of the probes that is the same for every case: a memory to write into, and the table of
//! objects met during an observation.
//!
//! Always: an engine may keep its compiled form, because its bytes never change. After `finish` it
//! refers to no object. It grows nothing, and accesses its table by single elements only, because
//! engines err most in growing and in bulk operations.
//!
//! Objects are told apart by `ref.eq`. An object is looked up among those with the same type and
//! the same hash of its numbers. Neither changes during an observation.

use wasm_encoder::{
    BlockType, ConstExpr, ExportKind, InstructionSink, MemArg, MemArgTarget, RefType, TableType,
    ValType,
};

use super::builder::{Builder, repeat};
use super::{EQ, EQREF, FUNCREF, HOST};
use crate::foreign::tape::{COMPLETE, FULL, HEADER, NOBODY, tag};
use crate::observe::ELEMENTS_ALL;

/// Bytes that an observation may have.
const ROOM: u32 = 48 << 16;
/// Most bytes of one value.
const VALUE: u32 = 32;
/// Most objects of an observation.
pub const OBJECTS: u32 = 8192;
const BUCKETS: u32 = 4096;
const BUCKETS_AT: u32 = ROOM;
const RECORDS_AT: u32 = BUCKETS_AT + 4 * BUCKETS;
/// The fields of a record: the number of the next object in the same bucket, the type, the bucket's
/// address.
const RECORD: u32 = 12;
/// Pages of its memory.
pub const PAGES: u64 = ((RECORDS_AT + OBJECTS * RECORD) as u64).div_ceil(1 << 16);

/// The functions that other probes import: name, parameters, results.
pub(super) const FUNCS: [(&str, &[ValType], &[ValType]); 20] = [
    ("null", &[], &[]),
    ("i32", &[ValType::I32], &[]),
    ("i64", &[ValType::I64], &[]),
    ("f32", &[ValType::F32], &[]),
    ("f64", &[ValType::F64], &[]),
    ("pair", &[ValType::I64, ValType::I64], &[]),
    ("i31", &[ValType::I32], &[]),
    ("host", &[ValType::I32], &[]),
    ("func", &[FUNCREF], &[]),
    ("exception", &[ValType::I32], &[]),
    ("tag", &[ValType::I32], &[]),
    ("mark", &[ValType::I32], &[]),
    ("head", &[ValType::I32], &[]),
    ("size", &[ValType::I32], &[]),
    ("find", &[EQREF, ValType::I32, ValType::I32], &[]),
    ("object", &[ValType::I32], &[EQREF]),
    ("type", &[ValType::I32], &[ValType::I32]),
    ("more", &[ValType::I32], &[ValType::I32]),
    ("next", &[ValType::I32, ValType::I32], &[ValType::I32]),
    ("finish", &[], &[ValType::I32]),
];

/// Returns the names of `FUNCS`.
pub fn exports() -> impl Iterator<Item = &'static str> {
    FUNCS.iter().map(|(name, ..)| *name)
}

const fn at(offset: u32) -> MemArg {
    MemArg {
        offset: offset as u64,
        align: 0,
        target: MemArgTarget::Memory(0),
        ordering: None,
    }
}

/// Globals.
struct Globals {
    position: u32,
    count: u32,
    full: u32,
}

/// Returns the module. `numbers` says whether functions are given to `func_id`.
pub fn module(numbers: bool) -> Vec<u8> {
    let mut b = Builder::default();
    let func_id = numbers.then(|| b.import(HOST, "func_id", &[FUNCREF], &[ValType::I32]));
    b.memory(PAGES, PAGES);
    let table = b.table(TableType {
        element_type: RefType::EQREF,
        table64: false,
        minimum: u64::from(OBJECTS),
        maximum: Some(u64::from(OBJECTS)),
        shared: false,
    });
    let mut word = |value: u32| b.global(ValType::I32, true, &ConstExpr::i32_const(value as i32));
    let globals = Globals {
        position: word(HEADER),
        count: word(0),
        full: word(0),
    };
    let object = writers(&mut b, &globals, func_id);
    lookup(&mut b, &globals, table, object);
    walking(&mut b, &globals, table);
    finish(&mut b, &globals, table);
    b.export_item("out", ExportKind::Memory, 0);
    b.finish()
}

/// Writes a tag and lets `value` write what follows, unless there is no room.
fn write(
    sink: &mut InstructionSink<'_>,
    g: &Globals,
    tag: u8,
    size: u32,
    value: impl FnOnce(&mut InstructionSink<'_>),
) {
    sink.global_get(g.position)
        .i32_const((ROOM - VALUE) as i32)
        .i32_gt_u();
    sink.if_(BlockType::Empty);
    sink.i32_const(1).global_set(g.full).return_();
    sink.end();
    sink.global_get(g.position)
        .i32_const(i32::from(tag))
        .i32_store8(at(0));
    value(sink);
    sink.global_get(g.position)
        .i32_const(1 + size as i32)
        .i32_add()
        .global_set(g.position);
}

/// Defines the functions that write one value each. Returns the one that writes the number of an
/// object.
fn writers(b: &mut Builder, g: &Globals, func_id: Option<u32>) -> u32 {
    let null = b.define(&[], &[], &[], |sink| write(sink, g, tag::NULL, 0, |_| {}));
    b.export("null", null);
    let [object, func] = word_writers(b, g);
    let long = b.define(&[ValType::I64], &[], &[], |sink| {
        write(sink, g, tag::I64, 8, |sink| {
            sink.global_get(g.position).local_get(0).i64_store(at(1));
        });
    });
    b.export("i64", long);
    let single = b.define(&[ValType::F32], &[], &[], |sink| {
        write(sink, g, tag::F32, 4, |sink| {
            sink.global_get(g.position).local_get(0).f32_store(at(1));
        });
    });
    b.export("f32", single);
    let double = b.define(&[ValType::F64], &[], &[], |sink| {
        write(sink, g, tag::F64, 8, |sink| {
            sink.global_get(g.position).local_get(0).f64_store(at(1));
        });
    });
    b.export("f64", double);
    let pair = b.define(&[ValType::I64, ValType::I64], &[], &[], |sink| {
        write(sink, g, tag::V128, 16, |sink| {
            sink.global_get(g.position).local_get(0).i64_store(at(1));
            sink.global_get(g.position).local_get(1).i64_store(at(9));
        });
    });
    b.export("pair", pair);
    let reference = b.define(&[FUNCREF], &[], &[], |sink| {
        sink.local_get(0).ref_is_null().if_(BlockType::Empty);
        sink.call(null).return_();
        sink.end();
        match func_id {
            Some(func_id) => sink.local_get(0).call(func_id).call(func),
            None => sink.i32_const(NOBODY as i32).call(func),
        };
    });
    b.export("func", reference);
    object
}

/// Defines the functions that write a tag and one word. Returns those for the number of an object
/// and the number of a function, which are not exported.
fn word_writers(b: &mut Builder, g: &Globals) -> [u32; 2] {
    let words = [
        ("i32", tag::I32),
        ("i31", tag::I31),
        ("host", tag::HOST),
        ("exception", tag::EXN),
        ("tag", tag::TAG),
        ("mark", tag::MARK),
        ("head", tag::HEAD),
        ("size", tag::SIZE),
        ("", tag::OBJECT),
        ("", tag::FUNC),
    ];
    let word = |b: &mut Builder, tag: u8| {
        b.define(&[ValType::I32], &[], &[], |sink| {
            write(sink, g, tag, 4, |sink| {
                sink.global_get(g.position).local_get(0).i32_store(at(1));
            });
        })
    };
    let mut last = [0; 2];
    for (name, tag) in words {
        let index = word(b, tag);
        if !name.is_empty() {
            b.export(name, index);
        }
        last = [last[1], index];
    }
    last
}

// Locals of `find`: its parameters, the address of the bucket, and the number of an object plus 1.
const OF: u32 = 0;
const TYPE: u32 = 1;
const HASH: u32 = 2;
const BUCKET: u32 = 3;
const NUMBER: u32 = 4;

/// `find(object, type, hash)`: writes the number of an object, a new one if it was not met before.
fn lookup(b: &mut Builder, g: &Globals, table: u32, object: u32) {
    let find = b.define(
        &[EQREF, ValType::I32, ValType::I32],
        &[],
        &[ValType::I32, ValType::I32],
        |sink| {
            bucket(sink);
            search(sink, table, object);
            sink.global_get(g.count)
                .i32_const(OBJECTS as i32)
                .i32_ge_u();
            sink.if_(BlockType::Empty);
            sink.i32_const(1).global_set(g.full).return_();
            sink.end();
            add(sink, g, table);
            sink.global_get(g.count).i32_const(1).i32_sub().call(object);
        },
    );
    b.export("find", find);
}

/// Finds the bucket of the type and the hash, and the first object in it.
fn bucket(sink: &mut InstructionSink<'_>) {
    sink.local_get(HASH)
        .i32_const(31)
        .i32_mul()
        .local_get(TYPE)
        .i32_add();
    // The upper bits of a product.
    sink.i32_const(0x9e37_79b1_u32 as i32).i32_mul();
    sink.i32_const(32 - BUCKETS.ilog2() as i32).i32_shr_u();
    sink.i32_const(4).i32_mul().local_set(BUCKET);
    sink.local_get(BUCKET)
        .i32_load(at(BUCKETS_AT))
        .local_set(NUMBER);
}

/// Searches the bucket. If the object is in it, writes its number and returns.
fn search(sink: &mut InstructionSink<'_>, table: u32, object: u32) {
    // Numbers in buckets are counted from 1.
    repeat(
        sink,
        |sink| {
            sink.local_get(NUMBER);
        },
        |sink| {
            sink.local_get(NUMBER)
                .i32_const(1)
                .i32_sub()
                .table_get(table);
            sink.local_get(OF).ref_eq().if_(BlockType::Empty);
            sink.local_get(NUMBER)
                .i32_const(1)
                .i32_sub()
                .call(object)
                .return_();
            sink.end();
            sink.local_get(NUMBER).i32_const(RECORD as i32).i32_mul();
            sink.i32_load(at(RECORDS_AT - RECORD)).local_set(NUMBER);
        },
    );
}

/// Adds the object to the table and to its bucket.
fn add(sink: &mut InstructionSink<'_>, g: &Globals, table: u32) {
    sink.global_get(g.count).local_get(OF).table_set(table);
    let record = |sink: &mut InstructionSink<'_>| {
        sink.global_get(g.count).i32_const(RECORD as i32).i32_mul();
    };
    record(sink);
    sink.local_get(BUCKET)
        .i32_load(at(BUCKETS_AT))
        .i32_store(at(RECORDS_AT));
    record(sink);
    sink.local_get(TYPE).i32_store(at(RECORDS_AT + 4));
    record(sink);
    sink.local_get(BUCKET).i32_store(at(RECORDS_AT + 8));
    sink.global_get(g.count)
        .i32_const(1)
        .i32_add()
        .global_set(g.count);
    sink.local_get(BUCKET)
        .global_get(g.count)
        .i32_store(at(BUCKETS_AT));
}

/// The functions with which the reader walks over the objects met, and over the elements of an
/// array.
fn walking(b: &mut Builder, g: &Globals, table: u32) {
    let object = b.define(&[ValType::I32], &[EQREF], &[], |sink| {
        sink.local_get(0).table_get(table);
    });
    b.export("object", object);
    let ty = b.define(&[ValType::I32], &[ValType::I32], &[], |sink| {
        sink.local_get(0)
            .i32_const(RECORD as i32)
            .i32_mul()
            .i32_load(at(RECORDS_AT + 4));
    });
    b.export("type", ty);
    // Tests that an object has this number, and that there is room to write it.
    let more = b.define(&[ValType::I32], &[ValType::I32], &[], |sink| {
        sink.local_get(0).global_get(g.count).i32_lt_u();
        sink.global_get(g.full).i32_eqz().i32_and();
    });
    b.export("more", more);
    let next = b.define(
        &[ValType::I32, ValType::I32],
        &[ValType::I32],
        &[ValType::I32],
        next_element,
    );
    b.export("next", next);
}

/// `next(index, length)`: the element that is observed after this one, as
/// [`observed_elements`](crate::observe::observed_elements) says. At the end it is at least
/// `length`.
fn next_element(sink: &mut InstructionSink<'_>) {
    const END: u32 = ELEMENTS_ALL / 4;
    const MIDDLE: u32 = 2 * END;
    const INDEX: u32 = 0;
    const LENGTH: u32 = 1;
    const STEP: u32 = 2;
    sink.local_get(LENGTH)
        .i32_const(ELEMENTS_ALL as i32)
        .i32_gt_u()
        .if_(BlockType::Empty);
    sink.local_get(LENGTH).i32_const(2 * END as i32).i32_sub();
    sink.i32_const(MIDDLE as i32).i32_div_u().local_set(STEP);
    // In the middle part, but not its last element.
    sink.local_get(INDEX).i32_const(END as i32).i32_ge_u();
    sink.local_get(INDEX).i32_const(END as i32).i32_sub();
    sink.local_get(STEP)
        .i32_const(MIDDLE as i32 - 1)
        .i32_mul()
        .i32_lt_u();
    sink.i32_and().if_(BlockType::Empty);
    sink.local_get(INDEX).local_get(STEP).i32_add().return_();
    sink.end();
    // The last element of the middle part: the next one begins the end.
    sink.local_get(INDEX).i32_const(END as i32).i32_sub();
    sink.local_get(STEP)
        .i32_const(MIDDLE as i32 - 1)
        .i32_mul()
        .i32_eq()
        .if_(BlockType::Empty);
    sink.local_get(LENGTH)
        .i32_const(END as i32)
        .i32_sub()
        .return_();
    sink.end();
    sink.end();
    sink.local_get(INDEX).i32_const(1).i32_add();
}

/// `finish`: writes the header, forgets all objects, and returns how many bytes there are.
fn finish(b: &mut Builder, g: &Globals, table: u32) {
    const NUMBER: u32 = 0;
    const BYTES: u32 = 1;
    let finish = b.define(
        &[],
        &[ValType::I32],
        &[ValType::I32, ValType::I32],
        |sink| {
            sink.i32_const(0);
            sink.i32_const(FULL as i32)
                .i32_const(COMPLETE as i32)
                .global_get(g.full)
                .select();
            sink.i32_store(at(0));
            sink.i32_const(0).global_get(g.count).i32_store(at(4));
            repeat(
                sink,
                |sink| {
                    sink.local_get(NUMBER).global_get(g.count).i32_lt_u();
                },
                |sink| {
                    sink.local_get(NUMBER).ref_null(EQ).table_set(table);
                    sink.local_get(NUMBER).i32_const(RECORD as i32).i32_mul();
                    sink.i32_load(at(RECORDS_AT + 8))
                        .i32_const(0)
                        .i32_store(at(BUCKETS_AT));
                    sink.local_get(NUMBER)
                        .i32_const(1)
                        .i32_add()
                        .local_set(NUMBER);
                },
            );
            sink.global_get(g.position).local_set(BYTES);
            sink.i32_const(HEADER as i32).global_set(g.position);
            sink.i32_const(0).global_set(g.count);
            sink.i32_const(0).global_set(g.full);
            sink.local_get(BYTES);
        },
    );
    b.export("finish", finish);
}
