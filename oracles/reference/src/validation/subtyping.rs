//! Subtyping, on closed types.
//!
//! Always holds: the relations are reflexive and transitive. `Heaptype_sub/trans` needs no
//! code, since the other rules are written in their transitive closure. The rules for `rec.i` and
//! type indices need none either, since closed types contain neither.

use crate::syntax::{
    AbsHeapType, CompositeType, DefTypeId, ExternType, FieldType, GlobalType, HeapType, Limits,
    MemType, RefType, StorageType, TableType, TypeStore, TypeUse, ValType,
};

impl TypeStore {
    /// Returns the greatest heap type above `ht`: `any`, `func`, `exn` or `extern`. `bot` has none.
    #[must_use]
    pub fn top(&self, ht: HeapType) -> Option<AbsHeapType> {
        use AbsHeapType as Abs;
        let abs = match ht {
            HeapType::Abs(abs) => abs,
            HeapType::Use(TypeUse::Def(dt)) => self.abstraction(dt),
            HeapType::Use(_) => return None,
        };
        match abs {
            Abs::Any | Abs::Eq | Abs::I31 | Abs::Struct | Abs::Array | Abs::None => Some(Abs::Any),
            Abs::Func | Abs::NoFunc => Some(Abs::Func),
            Abs::Exn | Abs::NoExn => Some(Abs::Exn),
            Abs::Extern | Abs::NoExtern => Some(Abs::Extern),
            Abs::Bot => None,
        }
    }

    /// The least abstract heap type above a defined type.
    fn abstraction(&self, dt: DefTypeId) -> AbsHeapType {
        match self.expand(dt) {
            CompositeType::Struct(_) => AbsHeapType::Struct,
            CompositeType::Array(_) => AbsHeapType::Array,
            CompositeType::Func(_) => AbsHeapType::Func,
        }
    }

    /// `Heaptype_sub`.
    #[must_use]
    pub fn heaptype_sub(&self, sub: HeapType, sup: HeapType) -> bool {
        use AbsHeapType as Abs;
        match (sub, sup) {
            // Heaptype_sub/refl
            _ if sub == sup => true,
            // Heaptype_sub/bot
            (HeapType::Abs(Abs::Bot), _) => true,
            // Heaptype_sub/def
            (HeapType::Use(TypeUse::Def(sub)), HeapType::Use(TypeUse::Def(sup))) => {
                self.is_subtype(sub, sup)
            }
            // Heaptype_sub/struct, /array, /func
            (HeapType::Use(TypeUse::Def(sub)), HeapType::Abs(sup)) => {
                absheaptype_sub(self.abstraction(sub), sup)
            }
            // Heaptype_sub/none, /nofunc, /noexn, /noextern
            (HeapType::Abs(Abs::None), _) => self.top(sup) == Some(Abs::Any),
            (HeapType::Abs(Abs::NoFunc), _) => self.top(sup) == Some(Abs::Func),
            (HeapType::Abs(Abs::NoExn), _) => self.top(sup) == Some(Abs::Exn),
            (HeapType::Abs(Abs::NoExtern), _) => self.top(sup) == Some(Abs::Extern),
            (HeapType::Abs(sub), HeapType::Abs(sup)) => absheaptype_sub(sub, sup),
            _ => false,
        }
    }

    /// `Reftype_sub`.
    #[must_use]
    pub fn reftype_sub(&self, sub: RefType, sup: RefType) -> bool {
        (sup.nullable || !sub.nullable) && self.heaptype_sub(sub.heap, sup.heap)
    }

    /// `Valtype_sub`.
    #[must_use]
    pub fn valtype_sub(&self, sub: ValType, sup: ValType) -> bool {
        match (sub, sup) {
            (ValType::Bot, _) => true,
            (ValType::Ref(sub), ValType::Ref(sup)) => self.reftype_sub(sub, sup),
            _ => sub == sup,
        }
    }

    /// `Resulttype_sub`.
    #[must_use]
    pub fn resulttype_sub(&self, sub: &[ValType], sup: &[ValType]) -> bool {
        sub.len() == sup.len()
            && sub
                .iter()
                .zip(sup)
                .all(|(sub, sup)| self.valtype_sub(*sub, *sup))
    }

    /// `Storagetype_sub`.
    #[must_use]
    pub fn storagetype_sub(&self, sub: StorageType, sup: StorageType) -> bool {
        match (sub, sup) {
            (StorageType::Val(sub), StorageType::Val(sup)) => self.valtype_sub(sub, sup),
            _ => sub == sup,
        }
    }

