//! The state of the program that is being made, and what all parts of the generator share.

use super::drawer::Drawer;
use super::function::Body;
use super::source::Source;
use super::swarm::{Feature, Swarm, Without};
use super::types;
use crate::program::{
    DataId, ElemId, Expr, FuncId, GlobalId, Heap, Module, Op, RefTy, Sig, Step, TableId, Ty,
    TypeId, Universe,
};

/// Bytes of a page of memory.
pub(super) const PAGE: u64 = 65_536;

/// The size of a program. Most faults show in a few instructions, and small programs run several
/// times as fast. Some faults need many functions, statements and references at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Size {
    /// A few statements in each of a few functions.
    Small,
    /// Several times as much.
    Large,
}

impl Size {
    /// `small` or `large`.
    pub(super) fn pick<T>(self, small: T, large: T) -> T {
        match self {
            Size::Small => small,
            Size::Large => large,
        }
    }
}

/// The program being made.
pub(super) struct Gen<'s> {
    pub src: Source<'s>,
    pub swarm: Swarm,
    pub without: Without,
    pub size: Size,
    pub types: Universe,
    pub drawer: Drawer,
    /// See [`Program::held`].
    pub held: bool,
    /// Whether its functions keep everything that they compute: see the module `kept`.
    pub kept: bool,
    /// What its functions of the kept kind do, by the names of pieces.
    pub kinds: Vec<(FuncId, &'static str)>,
    /// Whether the last module but for the strangers fails when it is instantiated.
    pub fails: bool,
    /// How many modules at the end have nothing but imports, which may not match.
    pub strangers: u32,
    /// What the embedder does before it instantiates them.
    pub before_strangers: Vec<Step>,
    /// Passive segments that are dropped before each use.
    pub dropped_datas: Vec<DataId>,
    /// Likewise.
    pub dropped_elems: Vec<ElemId>,
    /// Finished modules.
    pub done: Vec<Module>,
    /// The module being made.
    pub m: Module,
    /// The definitions it declares.
    pub visible: Vec<TypeId>,
    /// Types that its locals, globals, tables and signatures prefer, so that values can flow
    /// between them.
    pub favourites: Vec<Ty>,
    pub next_id: u32,
    /// Declared functions without a body yet, and the kind of body that each gets.
    pub unwritten: Vec<(FuncId, BodyKind)>,
    /// Functions that only the embedder calls. They set the counter.
    pub entries: Vec<FuncId>,
    /// Tables that instructions do not write, for indirect calls.
    pub fixed_tables: Vec<TableId>,
    /// Known contents of fixed tables.
    pub slots: Vec<(TableId, u32, FuncId)>,
    /// Whether constant expressions may mention imported globals only. Those in the table section
    /// may, because the global section comes after it.
    pub only_imports: bool,
    /// The counter.
    pub fuel: GlobalId,
    /// Functions that take one reference and do nothing. In the `held` kind, a call of one is a
    /// use.
    pub users: Vec<(Heap, FuncId)>,
    /// The function being written.
    pub f: Body,
}

/// What sort of body a declared function gets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum BodyKind {
    /// Called by the embedder only.
    Entry,
    /// Anything.
    General,
    /// Only the embedder calls it. All its values are results.
    Kept,
    /// Likewise, and may trap.
    Trapping,
    /// Returns the smallest results and does nothing else.
    Stub,
}

