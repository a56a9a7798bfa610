//! Instructions.
//!
//! A body is a flat `Vec<Instr>` in binary order: `Block`, `Loop`, `If`, `TryTable`, `Else` and
//! `End` are ordinary elements, so that no part of this crate recurses over code. Numeric operators
//! are grouped as in the specification (`unop`, `binop`, `testop`, `relop`, `cvtop`), with the
//! operand type in the variant's name.
//!
//! Always holds: an `Instr` takes at most 16 bytes. Decoding produces only operators that the
//! specification defines for the shape they are applied to (for instance no `i8x16.mul`). Not here:
//! which operands an instruction needs (`validation`), what it does (`numerics`, `execution`).

use super::types::{HeapType, RefType, ValType};
use super::values::{
    DataIdx, ElemIdx, FieldIdx, FuncIdx, GlobalIdx, LabelIdx, LocalIdx, MemIdx, TableIdx, TagIdx,
    TypeIdx,
};

/// `sx`: signedness.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Sx {
    /// Unsigned.
    U,
    /// Signed.
    S,
}

/// `sz`: a storage size in bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Sz {
    /// 8 bits.
    B8,
    /// 16 bits.
    B16,
    /// 32 bits.
    B32,
    /// 64 bits.
    B64,
}

impl Sz {
    /// Returns the size in bytes.
    #[must_use]
    pub fn bytes(self) -> u32 {
        match self {
            Sz::B8 => 1,
            Sz::B16 => 2,
            Sz::B32 => 4,
            Sz::B64 => 8,
        }
    }
}

/// `unop_(Inn)`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[allow(missing_docs, reason = "the names are the specification's")]
pub enum IUnop {
    Clz,
    Ctz,
    Popcnt,
    /// Sign extension from this many bits.
    Extend(Sz),
}

/// `unop_(Fnn)`, and `vunop_` of floating-point shapes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[allow(missing_docs, reason = "the names are the specification's")]
pub enum FUnop {
    Abs,
    Neg,
    Sqrt,
    Ceil,
    Floor,
    Trunc,
    Nearest,
}

/// `binop_(Inn)`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[allow(missing_docs, reason = "the names are the specification's")]
pub enum IBinop {
    Add,
    Sub,
    Mul,
    Div(Sx),
    Rem(Sx),
    And,
    Or,
    Xor,
    Shl,
    Shr(Sx),
    Rotl,
    Rotr,
}

/// `binop_(Fnn)`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[allow(missing_docs, reason = "the names are the specification's")]
pub enum FBinop {
    Add,
    Sub,
    Mul,
    Div,
    Min,
    Max,
    Copysign,
}

/// `relop_(Inn)`, and `vrelop_` of integer shapes (where 64-bit lanes have no unsigned comparison).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[allow(missing_docs, reason = "the names are the specification's")]
pub enum IRelop {
    Eq,
    Ne,
    Lt(Sx),
    Gt(Sx),
    Le(Sx),
    Ge(Sx),
}

/// `relop_(Fnn)`, and `vrelop_` of floating-point shapes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[allow(missing_docs, reason = "the names are the specification's")]
pub enum FRelop {
    Eq,
    Ne,
    Lt,
    Gt,
    Le,
    Ge,
}

/// `cvtop__`: conversions, named result, operation, operand.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[allow(missing_docs, reason = "the names are the specification's")]
pub enum Cvtop {
    I32WrapI64,
    I64ExtendI32(Sx),
    I32TruncF32(Sx),
    I32TruncF64(Sx),
    I64TruncF32(Sx),
    I64TruncF64(Sx),
    I32TruncSatF32(Sx),
    I32TruncSatF64(Sx),
    I64TruncSatF32(Sx),
    I64TruncSatF64(Sx),
    F32ConvertI32(Sx),
    F32ConvertI64(Sx),
    F64ConvertI32(Sx),
    F64ConvertI64(Sx),
    F32DemoteF64,
    F64PromoteF32,
    I32ReinterpretF32,
    I64ReinterpretF64,
    F32ReinterpretI32,
    F64ReinterpretI64,
}

/// `shape`: how a vector is divided into lanes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[allow(missing_docs, reason = "the names are the specification's")]
pub enum Shape {
    I8x16,
    I16x8,
    I32x4,
    I64x2,
    F32x4,
    F64x2,
}

