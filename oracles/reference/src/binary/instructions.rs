//! Instructions and expressions. Not here: vector instructions (`vectors`).

use super::types::is_type_byte;
use super::values::Reader;
use super::{MalformedKind, Result};
use crate::syntax::{
    BlockType, BrOnCast, BrTable, Catch, Cvtop, DataIdx, ElemIdx, Expr, FBinop, FRelop, FUnop,
    FieldIdx, FuncIdx, GlobalIdx, IBinop, IRelop, IUnop, Instr, LabelIdx, LoadOp, LocalIdx, MemIdx,
    RefType, SelectTypes, StoreOp, Sx, Sz, TableIdx, TagIdx, TryTable, TypeIdx,
};

/// `Bmemarg`.
pub(super) struct MemArg {
    pub(super) align: u8,
    pub(super) mem: MemIdx,
    pub(super) offset: u64,
}

impl Reader<'_> {
    /// `Bexpr`: instructions up to the `end` that closes the expression, which is included.
    pub(super) fn expr(&mut self) -> Result<Expr> {
        let mut body = Vec::new();
        // For each open block, whether `else` may follow.
        let mut open = vec![false];
        while let Some(else_allowed) = open.last_mut() {
            let instr = self.instr()?;
            match instr {
                Instr::Block(_) | Instr::Loop(_) | Instr::TryTable(_) => open.push(false),
                Instr::If(_) => open.push(true),
                Instr::Else if *else_allowed => *else_allowed = false,
                Instr::Else => return self.fail(MalformedKind::Else),
                Instr::End => {
                    open.pop();
                }
                _ => {}
            }
            body.push(instr);
        }
        Ok(body)
    }

    fn instr(&mut self) -> Result<Instr> {
        let op = self.byte()?;
        match op {
            0x00..=0x1F => self.control_instr(op),
            0x20..=0x26 => self.variable_instr(op),
            0x28..=0x40 => self.memory_instr(op),
            0x41..=0x44 => self.const_instr(op),
            0x45..=0x66 => self.comparison_instr(op),
            0x67..=0xA6 | 0xC0..=0xC4 => self.arithmetic_instr(op),
            0xA7..=0xBF => Ok(Instr::Cvtop(conversion(op))),
            0xD0..=0xD6 => self.reference_instr(op),
            0xFB => self.aggregate_instr(),
            0xFC => self.bulk_instr(),
            0xFD => self.vector_instr(),
            _ => self.fail(MalformedKind::Opcode(op, 0)),
        }
    }

    fn label(&mut self) -> Result<LabelIdx> {
        Ok(LabelIdx(self.u32()?))
    }

    fn funcidx(&mut self) -> Result<FuncIdx> {
        Ok(FuncIdx(self.u32()?))
    }

    fn tableidx(&mut self) -> Result<TableIdx> {
        Ok(TableIdx(self.u32()?))
    }

    fn memidx(&mut self) -> Result<MemIdx> {
        Ok(MemIdx(self.u32()?))
    }

    fn dataidx(&mut self) -> Result<DataIdx> {
        Ok(DataIdx(self.u32()?))
    }

    fn elemidx(&mut self) -> Result<ElemIdx> {
        Ok(ElemIdx(self.u32()?))
    }

    fn fieldidx(&mut self) -> Result<FieldIdx> {
        Ok(FieldIdx(self.u32()?))
    }

    fn blocktype(&mut self) -> Result<BlockType> {
        let byte = self.peek()?;
        if byte == 0x40 {
            self.byte()?;
            return Ok(BlockType::Empty);
        }
        if is_type_byte(byte) {
            return Ok(BlockType::Val(self.valtype()?));
        }
        Ok(BlockType::Idx(TypeIdx(self.s33_as_u32()?)))
    }

    /// Opcodes 0x00 to 0x1F.
    fn control_instr(&mut self, op: u8) -> Result<Instr> {
        Ok(match op {
            0x00 => Instr::Unreachable,
            0x01 => Instr::Nop,
            0x02 => Instr::Block(self.blocktype()?),
            0x03 => Instr::Loop(self.blocktype()?),
            0x04 => Instr::If(self.blocktype()?),
            0x05 => Instr::Else,
            0x08 => Instr::Throw(TagIdx(self.u32()?)),
            0x0A => Instr::ThrowRef,
            0x0B => Instr::End,
            0x0C => Instr::Br(self.label()?),
            0x0D => Instr::BrIf(self.label()?),
            0x0E => {
                let labels = self.list(Self::label)?;
                Instr::BrTable(Box::new(BrTable {
                    labels,
                    default: self.label()?,
                }))
            }
            0x0F => Instr::Return,
            0x10 => Instr::Call(self.funcidx()?),
            0x11 => {
                let y = self.typeidx()?;
                Instr::CallIndirect(self.tableidx()?, y)
            }
            0x12 => Instr::ReturnCall(self.funcidx()?),
            0x13 => {
                let y = self.typeidx()?;
                Instr::ReturnCallIndirect(self.tableidx()?, y)
            }
            0x14 => Instr::CallRef(self.typeidx()?),
            0x15 => Instr::ReturnCallRef(self.typeidx()?),
            0x1A => Instr::Drop,
            0x1B => Instr::Select,
            0x1C => Instr::SelectTyped(Box::new(SelectTypes(self.list(Self::valtype)?))),
            0x1F => {
                let ty = self.blocktype()?;
                Instr::TryTable(Box::new(TryTable {
                    ty,
                    catches: self.list(Self::catch)?,
                }))
            }
            _ => return self.fail(MalformedKind::Opcode(op, 0)),
        })
    }

    fn catch(&mut self) -> Result<Catch> {
        Ok(match self.byte()? {
            0x00 => Catch::Catch(TagIdx(self.u32()?), self.label()?),
            0x01 => Catch::CatchRef(TagIdx(self.u32()?), self.label()?),
            0x02 => Catch::CatchAll(self.label()?),
            0x03 => Catch::CatchAllRef(self.label()?),
            byte => return self.fail(MalformedKind::Catch(byte)),
        })
    }

    /// Opcodes 0x20 to 0x26.
    fn variable_instr(&mut self, op: u8) -> Result<Instr> {
        let x = self.u32()?;
        Ok(match op {
            0x20 => Instr::LocalGet(LocalIdx(x)),
            0x21 => Instr::LocalSet(LocalIdx(x)),
            0x22 => Instr::LocalTee(LocalIdx(x)),
            0x23 => Instr::GlobalGet(GlobalIdx(x)),
            0x24 => Instr::GlobalSet(GlobalIdx(x)),
            0x25 => Instr::TableGet(TableIdx(x)),
            _ => Instr::TableSet(TableIdx(x)),
        })
    }

    pub(super) fn memarg(&mut self) -> Result<MemArg> {
        let flags = self.u32()?;
        let mem = match flags {
            0..0x40 => MemIdx(0),
            0x40..0x80 => self.memidx()?,
            _ => return self.fail(MalformedKind::MemargFlags(flags)),
        };
        Ok(MemArg {
            align: flags as u8 & 0x3F,
            mem,
            offset: self.u64()?,
        })
    }

    /// Opcodes 0x28 to 0x40.
    fn memory_instr(&mut self, op: u8) -> Result<Instr> {
        use Sx::{S, U};
        match op {
            0x28 => self.load(LoadOp::I32),
            0x29 => self.load(LoadOp::I64),
            0x2A => self.load(LoadOp::F32),
            0x2B => self.load(LoadOp::F64),
            0x2C => self.load(LoadOp::I32Load8(S)),
            0x2D => self.load(LoadOp::I32Load8(U)),
            0x2E => self.load(LoadOp::I32Load16(S)),
            0x2F => self.load(LoadOp::I32Load16(U)),
            0x30 => self.load(LoadOp::I64Load8(S)),
            0x31 => self.load(LoadOp::I64Load8(U)),
            0x32 => self.load(LoadOp::I64Load16(S)),
            0x33 => self.load(LoadOp::I64Load16(U)),
            0x34 => self.load(LoadOp::I64Load32(S)),
            0x35 => self.load(LoadOp::I64Load32(U)),
            0x36 => self.store(StoreOp::I32),
            0x37 => self.store(StoreOp::I64),
            0x38 => self.store(StoreOp::F32),
            0x39 => self.store(StoreOp::F64),
            0x3A => self.store(StoreOp::I32Pack(Sz::B8)),
            0x3B => self.store(StoreOp::I32Pack(Sz::B16)),
            0x3C => self.store(StoreOp::I64Pack(Sz::B8)),
            0x3D => self.store(StoreOp::I64Pack(Sz::B16)),
            0x3E => self.store(StoreOp::I64Pack(Sz::B32)),
            0x3F => Ok(Instr::MemorySize(self.memidx()?)),
            _ => Ok(Instr::MemoryGrow(self.memidx()?)),
        }
    }

    fn load(&mut self, op: LoadOp) -> Result<Instr> {
        let MemArg { align, mem, offset } = self.memarg()?;
        Ok(Instr::Load {
            op,
            align,
            mem,
            offset,
        })
    }

    fn store(&mut self, op: StoreOp) -> Result<Instr> {
        let MemArg { align, mem, offset } = self.memarg()?;
        Ok(Instr::Store {
            op,
            align,
            mem,
            offset,
        })
    }

    /// Opcodes 0x41 to 0x44.
    fn const_instr(&mut self, op: u8) -> Result<Instr> {
        Ok(match op {
            0x41 => Instr::I32Const(self.i32()?),
            0x42 => Instr::I64Const(self.i64()?),
            0x43 => Instr::F32Const(self.f32()?),
            _ => Instr::F64Const(self.f64()?),
        })
    }

    /// Opcodes 0x45 to 0x66.
    fn comparison_instr(&mut self, op: u8) -> Result<Instr> {
        Ok(match op {
            0x45 => Instr::I32Eqz,
            0x46..=0x4F => Instr::I32Relop(IRELOPS[usize::from(op - 0x46)]),
            0x50 => Instr::I64Eqz,
            0x51..=0x5A => Instr::I64Relop(IRELOPS[usize::from(op - 0x51)]),
            0x5B..=0x60 => Instr::F32Relop(FRELOPS[usize::from(op - 0x5B)]),
            _ => Instr::F64Relop(FRELOPS[usize::from(op - 0x61)]),
        })
    }

    /// Opcodes 0x67 to 0xA6 and 0xC0 to 0xC4.
    fn arithmetic_instr(&mut self, op: u8) -> Result<Instr> {
        Ok(match op {
            0x67..=0x69 => Instr::I32Unop(IUNOPS[usize::from(op - 0x67)]),
            0x6A..=0x78 => Instr::I32Binop(IBINOPS[usize::from(op - 0x6A)]),
            0x79..=0x7B => Instr::I64Unop(IUNOPS[usize::from(op - 0x79)]),
            0x7C..=0x8A => Instr::I64Binop(IBINOPS[usize::from(op - 0x7C)]),
            0x8B..=0x91 => Instr::F32Unop(FUNOPS[usize::from(op - 0x8B)]),
            0x92..=0x98 => Instr::F32Binop(FBINOPS[usize::from(op - 0x92)]),
            0x99..=0x9F => Instr::F64Unop(FUNOPS[usize::from(op - 0x99)]),
            0xA0..=0xA6 => Instr::F64Binop(FBINOPS[usize::from(op - 0xA0)]),
            0xC0 => Instr::I32Unop(IUnop::Extend(Sz::B8)),
            0xC1 => Instr::I32Unop(IUnop::Extend(Sz::B16)),
            0xC2 => Instr::I64Unop(IUnop::Extend(Sz::B8)),
            0xC3 => Instr::I64Unop(IUnop::Extend(Sz::B16)),
            _ => Instr::I64Unop(IUnop::Extend(Sz::B32)),
        })
    }

    /// Opcodes 0xD0 to 0xD6.
    fn reference_instr(&mut self, op: u8) -> Result<Instr> {
        Ok(match op {
            0xD0 => Instr::RefNull(self.heaptype()?),
            0xD1 => Instr::RefIsNull,
            0xD2 => Instr::RefFunc(self.funcidx()?),
            0xD3 => Instr::RefEq,
            0xD4 => Instr::RefAsNonNull,
            0xD5 => Instr::BrOnNull(self.label()?),
            _ => Instr::BrOnNonNull(self.label()?),
        })
    }

    /// Opcodes after the prefix 0xFB.
    fn aggregate_instr(&mut self) -> Result<Instr> {
        use Sx::{S, U};
        let op = self.u32()?;
        Ok(match op {
            0 => Instr::StructNew(self.typeidx()?),
            1 => Instr::StructNewDefault(self.typeidx()?),
            2 => Instr::StructGet(None, self.typeidx()?, self.fieldidx()?),
            3 => Instr::StructGet(Some(S), self.typeidx()?, self.fieldidx()?),
            4 => Instr::StructGet(Some(U), self.typeidx()?, self.fieldidx()?),
            5 => Instr::StructSet(self.typeidx()?, self.fieldidx()?),
            6 => Instr::ArrayNew(self.typeidx()?),
            7 => Instr::ArrayNewDefault(self.typeidx()?),
            8 => Instr::ArrayNewFixed(self.typeidx()?, self.u32()?),
            9 => Instr::ArrayNewData(self.typeidx()?, self.dataidx()?),
            10 => Instr::ArrayNewElem(self.typeidx()?, self.elemidx()?),
            11 => Instr::ArrayGet(None, self.typeidx()?),
            12 => Instr::ArrayGet(Some(S), self.typeidx()?),
            13 => Instr::ArrayGet(Some(U), self.typeidx()?),
            14 => Instr::ArraySet(self.typeidx()?),
            15 => Instr::ArrayLen,
            16 => Instr::ArrayFill(self.typeidx()?),
            17 => Instr::ArrayCopy(self.typeidx()?, self.typeidx()?),
            18 => Instr::ArrayInitData(self.typeidx()?, self.dataidx()?),
            19 => Instr::ArrayInitElem(self.typeidx()?, self.elemidx()?),
            20 => Instr::RefTest(RefType {
                nullable: false,
                heap: self.heaptype()?,
            }),
            21 => Instr::RefTest(RefType {
                nullable: true,
                heap: self.heaptype()?,
            }),
            22 => Instr::RefCast(RefType {
                nullable: false,
                heap: self.heaptype()?,
            }),
            23 => Instr::RefCast(RefType {
                nullable: true,
                heap: self.heaptype()?,
            }),
            24 => Instr::BrOnCast(Box::new(self.br_on_cast()?)),
            25 => Instr::BrOnCastFail(Box::new(self.br_on_cast()?)),
            26 => Instr::AnyConvertExtern,
            27 => Instr::ExternConvertAny,
            28 => Instr::RefI31,
            29 => Instr::I31Get(S),
            30 => Instr::I31Get(U),
            _ => return self.fail(MalformedKind::Opcode(0xFB, op)),
        })
    }

    fn br_on_cast(&mut self) -> Result<BrOnCast> {
        let flags = self.byte()?;
        if flags > 3 {
            return self.fail(MalformedKind::CastFlags(flags));
        }
        let label = self.label()?;
        let from = RefType {
            nullable: flags & 1 != 0,
            heap: self.heaptype()?,
        };
        let to = RefType {
            nullable: flags & 2 != 0,
            heap: self.heaptype()?,
        };
        Ok(BrOnCast { label, from, to })
    }

    /// Opcodes after the prefix 0xFC.
    fn bulk_instr(&mut self) -> Result<Instr> {
        use Sx::{S, U};
        let op = self.u32()?;
        Ok(match op {
            0 => Instr::Cvtop(Cvtop::I32TruncSatF32(S)),
            1 => Instr::Cvtop(Cvtop::I32TruncSatF32(U)),
            2 => Instr::Cvtop(Cvtop::I32TruncSatF64(S)),
            3 => Instr::Cvtop(Cvtop::I32TruncSatF64(U)),
            4 => Instr::Cvtop(Cvtop::I64TruncSatF32(S)),
            5 => Instr::Cvtop(Cvtop::I64TruncSatF32(U)),
            6 => Instr::Cvtop(Cvtop::I64TruncSatF64(S)),
            7 => Instr::Cvtop(Cvtop::I64TruncSatF64(U)),
            8 => {
                let y = self.dataidx()?;
                Instr::MemoryInit(self.memidx()?, y)
            }
            9 => Instr::DataDrop(self.dataidx()?),
            10 => Instr::MemoryCopy(self.memidx()?, self.memidx()?),
            11 => Instr::MemoryFill(self.memidx()?),
            12 => {
                let y = self.elemidx()?;
                Instr::TableInit(self.tableidx()?, y)
            }
            13 => Instr::ElemDrop(self.elemidx()?),
            14 => Instr::TableCopy(self.tableidx()?, self.tableidx()?),
            15 => Instr::TableGrow(self.tableidx()?),
            16 => Instr::TableSize(self.tableidx()?),
            17 => Instr::TableFill(self.tableidx()?),
            _ => return self.fail(MalformedKind::Opcode(0xFC, op)),
        })
    }
}

