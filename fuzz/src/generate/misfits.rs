//! Modules whose instantiation fails, or nearly does: imports of almost the right type, and active
//! segments that end just behind what they are written to.
//!
//! What fits is not computed here. Tables and memories may have grown before, so some imports match
//! after all.

use super::generator::{Gen, PAGE};
use crate::program::{
    Composite, Data, DataId, Elem, ElemId, Expr, Func, FuncId, Global, GlobalId, Heap, Import,
    MemId, Memory, MemoryOp, Mode, Op, RefTy, Sig, Step, Table, TableId, TableOp, Tag, TagId, Ty,
    TypeId,
};

/// Imports of almost the right type.
impl Gen<'_> {
    /// Adds a module that has nothing but imports from one earlier module.
    pub(super) fn stranger(&mut self, at: u32) {
        self.begin_module(at);
        let from = self.src.below(self.done.len() - usize::from(self.fails));
        let made = (0..3).find_map(|_| match self.src.below(10) {
            0..=2 => self.strange_func(from),
            3 | 4 => self.strange_table(from),
            5 => self.strange_memory(from),
            6 | 7 => self.strange_global(from),
            _ => self.strange_tag(from),
        });
        self.strangers += u32::from(made.is_some());
        if made.is_some() {
            let done = std::mem::take(&mut self.m);
            self.done.push(done);
        }
    }

    fn import(&self, from: usize, name: &str) -> Option<Import> {
        Some(Import {
            module: self.done[from].name.clone(),
            name: name.to_owned(),
        })
    }

    /// A chain of three function types, and a type that is equal to the last one but final.
    fn chain(&mut self, results: Vec<Ty>) -> Vec<TypeId> {
        let params = vec![[Ty::I32, Ty::I64, Ty::nullable(Heap::Any)][self.src.below(3)]];
        let body = Composite::Func(Sig { params, results });
        let mut all = Vec::new();
        for _ in 0..3 {
            let above = all.last().copied();
            all.push(self.add_type(body.clone(), above, false));
        }
        let above = Some(all[1]);
        all.push(self.add_type(body, above, true));
        all
    }

    /// Declares in an earlier module what this type needs.
    fn declare_in(&mut self, from: usize, ty: TypeId) {
        let ours = std::mem::take(&mut self.m);
        self.m = std::mem::take(&mut self.done[from]);
        let visible = self.visible.clone();
        self.require_group(self.group_of(ty));
        self.visible = visible;
        self.done[from] = std::mem::replace(&mut self.m, ours);
    }

    /// Lets the embedder do this in an earlier module before the strangers are instantiated.
    fn run_before(&mut self, from: usize, act: Expr) {
        let ty = self.sig_type(&Sig::default());
        self.declare_in(from, ty);
        let id = FuncId(self.fresh());
        let export = format!("before{}", id.0);
        self.done[from].funcs.push(Func {
            id,
            ty,
            import: None,
            export: Some(export.clone()),
            locals: Vec::new(),
            body: vec![Expr::drop(act)],
        });
        self.before_strangers.push(Step::Invoke {
            module: from,
            export,
            args: Vec::new(),
        });
    }

    /// A function of one type of a chain, imported as one of another.
    fn strange_func(&mut self, from: usize) -> Option<()> {
        let chain = self.chain(Vec::new());
        let (theirs, ours) = (self.src.pick(&chain)?, self.src.pick(&chain)?);
        self.declare_in(from, theirs);
        let (id, export) = (FuncId(self.fresh()), format!("f{}", self.next_id));
        self.done[from].funcs.push(Func {
            id,
            ty: theirs,
            import: None,
            export: Some(export.clone()),
            locals: Vec::new(),
            body: Vec::new(),
        });
        let func = Func {
            id: FuncId(self.fresh()),
            ty: ours,
            import: self.import(from, &export),
            export: None,
            locals: Vec::new(),
            body: Vec::new(),
        };
        self.m.funcs.push(func);
        Some(())
    }

    /// A tag, likewise. Its type must be equal.
    fn strange_tag(&mut self, from: usize) -> Option<()> {
        if self.without.exceptions {
            return None;
        }
        let chain = self.chain(Vec::new());
        let (theirs, ours) = (self.src.pick(&chain)?, self.src.pick(&chain)?);
        self.declare_in(from, theirs);
        let (id, export) = (TagId(self.fresh()), format!("x{}", self.next_id));
        self.done[from].tags.push(Tag {
            id,
            ty: theirs,
            import: None,
            export: Some(export.clone()),
        });
        let tag = Tag {
            id: TagId(self.fresh()),
            ty: ours,
            import: self.import(from, &export),
            export: None,
        };
        self.m.tags.push(tag);
        Some(())
    }

    /// Limits that are a little wider or narrower, as many as 32 bits can count.
    fn strange_limits(&mut self, min: u64, max: Option<u64>) -> (u64, Option<u64>) {
        let min = match self.src.below(5) {
            0 => min + 1,
            1 => min + u64::from(self.src.range(1, 4)),
            2 => min.saturating_sub(1),
            _ => min,
        };
        let max = match (max, self.src.below(4)) {
            (_, 0) => None,
            (Some(max), 1) => Some(max + 1),
            (Some(max), 2) => Some(max.saturating_sub(1)),
            (None, 1) => Some(u64::from(u16::MAX)),
            (max, _) => max,
        };
        (min, max.map(|max| max.max(min)))
    }

    fn strange_table(&mut self, from: usize) -> Option<()> {
        let tables: Vec<usize> = exported(&self.done[from].tables, |t| &t.export);
        let table = self.done[from].tables[self.src.pick(&tables)?].clone();
        let mut ty = table.ty;
        match self.src.below(4) {
            0 => ty.elem = self.strange_ref(ty.elem),
            1 if !self.without.wide_tables && self.src.chance(50) => ty.is64 = !ty.is64,
            _ => (ty.min, ty.max) = self.strange_limits(ty.min, ty.max),
        }
        self.require(Ty::Ref(ty.elem));
        if table.ty.elem.null && self.src.chance(40) {
            let null = self.null(table.ty.elem.heap);
            let by = Expr::index(table.ty.is64, u64::from(self.src.range(1, 3)));
            let op = Op::Table(TableOp::Grow(table.id));
            let grow = Expr::value(op, vec![null, by], table.ty.index());
            self.run_before(from, grow);
        }
        let table = Table {
            id: TableId(self.fresh()),
            ty,
            import: self.import(from, table.export.as_deref()?),
            export: None,
            init: None,
        };
        self.m.tables.push(table);
        Some(())
    }

    fn strange_memory(&mut self, from: usize) -> Option<()> {
        let mems: Vec<usize> = exported(&self.done[from].mems, |m| &m.export);
        let mem = self.done[from].mems[self.src.pick(&mems)?].clone();
        let (min, max) = self.strange_limits(mem.min, mem.max);
        if self.src.chance(40) {
            let op = Op::Memory(MemoryOp::Grow(mem.id));
            let grow = Expr::value(op, vec![Expr::index(mem.is64, 1)], mem.index());
            self.run_before(from, grow);
        }
        let flips = !self.without.wide_memories && self.src.chance(20);
        let mem = Memory {
            id: MemId(self.fresh()),
            min,
            max,
            is64: mem.is64 != flips,
            import: self.import(from, mem.export.as_deref()?),
            export: None,
        };
        self.m.mems.push(mem);
        Some(())
    }

    fn strange_global(&mut self, from: usize) -> Option<()> {
        let globals: Vec<usize> = exported(&self.done[from].globals, |x| &x.export);
        let global = self.done[from].globals[self.src.pick(&globals)?].clone();
        let (mut ty, mut mutable) = (global.ty, global.mutable);
        match ty {
            Ty::Ref(r) if self.src.chance(75) => ty = Ty::Ref(self.strange_ref(r)),
            _ => mutable = !mutable,
        }
        self.require(ty);
        let global = Global {
            id: GlobalId(self.fresh()),
            ty,
            mutable,
            import: self.import(from, global.export.as_deref()?),
            export: None,
            init: None,
        };
        self.m.globals.push(global);
        Some(())
    }

    /// A reference type near this one: the other nullability, a supertype, or a subtype.
    fn strange_ref(&mut self, r: RefTy) -> RefTy {
        let heap = match self.src.below(4) {
            0 => {
                return RefTy { null: !r.null, ..r };
            }
            1 => self.types.top(r.heap),
            2 => self.types.bottom(r.heap),
            _ => match r.heap {
                Heap::Def(id) => match self.types.def(id).supertype {
                    Some(above) => Heap::Def(above),
                    None => self.types.kind(id),
                },
                _ => {
                    let below = self.defs_below(r.heap, |_, _| true);
                    self.src.pick(&below).map_or(r.heap, Heap::Def)
                }
            },
        };
        RefTy { heap, ..r }
    }
}

