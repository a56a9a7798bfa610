//! Drawing an expression or a statement: the tables of rows, and how one row is chosen.
//!
//! A row says under which feature it lives, how heavy it is, for which classes of wanted type it
//! can be used, and how to make it. `make` gets the wanted type and returns an expression whose
//! type matches it, or `None` when the module has nothing suitable (then another row is drawn).
//! Statements use the same rows with class [`STMT`]; their wanted type is ignored.

use super::source::Source;
use super::swarm::{Feature, Swarm};
use super::{
    Gen, arrays, calls, control, exceptions, host, memory, objects, refs, scalars, shape, tables,
    variables,
};
use crate::program::{Expr, Heap, Op, Ty, Universe};

/// A set of classes.
pub(super) type Classes = u16;
/// `i32`
pub(super) const I32: Classes = 1;
/// `i64`
pub(super) const I64: Classes = 1 << 1;
/// `f32`
pub(super) const F32: Classes = 1 << 2;
/// `f64`
pub(super) const F64: Classes = 1 << 3;
/// `v128`
pub(super) const V128: Classes = 1 << 4;
/// References below `any`.
pub(super) const ANY: Classes = 1 << 5;
/// References below `func`.
pub(super) const FUNC: Classes = 1 << 6;
/// References below `extern`.
pub(super) const EXTERN: Classes = 1 << 7;
/// References below `exn`.
pub(super) const EXN: Classes = 1 << 8;
/// No result.
pub(super) const STMT: Classes = 1 << 9;
/// All numbers.
pub(super) const NUM: Classes = I32 | I64 | F32 | F64 | V128;
/// All references.
pub(super) const REF: Classes = ANY | FUNC | EXTERN | EXN;
/// All values.
pub(super) const VALUE: Classes = NUM | REF;

const CLASS_COUNT: usize = 10;

/// One way to make an expression or a statement.
#[derive(Debug)]
pub(super) struct Row {
    /// The feature it needs; the feature's weight multiplies its own.
    pub feature: Feature,
    /// Weight among the rows of the same class.
    pub weight: u32,
    /// For which wanted types it is drawn.
    pub classes: Classes,
    /// Makes it.
    pub make: fn(&mut Gen<'_>, Ty) -> Option<Expr>,
}

/// Every table of rows, in the order of the specification's chapters.
const TABLES: &[&[Row]] = &[
    variables::ROWS,
    scalars::ROWS,
    control::ROWS,
    exceptions::ROWS,
    calls::ROWS,
    refs::ROWS,
    objects::ROWS,
    arrays::ROWS,
    tables::ROWS,
    memory::ROWS,
    host::ROWS,
    shape::ROWS,
];

/// The rows a program's swarm allows, by class, with running sums of their weights.
pub(super) struct Drawer {
    classes: [Vec<(u32, &'static Row)>; CLASS_COUNT],
}

impl Drawer {
    /// Collects the rows whose feature is on.
    pub(super) fn new(swarm: &Swarm) -> Drawer {
        let mut classes: [Vec<(u32, &'static Row)>; CLASS_COUNT] = Default::default();
        for row in TABLES.iter().flat_map(|rows| rows.iter()) {
            let weight = row.weight * swarm.weight(row.feature);
            if weight == 0 {
                continue;
            }
            for (at, class) in classes.iter_mut().enumerate() {
                if row.classes & (1 << at) != 0 {
                    let before = class.last().map_or(0, |&(sum, _)| sum);
                    class.push((before + weight, row));
                }
            }
        }
        Drawer { classes }
    }

    fn draw(&self, class: Classes, src: &mut Source<'_>) -> Option<&'static Row> {
        let rows = &self.classes[class.trailing_zeros() as usize];
        let &(total, _) = rows.last()?;
        let at = src.below(total as usize) as u32;
        let row = rows.partition_point(|&(sum, _)| sum <= at);
        rows.get(row).map(|&(_, row)| row)
    }
}

/// The class of a wanted type.
pub(super) fn class_of(types: &Universe, ty: Ty) -> Classes {
    match ty {
        Ty::I32 => I32,
        Ty::I64 => I64,
        Ty::F32 => F32,
        Ty::F64 => F64,
        Ty::V128 => V128,
        Ty::Ref(r) => match types.top(r.heap) {
            Heap::Func => FUNC,
            Heap::Extern => EXTERN,
            Heap::Exn => EXN,
            _ => ANY,
        },
    }
}

/// How deep expressions nest.
const DEPTH_MAX: u32 = 9;
/// How many rows are tried before giving up.
const TRIES: usize = 4;

impl Gen<'_> {
    /// An expression whose type matches `want`.
    pub(super) fn expr(&mut self, want: Ty) -> Expr {
        let class = class_of(&self.types, want);
        self.draw(class, want).unwrap_or_else(|| self.leaf(want))
    }

    /// A statement.
    pub(super) fn stmt(&mut self) -> Expr {
        self.draw(STMT, Ty::I32)
            .unwrap_or_else(|| self.simplest_stmt())
    }

    fn draw(&mut self, class: Classes, want: Ty) -> Option<Expr> {
        self.f.budget -= 1;
        if self.f.budget < 0 || self.f.depth >= DEPTH_MAX {
            return None;
        }
        self.f.depth += 1;
        let mut made = None;
        for _ in 0..TRIES {
            let Some(row) = self.drawer.draw(class, &mut self.src) else {
                break;
            };
            made = (row.make)(self, want);
            if made.is_some() {
                break;
            }
        }
        self.f.depth -= 1;
        made
    }

    /// Up to `most` statements.
    pub(super) fn stmts(&mut self, most: u32) -> Vec<Expr> {
        let n = self.src.below(most as usize + 1);
        let mut out = Vec::new();
        for _ in 0..n {
            if self.f.budget < 0 {
                break;
            }
            let stmt = self.stmt();
            out.push(stmt);
        }
        out
    }

    /// Operands of the given types, sometimes with a statement between two of them, so that the
    /// earlier ones wait.
    pub(super) fn args(&mut self, tys: &[Ty]) -> Vec<Expr> {
        let mut out = Vec::with_capacity(tys.len());
        for (at, &ty) in tys.iter().enumerate() {
            if at > 0 {
                self.wait(&mut out);
            }
            let arg = match self.same_again(&out, ty) {
                Some(same) => same,
                None => self.expr(ty),
            };
            out.push(arg);
        }
        if !tys.is_empty() {
            self.wait(&mut out);
        }
        out
    }

    /// Sometimes the reference that was passed just before, once more.
    fn same_again(&mut self, before: &[Expr], ty: Ty) -> Option<Expr> {
        let last = before.last()?;
        let is_local = matches!(last.op, Op::LocalGet(_)) && ty.as_ref().is_some();
        let fits = is_local && self.types.matches(*last.tys.first()?, ty);
        (fits && self.src.chance(30)).then(|| last.clone())
    }

    /// Perhaps adds a statement that runs while the operands in `out` wait.
    fn wait(&mut self, out: &mut Vec<Expr>) {
        if self.on(Feature::OperandStack) && self.f.budget > 0 && self.src.chance(18) {
            let stmt = if self.on(Feature::AskGc) && self.src.chance(50) {
                self.ask_gc()
            } else {
                self.stmt()
            };
            out.push(stmt);
        }
    }
}
