//! Types of what can be imported and exported.

use super::engine::Engine;
use super::types::{FuncType, Mutability, RefType, ValType, func_type, mutability};
use crate::types::TypeId;

/// A table type.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct TableType {
    /// Elements.
    pub element: RefType,
    /// Whether indices are 64 bits.
    pub is_64: bool,
    /// Least size.
    pub minimum: u64,
    /// Largest size.
    pub maximum: Option<u64>,
}

impl TableType {
    /// Makes a table type with 32-bit indices.
    #[must_use]
    pub const fn new(element: RefType, minimum: u64, maximum: Option<u64>) -> TableType {
        TableType {
            element,
            is_64: false,
            minimum,
            maximum,
        }
    }

    pub(crate) fn from_kind(engine: &Engine, ty: crate::module::TableType) -> TableType {
        TableType {
            element: RefType::from_kind(engine, ty.element),
            is_64: ty.is_64,
            minimum: ty.min,
            maximum: ty.max,
        }
    }
}

/// A memory type. Sizes are in pages of 64 KiB.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct MemoryType {
    /// Whether addresses are 64 bits.
    pub is_64: bool,
    /// Least size.
    pub minimum: u64,
    /// Largest size.
    pub maximum: Option<u64>,
}

impl MemoryType {
    /// Makes a memory type with 32-bit addresses.
    #[must_use]
    pub const fn new(minimum: u64, maximum: Option<u64>) -> MemoryType {
        MemoryType {
            is_64: false,
            minimum,
            maximum,
        }
    }

    pub(crate) const fn kind(self) -> crate::module::MemoryType {
        crate::module::MemoryType {
            is_64: self.is_64,
            min: self.minimum,
            max: self.maximum,
        }
    }

    pub(crate) const fn from_kind(ty: crate::module::MemoryType) -> MemoryType {
        MemoryType {
            is_64: ty.is_64,
            minimum: ty.min,
            maximum: ty.max,
        }
    }
}

/// A global type.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct GlobalType {
    /// Its value.
    pub content: ValType,
    /// Whether it can be written.
    pub mutability: Mutability,
}

impl GlobalType {
    /// Makes a global type.
    #[must_use]
    pub const fn new(content: ValType, mutability: Mutability) -> GlobalType {
        GlobalType {
            content,
            mutability,
        }
    }

    pub(crate) fn from_kind(engine: &Engine, ty: crate::module::GlobalType) -> GlobalType {
        GlobalType {
            content: ValType::from_kind(engine, ty.content),
            mutability: mutability(ty.mutable),
        }
    }
}

/// The type of an entity that can be imported or exported. The type of a tag is a function type
/// without results, whose parameters are the payload of its exceptions.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum ExternType {
    /// A function.
    Func(FuncType),
    /// A table.
    Table(TableType),
    /// A linear memory.
    Memory(MemoryType),
    /// A global.
    Global(GlobalType),
    /// A tag.
    Tag(FuncType),
}

impl ExternType {
    pub(crate) fn func(engine: &Engine, id: TypeId) -> ExternType {
        ExternType::Func(func_type(engine, id))
    }

    pub(crate) fn tag(engine: &Engine, id: TypeId) -> ExternType {
        ExternType::Tag(func_type(engine, id))
    }

    pub(crate) fn table(engine: &Engine, ty: crate::module::TableType) -> ExternType {
        ExternType::Table(TableType::from_kind(engine, ty))
    }

    pub(crate) fn memory(ty: crate::module::MemoryType) -> ExternType {
        ExternType::Memory(MemoryType::from_kind(ty))
    }

    pub(crate) fn global(engine: &Engine, ty: crate::module::GlobalType) -> ExternType {
        ExternType::Global(GlobalType::from_kind(engine, ty))
    }
}

/// An import of a module.
#[derive(Clone, Debug)]
pub struct ImportType<'a> {
    /// The module it is imported from.
    pub module: &'a str,
    /// Its name there.
    pub name: &'a str,
    /// Its type.
    pub ty: ExternType,
}

/// An export of a module.
#[derive(Clone, Debug)]
pub struct ExportType<'a> {
    /// Its name.
    pub name: &'a str,
    /// Its type.
    pub ty: ExternType,
}
