//! Modules, steps and programs, as plain data.
//!
//! Items are found by name ([`FuncId`] and its siblings) and never by index, so removing an item
//! changes no other. Imported and defined items may stand in any order: the encoder puts imports
//! first.

use gcrucible_oracles::host::harness;
use gcrucible_oracles::schedule::Schedule;
use gcrucible_oracles::value::Value;

use super::ops::{DataId, ElemId, Expr, FuncId, GlobalId, MemId, TableId, TagId};
use super::types::{RefTy, Ty, TypeId, Universe};

/// Where an imported item comes from: a module, which is an earlier module of the program or
/// `harness`, and the name of its export.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Import {
    /// Module name.
    pub module: String,
    /// Export name.
    pub name: String,
}

/// A function: imported, or with locals and a body.
#[derive(Clone, Debug)]
pub struct Func {
    /// Its name.
    pub id: FuncId,
    /// Its type.
    pub ty: TypeId,
    /// Where it is imported from, if it is. An imported function has no body.
    pub import: Option<Import>,
    /// The name it is exported under.
    pub export: Option<String>,
    /// Locals after the parameters.
    pub locals: Vec<Ty>,
    /// Evaluated in order. The values that they leave are the results.
    pub body: Vec<Expr>,
}

impl Func {
    /// Returns the name under which it is imported from `harness`.
    pub fn harness_name(&self) -> Option<&str> {
        let import = self.import.as_ref();
        let ours = import.filter(|import| import.module == harness::MODULE);
        ours.map(|import| import.name.as_str())
    }

    /// Returns true if it is imported from `harness` under this name.
    pub fn imports_harness(&self, name: &str) -> bool {
        self.harness_name() == Some(name)
    }
}

/// Type of a table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TableTy {
    /// Element type.
    pub elem: RefTy,
    /// Initial size.
    pub min: u64,
    /// Largest size.
    pub max: Option<u64>,
    /// Whether it is indexed by `i64`.
    pub is64: bool,
}

impl TableTy {
    /// Returns the type of indices and sizes.
    pub fn index(&self) -> Ty {
        if self.is64 { Ty::I64 } else { Ty::I32 }
    }
}

/// A table.
#[derive(Clone, Debug)]
pub struct Table {
    /// Its name.
    pub id: TableId,
    /// Its type.
    pub ty: TableTy,
    /// Where it is imported from, if it is. An imported table has no initial value.
    pub import: Option<Import>,
    /// The name it is exported under.
    pub export: Option<String>,
    /// Initial value of all elements. Needed if they cannot be null.
    pub init: Option<Expr>,
}

/// A memory. Its addresses are 32 bits unless `is64`.
#[derive(Clone, Debug)]
pub struct Memory {
    /// Its name.
    pub id: MemId,
    /// Initial pages.
    pub min: u64,
    /// Most pages.
    pub max: Option<u64>,
    /// Whether it is addressed by `i64`.
    pub is64: bool,
    /// Where it is imported from, if it is.
    pub import: Option<Import>,
    /// The name it is exported under.
    pub export: Option<String>,
}

impl Memory {
    /// Returns the type of addresses and sizes.
    pub fn index(&self) -> Ty {
        if self.is64 { Ty::I64 } else { Ty::I32 }
    }
}

/// A global.
#[derive(Clone, Debug)]
pub struct Global {
    /// Its name.
    pub id: GlobalId,
    /// Type of its value.
    pub ty: Ty,
    /// Whether it can be set.
    pub mutable: bool,
    /// Where it is imported from, if it is.
    pub import: Option<Import>,
    /// The name it is exported under.
    pub export: Option<String>,
    /// Its initial value. None if and only if it is imported.
    pub init: Option<Expr>,
}

/// A tag.
#[derive(Clone, Debug)]
pub struct Tag {
    /// Its name.
    pub id: TagId,
    /// A function type without results.
    pub ty: TypeId,
    /// Where it is imported from, if it is.
    pub import: Option<Import>,
    /// The name it is exported under.
    pub export: Option<String>,
}

/// What instantiation does with a segment.
#[derive(Clone, Debug)]
pub enum Mode<Target> {
    /// Written at the offset, then dropped.
    Active(Target, Expr),
    /// Kept.
    Passive,
    /// Only declares functions (element segments).
    Declared,
}

/// An element segment.
#[derive(Clone, Debug)]
pub struct Elem {
    /// Its name.
    pub id: ElemId,
    /// What happens to it.
    pub mode: Mode<TableId>,
    /// Type of its elements.
    pub ty: RefTy,
    /// Its elements.
    pub items: Vec<Expr>,
}

/// A data segment.
#[derive(Clone, Debug)]
pub struct Data {
    /// Its name.
    pub id: DataId,
    /// What happens to it; never `Declared`.
    pub mode: Mode<MemId>,
    /// Its bytes.
    pub bytes: Vec<u8>,
}

