//! Arrays (specification, "Array instructions").
//!
//! Accesses are guarded by a test of the length, except on purpose. The operands of the guard are
//! kept in locals that nothing else uses.

use super::calc;
use super::classes::{ANY, I32, STMT, VALUE};
use super::generator::Gen;
use super::row::Row;
use super::swarm::Feature;
use super::values;
use crate::program::{ArrayOp, DataId, ElemId, Expr, Field, Heap, LocalId, Mode, Op, Ty, TypeId};

/// See [`Row`].
pub(super) const ROWS: &[Row] = &[
    Row {
        feature: Feature::Arrays,
        weight: 16,
        classes: ANY,
        make: array_new,
    },
    Row {
        feature: Feature::Arrays,
        weight: 10,
        classes: ANY,
        make: array_new_default,
    },
    Row {
        feature: Feature::Arrays,
        weight: 18,
        classes: ANY,
        make: array_new_fixed,
    },
    Row {
        feature: Feature::ArraySegments,
        weight: 16,
        classes: ANY,
        make: array_new_data,
    },
    Row {
        feature: Feature::ArraySegments,
        weight: 42,
        classes: ANY,
        make: array_new_elem,
    },
    Row {
        feature: Feature::Arrays,
        weight: 26,
        classes: VALUE,
        make: array_get,
    },
    Row {
        feature: Feature::Arrays,
        weight: 12,
        classes: I32,
        make: array_len,
    },
    Row {
        feature: Feature::Arrays,
        weight: 30,
        classes: STMT,
        make: array_set,
    },
    Row {
        feature: Feature::ArrayBulk,
        weight: 27,
        classes: STMT,
        make: array_fill,
    },
    Row {
        feature: Feature::ArrayBulk,
        weight: 30,
        classes: STMT,
        make: array_copy,
    },
    Row {
        feature: Feature::ArraySegments,
        weight: 14,
        classes: STMT,
        make: array_init_data,
    },
    Row {
        feature: Feature::ArraySegments,
        weight: 34,
        classes: STMT,
        make: array_init_elem,
    },
];

fn array_new(g: &mut Gen<'_>, want: Ty) -> Option<Expr> {
    let (id, field) = g.array_below(want, |_| true)?;
    let value = g.expr(field.storage.unpacked());
    let len = Expr::i32(values::length(&mut g.src) as i32);
    Some(Expr::value(
        Op::Array(ArrayOp::New(id)),
        vec![value, len],
        Ty::non_null(Heap::Def(id)),
    ))
}

fn array_new_default(g: &mut Gen<'_>, want: Ty) -> Option<Expr> {
    let (id, _) = g.array_below(want, |f| f.storage.unpacked().is_defaultable())?;
    let len = match g.on(Feature::Traps) && g.src.chance(2) {
        // Lengths that no heap can hold. With some, the size in bytes wraps around.
        true => [1_073_741_817, 536_870_911, -21, -1, i32::MIN][g.src.below(5)],
        false => values::length(&mut g.src) as i32,
    };
    let len = Expr::i32(len);
    Some(Expr::value(
        Op::Array(ArrayOp::NewDefault(id)),
        vec![len],
        Ty::non_null(Heap::Def(id)),
    ))
}

fn array_new_fixed(g: &mut Gen<'_>, want: Ty) -> Option<Expr> {
    let (id, field) = g.array_below(want, |_| true)?;
    let ty = field.storage.unpacked();
    let args = if g.src.chance(4) {
        (0..g.src.range(7, 24)).map(|_| g.leaf(ty)).collect()
    } else {
        let n = g.src.range(0, 4) as usize;
        g.args(&vec![ty; n])
    };
    let n = args.iter().filter(|a| !a.tys.is_empty()).count() as u32;
    Some(Expr::value(
        Op::Array(ArrayOp::NewFixed(id, n)),
        args,
        Ty::non_null(Heap::Def(id)),
    ))
}

fn array_new_data(g: &mut Gen<'_>, want: Ty) -> Option<Expr> {
    let (id, field) = g.array_below(want, |f| f.storage.bytes().is_some())?;
    let (data, bytes) = g.passive_data()?;
    let each = field.storage.bytes()?;
    let (offset, n) = g.part(bytes, each);
    let args = vec![Expr::i32(offset as i32), Expr::i32(n as i32)];
    Some(Expr::value(
        Op::Array(ArrayOp::NewData(id, data)),
        args,
        Ty::non_null(Heap::Def(id)),
    ))
}

