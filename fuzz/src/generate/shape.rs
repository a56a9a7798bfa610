//! Object graphs built on purpose: chains, cycles, trees with sharing, wide arrays, random edges.
//!
//! Random expressions rarely build a graph of more than a few objects. These rows build one, in a
//! loop or node by node, and leave it where later statements and the comparison find it.

use super::arrays::array_length;
use super::calc;
use super::classes::{ANY, STMT};
use super::generator::Gen;
use super::row::Row;
use super::swarm::Feature;
use super::types::{BASE_ARRAY, BASE_STRUCT};
use crate::program::{
    ArrayOp, Expr, GlobalId, Heap, LocalId, Op, RefOp, Sign, StructOp, TableId, TableOp, TableTy,
    Ty, TypeId,
};

/// See [`Row`].
pub(super) const ROWS: &[Row] = &[
    Row {
        feature: Feature::Shapes,
        weight: 8,
        classes: ANY,
        make: chain,
    },
    Row {
        feature: Feature::Shapes,
        weight: 5,
        classes: ANY,
        make: wide,
    },
    Row {
        feature: Feature::Shapes,
        weight: 14,
        classes: STMT,
        make: publish_chain,
    },
    Row {
        feature: Feature::Shapes,
        weight: 16,
        classes: STMT,
        make: cycle,
    },
    Row {
        feature: Feature::Shapes,
        weight: 8,
        classes: STMT,
        make: long_cycle,
    },
    Row {
        feature: Feature::Shapes,
        weight: 8,
        classes: STMT,
        make: tangle,
    },
    Row {
        feature: Feature::Shapes,
        weight: 12,
        classes: STMT,
        make: shared_twice,
    },
    Row {
        feature: Feature::Shapes,
        weight: 8,
        classes: STMT,
        make: garbage,
    },
    Row {
        feature: Feature::Shapes,
        weight: 1,
        classes: STMT,
        make: big_garbage,
    },
];

/// Objects linked head to tail. If the type has two links, every second object also shares its
/// tail.
fn chain(g: &mut Gen<'_>, want: Ty) -> Option<Expr> {
    let heap = want.as_ref()?.heap;
    let (id, link) = g.link_below(heap)?;
    let (build, head) = g.build_chain(id, link)?;
    let ty = Ty::non_null(Heap::Def(id));
    let get = Expr::get(head, Ty::nullable(Heap::Def(id)));
    g.release(head);
    let sure = Expr::value(Op::Ref(RefOp::AsNonNull), vec![get], ty);
    Some(Expr::value(Op::Seq, vec![build, sure], ty))
}

/// An array much longer than usual. All elements are one object at first, and some are then
/// replaced.
fn wide(g: &mut Gen<'_>, want: Ty) -> Option<Expr> {
    let (id, field) = g.array_below(want, |f| {
        f.mutable && f.storage.unpacked().as_ref().is_some()
    })?;
    let ty = Ty::nullable(Heap::Def(id));
    let elem = field.storage.unpacked();
    let (array, index) = (g.temp(ty), g.temp(Ty::I32));
    let shared = g.expr(elem);
    let len = Expr::i32(g.src.range(40, 200) as i32);
    let new = Expr::value(
        Op::Array(ArrayOp::New(id)),
        vec![shared, len],
        Ty::non_null(Heap::Def(id)),
    );
    let mut row = vec![g.set_local(array, new)];
    let turns = g.src.range(1, 12) as i32;
    row.push(Expr::set(index, Expr::i32(0)));
    row.push(g.repeat(turns, |g| {
        let value = g.leaf(elem);
        let args = vec![Expr::get(array, ty), Expr::get(index, Ty::I32), value];
        let next = calc::add(Expr::get(index, Ty::I32), Expr::i32(3));
        vec![
            Expr::stmt(Op::Array(ArrayOp::Set(id)), args),
            Expr::set(index, next),
        ]
    }));
    g.release(array);
    g.release(index);
    let sure = Ty::non_null(Heap::Def(id));
    row.push(Expr::value(
        Op::Ref(RefOp::AsNonNull),
        vec![Expr::get(array, ty)],
        sure,
    ));
    Some(Expr::value(Op::Seq, row, sure))
}

