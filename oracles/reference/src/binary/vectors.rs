//! Vector instructions: what follows the prefix 0xFD.

use super::instructions::{FRELOPS, IRELOPS, MemArg};
use super::values::Reader;
use super::{MalformedKind, Result};
use crate::syntax::{
    FShape, FUnop, Half, IRelop, IShape, Instr, Shape, Sx, Sz, VCvtop, VExtbinop, VLoadOp,
    VShiftop, VSwizzlop, VfBinop, VfTernop, ViBinop, ViUnop, VvBinop,
};
use FShape::{F32x4, F64x2};
use Half::{High, Low};
use IShape::{I8x16, I16x8, I32x4, I64x2};
use Sx::{S, U};

impl Reader<'_> {
    pub(super) fn vector_instr(&mut self) -> Result<Instr> {
        let op = self.u32()?;
        let instr = match op {
            0..=11 | 84..=93 => Some(self.vector_memory(op)?),
            12 => Some(Instr::VConst(Box::new(u128::from_le_bytes(self.array()?)))),
            13 => Some(Instr::VShuffle(Box::new(self.array()?))),
            21..=34 => Some(self.vector_lane(op)?),
            14..=20 | 77..=83 => Some(vector_bitwise(op)),
            35..=76 | 214..=219 => Some(vector_relation(op)),
            94..=255 => vector_convert(op)
                .or_else(|| vector_shared(op))
                .or_else(|| vector_int(op))
                .or_else(|| vector_float(op)),
            256..=275 => Some(vector_relaxed(op)),
            _ => None,
        };
        match instr {
            Some(instr) => Ok(instr),
            None => self.fail(MalformedKind::Opcode(0xFD, op)),
        }
    }

    fn vload(&mut self, op: VLoadOp) -> Result<Instr> {
        let MemArg { align, mem, offset } = self.memarg()?;
        Ok(Instr::VLoad {
            op,
            align,
            mem,
            offset,
        })
    }

    fn vload_lane(&mut self, sz: Sz) -> Result<Instr> {
        let MemArg { align, mem, offset } = self.memarg()?;
        Ok(Instr::VLoadLane {
            sz,
            lane: self.byte()?,
            align,
            mem,
            offset,
        })
    }

    fn vstore_lane(&mut self, sz: Sz) -> Result<Instr> {
        let MemArg { align, mem, offset } = self.memarg()?;
        Ok(Instr::VStoreLane {
            sz,
            lane: self.byte()?,
            align,
            mem,
            offset,
        })
    }

    /// `Binstr/vec-memory`.
    fn vector_memory(&mut self, op: u32) -> Result<Instr> {
        match op {
            0 => self.vload(VLoadOp::Full),
            1 => self.vload(VLoadOp::Pack(Sz::B8, S)),
            2 => self.vload(VLoadOp::Pack(Sz::B8, U)),
            3 => self.vload(VLoadOp::Pack(Sz::B16, S)),
            4 => self.vload(VLoadOp::Pack(Sz::B16, U)),
            5 => self.vload(VLoadOp::Pack(Sz::B32, S)),
            6 => self.vload(VLoadOp::Pack(Sz::B32, U)),
            7 => self.vload(VLoadOp::Splat(Sz::B8)),
            8 => self.vload(VLoadOp::Splat(Sz::B16)),
            9 => self.vload(VLoadOp::Splat(Sz::B32)),
            10 => self.vload(VLoadOp::Splat(Sz::B64)),
            11 => {
                let MemArg { align, mem, offset } = self.memarg()?;
                Ok(Instr::VStore { align, mem, offset })
            }
            84 => self.vload_lane(Sz::B8),
            85 => self.vload_lane(Sz::B16),
            86 => self.vload_lane(Sz::B32),
            87 => self.vload_lane(Sz::B64),
            88 => self.vstore_lane(Sz::B8),
            89 => self.vstore_lane(Sz::B16),
            90 => self.vstore_lane(Sz::B32),
            91 => self.vstore_lane(Sz::B64),
            92 => self.vload(VLoadOp::Zero(Sz::B32)),
            _ => self.vload(VLoadOp::Zero(Sz::B64)),
        }
    }

    /// `Binstr/vec-lane`.
    fn vector_lane(&mut self, op: u32) -> Result<Instr> {
        let lane = self.byte()?;
        Ok(match op {
            21 => Instr::VExtractLane(Shape::I8x16, Some(S), lane),
            22 => Instr::VExtractLane(Shape::I8x16, Some(U), lane),
            23 => Instr::VReplaceLane(Shape::I8x16, lane),
            24 => Instr::VExtractLane(Shape::I16x8, Some(S), lane),
            25 => Instr::VExtractLane(Shape::I16x8, Some(U), lane),
            26 => Instr::VReplaceLane(Shape::I16x8, lane),
            27 => Instr::VExtractLane(Shape::I32x4, None, lane),
            28 => Instr::VReplaceLane(Shape::I32x4, lane),
            29 => Instr::VExtractLane(Shape::I64x2, None, lane),
            30 => Instr::VReplaceLane(Shape::I64x2, lane),
            31 => Instr::VExtractLane(Shape::F32x4, None, lane),
            32 => Instr::VReplaceLane(Shape::F32x4, lane),
            33 => Instr::VExtractLane(Shape::F64x2, None, lane),
            _ => Instr::VReplaceLane(Shape::F64x2, lane),
        })
    }
}

