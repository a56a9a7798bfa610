//! What an embedder may do to a store (in the specification, the appendix "Embedding"): define
//! functions, tables, memories, globals and tags of its own, read and change what is there, make
//! objects and hold on to them.
//!
//! Always: an operation that would put a value where it does not belong is refused with [`Misuse`]
//! before anything is changed. An operation that wasm code has too ends as it does there: in a
//! [`Trap`], or in a refusal to grow.
//!
//! Not here: instantiation and invocation (`modules`), liveness ([`reach`](crate::reach)).

use std::rc::Rc;

use crate::syntax::{
    CompositeType, DefTypeId, FuncIdx, FuncType, GlobalType, HeapType, Limits, MemType, RefType,
    TableType, TypeStore, TypeUse, ValType,
};

use super::configurations::{Extern, FuncCode, GlobalInst, ModuleInst, Store};
use super::halt::{Halt, Misuse, Trap};
use super::heap::{ArrayInst, StructInst};
use super::instructions::{memory, table};
use super::layout::Field;
use super::trace::Tracer;
use super::types::{most_elements, most_pages, ref_ok, val_ok};
use super::values::{
    ArrayAddr, ExnAddr, FuncAddr, GlobalAddr, HandleId, HostAddr, InstanceAddr, MemAddr, Ref,
    StructAddr, TableAddr, TagAddr, Value,
};

/// An object, with its contents. Packed fields are zero-extended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Object {
    /// A structure.
    Struct {
        /// The type it was created with.
        ty: DefTypeId,
        /// Its fields.
        fields: Vec<Value>,
    },
    /// An array.
    Array {
        /// The type it was created with.
        ty: DefTypeId,
        /// Its elements.
        elements: Vec<Value>,
    },
    /// An exception.
    Exception {
        /// Its tag.
        tag: TagAddr,
        /// Its arguments.
        fields: Vec<Value>,
    },
    /// An object of the host.
    Host(HostAddr),
}

/// Types.
impl Store {
    /// Returns the defined types of this store.
    #[must_use]
    pub fn types(&self) -> &TypeStore {
        &self.types
    }

    /// Returns the defined type of a closed function type, final and in a group of its own.
    pub fn define_func(&mut self, ty: FuncType) -> DefTypeId {
        self.define(CompositeType::Func(ty))
    }

    /// Returns the defined type of a closed composite type without supertypes, final and in a group
    /// of its own.
    pub fn define(&mut self, composite: CompositeType) -> DefTypeId {
        let id = self.types.define_plain(composite);
        self.lay_out_types();
        id
    }

    /// Whether every type use is a defined type of this store.
    fn closed(&self, t: ValType) -> bool {
        match t {
            ValType::Ref(RefType {
                heap: HeapType::Use(TypeUse::Def(id)),
                ..
            }) => (id.0 as usize) < self.types.len(),
            ValType::Ref(RefType {
                heap: HeapType::Use(_),
                ..
            }) => false,
            ValType::Bot => false,
            _ => true,
        }
    }

    /// Returns the least type of a reference.
    ///
    /// # Errors
    /// [`Misuse::NoSuchAddress`] if it does not refer into this store.
    pub fn ref_type(&self, r: Ref) -> Result<RefType, Halt> {
        ref_ok(self, r)
            .map(|(_, rt)| rt)
            .map_err(|_| Misuse::NoSuchAddress.into())
    }

    /// `Ref_ok`: whether a reference has a closed type.
    #[must_use]
    pub fn ref_matches(&self, r: Ref, rt: RefType) -> bool {
        self.value_matches(r.into(), rt.into())
    }

    /// `Val_ok`: whether a value has a closed type.
    #[must_use]
    pub fn value_matches(&self, value: Value, t: ValType) -> bool {
        self.closed(t) && val_ok(self, value, t)
    }

    fn check(&self, value: Value, t: ValType) -> Result<(), Halt> {
        if self.value_matches(value, t) {
            Ok(())
        } else {
            Err(Misuse::ValueType.into())
        }
    }
}

/// Instances.
impl Store {
    /// Returns an instance, by an address this store has given.
    ///
    /// # Errors
    /// [`Misuse::NoSuchAddress`].
    pub fn instance(&self, a: InstanceAddr) -> Result<&ModuleInst, Halt> {
        self.instances
            .get(a.index())
            .ok_or(Misuse::NoSuchAddress.into())
    }

