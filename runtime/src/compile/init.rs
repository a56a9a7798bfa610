//! The first values of globals, tables and element segments.
//!
//! Constants are folded when the module is compiled. Globals become an image of bytes, functions a
//! list of patches, and items of segments plain data. The instantiation of such a module evaluates
//! nothing. Every other expression is compiled. The initialiser is a list of pieces of bounded
//! size: functions without parameters that run in order (globals, then tables, then items of
//! element segments). Each stores its results where they belong, with barriers and stack maps like
//! any other code.
//!
//! Offsets of active segments are numbers. [`evaluate`] computes them when the instance is made.

use cranelift_codegen::ir::Function;
use cranelift_frontend::FunctionBuilderContext;

use super::env::Env;
use super::function::{begin, finish};
use super::targets::Extent;
use super::translator::{Translator, Values};
use crate::abi::libcalls::LibCall;
use crate::abi::signature::Lowered;
use crate::abi::vmctx::{RawGcRef, VmGlobal};
use crate::error::Rejected;
use crate::heap::GcRef;
use crate::index::{ElemIdx, FuncIdx, GlobalIdx, TableIdx};
use crate::module::{ConstExpr, ConstOp, Items, Module};
use crate::planted::{Planted, planted};
use crate::types::{RefKind, TypeId};

/// The value of a constant expression that needs no heap.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Constant {
    /// The bits of a number or vector.
    Bits(u128),
    /// Null or an i31.
    Ref(RawGcRef),
    /// A function, or its null.
    Func(Option<FuncIdx>),
}

/// Where a first value comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Initial {
    /// It is known.
    Constant(Constant),
    /// A piece of the initialiser makes it.
    Code,
}

/// The first values of a module that are known. Code computes the others.
#[derive(Clone, Debug, Default)]
pub struct FirstValues {
    /// The globals of an instance, as in its context. A value that is not known is zero.
    pub globals: Box<[u8]>,
    /// Globals of the module that hold functions.
    pub global_funcs: Box<[(GlobalIdx, FuncIdx)]>,
    /// For every defined table, the value of all its elements.
    pub tables: Box<[Initial]>,
    /// For every element segment, its items if they are expressions, or nothing if they are
    /// functions.
    pub segments: Box<[Box<[Initial]>]>,
}

/// Pieces of the initialiser end after this many allocations.
const ALLOCATIONS_MAX: usize = 64;
/// Pieces of the initialiser end after this many values.
const VALUES_MAX: usize = 256;
/// With more operators, a piece can have a large frame.
const OPERATORS_MAX: usize = 2048;

/// Evaluates an expression. `global` returns the values of globals. `None` if the expression needs
/// the heap, or a global that is not known.
#[must_use]
pub fn evaluate(
    expr: &ConstExpr,
    global: &dyn Fn(GlobalIdx) -> Option<Constant>,
) -> Option<Constant> {
    let mut stack = Vec::new();
    for op in &expr.ops {
        let value = match *op {
            ConstOp::I32Const(value) => Constant::Bits(u128::from(value as u32)),
            ConstOp::I64Const(value) => Constant::Bits(u128::from(value as u64)),
            ConstOp::F32Const(bits) => Constant::Bits(u128::from(bits)),
            ConstOp::F64Const(bits) => Constant::Bits(u128::from(bits)),
            ConstOp::V128Const(bits) => Constant::Bits(bits),
            ConstOp::I32Add => on_i32(&mut stack, u32::wrapping_add)?,
            ConstOp::I32Sub => on_i32(&mut stack, u32::wrapping_sub)?,
            ConstOp::I32Mul => on_i32(&mut stack, u32::wrapping_mul)?,
            ConstOp::I64Add => on_i64(&mut stack, u64::wrapping_add)?,
            ConstOp::I64Sub => on_i64(&mut stack, u64::wrapping_sub)?,
            ConstOp::I64Mul => on_i64(&mut stack, u64::wrapping_mul)?,
            ConstOp::RefNull(kind) => null(kind),
            ConstOp::RefFunc(func) => Constant::Func(Some(func)),
            ConstOp::GlobalGet(index) => global(index)?,
            ConstOp::RefI31 => {
                let value = pop_bits(&mut stack)? as u32;
                Constant::Ref(GcRef::to_raw(Some(GcRef::from_i31(value))))
            }
            ConstOp::Convert => stack.pop()?,
            ConstOp::StructNew(_)
            | ConstOp::StructNewDefault(_)
            | ConstOp::ArrayNew(_)
            | ConstOp::ArrayNewDefault(_)
            | ConstOp::ArrayNewFixed(..) => return None,
        };
        stack.push(value);
    }
    stack.pop()
}

