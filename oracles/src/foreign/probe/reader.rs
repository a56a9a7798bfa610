//! The part of the probes that knows the types of a case: it finds out which type an object has,
//! and reads what is inside.
//!
//! Always: the dynamic type of an object is found by `br_on_cast_fail`, from the types without
//! supertypes down to the most specific one that the object has. There is one such path, because a
//! type has at most one supertype. Only types that something allocates are looked for. Objects are
//! read breadth first, in the order in which they were met.
//!
//! It is compiled for each program. So it has few accesses to references and few casts, which cost
//! a compiler most.
//!
//! An exception has no identity, so it is read each time it is met. An exception can only be read
//! by its tag, so probes of instances register a function that tries the tags they know.

use std::collections::BTreeMap;

use wasm_encoder::{
    BlockType, Catch, CompositeInnerType, ConstExpr, ExportKind, HeapType, InstructionSink,
    RefType, StorageType, TableType, ValType,
};

use super::builder::{Builder, repeat};
use super::{ANYREF, BASE, EQ, EQREF, EXNREF, EXTERNREF, FUNCREF, HOST, Uses, Writers, base};
use crate::foreign::module::parts;
use crate::foreign::tape::{NOBODY, mark};
use crate::foreign::types::Types;

/// Most functions that read exceptions.
pub const EXCEPTION_READERS: u32 = 256;

/// The functions of `base`, by their positions in [`base::FUNCS`].
struct Base([u32; base::FUNCS.len()]);

impl Base {
    fn import(b: &mut Builder) -> Base {
        Base(base::FUNCS.map(|(name, params, results)| b.import(BASE, name, params, results)))
    }

    fn get(&self, name: &str) -> u32 {
        let found = base::FUNCS.iter().position(|(known, ..)| *known == name);
        self.0[found.unwrap_or_default()]
    }
}

/// Returns the module.
pub fn module(types: &Types, uses: Uses) -> Vec<u8> {
    let mut b = Builder::with_types(|section| types.write(section), types.list.len());
    let base = Base::import(&mut b);
    b.import_memory(BASE, "out", base::PAGES, base::PAGES);
    b.export_item("out", ExportKind::Memory, 0);
    let extern_id = b.import(HOST, "extern_id_or_none", &[EXTERNREF], &[ValType::I32]);
    let rethrow = uses.exceptions.then(|| b.import(HOST, "rethrow", &[], &[]));
    let see = see(&mut b, &base, types);
    let any = any(&mut b, &base, see, extern_id);
    let ext = b.define(&[EXTERNREF], &[], &[], |sink| {
        sink.local_get(0).any_convert_extern().call(any);
    });
    b.export("extern", ext);
    let mut writers = Writers {
        i32: base.get("i32"),
        i64: base.get("i64"),
        f32: base.get("f32"),
        f64: base.get("f64"),
        func: base.get("func"),
        any,
        ext,
        ..Writers::default()
    };
    if uses.vectors {
        writers.v128 = b.define(&[ValType::V128], &[], &[], |sink| {
            sink.local_get(0).i64x2_extract_lane(0);
            sink.local_get(0).i64x2_extract_lane(1);
            sink.call(base.get("pair"));
        });
        b.export("v128", writers.v128);
    }
    if let Some(rethrow) = rethrow {
        writers.exn = exceptions(&mut b, &base, rethrow);
    }
    let read = read(&mut b, &base, types, &writers);
    let end = b.define(&[], &[ValType::I32], &[ValType::I32], |sink| {
        repeat(
            sink,
            |sink| {
                sink.local_get(0).call(base.get("more"));
            },
            |sink| {
                sink.local_get(0).call(base.get("object"));
                sink.local_get(0).call(base.get("type"));
                sink.call(read);
                sink.local_get(0).i32_const(1).i32_add().local_set(0);
            },
        );
        sink.call(base.get("finish"));
    });
    b.export("end", end);
    b.finish()
}

