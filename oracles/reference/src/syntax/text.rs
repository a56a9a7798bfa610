//! How types and instructions are written in messages: as in the text format, with indices in place
//! of names. A defined type is written `def.N`, after its number in the store.

use std::fmt::{self, Display, Formatter};

use super::instructions::{VExtbinop as Ext, *};
use super::types::*;

/// Parts of a text, each with a space before it.
struct All<'a, T>(&'a [T]);

impl<T: Display> Display for All<'_, T> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|part| write!(f, " {part}"))
    }
}

// Types

/// Implements `Display` by a name for each variant.
macro_rules! names {
    ($($type:ident { $($variant:ident => $name:literal),* $(,)? })*) => {$(
        impl Display for $type {
            fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
                f.write_str(match self {
                    $($type::$variant => $name,)*
                })
            }
        }
    )*};
}

names! {
    AddrType { I32 => "i32", I64 => "i64" }
    AbsHeapType {
        Any => "any", Eq => "eq", I31 => "i31", Struct => "struct", Array => "array",
        None => "none", Func => "func", NoFunc => "nofunc", Exn => "exn", NoExn => "noexn",
        Extern => "extern", NoExtern => "noextern", Bot => "bot",
    }
    Sx { U => "u", S => "s" }
    Sz { B8 => "8", B16 => "16", B32 => "32", B64 => "64" }
    Half { Low => "low", High => "high" }
    Shape {
        I8x16 => "i8x16", I16x8 => "i16x8", I32x4 => "i32x4", I64x2 => "i64x2",
        F32x4 => "f32x4", F64x2 => "f64x2",
    }
    IShape { I8x16 => "i8x16", I16x8 => "i16x8", I32x4 => "i32x4", I64x2 => "i64x2" }
    FShape { F32x4 => "f32x4", F64x2 => "f64x2" }
}

impl Display for DefTypeId {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "def.{}", self.0)
    }
}

impl Display for TypeUse {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            TypeUse::Idx(x) => write!(f, "{x}"),
            TypeUse::Rec(i) => write!(f, "rec.{i}"),
            TypeUse::Def(id) => write!(f, "{id}"),
        }
    }
}

impl Display for HeapType {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            HeapType::Abs(abs) => write!(f, "{abs}"),
            HeapType::Use(tu) => write!(f, "{tu}"),
        }
    }
}

impl Display for RefType {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let null = if self.nullable { "null " } else { "" };
        write!(f, "(ref {null}{})", self.heap)
    }
}

impl Display for ValType {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            ValType::I32 => f.write_str("i32"),
            ValType::I64 => f.write_str("i64"),
            ValType::F32 => f.write_str("f32"),
            ValType::F64 => f.write_str("f64"),
            ValType::V128 => f.write_str("v128"),
            ValType::Ref(rt) => write!(f, "{rt}"),
            ValType::Bot => f.write_str("bot"),
        }
    }
}

impl Display for Limits {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self.max {
            Some(max) => write!(f, "{} {max}", self.min),
            None => write!(f, "{}", self.min),
        }
    }
}

impl Display for GlobalType {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        if self.mutable {
            write!(f, "(mut {})", self.val)
        } else {
            write!(f, "{}", self.val)
        }
    }
}

impl Display for ExternType {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            ExternType::Tag(tu) => write!(f, "(tag (type {tu}))"),
            ExternType::Global(gt) => write!(f, "(global {gt})"),
            ExternType::Mem(mt) => write!(f, "(memory {} {})", mt.addr, mt.limits),
            ExternType::Table(tt) => write!(f, "(table {} {} {})", tt.addr, tt.limits, tt.elem),
            ExternType::Func(tu) => write!(f, "(func (type {tu}))"),
        }
    }
}

// Operators