fn null(kind: RefKind) -> Constant {
    if kind.is_collected() {
        Constant::Ref(0)
    } else {
        Constant::Func(None)
    }
}

fn pop_bits(stack: &mut Vec<Constant>) -> Option<u128> {
    match stack.pop()? {
        Constant::Bits(bits) => Some(bits),
        Constant::Ref(_) | Constant::Func(_) => None,
    }
}

fn on_i32(stack: &mut Vec<Constant>, op: fn(u32, u32) -> u32) -> Option<Constant> {
    let b = pop_bits(stack)? as u32;
    let a = pop_bits(stack)? as u32;
    Some(Constant::Bits(u128::from(op(a, b))))
}

fn on_i64(stack: &mut Vec<Constant>, op: fn(u64, u64) -> u64) -> Option<Constant> {
    let b = pop_bits(stack)? as u64;
    let a = pop_bits(stack)? as u64;
    Some(Constant::Bits(u128::from(op(a, b))))
}

/// Where the value of a compiled expression goes.
#[derive(Clone, Copy, Debug)]
enum Goes {
    Global(GlobalIdx),
    Table(TableIdx),
    Item(ElemIdx, u32),
}

/// A value that a piece of the initialiser makes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Work<'m> {
    expr: &'m ConstExpr,
    goes: Goes,
}

impl Work<'_> {
    fn allocations(&self) -> usize {
        let allocates = |op: &&ConstOp| {
            matches!(
                op,
                ConstOp::StructNew(_)
                    | ConstOp::StructNewDefault(_)
                    | ConstOp::ArrayNew(_)
                    | ConstOp::ArrayNewDefault(_)
                    | ConstOp::ArrayNewFixed(..)
            )
        };
        self.expr.ops.iter().filter(allocates).count()
    }
}

/// Folds what can be folded. Returns the other expressions in the order in which they must be
/// evaluated.
pub(super) fn fold(module: &Module, planted: Planted) -> (FirstValues, Vec<Work<'_>>) {
    let decls = module.decls();
    let mut work = Vec::new();
    let mut known: Vec<Option<Constant>> = vec![None; decls.globals.len()];
    let mut image = vec![0u8; decls.global_defs.len() * size_of::<VmGlobal>()];
    let mut global_funcs = Vec::new();
    for (at, def) in decls.global_defs.iter().enumerate() {
        let global = GlobalIdx(decls.imported_globals + at as u32);
        let value = evaluate(&def.init, &|index| known[index.as_usize()]);
        // Constant expressions read no mutable globals, so this first value is its only one.
        known[global.as_usize()] = value;
        let slot = at * size_of::<VmGlobal>();
        match value {
            Some(Constant::Bits(bits)) => {
                image[slot..slot + 16].copy_from_slice(&bits.to_le_bytes());
            }
            Some(Constant::Ref(mut raw)) => {
                if planted!(planted, FoldedI31LosesItsSign) {
                    raw &= !(1 << 31);
                }
                image[slot..slot + 4].copy_from_slice(&raw.to_le_bytes());
            }
            Some(Constant::Func(None)) => {}
            Some(Constant::Func(Some(func))) => global_funcs.push((global, func)),
            None => work.push(Work {
                expr: &def.init,
                goes: Goes::Global(global),
            }),
        }
    }
    let mut fold = Fold {
        known: &known,
        work,
    };
    let tables = decls.table_defs.iter().enumerate().map(|(at, def)| {
        let table = TableIdx(decls.imported_tables + at as u32);
        match &def.init {
            Some(expr) => fold.initial(expr, Goes::Table(table)),
            None => Initial::Constant(null(decls.tables[table.as_usize()].element)),
        }
    });
    let tables = tables.collect();
    let segments = decls.elems.iter().enumerate().map(|(at, segment)| {
        let exprs: &[_] = match &segment.items {
            Items::Funcs(_) => &[],
            Items::Exprs(exprs) => exprs,
        };
        let item = |(item, expr)| fold.initial(expr, Goes::Item(ElemIdx(at as u32), item as u32));
        exprs.iter().enumerate().map(item).collect()
    });
    let segments = segments.collect();
    let values = FirstValues {
        globals: image.into(),
        global_funcs: global_funcs.into(),
        tables,
        segments,
    };
    (values, fold.work)
}

