//! Structs and arrays of known shape. Every field and element is written with a boundary value and
//! read back. What is read and the object itself are results.

use super::operands;
use crate::generate::generator::Gen;
use crate::program::{
    ArrayOp, DataId, ElemId, Expr, Field, Heap, LocalId, Mode, Op, RefOp, Storage, StructOp, Ty,
    TypeId,
};

/// How many fields or elements are read one by one. The others are seen because the object is a
/// result.
const READS: u32 = 3;

fn read_array(id: TypeId, field: Field, array: LocalId, index: Expr, sign: u32) -> Expr {
    let sign = match (field.storage.is_packed(), sign) {
        (false, _) => crate::program::Sign::Plain,
        (true, 0) => crate::program::Sign::Signed,
        (true, _) => crate::program::Sign::Unsigned,
    };
    let array = Expr::get(array, Ty::nullable(Heap::Def(id)));
    Expr::value(
        Op::Array(ArrayOp::Get(id, sign)),
        vec![array, index],
        field.storage.unpacked(),
    )
}

/// A struct with boundary values: read, written, read again.
pub(super) fn structs(g: &mut Gen<'_>) -> Option<Vec<Expr>> {
    let ids = g.defs_below(Heap::Struct, |types, id| {
        types.fields(id).is_some_and(|f| !f.is_empty())
    });
    let id = g.src.pick(&ids)?;
    let fields = g.types.fields(id)?.to_vec();
    let ty = Ty::nullable(Heap::Def(id));
    let args = fields
        .iter()
        .map(|f| g.filled(f.storage.unpacked()))
        .collect();
    let object = g.temp(ty);
    let made = Expr::value(
        Op::Struct(StructOp::New(id)),
        args,
        Ty::non_null(Heap::Def(id)),
    );
    let mut out = vec![Expr::set(object, made)];
    for _ in 0..g.src.range(1, READS) {
        let at = g.src.below(fields.len());
        let field = fields[at];
        if field.mutable && g.src.chance(60) {
            let value = g.filled(field.storage.unpacked());
            let args = vec![Expr::get(object, ty), value];
            out.push(Expr::stmt(Op::Struct(StructOp::Set(id, at as u32)), args));
        }
        let sign = g.sign(field.storage.is_packed());
        out.push(Expr::value(
            Op::Struct(StructOp::Get(id, at as u32, sign)),
            vec![Expr::get(object, ty)],
            field.storage.unpacked(),
        ));
    }
    out.push(Expr::get(object, ty));
    g.release(object);
    Some(out)
}

/// Makes an array by one of the instructions that can. Returns the statement that puts it into the
/// local, and its length.
fn new_array(g: &mut Gen<'_>, id: TypeId, field: Field, to: LocalId) -> (Expr, u32) {
    let elem = field.storage.unpacked();
    let len = match g.src.below(16) {
        0 => 0,
        1 => [17, 33, 65, 257][g.src.below(4)],
        _ => g.src.range(2, 9),
    };
    let (op, args, len) = match g.src.below(6) {
        0 => {
            let value = g.filled(elem);
            let len_operand = g.hidden(Expr::i32(len as i32));
            (ArrayOp::New(id), vec![value, len_operand], len)
        }
        1 if elem.is_defaultable() => {
            let len_operand = g.hidden(Expr::i32(len as i32));
            (ArrayOp::NewDefault(id), vec![len_operand], len)
        }
        2 => match g.segment_for(field) {
            Some((segment, offset, n)) => {
                let op = match segment {
                    Segment::Data(data) => ArrayOp::NewData(id, data),
                    Segment::Elem(elem) => ArrayOp::NewElem(id, elem),
                };
                let from = g.hidden(Expr::i32(offset as i32));
                (op, vec![from, Expr::i32(n as i32)], n)
            }
            None => (ArrayOp::NewFixed(id, 0), Vec::new(), 0),
        },
        _ => {
            let n = len.min(33);
            let args: Vec<Expr> = (0..n).map(|_| g.filled(elem)).collect();
            (ArrayOp::NewFixed(id, n), args, n)
        }
    };
    let made = Expr::value(Op::Array(op), args, Ty::non_null(Heap::Def(id)));
    (Expr::set(to, made), len)
}

