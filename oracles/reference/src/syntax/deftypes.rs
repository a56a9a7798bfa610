//! Defined types (in the specification, "Rolling & unrolling"): which recursive types are the same
//! type.
//!
//! A [`TypeStore`] interns recursive types in rolled form. In that form a use of an earlier type is
//! a [`DefTypeId`] and a use within the group is `rec.i`. So two groups are equal in the
//! specification's sense if and only if their rolled forms are equal as plain data. No comparison
//! ever descends into another group, however long the chain of groups is.
//!
//! Always holds:
//! 1. Two [`DefTypeId`]s of one store are equal if and only if the defined types are.
//! 2. Every entry is closed: its type uses are all [`TypeUse::Def`].
//! 3. A supertype stands before its subtype in the store.
//!
//! Not here: whether a declared supertype is a permitted one (`validation::types`), structural
//! matching (`validation::subtyping`).

use std::collections::HashMap;

use super::types::{CompositeType, DefTypeId, FuncType, MapUses, RecType, SubType, TypeUse};

#[derive(Clone, Debug)]
struct Entry {
    /// `$unrolldt`.
    unrolled: SubType,
    /// First type of the group.
    group: DefTypeId,
    /// Number of declared supertypes above this type.
    depth: u32,
    /// The supertype, or the type itself at the root.
    parent: DefTypeId,
    /// An ancestor further up, chosen so that any ancestor is found in logarithmically many steps.
    jump: DefTypeId,
}

/// Interned defined types. Numbers are given in order of first definition and never change.
#[derive(Clone, Debug, Default)]
pub struct TypeStore {
    entries: Vec<Entry>,
    /// Rolled form of a group to its first type. Only looked up, never iterated.
    groups: HashMap<Box<[SubType]>, DefTypeId>,
}

impl TypeStore {
    /// Makes an empty store.
    #[must_use]
    pub fn new() -> TypeStore {
        TypeStore::default()
    }

    /// `$rolldt` at the next index of `types`: defines one recursive type and appends its members
    /// to `types`.
    ///
    /// Indices in `rec` must lie below the end of the group, and supertypes before the type that
    /// declares them.
    ///
    /// # Panics
    /// If an index or supertype is out of those bounds, or on more than 2^32 types.
    pub fn define(&mut self, types: &mut Vec<DefTypeId>, rec: &RecType) {
        let start = types.len();
        let rolled: Box<[SubType]> = rec.0.map_uses(&mut |tu| match tu {
            TypeUse::Idx(x) if x.index() >= start => TypeUse::Rec(x.0 - start as u32),
            TypeUse::Idx(x) => TypeUse::Def(types[x.index()]),
            other => other,
        });
        let first = match self.groups.get(&rolled) {
            Some(first) => *first,
            None => self.insert(rolled),
        };
        types.extend((0..rec.0.len() as u32).map(|i| DefTypeId(first.0 + i)));
    }

    /// Returns the defined types of a module's type section, in index order.
    ///
    /// # Panics
    /// As [`TypeStore::define`], never for a valid module.
    #[must_use]
    pub fn define_all(&mut self, recs: &[RecType]) -> Vec<DefTypeId> {
        let mut types = Vec::new();
        for rec in recs {
            self.define(&mut types, rec);
        }
        types
    }

    /// Returns the defined type of a composite type without supertypes, final and in a group of its
    /// own. `ty` must be closed.
    #[must_use]
    pub fn define_plain(&mut self, composite: CompositeType) -> DefTypeId {
        let sub = SubType {
            is_final: true,
            supers: Box::new([]),
            composite,
        };
        let mut types = Vec::new();
        self.define(&mut types, &RecType(Box::new([sub])));
        types[0]
    }