names! {
    FUnop {
        Abs => "abs", Neg => "neg", Sqrt => "sqrt", Ceil => "ceil", Floor => "floor",
        Trunc => "trunc", Nearest => "nearest",
    }
    FBinop {
        Add => "add", Sub => "sub", Mul => "mul", Div => "div", Min => "min", Max => "max",
        Copysign => "copysign",
    }
    FRelop { Eq => "eq", Ne => "ne", Lt => "lt", Gt => "gt", Le => "le", Ge => "ge" }
    VvBinop { And => "and", AndNot => "andnot", Or => "or", Xor => "xor" }
    ViUnop { Abs => "abs", Neg => "neg", Popcnt => "popcnt" }
    VfBinop {
        Add => "add", Sub => "sub", Mul => "mul", Div => "div", Min => "min", Max => "max",
        Pmin => "pmin", Pmax => "pmax", RelaxedMin => "relaxed_min", RelaxedMax => "relaxed_max",
    }
    VfTernop { RelaxedMadd => "relaxed_madd", RelaxedNmadd => "relaxed_nmadd" }
    VSwizzlop { Swizzle => "swizzle", RelaxedSwizzle => "relaxed_swizzle" }
}

/// Implements `Display` by a format for each variant, with its arguments where the format does not
/// name them.
macro_rules! formats {
    ($($type:ident { $($variant:pat => $format:literal $(($($arg:expr),+))?),* $(,)? })*) => {$(
        impl Display for $type {
            fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
                use $type::*;
                match self {
                    $($variant => write!(f, $format $(, $($arg),+)?),)*
                }
            }
        }
    )*};
}

formats! {
    IUnop { Clz => "clz", Ctz => "ctz", Popcnt => "popcnt", Extend(sz) => "extend{sz}_s" }
    IBinop {
        Add => "add", Sub => "sub", Mul => "mul", Div(sx) => "div_{sx}", Rem(sx) => "rem_{sx}",
        And => "and", Or => "or", Xor => "xor", Shl => "shl", Shr(sx) => "shr_{sx}",
        Rotl => "rotl", Rotr => "rotr",
    }
    IRelop {
        Eq => "eq", Ne => "ne", Lt(sx) => "lt_{sx}", Gt(sx) => "gt_{sx}", Le(sx) => "le_{sx}",
        Ge(sx) => "ge_{sx}",
    }
    Cvtop {
        I32WrapI64 => "i32.wrap_i64",
        I64ExtendI32(sx) => "i64.extend_i32_{sx}",
        I32TruncF32(sx) => "i32.trunc_f32_{sx}",
        I32TruncF64(sx) => "i32.trunc_f64_{sx}",
        I64TruncF32(sx) => "i64.trunc_f32_{sx}",
        I64TruncF64(sx) => "i64.trunc_f64_{sx}",
        I32TruncSatF32(sx) => "i32.trunc_sat_f32_{sx}",
        I32TruncSatF64(sx) => "i32.trunc_sat_f64_{sx}",
        I64TruncSatF32(sx) => "i64.trunc_sat_f32_{sx}",
        I64TruncSatF64(sx) => "i64.trunc_sat_f64_{sx}",
        F32ConvertI32(sx) => "f32.convert_i32_{sx}",
        F32ConvertI64(sx) => "f32.convert_i64_{sx}",
        F64ConvertI32(sx) => "f64.convert_i32_{sx}",
        F64ConvertI64(sx) => "f64.convert_i64_{sx}",
        F32DemoteF64 => "f32.demote_f64",
        F64PromoteF32 => "f64.promote_f32",
        I32ReinterpretF32 => "i32.reinterpret_f32",
        I64ReinterpretF64 => "i64.reinterpret_f64",
        F32ReinterpretI32 => "f32.reinterpret_i32",
        F64ReinterpretI64 => "f64.reinterpret_i64",
    }
    ViBinop {
        Add => "add", Sub => "sub", AddSat(sx) => "add_sat_{sx}", SubSat(sx) => "sub_sat_{sx}",
        Mul => "mul", Avgr => "avgr_u", Q15mulrSat => "q15mulr_sat_s",
        RelaxedQ15mulr => "relaxed_q15mulr_s", Min(sx) => "min_{sx}", Max(sx) => "max_{sx}",
    }
    VShiftop { Shl => "shl", Shr(sx) => "shr_{sx}" }
    VCvtop {
        Extend(IShape::I8x16, half, sx) => "i8x16.extend_{half}_{sx}",
        Extend(IShape::I16x8, half, sx) => "i16x8.extend_{half}_i8x16_{sx}",
        Extend(IShape::I32x4, half, sx) => "i32x4.extend_{half}_i16x8_{sx}",
        Extend(IShape::I64x2, half, sx) => "i64x2.extend_{half}_i32x4_{sx}",
        I32x4TruncSatF32x4(sx) => "i32x4.trunc_sat_f32x4_{sx}",
        I32x4TruncSatF64x2Zero(sx) => "i32x4.trunc_sat_f64x2_{sx}_zero",
        I32x4RelaxedTruncF32x4(sx) => "i32x4.relaxed_trunc_f32x4_{sx}",
        I32x4RelaxedTruncF64x2Zero(sx) => "i32x4.relaxed_trunc_f64x2_{sx}_zero",
        F32x4ConvertI32x4(sx) => "f32x4.convert_i32x4_{sx}",
        F64x2ConvertLowI32x4(sx) => "f64x2.convert_low_i32x4_{sx}",
        F32x4DemoteF64x2Zero => "f32x4.demote_f64x2_zero",
        F64x2PromoteLowF32x4 => "f64x2.promote_low_f32x4",
    }
    LoadOp {
        I32 => "i32.load", I64 => "i64.load", F32 => "f32.load", F64 => "f64.load",
        I32Load8(sx) => "i32.load8_{sx}", I32Load16(sx) => "i32.load16_{sx}",
        I64Load8(sx) => "i64.load8_{sx}", I64Load16(sx) => "i64.load16_{sx}",
        I64Load32(sx) => "i64.load32_{sx}",
    }
    StoreOp {
        I32 => "i32.store", I64 => "i64.store", F32 => "f32.store", F64 => "f64.store",
        I32Pack(sz) => "i32.store{sz}", I64Pack(sz) => "i64.store{sz}",
    }
    VLoadOp {
        Full => "v128.load",
        Pack(Sz::B8, sx) => "v128.load8x8_{sx}",
        Pack(Sz::B16, sx) => "v128.load16x4_{sx}",
        Pack(Sz::B32 | Sz::B64, sx) => "v128.load32x2_{sx}",
        Splat(sz) => "v128.load{sz}_splat",
        Zero(sz) => "v128.load{sz}_zero",
    }
}

