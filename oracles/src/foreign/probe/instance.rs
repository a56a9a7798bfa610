//! The probe of the instances of one module: it reads what they export, what their functions
//! return, and exceptions whose tags they export.
//!
//! | export | meaning |
//! |---|---|
//! | `state : [] -> []` | writes every exported global, then every exported table |
//! | `results:K : [t*] -> []` | writes the results of a function with the `K`-th list of results |
//! | `invoke:N : [u*] -> []` | calls the `N`-th export, for values that do not cross the engine's boundary: floats come as their bits, vectors as two halves, references to exceptions not at all, because only null can be given |
//!
//! Always: it is made from the module alone, so that it can be kept and used for every instance of
//! the module. Types have the same indices as in the module.

use wasm_encoder::{BlockType, Catch, HeapType, InstructionSink, TableType, ValType};

use super::builder::{Builder, repeat};
use super::{ANYREF, BASE, EXNREF, EXTERNREF, FUNCREF, READER, SUBJECT, Uses, Writers};
use crate::foreign::module::{Item, Module};
use crate::foreign::tape::mark;
use crate::foreign::types;
use crate::value::HeapTop;

/// What crosses the boundary of an engine.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Crosses {
    /// Vectors.
    pub vectors: bool,
    /// References to exceptions.
    pub exceptions: bool,
    /// The bits of NaNs.
    pub nan_bits: bool,
}

/// A probe and what it offers.
#[derive(Clone, Debug, Default)]
pub struct Probe {
    /// The module.
    pub wasm: Vec<u8>,
    /// What it imports: from `base`, from `reader`, and from the instance that is read.
    pub imports: Vec<(String, String)>,
    /// The lists of results, by their numbers in `results:K`. The empty list needs none.
    pub results: Vec<Vec<ValType>>,
    /// Exports that have an `invoke:N`.
    pub wrapped: Vec<usize>,
    /// Tags that it reads exceptions of: indices in the module, in the order of their numbers.
    pub tags: Vec<u32>,
}

impl Crosses {
    /// Returns true if values of a type can cross the boundary.
    pub fn allows(self, module: &Module, ty: ValType) -> bool {
        match ty {
            ValType::V128 => self.vectors,
            ValType::Ref(ty) => self.exceptions || module.top(ty) != HeapTop::Exn,
            _ => true,
        }
    }

    /// Whether a function with this type has an `invoke:N`.
    fn wraps(self, module: &Module, ty: u32) -> bool {
        let Some(ty) = module.func_type(ty) else {
            return false;
        };
        let float = |ty: &ValType| matches!(ty, ValType::F32 | ValType::F64);
        let all = || ty.params().iter().chain(ty.results());
        all().any(|&ty| !self.allows(module, ty))
            || (!self.nan_bits && ty.params().iter().any(float))
    }
}

/// Returns the probe for a module.
pub fn probe(module: &Module, uses: Uses, crosses: Crosses) -> Probe {
    let mut probe = Probe::default();
    let types = |section: &mut _| types::write(&module.types, &module.groups, section);
    let mut b = Builder::with_types(types, module.types.len());
    let (mark, size) = (
        b.import(BASE, "mark", &[ValType::I32], &[]),
        b.import(BASE, "size", &[ValType::I32], &[]),
    );
    let writers = writers(&mut b, uses);
    let subject = Subject::import(&mut b, module, crosses, uses, &mut probe);
    let exceptions = (uses.exceptions && !probe.tags.is_empty()).then(|| {
        (
            b.import(BASE, "exception", &[ValType::I32], &[]),
            b.import(BASE, "tag", &[ValType::I32], &[]),
            b.import(READER, "register", &[FUNCREF], &[]),
        )
    });
    state(&mut b, module, &subject, &writers, [mark, size]);
    for export in &module.exports {
        if let Item::Func(index) = export.item
            && let Some(ty) = module.func_type(module.funcs[index as usize])
        {
            let results = ty.results().to_vec();
            let crossing = results.iter().all(|&ty| crosses.allows(module, ty));
            if crossing && !results.is_empty() && !probe.results.contains(&results) {
                probe.results.push(results);
            }
        }
    }
    for (number, results) in probe.results.iter().enumerate() {
        let func = b.define(results, &[], &[], |sink| {
            sink.i32_const(mark::RESULTS as i32).call(mark);
            for (at, &ty) in (0..).zip(results) {
                sink.local_get(at).call(writers.of(&module.types, ty));
            }
        });
        b.export(&format!("results:{number}"), func);
    }
    for &(number, func, ty) in &subject.wrapped {
        wrap(&mut b, module, uses, &writers, mark, (number, func, ty));
    }
    if let Some((exception, tag, register)) = exceptions {
        let reader = exception_reader(&mut b, module, &subject.tags, &writers, [exception, tag]);
        b.export("exn", reader);
        let start = b.define(&[], &[], &[], |sink| {
            sink.ref_func(reader).call(register);
        });
        b.start(start);
    }
    probe.imports = b.imported();
    probe.wasm = b.finish();
    probe
}

