//! Tables, globals, memories and tags of a store.

use super::engine::Engine;
use super::error::{Error, Misuse};
use super::extern_types::{ExternType, GlobalType, MemoryType, TableType};
use super::handles::{Extern, Func, Global, Memory, Table, Tag};
use super::store::{AsContext, AsContextMut};
use super::types::{FuncType, func_type};
use super::val::{Ref, Val, arity, lift, lift_ref, lower, mismatch};
use crate::abi::vmctx::{VmGlobal, VmTable};
use crate::error::Exhausted;
use crate::heap::PointKind;
use crate::instance::contents::TagData;
use crate::instance::global::GlobalData;
use crate::instance::mapping::Record;
use crate::instance::memory::MemoryData;
use crate::instance::store::StoreOpaque;
use crate::instance::table::{Element, TableData};
use crate::instance::{GlobalId, MemoryId, TableId, TagId};
use crate::planted::planted;
use crate::types::{RefKind, ValKind};

impl Extern {
    /// Returns its type, with current sizes.
    ///
    /// # Errors
    /// `Misuse` for an entity of another store.
    pub fn ty(&self, store: impl AsContext) -> Result<ExternType, Error> {
        self.ty_in(store.as_context().opaque())
    }

    pub(crate) fn ty_in(&self, store: &StoreOpaque) -> Result<ExternType, Error> {
        Ok(match self {
            Extern::Func(func) => ExternType::Func(func.ty_in(store)?),
            Extern::Table(table) => ExternType::Table(table.ty_in(store)?),
            Extern::Memory(memory) => ExternType::Memory(memory.ty_in(store)?),
            Extern::Global(global) => ExternType::Global(global.ty_in(store)?),
            Extern::Tag(tag) => ExternType::Tag(tag.ty_in(store)?),
        })
    }
}

/// Rule `Limits_ok`.
fn limits(min: u64, max: Option<u64>, most: u64) -> Result<(), Error> {
    if min <= most && max.is_none_or(|max| min <= max && max <= most) {
        Ok(())
    } else {
        let found = match max {
            Some(max) => format!("a minimum of {min} and a maximum of {max}"),
            None => format!("a minimum of {min}"),
        };
        Err(Error::type_mismatch(
            format!("limits in ascending order and of at most {most}"),
            found,
        ))
    }
}

impl Table {
    /// Makes a new table whose elements are all `init`. A collection point if its references are
    /// collected.
    ///
    /// # Errors
    /// `Misuse` when the limits are not valid or the value does not match. [`Error::Exhausted`]
    /// when the table is too large.
    pub fn new(
        mut store: impl AsContextMut,
        ty: &TableType,
        init: impl Into<Val>,
    ) -> Result<Table, Error> {
        let opaque = store.as_context_mut().opaque_mut();
        let engine = Engine::from_data(&opaque.engine);
        let kind = ty.kind(&engine)?;
        let most = if kind.is_64 {
            u64::MAX
        } else {
            u32::MAX.into()
        };
        limits(kind.min, kind.max, most)?;
        keep_val(opaque, &engine, ValKind::Ref(kind.element));
        let raw = lower(opaque, &init.into(), ValKind::Ref(kind.element))?;
        if !opaque.limit(|l| kind.min == 0 || l.table_growing(0, kind.min, kind.max)) {
            return Err(Error::Exhausted(Exhausted::Table));
        }
        let record = Record::new(size_of::<VmTable>())?;
        // SAFETY: the table keeps its record.
        let data = unsafe { TableData::new(kind, record.start().cast(), Some(record)) }?;
        let id = TableId(opaque.contents.tables.len() as u32);
        opaque.contents.tables.push(data);
        if kind.element.is_collected() {
            let [raw] = opaque.point_with(PointKind::Table, [raw.low_u32()])?;
            opaque.init_table_ref(id, raw)?;
        } else {
            opaque.init_table_func(id, raw.func());
        }
        Ok(Table::from_id(opaque, id))
    }

    /// Returns its type. The minimum is the current size.
    ///
    /// # Errors
    /// `Misuse` for a table of another store.
    pub fn ty(&self, store: impl AsContext) -> Result<TableType, Error> {
        self.ty_in(store.as_context().opaque())
    }

    fn ty_in(&self, opaque: &StoreOpaque) -> Result<TableType, Error> {
        let ty = opaque.table_type(self.id(opaque)?);
        Ok(TableType::from_kind(&Engine::from_data(&opaque.engine), ty))
    }

    /// Returns the number of its elements.
    ///
    /// # Errors
    /// `Misuse` for a table of another store.
    pub fn size(&self, store: impl AsContext) -> Result<u64, Error> {
        let context = store.as_context();
        let opaque = context.opaque();
        Ok(opaque.table(self.id(opaque)?).size())
    }