    /// Returns what an instance exports under a name.
    #[must_use]
    pub fn export(&self, a: InstanceAddr, name: &str) -> Option<Extern> {
        let inst = self.instances.get(a.index())?;
        let mut exports = inst.exports();
        exports.find(|(n, _)| *n == name).map(|(_, item)| item)
    }
}

/// Definitions of the host.
impl Store {
    /// Makes a host function of a defined function type. It gets the store and may do anything with
    /// it, also call functions.
    ///
    /// # Errors
    /// [`Misuse::WrongType`] if `ty` is not a function type of this store.
    pub fn add_host_function(
        &mut self,
        ty: DefTypeId,
        f: impl Fn(&mut Store, &[Value]) -> Result<Vec<Value>, Halt> + 'static,
    ) -> Result<FuncAddr, Halt> {
        self.check_type(ty)?;
        let func = self.alloc_func(ty, FuncCode::Host(Rc::new(f)));
        func.ok_or(Misuse::WrongType.into())
    }

    fn check_type(&self, ty: DefTypeId) -> Result<(), Halt> {
        if (ty.0 as usize) < self.types.len() {
            Ok(())
        } else {
            Err(Misuse::WrongType.into())
        }
    }

    fn check_limits(limits: Limits, most: u64) -> Result<(), Halt> {
        let max = limits.max.unwrap_or(most);
        if limits.min <= max && max <= most {
            Ok(())
        } else {
            Err(Misuse::InvalidType.into())
        }
    }

    /// Makes a global with its first value.
    ///
    /// # Errors
    /// [`Misuse::ValueType`].
    pub fn add_global(&mut self, ty: GlobalType, value: Value) -> Result<GlobalAddr, Halt> {
        self.check(value, ty.val)?;
        self.globals.push(GlobalInst { ty, value });
        Ok(GlobalAddr(self.globals.len() as u32 - 1))
    }

    /// Makes a memory of its least size, all zeros.
    ///
    /// # Errors
    /// [`Misuse::InvalidType`], or [`Exhausted::Memory`](super::Exhausted::Memory).
    pub fn add_memory(&mut self, ty: MemType) -> Result<MemAddr, Halt> {
        Store::check_limits(ty.limits, most_pages(ty.addr))?;
        self.alloc_mem(ty)
    }

    /// Makes a table of its least size with this element everywhere.
    ///
    /// # Errors
    /// [`Misuse::InvalidType`], [`Misuse::ValueType`], or
    /// [`Exhausted::Table`](super::Exhausted::Table).
    pub fn add_table(&mut self, ty: TableType, r: Ref) -> Result<TableAddr, Halt> {
        Store::check_limits(ty.limits, most_elements(ty.addr))?;
        self.check(r.into(), ty.elem.into())?;
        self.alloc_table(ty, r)
    }

    /// Makes a tag of a defined function type without results.
    ///
    /// # Errors
    /// [`Misuse::WrongType`].
    pub fn add_tag(&mut self, ty: DefTypeId) -> Result<TagAddr, Halt> {
        self.check_type(ty)?;
        match self.types.expand_func(ty) {
            Some(ft) if ft.results.is_empty() => Ok(self.alloc_tag(ty)),
            _ => Err(Misuse::WrongType.into()),
        }
    }
}

/// `Err(NoSuchAddress)` when there is nothing.
fn at<T>(items: &[T], index: usize) -> Result<&T, Halt> {
    items.get(index).ok_or(Halt::Misuse(Misuse::NoSuchAddress))
}

/// Functions, tags and globals. Methods fail with [`Misuse::NoSuchAddress`] on addresses of other
/// stores.
#[allow(clippy::missing_errors_doc, reason = "said once for all, above")]
impl Store {
    /// Returns the type of a function.
    pub fn func_type(&self, a: FuncAddr) -> Result<DefTypeId, Halt> {
        Ok(at(&self.funcs, a.index())?.ty)
    }

    /// Returns the instance and index that define a function, or nothing if the host defines it.
    pub fn func_origin(&self, a: FuncAddr) -> Result<Option<(InstanceAddr, FuncIdx)>, Halt> {
        match at(&self.funcs, a.index())?.code {
            FuncCode::Host(_) => Ok(None),
            FuncCode::Wasm { instance, code } => {
                let inst = self.instance(instance)?;
                let imported = inst.funcs.len() - inst.module.module().funcs.len();
                Ok(Some((instance, FuncIdx(imported as u32 + code))))
            }
        }
    }