fn array_new_elem(g: &mut Gen<'_>, want: Ty) -> Option<Expr> {
    let (id, elem, items) = g.array_and_elem(want, false)?;
    let (offset, n) = g.part(items, 1);
    let args = vec![Expr::i32(offset as i32), Expr::i32(n as i32)];
    Some(Expr::value(
        Op::Array(ArrayOp::NewElem(id, elem)),
        args,
        Ty::non_null(Heap::Def(id)),
    ))
}

fn array_get(g: &mut Gen<'_>, want: Ty) -> Option<Expr> {
    let ids = g.defs_below(Heap::Array, |types, id| {
        let field = types.element(id);
        field.is_some_and(|f| types.matches(f.storage.unpacked(), want))
    });
    let id = g.src.pick(&ids)?;
    let storage = g.types.element(id)?.storage;
    let sign = g.sign(storage.is_packed());
    let ty = storage.unpacked();
    if g.bare() {
        let args = vec![g.target(Heap::Def(id)), Expr::i32(g.src.range(0, 5) as i32)];
        return Some(Expr::value(Op::Array(ArrayOp::Get(id, sign)), args, ty));
    }
    let (array, index, inside) = g.guarded_index(id);
    let array_ty = Ty::nullable(Heap::Def(id));
    let args = vec![Expr::get(array, array_ty), Expr::get(index, Ty::I32)];
    let get = Expr::value(Op::Array(ArrayOp::Get(id, sign)), args, ty);
    let other = g.leaf(ty);
    g.release(array);
    g.release(index);
    let label = g.new_label();
    Some(Expr::value(
        Op::If(label, vec![get], vec![other]),
        vec![inside],
        ty,
    ))
}

fn array_len(g: &mut Gen<'_>, _: Ty) -> Option<Expr> {
    let array = if g.src.chance(25) {
        g.target(Heap::Array)
    } else {
        let (id, _) = g.array_below(Ty::nullable(Heap::Array), |_| true)?;
        g.target(Heap::Def(id))
    };
    Some(Expr::value(Op::Array(ArrayOp::Len), vec![array], Ty::I32))
}

fn array_set(g: &mut Gen<'_>, _: Ty) -> Option<Expr> {
    let (id, field) = g.array_below(Ty::nullable(Heap::Array), |f| f.mutable)?;
    let ty = field.storage.unpacked();
    if g.bare() {
        let mut args = vec![g.target(Heap::Def(id)), Expr::i32(g.src.range(0, 5) as i32)];
        args.extend(g.args(&[ty]));
        return Some(Expr::stmt(Op::Array(ArrayOp::Set(id)), args));
    }
    let (array, index, inside) = g.guarded_index(id);
    let array_ty = Ty::nullable(Heap::Def(id));
    let mut args = vec![Expr::get(array, array_ty), Expr::get(index, Ty::I32)];
    args.extend(g.args(&[ty]));
    let set = Expr::stmt(Op::Array(ArrayOp::Set(id)), args);
    g.release(array);
    g.release(index);
    Some(g.when(inside, vec![set]))
}

fn array_fill(g: &mut Gen<'_>, _: Ty) -> Option<Expr> {
    let (id, field) = g.array_below(Ty::nullable(Heap::Array), |f| f.mutable)?;
    let array = g.temp(Ty::nullable(Heap::Def(id)));
    let (offset, n, inside) = g.guarded_range(id, array);
    let value = g.expr(field.storage.unpacked());
    let args = vec![
        Expr::get(array, Ty::nullable(Heap::Def(id))),
        offset,
        value,
        n,
    ];
    g.release(array);
    let fill = Expr::stmt(Op::Array(ArrayOp::Fill(id)), args);
    Some(g.when(inside, vec![fill]))
}