    /// Returns an element. `None` if the index is out of bounds. A collection point if the
    /// references are collected.
    ///
    /// # Errors
    /// `Misuse` for a table of another store.
    pub fn get(&self, mut store: impl AsContextMut, at: u64) -> Result<Option<Ref>, Error> {
        let opaque = store.as_context_mut().opaque_mut();
        let id = self.id(opaque)?;
        let element = opaque.table(id).declared().element;
        if element.is_collected() {
            opaque.point(PointKind::Table)?;
        }
        let found = match opaque.table(id).get(at) {
            None => return Ok(None),
            Some(Element::Func(func)) => {
                return Ok(Some(Ref::Func(Func::from_ptr(opaque.id(), func))));
            }
            Some(Element::Ref(raw)) => lift_ref(opaque, raw, element.heap.top())?,
        };
        Ok(found.as_ref())
    }

    /// The table's number, its element type, and the value in raw form.
    fn checked(
        &self,
        opaque: &mut StoreOpaque,
        value: &Val,
    ) -> Result<(TableId, RefKind, crate::abi::vmctx::ValRaw), Error> {
        let id = self.id(opaque)?;
        let element = opaque.table(id).declared().element;
        let raw = lower(opaque, value, ValKind::Ref(element))?;
        Ok((id, element, raw))
    }

    /// Writes an element. A collection point if the references are collected.
    ///
    /// # Errors
    /// `Misuse` when the value does not match. A trap when the index is out of bounds.
    pub fn set(
        &self,
        mut store: impl AsContextMut,
        at: u64,
        value: impl Into<Val>,
    ) -> Result<(), Error> {
        let opaque = store.as_context_mut().opaque_mut();
        let (id, element, raw) = self.checked(opaque, &value.into())?;
        if element.is_collected() {
            let [raw] = opaque.point_with(PointKind::Table, [raw.low_u32()])?;
            planted!(opaque.planted(), TableSetHostNoBarrier => {
                return Ok(opaque.without_barriers(|store| store.table_set_ref(id, at, raw))?);
            });
            opaque.table_set_ref(id, at, raw)?;
        } else {
            opaque.table_set_func(id, at, raw.func())?;
        }
        opaque.drop_dead_hosts();
        Ok(())
    }

    /// Appends `delta` elements with that value. Returns the old size. A collection point if the
    /// references are collected.
    ///
    /// # Errors
    /// `Misuse` when the value does not match. `Exhausted(Table)` when the type, the implementation
    /// or the limiter refuses.
    pub fn grow(
        &self,
        mut store: impl AsContextMut,
        delta: u64,
        init: impl Into<Val>,
    ) -> Result<u64, Error> {
        let opaque = store.as_context_mut().opaque_mut();
        let (id, element, raw) = self.checked(opaque, &init.into())?;
        let old = if element.is_collected() {
            let init = raw.low_u32();
            planted!(opaque.planted(), TableGrowHostKeepsCount => opaque.count_once_more(init)?;);
            opaque.table_grow_ref(id, init, delta)?
        } else {
            opaque.table_grow_func(id, raw.func(), delta)
        };
        old.ok_or(Error::Exhausted(Exhausted::Table))
    }

    /// Writes a range of elements. A collection point if the references are collected.
    ///
    /// # Errors
    /// `Misuse` when the value does not match. A trap when the range is out of bounds. Then nothing
    /// was written.
    pub fn fill(
        &self,
        mut store: impl AsContextMut,
        at: u64,
        value: impl Into<Val>,
        len: u64,
    ) -> Result<(), Error> {
        let opaque = store.as_context_mut().opaque_mut();
        let (id, element, raw) = self.checked(opaque, &value.into())?;
        if element.is_collected() {
            let value = raw.low_u32();
            planted!(opaque.planted(), TableFillHostNoBarrier => {
                return Ok(opaque.without_barriers(|s| s.table_fill_ref(id, at, value, len))?);
            });
            opaque.table_fill_ref(id, at, value, len)?;
        } else {
            opaque.table_fill_func(id, at, raw.func(), len)?;
        }
        opaque.drop_dead_hosts();
        Ok(())
    }

    /// Copies a range of elements from one table to another, or within one. A collection point if
    /// the references are collected.
    ///
    /// # Errors
    /// `Misuse` when the elements' types do not match. A trap when a range is out of bounds. Then
    /// nothing was written.
    pub fn copy(
        mut store: impl AsContextMut,
        to: &Table,
        at: u64,
        from: &Table,
        start: u64,
        len: u64,
    ) -> Result<(), Error> {
        let opaque = store.as_context_mut().opaque_mut();
        let (to, from) = (to.id(opaque)?, from.id(opaque)?);
        let sup = opaque.table(to).declared().element;
        let sub = opaque.table(from).declared().element;
        if !opaque.engine.registry.ref_matches(sub, sup) {
            return Err(mismatch(opaque, ValKind::Ref(sup), ValKind::Ref(sub)));
        }
        planted!(opaque.planted(), TableCopyHostNoBarrier => {
            return Ok(opaque.without_barriers(|s| s.table_copy((to, at), (from, start), len))?);
        });
        opaque.table_copy((to, at), (from, start), len)?;
        opaque.drop_dead_hosts();
        Ok(())
    }
}

