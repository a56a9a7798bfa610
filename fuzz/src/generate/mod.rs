//! Bytes -> program.
//!
//! Comes in: a [`Source`] of choices. Goes out: a [`Program`]. What always holds of it:
//!
//! - **valid**: every module validates as WebAssembly 3.0 (a test runs thousands of seeds through
//!   `wasmparser`);
//! - **terminating**: each call and each turn of a loop takes one unit from a counter that only the
//!   functions called by the embedder fill up; when it is empty functions return at once;
//! - **deterministic**: nothing depends on time, addresses, or on what an engine may choose;
//! - **mostly without traps**: indices are checked, nulls replaced, except on purpose
//!   (`Feature::Traps`);
//! - **visible**: most state sits in exported globals and tables, so comparisons see it.
//!
//! | to add | touch |
//! |---|---|
//! | a numeric instruction | a row of `program::numeric::NUMERIC` |
//! | any other instruction | a variant of `program::Op`, its arm in `program::encode`, a row in the file here that is named after its chapter |
//! | a feature to switch | a line of `swarm::FEATURES` |
//! | a type shape | `types` |
//! | a harness import | a row of `host` |
//!
//! Reading order: `source`, `swarm`, `values`, `types`, this file, `items` and `consts` (module
//! level), `body`, `expr` (the row tables), then the rows: `scalars`, `variables`, `objects`,
//! `arrays`, `refs`, `tables`, `memory`, `control`, `exceptions`, `calls`, `host`, `shape`; at last
//! `steps`, `smith`, `survey`.

mod arrays;
mod body;
mod calls;
mod consts;
mod control;
mod exceptions;
mod expr;
mod host;
mod items;
mod memory;
mod objects;
mod refs;
mod scalars;
mod shape;
pub mod smith;
pub mod source;
mod steps;
pub mod survey;
pub mod swarm;
mod tables;
mod types;
mod values;
mod variables;

use crate::program::{
    FuncId, GlobalId, Heap, Module, Program, Sig, TableId, Ty, TypeDef, TypeId, Universe,
};
use body::Body;
use expr::Drawer;
use source::Source;
use swarm::{Feature, Swarm};

/// What a program is wanted for: shifts the swarm, nothing else.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Focus {
    /// Everything.
    Any,
    /// Constant expressions that allocate.
    ConstEval,
    /// Operations on tables of references.
    Tables,
    /// Exceptions that carry references.
    Exceptions,
    /// Recursion groups, subtyping, several modules.
    Types,
    /// References held over collections.
    Roots,
}

/// Bytes a seed expands to. Programs use less; what is left over costs a microsecond.
pub const SEED_BYTES: usize = 12_000;

/// The program of a seed.
pub fn from_seed(seed: u64, focus: Focus) -> Program {
    generate(&source::expand(seed, SEED_BYTES), focus)
}

/// The program that `bytes` choose. Never fails: bytes that run out choose the simplest
/// alternatives.
pub fn generate(bytes: &[u8], focus: Focus) -> Program {
    let mut src = Source::new(bytes);
    let mut swarm = Swarm::draw(&mut src);
    let held = focus_swarm(&mut swarm, &mut src, focus);
    let size = if src.chance(5) {
        Size::Large
    } else {
        Size::Small
    };
    let types = types::universe(&mut src, &swarm);
    let modules = match (swarm.has(Feature::Linking), size) {
        (true, Size::Large) => [2, 2, 2, 3][src.below(4)],
        (true, Size::Small) => 2,
        (false, _) => 1,
    };
    let drawer = Drawer::new(&swarm);
    let mut make = Gen {
        src,
        swarm,
        size,
        types,
        drawer,
        held,
        done: Vec::new(),
        m: Module::default(),
        visible: Vec::new(),
        favourites: Vec::new(),
        next_id: 0,
        unwritten: Vec::new(),
        entries: Vec::new(),
        fixed_tables: Vec::new(),
        slots: Vec::new(),
        only_imports: false,
        fuel: GlobalId(0),
        users: Vec::new(),
        f: Body::default(),
    };
    let mut entries = Vec::new();
    for at in 0..modules {
        make.module(at);
        entries.push(std::mem::take(&mut make.entries));
    }
    make.program(&entries)
}