fn writers(b: &mut Builder, uses: Uses) -> Writers {
    let mut from = |module: &str, name: &str, ty: ValType| b.import(module, name, &[ty], &[]);
    Writers {
        i32: from(BASE, "i32", ValType::I32),
        i64: from(BASE, "i64", ValType::I64),
        f32: from(BASE, "f32", ValType::F32),
        f64: from(BASE, "f64", ValType::F64),
        func: from(BASE, "func", FUNCREF),
        any: from(READER, "any", ANYREF),
        ext: from(READER, "extern", EXTERNREF),
        v128: if uses.vectors {
            from(READER, "v128", ValType::V128)
        } else {
            0
        },
        exn: if uses.exceptions {
            from(READER, "exn", EXNREF)
        } else {
            0
        },
    }
}

/// What is imported from the instance that is read.
struct Subject {
    /// Exported globals in order: index here, type.
    globals: Vec<(u32, ValType)>,
    /// Exported tables in order.
    tables: Vec<(u32, TableType)>,
    /// Functions with a wrapper: number of the export, index here, type.
    wrapped: Vec<(usize, u32, u32)>,
    /// Tags: index here, type.
    tags: Vec<(u32, u32)>,
}

impl Subject {
    fn import(
        b: &mut Builder,
        module: &Module,
        crosses: Crosses,
        uses: Uses,
        probe: &mut Probe,
    ) -> Subject {
        let mut subject = Subject {
            globals: Vec::new(),
            tables: Vec::new(),
            wrapped: Vec::new(),
            tags: Vec::new(),
        };
        for (number, export) in module.exports.iter().enumerate() {
            let name = export.name.as_str();
            match export.item {
                Item::Global(index) => {
                    let ty = module.globals[index as usize];
                    let here = b.import_global(SUBJECT, name, ty);
                    subject.globals.push((here, ty.val_type));
                }
                Item::Table(index) => {
                    // The table may be of any size by now.
                    let ty = TableType {
                        minimum: 0,
                        maximum: None,
                        ..module.tables[index as usize]
                    };
                    let here = b.import_table(SUBJECT, name, ty);
                    subject.tables.push((here, ty));
                }
                Item::Func(index) => {
                    let ty = module.funcs[index as usize];
                    if crosses.wraps(module, ty) {
                        let here = b.import_typed(SUBJECT, name, ty);
                        subject.wrapped.push((number, here, ty));
                        probe.wrapped.push(number);
                    }
                }
                Item::Tag(index) if uses.exceptions && !probe.tags.contains(&index) => {
                    let ty = module.tags[index as usize];
                    let here = b.import_tag(SUBJECT, name, ty);
                    subject.tags.push((here, ty));
                    probe.tags.push(index);
                }
                Item::Tag(_) | Item::Memory(_) => {}
            }
        }
        subject
    }
}

