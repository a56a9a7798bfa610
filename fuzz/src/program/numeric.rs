//! The table of numeric and vector instructions without immediates: what each takes and returns.
//!
//! To add an instruction that only computes on numbers, add a row at the end. `Op::Num(NumId)`
//! names a row by its position, so the rows before it must stay where they are.

use wasm_encoder::Instruction;

use super::types::Ty;

/// A row of [`NUMERIC`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NumId(pub u16);

/// What can go wrong when the instruction runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hazard {
    /// Nothing.
    None,
    /// The last operand must not be zero.
    Divisor,
    /// The operand must be in range of the integer type.
    Range,
}

/// One numeric instruction.
#[derive(Debug)]
pub struct NumRow {
    /// Its encoding.
    pub instruction: Instruction<'static>,
    /// Operand types.
    pub params: &'static [Ty],
    /// Result type.
    pub result: Ty,
    /// Whether it can trap.
    pub hazard: Hazard,
}

impl NumId {
    /// Returns the row.
    pub fn row(self) -> &'static NumRow {
        &NUMERIC[self.0 as usize]
    }
}

macro_rules! rows {
    (@params [$($param:ident)*]) => { &[$(Ty::$param),*] };
    ($( $hazard:ident $params:tt -> $result:ident : $($name:ident $(($($immediate:tt)*))?)* ; )*) => {
        /// All numeric instructions, grouped by signature.
        pub static NUMERIC: &[NumRow] = &[ $( $( NumRow {
            instruction: Instruction::$name $(($($immediate)*))?,
            params: rows!(@params $params),
            result: Ty::$result,
            hazard: Hazard::$hazard,
        }, )* )* ];
    };
}

