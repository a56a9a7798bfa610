//! One place under several names: a field, an element, a global or a table's element is written and
//! read in a row, through two references to one object, from a branch, by a callee, by the
//! embedder, and by bulk operations. Every value read is kept.
//!
//! A compiler that remembers what a place holds must forget it at the right moments.

use crate::generate::calc;
use crate::generate::generator::Gen;
use crate::generate::swarm::Feature;
use crate::program::{
    ArrayOp, Expr, Field, FuncId, Global, GlobalId, Heap, Import, LocalId, Op, RefOp, RefTy, Sig,
    Sign, Storage, StructOp, Table, TableId, TableOp, TableTy, Ty, TypeId,
};

/// Where values are written to and read from.
enum Place {
    /// A field of the object in the locals.
    Field {
        id: TypeId,
        at: u32,
        storage: Storage,
    },
    /// An element of the array in the locals, which has this many.
    Element {
        id: TypeId,
        storage: Storage,
        len: u32,
    },
    /// A global that has one or two names in the module, with its exported name.
    Global([GlobalId; 2], Ty, String),
    /// An element of a table that has one or two names, with its exported name.
    Slot([TableId; 2], TableTy, Option<String>),
}

impl Place {
    /// The type of the values that it holds.
    fn holds(&self) -> Ty {
        match self {
            Place::Field { storage, .. } | Place::Element { storage, .. } => storage.unpacked(),
            Place::Global(_, ty, _) => *ty,
            Place::Slot(_, ty, _) => Ty::Ref(ty.elem),
        }
    }

    /// The type of the reference to the object that it is in.
    fn object(&self) -> Option<Ty> {
        match self {
            Place::Field { id, .. } | Place::Element { id, .. } => {
                Some(Ty::nullable(Heap::Def(*id)))
            }
            Place::Global(..) | Place::Slot(..) => None,
        }
    }

    /// Where in the array or table: always one of the same few indices.
    fn index(&self, g: &mut Gen<'_>) -> Option<Expr> {
        let (len, is64) = match self {
            Place::Element { len, .. } => (*len, false),
            Place::Slot(_, ty, _) => (ty.min as u32, ty.is64),
            Place::Field { .. } | Place::Global(..) => return None,
        };
        let at = [0, len - 1][g.src.below(2)];
        Some(Expr::index(is64, at.into()))
    }

    /// Writes a value; `object` is the reference to the object.
    fn write(
        &self,
        g: &mut Gen<'_>,
        object: Option<Expr>,
        index: Option<Expr>,
        value: Expr,
    ) -> Expr {
        let op = match self {
            Place::Field { id, at, .. } => Op::Struct(StructOp::Set(*id, *at)),
            Place::Element { id, .. } => Op::Array(ArrayOp::Set(*id)),
            Place::Global(ids, ..) => Op::GlobalSet(ids[g.src.below(2)]),
            Place::Slot(ids, ..) => Op::Table(TableOp::Set(ids[g.src.below(2)])),
        };
        let args = object.into_iter().chain(index).chain([value]).collect();
        Expr::stmt(op, args)
    }

    fn read(&self, g: &mut Gen<'_>, object: Option<Expr>, index: Option<Expr>) -> Expr {
        let signed = g.src.chance(50);
        let read = |storage: &Storage| match (storage.is_packed(), signed) {
            (false, _) => Sign::Plain,
            (true, true) => Sign::Signed,
            (true, false) => Sign::Unsigned,
        };
        let op = match self {
            Place::Field { id, at, storage } => Op::Struct(StructOp::Get(*id, *at, read(storage))),
            Place::Element { id, storage, .. } => Op::Array(ArrayOp::Get(*id, read(storage))),
            Place::Global(ids, ..) => Op::GlobalGet(ids[g.src.below(2)]),
            Place::Slot(ids, ..) => Op::Table(TableOp::Get(ids[g.src.below(2)])),
        };
        let args = object.into_iter().chain(index).collect();
        Expr::value(op, args, self.holds())
    }
}

/// The two names of the object, and a name of an index.
struct Names {
    ty: Option<Ty>,
    locals: [LocalId; 2],
    index: Option<Expr>,
}

impl Names {
    /// An index. Often it has the same name as before, so that a compiler sees that it is the same.
    fn index(&self, g: &mut Gen<'_>, place: &Place) -> Option<Expr> {
        if g.src.chance(60) {
            return self.index.clone();
        }
        let index = place.index(g)?;
        Some(g.hidden(index))
    }

    fn any(&self, g: &mut Gen<'_>) -> Option<Expr> {
        let local = self.locals[g.src.below(2)];
        self.ty.map(|ty| Expr::get(local, ty))
    }
}

