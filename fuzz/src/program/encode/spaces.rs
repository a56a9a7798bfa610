//! Index spaces: from the names of a program to the indices of a module.

use std::collections::BTreeMap;

use crate::program::ops::{DataId, ElemId, FuncId, GlobalId, LabelId, MemId, TableId, TagId};
use crate::program::syntax::Module;
use crate::program::types::{Sig, TypeId, Universe};

/// Something an instruction names, which is not there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Dangling {
    /// A type of no group the module lists.
    #[error("type {0:?} is not declared by the module")]
    Type(TypeId),
    /// A function.
    #[error("no function {0:?}")]
    Func(FuncId),
    /// A table.
    #[error("no table {0:?}")]
    Table(TableId),
    /// A memory.
    #[error("no memory {0:?}")]
    Mem(MemId),
    /// A global.
    #[error("no global {0:?}")]
    Global(GlobalId),
    /// A tag.
    #[error("no tag {0:?}")]
    Tag(TagId),
    /// An element segment.
    #[error("no element segment {0:?}")]
    Elem(ElemId),
    /// A data segment.
    #[error("no data segment {0:?}")]
    Data(DataId),
    /// A label that does not enclose the instruction.
    #[error("no label {0:?}")]
    Label(LabelId),
    /// An item that is neither imported nor has an initial value.
    #[error("global {0:?} has no initial value")]
    NoValue(GlobalId),
}

/// Index spaces of the module being encoded.
pub(super) struct Context<'a> {
    pub types: &'a Universe,
    pub module: &'a Module,
    type_index: BTreeMap<TypeId, u32>,
    /// Types the module declares itself.
    pub type_count: u32,
    /// Function types of blocks, behind the module's own types.
    pub block_sigs: Vec<Sig>,
    funcs: BTreeMap<FuncId, u32>,
    tables: BTreeMap<TableId, u32>,
    mems: BTreeMap<MemId, u32>,
    globals: BTreeMap<GlobalId, u32>,
    tags: BTreeMap<TagId, u32>,
    elems: BTreeMap<ElemId, u32>,
    datas: BTreeMap<DataId, u32>,
}

/// Imported items first, then the others, each in the given order.
fn space<Id: Ord + Copy>(items: impl Iterator<Item = (Id, bool)> + Clone) -> BTreeMap<Id, u32> {
    let imported = items.clone().filter(|&(_, i)| i);
    let defined = items.filter(|&(_, i)| !i);
    imported.chain(defined).map(|(id, _)| id).zip(0..).collect()
}

impl<'a> Context<'a> {
    pub(super) fn new(types: &'a Universe, module: &'a Module) -> Result<Context<'a>, Dangling> {
        let mut type_index = BTreeMap::new();
        for &group in &module.groups {
            for &id in &types.groups[group] {
                let next = type_index.len() as u32;
                type_index.insert(id, next);
            }
        }
        Ok(Context {
            types,
            module,
            type_count: type_index.len() as u32,
            type_index,
            block_sigs: Vec::new(),
            funcs: space(module.funcs.iter().map(|x| (x.id, x.import.is_some()))),
            tables: space(module.tables.iter().map(|x| (x.id, x.import.is_some()))),
            mems: space(module.mems.iter().map(|x| (x.id, x.import.is_some()))),
            globals: space(module.globals.iter().map(|x| (x.id, x.import.is_some()))),
            tags: space(module.tags.iter().map(|x| (x.id, x.import.is_some()))),
            elems: module.elems.iter().map(|x| x.id).zip(0..).collect(),
            datas: module.datas.iter().map(|x| x.id).zip(0..).collect(),
        })
    }

    pub(super) fn ty(&self, id: TypeId) -> Result<u32, Dangling> {
        self.type_index.get(&id).copied().ok_or(Dangling::Type(id))
    }

    pub(super) fn func(&self, id: FuncId) -> Result<u32, Dangling> {
        self.funcs.get(&id).copied().ok_or(Dangling::Func(id))
    }

    pub(super) fn table(&self, id: TableId) -> Result<u32, Dangling> {
        self.tables.get(&id).copied().ok_or(Dangling::Table(id))
    }

    pub(super) fn mem(&self, id: MemId) -> Result<u32, Dangling> {
        self.mems.get(&id).copied().ok_or(Dangling::Mem(id))
    }

    pub(super) fn global(&self, id: GlobalId) -> Result<u32, Dangling> {
        self.globals.get(&id).copied().ok_or(Dangling::Global(id))
    }

    pub(super) fn tag(&self, id: TagId) -> Result<u32, Dangling> {
        self.tags.get(&id).copied().ok_or(Dangling::Tag(id))
    }

    pub(super) fn elem(&self, id: ElemId) -> Result<u32, Dangling> {
        self.elems.get(&id).copied().ok_or(Dangling::Elem(id))
    }

    pub(super) fn data(&self, id: DataId) -> Result<u32, Dangling> {
        self.datas.get(&id).copied().ok_or(Dangling::Data(id))
    }
}
