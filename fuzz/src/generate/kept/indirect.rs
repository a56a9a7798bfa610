//! Functions by their types: a chain of function types, functions of each, a stranger whose type
//! differs in one bit, and all of them called, tested and cast through tables and references of the
//! supertype.

use crate::generate::generator::Gen;
use crate::program::{
    Composite, Elem, ElemId, Expr, Func, FuncId, Heap, LocalId, Mode, Op, RefOp, RefTy, Sig, Table,
    TableId, TableOp, TableTy, Ty, TypeId,
};

/// Functions in a table, with the chain of their types, widest first.
struct Family {
    chain: Vec<TypeId>,
    sig: Sig,
    table: TableId,
    is64: bool,
    /// Which type of the chain each function has; `None` for a stranger or null.
    slots: Vec<Option<usize>>,
}

/// Makes the types, the functions and the table.
fn family(g: &mut Gen<'_>) -> Family {
    let params: Vec<Ty> = (0..g.src.range(0, 2)).map(|_| Ty::I64).collect();
    let narrower = [
        Ty::nullable(Heap::Any),
        Ty::nullable(Heap::Eq),
        Ty::nullable(Heap::I31),
        Ty::non_null(Heap::I31),
    ];
    let sig = |at: usize, narrows: bool| Sig {
        params: params.clone(),
        results: vec![Ty::I32, narrower[if narrows { at.min(3) } else { 0 }]],
    };
    let narrows = g.src.chance(50);
    let depth = g.src.range(2, 4) as usize;
    let (mut chain, mut above) = (Vec::new(), None);
    for at in 0..depth {
        let is_final = at + 1 == depth && g.src.chance(50);
        let id = g.add_type(Composite::Func(sig(at, narrows)), above, is_final);
        chain.push(id);
        above = Some(id);
    }
    // The same as the first, but final.
    let stranger = g.add_type(Composite::Func(sig(0, false)), None, true);
    let of_chain = g.src.chance(50);
    let mut slots = Vec::new();
    let mut items = Vec::new();
    for number in 0..g.src.range(2, 5) {
        let at = g.src.below(depth + 1);
        let (ty, slot) = match chain.get(at) {
            Some(&ty) => (ty, Some(at)),
            None if of_chain => (chain[depth - 1], Some(depth - 1)),
            None => (stranger, None),
        };
        let func = numbered(g, ty, number);
        slots.push(slot);
        items.push(Expr::value(
            Op::Ref(RefOp::Func(func)),
            Vec::new(),
            Ty::non_null(Heap::Def(ty)),
        ));
    }
    let elem = RefTy::nullable(match of_chain {
        true => Heap::Def(chain[0]),
        false => Heap::Func,
    });
    let is64 = g.src.chance(20) && !g.without.wide_tables;
    let table = table_with(g, elem, is64, items);
    // One more element, which is null.
    slots.push(None);
    Family {
        sig: sig(0, narrows),
        chain,
        table,
        is64,
        slots,
    }
}

/// A function of this type that returns a number and an i31 to tell it by.
fn numbered(g: &mut Gen<'_>, ty: TypeId, number: u32) -> FuncId {
    let id = FuncId(g.fresh());
    let i31 = Expr::value(
        Op::Ref(RefOp::I31),
        vec![Expr::i32(-1 - number as i32)],
        Ty::non_null(Heap::I31),
    );
    g.m.funcs.push(Func {
        id,
        ty,
        import: None,
        export: None,
        locals: Vec::new(),
        body: vec![Expr::i32(1000 + number as i32), i31],
    });
    id
}

fn table_with(g: &mut Gen<'_>, elem: RefTy, is64: bool, items: Vec<Expr>) -> TableId {
    let min = items.len() as u64 + 1;
    let id = TableId(g.fresh());
    let exact = g.src.chance(50);
    g.m.tables.push(Table {
        id,
        ty: TableTy {
            elem,
            min,
            max: exact.then_some(min),
            is64,
        },
        import: None,
        export: None,
        init: None,
    });
    g.fixed_tables.push(id);
    let offset = Expr::index(is64, 0);
    let segment = ElemId(g.fresh());
    g.m.elems.push(Elem {
        id: segment,
        mode: Mode::Active(id, offset),
        ty: elem,
        items,
    });
    id
}

impl Family {
    fn index(&self, g: &mut Gen<'_>, at: usize) -> Expr {
        g.hidden(Expr::index(self.is64, at as u64))
    }

    fn element(&self, g: &mut Gen<'_>, at: usize) -> Expr {
        let index = self.index(g, at);
        let top = Ty::nullable(Heap::Func);
        Expr::value(Op::Table(TableOp::Get(self.table)), vec![index], top)
    }

    fn call(&self, g: &mut Gen<'_>, at: usize, asked: usize) -> Expr {
        let mut args: Vec<Expr> = self.sig.params.iter().map(|&ty| g.filled(ty)).collect();
        let results = g.types.sig(self.chain[asked]).cloned().unwrap_or_default();
        let op = match g.src.below(4) {
            1 => {
                args.push(self.index(g, at));
                Op::Call(self.tail_call(g, asked, &results.results))
            }
            0 => {
                let ty = Heap::Def(self.chain[asked]);
                let func = self.element(g, at);
                let to = RefTy::nullable(ty);
                args.push(Expr::value(
                    Op::Ref(RefOp::Cast(to)),
                    vec![func],
                    Ty::Ref(to),
                ));
                Op::CallRef(self.chain[asked])
            }
            _ => {
                let index = self.index(g, at);
                args.push(index);
                Op::CallIndirect(self.table, self.chain[asked])
            }
        };
        Expr::many(op, args, results.results)
    }
}

impl Family {
    /// A function that passes its parameters on by a tail call to the element at its last one.
    fn tail_call(&self, g: &mut Gen<'_>, asked: usize, results: &[Ty]) -> FuncId {
        let index = if self.is64 { Ty::I64 } else { Ty::I32 };
        let mut params = self.sig.params.clone();
        params.push(index);
        let locals = (0..).zip(&params);
        let args = locals.map(|(at, &ty)| Expr::get(LocalId(at), ty)).collect();
        let op = Op::ReturnCallIndirect(self.table, self.chain[asked]);
        let sig = Sig {
            params,
            results: results.to_vec(),
        };
        g.add_helper(&sig, vec![Expr::stmt(op, args)])
    }
}

/// Calls by every type that a function has, and what tests say of the others.
pub(super) fn indirect(g: &mut Gen<'_>) -> Option<Vec<Expr>> {
    let family = family(g);
    let mut out = Vec::new();
    for at in 0..family.slots.len() {
        if let Some(depth) = family.slots[at] {
            let asked = g.src.below(depth + 1);
            out.push(family.call(g, at, asked));
        }
        let asked = g.src.below(family.chain.len());
        let to = RefTy {
            null: g.src.chance(30),
            heap: Heap::Def(family.chain[asked]),
        };
        let func = family.element(g, at);
        out.push(Expr::value(Op::Ref(RefOp::Test(to)), vec![func], Ty::I32));
    }
    Some(out)
}

/// A call by any type of the chain, of any element: of a supertype, a stranger, or null.
pub(super) fn wrong(g: &mut Gen<'_>) -> Option<Vec<Expr>> {
    let family = family(g);
    let at = g.src.below(family.slots.len());
    let asked = g.src.below(family.chain.len());
    Some(vec![family.call(g, at, asked)])
}