/// Opcodes 14 to 20 (swizzle and splat) and 77 to 83 (whole vectors).
fn vector_bitwise(op: u32) -> Instr {
    match op {
        14 => Instr::VSwizzlop(VSwizzlop::Swizzle),
        15 => Instr::VSplat(Shape::I8x16),
        16 => Instr::VSplat(Shape::I16x8),
        17 => Instr::VSplat(Shape::I32x4),
        18 => Instr::VSplat(Shape::I64x2),
        19 => Instr::VSplat(Shape::F32x4),
        20 => Instr::VSplat(Shape::F64x2),
        77 => Instr::VvNot,
        78 => Instr::VvBinop(VvBinop::And),
        79 => Instr::VvBinop(VvBinop::AndNot),
        80 => Instr::VvBinop(VvBinop::Or),
        81 => Instr::VvBinop(VvBinop::Xor),
        82 => Instr::VvBitselect,
        _ => Instr::VvAnyTrue,
    }
}

/// Opcodes 35 to 76 and 214 to 219: `vrelop_`.
fn vector_relation(op: u32) -> Instr {
    let irelop = |base: u32| IRELOPS[(op - base) as usize];
    let frelop = |base: u32| FRELOPS[(op - base) as usize];
    match op {
        35..=44 => Instr::ViRelop(I8x16, irelop(35)),
        45..=54 => Instr::ViRelop(I16x8, irelop(45)),
        55..=64 => Instr::ViRelop(I32x4, irelop(55)),
        65..=70 => Instr::VfRelop(F32x4, frelop(65)),
        71..=76 => Instr::VfRelop(F64x2, frelop(71)),
        214 => Instr::ViRelop(I64x2, IRelop::Eq),
        215 => Instr::ViRelop(I64x2, IRelop::Ne),
        216 => Instr::ViRelop(I64x2, IRelop::Lt(S)),
        217 => Instr::ViRelop(I64x2, IRelop::Gt(S)),
        218 => Instr::ViRelop(I64x2, IRelop::Le(S)),
        _ => Instr::ViRelop(I64x2, IRelop::Ge(S)),
    }
}

/// `Binstr/vec-cvt`.
fn vector_convert(op: u32) -> Option<Instr> {
    Some(Instr::VCvtop(match op {
        94 => VCvtop::F32x4DemoteF64x2Zero,
        95 => VCvtop::F64x2PromoteLowF32x4,
        248 => VCvtop::I32x4TruncSatF32x4(S),
        249 => VCvtop::I32x4TruncSatF32x4(U),
        250 => VCvtop::F32x4ConvertI32x4(S),
        251 => VCvtop::F32x4ConvertI32x4(U),
        252 => VCvtop::I32x4TruncSatF64x2Zero(S),
        253 => VCvtop::I32x4TruncSatF64x2Zero(U),
        254 => VCvtop::F64x2ConvertLowI32x4(S),
        255 => VCvtop::F64x2ConvertLowI32x4(U),
        _ => return None,
    }))
}

