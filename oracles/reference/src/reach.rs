//! Which objects are live. There is no collector here: this file *defines* liveness.
//!
//! An object is **reachable** if a chain of references leads to it from a [`Root`]. A collector
//! that reclaims cycles keeps exactly the reachable objects. A collector that counts references
//! also keeps what **garbage cycles** lead to: an unreachable object stays if an unreachable cycle
//! leads to it. To find these objects, remove unreachable objects that nothing refers to, until
//! there are none. The unreachable objects that are left stay. Reference counting does the same.
//!
//! While a host function runs, wasm frames are on the stack. Compiled code may know that a local or
//! operand is not used any more. So the live objects are at least those that are reachable
//! [`Frames::Without`] the frames, and at most those that are reachable [`Frames::With`] all their
//! slots.
//!
//! Always holds: nothing recurses, so a list of ten million nodes is no deeper than any other
//! graph. Results do not depend on the order of visits.
//!
//! Not here: counting what an engine under test has kept (the crate `gcrucible-oracles`). Functions
//! are not counted.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use crate::execution::heap::Heap;
use crate::execution::layout::Field;
use crate::execution::words::{Kind, Word};
use crate::execution::{
    ArrayAddr, ElemAddr, ExnAddr, GlobalAddr, HandleId, HostAddr, Ref, Store, StructAddr,
    TableAddr, Value,
};
use crate::syntax::DefTypeId;