    /// Returns the type of a tag.
    pub fn tag_type(&self, a: TagAddr) -> Result<DefTypeId, Halt> {
        Ok(at(&self.tags, a.index())?.ty)
    }

    /// Returns the type of a global.
    pub fn global_type(&self, a: GlobalAddr) -> Result<GlobalType, Halt> {
        Ok(at(&self.globals, a.index())?.ty)
    }

    /// Returns the value of a global.
    pub fn global_get(&self, a: GlobalAddr) -> Result<Value, Halt> {
        Ok(at(&self.globals, a.index())?.value)
    }

    /// Sets a global. Fails with [`Misuse::Immutable`] or [`Misuse::ValueType`] if its type does
    /// not allow it.
    pub fn global_set(&mut self, a: GlobalAddr, value: Value) -> Result<(), Halt> {
        let ty = self.global_type(a)?;
        if !ty.mutable {
            return Err(Misuse::Immutable.into());
        }
        self.check(value, ty.val)?;
        self.globals[a.index()].value = value;
        Ok(())
    }
}

const OUT_OF_TABLE: Halt = Halt::Trap(Trap::OutOfBoundsTableAccess);

/// Tables. Methods fail with [`Misuse::NoSuchAddress`] on addresses of other stores, with
/// [`Misuse::ValueType`] on references of another type than the elements', and with
/// [`Trap::OutOfBoundsTableAccess`] beyond the end.
#[allow(clippy::missing_errors_doc, reason = "said once for all, above")]
impl Store {
    /// Returns the type of a table. Its least size is its current size.
    pub fn table_type(&self, a: TableAddr) -> Result<TableType, Halt> {
        Ok(at(&self.tables, a.index())?.ty)
    }

    /// Returns the elements of a table.
    pub fn table_elements(&self, a: TableAddr) -> Result<&[Ref], Halt> {
        Ok(&at(&self.tables, a.index())?.refs)
    }

    /// Returns the number of elements.
    pub fn table_size(&self, a: TableAddr) -> Result<u64, Halt> {
        Ok(self.table_elements(a)?.len() as u64)
    }

    /// One element.
    pub fn table_get(&self, a: TableAddr, i: u64) -> Result<Ref, Halt> {
        let refs = self.table_elements(a)?;
        let range = table::range(refs, i, 1).ok_or(OUT_OF_TABLE)?;
        Ok(refs[range.start])
    }

    /// Sets one element.
    pub fn table_set(&mut self, a: TableAddr, i: u64, r: Ref) -> Result<(), Halt> {
        self.table_fill(a, i, r, 1)
    }

    /// Sets `n` elements from the `i`th.
    pub fn table_fill(&mut self, a: TableAddr, i: u64, r: Ref, n: u64) -> Result<(), Halt> {
        self.check(r.into(), self.table_type(a)?.elem.into())?;
        let refs = &mut self.tables[a.index()].refs;
        let range = table::range(refs, i, n).ok_or(OUT_OF_TABLE)?;
        refs[range].fill(r);
        Ok(())
    }

    /// Adds `n` elements. Returns the old size, or nothing if the type of the table or a limit of
    /// the store does not allow it.
    pub fn table_grow(&mut self, a: TableAddr, n: u64, r: Ref) -> Result<Option<u64>, Halt> {
        self.check(r.into(), self.table_type(a)?.elem.into())?;
        table::grow_table(self, a, n, r)
    }

    /// Copies `n` elements from the `j`th of `from` to the `i`th of `to`.
    pub fn table_copy(
        &mut self,
        (to, i): (TableAddr, u64),
        (from, j): (TableAddr, u64),
        n: u64,
    ) -> Result<(), Halt> {
        let (target, source) = (self.table_type(to)?, self.table_type(from)?);
        if !self.types.reftype_sub(source.elem, target.elem) {
            return Err(Misuse::ValueType.into());
        }
        table::copy_table(self, (to, i), (from, j), n)?.ok_or(OUT_OF_TABLE)
    }
}