/// The operators that all four integer shapes have at the same distance from the first opcode of
/// their group of 32: `abs`, `neg`, `all_true`, `bitmask`, `narrow`, `extend`, shifts, and
/// `extmul`.
fn vector_shared(op: u32) -> Option<Instr> {
    let shape = match op {
        96..128 => I8x16,
        128..160 => I16x8,
        160..192 => I32x4,
        192..224 => I64x2,
        _ => return None,
    };
    let narrowest = shape == I8x16;
    Some(match (op - 96) % 32 {
        0 => Instr::ViUnop(shape, ViUnop::Abs),
        1 => Instr::ViUnop(shape, ViUnop::Neg),
        3 => Instr::ViAllTrue(shape),
        4 => Instr::VBitmask(shape),
        5 if matches!(shape, I8x16 | I16x8) => Instr::VNarrow(shape, S),
        6 if matches!(shape, I8x16 | I16x8) => Instr::VNarrow(shape, U),
        7 if !narrowest => Instr::VCvtop(VCvtop::Extend(shape, Low, S)),
        8 if !narrowest => Instr::VCvtop(VCvtop::Extend(shape, High, S)),
        9 if !narrowest => Instr::VCvtop(VCvtop::Extend(shape, Low, U)),
        10 if !narrowest => Instr::VCvtop(VCvtop::Extend(shape, High, U)),
        11 => Instr::VShiftop(shape, VShiftop::Shl),
        12 => Instr::VShiftop(shape, VShiftop::Shr(S)),
        13 => Instr::VShiftop(shape, VShiftop::Shr(U)),
        14 => Instr::ViBinop(shape, ViBinop::Add),
        17 => Instr::ViBinop(shape, ViBinop::Sub),
        28 if !narrowest => Instr::VExtbinop(shape, VExtbinop::Extmul(Low, S)),
        29 if !narrowest => Instr::VExtbinop(shape, VExtbinop::Extmul(High, S)),
        30 if !narrowest => Instr::VExtbinop(shape, VExtbinop::Extmul(Low, U)),
        31 if !narrowest => Instr::VExtbinop(shape, VExtbinop::Extmul(High, U)),
        _ => return None,
    })
}

/// Integer operators that only some shapes have.
fn vector_int(op: u32) -> Option<Instr> {
    Some(match op {
        98 => Instr::ViUnop(I8x16, ViUnop::Popcnt),
        111 => Instr::ViBinop(I8x16, ViBinop::AddSat(S)),
        112 => Instr::ViBinop(I8x16, ViBinop::AddSat(U)),
        114 => Instr::ViBinop(I8x16, ViBinop::SubSat(S)),
        115 => Instr::ViBinop(I8x16, ViBinop::SubSat(U)),
        118 => Instr::ViBinop(I8x16, ViBinop::Min(S)),
        119 => Instr::ViBinop(I8x16, ViBinop::Min(U)),
        120 => Instr::ViBinop(I8x16, ViBinop::Max(S)),
        121 => Instr::ViBinop(I8x16, ViBinop::Max(U)),
        123 => Instr::ViBinop(I8x16, ViBinop::Avgr),
        124 => Instr::VExtaddPairwise(I16x8, S),
        125 => Instr::VExtaddPairwise(I16x8, U),
        126 => Instr::VExtaddPairwise(I32x4, S),
        127 => Instr::VExtaddPairwise(I32x4, U),
        130 => Instr::ViBinop(I16x8, ViBinop::Q15mulrSat),
        143 => Instr::ViBinop(I16x8, ViBinop::AddSat(S)),
        144 => Instr::ViBinop(I16x8, ViBinop::AddSat(U)),
        146 => Instr::ViBinop(I16x8, ViBinop::SubSat(S)),
        147 => Instr::ViBinop(I16x8, ViBinop::SubSat(U)),
        149 => Instr::ViBinop(I16x8, ViBinop::Mul),
        150 => Instr::ViBinop(I16x8, ViBinop::Min(S)),
        151 => Instr::ViBinop(I16x8, ViBinop::Min(U)),
        152 => Instr::ViBinop(I16x8, ViBinop::Max(S)),
        153 => Instr::ViBinop(I16x8, ViBinop::Max(U)),
        155 => Instr::ViBinop(I16x8, ViBinop::Avgr),
        181 => Instr::ViBinop(I32x4, ViBinop::Mul),
        182 => Instr::ViBinop(I32x4, ViBinop::Min(S)),
        183 => Instr::ViBinop(I32x4, ViBinop::Min(U)),
        184 => Instr::ViBinop(I32x4, ViBinop::Max(S)),
        185 => Instr::ViBinop(I32x4, ViBinop::Max(U)),
        186 => Instr::VExtbinop(I32x4, VExtbinop::Dot),
        213 => Instr::ViBinop(I64x2, ViBinop::Mul),
        _ => return None,
    })
}