/// An array that is made, changed by bulk and single operations, read, and kept. Half of the
/// operations end at its last element.
pub(super) fn arrays(g: &mut Gen<'_>) -> Option<Vec<Expr>> {
    let ids = g.defs_below(Heap::Array, |_, _| true);
    let id = g.src.pick(&ids)?;
    let field = g.types.element(id)?;
    let ty = Ty::nullable(Heap::Def(id));
    let array = g.temp(ty);
    let (made, len) = new_array(g, id, field, array);
    let mut out = vec![made];
    if field.mutable {
        for _ in 0..g.src.range(1, 2) {
            out.extend(change(g, id, field, array, len));
        }
    }
    out.push(Expr::value(
        Op::Array(ArrayOp::Len),
        vec![Expr::get(array, ty)],
        Ty::I32,
    ));
    for _ in 0..g.src.range(0, READS) {
        if len == 0 {
            break;
        }
        let index = match g.src.below(3) {
            0 => len - 1,
            _ => g.src.range(0, len - 1),
        };
        let index = g.hidden(Expr::i32(index as i32));
        let sign = g.src.range(0, 1);
        out.push(read_array(id, field, array, index, sign));
    }
    out.push(Expr::get(array, ty));
    g.release(array);
    Some(out)
}

/// One operation that changes an array of known length.
fn change(g: &mut Gen<'_>, id: TypeId, field: Field, array: LocalId, len: u32) -> Option<Expr> {
    let ty = Ty::nullable(Heap::Def(id));
    let get = Expr::get(array, ty);
    let elem = field.storage.unpacked();
    let number = |g: &mut Gen<'_>, n: u32| g.hidden(Expr::i32(n as i32));
    Some(match g.src.below(6) {
        0 | 1 => {
            let (at, n) = g.range_in(len);
            let args = vec![get, number(g, at), g.filled(elem), number(g, n)];
            Expr::stmt(Op::Array(ArrayOp::Fill(id)), args)
        }
        2 | 3 => {
            // Overlapping, in either direction.
            let (at, n) = g.range_in(len);
            let start = match g.src.below(3) {
                0 => len - n,
                1 => at.saturating_sub(1).min(len - n),
                _ => g.src.range(0, len - n),
            };
            let args = vec![
                get.clone(),
                number(g, at),
                get,
                number(g, start),
                number(g, n),
            ];
            Expr::stmt(Op::Array(ArrayOp::Copy(id, id)), args)
        }
        4 => {
            let (segment, offset, most) = g.segment_for(field)?;
            let n = most.min(len);
            let at = if g.src.chance(50) {
                len - n
            } else {
                g.src.range(0, len - n)
            };
            let args = vec![get, number(g, at), number(g, offset), number(g, n)];
            Expr::stmt(segment.init(id), args)
        }
        _ => {
            let at = g.src.range(0, len.checked_sub(1)?);
            let args = vec![get, number(g, at), g.filled(elem)];
            Expr::stmt(Op::Array(ArrayOp::Set(id)), args)
        }
    })
}

/// An access to an array just outside of its bounds, or with an index whose low half is within
/// them.
pub(super) fn array_outside(g: &mut Gen<'_>) -> Option<Vec<Expr>> {
    let ids = g.defs_below(Heap::Array, |types, id| {
        types.element(id).is_some_and(|f| f.mutable)
    });
    let id = g.src.pick(&ids)?;
    let field = g.types.element(id)?;
    let ty = Ty::nullable(Heap::Def(id));
    let array = g.temp(ty);
    let (made, len) = new_array(g, id, field, array);
    let mut out = vec![made];
    let get = Expr::get(array, ty);
    let elem = field.storage.unpacked();
    let (at, n) = g.range_outside(len);
    let (at, n) = (
        g.hidden(Expr::i32(at as i32)),
        g.hidden(Expr::i32(n as i32)),
    );
    out.push(match g.src.below(8) {
        0 => {
            let args = vec![get, at, g.filled(elem), n];
            Expr::stmt(Op::Array(ArrayOp::Fill(id)), args)
        }
        1 => {
            let args = vec![get.clone(), at, get, Expr::i32(0), n];
            Expr::stmt(Op::Array(ArrayOp::Copy(id, id)), args)
        }
        2 => {
            let args = vec![get.clone(), Expr::i32(0), get, at, n];
            Expr::stmt(Op::Array(ArrayOp::Copy(id, id)), args)
        }
        3 | 6 | 7 => match g.segment_for(field) {
            Some((segment, offset, most)) => {
                // Beyond the array, or beyond the segment.
                let offset = Expr::i32(offset as i32);
                let args = match g.src.below(2) {
                    0 => vec![get, at, offset, Expr::i32(most as i32)],
                    _ => vec![get, Expr::i32(0), at, n],
                };
                Expr::stmt(segment.init(id), args)
            }
            None => read_array(id, field, array, at, 0),
        },
        4 => {
            let args = vec![get, Expr::i32(len as i32), g.filled(elem)];
            Expr::stmt(Op::Array(ArrayOp::Set(id)), args)
        }
        _ => read_array(id, field, array, at, 0),
    });
    g.release(array);
    Some(out)
}