    fn insert(&mut self, rolled: Box<[SubType]>) -> DefTypeId {
        let count = u32::try_from(self.entries.len() + rolled.len())
            .expect("fewer than 2^32 defined types");
        let first = DefTypeId(count - rolled.len() as u32);
        for (i, sub) in rolled.iter().enumerate() {
            let id = DefTypeId(first.0 + i as u32);
            let unrolled = sub.map_uses(&mut |tu| match tu {
                TypeUse::Rec(j) => TypeUse::Def(DefTypeId(first.0 + j)),
                other => other,
            });
            let (parent, depth, jump) = match unrolled.supers.first() {
                Some(TypeUse::Def(parent)) => self.below(*parent),
                _ => (id, 0, id),
            };
            self.entries.push(Entry {
                unrolled,
                group: first,
                depth,
                parent,
                jump,
            });
        }
        self.groups.insert(rolled, first);
        first
    }

    /// Parent, depth and jump of a type directly below `parent`. Jump lengths follow the
    /// skew-binary numbers, so that the path to any ancestor takes O(log depth) steps.
    fn below(&self, parent: DefTypeId) -> (DefTypeId, u32, DefTypeId) {
        let up = self.entry(parent);
        let over = self.entry(up.jump);
        let equal_spans = up.depth - over.depth == over.depth - self.entry(over.jump).depth;
        (
            parent,
            up.depth + 1,
            if equal_spans { over.jump } else { parent },
        )
    }

    fn entry(&self, id: DefTypeId) -> &Entry {
        &self.entries[id.0 as usize]
    }

    /// Returns the number of defined types.
    #[must_use]
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Returns true if nothing has been defined yet.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// `$unrolldt`: the closed sub type.
    #[must_use]
    pub fn unroll(&self, id: DefTypeId) -> &SubType {
        &self.entry(id).unrolled
    }

    /// `Expand`: the closed composite type.
    #[must_use]
    pub fn expand(&self, id: DefTypeId) -> &CompositeType {
        &self.entry(id).unrolled.composite
    }

    /// `Expand` where a function type is required.
    #[must_use]
    pub fn expand_func(&self, id: DefTypeId) -> Option<&FuncType> {
        match self.expand(id) {
            CompositeType::Func(ft) => Some(ft),
            _ => None,
        }
    }

    /// Returns the recursive group of a type: its first member, and this type's position in the
    /// group.
    #[must_use]
    pub fn position(&self, id: DefTypeId) -> (DefTypeId, u32) {
        let group = self.entry(id).group;
        (group, id.0 - group.0)
    }

    /// Returns the declared supertype.
    #[must_use]
    pub fn supertype(&self, id: DefTypeId) -> Option<DefTypeId> {
        let entry = self.entry(id);
        (entry.depth > 0).then_some(entry.parent)
    }