/// The shape with twice as many lanes of half the width.
fn narrower(shape: IShape) -> IShape {
    match shape {
        IShape::I64x2 => IShape::I32x4,
        IShape::I32x4 => IShape::I16x8,
        IShape::I16x8 | IShape::I8x16 => IShape::I8x16,
    }
}

/// The shape with half as many lanes of twice the width.
fn wider(shape: IShape) -> IShape {
    match shape {
        IShape::I8x16 => IShape::I16x8,
        IShape::I16x8 => IShape::I32x4,
        IShape::I32x4 | IShape::I64x2 => IShape::I64x2,
    }
}

// Instructions

impl Display for BlockType {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            BlockType::Empty => Ok(()),
            BlockType::Val(t) => write!(f, " (result {t})"),
            BlockType::Idx(x) => write!(f, " (type {x})"),
        }
    }
}

impl Display for Catch {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Catch::Catch(x, l) => write!(f, "(catch {x} {l})"),
            Catch::CatchRef(x, l) => write!(f, "(catch_ref {x} {l})"),
            Catch::CatchAll(l) => write!(f, "(catch_all {l})"),
            Catch::CatchAllRef(l) => write!(f, "(catch_all_ref {l})"),
        }
    }
}

formats! {
    Instr {
        Unreachable => "unreachable",
        Nop => "nop",
        Drop => "drop",
        Select => "select",
        SelectTyped(types) => "select (result{})" (All(&types.0)),
        Block(bt) => "block{bt}",
        Loop(bt) => "loop{bt}",
        If(bt) => "if{bt}",
        Else => "else",
        End => "end",
        TryTable(t) => "try_table{}{}" (t.ty, All(&t.catches)),
        Br(l) => "br {l}",
        BrIf(l) => "br_if {l}",
        BrTable(t) => "br_table{} {}" (All(&t.labels), t.default),
        BrOnNull(l) => "br_on_null {l}",
        BrOnNonNull(l) => "br_on_non_null {l}",
        BrOnCast(c) => "br_on_cast {} {} {}" (c.label, c.from, c.to),
        BrOnCastFail(c) => "br_on_cast_fail {} {} {}" (c.label, c.from, c.to),
        Call(x) => "call {x}",
        CallRef(x) => "call_ref {x}",
        CallIndirect(x, y) => "call_indirect {x} (type {y})",
        Return => "return",
        ReturnCall(x) => "return_call {x}",
        ReturnCallRef(x) => "return_call_ref {x}",
        ReturnCallIndirect(x, y) => "return_call_indirect {x} (type {y})",
        Throw(x) => "throw {x}",
        ThrowRef => "throw_ref",
        LocalGet(x) => "local.get {x}",
        LocalSet(x) => "local.set {x}",
        LocalTee(x) => "local.tee {x}",
        GlobalGet(x) => "global.get {x}",
        GlobalSet(x) => "global.set {x}",
        TableGet(x) => "table.get {x}",
        TableSet(x) => "table.set {x}",
        TableSize(x) => "table.size {x}",
        TableGrow(x) => "table.grow {x}",
        TableFill(x) => "table.fill {x}",
        TableCopy(x, y) => "table.copy {x} {y}",
        TableInit(x, y) => "table.init {x} {y}",
        ElemDrop(x) => "elem.drop {x}",
        Load { op, mem, offset, .. } => "{op} {mem} offset={offset}",
        Store { op, mem, offset, .. } => "{op} {mem} offset={offset}",
        VLoad { op, mem, offset, .. } => "{op} {mem} offset={offset}",
        VLoadLane { sz, lane, mem, offset, .. } =>
            "v128.load{sz}_lane {mem} offset={offset} {lane}",
        VStore { mem, offset, .. } => "v128.store {mem} offset={offset}",
        VStoreLane { sz, lane, mem, offset, .. } =>
            "v128.store{sz}_lane {mem} offset={offset} {lane}",
        MemorySize(x) => "memory.size {x}",
        MemoryGrow(x) => "memory.grow {x}",
        MemoryFill(x) => "memory.fill {x}",
        MemoryCopy(x, y) => "memory.copy {x} {y}",
        MemoryInit(x, y) => "memory.init {x} {y}",
        DataDrop(x) => "data.drop {x}",
        RefNull(ht) => "ref.null {ht}",
        RefIsNull => "ref.is_null",
        RefAsNonNull => "ref.as_non_null",
        RefEq => "ref.eq",
        RefTest(rt) => "ref.test {rt}",
        RefCast(rt) => "ref.cast {rt}",
        RefFunc(x) => "ref.func {x}",
        RefI31 => "ref.i31",
        I31Get(sx) => "i31.get_{sx}",
        StructNew(x) => "struct.new {x}",
        StructNewDefault(x) => "struct.new_default {x}",
        StructGet(None, x, i) => "struct.get {x} {i}",
        StructGet(Some(sx), x, i) => "struct.get_{sx} {x} {i}",
        StructSet(x, i) => "struct.set {x} {i}",
        ArrayNew(x) => "array.new {x}",
        ArrayNewDefault(x) => "array.new_default {x}",
        ArrayNewFixed(x, n) => "array.new_fixed {x} {n}",
        ArrayNewData(x, y) => "array.new_data {x} {y}",
        ArrayNewElem(x, y) => "array.new_elem {x} {y}",
        ArrayGet(None, x) => "array.get {x}",
        ArrayGet(Some(sx), x) => "array.get_{sx} {x}",
        ArraySet(x) => "array.set {x}",
        ArrayLen => "array.len",
        ArrayFill(x) => "array.fill {x}",
        ArrayCopy(x, y) => "array.copy {x} {y}",
        ArrayInitData(x, y) => "array.init_data {x} {y}",
        ArrayInitElem(x, y) => "array.init_elem {x} {y}",
        ExternConvertAny => "extern.convert_any",
        AnyConvertExtern => "any.convert_extern",
        I32Const(c) => "i32.const {}" (*c as i32),
        I64Const(c) => "i64.const {}" (*c as i64),
        F32Const(c) => "f32.const {}" (f32::from_bits(*c)),
        F64Const(c) => "f64.const {}" (f64::from_bits(*c)),
        I32Unop(op) => "i32.{op}",
        I64Unop(op) => "i64.{op}",
        F32Unop(op) => "f32.{op}",
        F64Unop(op) => "f64.{op}",
        I32Binop(op) => "i32.{op}",
        I64Binop(op) => "i64.{op}",
        F32Binop(op) => "f32.{op}",
        F64Binop(op) => "f64.{op}",
        I32Eqz => "i32.eqz",
        I64Eqz => "i64.eqz",
        I32Relop(op) => "i32.{op}",
        I64Relop(op) => "i64.{op}",
        F32Relop(op) => "f32.{op}",
        F64Relop(op) => "f64.{op}",
        Cvtop(op) => "{op}",
        VConst(bits) => "v128.const {:#034x}" (**bits),
        VvNot => "v128.not",
        VvBinop(op) => "v128.{op}",
        VvBitselect => "v128.bitselect",
        VvAnyTrue => "v128.any_true",
        ViUnop(sh, op) => "{sh}.{op}",
        VfUnop(sh, op) => "{sh}.{op}",
        ViBinop(sh, op) => "{sh}.{op}",
        VfBinop(sh, op) => "{sh}.{op}",
        ViRelaxedLaneselect(sh) => "{sh}.relaxed_laneselect",
        VfTernop(sh, op) => "{sh}.{op}",
        ViAllTrue(sh) => "{sh}.all_true",
        ViRelop(sh, op) => "{sh}.{op}",
        VfRelop(sh, op) => "{sh}.{op}",
        VShiftop(sh, op) => "{sh}.{op}",
        VBitmask(sh) => "{sh}.bitmask",
        VSwizzlop(op) => "i8x16.{op}",
        VShuffle(lanes) => "i8x16.shuffle{}" (All(&lanes[..])),
        VExtaddPairwise(sh, sx) => "{sh}.extadd_pairwise_{}_{sx}" (narrower(*sh)),
        VExtbinop(sh, Ext::Extmul(half, sx)) => "{sh}.extmul_{half}_{}_{sx}" (narrower(*sh)),
        VExtbinop(_, Ext::Dot) => "i32x4.dot_i16x8_s",
        VExtbinop(_, Ext::RelaxedDot) => "i16x8.relaxed_dot_i8x16_i7x16_s",
        VRelaxedDotAdd => "i32x4.relaxed_dot_i8x16_i7x16_add_s",
        VNarrow(sh, sx) => "{sh}.narrow_{}_{sx}" (wider(*sh)),
        VCvtop(op) => "{op}",
        VSplat(sh) => "{sh}.splat",
        VExtractLane(sh, None, i) => "{sh}.extract_lane {i}",
        VExtractLane(sh, Some(sx), i) => "{sh}.extract_lane_{sx} {i}",
        VReplaceLane(sh, i) => "{sh}.replace_lane {i}",
    }
}

