//! The universe of types: recursion groups, subtype trees, near-duplicates.
//!
//! Always: group 0 holds a struct and an array whose fields all have defaults (the *base* types).
//! Every module declares it, so a non-null `structref` or `arrayref` can be made anywhere. A field
//! that cannot be null refers to an abstract type or to an earlier group, so every definition has
//! values.

use super::source::Source;
use super::swarm::{Feature, Swarm};
use crate::program::types::{
    Composite, Field, Heap, RefTy, Sig, Storage, Ty, TypeDef, TypeId, Universe,
};

/// The struct of group 0: all fields mutable, the first a link to itself.
pub const BASE_STRUCT: TypeId = TypeId(0);
/// The array of group 0: mutable, nullable references to the base struct.
pub const BASE_ARRAY: TypeId = TypeId(1);

/// Draws the types of a program.
pub fn universe(src: &mut Source<'_>, swarm: &Swarm) -> Universe {
    let mut make = Make {
        src,
        swarm,
        types: Universe::default(),
    };
    make.base_group();
    if swarm.has(Feature::ArraySegments) || swarm.has(Feature::Packed) {
        make.number_array();
    }
    let groups = match swarm.has(Feature::DeepSubtypes) {
        true => make.src.range(2, 8),
        false => make.src.range(1, 4),
    };
    for _ in 0..groups {
        make.group();
    }
    if swarm.has(Feature::NearDuplicates) {
        for _ in 0..make.src.range(1, 2) {
            make.near_duplicate();
        }
    }
    make.types
}

struct Make<'a, 's> {
    src: &'a mut Source<'s>,
    swarm: &'a Swarm,
    types: Universe,
}

impl Make<'_, '_> {
    fn base_group(&mut self) {
        let link = Field {
            storage: Storage::Val(Ty::nullable(Heap::Def(BASE_STRUCT))),
            mutable: true,
        };
        let mut fields = vec![link];
        let extra = self.src.below(4);
        for _ in 0..extra {
            let field = self.field(0);
            let defaultable = field.storage.unpacked().is_defaultable();
            if defaultable {
                fields.push(Field {
                    mutable: true,
                    ..field
                });
            }
        }
        let array = Field {
            storage: Storage::Val(Ty::nullable(Heap::Def(BASE_STRUCT))),
            mutable: true,
        };
        for (at, body) in [Composite::Struct(fields), Composite::Array(array)]
            .into_iter()
            .enumerate()
        {
            self.types.defs.push(TypeDef {
                body,
                is_final: false,
                supertype: None,
                canon: TypeId(at as u32),
            });
        }
        self.types.groups.push(vec![BASE_STRUCT, BASE_ARRAY]);
    }

    /// A mutable array of numbers, for data segments.
    fn number_array(&mut self) {
        let floats = if self.swarm.has(Feature::Floats) {
            7
        } else {
            4
        };
        let storage = [
            Storage::I8,
            Storage::I16,
            Storage::Val(Ty::I32),
            Storage::Val(Ty::I64),
            Storage::Val(Ty::F32),
            Storage::Val(Ty::F64),
            Storage::I8,
        ][self.src.below(floats)];
        let id = TypeId(self.types.defs.len() as u32);
        self.types.defs.push(TypeDef {
            body: Composite::Array(Field {
                storage,
                mutable: true,
            }),
            is_final: self.src.chance(50),
            supertype: None,
            canon: id,
        });
        self.types.groups.push(vec![id]);
    }

    /// One recursion group of one to four members.
    fn group(&mut self) {
        let members = if self.swarm.has(Feature::RecGroups) && self.src.chance(60) {
            self.src.range(2, 4)
        } else {
            1
        };
        let first = self.types.defs.len() as u32;
        let kinds: Vec<usize> = (0..members).map(|_| self.kind()).collect();
        // Placeholders of the right kind, so that members can refer to later ones.
        for (at, &kind) in kinds.iter().enumerate() {
            let unit = Field {
                storage: Storage::Val(Ty::I32),
                mutable: true,
            };
            let body = match kind {
                0 => Composite::Struct(Vec::new()),
                1 => Composite::Array(unit),
                _ => Composite::Func(Sig::default()),
            };
            self.types.defs.push(TypeDef {
                body,
                is_final: false,
                supertype: None,
                canon: TypeId(first + at as u32),
            });
        }
        let ids: Vec<TypeId> = (first..first + members).map(TypeId).collect();
        for (&id, &kind) in ids.iter().zip(&kinds) {
            let supertype = self.supertype(id, kind);
            let body = self.body(kind, supertype, first);
            let is_final = !self.swarm.has(Feature::DeepSubtypes) && self.src.chance(30);
            let def = &mut self.types.defs[id.0 as usize];
            def.body = body;
            def.supertype = supertype;
            def.is_final = is_final;
        }
        self.types.groups.push(ids);
    }

