//! Types of a generated program: value types, recursion groups, and the subtype relation that the
//! generator relies on.
//!
//! All modules of a program share one **universe** of type definitions. A module lists the
//! recursion groups that it declares, in order, so one definition has different indices in
//! different modules. Instructions name a type by its position in the universe ([`TypeId`]). The
//! encoder translates it.
//!
//! In a generated universe, a reference that cannot be null points to an abstract type that has
//! values, or to a definition of an *earlier* group. So every type has a value that can be built
//! bottom-up.
//!
//! Not here: validation. `matches` is what the generator needs to build valid programs. The tests
//! of `generate` ask `wasmparser` whether it is right.

/// Position of a definition in the universe of one program.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TypeId(pub u32);

/// A heap type.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Heap {
    /// `any`
    Any,
    /// `eq`
    Eq,
    /// `i31`
    I31,
    /// `struct`
    Struct,
    /// `array`
    Array,
    /// `none`
    None,
    /// `func`
    Func,
    /// `nofunc`
    NoFunc,
    /// `extern`
    Extern,
    /// `noextern`
    NoExtern,
    /// `exn`
    Exn,
    /// `noexn`
    NoExn,
    /// A definition of the universe.
    Def(TypeId),
}

/// A reference type.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RefTy {
    /// Whether null is a value of the type.
    pub null: bool,
    /// What the reference points to.
    pub heap: Heap,
}

impl RefTy {
    /// `(ref null heap)`
    pub const fn nullable(heap: Heap) -> RefTy {
        RefTy { null: true, heap }
    }

    /// `(ref heap)`
    pub const fn non_null(heap: Heap) -> RefTy {
        RefTy { null: false, heap }
    }
}

/// A value type.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Ty {
    /// `i32`
    I32,
    /// `i64`
    I64,
    /// `f32`
    F32,
    /// `f64`
    F64,
    /// `v128`
    V128,
    /// A reference.
    Ref(RefTy),
}

impl Ty {
    /// `(ref null heap)` as a value type.
    pub const fn nullable(heap: Heap) -> Ty {
        Ty::Ref(RefTy::nullable(heap))
    }

    /// `(ref heap)` as a value type.
    pub const fn non_null(heap: Heap) -> Ty {
        Ty::Ref(RefTy::non_null(heap))
    }

    /// Returns true if locals of the type start with a default value.
    pub fn is_defaultable(self) -> bool {
        match self {
            Ty::I32 | Ty::I64 | Ty::F32 | Ty::F64 | Ty::V128 => true,
            Ty::Ref(r) => r.null,
        }
    }

    /// Returns the reference type, if it is one.
    pub fn as_ref(self) -> Option<RefTy> {
        match self {
            Ty::Ref(r) => Some(r),
            Ty::I32 | Ty::I64 | Ty::F32 | Ty::F64 | Ty::V128 => None,
        }
    }
}

/// What a field or element is stored as.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Storage {
    /// `i8`
    I8,
    /// `i16`
    I16,
    /// A value type.
    Val(Ty),
}

impl Storage {
    /// Returns the type of the values read from and written to such a field.
    pub fn unpacked(self) -> Ty {
        match self {
            Storage::I8 | Storage::I16 => Ty::I32,
            Storage::Val(ty) => ty,
        }
    }

    /// Returns true if reads need a sign.
    pub fn is_packed(self) -> bool {
        matches!(self, Storage::I8 | Storage::I16)
    }

    /// Returns the bytes of an element in a data segment, or `None` for references.
    pub fn bytes(self) -> Option<u32> {
        Some(match self {
            Storage::I8 => 1,
            Storage::I16 => 2,
            Storage::Val(Ty::I32 | Ty::F32) => 4,
            Storage::Val(Ty::I64 | Ty::F64) => 8,
            Storage::Val(Ty::V128) => 16,
            Storage::Val(Ty::Ref(_)) => return None,
        })
    }
}

/// A field of a struct, or the elements of an array.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Field {
    /// How it is stored.
    pub storage: Storage,
    /// Whether it can be written after allocation.
    pub mutable: bool,
}