    /// `Fieldtype_sub`.
    #[must_use]
    pub fn fieldtype_sub(&self, sub: FieldType, sup: FieldType) -> bool {
        sub.mutable == sup.mutable
            && self.storagetype_sub(sub.storage, sup.storage)
            && (!sub.mutable || self.storagetype_sub(sup.storage, sub.storage))
    }

    /// `Comptype_sub`.
    #[must_use]
    pub fn comptype_sub(&self, sub: &CompositeType, sup: &CompositeType) -> bool {
        match (sub, sup) {
            (CompositeType::Struct(sub), CompositeType::Struct(sup)) => {
                sub.len() >= sup.len()
                    && sub
                        .iter()
                        .zip(sup)
                        .all(|(sub, sup)| self.fieldtype_sub(*sub, *sup))
            }
            (CompositeType::Array(sub), CompositeType::Array(sup)) => {
                self.fieldtype_sub(*sub, *sup)
            }
            (CompositeType::Func(sub), CompositeType::Func(sup)) => {
                self.resulttype_sub(&sup.params, &sub.params)
                    && self.resulttype_sub(&sub.results, &sup.results)
            }
            _ => false,
        }
    }

    /// `Globaltype_sub`.
    #[must_use]
    pub fn globaltype_sub(&self, sub: GlobalType, sup: GlobalType) -> bool {
        sub.mutable == sup.mutable
            && self.valtype_sub(sub.val, sup.val)
            && (!sub.mutable || self.valtype_sub(sup.val, sub.val))
    }

    /// `Memtype_sub`.
    #[must_use]
    pub fn memtype_sub(&self, sub: MemType, sup: MemType) -> bool {
        sub.addr == sup.addr && limits_sub(sub.limits, sup.limits)
    }

    /// `Tabletype_sub`.
    #[must_use]
    pub fn tabletype_sub(&self, sub: TableType, sup: TableType) -> bool {
        sub.addr == sup.addr
            && limits_sub(sub.limits, sup.limits)
            && self.reftype_sub(sub.elem, sup.elem)
            && self.reftype_sub(sup.elem, sub.elem)
    }

    /// `Externtype_sub`: whether something of type `sub` may be given for an import of type `sup`.
    #[must_use]
    pub fn externtype_sub(&self, sub: ExternType, sup: ExternType) -> bool {
        match (sub, sup) {
            // Tagtype_sub, in both directions: types that match each other are equal.
            (ExternType::Tag(sub), ExternType::Tag(sup)) => sub == sup,
            (ExternType::Global(sub), ExternType::Global(sup)) => self.globaltype_sub(sub, sup),
            (ExternType::Mem(sub), ExternType::Mem(sup)) => self.memtype_sub(sub, sup),
            (ExternType::Table(sub), ExternType::Table(sup)) => self.tabletype_sub(sub, sup),
            (ExternType::Func(sub), ExternType::Func(sup)) => {
                self.heaptype_sub(HeapType::Use(sub), HeapType::Use(sup))
            }
            _ => false,
        }
    }
}

/// `Heaptype_sub/eq-any`, `/i31-eq`, `/struct-eq`, `/array-eq` and reflexivity.
fn absheaptype_sub(sub: AbsHeapType, sup: AbsHeapType) -> bool {
    use AbsHeapType::{Any, Array, Eq, I31, Struct};
    sub == sup || matches!((sub, sup), (I31 | Struct | Array, Eq | Any) | (Eq, Any))
}