/// Memories. Methods fail with [`Misuse::NoSuchAddress`] on addresses of other stores.
#[allow(clippy::missing_errors_doc, reason = "said once for all, above")]
impl Store {
    /// Returns the type of a memory. Its least size is its current size.
    pub fn memory_type(&self, a: MemAddr) -> Result<MemType, Halt> {
        Ok(at(&self.mems, a.index())?.ty)
    }

    /// Returns the contents of a memory.
    pub fn memory_bytes(&self, a: MemAddr) -> Result<&[u8], Halt> {
        Ok(&at(&self.mems, a.index())?.bytes)
    }

    /// Returns the contents of a memory, to change.
    pub fn memory_bytes_mut(&mut self, a: MemAddr) -> Result<&mut [u8], Halt> {
        let mem = self.mems.get_mut(a.index());
        Ok(&mut mem.ok_or(Misuse::NoSuchAddress)?.bytes)
    }

    /// Returns the size in pages.
    pub fn memory_size(&self, a: MemAddr) -> Result<u64, Halt> {
        Ok(self.memory_type(a)?.limits.min)
    }

    /// Adds `n` pages. Returns the old size in pages, or nothing if the type of the memory or a
    /// limit of the store does not allow it.
    pub fn memory_grow(&mut self, a: MemAddr, n: u64) -> Result<Option<u64>, Halt> {
        self.memory_type(a)?;
        memory::grow_memory(self, a, n)
    }
}

/// Objects. Methods fail with [`Misuse::NoSuchAddress`] on addresses of other stores, with
/// [`Misuse::WrongType`] on types of another kind, and with [`Misuse::ValueType`] on values of
/// another type than the field's.
#[allow(clippy::missing_errors_doc, reason = "said once for all, above")]
impl Store {
    /// The field types of a structure type, the element type of an array type (one).
    fn field_types(&self, ty: DefTypeId, array: bool) -> Result<Vec<ValType>, Halt> {
        self.check_type(ty)?;
        match (self.types.expand(ty), array) {
            (CompositeType::Struct(fields), false) => {
                Ok(fields.iter().map(|field| field.storage.unpack()).collect())
            }
            (CompositeType::Array(element), true) => Ok(vec![element.storage.unpack()]),
            _ => Err(Misuse::WrongType.into()),
        }
    }

    /// Makes a structure with these field values. Packed fields take the low bits of an `i32`.
    pub fn new_struct(&mut self, ty: DefTypeId, values: &[Value]) -> Result<StructAddr, Halt> {
        let types = self.field_types(ty, false)?;
        if types.len() != values.len() {
            return Err(Misuse::NoSuchField.into());
        }
        for (value, t) in values.iter().zip(types) {
            self.check(*value, t)?;
        }
        let layout = &self.layouts[ty.0 as usize];
        let fields = values.iter().map(|value| (*value).into());
        self.heap.add_struct(ty, layout, fields)
    }

    /// Makes an array of these elements. Packed elements take the low bits of an `i32`.
    pub fn new_array(&mut self, ty: DefTypeId, values: &[Value]) -> Result<ArrayAddr, Halt> {
        let types = self.field_types(ty, true)?;
        for value in values {
            self.check(*value, types[0])?;
        }
        let storage = self.layouts[ty.0 as usize].element()?.storage;
        let element = |i: u32| Ok(values[i as usize].into());
        self.heap
            .add_array(ty, storage, values.len() as u32, element)
    }

    /// Makes an array of `n` times the same element.
    pub fn new_array_filled(
        &mut self,
        ty: DefTypeId,
        value: Value,
        n: u32,
    ) -> Result<ArrayAddr, Halt> {
        let types = self.field_types(ty, true)?;
        self.check(value, types[0])?;
        let storage = self.layouts[ty.0 as usize].element()?.storage;
        self.heap.add_array(ty, storage, n, |_| Ok(value.into()))
    }

    /// Makes an exception with these arguments.
    pub fn new_exception(&mut self, tag: TagAddr, values: &[Value]) -> Result<ExnAddr, Halt> {
        let ty = self.tag_type(tag)?;
        let ft = self.types.expand_func(ty).ok_or(Misuse::WrongType)?;
        if ft.params.len() != values.len() {
            return Err(Misuse::Arguments.into());
        }
        for (value, t) in values.iter().zip(&ft.params) {
            self.check(*value, *t)?;
        }
        self.heap.add_exception(tag, values.to_vec())
    }