/// Opcodes 0xA7 to 0xBF.
fn conversion(op: u8) -> Cvtop {
    use Sx::{S, U};
    match op {
        0xA7 => Cvtop::I32WrapI64,
        0xA8 => Cvtop::I32TruncF32(S),
        0xA9 => Cvtop::I32TruncF32(U),
        0xAA => Cvtop::I32TruncF64(S),
        0xAB => Cvtop::I32TruncF64(U),
        0xAC => Cvtop::I64ExtendI32(S),
        0xAD => Cvtop::I64ExtendI32(U),
        0xAE => Cvtop::I64TruncF32(S),
        0xAF => Cvtop::I64TruncF32(U),
        0xB0 => Cvtop::I64TruncF64(S),
        0xB1 => Cvtop::I64TruncF64(U),
        0xB2 => Cvtop::F32ConvertI32(S),
        0xB3 => Cvtop::F32ConvertI32(U),
        0xB4 => Cvtop::F32ConvertI64(S),
        0xB5 => Cvtop::F32ConvertI64(U),
        0xB6 => Cvtop::F32DemoteF64,
        0xB7 => Cvtop::F64ConvertI32(S),
        0xB8 => Cvtop::F64ConvertI32(U),
        0xB9 => Cvtop::F64ConvertI64(S),
        0xBA => Cvtop::F64ConvertI64(U),
        0xBB => Cvtop::F64PromoteF32,
        0xBC => Cvtop::I32ReinterpretF32,
        0xBD => Cvtop::I64ReinterpretF64,
        0xBE => Cvtop::F32ReinterpretI32,
        _ => Cvtop::F64ReinterpretI64,
    }
}