/// Keeps the type that `kind` names alive in the store.
fn keep_val(store: &mut StoreOpaque, engine: &Engine, kind: ValKind) {
    if let ValKind::Ref(RefKind {
        heap: crate::types::HeapKind::Defined(id, _),
        ..
    }) = kind
        && let Some(types) = crate::types::registry::Registered::retain(engine.registry(), id)
    {
        store.keep_types(&types);
    }
}

impl Global {
    /// Makes a new global.
    ///
    /// # Errors
    /// `Misuse` when the value does not match.
    pub fn new(
        mut store: impl AsContextMut,
        ty: &GlobalType,
        value: impl Into<Val>,
    ) -> Result<Global, Error> {
        let opaque = store.as_context_mut().opaque_mut();
        let engine = Engine::from_data(&opaque.engine);
        let kind = ty.kind(&engine)?;
        let raw = lower(opaque, &value.into(), kind.content)?;
        keep_val(opaque, &engine, kind.content);
        let record = Record::new(size_of::<VmGlobal>())?;
        let id = GlobalId(opaque.contents.globals.len() as u32);
        opaque
            .contents
            .globals
            .push(GlobalData::of_host(kind, record));
        opaque.global_set(id, raw)?;
        Ok(Global::from_id(opaque, id))
    }

    /// Returns its type.
    ///
    /// # Errors
    /// `Misuse` for a global of another store.
    pub fn ty(&self, store: impl AsContext) -> Result<GlobalType, Error> {
        self.ty_in(store.as_context().opaque())
    }

    fn ty_in(&self, opaque: &StoreOpaque) -> Result<GlobalType, Error> {
        let ty = opaque.global(self.id(opaque)?).ty();
        Ok(GlobalType::from_kind(
            &Engine::from_data(&opaque.engine),
            ty,
        ))
    }

    /// Returns its value.
    ///
    /// # Errors
    /// `Misuse` for a global of another store.
    pub fn get(&self, mut store: impl AsContextMut) -> Result<Val, Error> {
        let opaque = store.as_context_mut().opaque_mut();
        let global = opaque.global(self.id(opaque)?);
        let (raw, kind) = (global.get(), global.ty().content);
        lift(opaque, &raw, kind)
    }

    /// Writes it.
    ///
    /// # Errors
    /// `Misuse` when it is immutable or the value does not match.
    pub fn set(&self, mut store: impl AsContextMut, value: impl Into<Val>) -> Result<(), Error> {
        let opaque = store.as_context_mut().opaque_mut();
        let id = self.id(opaque)?;
        let ty = opaque.global(id).ty();
        if !ty.mutable {
            return Err(Misuse::Immutable.into());
        }
        let raw = lower(opaque, &value.into(), ty.content)?;
        planted!(opaque.planted(), GlobalSetHostNoBarrier => {
            return Ok(opaque.without_barriers(|store| store.global_set(id, raw))?);
        });
        opaque.global_set(id, raw)?;
        opaque.drop_dead_hosts();
        Ok(())
    }
}

impl Memory {
    /// Makes a new memory. All its bytes are zero.
    ///
    /// # Errors
    /// `Misuse` for limits that are not valid. [`Error::Exhausted`] when the memory is too large.
    pub fn new(mut store: impl AsContextMut, ty: MemoryType) -> Result<Memory, Error> {
        let opaque = store.as_context_mut().opaque_mut();
        let kind = ty.kind();
        limits(
            kind.min,
            kind.max,
            if kind.is_64 { 1 << 48 } else { 1 << 16 },
        )?;
        let page = crate::limits::WASM_PAGE_BYTES;
        let bytes = kind.min.saturating_mul(page);
        let max = kind.max.map(|max| max.saturating_mul(page));
        if !opaque.limit(|l| bytes == 0 || l.memory_growing(0, bytes, max)) {
            return Err(Error::Exhausted(Exhausted::Memory));
        }
        let reservation = opaque.engine.config.memory_reservation;
        // SAFETY: the memory gets a record of its own.
        let data = unsafe { MemoryData::new(kind, reservation, &opaque.engine.memories, None) }?;
        let id = MemoryId(opaque.contents.memories.len() as u32);
        opaque.contents.memories.push(data);
        Ok(Memory::from_id(opaque, id))
    }

