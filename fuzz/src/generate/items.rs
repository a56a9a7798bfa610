//! Everything in a module except bodies: imports from earlier modules, tags, functions, globals,
//! tables, segments, memories.
//!
//! Order matters: a constant expression may mention any function, and the globals before it.

use super::generator::{BodyKind, Gen};
use super::swarm::Feature;
use crate::program::{
    Data, DataId, Elem, ElemId, Expr, Func, FuncId, Global, GlobalId, Heap, Import, MemId, Memory,
    Mode, Op, RefOp, RefTy, Sig, Table, TableId, TableTy, Tag, TagId, Ty, TypeId,
};

impl Gen<'_> {
    /// Fills the current module with everything but bodies.
    pub(super) fn items(&mut self) {
        if !self.done.is_empty() {
            self.imports();
        }
        self.add_fuel();
        if self.on(Feature::Exceptions) {
            for _ in 0..self.src.range(1, 3) {
                let n = self.src.below(4);
                let params = (0..n).map(|_| self.any_type()).collect();
                self.add_tag(params);
            }
        }
        self.add_functions();
        self.add_globals();
        if self.on(Feature::Tables) {
            self.add_tables();
        }
        if self.on(Feature::CallIndirect) {
            self.add_fixed_table();
        }
        if self.on(Feature::Memory) {
            self.add_memory();
            if self.src.chance(10) {
                self.add_memory();
            }
        }
        if self.on(Feature::Memory) || self.on(Feature::ArraySegments) {
            self.add_datas();
        }
        if self.on(Feature::Elements)
            || self.on(Feature::TableInit)
            || self.on(Feature::ArraySegments)
        {
            self.add_elems();
        }
        if self.kept {
            self.add_kept();
        }
        // While the start function runs, the embedder has no instance yet on which it could
        // operate.
        let host = [
            Feature::HostTables,
            Feature::HostGlobals,
            Feature::HostCalls,
        ];
        if !host.iter().any(|&f| self.on(f)) && self.src.chance(20) {
            let ty = self.sig_type(&Sig::default());
            self.m.start = Some(self.declare_func(ty, BodyKind::General));
        }
    }

    /// Adds the counter. The first module defines and exports it, the others import it.
    fn add_fuel(&mut self) {
        let id = GlobalId(self.fresh());
        let first = self.done.is_empty();
        self.m.globals.push(Global {
            id,
            ty: Ty::I32,
            mutable: true,
            import: (!first).then(|| Import {
                module: "m0".to_owned(),
                name: "fuel".to_owned(),
            }),
            export: first.then(|| "fuel".to_owned()),
            init: first.then(|| Expr::i32(40)),
        });
        self.fuel = id;
    }

    /// Adds a tag that carries `params`.
    pub(super) fn add_tag(&mut self, params: Vec<Ty>) -> (TagId, TypeId) {
        let ty = self.sig_type(&Sig {
            params,
            results: Vec::new(),
        });
        let id = TagId(self.fresh());
        self.m.tags.push(Tag {
            id,
            ty,
            import: None,
            export: Some(format!("x{}", id.0)),
        });
        (id, ty)
    }

    fn add_functions(&mut self) {
        let most = if self.kept { 1 } else { 3 };
        for _ in 0..self.src.range(1, most) {
            let ty = self.some_func_type();
            self.declare_func(ty, BodyKind::General);
        }
        let entries = match self.kept {
            true => u32::from(self.src.chance(50)),
            false => self.src.range(1, 2),
        };
        for _ in 0..entries {
            let params = (0..self.src.below(3)).map(|_| self.entry_param()).collect();
            let results = (0..self.src.range(0, 2)).map(|_| self.any_type()).collect();
            let ty = self.sig_type(&Sig { params, results });
            self.declare_func(ty, BodyKind::Entry);
        }
    }

    /// A visible function type, or a plain one made of favourite types.
    fn some_func_type(&mut self) -> TypeId {
        let known = self.defs_below(Heap::Func, |_, _| true);
        if self.src.chance(60)
            && let Some(id) = self.src.pick(&known)
        {
            return id;
        }
        let most = if self.on(Feature::MultiValue) { 3 } else { 1 };
        let params = (0..self.src.below(3)).map(|_| self.any_type()).collect();
        let results = (0..self.src.range(0, most))
            .map(|_| self.any_type())
            .collect();
        self.sig_type(&Sig { params, results })
    }

    /// Draws a type of which the embedder can make a value.
    fn entry_param(&mut self) -> Ty {
        match self.src.below(6) {
            0 | 1 => Ty::I32,
            2 => Ty::I64,
            3 if self.on(Feature::HostObjects) => Ty::nullable(Heap::Extern),
            3 if self.on(Feature::Floats) => Ty::F64,
            4 => Ty::nullable(Heap::Any),
            _ => match self.any_type() {
                Ty::Ref(r) => Ty::nullable(r.heap),
                number => number,
            },
        }
    }

    fn add_globals(&mut self) {
        let n = if self.on(Feature::Globals) {
            self.src.range(2, 5)
        } else {
            1
        };
        for _ in 0..n {
            let ty = self.any_type();
            let init = self.const_expr(ty);
            let id = GlobalId(self.fresh());
            self.m.globals.push(Global {
                id,
                ty,
                mutable: self.src.chance(70),
                import: None,
                export: self.src.chance(85).then(|| format!("g{}", id.0)),
                init: Some(init),
            });
        }
    }

    fn add_tables(&mut self) {
        for _ in 0..self.src.range(1, 3) {
            let elem = self.any_ref_type();
            let min = match self.src.below(10) {
                0 => 0,
                1 => self.src.range(12, 40),
                _ => self.src.range(2, 8),
            };
            let max = self
                .src
                .chance(60)
                .then(|| u64::from(min + self.src.range(0, 4)));
            let is64 = self.on(Feature::Table64) && self.src.chance(50);
            self.only_imports = true;
            let init = if !elem.null || (self.on(Feature::ConstAllocation) && self.src.chance(30)) {
                Some(self.const_expr(Ty::Ref(elem)))
            } else {
                None
            };
            self.only_imports = false;
            self.add_table(
                TableTy {
                    elem,
                    min: u64::from(min),
                    max,
                    is64,
                },
                init,
            );
        }
    }

    fn add_table(&mut self, ty: TableTy, init: Option<Expr>) -> TableId {
        let id = TableId(self.fresh());
        self.m.tables.push(Table {
            id,
            ty,
            import: None,
            export: Some(format!("t{}", id.0)),
            init,
        });
        id
    }

    /// A table of functions that keeps its contents, filled by an active segment.
    fn add_fixed_table(&mut self) {
        let funcs: Vec<FuncId> = self
            .m
            .funcs
            .iter()
            .filter(|f| !self.entries.contains(&f.id))
            .map(|f| f.id)
            .collect();
        let min = funcs.len() as u64 + 1;
        let elem = RefTy::nullable(Heap::Func);
        let id = self.add_table(
            TableTy {
                elem,
                min,
                max: Some(min),
                is64: false,
            },
            None,
        );
        self.fixed_tables.push(id);
        self.slots
            .extend(funcs.iter().zip(0..).map(|(&f, at)| (id, at, f)));
        let items = funcs
            .iter()
            .map(|&f| {
                Expr::value(
                    Op::Ref(RefOp::Func(f)),
                    Vec::new(),
                    Ty::non_null(Heap::Func),
                )
            })
            .collect();
        let segment = ElemId(self.fresh());
        self.m.elems.push(Elem {
            id: segment,
            mode: Mode::Active(id, Expr::i32(0)),
            ty: elem,
            items,
        });
    }

    /// Adds a memory of one to three pages that can grow by one.
    pub(super) fn add_memory(&mut self) {
        if self.without.more_memories && !self.m.mems.is_empty() {
            return;
        }
        let id = MemId(self.fresh());
        let min = [1, 1, 1, 2, 3][self.src.below(5)];
        self.m.mems.push(Memory {
            id,
            min,
            max: Some(min + 1),
            is64: self.src.chance(20) && !self.without.wide_memories,
            import: None,
            export: Some(format!("mem{}", id.0)),
        });
    }

    fn add_datas(&mut self) {
        for _ in 0..self.src.range(1, 2) {
            let id = DataId(self.fresh());
            let n = self.src.range(0, 24);
            let bytes: Vec<u8> = (0..n).map(|_| self.src.below(256) as u8).collect();
            let mems: Vec<_> = self.m.mems.iter().map(|m| (m.id, m.is64)).collect();
            let mem = self.src.pick(&mems);
            let mode = match mem {
                Some((mem, is64)) if self.src.chance(30) => {
                    let offset = self.const_offset(is64, 300, bytes.len() as u64);
                    Mode::Active(mem, offset)
                }
                _ => Mode::Passive,
            };
            self.m.datas.push(Data { id, mode, bytes });
        }
    }

    fn add_elems(&mut self) {
        for _ in 0..self.src.range(1, 3) {
            let tables: Vec<(TableId, TableTy)> = self
                .m
                .tables
                .iter()
                .filter(|t| !self.fixed_tables.contains(&t.id))
                .map(|t| (t.id, t.ty))
                .collect();
            let table = self.src.pick(&tables);
            let ty = match table {
                Some((_, ty)) if self.src.chance(75) => ty.elem,
                _ => self.any_ref_type(),
            };
            let n = self.src.range(0, 5);
            let items: Vec<Expr> = (0..n).map(|_| self.const_expr(Ty::Ref(ty))).collect();
            let mode = match (self.src.below(8), table) {
                (0, _) => Mode::Declared,
                (1 | 2, Some((id, t)))
                    if t.min >= u64::from(n) && self.types.ref_matches(ty, t.elem) =>
                {
                    Mode::Active(id, self.const_offset(t.is64, t.min, u64::from(n)))
                }
                _ => Mode::Passive,
            };
            let id = ElemId(self.fresh());
            self.m.elems.push(Elem {
                id,
                mode,
                ty,
                items,
            });
        }
    }

    // ---- imports from earlier modules

    fn imports(&mut self) {
        let from = self.src.below(self.done.len());
        let name = self.done[from].name.clone();
        let import = |export: &String| Import {
            module: name.clone(),
            name: export.clone(),
        };
        let earlier = self.done[from].clone();
        for f in earlier.funcs.iter().filter(|f| f.import.is_none()) {
            // The entries of earlier modules set the counter. Their exports begin with `e`.
            let Some(export) = f.export.as_ref().filter(|e| e.starts_with('f')) else {
                continue;
            };
            if self.src.chance(60) {
                self.import_func(f, import(export));
            }
        }
        for t in &earlier.tables {
            let fixed = t.ty.elem.heap == Heap::Func && t.ty.max == Some(t.ty.min);
            if let Some(export) = &t.export
                && !fixed
                && self.src.chance(60)
            {
                self.import_table(t, import(export));
            }
        }
        for mem in &earlier.mems {
            if let Some(export) = &mem.export
                && (self.m.mems.is_empty() || !self.without.more_memories)
                && self.src.chance(60)
            {
                let id = MemId(self.fresh());
                self.m.mems.push(Memory {
                    id,
                    import: Some(import(export)),
                    // It is observed where it comes from.
                    export: None,
                    ..mem.clone()
                });
            }
        }
        for x in &earlier.globals {
            if let Some(export) = x.export.as_ref().filter(|e| *e != "fuel")
                && self.src.chance(50)
            {
                self.import_global(x, import(export));
            }
        }
        for tag in &earlier.tags {
            if let Some(export) = &tag.export
                && self.src.chance(70)
            {
                self.require_group(self.group_of(tag.ty));
                let id = TagId(self.fresh());
                self.m.tags.push(Tag {
                    id,
                    ty: tag.ty,
                    import: Some(import(export)),
                    export: None,
                });
            }
        }
    }

    /// Imports a function, sometimes under a supertype of its type.
    fn import_func(&mut self, f: &Func, import: Import) {
        let mut ty = f.ty;
        while let Some(up) = self.types.def(ty).supertype
            && self.src.chance(35)
        {
            ty = up;
        }
        self.require_group(self.group_of(ty));
        let id = FuncId(self.fresh());
        self.m.funcs.push(Func {
            id,
            ty,
            import: Some(import),
            export: None,
            locals: Vec::new(),
            body: Vec::new(),
        });
    }

    fn import_table(&mut self, t: &Table, import: Import) {
        self.require(Ty::Ref(t.ty.elem));
        let id = TableId(self.fresh());
        self.m.tables.push(Table {
            id,
            ty: t.ty,
            import: Some(import),
            export: Some(format!("t{}", id.0)),
            init: None,
        });
    }

    /// Imports a global. Sometimes imports an immutable one under a wider type.
    fn import_global(&mut self, x: &Global, import: Import) {
        let mut ty = x.ty;
        if let Ty::Ref(r) = ty
            && !x.mutable
            && self.src.chance(40)
        {
            ty = match r.heap {
                Heap::Def(id) if self.src.chance(50) => Ty::nullable(self.types.kind(id)),
                heap => Ty::nullable(self.types.top(heap)),
            };
        }
        self.require(ty);
        let id = GlobalId(self.fresh());
        self.m.globals.push(Global {
            id,
            ty,
            mutable: x.mutable,
            import: Some(import),
            export: self.src.chance(70).then(|| format!("g{}", id.0)),
            init: None,
        });
    }
}
