//! Instructions of a generated program, as trees.
//!
//! A node is an instruction with its operands. The operands are evaluated in order, and their
//! results are concatenated. So a node without results may stand between two operands: it runs
//! while the earlier operands wait on the operand stack. In this way a program holds references
//! over a call or a collection.
//!
//! A label is a number that is unique in its function. It is not a depth. The encoder counts
//! depths, so code can be wrapped or moved without renumbering. Code that is moved out of its label
//! does not encode.

use super::numeric::NumId;
use super::types::{Heap, RefTy, Ty, TypeId};

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident)*) => { $(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub u32);
    )* };
}

ids! {
    /// Name of a function in one module. Names are not indices: removing an item renumbers nothing.
    FuncId
    /// Name of a table in one module.
    TableId
    /// Name of a memory in one module.
    MemId
    /// Name of a global in one module.
    GlobalId
    /// Name of a tag in one module.
    TagId
    /// Name of an element segment in one module.
    ElemId
    /// Name of a data segment in one module.
    DataId
    /// Position among the parameters and locals of a function.
    LocalId
    /// Name of a label in one function.
    LabelId
}

/// How a packed field is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sign {
    /// Not packed.
    Plain,
    /// Sign-extended.
    Signed,
    /// Zero-extended.
    Unsigned,
}

/// Where a value on the stack goes. See [`Op::Sink`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum To {
    /// `drop`
    Drop,
    /// `local.set`
    Local(LocalId),
    /// `global.set`
    Global(GlobalId),
    /// A call of a function that takes one parameter and returns nothing.
    Call(FuncId),
}

/// A clause of `try_table`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Catch {
    /// The tag, or any exception.
    pub tag: Option<TagId>,
    /// Whether the exception itself is passed on.
    pub with_exn: bool,
    /// Where to continue.
    pub label: LabelId,
}

/// Which load instruction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "the names are those of the instructions")]
pub enum Load {
    I32,
    I64,
    F32,
    F64,
    I32S8,
    I32U8,
    I32S16,
    I32U16,
    I64S8,
    I64U8,
    I64S16,
    I64U16,
    I64S32,
    I64U32,
    V128,
    V128Splat32,
    V128Zero64,
    V128S8x8,
    V128U8x8,
    V128S16x4,
    V128U16x4,
    V128S32x2,
    V128U32x2,
    V128Splat8,
    V128Splat16,
    V128Splat64,
    V128Zero32,
}

/// Which store instruction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "the names are those of the instructions")]
pub enum Store {
    I32,
    I64,
    F32,
    F64,
    I32As8,
    I32As16,
    I64As8,
    I64As16,
    I64As32,
    V128,
}

/// A table instruction and its immediates.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TableOp {
    /// `table.get`
    Get(TableId),
    /// `table.set`
    Set(TableId),
    /// `table.size`
    Size(TableId),
    /// `table.grow`
    Grow(TableId),
    /// `table.fill`
    Fill(TableId),
    /// `table.copy`: to the first, from the second.
    Copy(TableId, TableId),
    /// `table.init`
    Init(TableId, ElemId),
    /// `elem.drop`
    ElemDrop(ElemId),
}

/// A memory instruction and its immediates.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MemoryOp {
    /// A load with its constant offset.
    Load(Load, MemId, u32),
    /// A store with its constant offset.
    Store(Store, MemId, u32),
    /// `v128.load*_lane`: bytes of a lane, the lane, and the constant offset.
    LoadLane(u8, u8, MemId, u32),
    /// `v128.store*_lane`, likewise.
    StoreLane(u8, u8, MemId, u32),
    /// `memory.size`
    Size(MemId),
    /// `memory.grow`
    Grow(MemId),
    /// `memory.fill`
    Fill(MemId),
    /// `memory.copy`: to the first, from the second.
    Copy(MemId, MemId),
    /// `memory.init`
    Init(MemId, DataId),
    /// `data.drop`
    DataDrop(DataId),
}

/// A reference instruction and its immediates.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RefOp {
    /// `ref.null`
    Null(Heap),
    /// `ref.func`
    Func(FuncId),
    /// `ref.is_null`
    IsNull,
    /// `ref.eq`
    Eq,
    /// `ref.as_non_null`
    AsNonNull,
    /// `ref.test`
    Test(RefTy),
    /// `ref.cast`
    Cast(RefTy),
    /// `ref.i31`
    I31,
    /// `i31.get_s`, `i31.get_u`
    I31Get(Sign),
    /// `any.convert_extern`
    AnyConvertExtern,
    /// `extern.convert_any`
    ExternConvertAny,
}