/// `Limits_sub`.
fn limits_sub(sub: Limits, sup: Limits) -> bool {
    let max = match (sub.max, sup.max) {
        (_, None) => true,
        (Some(sub), Some(sup)) => sub <= sup,
        (None, Some(_)) => false,
    };
    sub.min >= sup.min && max
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::syntax::{FuncType, RecType, SubType, TypeIdx};

    /// Structure 0, structure 1 below it, array 2, function 3.
    fn store() -> (TypeStore, Vec<DefTypeId>) {
        let field = FieldType {
            mutable: true,
            storage: StorageType::I8,
        };
        let sub = |supers: &[TypeUse], composite| {
            RecType(Box::new([SubType {
                is_final: false,
                supers: supers.into(),
                composite,
            }]))
        };
        let structure = |n| CompositeType::Struct(vec![field; n].into());
        let mut store = TypeStore::new();
        let types = store.define_all(&[
            sub(&[], structure(1)),
            sub(&[TypeUse::Idx(TypeIdx(0))], structure(2)),
            sub(&[], CompositeType::Array(field)),
            sub(&[], CompositeType::Func(FuncType::default())),
        ]);
        (store, types)
    }

    #[test]
    fn heap_types_form_the_four_hierarchies() {
        use AbsHeapType::*;
        let (store, types) = store();
        let def = |i: usize| HeapType::Use(TypeUse::Def(types[i]));
        let abs = HeapType::Abs;
        // Each row is a heap type and everything above it.
        let rows: Vec<(HeapType, Vec<HeapType>)> = vec![
            (abs(Any), vec![]),
            (abs(Eq), vec![abs(Any)]),
            (abs(I31), vec![abs(Eq), abs(Any)]),
            (abs(Struct), vec![abs(Eq), abs(Any)]),
            (abs(Array), vec![abs(Eq), abs(Any)]),
            (def(0), vec![abs(Struct), abs(Eq), abs(Any)]),
            (def(1), vec![def(0), abs(Struct), abs(Eq), abs(Any)]),
            (def(2), vec![abs(Array), abs(Eq), abs(Any)]),
            (
                abs(None),
                vec![
                    def(0),
                    def(1),
                    def(2),
                    abs(I31),
                    abs(Struct),
                    abs(Array),
                    abs(Eq),
                    abs(Any),
                ],
            ),
            (abs(Func), vec![]),
            (def(3), vec![abs(Func)]),
            (abs(NoFunc), vec![def(3), abs(Func)]),
            (abs(Exn), vec![]),
            (abs(NoExn), vec![abs(Exn)]),
            (abs(Extern), vec![]),
            (abs(NoExtern), vec![abs(Extern)]),
        ];
        for (sub, above) in &rows {
            for (sup, _) in &rows {
                let expected = sub == sup || above.contains(sup);
                assert_eq!(
                    store.heaptype_sub(*sub, *sup),
                    expected,
                    "{sub:?} <: {sup:?}"
                );
            }
            assert!(store.heaptype_sub(abs(Bot), *sub), "bot <: {sub:?}");
            assert!(!store.heaptype_sub(*sub, abs(Bot)), "{sub:?} <: bot");
        }
    }

    #[test]
    fn null_widens_reference_types() {
        let (store, _) = store();
        let rt = |nullable| RefType::abs(nullable, AbsHeapType::Eq);
        assert!(store.reftype_sub(rt(false), rt(true)));
        assert!(!store.reftype_sub(rt(true), rt(false)));
        assert!(store.valtype_sub(ValType::Bot, ValType::Ref(rt(false))));
        assert!(!store.valtype_sub(ValType::I32, ValType::I64));
    }

    #[test]
    fn mutable_places_are_invariant() {
        let (store, types) = store();
        let field = |mutable, i: usize| FieldType {
            mutable,
            storage: StorageType::Val(RefType::def(true, types[i]).into()),
        };
        assert!(store.fieldtype_sub(field(false, 1), field(false, 0)));
        assert!(!store.fieldtype_sub(field(false, 0), field(false, 1)));
        assert!(!store.fieldtype_sub(field(true, 1), field(true, 0)));
        assert!(!store.fieldtype_sub(field(true, 0), field(false, 0)));
    }

    #[test]
    fn functions_are_contravariant_in_their_parameters() {
        let (store, types) = store();
        let func = |p: usize, r: usize| {
            CompositeType::Func(FuncType {
                params: Box::new([RefType::def(true, types[p]).into()]),
                results: Box::new([RefType::def(true, types[r]).into()]),
            })
        };
        assert!(store.comptype_sub(&func(0, 1), &func(1, 0)));
        assert!(!store.comptype_sub(&func(1, 0), &func(0, 0)));
        assert!(!store.comptype_sub(&func(0, 0), &func(0, 1)));
    }

    #[test]
    fn limits_may_only_shrink() {
        let limits = |min, max| Limits { min, max };
        assert!(limits_sub(limits(2, Some(3)), limits(1, Some(3))));
        assert!(limits_sub(limits(2, Some(3)), limits(2, None)));
        assert!(!limits_sub(limits(0, Some(3)), limits(1, Some(3))));
        assert!(!limits_sub(limits(1, None), limits(1, Some(3))));
        assert!(!limits_sub(limits(1, Some(4)), limits(1, Some(3))));
    }
}