/// A segment from which an array can be made or initialised.
#[derive(Clone, Copy, Debug)]
pub(super) enum Segment {
    /// Bytes.
    Data(DataId),
    /// References.
    Elem(ElemId),
}

impl Segment {
    /// The instruction that writes a part of it into an array of this type.
    pub(super) fn init(self, id: TypeId) -> Op {
        Op::Array(match self {
            Segment::Data(data) => ArrayOp::InitData(id, data),
            Segment::Elem(elem) => ArrayOp::InitElem(id, elem),
        })
    }
}

impl Gen<'_> {
    /// A value of the type that can be told from others: a number at a boundary, a new object, an
    /// i31, or sometimes null.
    pub(super) fn filled(&mut self, ty: Ty) -> Expr {
        match ty {
            Ty::Ref(r) => match r.heap {
                Heap::Any | Heap::Eq | Heap::I31 if self.src.chance(60) => {
                    let value = self.operand(Ty::I32);
                    Expr::value(Op::Ref(RefOp::I31), vec![value], Ty::non_null(Heap::I31))
                }
                heap if r.null && self.src.chance(20) => self.null(heap),
                Heap::None | Heap::NoFunc | Heap::NoExtern | Heap::NoExn | Heap::Exn => {
                    self.smallest(ty)
                }
                heap => self.smallest(Ty::non_null(heap)),
            },
            number => self.operand(number),
        }
    }

    /// Offset and length of a part. Half of the parts reach the end, and may be empty there.
    pub(super) fn range_in(&mut self, len: u32) -> (u32, u32) {
        let at = self.src.range(0, len);
        let n = match self.src.below(4) {
            0 | 1 => len - at,
            2 => self.src.range(0, len - at),
            _ => (len - at).min(1),
        };
        (at, n)
    }

    /// Offset and length of a part that is out of bounds by one, or because of the high bits of
    /// their sum.
    pub(super) fn range_outside(&mut self, len: u32) -> (u32, u32) {
        let n = self.src.range(0, len + 1);
        match self.src.below(6) {
            0 => (len - n.min(len) + 1, n),
            1 => (len + 1, 0),
            2 => (u32::MAX, n),
            3 => (1 << 31, n),
            4 => (1, u32::MAX),
            _ => (self.src.range(0, len), 1 << 31 | n),
        }
    }

    /// A passive segment for elements of this kind: its offset, in bytes or items, and how many
    /// elements fit.
    pub(super) fn segment_for(&mut self, field: Field) -> Option<(Segment, u32, u32)> {
        if let Some(each) = field.storage.bytes() {
            let datas: Vec<(DataId, u32)> = self
                .m
                .datas
                .iter()
                .filter(|d| matches!(d.mode, Mode::Passive))
                .filter(|d| !self.dropped_datas.contains(&d.id))
                .map(|d| (d.id, d.bytes.len() as u32))
                .collect();
            let (id, bytes) = self.src.pick(&datas)?;
            let most = (bytes / each).min(12);
            let n = self.src.range(0, most);
            let offset = match self.src.below(3) {
                0 => bytes - n * each,
                _ => self.src.range(0, bytes - n * each),
            };
            return Some((Segment::Data(id), offset, n));
        }
        let Storage::Val(elem) = field.storage else {
            return None;
        };
        let elems: Vec<(ElemId, u32)> = self
            .m
            .elems
            .iter()
            .filter(|e| matches!(e.mode, Mode::Passive))
            .filter(|e| !self.dropped_elems.contains(&e.id))
            .filter(|e| self.types.matches(Ty::Ref(e.ty), elem))
            .map(|e| (e.id, e.items.len() as u32))
            .collect();
        let (id, items) = self.src.pick(&elems)?;
        let n = self.src.range(0, items);
        let offset = match self.src.below(3) {
            0 => items - n,
            _ => self.src.range(0, items - n),
        };
        Some((Segment::Elem(id), offset, n))
    }

    /// A number at a boundary, which a compiler knows.
    pub(super) fn boundary(&mut self, ty: Ty) -> Expr {
        operands::edge(&mut self.src, ty)
    }
}
