//! Modules that a case needs and that read nothing: `spectest`, and a function that traps in the
//! way that its argument chooses.

use wasm_encoder::{
    AbstractHeapType, BlockType, ConstExpr, ExportKind, HeapType, Ieee32, Ieee64, MemArg,
    MemArgTarget, RefType, TableType, ValType,
};

use super::builder::Builder;
use crate::host::{Ty, spectest};
use crate::value::Value;

/// Returns the module `spectest`, with or without its table of 64-bit indices.
pub fn spectest(wide_table: bool) -> Vec<u8> {
    let mut b = Builder::default();
    for (name, value) in spectest::GLOBALS {
        let (ty, init) = match value {
            Value::I64(value) => (ValType::I64, ConstExpr::i64_const(value)),
            Value::F32(bits) => (ValType::F32, ConstExpr::f32_const(Ieee32::new(bits))),
            Value::F64(bits) => (ValType::F64, ConstExpr::f64_const(Ieee64::new(bits))),
            Value::I32(value) => (ValType::I32, ConstExpr::i32_const(value)),
            Value::V128(_) | Value::Ref(_) => continue,
        };
        let global = b.global(ty, false, &init);
        b.export_item(name, ExportKind::Global, global);
    }
    for table in spectest::TABLES {
        if table.wide && !wide_table {
            continue;
        }
        let made = b.table(TableType {
            element_type: RefType::FUNCREF,
            table64: table.wide,
            minimum: table.least,
            maximum: Some(table.most),
            shared: false,
        });
        b.export_item(table.name, ExportKind::Table, made);
    }
    let (name, least, most) = spectest::MEMORY;
    b.memory(least, most);
    b.export_item(name, ExportKind::Memory, 0);
    for (name, params) in spectest::FUNCS {
        let params: Vec<ValType> = params.iter().map(|&ty| number_type(ty)).collect();
        let func = b.define(&params, &[], &[], |_| {});
        b.export(name, func);
    }
    b.finish()
}

fn number_type(ty: Ty) -> ValType {
    match ty {
        Ty::I32 | Ty::Ref(_) => ValType::I32,
        Ty::I64 => ValType::I64,
        Ty::F32 => ValType::F32,
        Ty::F64 => ValType::F64,
        Ty::V128 => ValType::V128,
    }
}

/// Returns the module of [`Request::Open`](gcrucible_protocol::Request::Open)'s `traps`.
pub fn traps() -> Vec<u8> {
    let abstract_type = |ty| HeapType::Abstract { shared: false, ty };
    let mut b = Builder::default();
    let table = b.table(TableType {
        element_type: RefType::FUNCREF,
        table64: false,
        minimum: 0,
        maximum: Some(0),
        shared: false,
    });
    let none = b.func_type(&[], &[]);
    let trap = b.define(&[ValType::I32], &[], &[], |sink| {
        for _ in 0..5 {
            sink.block(BlockType::Empty);
        }
        sink.local_get(0).br_table([0, 1, 2, 3, 4], 0).end();
        sink.unreachable().end();
        sink.i32_const(0).ref_i31();
        sink.ref_cast_non_null(abstract_type(AbstractHeapType::Struct))
            .drop()
            .unreachable()
            .end();
        sink.i32_const(0)
            .table_get(table)
            .drop()
            .unreachable()
            .end();
        sink.i32_const(0)
            .call_indirect(table, none)
            .unreachable()
            .end();
        sink.ref_null(abstract_type(AbstractHeapType::None))
            .ref_as_non_null();
        sink.drop().unreachable();
    });
    b.export("trap", trap);
    b.finish()
}

/// Returns the module that a check of an adapter runs. It imports `h.extern` and `h.try`, which
/// tries the export `trap`. It exports:
///
/// | export | what it does |
/// |---|---|
/// | `keep` | makes a host object and writes it into a global |
/// | `waste` | makes a host object and drops it |
/// | `trap` | traps with `unreachable` |
/// | `survive` | traps unless `h.try` returns 1 |
/// | `write` | writes 42 into byte 0 of the memory `out` |
/// | `length` | returns 1 |
pub fn checked() -> Vec<u8> {
    let mut b = Builder::default();
    let make = b.import("h", "extern", &[ValType::I32], &[ValType::EXTERNREF]);
    let attempt = b.import("h", "try", &[], &[ValType::I32]);
    b.memory(1, 1);
    let null = ConstExpr::ref_null(HeapType::EXTERN);
    let kept = b.global(ValType::EXTERNREF, true, &null);
    let keep = b.define(&[], &[], &[], |sink| {
        sink.i32_const(7).call(make).global_set(kept);
    });
    let waste = b.define(&[], &[], &[], |sink| {
        sink.i32_const(8).call(make).drop();
    });
    let trap = b.define(&[], &[], &[], |sink| {
        sink.unreachable();
    });
    let survive = b.define(&[], &[], &[], |sink| {
        sink.call(attempt).i32_const(1).i32_ne();
        sink.if_(BlockType::Empty).unreachable().end();
    });
    let memory = MemArg {
        offset: 0,
        align: 0,
        target: MemArgTarget::Memory(0),
        ordering: None,
    };
    let write = b.define(&[], &[], &[], |sink| {
        sink.i32_const(0).i32_const(42).i32_store8(memory);
    });
    let length = b.define(&[], &[ValType::I32], &[], |sink| {
        sink.i32_const(1);
    });
    for (name, func) in [
        ("keep", keep),
        ("waste", waste),
        ("trap", trap),
        ("survive", survive),
        ("write", write),
        ("length", length),
    ] {
        b.export(name, func);
    }
    b.export_item("out", ExportKind::Memory, 0);
    b.finish()
}