impl Shape {
    /// `$dim`: number of lanes.
    #[must_use]
    pub fn lanes(self) -> u8 {
        match self {
            Shape::I8x16 => 16,
            Shape::I16x8 => 8,
            Shape::I32x4 | Shape::F32x4 => 4,
            Shape::I64x2 | Shape::F64x2 => 2,
        }
    }

    /// `$unpackshape`: the type of a lane on the operand stack.
    #[must_use]
    pub fn unpack(self) -> ValType {
        match self {
            Shape::I8x16 | Shape::I16x8 | Shape::I32x4 => ValType::I32,
            Shape::I64x2 => ValType::I64,
            Shape::F32x4 => ValType::F32,
            Shape::F64x2 => ValType::F64,
        }
    }
}

/// `ishape`: shapes with integer lanes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[allow(missing_docs, reason = "the names are the specification's")]
pub enum IShape {
    I8x16,
    I16x8,
    I32x4,
    I64x2,
}

/// Shapes with floating-point lanes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[allow(missing_docs, reason = "the names are the specification's")]
pub enum FShape {
    F32x4,
    F64x2,
}

/// `half`: which lanes of the operand are used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[allow(missing_docs, reason = "the names are the specification's")]
pub enum Half {
    Low,
    High,
}

/// `vvbinop`: bitwise operators on whole vectors.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[allow(missing_docs, reason = "the names are the specification's")]
pub enum VvBinop {
    And,
    AndNot,
    Or,
    Xor,
}

/// `vunop_` of integer shapes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[allow(missing_docs, reason = "the names are the specification's")]
pub enum ViUnop {
    Abs,
    Neg,
    /// `i8x16` only.
    Popcnt,
}

/// `vbinop_` of integer shapes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[allow(missing_docs, reason = "the names are the specification's")]
pub enum ViBinop {
    Add,
    Sub,
    /// `i8x16` and `i16x8`.
    AddSat(Sx),
    /// `i8x16` and `i16x8`.
    SubSat(Sx),
    /// Not `i8x16`.
    Mul,
    /// `i8x16` and `i16x8`, unsigned.
    Avgr,
    /// `i16x8`, signed.
    Q15mulrSat,
    /// `i16x8`, signed.
    RelaxedQ15mulr,
    /// Not `i64x2`.
    Min(Sx),
    /// Not `i64x2`.
    Max(Sx),
}

/// `vbinop_` of floating-point shapes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[allow(missing_docs, reason = "the names are the specification's")]
pub enum VfBinop {
    Add,
    Sub,
    Mul,
    Div,
    Min,
    Max,
    Pmin,
    Pmax,
    RelaxedMin,
    RelaxedMax,
}

/// `vternop_` of floating-point shapes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[allow(missing_docs, reason = "the names are the specification's")]
pub enum VfTernop {
    RelaxedMadd,
    RelaxedNmadd,
}

/// `vshiftop_`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[allow(missing_docs, reason = "the names are the specification's")]
pub enum VShiftop {
    Shl,
    Shr(Sx),
}

/// `vswizzlop_`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[allow(missing_docs, reason = "the names are the specification's")]
pub enum VSwizzlop {
    Swizzle,
    RelaxedSwizzle,
}

/// `vextbinop__`: from lanes of half the width.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[allow(missing_docs, reason = "the names are the specification's")]
pub enum VExtbinop {
    /// To `i16x8`, `i32x4` and `i64x2`.
    Extmul(Half, Sx),
    /// `i32x4.dot_i16x8_s`.
    Dot,
    /// `i16x8.relaxed_dot_i8x16_i7x16_s`.
    RelaxedDot,
}

/// `vcvtop__`: named result, operation, operand.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[allow(missing_docs, reason = "the names are the specification's")]
pub enum VCvtop {
    /// To this shape from lanes of half the width.
    Extend(IShape, Half, Sx),
    I32x4TruncSatF32x4(Sx),
    I32x4TruncSatF64x2Zero(Sx),
    I32x4RelaxedTruncF32x4(Sx),
    I32x4RelaxedTruncF64x2Zero(Sx),
    F32x4ConvertI32x4(Sx),
    F64x2ConvertLowI32x4(Sx),
    F32x4DemoteF64x2Zero,
    F64x2PromoteLowF32x4,
}

/// Result type and `loadop_` of a scalar load.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[allow(missing_docs, reason = "the names are the specification's")]
pub enum LoadOp {
    I32,
    I64,
    F32,
    F64,
    I32Load8(Sx),
    I32Load16(Sx),
    I64Load8(Sx),
    I64Load16(Sx),
    I64Load32(Sx),
}