/// How much of everything a program has. Most faults show in a few instructions, and small programs
/// run several times as fast; some need many functions, statements and references at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Size {
    /// A few statements in each of a few functions.
    Small,
    /// Several times as much.
    Large,
}

impl Size {
    /// `small` or `large`.
    fn pick<T>(self, small: T, large: T) -> T {
        match self {
            Size::Small => small,
            Size::Large => large,
        }
    }
}

/// A constant worth trying.
pub fn interesting(src: &mut Source<'_>) -> i32 {
    values::int32(src)
}

/// Bends the swarm towards `focus`; says whether the program is of the `held` kind.
fn focus_swarm(swarm: &mut Swarm, src: &mut Source<'_>, focus: Focus) -> bool {
    use Feature as F;
    let wanted: &[Feature] = match focus {
        Focus::Any => &[],
        Focus::ConstEval => &[F::ConstAllocation, F::Elements, F::Globals, F::Tables],
        Focus::Tables => &[
            F::Tables,
            F::TableBulk,
            F::TableInit,
            F::TableGrow,
            F::HostTables,
        ],
        Focus::Exceptions => &[F::Exceptions, F::Calls, F::Branches],
        Focus::Types => &[
            F::RecGroups,
            F::DeepSubtypes,
            F::NearDuplicates,
            F::Linking,
            F::Casts,
            F::CastBranches,
            F::Functions,
        ],
        Focus::Roots => &[
            F::OperandStack,
            F::Redefinition,
            F::AskGc,
            F::Calls,
            F::Loops,
        ],
    };
    wanted.iter().for_each(|&f| swarm.force(f));
    let held = src.chance(if focus == Focus::Roots { 60 } else { 15 });
    if focus == Focus::Roots && !held {
        // The answer depends on where collections happen: the reference would run once for each
        // place.
        swarm.forbid(F::AskLive);
    }
    if held {
        // All that may leave a block or a function while references wait.
        for f in [F::Exceptions, F::TailCalls, F::Traps] {
            swarm.forbid(f);
        }
        swarm.force(F::AskGc);
    }
    held
}

/// The program being made.
pub(crate) struct Gen<'s> {
    src: Source<'s>,
    swarm: Swarm,
    size: Size,
    types: Universe,
    drawer: Drawer,
    /// See [`Program::held`].
    held: bool,
    /// Finished modules.
    done: Vec<Module>,
    /// The module being made.
    m: Module,
    /// The definitions it declares.
    visible: Vec<TypeId>,
    /// Types its locals, globals, tables and signatures prefer, so that values can flow.
    favourites: Vec<Ty>,
    next_id: u32,
    /// Declared functions without a body yet, and whether the body is to be as small as possible.
    unwritten: Vec<(FuncId, BodyKind)>,
    /// Functions only the embedder calls; they fill the counter up.
    entries: Vec<FuncId>,
    /// Tables that instructions do not write, for indirect calls.
    fixed_tables: Vec<TableId>,
    /// Known contents of fixed tables.
    slots: Vec<(TableId, u32, FuncId)>,
    /// Whether constant expressions may mention imported globals only: the table section stands
    /// before the global section.
    only_imports: bool,
    /// The counter.
    fuel: GlobalId,
    /// Functions that do nothing with one reference: what counts as a use in the `held` kind.
    users: Vec<(Heap, FuncId)>,
    /// The function being written.
    f: Body,
}

/// What sort of body a declared function gets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum BodyKind {
    /// Called by the embedder only.
    Entry,
    /// Anything.
    General,
    /// Gives the smallest results, does nothing else.
    Stub,
}

