//! Segments at their limits: offsets and lengths around 2^31 and 2^32, ranges that are empty at the
//! end, and segments that are gone because they were dropped, active or declared.

use crate::generate::generator::Gen;
use crate::program::{
    ArrayOp, DataId, ElemId, Expr, Field, Heap, MemId, MemoryOp, Mode, Op, Storage, TableId,
    TableOp, Ty, TypeId,
};

/// A segment, and how many bytes or items it has when it is used.
#[derive(Clone, Copy)]
enum Used {
    Data(DataId, u32),
    Elem(ElemId, u32),
}

impl Used {
    fn len(self) -> u32 {
        match self {
            Used::Data(_, n) | Used::Elem(_, n) => n,
        }
    }
}

/// What a range of a segment is copied to.
enum Sink {
    /// A new array.
    New(TypeId),
    /// An array with three elements.
    Array(TypeId),
    Memory(MemId, Ty),
    Table(TableId, Ty),
}

fn is_gone(g: &Gen<'_>, used: Used) -> bool {
    let passive = match used {
        Used::Data(id, _) => {
            let is_it = |d: &&crate::program::Data| d.id == id;
            g.m.datas
                .iter()
                .find(is_it)
                .map(|d| matches!(d.mode, Mode::Passive))
        }
        Used::Elem(id, _) => {
            let is_it = |e: &&crate::program::Elem| e.id == id;
            g.m.elems
                .iter()
                .find(is_it)
                .map(|e| matches!(e.mode, Mode::Passive))
        }
    };
    let dropped = match used {
        Used::Data(id, _) => g.dropped_datas.contains(&id),
        Used::Elem(id, _) => g.dropped_elems.contains(&id),
    };
    dropped || passive != Some(true)
}

/// Draws a segment and something that takes its contents.
fn pair(g: &mut Gen<'_>) -> Option<(Used, Sink, u32)> {
    if g.src.chance(50) {
        let datas: Vec<Used> =
            g.m.datas
                .iter()
                .map(|d| Used::Data(d.id, d.bytes.len() as u32))
                .collect();
        let used = g.src.pick(&datas)?;
        let mems: Vec<(MemId, Ty)> = g.m.mems.iter().map(|m| (m.id, m.index())).collect();
        if let Some((mem, index)) = g.src.pick(&mems).filter(|_| g.src.chance(40)) {
            return Some((used, Sink::Memory(mem, index), 1));
        }
        let arrays = g.defs_below(Heap::Array, |types, id| {
            types
                .element(id)
                .is_some_and(|f| f.storage.bytes().is_some())
        });
        let id = g.src.pick(&arrays)?;
        let field = g.types.element(id)?;
        let sink = array_sink(g, id, field);
        return Some((used, sink, field.storage.bytes()?));
    }
    let elems: Vec<(ElemId, u32, Ty)> =
        g.m.elems
            .iter()
            .map(|e| (e.id, e.items.len() as u32, Ty::Ref(e.ty)))
            .collect();
    let (id, n, ty) = g.src.pick(&elems)?;
    let used = Used::Elem(id, n);
    let table = g.writable_table(|g, t| g.types.matches(ty, Ty::Ref(t.elem)));
    if let Some((table, table_ty)) = table.filter(|_| g.src.chance(40)) {
        return Some((used, Sink::Table(table, table_ty.index()), 1));
    }
    let arrays = g.defs_below(Heap::Array, |types, id| {
        let storage = types.element(id).map(|f| f.storage);
        matches!(storage, Some(Storage::Val(elem @ Ty::Ref(_))) if types.matches(ty, elem))
    });
    let array = g.src.pick(&arrays)?;
    let field = g.types.element(array)?;
    Some((used, array_sink(g, array, field), 1))
}

fn array_sink(g: &mut Gen<'_>, id: TypeId, field: Field) -> Sink {
    let can_change = field.mutable && field.storage.unpacked().is_defaultable();
    match can_change && g.src.chance(60) {
        true => Sink::Array(id),
        false => Sink::New(id),
    }
}

