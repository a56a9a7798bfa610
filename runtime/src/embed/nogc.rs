//! Access to objects without roots, in a scope in which nothing can collect.

use std::any::Any;
use std::cell::RefCell;
use std::fmt;

use super::census::ObjectKind;
use super::engine::Engine;
use super::error::{Error, Misuse};
use super::handles::{Func, FuncOrigin, Global, Table};
use super::reference::Reference;
use super::refs::I31;
use super::store::AsContextMut;
use super::types::{ArrayType, FuncType, HeapType, StructType};
use super::val::{Val, lower, numbered_func};
use crate::heap::layout::Kind;
use crate::heap::{GcRef, Stored};
use crate::instance::TagId;
use crate::instance::store::StoreOpaque;
use crate::instance::table::Element;
use crate::types::{Composite, StorageKind, Top, TypeId, ValKind};

/// A scope in which nothing can collect, so objects can be read without rooting them.
///
/// The scope borrows the store exclusively, and every [`RawRef`] borrows from the scope. So the
/// borrow checker ensures that no raw reference is alive while objects can move.
///
/// ```
/// use gcrucible_runtime::embed::{AnyRef, Config, Engine, I31, NoGc, Store};
/// # fn main() -> Result<(), gcrucible_runtime::embed::Error> {
/// let mut store = Store::new(&Engine::new(&Config::optimised())?, ());
/// let one = AnyRef::from_i31(&mut store, I31::wrapping_u32(1))?;
/// let scope = NoGc::new(&mut store);
/// let raw = scope.get(&*one)?;
/// assert_eq!(raw.as_i31(), Some(I31::wrapping_u32(1)));
/// # Ok(())
/// # }
/// ```
///
/// The scope borrows the store, so nothing can collect in it:
///
/// ```compile_fail,E0499
/// use gcrucible_runtime::embed::{AnyRef, Config, Engine, I31, NoGc, Store};
/// # fn main() -> Result<(), gcrucible_runtime::embed::Error> {
/// let mut store = Store::new(&Engine::new(&Config::optimised())?, ());
/// let one = AnyRef::from_i31(&mut store, I31::wrapping_u32(1))?;
/// let scope = NoGc::new(&mut store);
/// let raw = scope.get(&*one)?;
/// store.gc()?; // error: the scope still borrows the store
/// assert!(raw.as_i31().is_some());
/// # Ok(())
/// # }
/// ```
///
/// Nothing can allocate in it:
///
/// ```compile_fail,E0499
/// use gcrucible_runtime::embed::{AnyRef, Config, Engine, ExternRef, I31, NoGc, Store};
/// # fn main() -> Result<(), gcrucible_runtime::embed::Error> {
/// let mut store = Store::new(&Engine::new(&Config::optimised())?, ());
/// let one = AnyRef::from_i31(&mut store, I31::wrapping_u32(1))?;
/// let scope = NoGc::new(&mut store);
/// let raw = scope.get(&*one)?;
/// ExternRef::new(&mut store, "may collect")?; // error: the scope still borrows the store
/// assert!(raw.as_i31().is_some());
/// # Ok(())
/// # }
/// ```
///
/// Nothing can call a function in it:
///
/// ```compile_fail,E0499
/// use gcrucible_runtime::embed::{AnyRef, Error, Func, I31, NoGc, Store};
/// # fn check(store: &mut Store<()>, func: Func) -> Result<(), Error> {
/// let one = AnyRef::from_i31(&mut *store, I31::wrapping_u32(1))?;
/// let scope = NoGc::new(store);
/// let raw = scope.get(&*one)?;
/// func.call(&mut *store, &[], &mut [])?; // error: the scope still borrows the store
/// assert!(raw.as_i31().is_some());
/// # Ok(())
/// # }
/// ```
///
/// Nothing can change a table in it:
///
/// ```compile_fail,E0499
/// use gcrucible_runtime::embed::{Error, HeapTopType, NoGc, RawVal, Store, Table, Val};
/// # fn check(store: &mut Store<()>, table: Table) -> Result<(), Error> {
/// let scope = NoGc::new(store);
/// let element = scope.element(&table, 0)?;
/// table.grow(&mut *store, 1, Val::null(HeapTopType::Any))?; // error: the scope still borrows the store
/// assert!(matches!(element, Some(RawVal::Any(Some(_)))));
/// # Ok(())
/// # }
/// ```
///
/// And a raw reference cannot leave the scope:
///
/// ```compile_fail,E0505
/// use gcrucible_runtime::embed::{AnyRef, Config, Engine, I31, NoGc, Store};
/// # fn main() -> Result<(), gcrucible_runtime::embed::Error> {
/// let mut store = Store::new(&Engine::new(&Config::optimised())?, ());
/// let one = AnyRef::from_i31(&mut store, I31::wrapping_u32(1))?;
/// let scope = NoGc::new(&mut store);
/// let raw = scope.get(&*one)?;
/// drop(scope); // error: `raw` borrows from the scope
/// assert!(raw.as_i31().is_some());
/// # Ok(())
/// # }
/// ```
pub struct NoGc<'a> {
    store: RefCell<&'a mut StoreOpaque>,
}

