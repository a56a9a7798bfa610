//! Calls of the embedder that may fail, and that the program survives.
//!
//! Each is an import `try:F` of `harness`. The host performs `F`, sees the failure, and returns a
//! number. So what the failed call has allocated, rooted or half done is counted while the program
//! goes on. The parameters are wider than what `F` takes: values of the right hierarchy and of any
//! type, indices at the end of a table, handles that nobody holds.
//!
//! Not here: a table that is copied into one of another type, because how many elements are written
//! before the first wrong one is the engine's choice.

use gcrucible_oracles::host::harness;

use super::classes::{ANY, I32, STMT};
use super::generator::Gen;
use super::row::Row;
use super::swarm::Feature;
use super::values;
use crate::program::{Expr, Heap, Op, RefOp, Storage, TableTy, Ty};

/// See [`Row`].
pub(super) const ROWS: &[Row] = &[
    Row {
        feature: Feature::HostMisuse,
        weight: 14,
        classes: I32,
        make: code,
    },
    Row {
        feature: Feature::HostMisuse,
        weight: 60,
        classes: STMT,
        make: code_put_away,
    },
    Row {
        feature: Feature::HostMisuse,
        weight: 24,
        classes: ANY,
        make: allocation,
    },
];

fn code_put_away(g: &mut Gen<'_>, _: Ty) -> Option<Expr> {
    let code = code(g, Ty::I32)?;
    Some(g.put_away(code))
}

/// What a call of the embedder returns that may fail.
fn code(g: &mut Gen<'_>, _: Ty) -> Option<Expr> {
    match g.src.below(10) {
        0 => table_set(g),
        1 => table_fill(g),
        2 | 3 => table_grow(g),
        4 => table_copy(g),
        5 => global_set(g),
        6 => release(g),
        _ => call(g),
    }
}

fn table_set(g: &mut Gen<'_>) -> Option<Expr> {
    let (name, ty) = g.exported_table(true, |_, _| true)?;
    let (wide, value) = g.perhaps_wrong(Ty::Ref(ty.elem));
    let args = vec![(ty.index(), near_end(g, &ty)), (wide, value)];
    Some(g.attempt(&format!("table.set:{name}"), args))
}

fn table_fill(g: &mut Gen<'_>) -> Option<Expr> {
    let (name, ty) = g.exported_table(true, |_, _| true)?;
    let (wide, value) = g.perhaps_wrong(Ty::Ref(ty.elem));
    let count = g.src.range(0, 3);
    let args = vec![
        (ty.index(), near_end(g, &ty)),
        (wide, value),
        (ty.index(), g.table_number(&ty, count)),
    ];
    Some(g.attempt(&format!("table.fill:{name}"), args))
}

fn table_grow(g: &mut Gen<'_>) -> Option<Expr> {
    let (name, ty) = g.exported_table(true, |_, _| true)?;
    let (wide, value) = g.perhaps_wrong(Ty::Ref(ty.elem));
    let by = g.growth();
    let args = vec![(wide, value), (ty.index(), g.table_number(&ty, by))];
    Some(g.attempt(&format!("table.grow:{name}"), args))
}

fn table_copy(g: &mut Gen<'_>) -> Option<Expr> {
    let (to, to_ty) = g.exported_table(true, |_, _| true)?;
    let (from, from_ty) = g.exported_table(false, |_, t| t.elem == to_ty.elem)?;
    let count = Expr::index(to_ty.is64 && from_ty.is64, g.src.range(0, 3).into());
    let args = vec![
        (to_ty.index(), near_end(g, &to_ty)),
        (from_ty.index(), near_end(g, &from_ty)),
        (count.tys[0], count),
    ];
    Some(g.attempt(&format!("table.copy:{to}:{from}"), args))
}

/// An index of which some are out of bounds.
fn near_end(g: &mut Gen<'_>, ty: &TableTy) -> Expr {
    if g.src.chance(60) {
        return g.table_index(ty);
    }
    let end = ty.min as u32;
    let at = match g.src.below(6) {
        0 => u32::MAX,
        1 => 1_000_000,
        _ => g.src.range(end.saturating_sub(2), end + 3),
    };
    g.table_number(ty, at)
}

