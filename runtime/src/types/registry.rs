//! The engine-wide registry of canonical recursion groups.
//!
//! The user of a type holds a [`Registered`]. A group lives as long as a `Registered` or another
//! living group needs it. After the last user, its ids and its rows in the displays are reused.
//!
//! Invariant **T1**: an id in the `ids` of a living [`Registered`] is not reused, and neither is an
//! id that such a type mentions.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use super::canonical::{each_id, map_ids};
use super::display::Displays;
use super::{Composite, FuncSig, TypeDef, TypeId};
use crate::error::Rejected;
use crate::planted::{Planted, planted};

/// Position of a group in the registry.
type GroupId = u32;

/// A living recursion group.
#[derive(Debug)]
struct Group {
    /// Canonical form, by which the group is found.
    key: Arc<[TypeDef]>,
    /// Ids of its members.
    ids: Arc<[TypeId]>,
    /// The number of `Registered`s and living groups that need it.
    uses: u64,
    /// Other groups that it needs, each once.
    needs: Box<[GroupId]>,
}

/// A living type.
#[derive(Debug)]
struct Entry {
    def: Arc<TypeDef>,
    group: GroupId,
}

#[derive(Debug, Default)]
struct Tables {
    groups: Vec<Option<Group>>,
    free_groups: Vec<GroupId>,
    by_key: HashMap<Arc<[TypeDef]>, GroupId>,
    /// By id. Entry 0 is never used.
    types: Vec<Option<Entry>>,
    free_types: Vec<TypeId>,
}

/// All types of an engine.
#[derive(Debug)]
pub struct TypeRegistry {
    displays: Displays,
    planted: Planted,
    tables: RwLock<Tables>,
}

impl TypeRegistry {
    /// Makes an empty registry.
    ///
    /// # Errors
    /// The operating system's error when it refuses the address space for the displays.
    pub fn new() -> std::io::Result<Arc<TypeRegistry>> {
        TypeRegistry::with_faults(Planted::NONE)
    }

    /// Returns an empty registry in which faults are planted.
    ///
    /// # Errors
    /// As for [`TypeRegistry::new`].
    pub fn with_faults(planted: Planted) -> std::io::Result<Arc<TypeRegistry>> {
        Ok(Arc::new(TypeRegistry {
            displays: Displays::new()?,
            planted,
            tables: RwLock::new(Tables {
                types: vec![None],
                ..Tables::default()
            }),
        }))
    }

    /// Returns the supertype displays.
    #[must_use]
    pub fn displays(&self) -> &Displays {
        &self.displays
    }

    /// Returns the definition of a type. `None` if no living type has that id.
    #[must_use]
    pub fn get(&self, id: TypeId) -> Option<Arc<TypeDef>> {
        let tables = self.read();
        let entry = tables.types.get(id.0 as usize)?.as_ref()?;
        Some(Arc::clone(&entry.def))
    }

    /// Returns the parameters and results of a function type. `None` if it is not a living function
    /// type.
    #[must_use]
    pub fn func(&self, id: TypeId) -> Option<FuncSig> {
        match &self.get(id)?.composite {
            Composite::Func(sig) => Some(sig.clone()),
            Composite::Struct(_) | Composite::Array(_) => None,
        }
    }

    /// Returns the members of the type's recursion group, in order, and the type's position among
    /// them.
    #[must_use]
    pub fn group_of(&self, id: TypeId) -> Option<(Arc<[TypeId]>, usize)> {
        let tables = self.read();
        let entry = tables.types.get(id.0 as usize)?.as_ref()?;
        let ids = Arc::clone(&tables.groups[entry.group as usize].as_ref()?.ids);
        let at = ids.iter().position(|member| *member == id)?;
        Some((ids, at))
    }

    /// Returns the number of living types.
    #[must_use]
    pub fn live_types(&self) -> usize {
        self.read().types.iter().flatten().count()
    }