/// A scope, without the lifetime of its borrow of the store.
trait Access {
    fn with(&self, act: &mut dyn FnMut(&mut StoreOpaque));
}

impl Access for NoGc<'_> {
    fn with(&self, act: &mut dyn FnMut(&mut StoreOpaque)) {
        act(&mut self.store.borrow_mut());
    }
}

/// A borrowed scope.
#[derive(Clone, Copy)]
struct Lent<'s>(&'s (dyn Access + 's));

/// A non-null reference. Valid as long as its scope.
#[derive(Clone, Copy)]
pub struct RawRef<'s> {
    reference: GcRef,
    scope: Lent<'s>,
}

/// A value. Valid as long as its scope.
#[derive(Clone, Copy, Debug)]
pub enum RawVal<'s> {
    /// A 32-bit integer, or a packed field, which is zero-extended.
    I32(u32),
    /// A 64-bit integer.
    I64(u64),
    /// The bits of a 32-bit float.
    F32(u32),
    /// The bits of a 64-bit float.
    F64(u64),
    /// A vector. Lane 0 is in the lowest bits.
    V128(u128),
    /// A reference below `func`.
    Func(Option<Func>),
    /// A reference below `any`.
    Any(Option<RawRef<'s>>),
    /// A reference below `extern`.
    Extern(Option<RawRef<'s>>),
    /// A reference below `exn`.
    Exn(Option<RawRef<'s>>),
}

impl fmt::Debug for RawRef<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RawRef({:#x})", self.reference.raw())
    }
}

impl PartialEq for RawRef<'_> {
    /// As `ref.eq`: true for the same object, and for equal i31.
    fn eq(&self, other: &Self) -> bool {
        self.reference == other.reference
    }
}

impl Eq for RawRef<'_> {}

impl<'a> NoGc<'a> {
    /// Begins a scope.
    pub fn new<C: AsContextMut>(store: &'a mut C) -> NoGc<'a>
    where
        C::Data: 'a,
    {
        NoGc {
            store: RefCell::new(store.as_context_mut().opaque_mut()),
        }
    }

    fn lent(&self) -> Lent<'_> {
        Lent(self)
    }

    /// Returns the reference of a handle.
    ///
    /// # Errors
    /// `Misuse` for a stale handle or a handle of another store.
    pub fn get(&self, handle: &impl Reference) -> Result<RawRef<'_>, Error> {
        let reference = self.lent().with(|store| handle.root().get(store))?;
        Ok(self.lent().raw(reference))
    }

    /// Returns a value without its handle.
    ///
    /// # Errors
    /// `Misuse` for a stale handle or a handle of another store.
    pub fn val(&self, val: &Val) -> Result<RawVal<'_>, Error> {
        let (kind, raw) = self.lent().with(|store| {
            let kind = super::val::kind_of(store, val)?;
            Ok::<_, Error>((kind, lower(store, val, kind)?))
        })?;
        Ok(self.lent().lift(kind, &raw))
    }

    /// Returns the definition of a function, as [`Func::origin`].
    ///
    /// # Errors
    /// `Misuse` for a function of another store.
    pub fn func_origin(&self, func: &Func) -> Result<FuncOrigin, Error> {
        self.lent().with(|store| func.origin_in(store))
    }

    /// Returns the value of a global.
    ///
    /// # Errors
    /// `Misuse` for a handle of another store.
    pub fn global(&self, global: &Global) -> Result<RawVal<'_>, Error> {
        let (kind, raw) = self.lent().with(|store| {
            let data = store.global(global.id(store)?);
            Ok::<_, Error>((data.ty().content, data.get()))
        })?;
        Ok(self.lent().lift(kind, &raw))
    }

    /// Returns an element of a table. `None` if the index is out of bounds.
    ///
    /// # Errors
    /// `Misuse` for a handle of another store.
    pub fn element(&self, table: &Table, at: u64) -> Result<Option<RawVal<'_>>, Error> {
        let (top, id, element) = self.lent().with(|store| {
            let data = store.table(table.id(store)?);
            Ok::<_, Error>((data.declared().element.heap.top(), store.id(), data.get(at)))
        })?;
        Ok(element.map(|element| match element {
            Element::Func(func) => RawVal::Func(Func::from_ptr(id, func)),
            Element::Ref(raw) => self.lent().reference(top, raw),
        }))
    }
}