/// `state`.
fn state(
    b: &mut Builder,
    module: &Module,
    subject: &Subject,
    writers: &Writers,
    [mark, size]: [u32; 2],
) {
    const INDEX: [u32; 2] = [0, 1];
    const SIZE: [u32; 2] = [2, 3];
    let (narrow, wide) = (ValType::I32, ValType::I64);
    let func = b.define(&[], &[], &[narrow, wide, narrow, wide], |sink| {
        sink.i32_const(mark::STATE as i32).call(mark);
        for &(global, ty) in &subject.globals {
            sink.global_get(global).call(writers.of(&module.types, ty));
        }
        for &(table, ty) in &subject.tables {
            let at = usize::from(ty.table64);
            let (index, count) = (INDEX[at], SIZE[at]);
            sink.table_size(table).local_tee(count);
            if ty.table64 {
                sink.i32_wrap_i64();
            }
            sink.call(size);
            let constant = |sink: &mut InstructionSink<'_>, value: i32| {
                if ty.table64 {
                    sink.i64_const(i64::from(value));
                } else {
                    sink.i32_const(value);
                }
            };
            constant(sink, 0);
            sink.local_set(index);
            repeat(
                sink,
                |sink| {
                    sink.local_get(index).local_get(count);
                    if ty.table64 {
                        sink.i64_lt_u();
                    } else {
                        sink.i32_lt_u();
                    }
                },
                |sink| {
                    sink.local_get(index).table_get(table);
                    sink.call(writers.of(&module.types, ValType::Ref(ty.element_type)));
                    sink.local_get(index);
                    constant(sink, 1);
                    if ty.table64 {
                        sink.i64_add();
                    } else {
                        sink.i32_add();
                    }
                    sink.local_set(index);
                },
            );
        }
    });
    b.export("state", func);
}

/// The parameters of `invoke:N` that stand for one parameter of the function.
fn carried(ty: ValType, top: impl FnOnce() -> HeapTop) -> &'static [CarriedAs] {
    match ty {
        ValType::F32 => &[CarriedAs::Bits32],
        ValType::F64 => &[CarriedAs::Bits64],
        ValType::V128 => &[CarriedAs::Half, CarriedAs::Half],
        ValType::Ref(_) if top() == HeapTop::Exn => &[],
        _ => &[CarriedAs::Itself],
    }
}

/// How a part of an argument is given to `invoke:N`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum CarriedAs {
    Itself,
    Bits32,
    Bits64,
    Half,
}

/// `invoke:N`.
fn wrap(
    b: &mut Builder,
    module: &Module,
    uses: Uses,
    writers: &Writers,
    mark: u32,
    (number, func, ty): (usize, u32, u32),
) {
    let Some(of) = module.func_type(ty) else {
        return;
    };
    let top = |ty: ValType| match ty {
        ValType::Ref(ty) => module.top(ty),
        _ => HeapTop::Any,
    };
    let parts = of.params().iter().flat_map(|&ty| {
        let parts = carried(ty, || top(ty)).iter();
        parts.map(move |part| match part {
            CarriedAs::Itself => ty,
            CarriedAs::Bits32 => ValType::I32,
            CarriedAs::Bits64 | CarriedAs::Half => ValType::I64,
        })
    });
    let params: Vec<ValType> = parts.collect();
    let results = of.results();
    let block = match results {
        [] => BlockType::Empty,
        &[ty] => BlockType::Result(ty),
        _ => BlockType::FunctionType(b.func_type(&[], results)),
    };
    let first = params.len() as u32;
    let body = |sink: &mut InstructionSink<'_>| {
        if uses.exceptions {
            sink.block(BlockType::Result(EXNREF));
            sink.try_table(block, [Catch::AllRef { label: 0 }]);
        }
        let mut next = 0;
        for &ty in of.params() {
            argument(sink, ty, carried(ty, || top(ty)), &mut next);
        }
        sink.call(func);
        if uses.exceptions {
            sink.end();
        }
        for at in (0..results.len() as u32).rev() {
            sink.local_set(first + at);
        }
        sink.i32_const(mark::RESULTS as i32).call(mark);
        for (at, &ty) in (first..).zip(results) {
            // Otherwise validation does not accept that a local of a type without a default is set
            // on all paths.
            sink.local_get(at).call(writers.of(&module.types, ty));
        }
        if uses.exceptions {
            sink.return_().end();
            sink.local_set(first + results.len() as u32);
            sink.i32_const(mark::THROWN as i32).call(mark);
            sink.local_get(first + results.len() as u32)
                .call(writers.exn);
        }
    };
    let mut locals = results.to_vec();
    if uses.exceptions {
        locals.push(EXNREF);
    }
    let func = b.define(&params, &[], &locals, body);
    b.export(&format!("invoke:{number}"), func);
}