    /// 0 struct, 1 array, 2 function.
    fn kind(&mut self) -> usize {
        let functions = if self.swarm.has(Feature::Functions) {
            3
        } else {
            0
        };
        let arrays = if self.swarm.has(Feature::Arrays) {
            5
        } else {
            1
        };
        self.src.weighted(&[10, arrays, functions])
    }

    /// An open definition of the same kind, before `id`.
    fn supertype(&mut self, id: TypeId, kind: usize) -> Option<TypeId> {
        let percent = if self.swarm.has(Feature::DeepSubtypes) {
            85
        } else {
            40
        };
        if !self.src.chance(percent) {
            return None;
        }
        let top = [Heap::Struct, Heap::Array, Heap::Func][kind];
        let candidates: Vec<TypeId> = (0..id.0)
            .map(TypeId)
            .filter(|&c| !self.types.def(c).is_final && self.types.kind(c) == top)
            .collect();
        if self.swarm.has(Feature::DeepSubtypes) && self.src.chance(70) {
            return candidates.last().copied();
        }
        self.src.pick(&candidates)
    }

    /// A body that is a subtype of `supertype`'s. Its non-null references refer to definitions
    /// before `limit`.
    fn body(&mut self, kind: usize, supertype: Option<TypeId>, limit: u32) -> Composite {
        let inherited = supertype.map(|up| self.types.def(up).body.clone());
        match (kind, inherited) {
            (0, inherited) => {
                let mut fields = match inherited {
                    Some(Composite::Struct(fields)) => fields,
                    _ => Vec::new(),
                };
                for field in &mut fields {
                    *field = self.refined(*field, limit);
                }
                let extra = self.src.weighted(&[12, 30, 30, 15, 8, 3]) as u32;
                let extra = if self.src.chance(2) {
                    self.src.range(8, 14)
                } else {
                    extra
                };
                for _ in 0..extra {
                    fields.push(self.field(limit));
                }
                Composite::Struct(fields)
            }
            (1, Some(Composite::Array(field))) => Composite::Array(self.refined(field, limit)),
            (1, _) => Composite::Array(self.field(limit)),
            (_, Some(Composite::Func(sig))) => Composite::Func(self.refined_sig(sig, limit)),
            _ => Composite::Func(self.sig(limit)),
        }
    }

    /// The field itself, or one that matches it.
    fn refined(&mut self, field: Field, limit: u32) -> Field {
        let Storage::Val(Ty::Ref(r)) = field.storage else {
            return field;
        };
        if field.mutable || !self.src.chance(35) {
            return field;
        }
        Field {
            storage: Storage::Val(Ty::Ref(self.narrower(r, limit))),
            ..field
        }
    }

    fn refined_sig(&mut self, mut sig: Sig, limit: u32) -> Sig {
        for ty in &mut sig.results {
            if let Ty::Ref(r) = *ty
                && self.src.chance(40)
            {
                *ty = Ty::Ref(self.narrower(r, limit));
            }
        }
        for ty in &mut sig.params {
            if let Ty::Ref(r) = *ty
                && self.src.chance(40)
            {
                *ty = Ty::nullable(self.types.top(r.heap));
            }
        }
        sig
    }

    /// A subtype of `r` that has values.
    fn narrower(&mut self, r: RefTy, limit: u32) -> RefTy {
        let below: Vec<Heap> = (0..limit)
            .map(|id| Heap::Def(TypeId(id)))
            .filter(|&h| self.types.heap_matches(h, r.heap))
            .collect();
        let heap = self.src.pick(&below).unwrap_or(r.heap);
        let heap_is_sure = !matches!(heap, Heap::Def(id) if id.0 >= limit) && self.has_values(heap);
        let null =
            r.null && !(heap_is_sure && self.swarm.has(Feature::NonNull) && self.src.chance(40));
        RefTy { null, heap }
    }

    /// Returns true if a non-null value can be written as a constant expression.
    fn has_values(&self, heap: Heap) -> bool {
        !matches!(
            heap,
            Heap::None | Heap::NoFunc | Heap::NoExtern | Heap::NoExn | Heap::Exn
        )
    }

    fn field(&mut self, limit: u32) -> Field {
        let packed = if self.swarm.has(Feature::Packed) {
            8
        } else {
            0
        };
        let storage = match self.src.weighted(&[50, packed, packed]) {
            1 => Storage::I8,
            2 => Storage::I16,
            _ => Storage::Val(value_type(self.src, self.swarm, &self.types, limit)),
        };
        Field {
            storage,
            mutable: self.src.chance(75),
        }
    }