impl<'s> Lent<'s> {
    fn with<R>(self, act: impl FnOnce(&mut StoreOpaque) -> R) -> R {
        let (mut act, mut result) = (Some(act), None);
        self.0
            .with(&mut |store| result = act.take().map(|act| act(store)));
        result.unwrap_or_else(|| unreachable!("scopes call once"))
    }

    fn raw(self, reference: GcRef) -> RawRef<'s> {
        RawRef {
            reference,
            scope: self,
        }
    }

    fn reference(self, top: Top, raw: u32) -> RawVal<'s> {
        let reference = GcRef::from_raw(raw).map(|r| self.raw(r));
        match top {
            Top::Extern => RawVal::Extern(reference),
            Top::Exn => RawVal::Exn(reference),
            Top::Any | Top::Func => RawVal::Any(reference),
        }
    }

    fn lift(self, kind: ValKind, raw: &crate::abi::vmctx::ValRaw) -> RawVal<'s> {
        match kind {
            ValKind::I32 => RawVal::I32(raw.low_u32()),
            ValKind::I64 => RawVal::I64(raw.low_u64()),
            ValKind::F32 => RawVal::F32(raw.low_u32()),
            ValKind::F64 => RawVal::F64(raw.low_u64()),
            ValKind::V128 => RawVal::V128(raw.as_u128()),
            ValKind::Ref(r) if r.heap.top() == Top::Func => {
                RawVal::Func(self.with(|store| Func::from_ptr(store.id(), raw.func())))
            }
            ValKind::Ref(r) => self.reference(r.heap.top(), raw.low_u32()),
        }
    }

    fn stored(self, stored: Stored, storage: StorageKind) -> Result<RawVal<'s>, Error> {
        use crate::abi::vmctx::ValRaw;
        let kind = match storage {
            StorageKind::I8 | StorageKind::I16 => ValKind::I32,
            StorageKind::Val(kind) => kind,
        };
        let raw = match stored {
            Stored::I8(v) => ValRaw::from_u64(v.into()),
            Stored::I16(v) => ValRaw::from_u64(v.into()),
            Stored::I32(v) => ValRaw::from_u64(v.into()),
            Stored::I64(v) => ValRaw::from_u64(v),
            Stored::V128(v) => ValRaw::from_u128(v),
            Stored::Ref(r) => ValRaw::from_u64(GcRef::to_raw(r).into()),
            Stored::Func(number) => {
                ValRaw::from_func(self.with(|store| numbered_func(store, number))?)
            }
        };
        Ok(self.lift(kind, &raw))
    }
}

impl<'s> RawRef<'s> {
    /// Returns a number. Within one scope, two references have the same number if and only if they
    /// refer to the same object.
    #[must_use]
    pub fn identity(self) -> u32 {
        self.reference.raw()
    }

    /// Returns the integer, if it is an i31.
    #[must_use]
    pub fn as_i31(self) -> Option<I31> {
        self.reference.as_i31().map(I31::wrapping_u32)
    }

    fn object(self) -> Result<crate::heap::access::ObjectInfo, Error> {
        let reference = self.reference;
        self.scope
            .with(|store| store.heap()?.object(reference).map_err(Error::from))
    }

    /// Returns the kind of the object. `None` for an i31.
    ///
    /// # Errors
    /// [`Error::Fault`] when the heap is corrupt.
    pub fn kind(self) -> Result<Option<ObjectKind>, Error> {
        if self.reference.is_i31() {
            return Ok(None);
        }
        Ok(match self.object()?.kind {
            Kind::Struct => Some(ObjectKind::Struct),
            Kind::Array => Some(ObjectKind::Array),
            Kind::Exception => Some(ObjectKind::Exception),
            Kind::Extern => Some(ObjectKind::Extern),
            Kind::Free | Kind::Forwarded => None,
        })
    }

