//! One thing that is large: an array, a struct, a segment, a table, a row of allocations. Lengths
//! are next to the powers of two at which code switches its way.

use crate::generate::calc;
use crate::generate::generator::Gen;
use crate::program::{
    ArrayOp, Composite, Data, DataId, Elem, ElemId, Expr, Field, Global, GlobalId, Heap, LocalId,
    Mode, Op, RefOp, RefTy, Storage, StructOp, Table, TableId, TableOp, TableTy, Ty,
};

/// A length at which something may switch its way.
pub(super) fn length(g: &mut Gen<'_>, most: u32) -> u32 {
    const LENGTHS: [u32; 9] = [17, 33, 65, 129, 255, 256, 257, 1025, 4097];
    let fitting = LENGTHS.partition_point(|&n| n <= most);
    LENGTHS[g.src.below(fitting)]
}

/// Indices at both ends and next to powers of two.
fn indices(g: &mut Gen<'_>, len: u32) -> Vec<u32> {
    let mut all = vec![len - 1, 0];
    all.extend(
        [15, 16, 63, 64, 255, 256, 4095]
            .iter()
            .filter(|&&at| at < len),
    );
    (0..3).filter_map(|_| g.src.pick(&all)).collect()
}

/// One large thing.
pub(super) fn sizes(g: &mut Gen<'_>) -> Option<Vec<Expr>> {
    match g.src.below(8) {
        7 => long_constant(g),
        0 | 1 => long_array(g),
        2 => wide_struct(g),
        3 => many_items(g),
        4 => many_bytes(g),
        5 => long_table(g),
        _ => many_objects(g),
    }
}

fn long_array(g: &mut Gen<'_>) -> Option<Vec<Expr>> {
    let ids = g.defs_below(Heap::Array, |types, id| {
        types
            .element(id)
            .is_some_and(|f| f.mutable && f.storage.unpacked().is_defaultable())
    });
    let id = g.src.pick(&ids)?;
    let field = g.types.element(id)?;
    let elem = field.storage.unpacked();
    let ty = Ty::nullable(Heap::Def(id));
    let most = if elem.as_ref().is_some() { 257 } else { 4097 };
    let len = length(g, most);
    let array = g.temp(ty);
    let get = || Expr::get(array, ty);
    let size = g.hidden(Expr::i32(len as i32));
    let made = Expr::value(
        Op::Array(ArrayOp::NewDefault(id)),
        vec![size],
        Ty::non_null(Heap::Def(id)),
    );
    let mut out = vec![Expr::set(array, made)];
    for at in indices(g, len) {
        let (at, value) = (g.hidden(Expr::i32(at as i32)), g.filled(elem));
        out.push(Expr::stmt(
            Op::Array(ArrayOp::Set(id)),
            vec![get(), at, value],
        ));
    }
    let n = g.src.range(1, len - 1);
    let value = g.filled(elem);
    out.push(match g.src.below(3) {
        0 => {
            let args = vec![
                get(),
                Expr::i32((len - n) as i32),
                value,
                Expr::i32(n as i32),
            ];
            Expr::stmt(Op::Array(ArrayOp::Fill(id)), args)
        }
        1 => {
            let (to, from) = [(0, 1), (1, 0)][g.src.below(2)];
            let n = Expr::i32(len as i32 - 1);
            let args = vec![get(), Expr::i32(to), get(), Expr::i32(from), n];
            Expr::stmt(Op::Array(ArrayOp::Copy(id, id)), args)
        }
        _ => Expr::stmt(Op::Nop, Vec::new()),
    });
    for at in indices(g, len) {
        let at = g.hidden(Expr::i32(at as i32));
        let sign = g.sign(field.storage.is_packed());
        out.push(Expr::value(
            Op::Array(ArrayOp::Get(id, sign)),
            vec![get(), at],
            elem,
        ));
    }
    out.push(Expr::value(Op::Array(ArrayOp::Len), vec![get()], Ty::I32));
    out.push(get());
    g.release(array);
    Some(out)
}

fn wide_struct(g: &mut Gen<'_>) -> Option<Vec<Expr>> {
    let n = length(g, 257);
    let fields: Vec<Field> = (0..n)
        .map(|_| Field {
            storage: g.storage(),
            mutable: true,
        })
        .collect();
    let id = g.add_type(Composite::Struct(fields.clone()), None, true);
    let ty = Ty::nullable(Heap::Def(id));
    let object = g.temp(ty);
    let sure = Ty::non_null(Heap::Def(id));
    let made = match g.src.below(2) {
        0 => Expr::value(Op::Struct(StructOp::NewDefault(id)), Vec::new(), sure),
        _ => {
            let args = fields.iter().map(|f| g.filled(f.storage.unpacked()));
            let args = args.collect();
            Expr::value(Op::Struct(StructOp::New(id)), args, sure)
        }
    };
    let mut out = vec![Expr::set(object, made)];
    for at in indices(g, n) {
        let storage = fields[at as usize].storage;
        let value = g.filled(storage.unpacked());
        let args = vec![Expr::get(object, ty), value];
        out.push(Expr::stmt(Op::Struct(StructOp::Set(id, at)), args));
        let sign = g.sign(storage.is_packed());
        out.push(Expr::value(
            Op::Struct(StructOp::Get(id, at, sign)),
            vec![Expr::get(object, ty)],
            storage.unpacked(),
        ));
    }
    out.push(Expr::get(object, ty));
    g.release(object);
    Some(out)
}