    /// `Deftype_sub`: whether `sub` is `sup` or declares it as a supertype, directly or not.
    #[must_use]
    pub fn is_subtype(&self, sub: DefTypeId, sup: DefTypeId) -> bool {
        let depth = self.entry(sup).depth;
        let mut at = sub;
        while self.entry(at).depth > depth {
            let entry = self.entry(at);
            at = if self.entry(entry.jump).depth >= depth {
                entry.jump
            } else {
                entry.parent
            };
        }
        at == sup
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::syntax::{AbsHeapType, FieldType, HeapType, RefType, StorageType, TypeIdx, ValType};

    /// A structure with one field of type `ref tu`, below `sup`.
    fn node(sup: Option<u32>, tu: TypeUse) -> SubType {
        let rt = RefType {
            nullable: false,
            heap: HeapType::Use(tu),
        };
        let field = FieldType {
            mutable: false,
            storage: StorageType::Val(rt.into()),
        };
        SubType {
            is_final: false,
            supers: sup.map(|x| TypeUse::Idx(TypeIdx(x))).into_iter().collect(),
            composite: CompositeType::Struct(Box::new([field])),
        }
    }

    fn idx(x: u32) -> TypeUse {
        TypeUse::Idx(TypeIdx(x))
    }

    fn define(groups: Vec<Vec<SubType>>) -> Vec<u32> {
        let recs: Vec<RecType> = groups.into_iter().map(|g| RecType(g.into())).collect();
        TypeStore::new()
            .define_all(&recs)
            .into_iter()
            .map(|dt| dt.0)
            .collect()
    }

    #[test]
    fn groups_of_the_same_shape_are_one_group() {
        let pair = |x, y| vec![node(None, idx(y)), node(None, idx(x))];
        assert_eq!(define(vec![pair(0, 1), pair(2, 3)]), [0, 1, 0, 1]);
        // In another order, or divided into other groups, they are different types.
        assert_eq!(
            define(vec![
                vec![node(None, idx(0)), node(None, idx(0))],
                pair(2, 3)
            ]),
            [0, 1, 2, 3]
        );
        assert_eq!(
            define(vec![vec![node(None, idx(0))], vec![node(None, idx(0))]]),
            [0, 1]
        );
        assert_eq!(
            define(vec![vec![node(None, idx(0))], vec![node(None, idx(1))]]),
            [0, 0]
        );
    }

    #[test]
    fn types_used_are_compared_not_their_indices() {
        let func = |params: &[ValType]| SubType {
            is_final: true,
            supers: Box::new([]),
            composite: CompositeType::Func(FuncType {
                params: params.into(),
                results: Box::new([]),
            }),
        };
        let types = vec![
            vec![func(&[])],
            vec![func(&[ValType::I32])],
            vec![func(&[])],
            vec![node(None, idx(0))],
            vec![node(None, idx(1))],
            vec![node(None, idx(2))],
        ];
        assert_eq!(define(types), [0, 1, 0, 2, 3, 2]);
    }

    #[test]
    fn supertypes_and_finality_distinguish_types() {
        let open = node(None, idx(0));
        let closed = SubType {
            is_final: true,
            ..node(None, idx(1))
        };
        let below = |sup: u32, own: u32| node(Some(sup), idx(own));
        let types = vec![
            vec![open],
            vec![closed],
            vec![below(0, 2)],
            vec![below(0, 3)],
            vec![below(2, 4)],
        ];
        assert_eq!(define(types), [0, 1, 2, 2, 3]);
    }

    #[test]
    fn unrolling_closes_a_group() {
        let mut store = TypeStore::new();
        let types = store.define_all(&[RecType([node(None, idx(1)), node(None, idx(0))].into())]);
        let other = |id| node(None, TypeUse::Def(id)).composite;
        assert_eq!(*store.expand(types[0]), other(types[1]));
        assert_eq!(*store.expand(types[1]), other(types[0]));
        assert_eq!(store.position(types[1]), (types[0], 1));
    }

    #[test]
    fn empty_groups_define_nothing() {
        assert_eq!(define(vec![vec![], vec![node(None, idx(0))], vec![]]), [0]);
    }

    #[test]
    fn ancestors_are_found_along_long_chains() {
        let any = AbsHeapType::Any;
        let array = |sup: Option<u32>| SubType {
            is_final: false,
            supers: sup.map(idx).into_iter().collect(),
            composite: CompositeType::Array(FieldType {
                mutable: true,
                storage: StorageType::Val(RefType::abs(true, any).into()),
            }),
        };
        let length = if cfg!(miri) { 100 } else { 20_000 };
        let recs: Vec<RecType> = (0..length)
            .map(|i: u32| RecType([array(i.checked_sub(1))].into()))
            .collect();
        let mut store = TypeStore::new();
        let types = store.define_all(&recs);
        let last = types[types.len() - 1];
        for step in [1, 2, 3, 7, 64, types.len() - 1] {
            let above = types[types.len() - 1 - step.min(types.len() - 1)];
            assert!(store.is_subtype(last, above), "{step} steps up");
            assert!(!store.is_subtype(above, last), "{step} steps down");
        }
        assert_eq!(store.supertype(types[1]), Some(types[0]));
        assert_eq!(store.supertype(types[0]), None);
    }
}