impl Gen<'_> {
    /// A number no other item of the program has.
    pub(super) fn fresh(&mut self) -> u32 {
        self.next_id += 1;
        self.next_id
    }

    /// Begins a module without anything in it.
    pub(super) fn begin_module(&mut self, at: u32) {
        self.m = Module {
            name: format!("m{at}"),
            ..Module::default()
        };
        self.visible.clear();
        self.fixed_tables.clear();
        self.slots.clear();
        self.users.clear();
        self.dropped_datas.clear();
        self.dropped_elems.clear();
    }

    /// Makes module number `at` and moves it to `done`. If it `fails`, its active segments do not
    /// fit or its start function traps at its end. Nothing in it is called from outside.
    pub(super) fn module(&mut self, at: u32, fails: bool) {
        self.begin_module(at);
        self.declare_types();
        self.items();
        if fails && self.src.chance(50) {
            self.add_misfits();
        }
        if fails {
            let ty = self.sig_type(&Sig::default());
            self.m.start = Some(self.declare_func(ty, BodyKind::General));
        }
        let mut written = 0;
        while let Some((id, kind)) = self.unwritten.pop() {
            written += 1;
            let kind = if written > self.size.pick(4, 12) && kind == BodyKind::General {
                BodyKind::Stub
            } else {
                kind
            };
            self.write_function(id, kind);
        }
        if let Some(start) = self.m.start.filter(|_| fails)
            && let Some(start) = self.m.funcs.iter_mut().find(|f| f.id == start)
        {
            start.body.push(Expr::stmt(Op::Unreachable, Vec::new()));
        }
        let done = std::mem::take(&mut self.m);
        self.done.push(done);
    }

    /// Chooses the groups that the module declares, in a random order in which each follows those
    /// it depends on.
    pub(super) fn declare_types(&mut self) {
        let count = self.types.groups.len();
        let mut order: Vec<usize> = (0..count).collect();
        if self.swarm.has(Feature::Linking) {
            for at in (1..count).rev() {
                order.swap(at, self.src.below(at + 1));
            }
            let keep = self.src.range(1, count as u32) as usize;
            order.truncate(keep);
        }
        order.into_iter().for_each(|g| self.require_group(g));
        self.require_group(0);
        self.favourites.clear();
        for _ in 0..self.src.range(3, 5) {
            let ty = types::value_type(&mut self.src, &self.swarm, &self.types, 0);
            self.require(ty);
            if ty.as_ref().is_some() || self.favourites.len() < 2 {
                self.favourites.push(ty);
            }
        }
        self.favourites
            .push(Ty::nullable(Heap::Def(types::BASE_STRUCT)));
    }

    /// Declares a group after all it depends on.
    pub(super) fn require_group(&mut self, group: usize) {
        if self.m.groups.contains(&group) {
            return;
        }
        let mut needs = Vec::new();
        for &id in &self.types.groups[group] {
            self.types.mentioned(id, &mut |to| needs.push(to));
        }
        for id in needs {
            let other = self.group_of(id);
            if other != group {
                self.require_group(other);
            }
        }
        self.m.groups.push(group);
        self.visible.extend(&self.types.groups[group]);
    }

    pub(super) fn group_of(&self, id: TypeId) -> usize {
        let groups = &self.types.groups;
        groups.partition_point(|g| g.first().is_some_and(|&first| first <= id)) - 1
    }

    /// Declares what `ty` mentions.
    pub(super) fn require(&mut self, ty: Ty) {
        if let Some(r) = ty.as_ref()
            && let Heap::Def(id) = r.heap
        {
            self.require_group(self.group_of(id));
        }
    }

    /// A type for something that holds a value.
    pub(super) fn any_type(&mut self) -> Ty {
        if self.src.chance(65)
            && let Some(ty) = self.src.pick(&self.favourites)
        {
            return ty;
        }
        let limit = self.types.defs.len() as u32;
        let ty = types::value_type(&mut self.src, &self.swarm, &self.types, limit);
        self.require(ty);
        ty
    }

    /// A reference type for a table, a global or a segment.
    pub(super) fn any_ref_type(&mut self) -> RefTy {
        for _ in 0..3 {
            if let Ty::Ref(r) = self.any_type() {
                return r;
            }
        }
        RefTy::nullable(Heap::Any)
    }

    /// The plain function type with this signature, declared in the module.
    pub(super) fn sig_type(&mut self, sig: &Sig) -> TypeId {
        let group = self.types.plain_sig(sig);
        self.require_group(group);
        self.types.groups[group][0]
    }

    /// Visible definitions below `heap` for which `keep` holds.
    pub(super) fn defs_below(
        &self,
        heap: Heap,
        keep: impl Fn(&Universe, TypeId) -> bool,
    ) -> Vec<TypeId> {
        let below =
            |&id: &TypeId| self.types.heap_matches(Heap::Def(id), heap) && keep(&self.types, id);
        self.visible.iter().copied().filter(below).collect()
    }

    pub(super) fn on(&self, feature: Feature) -> bool {
        self.swarm.has(feature)
    }
}
