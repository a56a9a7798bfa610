//! Handles of entities of a store: functions, tables, globals, memories, tags and instances. A
//! handle is a number or an address, together with the identity of its store. Their operations are
//! in `func`, `entity` and `instance`.

use std::ptr::NonNull;

use super::error::{Error, Misuse};
use crate::abi::vmctx::VmFuncRef;
use crate::index::FuncIdx;
use crate::instance::link::Item;
use crate::instance::store::{StoreId, StoreOpaque};
use crate::instance::{GlobalId, InstanceId, MemoryId, TableId, TagId};

macro_rules! entity {
    ($($(#[$doc:meta])* $name:ident, $id:ident;)*) => { $(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub struct $name {
            pub(super) store: StoreId,
            pub(super) id: $id,
        }

        impl $name {
            pub(crate) fn from_id(store: &StoreOpaque, id: $id) -> $name {
                $name { store: store.id(), id }
            }

            /// Returns its number in the store.
            ///
            /// # Errors
            /// `Misuse` for an entity of another store.
            pub(crate) fn id(&self, store: &StoreOpaque) -> Result<$id, Error> {
                if self.store == store.id() {
                    Ok(self.id)
                } else {
                    Err(Misuse::WrongStore.into())
                }
            }
        }
    )* };
}

entity! {
    /// A table of a store.
    Table, TableId;
    /// A global of a store.
    Global, GlobalId;
    /// A linear memory of a store.
    Memory, MemoryId;
    /// A tag of a store.
    Tag, TagId;
    /// An instance of a module in a store.
    Instance, InstanceId;
}

/// A function of a store.
///
/// ```
/// use gcrucible_runtime::embed::*;
/// # fn main() -> Result<(), Error> {
/// let engine = Engine::new(&Config::optimised())?;
/// let mut store = Store::new(&engine, ());
/// // From a closure, whose Rust types determine the function type,
/// let add = Func::wrap(&mut store, |a: i32, b: i32| a.wrapping_add(b))?;
/// // or with any function type, on values.
/// let ty = FuncType::new(&engine, [ValType::I32, ValType::I32], [ValType::I32])?;
/// let also = Func::new(&mut store, &ty, move |mut caller, params, results| {
///     add.call(&mut caller, params, results)
/// })?;
/// let mut sum = [Val::I32(0)];
/// also.call(&mut store, &[Val::I32(1), Val::I32(2)], &mut sum)?;
/// assert_eq!(sum[0].i32(), Some(3));
/// assert!(also.ty(&store)? == add.ty(&store)?);
/// assert!(matches!(also.call(&mut store, &[], &mut sum), Err(Error::Misuse(Misuse::Arity { .. }))));
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Func {
    pub(super) store: StoreId,
    pub(super) func: NonNull<VmFuncRef>,
}

// SAFETY: the pointer is used only together with the store that it belongs to (`Func::get`).
unsafe impl Send for Func {}
// SAFETY: as above.
unsafe impl Sync for Func {}

/// The definition of a function. Two are equal if and only if they are the same function of the
/// same instance.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FuncOrigin {
    /// A function of a module.
    Wasm {
        /// The instance.
        instance: Instance,
        /// Its index in the module.
        index: FuncIdx,
    },
    /// A function of the host, with its number in the store.
    Host(u32),
}

impl Func {
    /// Returns the function at an address of that store. `None` for null.
    pub(crate) fn from_ptr(store: StoreId, func: *mut VmFuncRef) -> Option<Func> {
        let func = NonNull::new(func)?;
        Some(Func { store, func })
    }

    /// Returns its reference in compiled code.
    pub(crate) fn get(&self, store: &StoreOpaque) -> Result<NonNull<VmFuncRef>, Error> {
        if self.store == store.id() {
            Ok(self.func)
        } else {
            Err(Misuse::WrongStore.into())
        }
    }
}

/// An entity that can be imported or exported.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Extern {
    /// A function.
    Func(Func),
    /// A table.
    Table(Table),
    /// A linear memory.
    Memory(Memory),
    /// A global.
    Global(Global),
    /// A tag.
    Tag(Tag),
}

impl Extern {
    pub(crate) fn from_item(store: &StoreOpaque, item: Item) -> Option<Extern> {
        Some(match item {
            Item::Func(func) => Extern::Func(Func::from_ptr(store.id(), func.as_ptr())?),
            Item::Table(id) => Extern::Table(Table::from_id(store, id)),
            Item::Memory(id) => Extern::Memory(Memory::from_id(store, id)),
            Item::Global(id) => Extern::Global(Global::from_id(store, id)),
            Item::Tag(id) => Extern::Tag(Tag::from_id(store, id)),
        })
    }

    pub(crate) fn item(&self, store: &StoreOpaque) -> Result<Item, Error> {
        Ok(match self {
            Extern::Func(func) => Item::Func(func.get(store)?),
            Extern::Table(table) => Item::Table(table.id(store)?),
            Extern::Memory(memory) => Item::Memory(memory.id(store)?),
            Extern::Global(global) => Item::Global(global.id(store)?),
            Extern::Tag(tag) => Item::Tag(tag.id(store)?),
        })
    }

    /// Returns the function, if it is one.
    #[must_use]
    pub fn into_func(self) -> Option<Func> {
        match self {
            Extern::Func(func) => Some(func),
            _ => None,
        }
    }

    /// Returns the table, if it is one.
    #[must_use]
    pub fn into_table(self) -> Option<Table> {
        match self {
            Extern::Table(table) => Some(table),
            _ => None,
        }
    }

    /// Returns the memory, if it is one.
    #[must_use]
    pub fn into_memory(self) -> Option<Memory> {
        match self {
            Extern::Memory(memory) => Some(memory),
            _ => None,
        }
    }

    /// Returns the global, if it is one.
    #[must_use]
    pub fn into_global(self) -> Option<Global> {
        match self {
            Extern::Global(global) => Some(global),
            _ => None,
        }
    }

    /// Returns the tag, if it is one.
    #[must_use]
    pub fn into_tag(self) -> Option<Tag> {
        match self {
            Extern::Tag(tag) => Some(tag),
            _ => None,
        }
    }
}

macro_rules! into_extern {
    ($($kind:ident),*) => { $(
        impl From<$kind> for Extern {
            fn from(item: $kind) -> Extern {
                Extern::$kind(item)
            }
        }
    )* };
}

into_extern!(Func, Table, Memory, Global, Tag);