/// The instruction, from `from`, `n` elements or bytes, to the index `to`.
fn copied(g: &mut Gen<'_>, used: Used, sink: &Sink, to: u64, from: u32, n: u32) -> Option<Expr> {
    let number = |index: Ty| match index {
        Ty::I64 => Expr::i64(to as i64),
        _ => Expr::i32(to as i32),
    };
    let (from, n) = (
        g.hidden(Expr::i32(from as i32)),
        g.hidden(Expr::i32(n as i32)),
    );
    Some(match (sink, used) {
        (Sink::New(id), _) => {
            let op = match used {
                Used::Data(data, _) => ArrayOp::NewData(*id, data),
                Used::Elem(elem, _) => ArrayOp::NewElem(*id, elem),
            };
            Expr::value(Op::Array(op), vec![from, n], Ty::nullable(Heap::Def(*id)))
        }
        (Sink::Array(id), _) => {
            let (op, ty) = (ArrayOp::NewDefault(*id), Ty::nullable(Heap::Def(*id)));
            let array = g.temp(ty);
            let made = Expr::value(Op::Array(op), vec![Expr::i32(3)], ty);
            let op = match used {
                Used::Data(data, _) => ArrayOp::InitData(*id, data),
                Used::Elem(elem, _) => ArrayOp::InitElem(*id, elem),
            };
            let args = vec![Expr::get(array, ty), number(Ty::I32), from, n];
            let all = vec![
                Expr::set(array, made),
                Expr::stmt(Op::Array(op), args),
                Expr::get(array, ty),
            ];
            g.release(array);
            Expr::value(Op::Seq, all, ty)
        }
        (Sink::Memory(mem, index), Used::Data(data, _)) => Expr::stmt(
            Op::Memory(MemoryOp::Init(*mem, data)),
            vec![number(*index), from, n],
        ),
        (Sink::Table(table, index), Used::Elem(elem, _)) => Expr::stmt(
            Op::Table(TableOp::Init(*table, elem)),
            vec![number(*index), from, n],
        ),
        (Sink::Memory(..), Used::Elem(..)) | (Sink::Table(..), Used::Data(..)) => return None,
    })
}

/// Nothing, from the very end of a segment or from one that is gone, and something if it is there.
pub(super) fn empty(g: &mut Gen<'_>) -> Option<Vec<Expr>> {
    let (used, sink, each) = pair(g)?;
    let gone = is_gone(g, used);
    let mut out = dropped(g, used);
    let len = if gone { 0 } else { used.len() };
    let n = g.src.range(0, 3).min(len / each);
    // A table may have no element.
    let n = if matches!(sink, Sink::Table(..)) {
        0
    } else {
        n
    };
    let from = len - n * each;
    out.push(copied(g, used, &sink, 0, from, n)?);
    out.push(Expr::i32(n as i32));
    Some(out)
}

/// A drop before the use, for segments that every use finds dropped.
fn dropped(g: &Gen<'_>, used: Used) -> Vec<Expr> {
    let op = match used {
        Used::Data(id, _) if g.dropped_datas.contains(&id) => Op::Memory(MemoryOp::DataDrop(id)),
        Used::Elem(id, _) if g.dropped_elems.contains(&id) => Op::Table(TableOp::ElemDrop(id)),
        Used::Data(..) | Used::Elem(..) => return Vec::new(),
    };
    vec![Expr::stmt(op, Vec::new())]
}

/// Beyond the end of the segment, or of what it is copied to: by one, or in the high bits.
pub(super) fn beyond(g: &mut Gen<'_>) -> Option<Vec<Expr>> {
    let (used, sink, each) = pair(g)?;
    let gone = is_gone(g, used);
    let mut out = dropped(g, used);
    let len = if gone { 0 } else { used.len() };
    let fits = len / each;
    let (to, from, n) = match g.src.below(10) {
        0 => (0, len + 1, 0),
        1 => (0, 0, fits + 1),
        2 => (0, 1 << 31, 0),
        3 => (0, u32::MAX, 1),
        4 => (0, 1, u32::MAX),
        5 => (0, 0, 1 << 31 | fits),
        // Times the size of an element, the low half is small.
        6 => (0, 0, (1_u64 << 32).div_ceil(each.into()) as u32),
        7 => (1 << 31, 0, fits.min(1)),
        8 => (u64::from(u32::MAX), 0, 0),
        _ => (1 << 32, 0, fits.min(1)),
    };
    let wide = matches!(sink, Sink::Memory(_, Ty::I64) | Sink::Table(_, Ty::I64));
    let to = if wide {
        to
    } else {
        to.min(u64::from(u32::MAX))
    };
    out.push(copied(g, used, &sink, to, from, n)?);
    Some(out)
}