    /// No panic can interrupt a change of the tables, so a poisoned lock protects consistent
    /// tables.
    fn read(&self) -> RwLockReadGuard<'_, Tables> {
        self.tables.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Tables> {
        self.tables.write().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Tables {
    /// Returns the group with that canonical form and increments its uses. Makes the group if it
    /// does not exist.
    fn intern(
        &mut self,
        displays: &Displays,
        planted: Planted,
        key: Vec<TypeDef>,
    ) -> Result<(GroupId, Arc<[TypeId]>), Rejected> {
        let key: Arc<[TypeDef]> = key.into();
        let shared = !planted!(planted, GroupsNotCanonical, if key.len() != 1);
        if let Some(&id) = self.by_key.get(&key).filter(|_| shared) {
            let group = self.group_mut(id);
            group.uses += 1;
            return Ok((id, Arc::clone(&group.ids)));
        }
        let ids = self.new_ids(key.len())?;
        let id = match self.free_groups.pop() {
            Some(id) => id,
            None => {
                self.groups.push(None);
                (self.groups.len() - 1) as GroupId
            }
        };
        let mut needs = BTreeSet::new();
        for (canonical, own) in key.iter().zip(&*ids) {
            each_id(canonical, &mut |other| {
                if other.as_relative().is_none()
                    && let Some(entry) = &self.types[other.0 as usize]
                {
                    needs.insert(entry.group);
                }
            });
            let mut def = map_ids(canonical, &mut |other| match other.as_relative() {
                Some(position) => ids[position as usize],
                None => other,
            });
            def.depth = match def.supertype {
                Some(supertype) => self.depth(supertype) + 1,
                None => 0,
            };
            displays.write(*own, def.supertype, def.depth);
            self.types[own.0 as usize] = Some(Entry {
                def: Arc::new(def),
                group: id,
            });
        }
        for other in &needs {
            self.group_mut(*other).uses += 1;
        }
        self.by_key.insert(Arc::clone(&key), id);
        self.groups[id as usize] = Some(Group {
            key,
            ids: Arc::clone(&ids),
            uses: 1,
            needs: needs.into_iter().collect(),
        });
        Ok((id, ids))
    }

    /// The depth of a living type, or 0 for any other id.
    fn depth(&self, id: TypeId) -> u32 {
        self.types[id.0 as usize]
            .as_ref()
            .map_or(0, |entry| entry.def.depth)
    }

    /// Ids that no living type has.
    fn new_ids(&mut self, count: usize) -> Result<Arc<[TypeId]>, Rejected> {
        let fresh = count.saturating_sub(self.free_types.len());
        if self.types.len() + fresh > TypeId::MAX as usize + 1 {
            return Err(Rejected::Limit("types of one engine".to_string()));
        }
        let ids = (0..count).map(|_| match self.free_types.pop() {
            Some(id) => id,
            None => {
                self.types.push(None);
                TypeId((self.types.len() - 1) as u32)
            }
        });
        Ok(ids.collect())
    }

    fn group_mut(&mut self, id: GroupId) -> &mut Group {
        self.groups[id as usize]
            .as_mut()
            .expect("a group in use is alive")
    }

    /// Decrements the uses of each group. Frees the groups without uses, and decrements the uses of
    /// the groups that these need.
    fn release(&mut self, displays: &Displays, groups: &[GroupId]) {
        let mut work = groups.to_vec();
        while let Some(id) = work.pop() {
            let group = self.group_mut(id);
            group.uses -= 1;
            if group.uses > 0 {
                continue;
            }
            let Some(group) = self.groups[id as usize].take() else {
                continue;
            };
            self.by_key.remove(&group.key);
            self.free_groups.push(id);
            for own in &*group.ids {
                displays.clear(*own, self.depth(*own));
                self.types[own.0 as usize] = None;
                self.free_types.push(*own);
            }
            work.extend(&group.needs);
        }
    }
}

/// Types kept alive for as long as this value lives.
#[derive(Debug)]
pub struct Registered {
    registry: Arc<TypeRegistry>,
    ids: Vec<TypeId>,
    groups: Vec<GroupId>,
}

impl Registered {
    /// No types yet.
    #[must_use]
    pub fn new(registry: &Arc<TypeRegistry>) -> Registered {
        Registered {
            registry: Arc::clone(registry),
            ids: Vec::new(),
            groups: Vec::new(),
        }
    }

    /// Keeps the group of `id` alive. It must be alive already. The `ids` are then `[id]`.
    #[must_use]
    pub fn retain(registry: &Arc<TypeRegistry>, id: TypeId) -> Option<Registered> {
        let group = {
            let mut tables = registry.write();
            let group = tables.types.get(id.0 as usize)?.as_ref()?.group;
            tables.group_mut(group).uses += 1;
            group
        };
        Some(Registered {
            registry: Arc::clone(registry),
            ids: vec![id],
            groups: vec![group],
        })
    }

    /// Adds a recursion group. Its members are in order. Their ids are either [`TypeId::relative`]
    /// or alive by T1. Their depths are ignored and computed again. Returns the ids of the members.
    ///
    /// # Errors
    /// `Rejected::Limit` when the engine has no ids left.
    pub fn add_group(&mut self, mut members: Vec<TypeDef>) -> Result<Arc<[TypeId]>, Rejected> {
        for member in &mut members {
            member.depth = 0;
        }
        let (group, ids) = self.registry.write().intern(
            &self.registry.displays,
            self.registry.planted,
            members,
        )?;
        self.groups.push(group);
        self.ids.extend_from_slice(&ids);
        Ok(ids)
    }

    /// Returns the ids, in the order in which their groups were added.
    #[must_use]
    pub fn ids(&self) -> &[TypeId] {
        &self.ids
    }

    /// Returns the registry.
    #[must_use]
    pub fn registry(&self) -> &Arc<TypeRegistry> {
        &self.registry
    }
}

impl Clone for Registered {
    fn clone(&self) -> Registered {
        let mut tables = self.registry.write();
        for group in &self.groups {
            tables.group_mut(*group).uses += 1;
        }
        drop(tables);
        Registered {
            registry: Arc::clone(&self.registry),
            ids: self.ids.clone(),
            groups: self.groups.clone(),
        }
    }
}

impl Drop for Registered {
    fn drop(&mut self) {
        self.registry
            .write()
            .release(&self.registry.displays, &self.groups);
    }
}

#[cfg(test)]
mod tests {
    use super::super::{FieldKind, HeapKind, RefKind, Shape, StorageKind, ValKind};
    use super::*;

    fn node(heap: HeapKind, supertype: Option<TypeId>) -> TypeDef {
        TypeDef {
            is_final: false,
            supertype,
            composite: Composite::Struct(
                [FieldKind {
                    storage: StorageKind::Val(ValKind::Ref(RefKind {
                        nullable: true,
                        heap,
                    })),
                    mutable: true,
                }]
                .into(),
            ),
            depth: 9,
        }
    }

    fn own(position: u32) -> HeapKind {
        HeapKind::Defined(TypeId::relative(position), Shape::Struct)
    }

    #[test]
    fn equal_groups_are_one() {
        let registry = TypeRegistry::new().unwrap();
        let mut a = Registered::new(&registry);
        let mut b = Registered::new(&registry);
        let one = a.add_group(vec![node(own(0), None)]).unwrap();
        let two = b.add_group(vec![node(own(0), None)]).unwrap();
        assert_eq!(one, two);
        // The same member in a larger group is another type.
        let pair = b
            .add_group(vec![node(own(0), None), node(own(0), None)])
            .unwrap();
        assert!(!pair.contains(&one[0]));
        assert_ne!(pair[0], pair[1]);
    }

    #[test]
    fn ids_and_rows_are_recycled_when_the_last_user_goes() {
        let registry = TypeRegistry::new().unwrap();
        let mut a = Registered::new(&registry);
        let base = a.add_group(vec![node(own(0), None)]).unwrap()[0];
        let mut b = Registered::new(&registry);
        assert_eq!(
            b.add_group(vec![node(own(0), None)]).unwrap()[0],
            base,
            "shared"
        );
        let sub = b.add_group(vec![node(HeapKind::None, Some(base))]).unwrap()[0];
        drop(a);
        assert_eq!(registry.get(sub).unwrap().depth, 1);
        assert_eq!(registry.displays().ancestor(sub, 0), Some(base));
        assert_eq!(registry.displays().ancestor(sub, 1), Some(sub));
        assert_eq!(registry.displays().ancestor(sub, 2), None);
        let again = Registered::retain(&registry, sub).unwrap();
        drop(b);
        assert_eq!(registry.live_types(), 2, "the subtype needs its supertype");
        drop(again);
        assert_eq!(registry.live_types(), 0);
        assert_eq!(registry.displays().ancestor(sub, 1), None);
        let mut c = Registered::new(&registry);
        let ids = c.add_group(vec![node(HeapKind::Any, None)]).unwrap();
        assert!(ids[0] == base || ids[0] == sub);
    }
}