/// Operand type and `storeop_` of a scalar store.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[allow(missing_docs, reason = "the names are the specification's")]
pub enum StoreOp {
    I32,
    I64,
    F32,
    F64,
    /// `i32.storeN`.
    I32Pack(Sz),
    /// `i64.storeN`.
    I64Pack(Sz),
}

/// `vloadop_`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum VLoadOp {
    /// `v128.load`.
    Full,
    /// `v128.loadNxM_sx`: 64 bits of lanes of this size, each extended to twice the size.
    Pack(Sz, Sx),
    /// `v128.loadN_splat`.
    Splat(Sz),
    /// `v128.loadN_zero`.
    Zero(Sz),
}

/// `blocktype`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum BlockType {
    /// No parameters, no results.
    Empty,
    /// No parameters, one result.
    Val(ValType),
    /// A function type of the module.
    Idx(TypeIdx),
}

/// `catch`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Catch {
    /// Exceptions with this tag. Their fields go to the label.
    Catch(TagIdx, LabelIdx),
    /// As `Catch`, followed by the exception reference.
    CatchRef(TagIdx, LabelIdx),
    /// Every exception. Nothing goes to the label.
    CatchAll(LabelIdx),
    /// Every exception. The exception reference goes to the label.
    CatchAllRef(LabelIdx),
}

impl Catch {
    /// Returns where the clause branches to, counted from outside its `try_table`.
    #[must_use]
    pub fn label(self) -> LabelIdx {
        match self {
            Catch::Catch(_, l) | Catch::CatchRef(_, l) => l,
            Catch::CatchAll(l) | Catch::CatchAllRef(l) => l,
        }
    }
}

/// Operands of `try_table`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct TryTable {
    /// Type of the block.
    pub ty: BlockType,
    /// Clauses in order of precedence.
    pub catches: Vec<Catch>,
}

/// Operands of `br_table`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct BrTable {
    /// Labels by operand.
    pub labels: Vec<LabelIdx>,
    /// Label for all other operands.
    pub default: LabelIdx,
}

/// Operands of `br_on_cast` and `br_on_cast_fail`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct BrOnCast {
    /// Where to branch.
    pub label: LabelIdx,
    /// Type of the operand.
    pub from: RefType,
    /// Type tested for.
    pub to: RefType,
}

/// Type annotation of `select`. The syntax permits any number, validation exactly one.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct SelectTypes(pub Vec<ValType>);

/// `instr`. Alignments are exponents of two. Floating-point constants are raw bits.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[allow(missing_docs, reason = "the names are the specification's")]
pub enum Instr {
    // Parametric instructions
    Unreachable,
    Nop,
    Drop,
    Select,
    SelectTyped(Box<SelectTypes>),

    // Block instructions
    Block(BlockType),
    Loop(BlockType),
    If(BlockType),
    Else,
    End,
    TryTable(Box<TryTable>),

    // Branch instructions
    Br(LabelIdx),
    BrIf(LabelIdx),
    BrTable(Box<BrTable>),
    BrOnNull(LabelIdx),
    BrOnNonNull(LabelIdx),
    BrOnCast(Box<BrOnCast>),
    BrOnCastFail(Box<BrOnCast>),

    // Function instructions
    Call(FuncIdx),
    CallRef(TypeIdx),
    CallIndirect(TableIdx, TypeIdx),
    Return,
    ReturnCall(FuncIdx),
    ReturnCallRef(TypeIdx),
    ReturnCallIndirect(TableIdx, TypeIdx),

    // Exception instructions
    Throw(TagIdx),
    ThrowRef,

    // Local and global instructions
    LocalGet(LocalIdx),
    LocalSet(LocalIdx),
    LocalTee(LocalIdx),
    GlobalGet(GlobalIdx),
    GlobalSet(GlobalIdx),

    // Table instructions
    TableGet(TableIdx),
    TableSet(TableIdx),
    TableSize(TableIdx),
    TableGrow(TableIdx),
    TableFill(TableIdx),
    /// Destination, source.
    TableCopy(TableIdx, TableIdx),
    TableInit(TableIdx, ElemIdx),
    ElemDrop(ElemIdx),

