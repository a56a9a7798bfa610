//! Programs in which every value that an operation produces is kept and compared as it is.
//!
//! A function of this kind takes numbers and consists of small pieces. Each piece runs one kind of
//! operation on boundary values and leaves everything that it computes on the operand stack.
//! Nothing is masked, guarded or dropped. Indices and lengths are known while the program is made,
//! so the pieces do not trap. A piece that may trap has a function of its own.
//!
//! Reading order: `operands`, `numbers`, `objects`, `casts`, `memories`, `sizes`, `tables`,
//! `calls`, `deep`, `places`, `over`, `indirect`, `rows`, `high`, `traps`, `twins`.

mod calls;
mod casts;
mod deep;
mod high;
mod indirect;
mod memories;
mod numbers;
mod objects;
mod operands;
mod over;
mod places;
mod rows;
mod sizes;
mod tables;
mod traps;
mod twins;

use super::generator::{BodyKind, Gen};
use super::swarm::Feature;
use crate::program::{
    Composite, Data, DataId, Expr, Field, FuncId, Global, GlobalId, Heap, Mode, Op, Sig, Storage,
    Ty, TypeDef, TypeId,
};

/// Makes a piece, which leaves its results on the operand stack. Returns `None` if the module has
/// nothing suitable.
type Piece = fn(&mut Gen<'_>) -> Option<Vec<Expr>>;

/// Pieces that do not trap, with their weights, and names for `survey`.
const PIECES: &[(u32, &str, Piece)] = &[
    (34, "numbers: number", numbers::number),
    (8, "numbers: i31", numbers::i31),
    (4, "numbers: branches", numbers::branches),
    (4, "numbers: selects", numbers::selects),
    (3, "numbers: loops", numbers::loops),
    (12, "objects: structs", objects::structs),
    (26, "objects: arrays", objects::arrays),
    (14, "casts: tests", casts::tests),
    (3, "casts: identity", casts::identity),
    (6, "casts: nulls", casts::nulls),
    (14, "memories: accesses", memories::accesses),
    (8, "memories: bulk", memories::bulk),
    (7, "memories: growth", memories::growth),
    (5, "memories: between", memories::between),
    (14, "tables: tables", tables::tables),
    (14, "calls: calls", calls::calls),
    (7, "calls: exceptions", calls::exceptions),
    (4, "deep: shallow", deep::shallow),
    (14, "places: places", places::places),
    (7, "over: handlers", over::handlers),
    (4, "over: exception cycles", over::exception_cycles),
    (9, "over: host results", over::host_results),
    (8, "indirect: indirect", indirect::indirect),
    (3, "sizes: sizes", sizes::sizes),
    (3, "rows: rows", rows::rows),
    (5, "high: empty", high::empty),
    (10, "twins: foreign", twins::foreign),
];

/// Pieces that may trap.
const TRAPPING: &[(u32, &str, Piece)] = &[
    (14, "numbers: hazard", numbers::hazard),
    (12, "objects: array outside", objects::array_outside),
    (8, "casts: cast", casts::cast),
    (8, "memories: outside", memories::outside),
    (4, "memories: dropped", memories::dropped),
    (8, "tables: outside", tables::outside),
    (5, "calls: wrong call", calls::wrong_call),
    (5, "deep: limit", deep::limit),
    (5, "indirect: wrong", indirect::wrong),
    (3, "over: released handle", over::released_handle),
    (8, "high: beyond", high::beyond),
    (12, "traps: null", traps::null),
    (4, "traps: too large", traps::too_large),
];

/// If a function has at least this many results, the next piece goes to another function.
const RESULTS_MAX: usize = 48;

impl Gen<'_> {
    /// Adds what the pieces need: globals that keep numbers, types of arrays and structs, a memory,
    /// and segments. Declares the functions of the pieces.
    pub(super) fn add_kept(&mut self) {
        for ty in [
            Ty::I32,
            Ty::I64,
            Ty::F32,
            Ty::F64,
            Ty::V128,
            Ty::nullable(Heap::Any),
        ] {
            self.add_sink(ty, true);
            self.add_sink(ty, false);
        }
        for _ in 0..self.src.range(1, 3) {
            self.add_array_type();
        }
        for _ in 0..self.src.range(1, 2) {
            self.add_struct_types();
        }
        while self.m.mems.len() < 2 && self.src.chance([50, 30][self.m.mems.len()]) {
            let before = self.m.mems.len();
            self.add_memory();
            if self.m.mems.len() == before {
                break;
            }
        }
        for _ in 0..2 {
            let id = DataId(self.fresh());
            let n = self.src.range(7, 40);
            let bytes = (0..n).map(|_| self.src.below(256) as u8).collect();
            self.m.datas.push(Data {
                id,
                mode: Mode::Passive,
                bytes,
            });
        }
        // Pieces drop these before they use them.
        let last = self.m.datas.last().map(|d| d.id);
        self.dropped_datas = last.filter(|_| self.src.chance(50)).into_iter().collect();
        let last = self.m.elems.last().map(|e| e.id);
        self.dropped_elems = last.filter(|_| self.src.chance(30)).into_iter().collect();
        for _ in 0..self.src.range(2, 3) {
            self.declare_kept(BodyKind::Kept);
        }
        for _ in 0..self.src.range(0, 3) {
            self.declare_kept(BodyKind::Trapping);
        }
    }

    fn declare_kept(&mut self, kind: BodyKind) {
        let params = (0..self.src.range(0, 4))
            .map(|_| {
                [
                    Ty::I32,
                    Ty::I64,
                    Ty::F32,
                    Ty::F64,
                    Ty::V128,
                    Ty::nullable(Heap::Extern),
                ][self.src.below(6)]
            })
            .collect();
        // The results are known when the body is.
        let ty = self.sig_type(&Sig {
            params,
            results: Vec::new(),
        });
        self.declare_func(ty, kind);
    }

    fn add_sink(&mut self, ty: Ty, exported: bool) {
        let id = GlobalId(self.fresh());
        let init = match ty {
            Ty::Ref(r) => self.null(r.heap),
            number => operands::edge(&mut self.src, number),
        };
        self.m.globals.push(Global {
            id,
            ty,
            mutable: true,
            import: None,
            export: exported.then(|| format!("g{}", id.0)),
            init: Some(init),
        });
    }

    /// A storage of any width.
    pub(super) fn storage(&mut self) -> Storage {
        match self.src.below(10) {
            0 => Storage::I8,
            1 | 2 => Storage::I16,
            3 => Storage::Val(Ty::I32),
            4 => Storage::Val(Ty::I64),
            5 => Storage::Val(Ty::F32),
            6 => Storage::Val(Ty::F64),
            7 => Storage::Val(Ty::V128),
            8 => Storage::Val(Ty::nullable(Heap::Any)),
            _ => Storage::Val(Ty::nullable(
                [Heap::Eq, Heap::I31, Heap::Func, Heap::Extern][self.src.below(4)],
            )),
        }
    }

    pub(super) fn add_type(
        &mut self,
        body: Composite,
        supertype: Option<TypeId>,
        is_final: bool,
    ) -> TypeId {
        let id = TypeId(self.types.defs.len() as u32);
        self.types.defs.push(TypeDef {
            body,
            is_final,
            supertype,
            canon: id,
        });
        self.types.groups.push(vec![id]);
        let group = self.types.groups.len() - 1;
        self.require_group(group);
        id
    }

    fn add_array_type(&mut self) {
        let field = Field {
            storage: self.storage(),
            mutable: self.src.chance(85),
        };
        let is_final = self.src.chance(50);
        self.add_type(Composite::Array(field), None, is_final);
    }

    /// A chain of structs, each with more fields than the one before. Usually it is short.
    /// Sometimes it is deep, and sometimes it is one wide struct.
    fn add_struct_types(&mut self) {
        let (types, fields) = match self.src.below(12) {
            0 => (self.src.range(8, 20), 1),
            1 => (1, [17, 33, 65][self.src.below(3)]),
            _ => (self.src.range(1, 3), self.src.range(2, 5)),
        };
        let (mut all, mut above) = (Vec::new(), None);
        for at in 0..types {
            for _ in 0..fields {
                all.push(Field {
                    storage: self.storage(),
                    mutable: self.src.chance(75),
                });
            }
            let is_final = at + 1 == types && self.src.chance(50);
            above = Some(self.add_type(Composite::Struct(all.clone()), above, is_final));
        }
    }

    /// Writes a function of pieces. Its type has the results that the pieces left.
    pub(super) fn write_kept(&mut self, id: FuncId, kind: BodyKind, params: Vec<Ty>) -> Vec<Expr> {
        let mut body = vec![Expr::stmt(Op::GlobalSet(self.fuel), vec![Expr::i32(25)])];
        let mut results: Vec<Ty> = Vec::new();
        let (pieces, n) = match kind {
            BodyKind::Trapping => (TRAPPING, 1),
            _ => (PIECES, self.size.pick(self.src.range(2, 6), 12)),
        };
        let weights: Vec<u32> = pieces.iter().map(|&(weight, ..)| weight).collect();
        for _ in 0..n {
            let made = (0..3).find_map(|_| {
                let (_, kind, make) = pieces[self.src.weighted(&weights)];
                Some((kind, make(self)?))
            });
            let Some((kind, made)) = made else {
                continue;
            };
            self.kinds.push((id, kind));
            for e in made {
                self.keep(e, &mut body, &mut results);
            }
            if self.on(Feature::AskGc) && self.src.chance(25) {
                body.push(self.ask_gc());
            }
        }
        let ty = self.sig_type(&Sig { params, results });
        if let Some(func) = self.m.funcs.iter_mut().find(|f| f.id == id) {
            func.ty = ty;
        }
        body
    }

    /// Leaves a value on the stack as a result, or adds it to the global that keeps its type.
    fn keep(&mut self, e: Expr, body: &mut Vec<Expr>, results: &mut Vec<Ty>) {
        let full = results.len() + e.tys.len() > RESULTS_MAX;
        if let &[ty] = e.tys.as_slice()
            && let Some(global) = self.sink(ty)
            && (full || self.src.chance(25))
        {
            body.extend(self.absorbed(global, e));
            return;
        }
        if full {
            body.push(self.discard(e));
            return;
        }
        results.extend(&e.tys);
        body.push(e);
    }
}