/// Everything that keeps objects alive. All instances live as long as their store, so a global or
/// table is a root whether it is exported or not.
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
    /// A local or operand of a frame, or an argument of a host function, by its position on the
    /// stack.
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
            for (i, slot) in self.stack().live().iter().enumerate() {
                if let Some(r) = slot.as_ref() {
                    visit(Root::Stack(i as u32), r);
                }
            }
        }
    }

    /// Returns the objects that are reachable.
    #[must_use]
    pub fn reach(&self, frames: Frames) -> Census {
        self.mark(frames).census(self)
    }

    /// Returns the objects that counting references keeps: those reachable, and those that garbage
    /// cycles lead to.
    #[must_use]
    pub fn reach_counted(&self, frames: Frames) -> Census {
        let mut marks = self.mark(frames);
        marks.add_garbage_cycles(self);
        marks.census(self)
    }

    /// Returns a root from which `target` can be reached, and the references passed on the way,
    /// `target` last. The path is one of the shortest.
    #[must_use]
    pub fn path_to(&self, target: Ref, frames: Frames) -> Option<(Root, Vec<Ref>)> {
        let target = target.unwrapped();
        let numbers = Numbers::of(&self.heap);
        // For each object, where the search came from: a root or an object.
        let mut came_from: Vec<Option<Result<Root, Ref>>> = vec![None; numbers.len];
        let mut queue = VecDeque::new();
        let mut found = None;
        let mut visit = |from: Result<Root, Ref>, r: Ref, queue: &mut VecDeque<Ref>| {
            if r == target && found.is_none() {
                found = Some(from);
            }
            if let Some(origin) = numbers.of_object(r).map(|n| &mut came_from[n])
                && origin.is_none()
            {
                *origin = Some(from);
                queue.push_back(r);
            }
        };
        self.roots(frames, &mut |root, r| {
            visit(Ok(root), r.unwrapped(), &mut queue)
        });
        while let Some(r) = queue.pop_front() {
            self.references(r, &mut |next| visit(Err(r), next, &mut queue));
        }
        let mut path = vec![target];
        let mut from = found?;
        loop {
            match from {
                Ok(root) => {
                    path.reverse();
                    return Some((root, path));
                }
                Err(r) => {
                    path.push(r);
                    from = came_from[numbers.of_object(r)?]?;
                }
            }
        }
    }

    /// Every reference in an object, unwrapped.
    fn references(&self, r: Ref, visit: &mut dyn FnMut(Ref)) {
        let mut visit_word = |word: Word| {
            if word.kind == Kind::Ref {
                visit(Ref::from_word(word.low).unwrapped());
            }
        };
        match r {
            Ref::Struct(a) => {
                let Ok(object) = self.heap.structure(a) else {
                    return;
                };
                for field in &self.layouts[object.ty.0 as usize].fields {
                    if field.storage.kind == Kind::Ref
                        && let Ok(value) = self.heap.read(object.word(*field), field.storage)
                    {
                        visit_word(value);
                    }
                }
            }
            Ref::Array(a) => {
                let Ok(array) = self.heap.array(a) else {
                    return;
                };
                if let Ok(Field { storage, .. }) = self.layouts[array.ty.0 as usize].element()
                    && storage.kind == Kind::Ref
                {
                    let values = (0..array.len).map(|i| self.heap.element(array, storage, i));
                    values.flatten().for_each(visit_word);
                }
            }
            Ref::Exn(a) => {
                if let Ok(exception) = self.heap.exception(a) {
                    let fields = exception.fields.iter();
                    fields.for_each(|value| visit_word((*value).into()));
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

/// Numbers for all objects of a heap: structures, then arrays, then exceptions.
#[derive(Clone, Copy)]
struct Numbers {
    /// Number of the first array.
    arrays: usize,
    /// Number of the first exception.
    exceptions: usize,
    len: usize,
}

impl Numbers {
    fn of(heap: &Heap) -> Numbers {
        let arrays = heap.structs().len();
        let exceptions = arrays + heap.arrays().len();
        Numbers {
            arrays,
            exceptions,
            len: exceptions + heap.exceptions().len(),
        }
    }

    /// The number of the object a reference refers to directly, if it is one of the heap's.
    fn of_object(self, r: Ref) -> Option<usize> {
        let number = match r {
            Ref::Struct(a) => a.index(),
            Ref::Array(a) => self.arrays + a.index(),
            Ref::Exn(a) => self.exceptions + a.index(),
            _ => return None,
        };
        (number < self.len).then_some(number)
    }

    fn object(self, number: usize) -> Ref {
        if number < self.arrays {
            Ref::Struct(StructAddr(number as u32))
        } else if number < self.exceptions {
            Ref::Array(ArrayAddr((number - self.arrays) as u32))
        } else {
            Ref::Exn(ExnAddr((number - self.exceptions) as u32))
        }
    }
}

/// A set of objects.
struct Marks {
    numbers: Numbers,
    /// By number.
    marked: Vec<bool>,
    hosts: BTreeSet<HostAddr>,
}

impl Marks {
    fn new(heap: &Heap) -> Marks {
        let numbers = Numbers::of(heap);
        Marks {
            numbers,
            marked: vec![false; numbers.len],
            hosts: BTreeSet::new(),
        }
    }

    /// Marks an object, and queues it if it was not marked before.
    fn visit(&mut self, r: Ref, work: &mut Vec<Ref>) {
        if let Ref::Host(a) = r {
            self.hosts.insert(a);
        } else if let Some(number) = self.numbers.of_object(r)
            && !std::mem::replace(&mut self.marked[number], true)
        {
            work.push(r);
        }
    }

    /// Adds the unmarked objects that garbage cycles keep, with the host objects they refer to.
    ///
    /// No marked object refers to an unmarked one, so only references between unmarked objects
    /// count.
    fn add_garbage_cycles(&mut self, store: &Store) {
        let numbers = self.numbers;
        let garbage: Vec<usize> = (0..numbers.len).filter(|n| !self.marked[*n]).collect();
        let mut counts = vec![0u64; numbers.len];
        for number in &garbage {
            store.references(numbers.object(*number), &mut |next| {
                if let Some(next) = numbers.of_object(next) {
                    counts[next] += 1;
                }
            });
        }
        let unreferenced = |number: &&usize| counts[**number] == 0;
        let mut free: Vec<usize> = garbage.iter().filter(unreferenced).copied().collect();
        let mut freed = vec![false; numbers.len];
        while let Some(number) = free.pop() {
            freed[number] = true;
            store.references(numbers.object(number), &mut |next| {
                if let Some(next) = numbers.of_object(next).filter(|next| !self.marked[*next]) {
                    counts[next] -= 1;
                    if counts[next] == 0 {
                        free.push(next);
                    }
                }
            });
        }
        for number in garbage.into_iter().filter(|number| !freed[*number]) {
            self.marked[number] = true;
            store.references(numbers.object(number), &mut |next| {
                if let Ref::Host(a) = next {
                    self.hosts.insert(a);
                }
            });
        }
    }

    /// Returns the number of marked objects of each type. `types` are the types of the objects from
    /// number `first` on.
    fn count(
        &self,
        types: impl Iterator<Item = DefTypeId>,
        first: usize,
    ) -> BTreeMap<DefTypeId, u64> {
        let mut by_type = BTreeMap::new();
        let marked = types.zip(&self.marked[first..]).filter(|(_, m)| **m);
        marked.for_each(|(ty, _)| *by_type.entry(ty).or_insert(0) += 1);
        by_type
    }

    /// The marked objects, counted.
    fn census(&self, store: &Store) -> Census {
        let (structs, arrays) = (store.heap.structs().iter(), store.heap.arrays().iter());
        let exceptions = &self.marked[self.numbers.exceptions..];
        Census {
            structs: self.count(structs.map(|object| object.ty), 0),
            arrays: self.count(arrays.map(|object| object.ty), self.numbers.arrays),
            exceptions: exceptions.iter().filter(|marked| **marked).count() as u64,
            hosts: self.hosts.len() as u64,
        }
    }
}