rows! {
    None [I32 I32] -> I32: I32Add I32Sub I32Mul I32And I32Or I32Xor I32Shl I32ShrS I32ShrU I32Rotl I32Rotr
        I32Eq I32Ne I32LtS I32LtU I32GtS I32GtU I32LeS I32LeU I32GeS I32GeU;
    None [I32] -> I32: I32Eqz I32Clz I32Ctz I32Popcnt I32Extend8S I32Extend16S;
    Divisor [I32 I32] -> I32: I32DivS I32DivU I32RemS I32RemU;
    None [I64 I64] -> I64: I64Add I64Sub I64Mul I64And I64Or I64Xor I64Shl I64ShrS I64ShrU I64Rotl I64Rotr;
    None [I64 I64] -> I32: I64Eq I64Ne I64LtS I64LtU I64GtS I64GtU I64LeS I64LeU I64GeS I64GeU;
    None [I64] -> I32: I64Eqz I32WrapI64;
    None [I64] -> I64: I64Clz I64Ctz I64Popcnt I64Extend8S I64Extend16S I64Extend32S;
    Divisor [I64 I64] -> I64: I64DivS I64DivU I64RemS I64RemU;
    None [I32] -> I64: I64ExtendI32S I64ExtendI32U;
    None [F32 F32] -> F32: F32Add F32Sub F32Mul F32Div F32Min F32Max F32Copysign;
    None [F32] -> F32: F32Abs F32Neg F32Ceil F32Floor F32Trunc F32Nearest F32Sqrt;
    None [F32 F32] -> I32: F32Eq F32Ne F32Lt F32Gt F32Le F32Ge;
    None [F64 F64] -> F64: F64Add F64Sub F64Mul F64Div F64Min F64Max F64Copysign;
    None [F64] -> F64: F64Abs F64Neg F64Ceil F64Floor F64Trunc F64Nearest F64Sqrt;
    None [F64 F64] -> I32: F64Eq F64Ne F64Lt F64Gt F64Le F64Ge;
    None [I32] -> F32: F32ConvertI32S F32ConvertI32U F32ReinterpretI32;
    None [I64] -> F32: F32ConvertI64S F32ConvertI64U;
    None [F64] -> F32: F32DemoteF64;
    None [I32] -> F64: F64ConvertI32S F64ConvertI32U;
    None [I64] -> F64: F64ConvertI64S F64ConvertI64U F64ReinterpretI64;
    None [F32] -> F64: F64PromoteF32;
    None [F32] -> I32: I32ReinterpretF32 I32TruncSatF32S I32TruncSatF32U;
    None [F64] -> I32: I32TruncSatF64S I32TruncSatF64U;
    None [F32] -> I64: I64TruncSatF32S I64TruncSatF32U;
    None [F64] -> I64: I64ReinterpretF64 I64TruncSatF64S I64TruncSatF64U;
    Range [F32] -> I32: I32TruncF32S I32TruncF32U;
    Range [F64] -> I32: I32TruncF64S I32TruncF64U;
    Range [F32] -> I64: I64TruncF32S I64TruncF32U;
    Range [F64] -> I64: I64TruncF64S I64TruncF64U;
    None [I32] -> V128: I8x16Splat I16x8Splat I32x4Splat;
    None [I64] -> V128: I64x2Splat;
    None [F32] -> V128: F32x4Splat;
    None [F64] -> V128: F64x2Splat;
    None [V128] -> I32: V128AnyTrue I8x16AllTrue I16x8AllTrue I32x4AllTrue I64x2AllTrue I8x16Bitmask I16x8Bitmask
        I32x4Bitmask I64x2Bitmask;
    None [V128] -> V128: V128Not I8x16Abs I8x16Neg I8x16Popcnt I16x8Abs I16x8Neg I32x4Abs I32x4Neg I64x2Abs I64x2Neg
        I16x8ExtAddPairwiseI8x16S I16x8ExtAddPairwiseI8x16U I32x4ExtAddPairwiseI16x8S I32x4ExtAddPairwiseI16x8U
        I16x8ExtendLowI8x16S I16x8ExtendHighI8x16U I32x4ExtendLowI16x8U I32x4ExtendHighI16x8S I64x2ExtendLowI32x4S
        I64x2ExtendHighI32x4U F32x4Abs F32x4Neg F32x4Sqrt F32x4Ceil F32x4Floor F32x4Trunc F32x4Nearest F64x2Abs F64x2Neg
        F64x2Sqrt F64x2Ceil F64x2Floor F64x2Trunc F64x2Nearest F32x4ConvertI32x4S F32x4ConvertI32x4U
        F64x2ConvertLowI32x4S F64x2ConvertLowI32x4U F32x4DemoteF64x2Zero F64x2PromoteLowF32x4 I32x4TruncSatF32x4S
        I32x4TruncSatF32x4U I32x4TruncSatF64x2SZero I32x4TruncSatF64x2UZero;
    None [V128 V128] -> V128: V128And V128Or V128Xor V128AndNot I8x16Swizzle I8x16Eq I8x16LtS I8x16GtU I16x8Ne I16x8LeS
        I16x8GeU I32x4Eq I32x4LtU I32x4GeS I64x2Eq I64x2LtS F32x4Eq F32x4Lt F64x2Ne F64x2Ge I8x16Add I8x16Sub I8x16AddSatS
        I8x16SubSatU I8x16MinS I8x16MaxU I8x16AvgrU I8x16NarrowI16x8S I8x16NarrowI16x8U I16x8Add I16x8Sub I16x8Mul
        I16x8AddSatU I16x8SubSatS I16x8MinU I16x8MaxS I16x8AvgrU I16x8NarrowI32x4S I16x8NarrowI32x4U I16x8Q15MulrSatS
        I16x8ExtMulLowI8x16S I16x8ExtMulHighI8x16U I32x4Add I32x4Sub I32x4Mul I32x4MinS I32x4MaxU I32x4DotI16x8S
        I32x4ExtMulLowI16x8U I64x2Add I64x2Sub I64x2Mul I64x2ExtMulHighI32x4S F32x4Add F32x4Sub F32x4Mul F32x4Div F32x4Min
        F32x4Max F32x4PMin F32x4PMax F64x2Add F64x2Sub F64x2Mul F64x2Div F64x2Min F64x2Max F64x2PMin F64x2PMax;
    None [V128 I32] -> V128: I8x16Shl I8x16ShrS I8x16ShrU I16x8Shl I16x8ShrS I32x4Shl I32x4ShrU I64x2Shl I64x2ShrS;
    None [V128 V128 V128] -> V128: V128Bitselect;
    None [V128] -> V128: I16x8ExtendLowI8x16U I16x8ExtendHighI8x16S I32x4ExtendLowI16x8S
        I32x4ExtendHighI16x8U I64x2ExtendLowI32x4U I64x2ExtendHighI32x4S;
    None [V128 V128] -> V128: I8x16Ne I8x16LtU I8x16GtS I8x16LeS I8x16LeU I8x16GeS I8x16GeU I16x8Eq
        I16x8LtS I16x8LtU I16x8GtS I16x8GtU I16x8LeU I16x8GeS I32x4Ne I32x4LtS I32x4GtS I32x4GtU
        I32x4LeS I32x4LeU I32x4GeU I64x2Ne I64x2GtS I64x2LeS I64x2GeS F32x4Ne F32x4Gt F32x4Le
        F32x4Ge F64x2Eq F64x2Lt F64x2Gt F64x2Le I8x16AddSatU I8x16SubSatS I8x16MinU I8x16MaxS
        I16x8AddSatS I16x8SubSatU I16x8MinS I16x8MaxU I32x4MinU I32x4MaxS I16x8ExtMulLowI8x16U
        I16x8ExtMulHighI8x16S I32x4ExtMulLowI16x8S I32x4ExtMulHighI16x8S I32x4ExtMulHighI16x8U
        I64x2ExtMulLowI32x4S I64x2ExtMulLowI32x4U I64x2ExtMulHighI32x4U;
    None [V128 I32] -> V128: I16x8ShrU I32x4ShrS I64x2ShrU;
    None [V128] -> I32: I8x16ExtractLaneS(0) I8x16ExtractLaneS(1) I8x16ExtractLaneS(2)
        I8x16ExtractLaneS(3) I8x16ExtractLaneS(4) I8x16ExtractLaneS(5) I8x16ExtractLaneS(6)
        I8x16ExtractLaneS(7) I8x16ExtractLaneS(8) I8x16ExtractLaneS(9) I8x16ExtractLaneS(10)
        I8x16ExtractLaneS(11) I8x16ExtractLaneS(12) I8x16ExtractLaneS(13) I8x16ExtractLaneS(14)
        I8x16ExtractLaneS(15) I8x16ExtractLaneU(0) I8x16ExtractLaneU(1) I8x16ExtractLaneU(2)
        I8x16ExtractLaneU(3) I8x16ExtractLaneU(4) I8x16ExtractLaneU(5) I8x16ExtractLaneU(6)
        I8x16ExtractLaneU(7) I8x16ExtractLaneU(8) I8x16ExtractLaneU(9) I8x16ExtractLaneU(10)
        I8x16ExtractLaneU(11) I8x16ExtractLaneU(12) I8x16ExtractLaneU(13) I8x16ExtractLaneU(14)
        I8x16ExtractLaneU(15);
    None [V128 I32] -> V128: I8x16ReplaceLane(0) I8x16ReplaceLane(1) I8x16ReplaceLane(2)
        I8x16ReplaceLane(3) I8x16ReplaceLane(4) I8x16ReplaceLane(5) I8x16ReplaceLane(6)
        I8x16ReplaceLane(7) I8x16ReplaceLane(8) I8x16ReplaceLane(9) I8x16ReplaceLane(10)
        I8x16ReplaceLane(11) I8x16ReplaceLane(12) I8x16ReplaceLane(13) I8x16ReplaceLane(14)
        I8x16ReplaceLane(15);
    None [V128] -> I32: I16x8ExtractLaneS(0) I16x8ExtractLaneS(1) I16x8ExtractLaneS(2)
        I16x8ExtractLaneS(3) I16x8ExtractLaneS(4) I16x8ExtractLaneS(5) I16x8ExtractLaneS(6)
        I16x8ExtractLaneS(7) I16x8ExtractLaneU(0) I16x8ExtractLaneU(1) I16x8ExtractLaneU(2)
        I16x8ExtractLaneU(3) I16x8ExtractLaneU(4) I16x8ExtractLaneU(5) I16x8ExtractLaneU(6)
        I16x8ExtractLaneU(7);
    None [V128 I32] -> V128: I16x8ReplaceLane(0) I16x8ReplaceLane(1) I16x8ReplaceLane(2)
        I16x8ReplaceLane(3) I16x8ReplaceLane(4) I16x8ReplaceLane(5) I16x8ReplaceLane(6)
        I16x8ReplaceLane(7);
    None [V128] -> I32: I32x4ExtractLane(0) I32x4ExtractLane(1) I32x4ExtractLane(2)
        I32x4ExtractLane(3);
    None [V128 I32] -> V128: I32x4ReplaceLane(0) I32x4ReplaceLane(1) I32x4ReplaceLane(2)
        I32x4ReplaceLane(3);
    None [V128] -> I64: I64x2ExtractLane(0) I64x2ExtractLane(1);
    None [V128 I64] -> V128: I64x2ReplaceLane(0) I64x2ReplaceLane(1);
    None [V128] -> F32: F32x4ExtractLane(0) F32x4ExtractLane(1) F32x4ExtractLane(2)
        F32x4ExtractLane(3);
    None [V128 F32] -> V128: F32x4ReplaceLane(0) F32x4ReplaceLane(1) F32x4ReplaceLane(2)
        F32x4ReplaceLane(3);
    None [V128] -> F64: F64x2ExtractLane(0) F64x2ExtractLane(1);
    None [V128 F64] -> V128: F64x2ReplaceLane(0) F64x2ReplaceLane(1);
    None [V128 V128] -> V128:
        I8x16Shuffle([15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0])
        I8x16Shuffle([0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23])
        I8x16Shuffle([31, 0, 30, 1, 29, 2, 28, 3, 27, 4, 26, 5, 25, 6, 24, 7])
        I8x16Shuffle([3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3])
        I8x16Shuffle([8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23])
        I8x16Shuffle([16, 0, 0, 31, 15, 15, 17, 1, 30, 14, 2, 29, 13, 3, 28, 12])
        I8x16Shuffle([4, 5, 6, 7, 0, 1, 2, 3, 20, 21, 22, 23, 16, 17, 18, 19]);
    None [V128 V128 V128] -> V128: F32x4RelaxedMadd F32x4RelaxedNmadd F64x2RelaxedMadd
        F64x2RelaxedNmadd I8x16RelaxedLaneselect I16x8RelaxedLaneselect I32x4RelaxedLaneselect
        I64x2RelaxedLaneselect I32x4RelaxedDotI8x16I7x16AddS;
    None [V128 V128] -> V128: I8x16RelaxedSwizzle F32x4RelaxedMin F32x4RelaxedMax F64x2RelaxedMin
        F64x2RelaxedMax I16x8RelaxedQ15mulrS I16x8RelaxedDotI8x16I7x16S;
    None [V128] -> V128: I32x4RelaxedTruncF32x4S I32x4RelaxedTruncF32x4U
        I32x4RelaxedTruncF64x2SZero I32x4RelaxedTruncF64x2UZero;
}
