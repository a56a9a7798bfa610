//! Names of instructions, as the text format writes them. The survey of the generator counts by
//! them.
//!
//! Pseudo instructions have names in parentheses.

use super::ops::{ArrayOp, MemoryOp, Op, RefOp, Sign, StructOp, TableOp};

impl Op {
    /// Returns the instruction's name, without immediates.
    pub fn name(&self) -> String {
        let fixed = match self {
            Op::Params => "(params)",
            Op::Sink(_) => "(sink)",
            Op::Seq => "(seq)",
            Op::Nop => "nop",
            Op::Unreachable => "unreachable",
            Op::Drop => "drop",
            Op::Select(None) => "select",
            Op::Select(Some(_)) => "select (typed)",
            Op::Block(..) => "block",
            Op::Loop(..) => "loop",
            Op::If(..) => "if",
            Op::Try(..) => "try_table",
            Op::Br(_) => "br",
            Op::BrIf(_) => "br_if",
            Op::BrTable(..) => "br_table",
            Op::BrOnNull(_) => "br_on_null",
            Op::BrOnNonNull(_) => "br_on_non_null",
            Op::BrOnCast(..) => "br_on_cast",
            Op::BrOnCastFail(..) => "br_on_cast_fail",
            Op::Return => "return",
            Op::Throw(_) => "throw",
            Op::ThrowRef => "throw_ref",
            Op::Call(_) => "call",
            Op::CallRef(_) => "call_ref",
            Op::CallIndirect(..) => "call_indirect",
            Op::ReturnCall(_) => "return_call",
            Op::ReturnCallRef(_) => "return_call_ref",
            Op::ReturnCallIndirect(..) => "return_call_indirect",
            Op::LocalGet(_) => "local.get",
            Op::LocalSet(_) => "local.set",
            Op::LocalTee(_) => "local.tee",
            Op::GlobalGet(_) => "global.get",
            Op::GlobalSet(_) => "global.set",
            Op::Table(op) => op.name(),
            Op::Memory(MemoryOp::Load(load, ..)) => return format!("load {load:?}"),
            Op::Memory(MemoryOp::Store(store, ..)) => return format!("store {store:?}"),
            Op::Memory(MemoryOp::LoadLane(bytes, ..)) => return format!("load lane of {bytes}"),
            Op::Memory(MemoryOp::StoreLane(bytes, ..)) => return format!("store lane of {bytes}"),
            Op::Memory(op) => op.name(),
            Op::Ref(op) => op.name(),
            Op::Struct(op) => op.name(),
            Op::Array(op) => op.name(),
            Op::I32(_) => "i32.const",
            Op::I64(_) => "i64.const",
            Op::F32(_) => "f32.const",
            Op::F64(_) => "f64.const",
            Op::V128(_) => "v128.const",
            Op::Num(id) => return format!("{:?}", id.row().instruction),
        };
        fixed.to_owned()
    }
}

impl TableOp {
    fn name(&self) -> &'static str {
        match self {
            TableOp::Get(_) => "table.get",
            TableOp::Set(_) => "table.set",
            TableOp::Size(_) => "table.size",
            TableOp::Grow(_) => "table.grow",
            TableOp::Fill(_) => "table.fill",
            TableOp::Copy(..) => "table.copy",
            TableOp::Init(..) => "table.init",
            TableOp::ElemDrop(_) => "elem.drop",
        }
    }
}

impl MemoryOp {
    fn name(&self) -> &'static str {
        match self {
            MemoryOp::Load(..) | MemoryOp::LoadLane(..) => "load",
            MemoryOp::Store(..) | MemoryOp::StoreLane(..) => "store",
            MemoryOp::Size(_) => "memory.size",
            MemoryOp::Grow(_) => "memory.grow",
            MemoryOp::Fill(_) => "memory.fill",
            MemoryOp::Copy(..) => "memory.copy",
            MemoryOp::Init(..) => "memory.init",
            MemoryOp::DataDrop(_) => "data.drop",
        }
    }
}

impl RefOp {
    fn name(&self) -> &'static str {
        match self {
            RefOp::Null(_) => "ref.null",
            RefOp::Func(_) => "ref.func",
            RefOp::IsNull => "ref.is_null",
            RefOp::Eq => "ref.eq",
            RefOp::AsNonNull => "ref.as_non_null",
            RefOp::Test(_) => "ref.test",
            RefOp::Cast(_) => "ref.cast",
            RefOp::I31 => "ref.i31",
            RefOp::I31Get(Sign::Unsigned) => "i31.get_u",
            RefOp::I31Get(Sign::Signed | Sign::Plain) => "i31.get_s",
            RefOp::AnyConvertExtern => "any.convert_extern",
            RefOp::ExternConvertAny => "extern.convert_any",
        }
    }
}

impl StructOp {
    fn name(&self) -> &'static str {
        match self {
            StructOp::New(_) => "struct.new",
            StructOp::NewDefault(_) => "struct.new_default",
            StructOp::Get(_, _, Sign::Plain) => "struct.get",
            StructOp::Get(_, _, Sign::Signed) => "struct.get_s",
            StructOp::Get(_, _, Sign::Unsigned) => "struct.get_u",
            StructOp::Set(..) => "struct.set",
        }
    }
}

impl ArrayOp {
    fn name(&self) -> &'static str {
        match self {
            ArrayOp::New(_) => "array.new",
            ArrayOp::NewDefault(_) => "array.new_default",
            ArrayOp::NewFixed(..) => "array.new_fixed",
            ArrayOp::NewData(..) => "array.new_data",
            ArrayOp::NewElem(..) => "array.new_elem",
            ArrayOp::Get(_, Sign::Plain) => "array.get",
            ArrayOp::Get(_, Sign::Signed) => "array.get_s",
            ArrayOp::Get(_, Sign::Unsigned) => "array.get_u",
            ArrayOp::Set(_) => "array.set",
            ArrayOp::Len => "array.len",
            ArrayOp::Fill(_) => "array.fill",
            ArrayOp::Copy(..) => "array.copy",
            ArrayOp::InitData(..) => "array.init_data",
            ArrayOp::InitElem(..) => "array.init_elem",
        }
    }
}
