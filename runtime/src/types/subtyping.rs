//! Subtyping and matching on canonical types.
//!
//! Source: WebAssembly 3.0, rules `Heaptype_sub`, `Reftype_sub`, `Valtype_sub`, `Fieldtype_sub`,
//! `Comptype_sub`.

use super::registry::TypeRegistry;
use super::{
    Composite, FieldKind, FuncSig, HeapKind, RefKind, Shape, StorageKind, TypeDef, TypeId, ValKind,
};

impl TypeRegistry {
    /// Returns true if the defined type `sub` is `sup`, or `sup` is one of its declared supertypes.
    /// Both must be alive.
    #[must_use]
    pub fn is_subtype(&self, sub: TypeId, sup: TypeId) -> bool {
        sub == sup
            || self
                .get(sup)
                .is_some_and(|def| self.displays().ancestor(sub, def.depth) == Some(sup))
    }

    /// Rules `Heaptype_sub`.
    #[must_use]
    pub fn heap_matches(&self, sub: HeapKind, sup: HeapKind) -> bool {
        use HeapKind as H;
        if sub == sup {
            return true;
        }
        match (sub, sup) {
            (H::Defined(a, _), H::Defined(b, _)) => self.is_subtype(a, b),
            (_, H::Any) => matches!(sub.top(), super::Top::Any),
            (H::I31 | H::Struct | H::Array | H::None, H::Eq) => true,
            (H::Defined(_, Shape::Struct | Shape::Array), H::Eq) => true,
            (H::Defined(_, Shape::Struct), H::Struct) => true,
            (H::Defined(_, Shape::Array), H::Array) => true,
            (H::Defined(_, Shape::Func), H::Func) => true,
            (H::None, H::I31 | H::Struct | H::Array) => true,
            (H::None, H::Defined(_, Shape::Struct | Shape::Array)) => true,
            (H::NoFunc, H::Func | H::Defined(_, Shape::Func)) => true,
            (H::NoExtern, H::Extern) => true,
            (H::NoExn, H::Exn) => true,
            _ => false,
        }
    }

    /// Rules `Reftype_sub`.
    #[must_use]
    pub fn ref_matches(&self, sub: RefKind, sup: RefKind) -> bool {
        (sup.nullable || !sub.nullable) && self.heap_matches(sub.heap, sup.heap)
    }

    /// Rules `Valtype_sub`, without the bottom type, which no declaration can name.
    #[must_use]
    pub fn val_matches(&self, sub: ValKind, sup: ValKind) -> bool {
        match (sub, sup) {
            (ValKind::Ref(a), ValKind::Ref(b)) => self.ref_matches(a, b),
            _ => sub == sup,
        }
    }

    /// Rules `Storagetype_sub`.
    #[must_use]
    pub fn storage_matches(&self, sub: StorageKind, sup: StorageKind) -> bool {
        match (sub, sup) {
            (StorageKind::Val(a), StorageKind::Val(b)) => self.val_matches(a, b),
            _ => sub == sup,
        }
    }

    /// Rules `Fieldtype_sub`: immutable fields are covariant, mutable ones invariant.
    #[must_use]
    pub fn field_matches(&self, sub: FieldKind, sup: FieldKind) -> bool {
        sub.mutable == sup.mutable
            && self.storage_matches(sub.storage, sup.storage)
            && (!sub.mutable || self.storage_matches(sup.storage, sub.storage))
    }

    /// Rule `Comptype_sub/func`: parameters contravariant, results covariant.
    #[must_use]
    pub fn sig_matches(&self, sub: &FuncSig, sup: &FuncSig) -> bool {
        sub.params.len() == sup.params.len()
            && sub.results.len() == sup.results.len()
            && (sup.params.iter().zip(&sub.params)).all(|(a, b)| self.val_matches(*a, *b))
            && (sub.results.iter().zip(&sup.results)).all(|(a, b)| self.val_matches(*a, *b))
    }

    /// Rules `Comptype_sub`.
    #[must_use]
    pub fn composite_matches(&self, sub: &Composite, sup: &Composite) -> bool {
        match (sub, sup) {
            (Composite::Func(a), Composite::Func(b)) => self.sig_matches(a, b),
            (Composite::Struct(a), Composite::Struct(b)) => {
                a.len() >= b.len() && a.iter().zip(b).all(|(a, b)| self.field_matches(*a, *b))
            }
            (Composite::Array(a), Composite::Array(b)) => self.field_matches(*a, *b),
            _ => false,
        }
    }

    /// Rule `Subtype_ok` for a type that is alone in its group: whether `def` may declare its
    /// supertype.
    #[must_use]
    pub fn may_extend(&self, def: &TypeDef) -> bool {
        let Some(supertype) = def.supertype else {
            return true;
        };
        self.get(supertype).is_some_and(|sup| {
            !sup.is_final
                && sup.depth < crate::limits::SUBTYPE_DEPTH_MAX
                && self.composite_matches(&def.composite, &sup.composite)
        })
    }
}