/// A structure instruction and its immediates.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StructOp {
    /// `struct.new`
    New(TypeId),
    /// `struct.new_default`
    NewDefault(TypeId),
    /// `struct.get`, `struct.get_s`, `struct.get_u`
    Get(TypeId, u32, Sign),
    /// `struct.set`
    Set(TypeId, u32),
}

/// An array instruction and its immediates.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ArrayOp {
    /// `array.new`
    New(TypeId),
    /// `array.new_default`
    NewDefault(TypeId),
    /// `array.new_fixed`
    NewFixed(TypeId, u32),
    /// `array.new_data`
    NewData(TypeId, DataId),
    /// `array.new_elem`
    NewElem(TypeId, ElemId),
    /// `array.get`, `array.get_s`, `array.get_u`
    Get(TypeId, Sign),
    /// `array.set`
    Set(TypeId),
    /// `array.len`
    Len,
    /// `array.fill`
    Fill(TypeId),
    /// `array.copy`: to the first, from the second.
    Copy(TypeId, TypeId),
    /// `array.init_data`
    InitData(TypeId, DataId),
    /// `array.init_elem`
    InitElem(TypeId, ElemId),
}

/// An instruction and its immediates.
#[derive(Clone, Debug)]
pub enum Op {
    // ---- pseudo instructions
    /// The parameters of the enclosing block, which are on the stack already. Emits nothing. Only
    /// the first thing that a block evaluates may be this.
    Params,
    /// Pops one value for each target, the last target's first.
    Sink(Vec<To>),
    /// The operands, one after the other, as statements and values.
    Seq,

    // ---- parametric and control instructions
    /// `nop`
    Nop,
    /// `unreachable`
    Unreachable,
    /// `drop`
    Drop,
    /// `select`, with a type if the operands are references.
    Select(Option<Ty>),
    /// `block`; operands are its parameters.
    Block(LabelId, Vec<Ty>, Vec<Expr>),
    /// `loop`; operands are its parameters.
    Loop(LabelId, Vec<Ty>, Vec<Expr>),
    /// `if`; the last operand is the condition.
    If(LabelId, Vec<Expr>, Vec<Expr>),
    /// `try_table`
    Try(LabelId, Vec<Catch>, Vec<Expr>),
    /// `br`
    Br(LabelId),
    /// `br_if`
    BrIf(LabelId),
    /// `br_table`
    BrTable(Vec<LabelId>, LabelId),
    /// `br_on_null`
    BrOnNull(LabelId),
    /// `br_on_non_null`
    BrOnNonNull(LabelId),
    /// `br_on_cast`
    BrOnCast(LabelId, RefTy, RefTy),
    /// `br_on_cast_fail`
    BrOnCastFail(LabelId, RefTy, RefTy),
    /// `return`
    Return,
    /// `throw`
    Throw(TagId),
    /// `throw_ref`
    ThrowRef,
    /// `call`
    Call(FuncId),
    /// `call_ref`
    CallRef(TypeId),
    /// `call_indirect`
    CallIndirect(TableId, TypeId),
    /// `return_call`
    ReturnCall(FuncId),
    /// `return_call_ref`
    ReturnCallRef(TypeId),
    /// `return_call_indirect`
    ReturnCallIndirect(TableId, TypeId),

    // ---- variables
    /// `local.get`
    LocalGet(LocalId),
    /// `local.set`
    LocalSet(LocalId),
    /// `local.tee`
    LocalTee(LocalId),
    /// `global.get`
    GlobalGet(GlobalId),
    /// `global.set`
    GlobalSet(GlobalId),

    // ---- chapters with an enum of their own
    /// A table instruction.
    Table(TableOp),
    /// A memory instruction.
    Memory(MemoryOp),
    /// A reference instruction.
    Ref(RefOp),
    /// A structure instruction.
    Struct(StructOp),
    /// An array instruction.
    Array(ArrayOp),

    // ---- numbers
    /// `i32.const`
    I32(i32),
    /// `i64.const`
    I64(i64),
    /// `f32.const`, as bits
    F32(u32),
    /// `f64.const`, as bits
    F64(u64),
    /// `v128.const`, as bits
    V128(u128),
    /// Any instruction of the table `NUMERIC`.
    Num(NumId),
}

/// An instruction, its operands, and the types of its results.
#[derive(Clone, Debug)]
pub struct Expr {
    /// What it does.
    pub op: Op,
    /// Its operands, and statements between them.
    pub args: Vec<Expr>,
    /// What it leaves on the stack.
    pub tys: Vec<Ty>,
}

impl Expr {
    /// Returns a node without results.
    pub fn stmt(op: Op, args: Vec<Expr>) -> Expr {
        Expr {
            op,
            args,
            tys: Vec::new(),
        }
    }