fn array_copy(g: &mut Gen<'_>, _: Ty) -> Option<Expr> {
    let (to, field) = g.array_below(Ty::nullable(Heap::Array), |f| f.mutable)?;
    let sources = g.defs_below(Heap::Array, |types, id| {
        let source = types.element(id).map(|f| f.storage);
        match (source, field.storage) {
            (Some(crate::program::Storage::Val(a)), crate::program::Storage::Val(b)) => {
                types.matches(a, b)
            }
            (a, b) => a == Some(b),
        }
    });
    let from = if g.src.chance(50) {
        to
    } else {
        g.src.pick(&sources)?
    };
    let (to_ty, from_ty) = (Ty::nullable(Heap::Def(to)), Ty::nullable(Heap::Def(from)));
    let target = g.temp(to_ty);
    let (offset, n, inside) = g.guarded_range(to, target);
    if from == to && g.src.chance(60) {
        // Within one array: overlapping in both directions.
        let most = g.src.range(0, 3) as i32;
        let copied = [Expr::i32(most), Expr::i32(0)];
        let (a, b) = if g.src.chance(50) { (0, 1) } else { (1, 0) };
        let args = vec![
            Expr::get(target, to_ty),
            copied[a].clone(),
            Expr::get(target, to_ty),
            copied[b].clone(),
            calc::sub(array_length(Expr::get(target, to_ty)), Expr::i32(most)),
        ];
        let long = calc::ge_u(array_length(Expr::get(target, to_ty)), Expr::i32(most));
        g.release(target);
        let copy = Expr::stmt(Op::Array(ArrayOp::Copy(to, from)), args);
        let inner = g.when(long, vec![copy]);
        return Some(g.when(inside, vec![inner]));
    }
    let source = g.temp(from_ty);
    let object = g.target(Heap::Def(from));
    let start = g.src.range(0, 2) as i32;
    let tee = g.tee_local(source, object);
    let long = calc::ge_u(array_length(tee), calc::add(n.clone(), Expr::i32(start)));
    let args = vec![
        Expr::get(target, to_ty),
        offset,
        Expr::get(source, from_ty),
        Expr::i32(start),
        n,
    ];
    g.release(target);
    g.release(source);
    let copy = Expr::stmt(Op::Array(ArrayOp::Copy(to, from)), args);
    let inner = g.when(long, vec![copy]);
    Some(g.when(inside, vec![inner]))
}

fn array_init_data(g: &mut Gen<'_>, _: Ty) -> Option<Expr> {
    let (id, field) = g.array_below(Ty::nullable(Heap::Array), |f| {
        f.mutable && f.storage.bytes().is_some()
    })?;
    let (data, bytes) = g.passive_data()?;
    let (offset, n) = g.part(bytes, field.storage.bytes()?);
    Some(g.init(id, Op::Array(ArrayOp::InitData(id, data)), offset, n))
}

fn array_init_elem(g: &mut Gen<'_>, _: Ty) -> Option<Expr> {
    let (id, elem, items) = g.array_and_elem(Ty::nullable(Heap::Array), true)?;
    let (offset, n) = g.part(items, 1);
    Some(g.init(id, Op::Array(ArrayOp::InitElem(id, elem)), offset, n))
}

/// `array.len`
pub(super) fn array_length(array: Expr) -> Expr {
    Expr::value(Op::Array(ArrayOp::Len), vec![array], Ty::I32)
}