/// A chain, left in a global or a table.
fn publish_chain(g: &mut Gen<'_>, _: Ty) -> Option<Expr> {
    let (id, link) = g.link_below(Heap::Struct)?;
    let (build, head) = g.build_chain(id, link)?;
    let get = Expr::get(head, Ty::nullable(Heap::Def(id)));
    g.release(head);
    let keep = g.publish(get);
    Some(Expr::stmt(Op::Seq, vec![build, keep]))
}

/// An object that refers to itself, or two that refer to each other.
fn cycle(g: &mut Gen<'_>, _: Ty) -> Option<Expr> {
    let (id, link) = g.mutable_link()?;
    let ty = Ty::nullable(Heap::Def(id));
    let (a, b) = (g.temp(ty), g.temp(ty));
    let mut row = Vec::new();
    for local in [a, b] {
        let value = g.expr(Ty::non_null(Heap::Def(id)));
        row.push(g.set_local(local, value));
    }
    let other = if g.src.chance(40) { a } else { b };
    for (from, to) in [(a, other), (other, a)] {
        let args = vec![Expr::get(from, ty), Expr::get(to, ty)];
        row.push(Expr::stmt(Op::Struct(StructOp::Set(id, link)), args));
    }
    g.release(a);
    g.release(b);
    if g.src.chance(65) {
        row.push(g.publish(Expr::get(a, ty)));
    }
    Some(Expr::stmt(Op::Seq, row))
}

/// A chain whose tail refers to its head.
fn long_cycle(g: &mut Gen<'_>, _: Ty) -> Option<Expr> {
    let (id, link) = g.mutable_link()?;
    let ty = Ty::nullable(Heap::Def(id));
    let tail = g.temp(ty);
    let first = g.expr(Ty::non_null(Heap::Def(id)));
    let mut row = vec![g.set_local(tail, first)];
    let (build, head) = g.build_chain_onto(id, link, Some(tail))?;
    row.push(build);
    let args = vec![Expr::get(tail, ty), Expr::get(head, ty)];
    row.push(Expr::stmt(Op::Struct(StructOp::Set(id, link)), args));
    g.release(tail);
    g.release(head);
    if g.src.chance(65) {
        row.push(g.publish(Expr::get(head, ty)));
    }
    Some(Expr::stmt(Op::Seq, row))
}

/// An array of nodes, each linked to some other: node `i` to node `(i * k + c) mod n`.
fn tangle(g: &mut Gen<'_>, _: Ty) -> Option<Expr> {
    let node = Ty::nullable(Heap::Def(BASE_STRUCT));
    let nodes = Ty::nullable(Heap::Def(BASE_ARRAY));
    let (array, index) = (g.temp(nodes), g.temp(Ty::I32));
    let n = g.src.range(3, 12) as i32;
    let new = Expr::value(
        Op::Array(ArrayOp::NewDefault(BASE_ARRAY)),
        vec![Expr::i32(n)],
        Ty::non_null(Heap::Def(BASE_ARRAY)),
    );
    let at = |e: Expr| {
        let args = vec![Expr::get(array, nodes), e];
        Expr::value(Op::Array(ArrayOp::Get(BASE_ARRAY, Sign::Plain)), args, node)
    };
    let i = || Expr::get(index, Ty::I32);
    let step = || Expr::set(index, calc::add(i(), Expr::i32(1)));
    let mut row = vec![g.set_local(array, new), Expr::set(index, Expr::i32(0))];
    row.push(g.repeat(n, |g| {
        let value = g.expr(Ty::non_null(Heap::Def(BASE_STRUCT)));
        let args = vec![Expr::get(array, nodes), i(), value];
        vec![
            Expr::stmt(Op::Array(ArrayOp::Set(BASE_ARRAY)), args),
            step(),
        ]
    }));
    let (k, c) = (g.src.range(0, 5) as i32, g.src.range(0, 3) as i32);
    row.push(Expr::set(index, Expr::i32(0)));
    row.push(g.repeat(n, |g| {
        let to = calc::add(calc::mul(i(), Expr::i32(k)), Expr::i32(c));
        let to = calc::rem_u(to, Expr::i32(n));
        let set = Expr::stmt(
            Op::Struct(StructOp::Set(BASE_STRUCT, 0)),
            vec![at(i()), at(to)],
        );
        // The first loop may have stopped early.
        let null = Expr::value(Op::Ref(RefOp::IsNull), vec![at(i())], Ty::I32);
        let there = calc::lt_u(null, Expr::i32(1));
        vec![g.when(there, vec![set]), step()]
    }));
    g.release(array);
    g.release(index);
    let get = match g.src.below(2) {
        0 => Expr::get(array, nodes),
        _ => at(calc::sub(
            array_length(Expr::get(array, nodes)),
            Expr::i32(1),
        )),
    };
    row.push(g.publish(get));
    Some(Expr::stmt(Op::Seq, row))
}