fn global_set(g: &mut Gen<'_>) -> Option<Expr> {
    let (name, ty) = g.exported_global(|_, _, _| true)?;
    let (wide, value) = g.perhaps_wrong(ty);
    Some(g.attempt(&format!("global.set:{name}"), vec![(wide, value)]))
}

/// Ends a handle that perhaps nobody holds.
fn release(g: &mut Gen<'_>) -> Option<Expr> {
    let handle = match g.src.below(4) {
        0 => g.src.range(0, 3) as i32,
        1 => -1,
        _ => g.src.range(20, 1000) as i32,
    };
    let name = ["release", "release.extern", "release.func"][g.src.below(3)];
    Some(g.attempt(name, vec![(Ty::I32, Expr::i32(handle))]))
}

/// A call from the host, whose trap or exception the host keeps to itself.
fn call(g: &mut Gen<'_>) -> Option<Expr> {
    let (name, sig) = g.exported_func(|_, _| true)?;
    let is_exact = g.src.chance(70);
    let params = sig.params.iter();
    let args = params
        .map(|&ty| {
            if is_exact {
                (ty, g.expr(ty))
            } else {
                g.perhaps_wrong(ty)
            }
        })
        .collect();
    let how = ["call", "call", "call.gc"][g.src.below(3)];
    Some(g.attempt(&format!("{how}:{name}"), args))
}

/// An object that the embedder allocates, or null because a field has a wrong type.
fn allocation(g: &mut Gen<'_>, want: Ty) -> Option<Expr> {
    let reference = want.as_ref().filter(|reference| reference.null)?;
    let is_struct = g.src.chance(50);
    let ids = g.defs_below(reference.heap, |types, id| {
        if is_struct {
            types
                .fields(id)
                .is_some_and(|fields| fields.iter().any(|field| is_reference(field.storage)))
        } else {
            types
                .element(id)
                .is_some_and(|field| is_reference(field.storage))
        }
    });
    let id = g.src.pick(&ids)?;
    let fields = match g.types.fields(id) {
        Some(fields) => fields.to_vec(),
        None => vec![g.types.element(id)?],
    };
    let unpacked = fields.iter().map(|field| field.storage.unpacked());
    let mut args: Vec<(Ty, Expr)> = unpacked.map(|ty| g.perhaps_wrong(ty)).collect();
    if !is_struct {
        let len = Expr::i32(values::length(&mut g.src) as i32);
        args.push((Ty::I32, len));
    }
    let name = if is_struct { "struct.new" } else { "array.new" };
    let ty = Ty::nullable(Heap::Def(id));
    Some(g.host_value(&tried(name), args, ty))
}

fn is_reference(storage: Storage) -> bool {
    matches!(storage, Storage::Val(Ty::Ref(_)))
}

/// The name of the function that tries another.
fn tried(name: &str) -> String {
    format!("{}{name}", harness::TRY)
}

impl Gen<'_> {
    fn attempt(&mut self, name: &str, args: Vec<(Ty, Expr)>) -> Expr {
        self.host_value(&tried(name), args, Ty::I32)
    }

    /// Returns a value for a place of this type, which often has another type of the hierarchy,
    /// and the type that the import declares.
    fn perhaps_wrong(&mut self, ty: Ty) -> (Ty, Expr) {
        let Ty::Ref(reference) = ty else {
            return (ty, self.expr(ty));
        };
        let wide = Ty::nullable(self.types.top(reference.heap));
        let drawn = match self.src.below(10) {
            0..=3 => ty,
            4 => {
                let heap = self.types.top(reference.heap);
                let null = Op::Ref(RefOp::Null(heap));
                return (wide, Expr::value(null, Vec::new(), wide));
            }
            _ => wide,
        };
        (wide, self.expr(drawn))
    }
}