    /// Makes a new host object that carries a number. As an external reference it is
    /// `Ref::Extern(Internal::Host(address))`.
    ///
    /// An embedder with numbers of its own need not make host objects here: every [`HostAddr`] is
    /// accepted. If there is no room, the object counts as made, but nothing refers to it.
    ///
    /// # Errors
    ///
    /// [`Exhausted::Heap`](super::Exhausted::Heap).
    pub fn new_host_object(&mut self, number: u32) -> Result<HostAddr, Halt> {
        self.hosts.push(number);
        self.heap.ask()?;
        Ok(HostAddr(self.hosts.len() as u32 - 1))
    }

    /// Returns the number of a host object made by [`Store::new_host_object`].
    #[must_use]
    pub fn host_number(&self, a: HostAddr) -> Option<u32> {
        self.hosts.get(a.index()).copied()
    }

    /// Returns the number of host objects made so far.
    #[must_use]
    pub fn hosts_made(&self) -> usize {
        self.hosts.len()
    }

    /// Returns the number of structures, arrays and exceptions made so far.
    #[must_use]
    pub fn objects_made(&self) -> usize {
        self.heap.structs().len() + self.heap.arrays().len() + self.heap.exceptions().len()
    }

    /// Returns the number of objects that were asked for so far, including those that could not be
    /// made. Objects of the host are included.
    #[must_use]
    pub fn objects_asked(&self) -> u64 {
        self.heap.asked()
    }

    /// An upper bound of the bytes of all objects made so far, with 32 bytes for each object.
    /// Nothing is ever freed.
    #[must_use]
    pub fn bytes_made(&self) -> u64 {
        8 * self.heap.words_used() + 32 * self.heap.asked()
    }

    /// Whether an array was asked for whose elements take more bytes than the whole heap may have
    /// words of 8 bytes.
    #[must_use]
    pub fn was_too_large(&self) -> bool {
        self.heap.was_too_large()
    }

    /// Returns the object that a reference refers to, also through `extern.convert_any`. Nothing
    /// for null, scalars and functions.
    pub fn object(&self, r: Ref) -> Result<Option<Object>, Halt> {
        Ok(match r.unwrapped() {
            Ref::Struct(a) => Some(Object::Struct {
                ty: self.struct_object(a)?.ty,
                fields: (0..self.struct_len(a)?)
                    .map(|i| self.struct_get(a, i))
                    .collect::<Result<_, _>>()?,
            }),
            Ref::Array(a) => Some(Object::Array {
                ty: self.array_object(a)?.ty,
                elements: (0..self.array_len(a)?)
                    .map(|i| self.array_get(a, i))
                    .collect::<Result<_, _>>()?,
            }),
            Ref::Exn(a) => {
                let exception = at(self.heap.exceptions(), a.index())?;
                Some(Object::Exception {
                    tag: exception.tag,
                    fields: exception.fields.to_vec(),
                })
            }
            Ref::Host(a) => Some(Object::Host(a)),
            Ref::Null | Ref::I31(_) | Ref::Func(_) | Ref::Extern(_) => None,
        })
    }

    fn struct_object(&self, a: StructAddr) -> Result<StructInst, Halt> {
        at(self.heap.structs(), a.index()).copied()
    }

    fn array_object(&self, a: ArrayAddr) -> Result<ArrayInst, Halt> {
        at(self.heap.arrays(), a.index()).copied()
    }

    /// Returns the type a structure was created with.
    pub fn struct_type(&self, a: StructAddr) -> Result<DefTypeId, Halt> {
        Ok(self.struct_object(a)?.ty)
    }

    /// Returns the number of fields.
    pub fn struct_len(&self, a: StructAddr) -> Result<u32, Halt> {
        let layout = self.layout(self.struct_object(a)?.ty)?;
        Ok(layout.fields.len() as u32)
    }

    /// A structure, and how its field `i` is held.
    fn field(&self, a: StructAddr, i: u32) -> Result<(StructInst, Field), Halt> {
        let object = self.struct_object(a)?;
        let fields = &self.layout(object.ty)?.fields;
        let field = fields.get(i as usize).ok_or(Misuse::NoSuchField)?;
        Ok((object, *field))
    }