impl Gen<'_> {
    /// Returns true if the guard is to be left out.
    pub(super) fn bare(&mut self) -> bool {
        self.on(Feature::Traps) && self.src.chance(10)
    }

    /// `if` without `else`.
    pub(super) fn when(&mut self, condition: Expr, then: Vec<Expr>) -> Expr {
        let label = self.new_label();
        Expr::stmt(Op::If(label, then, Vec::new()), vec![condition])
    }

    /// An array type below `want` whose element type passes.
    pub(super) fn array_below(
        &mut self,
        want: Ty,
        keep: impl Fn(Field) -> bool,
    ) -> Option<(TypeId, Field)> {
        let heap = want.as_ref()?.heap;
        let ids = self.defs_below(heap, |types, id| types.element(id).is_some_and(&keep));
        let id = self.src.pick(&ids)?;
        Some((id, self.types.element(id)?))
    }

    /// Puts an index and an array into locals. Returns the condition that the index is within
    /// bounds.
    fn guarded_index(&mut self, id: TypeId) -> (LocalId, LocalId, Expr) {
        let index = self.temp(Ty::I32);
        let array = self.temp(Ty::nullable(Heap::Def(id)));
        let at = if self.src.chance(60) {
            Expr::i32(self.src.range(0, 4) as i32)
        } else {
            let drawn = self.expr(Ty::I32);
            calc::and(drawn, Expr::i32(7))
        };
        let object = self.target(Heap::Def(id));
        let at = self.tee_local(index, at);
        let object = self.tee_local(array, object);
        (array, index, calc::lt_u(at, array_length(object)))
    }

    /// Puts an array into `array`. Returns an offset and a length, which often reach its end, and
    /// the condition that they are within bounds.
    fn guarded_range(&mut self, id: TypeId, array: LocalId) -> (Expr, Expr, Expr) {
        let ty = Ty::nullable(Heap::Def(id));
        let object = self.target(Heap::Def(id));
        let tee = self.tee_local(array, object);
        let offset = self.src.range(0, 3) as i32;
        let to_the_end = calc::sub(array_length(Expr::get(array, ty)), Expr::i32(offset));
        if self.bare() {
            // Also: nothing to do, but beyond the end.
            let n = Expr::i32(self.src.range(0, 4) as i32);
            let offset = Expr::i32(self.src.range(0, 9) as i32);
            return (offset, n, calc::ge_u(array_length(tee), Expr::i32(0)));
        }
        let (n, needed) = match self.src.below(3) {
            0 => (to_the_end, offset),
            _ => {
                let n = self.src.range(0, 4) as i32;
                (Expr::i32(n), offset + n)
            }
        };
        (
            Expr::i32(offset),
            n,
            calc::ge_u(array_length(tee), Expr::i32(needed)),
        )
    }

    /// An `array.init_*` of `n` elements, guarded.
    fn init(&mut self, id: TypeId, op: Op, offset: u32, n: u32) -> Expr {
        let ty = Ty::nullable(Heap::Def(id));
        let array = self.temp(ty);
        let object = self.target(Heap::Def(id));
        let tee = self.tee_local(array, object);
        let start = self.src.range(0, 2);
        let condition = calc::ge_u(array_length(tee), Expr::i32((start + n) as i32));
        let args = vec![
            Expr::get(array, ty),
            Expr::i32(start as i32),
            Expr::i32(offset as i32),
            Expr::i32(n as i32),
        ];
        self.release(array);
        let init = Expr::stmt(op, args);
        self.when(condition, vec![init])
    }

    /// Returns an offset in bytes or items and a count of elements of `each` bytes, within `total`.
    pub(super) fn part(&mut self, total: u32, each: u32) -> (u32, u32) {
        if self.bare() {
            return (self.src.range(0, total + 2), self.src.range(0, 3));
        }
        let most = total / each;
        let n = self.src.range(0, most.min(9));
        let offset = self.src.range(0, total - n * each);
        (offset, n)
    }

    /// A passive data segment and its length.
    pub(super) fn passive_data(&mut self) -> Option<(DataId, u32)> {
        let datas: Vec<(DataId, u32)> = self
            .m
            .datas
            .iter()
            .filter(|d| matches!(d.mode, Mode::Passive))
            .map(|d| (d.id, d.bytes.len() as u32))
            .collect();
        self.src.pick(&datas)
    }

    /// An array type below `want` and a passive element segment whose elements fit into it.
    fn array_and_elem(&mut self, want: Ty, mutable: bool) -> Option<(TypeId, ElemId, u32)> {
        let heap = want.as_ref()?.heap;
        let ids = self.defs_below(heap, |types, id| {
            types.element(id).is_some_and(|f| !mutable || f.mutable)
        });
        let mut found = Vec::new();
        for elem in self
            .m
            .elems
            .iter()
            .filter(|e| matches!(e.mode, Mode::Passive))
        {
            for &id in &ids {
                let field = self.types.element(id)?;
                if self
                    .types
                    .matches(Ty::Ref(elem.ty), field.storage.unpacked())
                {
                    found.push((id, elem.id, elem.items.len() as u32));
                }
            }
        }
        self.src.pick(&found)
    }
}