impl Gen<'_> {
    /// A number no other item of the program has.
    fn fresh(&mut self) -> u32 {
        self.next_id += 1;
        self.next_id
    }

    /// Makes module number `at` and moves it to `done`.
    fn module(&mut self, at: u32) {
        self.m = Module {
            name: format!("m{at}"),
            ..Module::default()
        };
        self.visible.clear();
        self.fixed_tables.clear();
        self.slots.clear();
        self.users.clear();
        self.declare_types();
        self.items();
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
        let done = std::mem::take(&mut self.m);
        self.done.push(done);
    }

    /// Chooses which groups the module declares, in a random order that respects dependencies.
    fn declare_types(&mut self) {
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
    fn require_group(&mut self, group: usize) {
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

    fn group_of(&self, id: TypeId) -> usize {
        let groups = &self.types.groups;
        groups.partition_point(|g| g.first().is_some_and(|&first| first <= id)) - 1
    }

    /// Declares what `ty` mentions.
    fn require(&mut self, ty: Ty) {
        if let Some(r) = ty.as_ref()
            && let Heap::Def(id) = r.heap
        {
            self.require_group(self.group_of(id));
        }
    }

    /// A type for something that holds a value.
    fn any_type(&mut self) -> Ty {
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
    fn any_ref_type(&mut self) -> crate::program::RefTy {
        for _ in 0..3 {
            if let Ty::Ref(r) = self.any_type() {
                return r;
            }
        }
        crate::program::RefTy::nullable(Heap::Any)
    }

    /// The plain function type with this signature, declared in the module.
    fn sig_type(&mut self, sig: &Sig) -> TypeId {
        let plain = |def: &TypeDef| def.is_final && def.supertype.is_none();
        let known = self
            .types
            .groups
            .iter()
            .position(|group| match group.as_slice() {
                &[id] => plain(self.types.def(id)) && self.types.sig(id) == Some(sig),
                _ => false,
            });
        let group = known.unwrap_or_else(|| {
            let id = TypeId(self.types.defs.len() as u32);
            self.types.defs.push(TypeDef {
                body: crate::program::Composite::Func(sig.clone()),
                is_final: true,
                supertype: None,
                canon: id,
            });
            self.types.groups.push(vec![id]);
            self.types.groups.len() - 1
        });
        self.require_group(group);
        self.types.groups[group][0]
    }

    /// Visible definitions below `heap` for which `keep` holds.
    fn defs_below(&self, heap: Heap, keep: impl Fn(&Universe, TypeId) -> bool) -> Vec<TypeId> {
        let below =
            |&id: &TypeId| self.types.heap_matches(Heap::Def(id), heap) && keep(&self.types, id);
        self.visible.iter().copied().filter(below).collect()
    }

    fn on(&self, feature: Feature) -> bool {
        self.swarm.has(feature)
    }
}

#[cfg(test)]
mod tests {
    use super::{Focus, from_seed};

    #[track_caller]
    fn check(focus: Focus, seeds: std::ops::Range<u64>) {
        let mut failures = 0;
        for seed in seeds {
            let program = from_seed(seed, focus);
            if let Err(why) = program.validate() {
                failures += 1;
                if failures <= 3 {
                    eprintln!("seed {seed}: {why}\n{program}");
                }
            }
        }
        assert_eq!(failures, 0, "invalid programs");
    }

    #[test]
    fn programs_are_valid() {
        check(Focus::Any, 0..500);
        let others = [
            Focus::ConstEval,
            Focus::Tables,
            Focus::Exceptions,
            Focus::Types,
            Focus::Roots,
        ];
        others.into_iter().for_each(|focus| check(focus, 0..80));
    }

    /// A program is a function of its bytes, and running out of them is no reason to fail.
    #[test]
    fn any_bytes_make_a_program() {
        for len in [0, 1, 17, 100, 400, 1000] {
            let bytes = super::source::expand(len as u64, len);
            let program = super::generate(&bytes, Focus::Any);
            assert!(program.validate().is_ok(), "{len} bytes");
            let again = super::generate(&bytes, Focus::Any);
            assert_eq!(program.to_string(), again.to_string());
        }
    }
}