#[cfg(test)]
mod tests {
    use super::super::values::{FieldIdx, LabelIdx, MemIdx, TypeIdx};
    use super::*;

    #[test]
    fn types_are_written_with_indices() {
        let def = RefType::def(true, DefTypeId(3));
        assert_eq!(def.to_string(), "(ref null def.3)");
        assert_eq!(ValType::from(RefType::EXNREF).to_string(), "(ref null exn)");
        let limits = Limits {
            min: 1,
            max: Some(2),
        };
        let mem = ExternType::Mem(MemType {
            addr: AddrType::I64,
            limits,
        });
        assert_eq!(mem.to_string(), "(memory i64 1 2)");
    }

    #[test]
    fn instructions_are_written_with_their_immediates() {
        let load = Instr::Load {
            op: LoadOp::I64Load16(Sx::S),
            align: 0,
            mem: MemIdx(1),
            offset: 8,
        };
        let table = BrTable {
            labels: vec![LabelIdx(2), LabelIdx(0)],
            default: LabelIdx(1),
        };
        let cases = [
            (load, "i64.load16_s 1 offset=8"),
            (Instr::BrTable(Box::new(table)), "br_table 2 0 1"),
            (Instr::If(BlockType::Val(ValType::F32)), "if (result f32)"),
            (Instr::Loop(BlockType::Idx(TypeIdx(4))), "loop (type 4)"),
            (
                Instr::StructGet(Some(Sx::U), TypeIdx(0), FieldIdx(1)),
                "struct.get_u 0 1",
            ),
            (Instr::I32Const(u32::MAX), "i32.const -1"),
            (Instr::I32Unop(IUnop::Extend(Sz::B8)), "i32.extend8_s"),
            (Instr::VNarrow(IShape::I8x16, Sx::U), "i8x16.narrow_i16x8_u"),
            (
                Instr::VExtaddPairwise(IShape::I32x4, Sx::S),
                "i32x4.extadd_pairwise_i16x8_s",
            ),
        ];
        for (instr, text) in cases {
            assert_eq!(instr.to_string(), text);
        }
    }
}