    // Memory instructions
    Load {
        op: LoadOp,
        align: u8,
        mem: MemIdx,
        offset: u64,
    },
    Store {
        op: StoreOp,
        align: u8,
        mem: MemIdx,
        offset: u64,
    },
    VLoad {
        op: VLoadOp,
        align: u8,
        mem: MemIdx,
        offset: u64,
    },
    VLoadLane {
        sz: Sz,
        lane: u8,
        align: u8,
        mem: MemIdx,
        offset: u64,
    },
    VStore {
        align: u8,
        mem: MemIdx,
        offset: u64,
    },
    VStoreLane {
        sz: Sz,
        lane: u8,
        align: u8,
        mem: MemIdx,
        offset: u64,
    },
    MemorySize(MemIdx),
    MemoryGrow(MemIdx),
    MemoryFill(MemIdx),
    /// Destination, source.
    MemoryCopy(MemIdx, MemIdx),
    MemoryInit(MemIdx, DataIdx),
    DataDrop(DataIdx),

    // Reference instructions
    RefNull(HeapType),
    RefIsNull,
    RefAsNonNull,
    RefEq,
    RefTest(RefType),
    RefCast(RefType),
    RefFunc(FuncIdx),

    // Scalar reference instructions
    RefI31,
    I31Get(Sx),

    // Structure instructions
    StructNew(TypeIdx),
    StructNewDefault(TypeIdx),
    StructGet(Option<Sx>, TypeIdx, FieldIdx),
    StructSet(TypeIdx, FieldIdx),

    // Array instructions
    ArrayNew(TypeIdx),
    ArrayNewDefault(TypeIdx),
    ArrayNewFixed(TypeIdx, u32),
    ArrayNewData(TypeIdx, DataIdx),
    ArrayNewElem(TypeIdx, ElemIdx),
    ArrayGet(Option<Sx>, TypeIdx),
    ArraySet(TypeIdx),
    ArrayLen,
    ArrayFill(TypeIdx),
    /// Destination, source.
    ArrayCopy(TypeIdx, TypeIdx),
    ArrayInitData(TypeIdx, DataIdx),
    ArrayInitElem(TypeIdx, ElemIdx),

    // External reference instructions
    ExternConvertAny,
    AnyConvertExtern,

    // Numeric instructions
    I32Const(u32),
    I64Const(u64),
    F32Const(u32),
    F64Const(u64),
    I32Unop(IUnop),
    I64Unop(IUnop),
    F32Unop(FUnop),
    F64Unop(FUnop),
    I32Binop(IBinop),
    I64Binop(IBinop),
    F32Binop(FBinop),
    F64Binop(FBinop),
    I32Eqz,
    I64Eqz,
    I32Relop(IRelop),
    I64Relop(IRelop),
    F32Relop(FRelop),
    F64Relop(FRelop),
    Cvtop(Cvtop),

    // Vector instructions
    /// The bits, lane 0 lowest.
    VConst(Box<u128>),
    /// `v128.not`, the only `vvunop`.
    VvNot,
    VvBinop(VvBinop),
    /// `v128.bitselect`, the only `vvternop`.
    VvBitselect,
    /// `v128.any_true`, the only `vvtestop`.
    VvAnyTrue,
    ViUnop(IShape, ViUnop),
    VfUnop(FShape, FUnop),
    ViBinop(IShape, ViBinop),
    VfBinop(FShape, VfBinop),
    /// `relaxed_laneselect`, the only `vternop_` of integer shapes.
    ViRelaxedLaneselect(IShape),
    VfTernop(FShape, VfTernop),
    /// `all_true`, the only `vtestop_`.
    ViAllTrue(IShape),
    ViRelop(IShape, IRelop),
    VfRelop(FShape, FRelop),
    VShiftop(IShape, VShiftop),
    VBitmask(IShape),
    VSwizzlop(VSwizzlop),
    VShuffle(Box<[u8; 16]>),
    /// `extadd_pairwise`, the only `vextunop__`, to this shape from lanes of half the width.
    VExtaddPairwise(IShape, Sx),
    /// To this shape from lanes of half the width.
    VExtbinop(IShape, VExtbinop),
    /// `i32x4.relaxed_dot_i8x16_i7x16_add_s`, the only `vextternop__`.
    VRelaxedDotAdd,
    /// To this shape from lanes of twice the width.
    VNarrow(IShape, Sx),
    VCvtop(VCvtop),
    VSplat(Shape),
    VExtractLane(Shape, Option<Sx>, u8),
    VReplaceLane(Shape, u8),
}

/// Bodies are long, so an instruction must not take more.
const _: () = assert!(size_of::<Instr>() <= 16);