/// One object, published twice.
fn shared_twice(g: &mut Gen<'_>, _: Ty) -> Option<Expr> {
    let ty = match g.any_ref_type() {
        r if g.types.bottom(r.heap) == r.heap => return None,
        r => Ty::nullable(r.heap),
    };
    let local = g.temp(ty);
    let value = g.expr(ty);
    let row = vec![
        g.set_local(local, value),
        g.publish(Expr::get(local, ty)),
        g.publish(Expr::get(local, ty)),
    ];
    g.release(local);
    Some(Expr::stmt(Op::Seq, row))
}

/// Objects that are dead as soon as they are allocated.
fn garbage(g: &mut Gen<'_>, _: Ty) -> Option<Expr> {
    let ids = g.defs_below(Heap::Any, |_, _| true);
    let id = g.src.pick(&ids)?;
    let turns = g.turns();
    Some(g.repeat(turns, |g| {
        let value = g.smallest(Ty::non_null(Heap::Def(id)));
        vec![g.discard(value)]
    }))
}

/// The size in bytes of arrays that fill a heap of ordinary size, so that it collects by itself.
/// Arrays of references are shorter, because the reference visits each of their elements after
/// every step and never frees them.
fn big_garbage(g: &mut Gen<'_>, _: Ty) -> Option<Expr> {
    let ids = g.defs_below(Heap::Array, |types, id| {
        types
            .element(id)
            .is_some_and(|f| f.storage.unpacked().is_defaultable())
    });
    let id = g.src.pick(&ids)?;
    let element = g.types.element(id)?.storage.unpacked();
    let len = if element.as_ref().is_some() {
        1 << 11
    } else {
        1 << 15
    };
    let turns = g.src.range(4, 24) as i32;
    Some(g.repeat(turns, |g| {
        let args = vec![Expr::i32(len)];
        let new = Expr::value(
            Op::Array(ArrayOp::NewDefault(id)),
            args,
            Ty::non_null(Heap::Def(id)),
        );
        vec![g.discard(new)]
    }))
}

