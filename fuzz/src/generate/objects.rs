//! Structs (specification, "Structure instructions").

use super::classes::{ANY, STMT, VALUE};
use super::generator::Gen;
use super::row::Row;
use super::swarm::Feature;
use crate::program::{Expr, Heap, Op, Sign, Storage, StructOp, Ty, TypeId};

/// See [`Row`].
pub(super) const ROWS: &[Row] = &[
    Row {
        feature: Feature::Structs,
        weight: 50,
        classes: ANY,
        make: struct_new,
    },
    Row {
        feature: Feature::Structs,
        weight: 12,
        classes: ANY,
        make: struct_new_default,
    },
    Row {
        feature: Feature::Structs,
        weight: 34,
        classes: VALUE,
        make: struct_get,
    },
    Row {
        feature: Feature::Structs,
        weight: 40,
        classes: STMT,
        make: struct_set,
    },
];

fn struct_new(g: &mut Gen<'_>, want: Ty) -> Option<Expr> {
    let heap = want.as_ref()?.heap;
    let ids = g.defs_below(heap, |types, id| types.fields(id).is_some());
    let id = g.src.pick(&ids)?;
    let tys: Vec<Ty> = g
        .types
        .fields(id)?
        .iter()
        .map(|f| f.storage.unpacked())
        .collect();
    let args = if tys.len() > 6 {
        tys.iter().map(|&ty| g.leaf(ty)).collect()
    } else {
        g.args(&tys)
    };
    Some(Expr::value(
        Op::Struct(StructOp::New(id)),
        args,
        Ty::non_null(Heap::Def(id)),
    ))
}

fn struct_new_default(g: &mut Gen<'_>, want: Ty) -> Option<Expr> {
    let heap = want.as_ref()?.heap;
    let ids = g.defs_below(heap, |types, id| {
        let fields = types.fields(id);
        fields.is_some_and(|fs| fs.iter().all(|f| f.storage.unpacked().is_defaultable()))
    });
    let id = g.src.pick(&ids)?;
    let ty = Ty::non_null(Heap::Def(id));
    Some(Expr::value(
        Op::Struct(StructOp::NewDefault(id)),
        Vec::new(),
        ty,
    ))
}

fn struct_get(g: &mut Gen<'_>, want: Ty) -> Option<Expr> {
    let mut found: Vec<(TypeId, u32)> = Vec::new();
    for &id in &g.visible {
        for (at, field) in g.types.fields(id).unwrap_or_default().iter().enumerate() {
            if g.types.matches(field.storage.unpacked(), want) {
                found.push((id, at as u32));
            }
        }
    }
    let (id, at) = g.src.pick(&found)?;
    let field = g.types.fields(id)?[at as usize];
    let sign = g.sign(field.storage.is_packed());
    let object = g.target(Heap::Def(id));
    Some(Expr::value(
        Op::Struct(StructOp::Get(id, at, sign)),
        vec![object],
        field.storage.unpacked(),
    ))
}

fn struct_set(g: &mut Gen<'_>, _: Ty) -> Option<Expr> {
    let (id, at, storage) = g.mutable_field()?;
    let mut args = vec![g.target(Heap::Def(id))];
    args.extend(g.args(&[storage.unpacked()]));
    Some(Expr::stmt(Op::Struct(StructOp::Set(id, at)), args))
}

impl Gen<'_> {
    /// Draws a visible field that can be written.
    pub(super) fn mutable_field(&mut self) -> Option<(TypeId, u32, Storage)> {
        let mut found = Vec::new();
        for &id in &self.visible {
            let fields = self.types.fields(id).unwrap_or_default();
            for (at, field) in fields.iter().enumerate() {
                if field.mutable {
                    found.push((id, at as u32, field.storage));
                }
            }
        }
        self.src.pick(&found)
    }

    /// How to read a field.
    pub(super) fn sign(&mut self, packed: bool) -> Sign {
        match (packed, self.src.below(2)) {
            (false, _) => Sign::Plain,
            (true, 0) => Sign::Signed,
            (true, _) => Sign::Unsigned,
        }
    }
}
