//! Which objects live. There is no collector here: liveness is *defined* as what this file computes.
//!
//! An object is **reachable** if a chain of references leads to it from a [`Root`]. A collector that reclaims cycles
//! keeps exactly the reachable objects, one that counts references also those that **garbage cycles** keep: an
//! unreachable object stays if an unreachable cycle leads to it. Of the unreachable objects these are the ones that
//! remain when those that nothing refers to are taken away again and again, which is what reference counting does.
//!
//! While a host function runs, wasm frames are on the stack. Compiled code may know that a local or operand is not used
//! any more, so what lives is between what is reachable [`Frames::Without`] them and [`Frames::With`] all their slots.
//!
//! Always holds: nothing recurses, so a list of ten million nodes is no deeper than any other graph; results do not
//! depend on the order of visits.
//!
//! Not here: counting what an engine under test has kept (the crate `gcrucible-oracles`). Functions are not counted.

use std::collections::{BTreeMap, BTreeSet};

use crate::execution::heap::{Heap, Object};
use crate::execution::types::Storage;
use crate::execution::{
    ArrayAddr, ElemAddr, ExnAddr, GlobalAddr, HandleId, HostAddr, Ref, Store, StructAddr,
    TableAddr, Value,
};
use crate::syntax::DefTypeId;

/// Everything that keeps objects alive. All instances live as long as their store, so a global or table is a root whether
/// it is exported or not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Root {
    /// The value of a global.
    Global(GlobalAddr),
    /// An element of a table.
    Table(TableAddr),
    /// An element of a segment that has not been dropped.
    Elem(ElemAddr),
    /// A reference the host holds.
    Handle(HandleId),
    /// An exception on its way through the host.
    PendingException,
    /// A local or operand of a frame, or an argument of a host function, by its position on the stack.
    Stack(u32),
}

/// Whether locals and operands of wasm frames count as roots.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Frames {
    /// Not one of them: the lower bound.
    Without,
    /// All of them: the upper bound.
    With,
}

/// Number of objects by kind and type.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Census {
    /// Structures by the type they were created with.
    pub structs: BTreeMap<DefTypeId, u64>,
    /// Arrays by the type they were created with.
    pub arrays: BTreeMap<DefTypeId, u64>,
    /// Exceptions.
    pub exceptions: u64,
    /// Host objects.
    pub hosts: u64,
}

impl Census {
    /// Structures, arrays and exceptions.
    #[must_use]
    pub fn objects(&self) -> u64 {
        let (structs, arrays) = (self.structs.values(), self.arrays.values());
        structs.sum::<u64>() + arrays.sum::<u64>() + self.exceptions
    }
}

impl Store {
    /// Every root with the reference it holds.
    fn roots(&self, frames: Frames, visit: &mut dyn FnMut(Root, Ref)) {
        for (i, global) in self.globals.iter().enumerate() {
            if let Value::Ref(r) = global.value {
                visit(Root::Global(GlobalAddr(i as u32)), r);
            }
        }
        for (i, table) in self.tables.iter().enumerate() {
            let root = Root::Table(TableAddr(i as u32));
            table.refs.iter().for_each(|r| visit(root, *r));
        }
        for (i, elem) in self.elems.iter().enumerate() {
            let root = Root::Elem(ElemAddr(i as u32));
            elem.refs.iter().for_each(|r| visit(root, *r));
        }
        for (handle, r) in &self.handles {
            visit(Root::Handle(*handle), *r);
        }
        if let Some(exception) = self.pending {
            visit(Root::PendingException, Ref::Exn(exception));
        }
        if frames == Frames::With {
            for (i, slot) in self.machine().values.iter().enumerate() {
                if let Some(r) = slot.as_ref() {
                    visit(Root::Stack(i as u32), r);
                }
            }
        }
    }

    /// The objects that are reachable.
    #[must_use]
    pub fn reach(&self, frames: Frames) -> Census {
        self.mark(frames).census(self)
    }

    /// The objects that counting references keeps: those reachable, and those that garbage cycles lead to.
    #[must_use]
    pub fn reach_counted(&self, frames: Frames) -> Census {
        let mut marks = self.mark(frames);
        marks.add_garbage_cycles(self);
        marks.census(self)
    }

    /// A root from which `target` can be reached, and the references passed on the way, `target` last.
    #[must_use]
    pub fn path_to(&self, target: Ref, frames: Frames) -> Option<(Root, Vec<Ref>)> {
        let mut came_from: BTreeMap<Ref, Option<Ref>> = BTreeMap::new();
        let mut starts: BTreeMap<Ref, Root> = BTreeMap::new();
        let mut queue = std::collections::VecDeque::new();
        self.roots(frames, &mut |root, r| {
            let r = r.unwrapped();
            if came_from.insert(r, None).is_none() {
                starts.insert(r, root);
                queue.push_back(r);
            }
        });
        let target = target.unwrapped();
        while let Some(r) = queue.pop_front() {
            if r == target {
                let mut path = vec![r];
                while let Some(Some(before)) = came_from.get(path.last()?) {
                    path.push(*before);
                }
                path.reverse();
                return Some((*starts.get(path.first()?)?, path));
            }
            self.references(r, &mut |next| {
                came_from.entry(next).or_insert_with(|| {
                    queue.push_back(next);
                    Some(r)
                });
            });
        }
        None
    }