/// `any(anyref)`: writes a reference of the hierarchy `any`.
fn any(b: &mut Builder, base: &Base, see: u32, extern_id: u32) -> u32 {
    let any = b.define(&[ANYREF], &[], &[], |sink| {
        sink.local_get(0).ref_is_null().if_(BlockType::Empty);
        sink.call(base.get("null")).return_();
        sink.end();
        sink.local_get(0)
            .ref_test_non_null(HeapType::I31)
            .if_(BlockType::Empty);
        sink.local_get(0)
            .ref_cast_non_null(HeapType::I31)
            .i31_get_u();
        sink.call(base.get("i31")).return_();
        sink.end();
        sink.local_get(0)
            .ref_test_non_null(EQ)
            .if_(BlockType::Empty);
        sink.local_get(0).ref_cast_non_null(EQ).call(see).return_();
        sink.end();
        sink.local_get(0)
            .extern_convert_any()
            .call(extern_id)
            .call(base.get("host"));
    });
    b.export("any", any);
    any
}

/// The types that objects can have, each with the next more specific ones.
struct Tree {
    roots: Vec<u32>,
    below: BTreeMap<u32, Vec<u32>>,
}

impl Tree {
    fn of(types: &Types) -> Tree {
        let mut tree = Tree {
            roots: Vec::new(),
            below: BTreeMap::new(),
        };
        for at in objects(types) {
            let mut above = types.list[at as usize].supertype_idxs.first();
            while let Some(&of) = above
                && !types.allocated.contains(&of)
            {
                above = types.list[of as usize].supertype_idxs.first();
            }
            match above {
                None => tree.roots.push(at),
                Some(&above) => tree.below.entry(above).or_default().push(at),
            }
        }
        tree
    }

    fn below(&self, at: u32) -> &[u32] {
        self.below.get(&at).map_or(&[], Vec::as_slice)
    }
}

/// The types that objects can have, in order.
fn objects(types: &Types) -> impl Iterator<Item = u32> + '_ {
    let all = types.allocated.iter().copied();
    all.filter(|&at| parts(&types.list[at as usize]).is_some())
}

/// One local for each of some types, for objects that have it.
struct Typed {
    first: u32,
    types: Vec<u32>,
}

impl Typed {
    fn new(first: u32, types: impl Iterator<Item = u32>) -> Typed {
        let types = types.collect();
        Typed { first, types }
    }

    fn locals(&self) -> impl Iterator<Item = ValType> + '_ {
        self.types.iter().map(|&at| {
            ValType::Ref(RefType {
                nullable: true,
                heap_type: HeapType::Concrete(at),
            })
        })
    }

    fn local(&self, ty: u32) -> Option<u32> {
        let position = self.types.iter().position(|&of| of == ty)?;
        Some(self.first + position as u32)
    }
}

/// `see(eqref)`: writes the number of an object that is a structure or array.
fn see(b: &mut Builder, base: &Base, types: &Types) -> u32 {
    let tree = Tree::of(types);
    let find = base.get("find");
    let hashed = Typed::new(1, objects(types).filter(|&at| has_hash(types, at)));
    let locals: Vec<ValType> = hashed.locals().collect();
    b.define(&[EQREF], &[], &locals, |sink| {
        // Types that are still to be tested, and types whose subtypes were all tested.
        enum Todo {
            Test(u32),
            Leave(u32),
        }
        let mut todo: Vec<Todo> = tree.roots.iter().rev().map(|&at| Todo::Test(at)).collect();
        while let Some(next) = todo.pop() {
            match next {
                Todo::Test(at) => {
                    sink.block(BlockType::Result(EQREF)).local_get(0);
                    sink.br_on_cast_fail(0, ANY_EQ, concrete(at));
                    match hashed.local(at) {
                        Some(local) => sink.local_set(local),
                        None => sink.drop(),
                    };
                    todo.push(Todo::Leave(at));
                    todo.extend(tree.below(at).iter().rev().map(|&at| Todo::Test(at)));
                }
                Todo::Leave(at) => {
                    sink.local_get(0).i32_const(at as i32);
                    hash(sink, types, at, hashed.local(at));
                    sink.call(find).return_();
                    sink.end().drop();
                }
            }
        }
        sink.local_get(0)
            .i32_const(NOBODY as i32)
            .i32_const(0)
            .call(find);
    })
}

const ANY_EQ: RefType = RefType {
    nullable: true,
    heap_type: EQ,
};