    /// Returns its type. The minimum is the current size.
    ///
    /// # Errors
    /// `Misuse` for a memory of another store.
    pub fn ty(&self, store: impl AsContext) -> Result<MemoryType, Error> {
        self.ty_in(store.as_context().opaque())
    }

    fn ty_in(&self, opaque: &StoreOpaque) -> Result<MemoryType, Error> {
        Ok(MemoryType::from_kind(opaque.memory_type(self.id(opaque)?)))
    }

    /// Returns its size in pages of 64 KiB.
    ///
    /// # Errors
    /// `Misuse` for a memory of another store.
    pub fn size(&self, store: impl AsContext) -> Result<u64, Error> {
        let context = store.as_context();
        let opaque = context.opaque();
        Ok(opaque.memory(self.id(opaque)?).pages())
    }

    /// Returns its size in bytes.
    ///
    /// # Errors
    /// `Misuse` for a memory of another store.
    pub fn data_size(&self, store: impl AsContext) -> Result<u64, Error> {
        let context = store.as_context();
        let opaque = context.opaque();
        Ok(opaque.memory(self.id(opaque)?).bytes())
    }

    /// Appends `delta` pages. Returns the old size.
    ///
    /// # Errors
    /// `Exhausted(Memory)` when the type, the implementation or the limiter refuses.
    pub fn grow(&self, mut store: impl AsContextMut, delta: u64) -> Result<u64, Error> {
        let opaque = store.as_context_mut().opaque_mut();
        let id = self.id(opaque)?;
        let old = opaque.memory_grow(id, delta);
        old.ok_or(Error::Exhausted(Exhausted::Memory))
    }

    /// Returns its bytes.
    ///
    /// # Errors
    /// `Misuse` for a memory of another store.
    pub fn data<'a, C: AsContext>(&self, store: &'a C) -> Result<&'a [u8], Error>
    where
        C::Data: 'a,
    {
        let opaque = store.as_context().opaque();
        Ok(opaque.memory(self.id(opaque)?).data())
    }

    /// Returns its bytes.
    ///
    /// # Errors
    /// `Misuse` for a memory of another store.
    pub fn data_mut<'a, C: AsContextMut>(&self, store: &'a mut C) -> Result<&'a mut [u8], Error>
    where
        C::Data: 'a,
    {
        let opaque = store.as_context_mut().opaque_mut();
        let id = self.id(opaque)?;
        Ok(opaque.memory_mut(id).data_mut())
    }

    /// Copies bytes out.
    ///
    /// # Errors
    /// `Misuse` when the range is out of bounds.
    pub fn read(&self, store: impl AsContext, at: usize, into: &mut [u8]) -> Result<(), Error> {
        let bytes = self.data(&store)?;
        let range = at..at.saturating_add(into.len());
        into.copy_from_slice(bytes.get(range).ok_or(Misuse::OutOfBounds)?);
        Ok(())
    }

    /// Copies bytes in.
    ///
    /// # Errors
    /// `Misuse` when the range is out of bounds.
    pub fn write(&self, mut store: impl AsContextMut, at: usize, from: &[u8]) -> Result<(), Error> {
        let bytes = self.data_mut(&mut store)?;
        let range = at..at.saturating_add(from.len());
        let target = bytes.get_mut(range).ok_or(Misuse::OutOfBounds)?;
        target.copy_from_slice(from);
        Ok(())
    }
}

impl Tag {
    /// Makes a new tag. The parameters of its type are the payload. It has no results.
    ///
    /// # Errors
    /// `Misuse` for a type of another engine or one with results.
    pub fn new(mut store: impl AsContextMut, ty: &FuncType) -> Result<Tag, Error> {
        let opaque = store.as_context_mut().opaque_mut();
        if !Engine::same(&Engine::from_data(&opaque.engine), ty.engine()) {
            return Err(Misuse::WrongEngine.into());
        }
        arity(0, ty.sig().results.len())?;
        opaque.keep_types(ty.keep());
        let id = TagId(opaque.contents.tags.len() as u32);
        opaque.contents.tags.push(TagData { ty: ty.id() });
        Ok(Tag::from_id(opaque, id))
    }

    /// Returns its type.
    ///
    /// # Errors
    /// `Misuse` for a tag of another store.
    pub fn ty(&self, store: impl AsContext) -> Result<FuncType, Error> {
        self.ty_in(store.as_context().opaque())
    }

    fn ty_in(&self, opaque: &StoreOpaque) -> Result<FuncType, Error> {
        let ty = opaque.tag(self.id(opaque)?).ty;
        Ok(func_type(&Engine::from_data(&opaque.engine), ty))
    }

    /// Returns its number in the store, as in [`RawRef::tag`](super::RawRef::tag).
    #[must_use]
    pub fn number(&self) -> TagId {
        self.id
    }
}