    /// Returns the value of a field, zero-extended if it is packed. Fails with
    /// [`Misuse::NoSuchField`].
    pub fn struct_get(&self, a: StructAddr, i: u32) -> Result<Value, Halt> {
        let (object, field) = self.field(a, i)?;
        self.heap
            .read(object.word(field), field.storage)
            .map(Value::from)
    }

    /// Sets a mutable field. Fails with [`Misuse::NoSuchField`] or [`Misuse::Immutable`].
    pub fn struct_set(&mut self, a: StructAddr, i: u32, value: Value) -> Result<(), Halt> {
        let (object, field) = self.field(a, i)?;
        if !field.mutable {
            return Err(Misuse::Immutable.into());
        }
        self.check(value, self.field_types(object.ty, false)?[i as usize])?;
        self.heap
            .write(object.word(field), field.storage, value.into())
    }

    /// Returns the type an array was created with.
    pub fn array_type(&self, a: ArrayAddr) -> Result<DefTypeId, Halt> {
        Ok(self.array_object(a)?.ty)
    }

    /// Returns the number of elements.
    pub fn array_len(&self, a: ArrayAddr) -> Result<u32, Halt> {
        Ok(self.array_object(a)?.len)
    }

    /// Returns the value of an element, zero-extended if it is packed. Fails with
    /// [`Trap::OutOfBoundsArrayAccess`] beyond the end.
    pub fn array_get(&self, a: ArrayAddr, i: u32) -> Result<Value, Halt> {
        let array = self.array_object(a)?;
        if i >= array.len {
            return Err(Trap::OutOfBoundsArrayAccess.into());
        }
        let storage = self.layout(array.ty)?.element()?.storage;
        self.heap.element(array, storage, i).map(Value::from)
    }

    /// Sets an element. Fails with [`Misuse::Immutable`] if elements are, and with
    /// [`Trap::OutOfBoundsArrayAccess`] beyond the end.
    pub fn array_set(&mut self, a: ArrayAddr, i: u32, value: Value) -> Result<(), Halt> {
        let array = self.array_object(a)?;
        let element = self.layout(array.ty)?.element()?;
        if !element.mutable {
            return Err(Misuse::Immutable.into());
        }
        if i >= array.len {
            return Err(Trap::OutOfBoundsArrayAccess.into());
        }
        self.check(value, self.field_types(array.ty, true)?[0])?;
        self.heap
            .set_element(array, element.storage, i, value.into())
    }
}

/// Roots of the host's own.
impl Store {
    /// Makes a reference a root, under a new handle. Handles are numbered from 0 and never reused.
    pub fn hold(&mut self, r: Ref) -> HandleId {
        let handle = HandleId(self.handles_made);
        self.handles_made += 1;
        self.handles.insert(handle, r);
        handle
    }

    /// Returns the reference under a handle, unless it has been released.
    #[must_use]
    pub fn held(&self, handle: HandleId) -> Option<Ref> {
        self.handles.get(&handle).copied()
    }

    /// Releases a handle. Returns the reference that was under it, or nothing if the handle has
    /// been released before.
    pub fn release(&mut self, handle: HandleId) -> Option<Ref> {
        self.handles.remove(&handle)
    }

    /// Declares the exception that is on its way through the embedder's code, or that there is
    /// none. Such an exception is a root.
    pub fn set_pending_exception(&mut self, exception: Option<ExnAddr>) {
        self.pending = exception;
    }
}

/// Runs.
impl Store {
    /// Steps left of [`StoreLimits::steps`](super::StoreLimits::steps).
    #[must_use]
    pub fn steps_left(&self) -> u64 {
        self.stack().steps.left()
    }

    /// Sets the number of steps left.
    pub fn set_steps_left(&mut self, steps: u64) {
        self.stack_mut().steps.set_left(steps);
    }

    /// Returns the number of wasm frames on the stack: 0, except while a host function is called.
    #[must_use]
    pub fn depth(&self) -> usize {
        self.stack().frames.len()
    }

    /// Returns the most wasm frames that were ever on the stack.
    #[must_use]
    pub fn frames_most(&self) -> usize {
        self.stack().frames_most
    }

    /// Reports every instruction to `tracer` from now on. With `None`, no instruction is reported
    /// any more.
    pub fn set_tracer(&mut self, tracer: Option<Tracer>) {
        self.stack_mut().steps.set_tracer(tracer);
    }
}