fn concrete(at: u32) -> RefType {
    RefType {
        nullable: false,
        heap_type: HeapType::Concrete(at),
    }
}

/// The first numbers in a structure of this type: field and type. An array has none.
fn numbers(types: &Types, ty: u32) -> impl Iterator<Item = (u32, StorageType)> + '_ {
    const NUMBERS: usize = 2;
    let fields = match &types.list[ty as usize].composite_type.inner {
        CompositeInnerType::Struct(of) => &*of.fields,
        _ => &[],
    };
    let scalar = |field: &wasm_encoder::FieldType| !field.element_type.unpack().is_reference();
    let fields = (0..).zip(fields).filter(move |(_, field)| scalar(field));
    let first = fields.take(NUMBERS);
    let numbers = first.filter(|(_, field)| field.element_type.unpack() != ValType::V128);
    numbers.map(|(at, field)| (at, field.element_type))
}

fn is_array(types: &Types, ty: u32) -> bool {
    let inner = &types.list[ty as usize].composite_type.inner;
    matches!(inner, CompositeInnerType::Array(_))
}

/// Whether the hash of an object of this type depends on the object.
fn has_hash(types: &Types, ty: u32) -> bool {
    is_array(types, ty) || numbers(types, ty).next().is_some()
}

/// Leaves a hash of the first two numbers in the object of this type in `local`. For an array it is
/// the length.
fn hash(sink: &mut InstructionSink<'_>, types: &Types, ty: u32, local: Option<u32>) {
    let Some(local) = local else {
        sink.i32_const(0);
        return;
    };
    if is_array(types, ty) {
        sink.local_get(local).array_len();
        return;
    }
    sink.i32_const(0);
    for (at, storage) in numbers(types, ty) {
        sink.i32_const(31).i32_mul();
        sink.local_get(local);
        get(sink, ty, at, storage);
        match storage.unpack() {
            ValType::I64 => sink.i32_wrap_i64(),
            ValType::F32 => sink.i32_reinterpret_f32(),
            // The upper half: small numbers differ there.
            ValType::F64 => sink
                .i64_reinterpret_f64()
                .i64_const(32)
                .i64_shr_u()
                .i32_wrap_i64(),
            _ => &mut *sink,
        };
        sink.i32_add();
    }
}

fn get(sink: &mut InstructionSink<'_>, ty: u32, field: u32, storage: StorageType) {
    match storage {
        StorageType::Val(_) => sink.struct_get(ty, field),
        StorageType::I8 | StorageType::I16 => sink.struct_get_u(ty, field),
    };
}

/// `read(eqref, type)`: writes what is inside of an object.
fn read(b: &mut Builder, base: &Base, types: &Types, writers: &Writers) -> u32 {
    let objects: Vec<u32> = objects(types).collect();
    // The label of each type. Types that no object has share the label of unknown ones.
    let unknown = objects.len() as u32;
    let mut labels = vec![unknown; types.list.len()];
    for (label, &at) in (0..).zip(&objects) {
        labels[at as usize] = label;
    }
    let several = |&at: &u32| is_array(types, at) || field_count(types, at) > 1;
    let typed = Typed::new(4, objects.iter().copied().filter(several));
    let locals: Vec<ValType> = [ValType::I32, ValType::I32]
        .into_iter()
        .chain(typed.locals())
        .collect();
    b.define(&[EQREF, ValType::I32], &[], &locals, |sink| {
        sink.local_get(1).call(base.get("head"));
        for _ in 0..=unknown {
            sink.block(BlockType::Empty);
        }
        sink.local_get(1)
            .br_table(labels.iter().copied(), unknown)
            .end();
        for &at in &objects {
            inside(sink, base, types, writers, (at, typed.local(at)));
            sink.return_().end();
        }
    })
}

fn field_count(types: &Types, ty: u32) -> usize {
    parts(&types.list[ty as usize]).map_or(0, |parts| parts.len())
}