/// Parameters and results of a function.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Sig {
    /// Parameter types.
    pub params: Vec<Ty>,
    /// Result types.
    pub results: Vec<Ty>,
}

/// The body of a type definition.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Composite {
    /// `struct`
    Struct(Vec<Field>),
    /// `array`
    Array(Field),
    /// `func`
    Func(Sig),
}

/// One type definition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TypeDef {
    /// Its body.
    pub body: Composite,
    /// Whether it is final: no type may be declared as its subtype.
    pub is_final: bool,
    /// The declared supertype.
    pub supertype: Option<TypeId>,
    /// The definition that it is equal to, if its whole group repeats an earlier group. Otherwise
    /// itself.
    pub canon: TypeId,
}

impl TypeDef {
    /// Returns the definition with every mentioned id replaced. It stays equal to the same
    /// definition.
    pub fn renamed(&self, to: &dyn Fn(TypeId) -> TypeId) -> TypeDef {
        let ty = |ty: Ty| match ty {
            Ty::Ref(RefTy {
                null,
                heap: Heap::Def(id),
            }) => Ty::Ref(RefTy {
                null,
                heap: Heap::Def(to(id)),
            }),
            other => other,
        };
        let field = |f: &Field| Field {
            storage: match f.storage {
                Storage::Val(t) => Storage::Val(ty(t)),
                packed => packed,
            },
            ..*f
        };
        TypeDef {
            body: match &self.body {
                Composite::Struct(fields) => Composite::Struct(fields.iter().map(field).collect()),
                Composite::Array(f) => Composite::Array(field(f)),
                Composite::Func(sig) => Composite::Func(Sig {
                    params: sig.params.iter().copied().map(ty).collect(),
                    results: sig.results.iter().copied().map(ty).collect(),
                }),
            },
            is_final: self.is_final,
            supertype: self.supertype.map(to),
            canon: self.canon,
        }
    }
}

/// The type definitions of one program.
#[derive(Clone, Debug, Default)]
pub struct Universe {
    /// All definitions. An entry that no group lists is unused.
    pub defs: Vec<TypeDef>,
    /// Recursion groups, in an order in which every reference points to the same or an earlier
    /// group.
    pub groups: Vec<Vec<TypeId>>,
}

impl Universe {
    /// Returns the definition of `id`.
    pub fn def(&self, id: TypeId) -> &TypeDef {
        &self.defs[id.0 as usize]
    }

    /// Returns the fields of a struct type.
    pub fn fields(&self, id: TypeId) -> Option<&[Field]> {
        match &self.def(id).body {
            Composite::Struct(fields) => Some(fields),
            Composite::Array(_) | Composite::Func(_) => None,
        }
    }

    /// Returns the element type of an array type.
    pub fn element(&self, id: TypeId) -> Option<Field> {
        match &self.def(id).body {
            Composite::Array(field) => Some(*field),
            Composite::Struct(_) | Composite::Func(_) => None,
        }
    }

    /// Returns the signature of a function type.
    pub fn sig(&self, id: TypeId) -> Option<&Sig> {
        match &self.def(id).body {
            Composite::Func(sig) => Some(sig),
            Composite::Struct(_) | Composite::Array(_) => None,
        }
    }

    /// Returns the abstract type directly above all definitions of the kind of `id`.
    pub fn kind(&self, id: TypeId) -> Heap {
        match self.def(id).body {
            Composite::Struct(_) => Heap::Struct,
            Composite::Array(_) => Heap::Array,
            Composite::Func(_) => Heap::Func,
        }
    }

    /// Returns the top of the hierarchy `heap` belongs to.
    pub fn top(&self, heap: Heap) -> Heap {
        match heap {
            Heap::Any | Heap::Eq | Heap::I31 | Heap::Struct | Heap::Array | Heap::None => Heap::Any,
            Heap::Func | Heap::NoFunc => Heap::Func,
            Heap::Extern | Heap::NoExtern => Heap::Extern,
            Heap::Exn | Heap::NoExn => Heap::Exn,
            Heap::Def(id) => match self.kind(id) {
                Heap::Func => Heap::Func,
                _ => Heap::Any,
            },
        }
    }