fn field(g: &mut Gen<'_>) -> Option<(Place, Option<Expr>)> {
    let (id, at, storage) = g.mutable_field()?;
    let made = g.smallest(Ty::non_null(Heap::Def(id)));
    Some((Place::Field { id, at, storage }, Some(made)))
}

fn element(g: &mut Gen<'_>) -> Option<(Place, Option<Expr>)> {
    let ids = g.defs_below(Heap::Array, |types, id| {
        types.element(id).is_some_and(|f| f.mutable)
    });
    let id = g.src.pick(&ids)?;
    let Field { storage, .. } = g.types.element(id)?;
    let len = g.src.range(1, 5);
    let value = g.filled(storage.unpacked());
    let args = vec![value, g.hidden(Expr::i32(len as i32))];
    let made = Expr::value(
        Op::Array(ArrayOp::New(id)),
        args,
        Ty::non_null(Heap::Def(id)),
    );
    Some((Place::Element { id, storage, len }, Some(made)))
}

fn global(g: &mut Gen<'_>) -> Option<(Place, Option<Expr>)> {
    let globals: Vec<(GlobalId, Ty, String)> =
        g.m.globals
            .iter()
            .filter(|x| x.mutable && x.id != g.fuel)
            .filter_map(|x| Some((x.id, x.ty, x.export.clone()?)))
            .collect();
    let at = g.src.below(globals.len());
    let (id, ty, name) = globals.get(at)?.clone();
    let other = again(g, id).unwrap_or(id);
    Some((Place::Global([id, other], ty, name), None))
}

/// Imports a global once more, if it is an import.
fn again(g: &mut Gen<'_>, id: GlobalId) -> Option<GlobalId> {
    let global = g.m.globals.iter().find(|x| x.id == id)?;
    global.import.as_ref()?;
    let mut alias = global.clone();
    (alias.id, alias.export) = (GlobalId(g.fresh()), None);
    let id = alias.id;
    g.m.globals.push(alias);
    Some(id)
}

/// Imports a table once more, if it is an import.
fn table_again(g: &mut Gen<'_>, id: TableId) -> Option<TableId> {
    let table = g.m.tables.iter().find(|t| t.id == id)?;
    table.import.as_ref()?;
    let mut alias = table.clone();
    (alias.id, alias.export) = (TableId(g.fresh()), None);
    let id = alias.id;
    g.m.tables.push(alias);
    Some(id)
}

/// A global or a table of an earlier module, imported twice.
fn twice(g: &mut Gen<'_>) -> Option<(Place, Option<Expr>)> {
    let from = g.src.below(g.done.len());
    let module = g.done.get(from)?.name.clone();
    let name = format!("twice{}", g.fresh());
    let import = Some(Import {
        module,
        name: name.clone(),
    });
    let heap = [Heap::Any, Heap::Eq, Heap::Extern][g.src.below(3)];
    if g.src.chance(50) {
        let global = Global {
            id: GlobalId(g.fresh()),
            ty: Ty::nullable(heap),
            mutable: true,
            import: None,
            export: Some(name),
            init: Some(g.null(heap)),
        };
        let ids = [GlobalId(g.fresh()), GlobalId(g.fresh())];
        let export = format!("g{}", ids[0].0);
        for (id, export) in ids.into_iter().zip([Some(export.clone()), None]) {
            g.m.globals.push(Global {
                id,
                import: import.clone(),
                export,
                init: None,
                ..global.clone()
            });
        }
        let ty = global.ty;
        g.done[from].globals.push(global);
        return Some((Place::Global(ids, ty, export), None));
    }
    let ty = TableTy {
        elem: RefTy::nullable(heap),
        min: 3,
        max: g.src.chance(50).then_some(3),
        is64: g.src.chance(20) && !g.without.wide_tables,
    };
    let table = Table {
        id: TableId(g.fresh()),
        ty,
        import: None,
        export: Some(name),
        init: None,
    };
    let ids = [TableId(g.fresh()), TableId(g.fresh())];
    for id in ids {
        g.m.tables.push(Table {
            id,
            import: import.clone(),
            export: None,
            ..table.clone()
        });
    }
    g.done[from].tables.push(table);
    Some((Place::Slot(ids, ty, None), None))
}

fn slot(g: &mut Gen<'_>) -> Option<(Place, Option<Expr>)> {
    let (id, ty) = g.writable_table(|_, t| t.min > 0)?;
    let table = g.m.tables.iter().find(|t| t.id == id)?;
    let name = table.export.clone();
    let other = table_again(g, id).unwrap_or(id);
    Some((Place::Slot([id, other], ty, name), None))
}