/// `relop_(Inn)` in opcode order.
pub(super) const IRELOPS: [IRelop; 10] = [
    IRelop::Eq,
    IRelop::Ne,
    IRelop::Lt(Sx::S),
    IRelop::Lt(Sx::U),
    IRelop::Gt(Sx::S),
    IRelop::Gt(Sx::U),
    IRelop::Le(Sx::S),
    IRelop::Le(Sx::U),
    IRelop::Ge(Sx::S),
    IRelop::Ge(Sx::U),
];

/// `relop_(Fnn)` in opcode order.
pub(super) const FRELOPS: [FRelop; 6] = [
    FRelop::Eq,
    FRelop::Ne,
    FRelop::Lt,
    FRelop::Gt,
    FRelop::Le,
    FRelop::Ge,
];

/// `unop_(Inn)` in opcode order, sign extensions apart.
const IUNOPS: [IUnop; 3] = [IUnop::Clz, IUnop::Ctz, IUnop::Popcnt];

/// `binop_(Inn)` in opcode order.
const IBINOPS: [IBinop; 15] = [
    IBinop::Add,
    IBinop::Sub,
    IBinop::Mul,
    IBinop::Div(Sx::S),
    IBinop::Div(Sx::U),
    IBinop::Rem(Sx::S),
    IBinop::Rem(Sx::U),
    IBinop::And,
    IBinop::Or,
    IBinop::Xor,
    IBinop::Shl,
    IBinop::Shr(Sx::S),
    IBinop::Shr(Sx::U),
    IBinop::Rotl,
    IBinop::Rotr,
];

/// `unop_(Fnn)` in opcode order.
const FUNOPS: [FUnop; 7] = [
    FUnop::Abs,
    FUnop::Neg,
    FUnop::Ceil,
    FUnop::Floor,
    FUnop::Trunc,
    FUnop::Nearest,
    FUnop::Sqrt,
];

/// `binop_(Fnn)` in opcode order.
const FBINOPS: [FBinop; 7] = [
    FBinop::Add,
    FBinop::Sub,
    FBinop::Mul,
    FBinop::Div,
    FBinop::Min,
    FBinop::Max,
    FBinop::Copysign,
];