/// Writes the fields or elements of the object in local 0, which has this type. Keeps it in the
/// local for objects of the type, if there is one.
fn inside(
    sink: &mut InstructionSink<'_>,
    base: &Base,
    types: &Types,
    writers: &Writers,
    (ty, local): (u32, Option<u32>),
) {
    const INDEX: u32 = 2;
    const LENGTH: u32 = 3;
    let cast = |sink: &mut InstructionSink<'_>| {
        sink.local_get(0).ref_cast_non_null(HeapType::Concrete(ty));
    };
    if let Some(local) = local {
        cast(sink);
        sink.local_set(local);
    }
    let object = |sink: &mut InstructionSink<'_>| match local {
        Some(local) => {
            sink.local_get(local);
        }
        None => cast(sink),
    };
    match &types.list[ty as usize].composite_type.inner {
        CompositeInnerType::Struct(of) => {
            for (at, field) in (0..).zip(&of.fields) {
                object(sink);
                get(sink, ty, at, field.element_type);
                sink.call(writers.of(&types.list, field.element_type.unpack()));
            }
        }
        CompositeInnerType::Array(of) => {
            object(sink);
            sink.array_len().local_tee(LENGTH).call(base.get("size"));
            sink.i32_const(0).local_set(INDEX);
            repeat(
                sink,
                |sink| {
                    sink.local_get(INDEX).local_get(LENGTH).i32_lt_u();
                },
                |sink| {
                    object(sink);
                    sink.local_get(INDEX);
                    match of.0.element_type {
                        StorageType::Val(_) => sink.array_get(ty),
                        StorageType::I8 | StorageType::I16 => sink.array_get_u(ty),
                    };
                    sink.call(writers.of(&types.list, of.0.element_type.unpack()));
                    sink.local_get(INDEX)
                        .local_get(LENGTH)
                        .call(base.get("next"));
                    sink.local_set(INDEX);
                },
            );
        }
        CompositeInnerType::Func(_) | CompositeInnerType::Cont(_) => {}
    }
}

/// Defines `exn(exnref)`, `thrown()` and `register(funcref)`. Returns the first one.
fn exceptions(b: &mut Builder, base: &Base, rethrow: u32) -> u32 {
    let readers = b.table(TableType {
        element_type: RefType::FUNCREF,
        table64: false,
        minimum: u64::from(EXCEPTION_READERS),
        maximum: Some(u64::from(EXCEPTION_READERS)),
        shared: false,
    });
    let count = b.global(ValType::I32, true, &ConstExpr::i32_const(0));
    let register = b.define(&[FUNCREF], &[], &[], |sink| {
        sink.global_get(count)
            .i32_const(EXCEPTION_READERS as i32)
            .i32_lt_u();
        sink.if_(BlockType::Empty);
        sink.global_get(count).local_get(0).table_set(readers);
        sink.global_get(count)
            .i32_const(1)
            .i32_add()
            .global_set(count);
        sink.end();
    });
    b.export("register", register);
    let try_it = b.func_type(&[EXNREF, ValType::I32], &[ValType::I32]);
    const NUMBER: u32 = 1;
    let exn = b.define(&[EXNREF], &[], &[ValType::I32], |sink| {
        sink.local_get(0).ref_is_null().if_(BlockType::Empty);
        sink.call(base.get("null")).return_();
        sink.end();
        repeat(
            sink,
            |sink| {
                sink.local_get(NUMBER).global_get(count).i32_lt_u();
            },
            |sink| {
                sink.local_get(0).local_get(NUMBER);
                sink.local_get(NUMBER).call_indirect(readers, try_it);
                sink.if_(BlockType::Empty).return_().end();
                sink.local_get(NUMBER)
                    .i32_const(1)
                    .i32_add()
                    .local_set(NUMBER);
            },
        );
        sink.i32_const(NOBODY as i32).call(base.get("exception"));
    });
    b.export("exn", exn);
    let thrown = b.define(&[], &[], &[], |sink| {
        sink.i32_const(mark::THROWN as i32).call(base.get("mark"));
        sink.block(BlockType::Result(EXNREF));
        sink.try_table(BlockType::Empty, [Catch::AllRef { label: 0 }]);
        sink.call(rethrow);
        sink.end();
        sink.unreachable();
        sink.end();
        sink.call(exn);
    });
    b.export("thrown", thrown);
    exn
}
