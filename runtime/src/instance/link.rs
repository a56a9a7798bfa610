//! Import matching.
//!
//! Specification: the rules `Externtype_sub` and `Limits_sub`, and `Externaddr_ok` (the type of a
//! table or memory has its current size).

use std::ptr::NonNull;

use super::store::StoreOpaque;
use super::{GlobalId, MemoryId, TableId, TagId};
use crate::abi::vmctx::VmFuncRef;
use crate::module::{EntityIdx, GlobalType, MemoryType, Module, TableType};
use crate::types::TypeId;
use crate::types::registry::TypeRegistry;

/// Something that can be imported or exported, in a store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Item {
    Func(NonNull<VmFuncRef>),
    Table(TableId),
    Memory(MemoryId),
    Global(GlobalId),
    Tag(TagId),
}

/// Rule `Limits_sub`.
fn limits_match(sub: (u64, Option<u64>), sup: (u64, Option<u64>)) -> bool {
    sub.0 >= sup.0
        && match (sub.1, sup.1) {
            (_, None) => true,
            (Some(sub), Some(sup)) => sub <= sup,
            (None, Some(_)) => false,
        }
}

/// Rule `Tabletype_sub`.
#[must_use]
pub fn table_matches(registry: &TypeRegistry, sub: TableType, sup: TableType) -> bool {
    sub.is_64 == sup.is_64
        && limits_match((sub.min, sub.max), (sup.min, sup.max))
        && registry.ref_matches(sub.element, sup.element)
        && registry.ref_matches(sup.element, sub.element)
}

/// Rule `Memtype_sub`.
#[must_use]
pub fn memory_matches(sub: MemoryType, sup: MemoryType) -> bool {
    sub.is_64 == sup.is_64 && limits_match((sub.min, sub.max), (sup.min, sup.max))
}

/// Rule `Globaltype_sub`: mutable globals are invariant.
#[must_use]
pub fn global_matches(registry: &TypeRegistry, sub: GlobalType, sup: GlobalType) -> bool {
    sub.mutable == sup.mutable
        && registry.val_matches(sub.content, sup.content)
        && (!sub.mutable || registry.val_matches(sup.content, sub.content))
}

impl StoreOpaque {
    /// Returns the type of a table with its current size.
    #[must_use]
    pub fn table_type(&self, id: TableId) -> TableType {
        let table = self.table(id);
        TableType {
            min: table.size(),
            ..table.declared()
        }
    }

    /// Returns the type of a memory with its current size.
    #[must_use]
    pub fn memory_type(&self, id: MemoryId) -> MemoryType {
        let memory = self.memory(id);
        MemoryType {
            min: memory.pages(),
            ..memory.declared()
        }
    }

    /// Returns the type of a function of this store.
    #[must_use]
    pub fn func_type(&self, func: NonNull<VmFuncRef>) -> TypeId {
        // SAFETY: V1: a function of this store; the type never changes.
        TypeId(unsafe { (*func.as_ptr()).type_id })
    }

    /// Returns true if `item` can be imported as `entity` of `module`.
    #[must_use]
    pub fn matches(&self, module: &Module, entity: EntityIdx, item: Item) -> bool {
        let registry = &self.engine.registry;
        let decls = module.decls();
        match (entity, item) {
            (EntityIdx::Func(at), Item::Func(func)) => {
                registry.is_subtype(self.func_type(func), module.func_type(at))
            }
            (EntityIdx::Table(at), Item::Table(table)) => table_matches(
                registry,
                self.table_type(table),
                decls.tables[at.as_usize()],
            ),
            (EntityIdx::Memory(at), Item::Memory(memory)) => {
                memory_matches(self.memory_type(memory), decls.memories[at.as_usize()])
            }
            (EntityIdx::Global(at), Item::Global(global)) => global_matches(
                registry,
                self.global(global).ty(),
                decls.globals[at.as_usize()],
            ),
            (EntityIdx::Tag(at), Item::Tag(tag)) => {
                self.tag(tag).ty == decls.types[decls.tags[at.as_usize()].as_usize()]
            }
            _ => false,
        }
    }
}