fn argument(sink: &mut InstructionSink<'_>, ty: ValType, parts: &[CarriedAs], next: &mut u32) {
    match parts {
        [] => {
            sink.ref_null(HeapType::Abstract {
                shared: false,
                ty: wasm_encoder::AbstractHeapType::NoExn,
            });
        }
        [CarriedAs::Bits32] => {
            sink.local_get(*next).f32_reinterpret_i32();
        }
        [CarriedAs::Bits64] => {
            sink.local_get(*next).f64_reinterpret_i64();
        }
        [CarriedAs::Half, ..] => {
            sink.local_get(*next).i64x2_splat();
            sink.local_get(*next + 1).i64x2_replace_lane(1);
        }
        [CarriedAs::Itself, ..] | [CarriedAs::Bits32 | CarriedAs::Bits64, ..] => {
            sink.local_get(*next);
        }
    }
    debug_assert!(parts.len() < 3, "{ty:?}");
    *next += parts.len() as u32;
}

/// A function that reads an exception if it has one of the tags. It returns whether the exception
/// has one.
fn exception_reader(
    b: &mut Builder,
    module: &Module,
    tags: &[(u32, u32)],
    writers: &Writers,
    [exception, write_tag]: [u32; 2],
) -> u32 {
    // Blocks that end with the arguments of each tag. The block of the last tag is the outermost.
    let arguments: Vec<(BlockType, &[ValType])> = tags
        .iter()
        .map(
            |&(_, ty)| match module.func_type(ty).map(|ty| ty.params()) {
                None | Some([]) => (BlockType::Empty, &[] as &[ValType]),
                Some(types @ &[ty]) => (BlockType::Result(ty), types),
                Some(types) => (BlockType::FunctionType(b.func_type(&[], types)), types),
            },
        )
        .collect();
    let mut locals: Vec<ValType> = Vec::new();
    for (_, types) in &arguments {
        locals.extend(*types);
    }
    b.define(&[EXNREF, ValType::I32], &[ValType::I32], &locals, |sink| {
        sink.block(BlockType::Empty);
        for (block, _) in arguments.iter().rev() {
            sink.block(*block);
        }
        let mut catches: Vec<Catch> = (0..)
            .zip(tags)
            .map(|(label, &(tag, _))| Catch::One { tag, label })
            .collect();
        catches.push(Catch::All {
            label: tags.len() as u32,
        });
        sink.try_table(BlockType::Empty, catches);
        sink.local_get(0).throw_ref();
        sink.end();
        sink.unreachable();
        let mut local = 2;
        for (number, (_, types)) in arguments.iter().enumerate() {
            sink.end();
            let last = local + types.len() as u32;
            for at in (local..last).rev() {
                sink.local_set(at);
            }
            sink.local_get(1).call(exception);
            sink.i32_const(number as i32).call(write_tag);
            for (at, &ty) in (local..).zip(*types) {
                sink.local_get(at).call(writers.of(&module.types, ty));
            }
            sink.i32_const(1).return_();
            local = last;
        }
        sink.end();
        sink.i32_const(0);
    })
}