    /// Returns a node with one result.
    pub fn value(op: Op, args: Vec<Expr>, ty: Ty) -> Expr {
        Expr {
            op,
            args,
            tys: vec![ty],
        }
    }

    /// Returns a node with any number of results.
    pub fn many(op: Op, args: Vec<Expr>, tys: Vec<Ty>) -> Expr {
        Expr { op, args, tys }
    }

    /// `i32.const`
    pub fn i32(value: i32) -> Expr {
        Expr::value(Op::I32(value), Vec::new(), Ty::I32)
    }

    /// `i64.const`
    pub fn i64(value: i64) -> Expr {
        Expr::value(Op::I64(value), Vec::new(), Ty::I64)
    }

    /// A constant of an index type, which is `i64` for tables and memories that are `is64`.
    pub fn index(is64: bool, n: u64) -> Expr {
        match is64 {
            true => Expr::i64(n as i64),
            false => Expr::i32(n as u32 as i32),
        }
    }

    /// `local.get`
    pub fn get(local: LocalId, ty: Ty) -> Expr {
        Expr::value(Op::LocalGet(local), Vec::new(), ty)
    }

    /// `local.set`
    pub fn set(local: LocalId, value: Expr) -> Expr {
        Expr::stmt(Op::LocalSet(local), vec![value])
    }

    /// `local.tee`
    pub fn tee(local: LocalId, ty: Ty, value: Expr) -> Expr {
        Expr::value(Op::LocalTee(local), vec![value], ty)
    }

    /// `drop`
    pub fn drop(value: Expr) -> Expr {
        Expr::stmt(Op::Drop, vec![value])
    }

    /// Returns the statement lists inside of the node. Its operands are not among them.
    pub fn bodies(&self) -> impl Iterator<Item = &Vec<Expr>> {
        let (a, b) = match &self.op {
            Op::Block(_, _, body) | Op::Loop(_, _, body) | Op::Try(_, _, body) => {
                (Some(body), None)
            }
            Op::If(_, then, els) => (Some(then), Some(els)),
            _ => (None, None),
        };
        a.into_iter().chain(b)
    }

    /// Returns the statement lists inside the node, to change them.
    pub fn bodies_mut(&mut self) -> impl Iterator<Item = &mut Vec<Expr>> {
        self.op.bodies_mut()
    }

    /// Calls `visit` for the node and everything inside it, in preorder, to change it.
    pub fn walk_mut(&mut self, visit: &mut dyn FnMut(&mut Expr)) {
        visit(self);
        self.args.iter_mut().for_each(|e| e.walk_mut(visit));
        for body in self.bodies_mut() {
            body.iter_mut().for_each(|e| e.walk_mut(visit));
        }
    }

    /// Calls `visit` for the node and everything inside it, in preorder.
    pub fn walk(&self, visit: &mut dyn FnMut(&Expr)) {
        visit(self);
        self.args.iter().for_each(|e| e.walk(visit));
        for body in self.bodies() {
            body.iter().for_each(|e| e.walk(visit));
        }
    }

    /// Returns the number of nodes.
    pub fn size(&self) -> usize {
        let mut n = 0;
        self.walk(&mut |_| n += 1);
        n
    }
}

impl Op {
    /// Returns the statement lists inside the instruction, to change them.
    pub fn bodies_mut(&mut self) -> impl Iterator<Item = &mut Vec<Expr>> {
        let (a, b) = match self {
            Op::Block(_, _, body) | Op::Loop(_, _, body) | Op::Try(_, _, body) => {
                (Some(body), None)
            }
            Op::If(_, then, els) => (Some(then), Some(els)),
            _ => (None, None),
        };
        a.into_iter().chain(b)
    }
}

impl StructOp {
    /// Returns the structure type it names.
    pub fn definition(self) -> TypeId {
        match self {
            StructOp::New(id)
            | StructOp::NewDefault(id)
            | StructOp::Get(id, _, _)
            | StructOp::Set(id, _) => id,
        }
    }
}

impl ArrayOp {
    /// Returns the array types it names.
    pub fn definitions(self) -> impl Iterator<Item = TypeId> {
        let (a, b) = match self {
            ArrayOp::New(id)
            | ArrayOp::NewDefault(id)
            | ArrayOp::NewFixed(id, _)
            | ArrayOp::NewData(id, _)
            | ArrayOp::NewElem(id, _)
            | ArrayOp::Get(id, _)
            | ArrayOp::Set(id)
            | ArrayOp::Fill(id)
            | ArrayOp::InitData(id, _)
            | ArrayOp::InitElem(id, _) => (Some(id), None),
            ArrayOp::Copy(to, from) => (Some(to), Some(from)),
            ArrayOp::Len => (None, None),
        };
        a.into_iter().chain(b)
    }
}