fn i31(number: u32) -> Expr {
    Expr::value(
        Op::Ref(RefOp::I31),
        vec![Expr::i32(number as i32)],
        Ty::non_null(Heap::I31),
    )
}

/// A passive segment with many items, from which an array is made.
fn many_items(g: &mut Gen<'_>) -> Option<Vec<Expr>> {
    let n = length(g, 257);
    let ty = RefTy::nullable(Heap::Eq);
    let items = (0..n)
        .map(|at| match at % 5 {
            4 => g.null(Heap::Eq),
            _ => i31(at.wrapping_mul(0x0101_0101)),
        })
        .collect();
    let segment = ElemId(g.fresh());
    g.m.elems.push(Elem {
        id: segment,
        mode: Mode::Passive,
        ty,
        items,
    });
    let field = Field {
        storage: Storage::Val(Ty::Ref(ty)),
        mutable: true,
    };
    let id = g.add_type(Composite::Array(field), None, true);
    let from = g.src.range(0, 2);
    let args = vec![
        g.hidden(Expr::i32(from as i32)),
        g.hidden(Expr::i32((n - from) as i32)),
    ];
    let made = Op::Array(ArrayOp::NewElem(id, segment));
    Some(vec![Expr::value(made, args, Ty::nullable(Heap::Def(id)))])
}

/// A constant expression with many operands, or many constant expressions that allocate.
fn long_constant(g: &mut Gen<'_>) -> Option<Vec<Expr>> {
    let n = length(g, 129);
    let any = Ty::nullable(Heap::Any);
    let field = |storage| Field {
        storage,
        mutable: true,
    };
    let node = vec![field(Storage::Val(Ty::I32)), field(Storage::Val(any))];
    let node = g.add_type(Composite::Struct(node), None, true);
    let item = |at: u32| {
        let number = at.wrapping_mul(0x0101_0101);
        match at % 4 {
            0 => i31(number),
            _ => {
                let args = vec![Expr::i32(number as i32), i31(at)];
                let new = Op::Struct(StructOp::New(node));
                Expr::value(new, args, Ty::non_null(Heap::Def(node)))
            }
        }
    };
    let items: Vec<Expr> = (0..n).map(item).collect();
    let array = g.add_type(Composite::Array(field(Storage::Val(any))), None, true);
    let ty = Ty::nullable(Heap::Def(array));
    if g.src.chance(50) {
        let segment = ElemId(g.fresh());
        g.m.elems.push(Elem {
            id: segment,
            mode: Mode::Passive,
            ty: RefTy::nullable(Heap::Any),
            items,
        });
        let made = Op::Array(ArrayOp::NewElem(array, segment));
        return Some(vec![Expr::value(
            made,
            vec![Expr::i32(0), Expr::i32(n as i32)],
            ty,
        )]);
    }
    let init = Expr::value(
        Op::Array(ArrayOp::NewFixed(array, n)),
        items,
        Ty::non_null(Heap::Def(array)),
    );
    let id = GlobalId(g.fresh());
    g.m.globals.push(Global {
        id,
        ty,
        mutable: false,
        import: None,
        export: g.src.chance(50).then(|| format!("g{}", id.0)),
        init: Some(init),
    });
    Some(vec![Expr::value(Op::GlobalGet(id), Vec::new(), ty)])
}