/// One module of a program.
#[derive(Clone, Debug, Default)]
pub struct Module {
    /// The name by which later modules and steps find it.
    pub name: String,
    /// The recursion groups it declares, by position in the universe, in declaration order.
    pub groups: Vec<usize>,
    /// Functions.
    pub funcs: Vec<Func>,
    /// Tables.
    pub tables: Vec<Table>,
    /// Memories.
    pub mems: Vec<Memory>,
    /// Globals. An initial value may mention immutable globals before it.
    pub globals: Vec<Global>,
    /// Tags.
    pub tags: Vec<Tag>,
    /// Element segments.
    pub elems: Vec<Elem>,
    /// Data segments.
    pub datas: Vec<Data>,
    /// The start function.
    pub start: Option<FuncId>,
}

impl Module {
    /// Returns the function called `id`.
    pub fn func(&self, id: FuncId) -> Option<&Func> {
        self.funcs.iter().find(|f| f.id == id)
    }

    /// Returns an id that no function of the module has.
    pub fn fresh_func(&self) -> FuncId {
        let last = self.funcs.iter().map(|func| func.id.0).max();
        FuncId(last.map_or(0, |last| last + 1))
    }

    /// Declares a group of types, unless it is declared.
    pub fn declare(&mut self, group: usize) {
        if !self.groups.contains(&group) {
            self.groups.push(group);
        }
    }

    /// Returns the function that is imported from `harness` under this name, with this type.
    pub fn harness_import(&self, name: &str, ty: TypeId) -> Option<FuncId> {
        let mut funcs = self.funcs.iter();
        let found = funcs.find(|func| func.ty == ty && func.imports_harness(name));
        found.map(|func| func.id)
    }

    /// Adds an import from `harness`.
    pub fn import_harness(&mut self, id: FuncId, name: &str, ty: TypeId) {
        self.funcs.push(Func {
            id,
            ty,
            import: Some(Import {
                module: harness::MODULE.to_owned(),
                name: name.to_owned(),
            }),
            export: None,
            locals: Vec::new(),
            body: Vec::new(),
        });
    }

    /// Calls `visit` for every expression root: bodies, initial values, offsets and items.
    pub fn each_root(&self, visit: &mut dyn FnMut(&Expr)) {
        self.funcs
            .iter()
            .flat_map(|f| &f.body)
            .for_each(&mut *visit);
        self.each_constant(visit);
    }

    /// Calls `visit` for the root of every constant expression: initial values, offsets and items.
    pub fn each_constant(&self, visit: &mut dyn FnMut(&Expr)) {
        self.tables
            .iter()
            .filter_map(|t| t.init.as_ref())
            .for_each(&mut *visit);
        self.globals
            .iter()
            .filter_map(|g| g.init.as_ref())
            .for_each(&mut *visit);
        for elem in &self.elems {
            if let Mode::Active(_, offset) = &elem.mode {
                visit(offset);
            }
            elem.items.iter().for_each(&mut *visit);
        }
        for data in &self.datas {
            if let Mode::Active(_, offset) = &data.mode {
                visit(offset);
            }
        }
    }
}

/// One thing the embedder does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// Instantiates the module at this position and registers it under its name.
    Instantiate(usize),
    /// Calls an export of the module at this position.
    Invoke {
        /// Position of the module.
        module: usize,
        /// Export name.
        export: String,
        /// Arguments, fitting the export's type.
        args: Vec<Value>,
    },
}

/// Modules, steps on them, and when collections happen.
#[derive(Clone)]
pub struct Program {
    /// The types of all modules.
    pub types: Universe,
    /// The modules, in the order in which they may import each other.
    pub modules: Vec<Module>,
    /// What the embedder does, in order.
    pub steps: Vec<Step>,
    /// When collections happen.
    pub schedule: Schedule,
    /// Whether every reference held at a collection point is used afterwards. Then the live count
    /// with frames on the stack has only one right answer.
    pub held: bool,
    /// Whether its structures carry canaries (see [`canaries`](super::canaries)).
    pub canaries: bool,
    /// Whether its functions first write fresh objects into the tables (see
    /// [`filled`](super::filled)).
    pub filled: bool,
    /// Whether its heap is nearly full from the start (see [`ballast`](super::ballast)).
    pub ballast: bool,
    /// What exported functions do, by the names of the generator's pieces, for surveys.
    pub kinds: Vec<(String, &'static str)>,
}

impl Program {
    /// Returns the number of nodes in all modules: the size the reducer lowers.
    pub fn size(&self) -> usize {
        let mut n = 0;
        for module in &self.modules {
            module.each_root(&mut |e| n += e.size());
        }
        n
    }
}