    /// Every reference in an object, unwrapped.
    fn references(&self, r: Ref, visit: &mut dyn FnMut(Ref)) {
        let mut visit_value = |value: Value| {
            if let Value::Ref(r) = value {
                visit(r.unwrapped());
            }
        };
        match r {
            Ref::Struct(a) => {
                let Ok(object) = self.heap.structure(a) else {
                    return;
                };
                for place in &self.layouts[object.ty.0 as usize].places {
                    if place.storage == Storage::Ref
                        && let Ok(value) = self.heap.field(object, *place)
                    {
                        visit_value(value);
                    }
                }
            }
            Ref::Array(a) => {
                let Ok(array) = self.heap.array(a) else {
                    return;
                };
                let place = self.layouts[array.ty.0 as usize].places.first();
                if place.is_some_and(|place| place.storage == Storage::Ref) {
                    let values = (0..array.len).map(|i| self.heap.element(array, Storage::Ref, i));
                    values.flatten().for_each(visit_value);
                }
            }
            Ref::Exn(a) => {
                if let Ok(exception) = self.heap.exception(a) {
                    exception.fields.iter().copied().for_each(visit_value);
                }
            }
            Ref::Null | Ref::I31(_) | Ref::Func(_) | Ref::Host(_) | Ref::Extern(_) => {}
        }
    }

    /// Marks what is reachable.
    fn mark(&self, frames: Frames) -> Marks {
        let mut marks = Marks::new(&self.heap);
        let mut work = Vec::new();
        self.roots(frames, &mut |_, r| marks.visit(r.unwrapped(), &mut work));
        while let Some(r) = work.pop() {
            self.references(r, &mut |next| marks.visit(next, &mut work));
        }
        marks
    }
}

/// A set of objects.
struct Marks {
    structs: Vec<bool>,
    arrays: Vec<bool>,
    exceptions: Vec<bool>,
    hosts: BTreeSet<HostAddr>,
}

impl Marks {
    fn new(heap: &Heap) -> Marks {
        Marks {
            structs: vec![false; heap.structs().len()],
            arrays: vec![false; heap.arrays().len()],
            exceptions: vec![false; heap.exceptions().len()],
            hosts: BTreeSet::new(),
        }
    }

    /// Whether an object with references of its own is marked.
    fn mark_of(&mut self, r: Ref) -> Option<&mut bool> {
        match r {
            Ref::Struct(a) => self.structs.get_mut(a.index()),
            Ref::Array(a) => self.arrays.get_mut(a.index()),
            Ref::Exn(a) => self.exceptions.get_mut(a.index()),
            _ => None,
        }
    }

    /// Marks an object, and queues it if it was not marked before.
    fn visit(&mut self, r: Ref, work: &mut Vec<Ref>) {
        if let Ref::Host(a) = r {
            self.hosts.insert(a);
        } else if let Some(mark) = self.mark_of(r)
            && !std::mem::replace(mark, true)
        {
            work.push(r);
        }
    }

    /// Every object that is not marked.
    fn unmarked(&self) -> Vec<Ref> {
        let missing = |marks: &[bool]| -> Vec<u32> {
            (0..marks.len() as u32)
                .filter(|i| !marks[*i as usize])
                .collect()
        };
        let structs = missing(&self.structs).into_iter();
        let arrays = missing(&self.arrays).into_iter();
        let exceptions = missing(&self.exceptions).into_iter();
        structs
            .map(|i| Ref::Struct(StructAddr(i)))
            .chain(arrays.map(|i| Ref::Array(ArrayAddr(i))))
            .chain(exceptions.map(|i| Ref::Exn(ExnAddr(i))))
            .collect()
    }

    /// Adds the unmarked objects that garbage cycles keep, with the host objects they refer to.
    ///
    /// No marked object refers to an unmarked one, so only references between unmarked objects count.
    fn add_garbage_cycles(&mut self, store: &Store) {
        let garbage = self.unmarked();
        let mut counts: BTreeMap<Ref, u64> = garbage.iter().map(|r| (*r, 0)).collect();
        for r in &garbage {
            store.references(*r, &mut |next| {
                if let Some(count) = counts.get_mut(&next) {
                    *count += 1;
                }
            });
        }
        let mut free: Vec<Ref> = garbage.into_iter().filter(|r| counts[r] == 0).collect();
        while let Some(r) = free.pop() {
            counts.remove(&r);
            store.references(r, &mut |next| {
                if let Some(count) = counts.get_mut(&next) {
                    *count -= 1;
                    if *count == 0 {
                        free.push(next);
                    }
                }
            });
        }
        for r in counts.into_keys() {
            if let Some(mark) = self.mark_of(r) {
                *mark = true;
            }
            store.references(r, &mut |next| {
                if let Ref::Host(a) = next {
                    self.hosts.insert(a);
                }
            });
        }
    }

    /// The marked objects, counted.
    fn census(&self, store: &Store) -> Census {
        let count = |objects: &[Object], marks: &[bool]| {
            let mut by_type = BTreeMap::new();
            for (object, _) in objects.iter().zip(marks).filter(|(_, mark)| **mark) {
                *by_type.entry(object.ty).or_insert(0) += 1;
            }
            by_type
        };
        Census {
            structs: count(store.heap.structs(), &self.structs),
            arrays: count(store.heap.arrays(), &self.arrays),
            exceptions: self.exceptions.iter().filter(|mark| **mark).count() as u64,
            hosts: self.hosts.len() as u64,
        }
    }
}