/// Returns the positions of the exported items, except the counter `fuel`.
fn exported<T>(items: &[T], export: impl Fn(&T) -> &Option<String>) -> Vec<usize> {
    let is_exported = |at: &usize| export(&items[*at]).as_ref().is_some_and(|e| e != "fuel");
    (0..items.len()).filter(is_exported).collect()
}

/// Active segments that do not fit.
impl Gen<'_> {
    /// Adds active segments to the module. Usually at least one of them ends behind its target. The
    /// segments before it are written all the same.
    pub(super) fn add_misfits(&mut self) {
        for _ in 0..self.src.range(1, 3) {
            let fits = self.src.chance(40);
            if self.src.chance(50) {
                self.active_elem(fits);
            } else {
                self.active_data(fits);
            }
        }
    }

    /// Offset and length in something of that size.
    fn extent(&mut self, size: u64, most: u64, fits: bool) -> (u64, u64) {
        let n = u64::from(self.src.range(0, 3)).min(most);
        let last = size.saturating_sub(n);
        if fits && n <= size {
            let at = [0, last, last / 2][self.src.below(3)];
            return (at, n);
        }
        match self.src.below(5) {
            0 => (size + 1, 0),
            1 => (1 << 31, n),
            2 => (u64::from(u32::MAX), n),
            // What may have grown has not grown this much.
            3 => (size + 100 * PAGE, n),
            _ => (last + 1, n),
        }
    }

    fn active_elem(&mut self, fits: bool) {
        let tables: Vec<(TableId, crate::program::TableTy)> =
            self.m.tables.iter().map(|t| (t.id, t.ty)).collect();
        let Some((table, ty)) = self.src.pick(&tables) else {
            return;
        };
        let (at, n) = self.extent(ty.min, 3, fits);
        let items = (0..n).map(|_| self.const_expr(Ty::Ref(ty.elem))).collect();
        let id = ElemId(self.fresh());
        let elem = Elem {
            id,
            mode: Mode::Active(table, Expr::index(ty.is64, at)),
            ty: ty.elem,
            items,
        };
        let before = self.src.below(self.m.elems.len() + 1);
        self.m.elems.insert(before, elem);
    }

    fn active_data(&mut self, fits: bool) {
        let mems: Vec<(MemId, u64, bool)> = self
            .m
            .mems
            .iter()
            .map(|m| (m.id, m.min * PAGE, m.is64))
            .collect();
        let Some((mem, size, is64)) = self.src.pick(&mems) else {
            return;
        };
        let (at, n) = self.extent(size, 3, fits);
        let id = DataId(self.fresh());
        let data = Data {
            id,
            mode: Mode::Active(mem, Expr::index(is64, at)),
            bytes: (0..n).map(|_| self.src.range(1, 255) as u8).collect(),
        };
        let before = self.src.below(self.m.datas.len() + 1);
        self.m.datas.insert(before, data);
    }
}