    /// Returns the bottom of the hierarchy `heap` belongs to.
    pub fn bottom(&self, heap: Heap) -> Heap {
        match self.top(heap) {
            Heap::Func => Heap::NoFunc,
            Heap::Extern => Heap::NoExtern,
            Heap::Exn => Heap::NoExn,
            _ => Heap::None,
        }
    }

    /// Heap type subtyping (rule `Heaptype_sub`).
    pub fn heap_matches(&self, sub: Heap, sup: Heap) -> bool {
        if sub == sup {
            return true;
        }
        match (sub, sup) {
            (Heap::None | Heap::NoFunc | Heap::NoExtern | Heap::NoExn, _) => {
                self.bottom(sup) == sub
            }
            (Heap::Eq, Heap::Any) => true,
            (Heap::I31 | Heap::Struct | Heap::Array, Heap::Any | Heap::Eq) => true,
            (Heap::Def(a), Heap::Def(b)) => self.def_matches(a, b),
            (Heap::Def(a), _) => self.heap_matches(self.kind(a), sup),
            _ => false,
        }
    }

    /// Returns true if `sub` is `sup` or has it among its declared supertypes.
    pub fn def_matches(&self, sub: TypeId, sup: TypeId) -> bool {
        let goal = self.def(sup).canon;
        let mut at = Some(sub);
        while let Some(id) = at {
            if self.def(id).canon == goal {
                return true;
            }
            at = self.def(id).supertype;
        }
        false
    }

    /// Reference type subtyping.
    pub fn ref_matches(&self, sub: RefTy, sup: RefTy) -> bool {
        (sup.null || !sub.null) && self.heap_matches(sub.heap, sup.heap)
    }

    /// Value type subtyping.
    pub fn matches(&self, sub: Ty, sup: Ty) -> bool {
        match (sub, sup) {
            (Ty::Ref(a), Ty::Ref(b)) => self.ref_matches(a, b),
            _ => sub == sup,
        }
    }

    /// Returns true if a field of type `sub` may stand where the supertype has `sup`.
    pub fn field_matches(&self, sub: Field, sup: Field) -> bool {
        if sub.mutable != sup.mutable {
            return false;
        }
        match (sub.storage, sup.storage) {
            (Storage::Val(a), Storage::Val(b)) => {
                self.matches(a, b) && (!sup.mutable || self.matches(b, a))
            }
            (a, b) => a == b,
        }
    }

    /// Returns the group of the plain function type with this signature: final, without a
    /// supertype, alone in its group. Adds it if there is none.
    pub fn plain_sig(&mut self, sig: &Sig) -> usize {
        let is_it = |group: &Vec<TypeId>| match group.as_slice() {
            &[id] => {
                let def = self.def(id);
                def.is_final && def.supertype.is_none() && self.sig(id) == Some(sig)
            }
            _ => false,
        };
        self.groups.iter().position(is_it).unwrap_or_else(|| {
            let id = TypeId(self.defs.len() as u32);
            self.defs.push(TypeDef {
                body: Composite::Func(sig.clone()),
                is_final: true,
                supertype: None,
                canon: id,
            });
            self.groups.push(vec![id]);
            self.groups.len() - 1
        })
    }

    /// Returns the number of supertypes above `id`.
    pub fn depth(&self, id: TypeId) -> u32 {
        let mut depth = 0;
        let mut at = self.def(id).supertype;
        while let Some(up) = at {
            depth += 1;
            at = self.def(up).supertype;
        }
        depth
    }

    /// Calls `each` for every definition that `id` mentions itself.
    pub fn mentioned(&self, id: TypeId, each: &mut dyn FnMut(TypeId)) {
        let def = self.def(id);
        if let Some(up) = def.supertype {
            each(up);
        }
        let mut ty = |ty: Ty| {
            if let Ty::Ref(RefTy {
                heap: Heap::Def(to),
                ..
            }) = ty
            {
                each(to);
            }
        };
        match &def.body {
            Composite::Struct(fields) => fields.iter().for_each(|f| ty(f.storage.unpacked())),
            Composite::Array(field) => ty(field.storage.unpacked()),
            Composite::Func(sig) => sig.params.iter().chain(&sig.results).for_each(|&t| ty(t)),
        }
    }
}
