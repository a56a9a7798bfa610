//! The tables of all rows, and how an expression or a statement is drawn from them.

use std::sync::LazyLock;

use super::classes::{Classes, STMT, class_of};
use super::drawer::Drawer;
use super::generator::Gen;
use super::row::Row;
use super::swarm::{Feature, Swarm};
use super::{
    arrays, calls, control, exceptions, host, memory, misuse, objects, refs, scalars, shape,
    tables, variables,
};
use crate::program::{Expr, Op, Ty};

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
    misuse::ROWS,
    shape::ROWS,
];

/// All rows in one list. A [`Drawer`] knows them by position.
static ROWS: LazyLock<Vec<&'static Row>> =
    LazyLock::new(|| TABLES.iter().flat_map(|rows| rows.iter()).collect());

/// The rows that a swarm allows.
pub(super) fn drawer(swarm: &Swarm) -> Drawer {
    let weight = |row: &&Row| (row.weight * swarm.weight(row.feature), row.classes);
    Drawer::new(ROWS.iter().map(weight))
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
            let Some(position) = self.drawer.draw(class, &mut self.src) else {
                break;
            };
            made = (ROWS[position].make)(self, want);
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

    /// Sometimes returns the previous operand again, if it is a reference.
    fn same_again(&mut self, before: &[Expr], ty: Ty) -> Option<Expr> {
        let last = before.last()?;
        let is_local = matches!(last.op, Op::LocalGet(_)) && ty.as_ref().is_some();
        let fits = is_local && self.types.matches(*last.tys.first()?, ty);
        (fits && self.src.chance(30)).then(|| last.clone())
    }

    /// Sometimes adds a statement that runs while the operands in `out` wait.
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