    /// Returns the type of a structure or array, or the function type of an exception's tag. `None`
    /// for any other reference.
    ///
    /// # Errors
    /// [`Error::Fault`] when the heap is corrupt.
    pub fn ty(self) -> Result<Option<HeapType>, Error> {
        if self.reference.is_i31() {
            return Ok(None);
        }
        let object = self.object()?;
        let id = TypeId(object.type_id);
        let engine = self.scope.with(|store| Engine::from_data(&store.engine));
        Ok(match object.kind {
            Kind::Struct => StructType::from_id(&engine, id).map(HeapType::ConcreteStruct),
            Kind::Array => ArrayType::from_id(&engine, id).map(HeapType::ConcreteArray),
            Kind::Exception => FuncType::from_id(&engine, id).map(HeapType::ConcreteFunc),
            Kind::Extern | Kind::Free | Kind::Forwarded => None,
        })
    }

    /// Returns the number of fields, elements or payload values. 0 for any other reference.
    ///
    /// # Errors
    /// [`Error::Fault`] when the heap is corrupt.
    pub fn len(self) -> Result<u32, Error> {
        if self.reference.is_i31() {
            return Ok(0);
        }
        let object = self.object()?;
        if object.kind == Kind::Array {
            return Ok(object.word);
        }
        Ok(self.storages(object.type_id)?.map_or(0, |s| s.len() as u32))
    }

    /// Returns true if [`RawRef::len`] is 0.
    ///
    /// # Errors
    /// [`Error::Fault`] when the heap is corrupt.
    pub fn is_empty(self) -> Result<bool, Error> {
        Ok(self.len()? == 0)
    }

    /// Storage types of the fields or the payload, or the one storage type of an array's elements.
    fn storages(self, type_id: u32) -> Result<Option<Vec<StorageKind>>, Error> {
        let def = self
            .scope
            .with(|store| store.engine.registry.get(TypeId(type_id)));
        Ok(def.map(|def| match &def.composite {
            Composite::Func(sig) => sig.params.iter().map(|p| StorageKind::Val(*p)).collect(),
            Composite::Struct(fields) => fields.iter().map(|f| f.storage).collect(),
            Composite::Array(element) => vec![element.storage],
        }))
    }

    /// Returns a field, element or payload value.
    ///
    /// # Errors
    /// `Misuse` when the index is out of bounds. [`Error::Fault`] when the heap is corrupt.
    pub fn get(self, at: u32) -> Result<RawVal<'s>, Error> {
        if at >= self.len()? {
            return Err(Misuse::OutOfBounds.into());
        }
        let object = self.object()?;
        let storages = self.storages(object.type_id)?.unwrap_or_default();
        let reference = self.reference;
        let (stored, storage) = if object.kind == Kind::Array {
            let stored = self.scope.with(|store| {
                let read = store.heap()?.read_element(reference, at);
                read.map_err(crate::execute::Raised::from)
            })?;
            (stored, storages[0])
        } else {
            let stored = self.scope.with(|store| {
                let read = store.heap()?.read_field(reference, at);
                read.map_err(crate::execute::Raised::from)
            })?;
            (stored, storages[at as usize])
        };
        self.scope.stored(stored, storage)
    }

    /// Returns the number of an exception's tag in the store.
    ///
    /// # Errors
    /// `Misuse` when it is not an exception.
    pub fn tag(self) -> Result<TagId, Error> {
        let object = self.object()?;
        if object.kind == Kind::Exception {
            Ok(TagId(object.word))
        } else {
            let found = format!("an object of kind {:?}", object.kind);
            Err(Error::type_mismatch("an exception", found))
        }
    }

    /// Calls `look` with the host object. Returns `None` if it is not a reference of the host.
    ///
    /// # Errors
    /// [`Error::Fault`] when the heap is corrupt.
    pub fn host<R>(
        self,
        look: impl FnOnce(&(dyn Any + Send + Sync)) -> R,
    ) -> Result<Option<R>, Error> {
        if self.reference.is_i31() {
            return Ok(None);
        }
        let object = self.object()?;
        if object.kind != Kind::Extern {
            return Ok(None);
        }
        Ok(self
            .scope
            .with(|store| store.hosts.get(object.word).map(look)))
    }
}
