//! Import matching.
//!
//! Source: 2.2.8 (external types: `Externtype_sub`, `Limits_sub`), 4.5.3.1 (types of external addresses: sizes are the current ones).

use std::fmt;
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

/// What an item is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[allow(missing_docs)]
pub enum ItemKind {
    Func,
    Table,
    Memory,
    Global,
    Tag,
}

impl fmt::Display for ItemKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            ItemKind::Func => "function",
            ItemKind::Table => "table",
            ItemKind::Memory => "memory",
            ItemKind::Global => "global",
            ItemKind::Tag => "tag",
        })
    }
}

impl Item {
    /// What it is.
    #[must_use]
    pub const fn kind(&self) -> ItemKind {
        match self {
            Item::Func(_) => ItemKind::Func,
            Item::Table(_) => ItemKind::Table,
            Item::Memory(_) => ItemKind::Memory,
            Item::Global(_) => ItemKind::Global,
            Item::Tag(_) => ItemKind::Tag,
        }
    }
}

/// Why an import does not match.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mismatch {
    /// Another kind of thing.
    Kind {
        /// What is imported.
        expected: ItemKind,
        /// What is given.
        found: ItemKind,
    },
    /// A function, of a type that is no subtype.
    Func {
        /// What is imported.
        expected: TypeId,
        /// What is given.
        found: TypeId,
    },
    /// A table with other elements, other addresses, or limits outside of those imported.
    Table {
        /// What is imported.
        expected: TableType,
        /// What is given, now.
        found: TableType,
    },
    /// A memory with other addresses, or limits outside of those imported.
    Memory {
        /// What is imported.
        expected: MemoryType,
        /// What is given, now.
        found: MemoryType,
    },
    /// A global of another type or mutability.
    Global {
        /// What is imported.
        expected: GlobalType,
        /// What is given.
        found: GlobalType,
    },
    /// A tag of another type.
    Tag {
        /// What is imported.
        expected: TypeId,
        /// What is given.
        found: TypeId,
    },
}

impl fmt::Display for Mismatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Mismatch::Kind { expected, found } => {
                write!(f, "expected a {expected}, found a {found}")
            }
            Mismatch::Func { .. } => f.write_str("the function's type is no subtype"),
            Mismatch::Table { expected, found } => {
                write!(f, "expected {expected:?}, found {found:?}")
            }
            Mismatch::Memory { expected, found } => {
                write!(f, "expected {expected:?}, found {found:?}")
            }
            Mismatch::Global { expected, found } => {
                write!(f, "expected {expected:?}, found {found:?}")
            }
            Mismatch::Tag { .. } => f.write_str("the tag's type is another"),
        }
    }
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
    /// The type of a table, its size being the current one.
    #[must_use]
    pub fn table_type(&self, id: TableId) -> TableType {
        let table = self.table(id);
        TableType {
            min: table.size(),
            ..table.declared()
        }
    }

    /// The type of a memory, its size being the current one.
    #[must_use]
    pub fn memory_type(&self, id: MemoryId) -> MemoryType {
        let memory = self.memory(id);
        MemoryType {
            min: memory.pages(),
            ..memory.declared()
        }
    }

    /// The type of a function of this store.
    #[must_use]
    pub fn func_type(&self, func: NonNull<VmFuncRef>) -> TypeId {
        // SAFETY: V1: a function of this store; the type never changes.
        TypeId(unsafe { (*func.as_ptr()).type_id })
    }

    /// Whether `item` can be imported as `entity` of `module`.
    ///
    /// # Errors
    /// How it does not match.
    pub fn matches(&self, module: &Module, entity: EntityIdx, item: Item) -> Result<(), Mismatch> {
        let registry = &self.engine.registry;
        let decls = module.decls();
        let (matches, mismatch) = match (entity, item) {
            (EntityIdx::Func(at), Item::Func(func)) => {
                let (expected, found) = (module.func_type(at), self.func_type(func));
                let matches = registry.is_subtype(found, expected);
                (matches, Mismatch::Func { expected, found })
            }
            (EntityIdx::Table(at), Item::Table(table)) => {
                let (expected, found) = (decls.tables[at.as_usize()], self.table_type(table));
                let matches = table_matches(registry, found, expected);
                (matches, Mismatch::Table { expected, found })
            }
            (EntityIdx::Memory(at), Item::Memory(memory)) => {
                let (expected, found) = (decls.memories[at.as_usize()], self.memory_type(memory));
                let matches = memory_matches(found, expected);
                (matches, Mismatch::Memory { expected, found })
            }
            (EntityIdx::Global(at), Item::Global(global)) => {
                let (expected, found) = (decls.globals[at.as_usize()], self.global(global).ty());
                let matches = global_matches(registry, found, expected);
                (matches, Mismatch::Global { expected, found })
            }
            (EntityIdx::Tag(at), Item::Tag(tag)) => {
                let expected = decls.types[decls.tags[at.as_usize()].as_usize()];
                let found = self.tag(tag).ty;
                (found == expected, Mismatch::Tag { expected, found })
            }
            (entity, item) => {
                let (expected, found) = (kind(entity), item.kind());
                (false, Mismatch::Kind { expected, found })
            }
        };
        if matches { Ok(()) } else { Err(mismatch) }
    }
}

/// What kind of thing an index names.
#[must_use]
pub const fn kind(entity: EntityIdx) -> ItemKind {
    match entity {
        EntityIdx::Func(_) => ItemKind::Func,
        EntityIdx::Table(_) => ItemKind::Table,
        EntityIdx::Memory(_) => ItemKind::Memory,
        EntityIdx::Global(_) => ItemKind::Global,
        EntityIdx::Tag(_) => ItemKind::Tag,
    }
}