/// Writes and reads one place in a row.
pub(super) fn places(g: &mut Gen<'_>) -> Option<Vec<Expr>> {
    let (place, made) = match g.src.below(8) {
        _ if !g.done.is_empty() && g.src.chance(40) => twice(g)?,
        0 | 1 => field(g)?,
        2 | 3 => element(g)?,
        4 | 5 => global(g)?,
        _ => slot(g)?,
    };
    let ty = place.object();
    let temp = ty.unwrap_or(Ty::I32);
    let mut out = Vec::new();
    let index = place.index(g).map(|index| {
        let ty = index.tys[0];
        let local = g.temp(ty);
        let index = g.hidden(index);
        out.push(Expr::set(local, index));
        (local, Expr::get(local, ty))
    });
    let names = Names {
        ty,
        locals: [g.temp(temp), g.temp(temp)],
        index: index.as_ref().map(|(_, index)| index.clone()),
    };
    if let (Some(made), Some(ty)) = (made, ty) {
        let [first, second] = names.locals;
        out.push(Expr::set(first, made));
        let other = renamed(g, Expr::get(first, ty), ty);
        out.push(Expr::set(second, other));
    }
    for _ in 0..g.src.range(3, 7) {
        step(g, &place, &names, &mut out);
    }
    out.push(read(g, &place, &names));
    out.extend(ty.map(|ty| Expr::get(names.locals[0], ty)));
    names.locals.into_iter().for_each(|l| g.release(l));
    index.into_iter().for_each(|(local, _)| g.release(local));
    Some(out)
}

/// The same reference, so that a compiler does not see that it is the same.
fn renamed(g: &mut Gen<'_>, object: Expr, ty: Ty) -> Expr {
    let Some(RefTy { heap, .. }) = ty.as_ref() else {
        return object;
    };
    match g.src.below(3) {
        0 => {
            let condition = g.hidden(Expr::i32(1));
            let null = Expr::value(Op::Ref(RefOp::Null(heap)), Vec::new(), ty);
            Expr::value(Op::Select(Some(ty)), vec![object, null, condition], ty)
        }
        1 => {
            let any = Ty::nullable(Heap::Any);
            let hidden = g.hidden(Expr {
                tys: vec![any],
                ..object
            });
            let to = RefTy::nullable(heap);
            Expr::value(Op::Ref(RefOp::Cast(to)), vec![hidden], ty)
        }
        _ => object,
    }
}

fn read(g: &mut Gen<'_>, place: &Place, names: &Names) -> Expr {
    let (object, index) = (names.any(g), names.index(g, place));
    place.read(g, object, index)
}

fn write(g: &mut Gen<'_>, place: &Place, names: &Names) -> Expr {
    let (object, index) = (names.any(g), names.index(g, place));
    let value = g.filled(place.holds());
    place.write(g, object, index, value)
}

fn step(g: &mut Gen<'_>, place: &Place, names: &Names, out: &mut Vec<Expr>) {
    let next = match g.src.below(14) {
        12 | 13 => return in_a_row(g, place, names, out),
        0..=3 => read(g, place, names),
        4..=6 => write(g, place, names),
        7 => {
            // Written on one way only.
            let condition = Expr::i32(g.src.range(0, 1) as i32);
            let condition = g.hidden(condition);
            let (then, label) = (write(g, place, names), g.new_label());
            let other = match g.src.below(2) {
                0 => Vec::new(),
                _ => vec![write(g, place, names)],
            };
            Expr::stmt(Op::If(label, vec![then], other), vec![condition])
        }
        8 => written_in_loop(g, place, names, out),
        9 => {
            let (func, ty) = writer(g, place);
            let args = names.any(g).filter(|_| ty.is_some()).into_iter().collect();
            Expr::stmt(Op::Call(func), args)
        }
        10 => match by_host(g, place) {
            Some(write) => write,
            None => write(g, place, names),
        },
        _ => match bulk(g, place, names) {
            Some(change) => change,
            None => read(g, place, names),
        },
    };
    out.push(next);
    if g.on(Feature::AskGc) && g.src.chance(15) {
        let gc = g.ask_gc();
        out.push(gc);
    }
}

/// Reads by one name, writes by the other, and reads again, with nothing between that calls or
/// allocates.
fn in_a_row(g: &mut Gen<'_>, place: &Place, names: &Names, out: &mut Vec<Expr>) {
    let object = |at: usize| names.ty.map(|ty| Expr::get(names.locals[at], ty));
    let index = || names.index.clone();
    let value = match place.holds() {
        Ty::Ref(r) if matches!(r.heap, Heap::Any | Heap::Eq | Heap::I31) => {
            let number = g.operand(Ty::I32);
            let sure = Ty::non_null(Heap::I31);
            Expr::value(Op::Ref(RefOp::I31), vec![number], sure)
        }
        Ty::Ref(r) if r.null => g.null(r.heap),
        ty => g.filled(ty),
    };
    out.push(place.read(g, object(0), index()));
    out.push(place.write(g, object(1), index(), value));
    out.push(place.read(g, object(0), index()));
}