impl Gen<'_> {
    /// Struct types below `heap` with a nullable field that can refer to an object of the same
    /// type, and that field.
    fn links(&self, heap: Heap) -> Vec<(TypeId, u32)> {
        let mut found = Vec::new();
        for id in self.defs_below(heap, |types, id| types.fields(id).is_some()) {
            let own = Ty::nullable(Heap::Def(id));
            let fields = self.types.fields(id).unwrap_or_default();
            for (at, field) in fields.iter().enumerate() {
                if !field.storage.is_packed() && self.types.matches(own, field.storage.unpacked()) {
                    found.push((id, at as u32));
                }
            }
        }
        found
    }

    fn link_below(&mut self, heap: Heap) -> Option<(TypeId, u32)> {
        let links = self.links(heap);
        self.src.pick(&links)
    }

    fn mutable_link(&mut self) -> Option<(TypeId, u32)> {
        let mut links = self.links(Heap::Struct);
        links.retain(|&(id, at)| {
            self.types
                .fields(id)
                .is_some_and(|f| f[at as usize].mutable)
        });
        self.src.pick(&links)
    }

    /// A link and the type of its field.
    pub(super) fn link_field(&mut self) -> Option<(TypeId, (u32, Ty))> {
        let (id, at) = self.link_below(Heap::Struct)?;
        let field = self.types.fields(id)?[at as usize];
        Some((id, (at, field.storage.unpacked())))
    }

    fn build_chain(&mut self, id: TypeId, link: u32) -> Option<(Expr, LocalId)> {
        self.build_chain_onto(id, link, None)
    }

    /// A loop that puts new nodes in front of `tail`. The local holds the head afterwards.
    fn build_chain_onto(
        &mut self,
        id: TypeId,
        link: u32,
        tail: Option<LocalId>,
    ) -> Option<(Expr, LocalId)> {
        let ty = Ty::nullable(Heap::Def(id));
        let fields: Vec<Ty> = self
            .types
            .fields(id)?
            .iter()
            .map(|f| f.storage.unpacked())
            .collect();
        let head = self.temp(ty);
        let first = match tail {
            Some(tail) => Expr::get(tail, ty),
            None => Expr::value(
                Op::Ref(RefOp::Null(Heap::None)),
                Vec::new(),
                Ty::nullable(Heap::None),
            ),
        };
        let start = self.set_local(head, first);
        let turns = match self.src.below(12) {
            0 => self.src.range(30, 60) as i32,
            _ => self.src.range(2, 9) as i32,
        };
        let share = self.src.chance(50);
        let build = self.repeat(turns, |g| {
            let args = fields
                .iter()
                .enumerate()
                .map(|(at, &field)| {
                    let links = g.types.matches(ty, field);
                    if at as u32 == link || (links && share) {
                        Expr::get(head, ty)
                    } else {
                        g.leaf(field)
                    }
                })
                .collect();
            let new = Expr::value(
                Op::Struct(StructOp::New(id)),
                args,
                Ty::non_null(Heap::Def(id)),
            );
            vec![g.set_local(head, new)]
        });
        Some((Expr::stmt(Op::Seq, vec![start, build]), head))
    }

    /// Leaves a nullable reference where the comparison sees it.
    pub(super) fn publish(&mut self, value: Expr) -> Expr {
        let Some(&ty) = value.tys.first() else {
            return value;
        };
        let globals: Vec<GlobalId> = self
            .m
            .globals
            .iter()
            .filter(|x| x.mutable && self.types.matches(ty, x.ty))
            .map(|x| x.id)
            .collect();
        let tables: Vec<(TableId, TableTy)> = self
            .m
            .tables
            .iter()
            .filter(|t| !self.fixed_tables.contains(&t.id) && t.ty.min > 0)
            .filter(|t| self.types.matches(ty, Ty::Ref(t.ty.elem)))
            .map(|t| (t.id, t.ty))
            .collect();
        let to_table = globals.is_empty() || self.src.chance(50);
        if to_table && let Some((table, ty)) = self.src.pick(&tables) {
            let at = self.src.below(ty.min as usize) as u32;
            let at = self.table_number(&ty, at);
            return Expr::stmt(Op::Table(TableOp::Set(table)), vec![at, value]);
        }
        match self.src.pick(&globals) {
            Some(global) => Expr::stmt(Op::GlobalSet(global), vec![value]),
            None => match self.local_above(ty) {
                Some(local) => self.set_local(local, value),
                None => self.discard(value),
            },
        }
    }
}