/// Floating-point operators.
fn vector_float(op: u32) -> Option<Instr> {
    Some(match op {
        103 => Instr::VfUnop(F32x4, FUnop::Ceil),
        104 => Instr::VfUnop(F32x4, FUnop::Floor),
        105 => Instr::VfUnop(F32x4, FUnop::Trunc),
        106 => Instr::VfUnop(F32x4, FUnop::Nearest),
        116 => Instr::VfUnop(F64x2, FUnop::Ceil),
        117 => Instr::VfUnop(F64x2, FUnop::Floor),
        122 => Instr::VfUnop(F64x2, FUnop::Trunc),
        148 => Instr::VfUnop(F64x2, FUnop::Nearest),
        224 => Instr::VfUnop(F32x4, FUnop::Abs),
        225 => Instr::VfUnop(F32x4, FUnop::Neg),
        227 => Instr::VfUnop(F32x4, FUnop::Sqrt),
        228..=235 => Instr::VfBinop(F32x4, VFBINOPS[(op - 228) as usize]),
        236 => Instr::VfUnop(F64x2, FUnop::Abs),
        237 => Instr::VfUnop(F64x2, FUnop::Neg),
        239 => Instr::VfUnop(F64x2, FUnop::Sqrt),
        240..=247 => Instr::VfBinop(F64x2, VFBINOPS[(op - 240) as usize]),
        _ => return None,
    })
}

/// Opcodes 256 to 275.
fn vector_relaxed(op: u32) -> Instr {
    match op {
        256 => Instr::VSwizzlop(VSwizzlop::RelaxedSwizzle),
        257 => Instr::VCvtop(VCvtop::I32x4RelaxedTruncF32x4(S)),
        258 => Instr::VCvtop(VCvtop::I32x4RelaxedTruncF32x4(U)),
        259 => Instr::VCvtop(VCvtop::I32x4RelaxedTruncF64x2Zero(S)),
        260 => Instr::VCvtop(VCvtop::I32x4RelaxedTruncF64x2Zero(U)),
        261 => Instr::VfTernop(F32x4, VfTernop::RelaxedMadd),
        262 => Instr::VfTernop(F32x4, VfTernop::RelaxedNmadd),
        263 => Instr::VfTernop(F64x2, VfTernop::RelaxedMadd),
        264 => Instr::VfTernop(F64x2, VfTernop::RelaxedNmadd),
        265 => Instr::ViRelaxedLaneselect(I8x16),
        266 => Instr::ViRelaxedLaneselect(I16x8),
        267 => Instr::ViRelaxedLaneselect(I32x4),
        268 => Instr::ViRelaxedLaneselect(I64x2),
        269 => Instr::VfBinop(F32x4, VfBinop::RelaxedMin),
        270 => Instr::VfBinop(F32x4, VfBinop::RelaxedMax),
        271 => Instr::VfBinop(F64x2, VfBinop::RelaxedMin),
        272 => Instr::VfBinop(F64x2, VfBinop::RelaxedMax),
        273 => Instr::ViBinop(I16x8, ViBinop::RelaxedQ15mulr),
        274 => Instr::VExtbinop(I16x8, VExtbinop::RelaxedDot),
        _ => Instr::VRelaxedDotAdd,
    }
}

/// `vbinop_(Fnn X M)` in opcode order.
const VFBINOPS: [VfBinop; 8] = [
    VfBinop::Add,
    VfBinop::Sub,
    VfBinop::Mul,
    VfBinop::Div,
    VfBinop::Min,
    VfBinop::Max,
    VfBinop::Pmin,
    VfBinop::Pmax,
];