    fn sig(&mut self, limit: u32) -> Sig {
        let (params, results) = if self.swarm.has(Feature::MultiValue) {
            match self.src.below(16) {
                0 => (self.src.range(8, 20), self.src.range(0, 2)),
                1 => (self.src.range(0, 2), self.src.range(6, 12)),
                _ => (self.src.range(0, 4), self.src.range(0, 3)),
            }
        } else {
            (self.src.range(0, 3), self.src.range(0, 1))
        };
        let mut one = || value_type(self.src, self.swarm, &self.types, limit);
        Sig {
            params: (0..params).map(|_| one()).collect(),
            results: (0..results).map(|_| one()).collect(),
        }
    }

    /// A group that repeats an earlier one, exactly or with one small change.
    fn near_duplicate(&mut self) {
        let at = self.src.below(self.types.groups.len());
        let old = self.types.groups[at].clone();
        let first = self.types.defs.len() as u32;
        let renamed = |id: TypeId| match old.iter().position(|&o| o == id) {
            Some(at) => TypeId(first + at as u32),
            None => id,
        };
        let mut defs: Vec<TypeDef> = old
            .iter()
            .map(|&id| self.types.def(id).renamed(&renamed))
            .collect();
        if self.src.chance(50) {
            self.change(&mut defs, first);
        }
        let count = defs.len() as u32;
        self.types.defs.extend(defs);
        self.types
            .groups
            .push((first..first + count).map(TypeId).collect());
    }

    /// Makes the copied group a different type by the smallest change.
    fn change(&mut self, defs: &mut Vec<TypeDef>, first: u32) {
        let leaf = |defs: &[TypeDef], at: usize| {
            !defs
                .iter()
                .any(|d| d.supertype == Some(TypeId(first + at as u32)))
        };
        let at = self.src.below(defs.len());
        match (self.src.below(3), leaf(defs, at)) {
            (0, true) => defs[at].is_final = !defs[at].is_final,
            (1, true) if matches!(defs[at].body, Composite::Struct(_)) => {
                if let Composite::Struct(fields) = &mut defs[at].body {
                    fields.push(Field {
                        storage: Storage::Val(Ty::I32),
                        mutable: false,
                    });
                }
            }
            _ => defs.push(TypeDef {
                body: Composite::Struct(Vec::new()),
                is_final: true,
                supertype: None,
                canon: TypeId(0),
            }),
        }
        for (at, def) in defs.iter_mut().enumerate() {
            def.canon = TypeId(first + at as u32);
        }
    }
}

/// Draws a value type for a field, local, global, parameter or result, references more often than
/// numbers. Non-null references refer to abstract types or to definitions before `limit`. Nullable
/// references refer to any definition.
pub fn value_type(src: &mut Source<'_>, swarm: &Swarm, types: &Universe, limit: u32) -> Ty {
    let on = |f: Feature, weight: u32| if swarm.has(f) { weight } else { 0 };
    match src.weighted(&[
        16,
        5,
        on(Feature::Floats, 4),
        on(Feature::Floats, 4),
        on(Feature::Vectors, 14),
        60,
    ]) {
        0 => Ty::I32,
        1 => Ty::I64,
        2 => Ty::F32,
        3 => Ty::F64,
        4 => Ty::V128,
        _ => Ty::Ref(ref_type(src, swarm, types, limit)),
    }
}

/// Draws a reference type: see [`value_type`].
pub fn ref_type(src: &mut Source<'_>, swarm: &Swarm, types: &Universe, limit: u32) -> RefTy {
    let on = |f: Feature, weight: u32| if swarm.has(f) { weight } else { 0 };
    let heaps = [
        (Heap::Any, 10),
        (Heap::Eq, 8),
        (Heap::Struct, 6),
        (Heap::Array, 4),
        (Heap::I31, on(Feature::I31, 4)),
        (Heap::Func, on(Feature::Functions, 5)),
        (Heap::Extern, on(Feature::Extern, 12)),
        (Heap::Exn, on(Feature::Exceptions, 5)),
        (Heap::None, 1),
        (Heap::NoFunc, on(Feature::Functions, 1)),
        (Heap::NoExtern, on(Feature::Extern, 1)),
        (Heap::NoExn, on(Feature::Exceptions, 1)),
    ];
    let defs = types.defs.len();
    let mut weights: Vec<u32> = heaps.iter().map(|&(_, w)| w).collect();
    weights.push(if defs > 0 { 40 } else { 0 });
    let at = src.weighted(&weights);
    let heap = match heaps.get(at) {
        Some(&(heap, _)) => heap,
        None => Heap::Def(TypeId(src.below(defs) as u32)),
    };
    let can_be_sure = match heap {
        Heap::Any | Heap::Eq | Heap::I31 | Heap::Func | Heap::Extern => true,
        Heap::Struct | Heap::Array => limit > BASE_ARRAY.0,
        Heap::Def(id) => id.0 < limit,
        Heap::None | Heap::NoFunc | Heap::NoExtern | Heap::NoExn | Heap::Exn => false,
    };
    let null = !(can_be_sure && swarm.has(Feature::NonNull) && src.chance(25));
    RefTy { null, heap }
}
