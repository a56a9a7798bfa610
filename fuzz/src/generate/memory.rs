//! Linear memory (specification, "Memory instructions"). A memory has at least one page, and
//! addresses stay in the first one.

use super::calc;
use super::classes::{Classes, F32, F64, I32, I64, NUM, STMT, V128};
use super::generator::Gen;
use super::row::Row;
use super::swarm::Feature;
use crate::program::{DataId, Expr, Load, MemId, MemoryOp, Op, Store, Ty};

/// See [`Row`].
pub(super) const ROWS: &[Row] = &[
    Row {
        feature: Feature::Memory,
        weight: 20,
        classes: NUM,
        make: load,
    },
    Row {
        feature: Feature::Memory,
        weight: 30,
        classes: STMT,
        make: store,
    },
    Row {
        feature: Feature::Memory,
        weight: 3,
        classes: I32,
        make: memory_size,
    },
    Row {
        feature: Feature::Memory,
        weight: 8,
        classes: I32,
        make: memory_grow,
    },
    Row {
        feature: Feature::Memory,
        weight: 6,
        classes: STMT,
        make: memory_fill,
    },
    Row {
        feature: Feature::Memory,
        weight: 8,
        classes: STMT,
        make: memory_copy,
    },
    Row {
        feature: Feature::Memory,
        weight: 10,
        classes: STMT,
        make: memory_init,
    },
    Row {
        feature: Feature::Memory,
        weight: 3,
        classes: STMT,
        make: data_drop,
    },
    Row {
        feature: Feature::ArraySegments,
        weight: 3,
        classes: STMT,
        make: data_drop,
    },
];

/// Loads by the type of their results.
const LOADS: &[(Ty, &[Load])] = &[
    (
        Ty::I32,
        &[
            Load::I32,
            Load::I32S8,
            Load::I32U8,
            Load::I32S16,
            Load::I32U16,
        ],
    ),
    (
        Ty::I64,
        &[
            Load::I64,
            Load::I64S8,
            Load::I64U8,
            Load::I64S16,
            Load::I64U16,
            Load::I64S32,
            Load::I64U32,
        ],
    ),
    (Ty::F32, &[Load::F32]),
    (Ty::F64, &[Load::F64]),
    (Ty::V128, &[Load::V128, Load::V128Splat32, Load::V128Zero64]),
];

/// Stores by the type of their operands, and by its class.
const STORES: &[(Ty, Classes, &[Store])] = &[
    (Ty::I32, I32, &[Store::I32, Store::I32As8, Store::I32As16]),
    (
        Ty::I64,
        I64,
        &[Store::I64, Store::I64As8, Store::I64As16, Store::I64As32],
    ),
    (Ty::F32, F32, &[Store::F32]),
    (Ty::F64, F64, &[Store::F64]),
    (Ty::V128, V128, &[Store::V128]),
];

fn load(g: &mut Gen<'_>, want: Ty) -> Option<Expr> {
    let (mem, index) = g.any_memory()?;
    let loads = LOADS.iter().find(|(ty, _)| *ty == want)?.1;
    let load = g.src.pick(loads)?;
    let address = g.address(index);
    let offset = g.src.range(0, 40);
    Some(Expr::value(
        Op::Memory(MemoryOp::Load(load, mem, offset)),
        vec![address],
        want,
    ))
}

fn store(g: &mut Gen<'_>, _: Ty) -> Option<Expr> {
    let (mem, index) = g.any_memory()?;
    let kinds = match (g.on(Feature::Floats), g.on(Feature::Vectors)) {
        (_, true) => 5,
        (true, false) => 4,
        (false, false) => 2,
    };
    let (ty, _, stores) = STORES[g.src.below(kinds)];
    let store = g.src.pick(stores)?;
    let address = g.address(index);
    let value = g.expr(ty);
    let offset = g.src.range(0, 40);
    Some(Expr::stmt(
        Op::Memory(MemoryOp::Store(store, mem, offset)),
        vec![address, value],
    ))
}

fn memory_size(g: &mut Gen<'_>, _: Ty) -> Option<Expr> {
    let (mem, index) = g.any_memory()?;
    let size = Expr::value(Op::Memory(MemoryOp::Size(mem)), Vec::new(), index);
    Some(if index == Ty::I64 {
        calc::wrap(size)
    } else {
        size
    })
}

fn memory_grow(g: &mut Gen<'_>, _: Ty) -> Option<Expr> {
    let (mem, index) = g.any_memory()?;
    let by = [0, 1, 70_000][g.src.below(3)];
    let grow = Expr::value(
        Op::Memory(MemoryOp::Grow(mem)),
        vec![number(index, by)],
        index,
    );
    Some(if index == Ty::I64 {
        calc::wrap(grow)
    } else {
        grow
    })
}

fn memory_fill(g: &mut Gen<'_>, _: Ty) -> Option<Expr> {
    let (mem, index) = g.any_memory()?;
    let args = vec![
        g.address(index),
        g.expr(Ty::I32),
        number(index, g.src.range(0, 60)),
    ];
    Some(Expr::stmt(Op::Memory(MemoryOp::Fill(mem)), args))
}

fn memory_copy(g: &mut Gen<'_>, _: Ty) -> Option<Expr> {
    let (mem, index) = g.any_memory()?;
    let args = vec![
        g.address(index),
        g.address(index),
        number(index, g.src.range(0, 60)),
    ];
    Some(Expr::stmt(Op::Memory(MemoryOp::Copy(mem, mem)), args))
}

fn memory_init(g: &mut Gen<'_>, _: Ty) -> Option<Expr> {
    let (mem, index) = g.any_memory()?;
    let (data, bytes) = g.passive_data()?;
    let (from, n) = g.part(bytes, 1);
    let args = vec![
        g.address(index),
        Expr::i32(from as i32),
        Expr::i32(n as i32),
    ];
    Some(Expr::stmt(Op::Memory(MemoryOp::Init(mem, data)), args))
}

fn data_drop(g: &mut Gen<'_>, _: Ty) -> Option<Expr> {
    if g.kept {
        return None;
    }
    let datas: Vec<DataId> = g.m.datas.iter().map(|d| d.id).collect();
    let data = g.src.pick(&datas)?;
    Some(Expr::stmt(Op::Memory(MemoryOp::DataDrop(data)), Vec::new()))
}

fn number(index: Ty, n: u32) -> Expr {
    match index {
        Ty::I64 => Expr::i64(i64::from(n)),
        _ => Expr::i32(n as i32),
    }
}

impl Gen<'_> {
    fn any_memory(&mut self) -> Option<(MemId, Ty)> {
        let mems: Vec<(MemId, Ty)> = self.m.mems.iter().map(|m| (m.id, m.index())).collect();
        self.src.pick(&mems)
    }

    /// An address within the first page. Rarely any address.
    fn address(&mut self, index: Ty) -> Expr {
        let drawn = if self.bare() {
            self.expr(Ty::I32)
        } else if self.src.chance(60) {
            Expr::i32(self.src.range(0, 300) as i32)
        } else {
            let drawn = self.expr(Ty::I32);
            calc::and(drawn, Expr::i32(0x7ff8))
        };
        if index == Ty::I64 {
            calc::extend(drawn)
        } else {
            drawn
        }
    }
}