struct Fold<'k, 'm> {
    known: &'k [Option<Constant>],
    work: Vec<Work<'m>>,
}

impl<'m> Fold<'_, 'm> {
    fn initial(&mut self, expr: &'m ConstExpr, goes: Goes) -> Initial {
        match evaluate(expr, &|index| self.known[index.as_usize()]) {
            Some(value) => Initial::Constant(value),
            None => {
                self.work.push(Work { expr, goes });
                Initial::Code
            }
        }
    }
}

/// Cuts the work into pieces of bounded size. An expression is never cut.
pub(super) fn pieces<'w, 'm>(work: &'w [Work<'m>]) -> Vec<&'w [Work<'m>]> {
    let mut pieces = Vec::new();
    let (mut start, mut allocations) = (0, 0);
    for (at, next) in work.iter().enumerate() {
        let more = next.allocations();
        if at > start && (allocations + more > ALLOCATIONS_MAX || at - start >= VALUES_MAX) {
            pieces.push(&work[start..at]);
            (start, allocations) = (at, 0);
        }
        allocations += more;
    }
    if start < work.len() {
        pieces.push(&work[start..]);
    }
    pieces
}

/// Translates one piece of the initialiser into `func`, which is empty.
pub(super) fn translate(
    env: &Env<'_>,
    func: &mut Function,
    context: &mut FunctionBuilderContext,
    number: u32,
    piece: &[Work<'_>],
) -> Result<Extent, Rejected> {
    let signature = Lowered {
        params: [].into(),
        results: [].into(),
        return_area: false,
    };
    let mut t = begin(env, func, context, &signature, number);
    let allocations: usize = piece.iter().map(Work::allocations).sum();
    let operators: usize = piece.iter().map(|work| work.expr.ops.len()).sum();
    let small_frame = allocations <= ALLOCATIONS_MAX && operators <= OPERATORS_MAX;
    // A larger piece is mostly one expression. A call of the host is a fifth of the code.
    t.allocates_inline &= small_frame;
    planted!(t.config().planted(), ConstEvalOperandsUnrooted => t.forgets_references = true;);
    for work in piece {
        t.const_expr(work.expr);
        t.store_initial(work.goes);
    }
    t.return_();
    let extent = finish(t)?;
    Ok(Extent {
        small_frame,
        ..extent
    })
}

/// If the value of an expression is an array of at least this many references, the array is made
/// before its elements. So the elements need not all be live at once. The order is not observable,
/// because evaluation has no other effects.
const LONG_ARRAY: u32 = 64;

/// Where each of the last `count` operands of `ops` begins, in order, and where the last one ends.
/// `None` if `ops` has fewer operands than its operators take.
fn operand_starts(ops: &[ConstOp], count: usize, env: &Env<'_>) -> Option<Vec<usize>> {
    let mut starts: Vec<usize> = Vec::new();
    for (at, op) in ops.iter().enumerate() {
        let operands = match *op {
            ConstOp::I32Add | ConstOp::I32Sub | ConstOp::I32Mul => 2,
            ConstOp::I64Add | ConstOp::I64Sub | ConstOp::I64Mul => 2,
            ConstOp::ArrayNew(_) => 2,
            ConstOp::RefI31 | ConstOp::Convert | ConstOp::ArrayNewDefault(_) => 1,
            ConstOp::StructNew(id) => env.ty_by_id(id).structure().0.len(),
            ConstOp::ArrayNewFixed(_, len) => len as usize,
            _ => 0,
        };
        let first = starts.len().checked_sub(operands)?;
        let start = starts.get(first).copied().unwrap_or(at);
        starts.truncate(first);
        starts.push(start);
    }
    let first = starts.len().checked_sub(count)?;
    starts.drain(..first);
    starts.push(ops.len());
    Some(starts)
}

impl Translator<'_> {
    fn const_expr(&mut self, expr: &ConstExpr) {
        let env = self.env;
        if let Some((&ConstOp::ArrayNewFixed(id, len), operands)) = expr.ops.split_last()
            && len >= LONG_ARRAY
            && env.ty_by_id(id).array().1.traced
            && !planted!(self.config().planted(), ConstEvalOperandsUnrooted)
            && let Some(starts) = operand_starts(operands, len as usize, env)
        {
            return self.long_array(id, operands, &starts);
        }
        for op in &expr.ops {
            self.const_op(op);
        }
    }

    /// Makes an array of null, then its elements one by one.
    fn long_array(&mut self, id: TypeId, operands: &[ConstOp], starts: &[usize]) {
        let info = self.env.ty_by_id(id);
        let len = self.i32_const((starts.len() - 1) as i32);
        self.push(len);
        self.array_new_default(info);
        for (at, range) in starts.windows(2).enumerate() {
            for op in &operands[range[0]..range[1]] {
                self.const_op(op);
            }
            let value = self.pop();
            let array = self.stack[self.stack.len() - 1];
            self.array_init_element(info, array, at as u32, value);
        }
    }

    fn const_op(&mut self, op: &ConstOp) {
        use cranelift_codegen::ir::InstBuilder;
        use cranelift_codegen::ir::immediates::{Ieee32, Ieee64};
        let env = self.env;
        let value = match *op {
            ConstOp::I32Const(value) => self.i32_const(value),
            ConstOp::I64Const(value) => self.i64_const(value),
            ConstOp::F32Const(bits) => self.b.ins().f32const(Ieee32::with_bits(bits)),
            ConstOp::F64Const(bits) => self.b.ins().f64const(Ieee64::with_bits(bits)),
            ConstOp::V128Const(bits) => self.vector_const(bits),
            ConstOp::I32Add | ConstOp::I64Add => {
                let (a, b) = self.pop2();
                self.b.ins().iadd(a, b)
            }
            ConstOp::I32Sub | ConstOp::I64Sub => {
                let (a, b) = self.pop2();
                self.b.ins().isub(a, b)
            }
            ConstOp::I32Mul | ConstOp::I64Mul => {
                let (a, b) = self.pop2();
                self.b.ins().imul(a, b)
            }
            ConstOp::RefNull(kind) => self.null(kind.heap),
            ConstOp::RefFunc(_) if planted!(self.config().planted(), FuncFieldLost) => {
                self.i64_const(0)
            }
            ConstOp::RefFunc(func) => self.ref_func(func),
            ConstOp::GlobalGet(global) => return self.global_get(global),
            ConstOp::RefI31 => return self.ref_i31(),
            ConstOp::StructNew(id) => return self.struct_new(env.ty_by_id(id)),
            ConstOp::StructNewDefault(id) => return self.struct_new_default(env.ty_by_id(id)),
            ConstOp::ArrayNew(id) => return self.array_new(env.ty_by_id(id)),
            ConstOp::ArrayNewDefault(id) => return self.array_new_default(env.ty_by_id(id)),
            ConstOp::ArrayNewFixed(id, len) => {
                return self.array_new_fixed(env.ty_by_id(id), len);
            }
            ConstOp::Convert => return,
        };
        self.push(value);
    }

    fn store_initial(&mut self, goes: Goes) {
        let value = self.pop();
        let (numbers, collected) = match goes {
            Goes::Global(global) => return self.global_init(global, value),
            Goes::Table(table) => {
                let element = self.env.module.decls().tables[table.as_usize()].element;
                ([Some(table.0), None], element.is_collected())
            }
            Goes::Item(elem, item) => {
                let element = self.env.module.elem(elem).element;
                ([Some(elem.0), Some(item)], element.is_collected())
            }
        };
        let call = match (goes, collected) {
            (Goes::Item(..), true) => LibCall::init_segment_item,
            (Goes::Item(..), false) => LibCall::init_segment_func,
            (_, true) => LibCall::init_table_ref,
            (_, false) => LibCall::init_table_func,
        };
        let mut args = Values::new();
        for number in numbers.into_iter().flatten() {
            args.push(self.i32_const(number as i32));
        }
        args.push(value);
        self.libcall(call, &args);
    }
}