/// A passive segment with many bytes, from which an array is made and changed.
fn many_bytes(g: &mut Gen<'_>) -> Option<Vec<Expr>> {
    let n = length(g, 4097);
    let data = DataId(g.fresh());
    let (first, step) = (g.src.below(256) as u32, g.src.range(1, 255));
    g.m.datas.push(Data {
        id: data,
        mode: Mode::Passive,
        bytes: (0..n).map(|at| (first + at * step) as u8).collect(),
    });
    let ids = g.defs_below(Heap::Array, |types, id| {
        types
            .element(id)
            .is_some_and(|f| f.mutable && f.storage.bytes().is_some())
    });
    let id = g.src.pick(&ids)?;
    let each = g.types.element(id)?.storage.bytes()?;
    let (len, ty) = (n / each, Ty::nullable(Heap::Def(id)));
    let array = g.temp(ty);
    let rest = g.hidden(Expr::i32((n - len * each) as i32));
    let made = Op::Array(ArrayOp::NewData(id, data));
    let made = Expr::value(made, vec![rest, Expr::i32(len as i32)], ty);
    let (to, from) = (g.src.range(0, 1), g.src.range(0, each));
    let most = (len - to).min((n - from) / each);
    let args = vec![
        Expr::get(array, ty),
        Expr::i32(to as i32),
        g.hidden(Expr::i32(from as i32)),
        g.hidden(Expr::i32(most as i32)),
    ];
    let init = Expr::stmt(Op::Array(ArrayOp::InitData(id, data)), args);
    g.release(array);
    Some(vec![Expr::set(array, made), init, Expr::get(array, ty)])
}

/// A table with many elements: filled, changed at both ends, copied onto itself, read.
fn long_table(g: &mut Gen<'_>) -> Option<Vec<Expr>> {
    let n = length(g, 1025);
    let heap = [Heap::Any, Heap::Eq, Heap::Extern, Heap::Func][g.src.below(4)];
    let ty = TableTy {
        elem: RefTy::nullable(heap),
        min: n.into(),
        max: None,
        is64: g.src.chance(30) && !g.without.wide_tables,
    };
    let number = |at: u32| Expr::index(ty.is64, at.into());
    let id = TableId(g.fresh());
    g.m.tables.push(Table {
        id,
        ty,
        import: None,
        export: g.src.chance(50).then(|| format!("t{}", id.0)),
        init: None,
    });
    let elem = Ty::Ref(ty.elem);
    let at = g.src.range(0, n);
    let args = vec![number(at), g.filled(elem), number(n - at)];
    let mut out = vec![Expr::stmt(Op::Table(TableOp::Fill(id)), args)];
    for at in indices(g, n) {
        let at = g.hidden(number(at));
        let args = vec![at, g.filled(elem)];
        out.push(Expr::stmt(Op::Table(TableOp::Set(id)), args));
    }
    let (to, from) = [(0, 1), (1, 0)][g.src.below(2)];
    let args = vec![number(to), number(from), number(n - 1)];
    out.push(Expr::stmt(Op::Table(TableOp::Copy(id, id)), args));
    for at in indices(g, n) {
        let at = g.hidden(number(at));
        out.push(Expr::value(Op::Table(TableOp::Get(id)), vec![at], elem));
    }
    Some(out)
}

/// A row of allocations, all reachable from one array at the end.
fn many_objects(g: &mut Gen<'_>) -> Option<Vec<Expr>> {
    let n = length(g, 257);
    let field = |storage| Field {
        storage,
        mutable: true,
    };
    let next = Storage::Val(Ty::nullable(Heap::Any));
    let node = vec![field(Storage::Val(Ty::I64)), field(next)];
    let node = g.add_type(Composite::Struct(node), None, true);
    let row = g.add_type(Composite::Array(field(next)), None, true);
    let (row_ty, node_ty) = (Ty::nullable(Heap::Def(row)), Ty::nullable(Heap::Def(node)));
    let (array, at, last) = (g.temp(row_ty), g.temp(Ty::I32), g.temp(node_ty));
    let size = g.hidden(Expr::i32(n as i32));
    let made = Expr::value(Op::Array(ArrayOp::NewDefault(row)), vec![size], row_ty);
    let mut out = vec![
        Expr::set(array, made),
        Expr::set(at, Expr::i32(0)),
        Expr::set(
            last,
            Expr::value(Op::Ref(RefOp::Null(Heap::None)), vec![], node_ty),
        ),
    ];
    let index = |local: LocalId| Expr::get(local, Ty::I32);
    let value = calc::mul64(calc::extend(index(at)), Expr::i64(0x0101_0101_0101));
    let new = Op::Struct(StructOp::New(node));
    let new = Expr::value(new, vec![value, Expr::get(last, node_ty)], node_ty);
    let store = vec![
        Expr::get(array, row_ty),
        index(at),
        Expr::tee(last, node_ty, new),
    ];
    let label = g.new_label();
    let more = Expr::tee(at, Ty::I32, calc::add(index(at), Expr::i32(1)));
    let again = calc::lt_s(more, Expr::i32(n as i32));
    let body = vec![
        Expr::stmt(Op::Array(ArrayOp::Set(row)), store),
        Expr::stmt(Op::BrIf(label), vec![again]),
    ];
    out.push(Expr::stmt(Op::Loop(label, Vec::new(), body), Vec::new()));
    out.push(Expr::get(array, row_ty));
    for local in [array, at, last] {
        g.release(local);
    }
    Some(out)
}