/// A loop that reads the place before it writes it, and adds the numbers that it reads.
fn written_in_loop(g: &mut Gen<'_>, place: &Place, names: &Names, out: &mut Vec<Expr>) -> Expr {
    let (counter, ty) = (g.temp(Ty::I32), place.holds());
    let seen = matches!(ty, Ty::I32 | Ty::I64).then(|| g.temp(ty));
    out.push(Expr::set(counter, Expr::i32(g.src.range(2, 4) as i32)));
    let label = g.new_label();
    let mut body = Vec::new();
    let value = read(g, place, names);
    body.push(match seen {
        Some(local) => {
            out.push(Expr::set(local, g.smallest(ty)));
            let sum = Expr::get(local, ty);
            let sum = match ty {
                Ty::I64 => calc::add64(value, calc::mul64(sum, Expr::i64(31))),
                _ => calc::add(value, calc::mul(sum, Expr::i32(31))),
            };
            Expr::set(local, sum)
        }
        None => Expr::drop(value),
    });
    body.push(write(g, place, names));
    let less = calc::sub(Expr::get(counter, Ty::I32), Expr::i32(1));
    let again = Expr::tee(counter, Ty::I32, less);
    body.push(Expr::stmt(Op::BrIf(label), vec![again]));
    g.release(counter);
    let whole = Expr::stmt(Op::Loop(label, Vec::new(), body), Vec::new());
    if let Some(local) = seen {
        out.push(whole);
        g.release(local);
        return Expr::get(local, ty);
    }
    whole
}

/// A function that writes the place: the object is its parameter, if there is one.
fn writer(g: &mut Gen<'_>, place: &Place) -> (FuncId, Option<Ty>) {
    let object = place.object();
    let value = match place.holds() {
        ty @ Ty::Ref(_) => g.smallest(ty),
        number => g.boundary(number),
    };
    let index = place.index(g);
    let get = object.map(|ty| Expr::get(LocalId(0), ty));
    let mut body = vec![place.write(g, get, index, value)];
    if g.on(Feature::AskGc) && g.src.chance(30) {
        let gc = g.ask_gc();
        body.push(gc);
    }
    let sig = Sig {
        params: object.into_iter().collect(),
        results: Vec::new(),
    };
    (g.add_helper(&sig, body), object)
}

/// The embedder writes an exported global or table.
fn by_host(g: &mut Gen<'_>, place: &Place) -> Option<Expr> {
    match place {
        Place::Global(_, ty, name) => {
            let value = g.filled(*ty);
            Some(g.host_stmt(&format!("global.set:{name}"), vec![(*ty, value)]))
        }
        Place::Slot(_, ty, Some(name)) => {
            let (index, value) = (place.index(g)?, g.filled(Ty::Ref(ty.elem)));
            let args = vec![(ty.index(), index), (Ty::Ref(ty.elem), value)];
            Some(g.host_stmt(&format!("table.set:{name}"), args))
        }
        Place::Field { .. } | Place::Element { .. } | Place::Slot(_, _, None) => None,
    }
}

/// A bulk operation that covers the place.
fn bulk(g: &mut Gen<'_>, place: &Place, names: &Names) -> Option<Expr> {
    match place {
        Place::Element { id, storage, len } => {
            let all = Expr::i32(*len as i32);
            let (a, b) = (names.any(g)?, names.any(g)?);
            Some(match g.src.below(2) {
                0 => {
                    let value = g.filled(storage.unpacked());
                    let args = vec![a, Expr::i32(0), value, all];
                    Expr::stmt(Op::Array(ArrayOp::Fill(*id)), args)
                }
                _ => {
                    // Moves the elements by one, towards the end or towards the start.
                    let (to, from) = [(0, 1), (1, 0)][g.src.below(2)];
                    let n = Expr::i32(*len as i32 - 1);
                    let args = vec![a, Expr::i32(to), b, Expr::i32(from), n];
                    Expr::stmt(Op::Array(ArrayOp::Copy(*id, *id)), args)
                }
            })
        }
        Place::Slot([id, other], ty, _) => {
            let number = |n: u64| Expr::index(ty.is64, n);
            let value = g.filled(Ty::Ref(ty.elem));
            Some(match g.src.below(2) {
                0 => {
                    let args = vec![number(0), value, number(ty.min)];
                    Expr::stmt(Op::Table(TableOp::Fill(*id)), args)
                }
                _ => {
                    let (to, from) = [(0, 1), (1, 0)][g.src.below(2)];
                    let args = vec![number(to), number(from), number(ty.min - 1)];
                    Expr::stmt(Op::Table(TableOp::Copy(*id, *other)), args)
                }
            })
        }
        Place::Field { .. } | Place::Global(..) => None,
    }
}
