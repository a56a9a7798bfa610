//! Carries out operations on a heap and on the model, and compares the two.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::emitted::{Code, ROOTS, Running, Stop};
use super::model::{Mismatch, MismatchKind, Model, Object, Ref, is_ref, storage};
use super::record::Record;
use super::slots::{FRAME, FRAME_AT, PENDING, SLOTS, Slots};
use super::types::{ARRAYS, EXCEPTION, FUNCTIONS, HOST, STRUCTS, Types, storages};
use super::{Op, Setup};
use crate::abi::libcalls::LibCall;
use crate::config::{Config, Schedule, StoreConfig};
use crate::heap::layout::{Kind, tag};
use crate::heap::{
    AccessError, AllocError, GcRef, Heap, HeapFault, PointKind, SpacePool, Stored, TypeSource,
    plan_for,
};
use crate::types::{StorageKind, TypeId, ValKind};

/// The length of an array that no heap of a run can hold.
const POSSIBLE_LEN: u32 = 1 << 20;
/// The identity of the one tag.
const TAG: u32 = 77;

/// Counters of a run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    /// Operations carried out.
    pub steps: u64,
    /// Objects allocated.
    pub made: u64,
    /// Collections.
    pub collections: u64,
    /// Objects compared after full collections.
    pub compared: u64,
    /// How often the heap was full, and the run began again with an empty one.
    pub exhausted: u64,
    /// How many allocations failed because the setup says so. After each, everything was compared
    /// and the run went on.
    pub failed: u64,
}

/// The code that the collector emits, recorded.
#[derive(Debug)]
struct Emitted {
    write: Code,
    init: Code,
    allocate: BTreeMap<u32, Code>,
}

/// A heap and its model.
#[derive(Debug)]
pub struct Driver {
    pub(super) heap: Heap,
    pub(super) slots: Slots,
    pub(super) refs: [Ref; SLOTS],
    pub(super) model: Model,
    emitted: Arc<Emitted>,
    /// The numbers of host objects that were made and not reported dead.
    pub(super) hosts: BTreeSet<u32>,
    pub(super) next_host: u32,
    pub(super) totals: Totals,
    /// How many objects there were at the last comparison, and how many steps before it.
    pub(super) weight: u64,
    pub(super) compared_at: u64,
    pub(super) setup: Setup,
    pub(super) pool: Arc<SpacePool>,
    pub(super) types: Arc<Types>,
    /// The last field: it is dropped after the heap.
    record: Record,
}

fn config(setup: &Setup) -> Config {
    Config {
        #[cfg(feature = "planted")]
        planted: setup.planted,
        ..Config::fuzzing(setup.collector)
    }
}

fn store_config(setup: &Setup) -> StoreConfig {
    StoreConfig {
        schedule: setup.schedule.clone(),
        heap_limit: setup.heap_limit,
        checks: setup.schedule != Schedule::OnPressure,
        ..StoreConfig::fuzzing()
    }
}

fn fresh_heap(
    setup: &Setup,
    types: &Arc<Types>,
    pool: &Arc<SpacePool>,
    record: &Record,
) -> Result<Heap, AllocError> {
    let types: Arc<dyn TypeSource> = Arc::<Types>::clone(types);
    let (engine, store) = (config(setup), store_config(setup));
    let space = Heap::reserve(store.heap_limit, pool)?;
    // SAFETY: the driver owns the record and drops it after the heap. Nobody else has its address.
    let mut heap = unsafe { Heap::new(&engine, &store, types, space, record.address()) };
    heap.set_full_at(setup.fails_after);
    Ok(heap)
}

impl Driver {
    /// Makes an empty heap and an empty model.
    ///
    /// # Errors
    /// There is no memory for a heap.
    pub fn new(setup: Setup) -> Result<Driver, Mismatch> {
        let mut record = Record::new();
        record.fields().funcrefs_len = FUNCTIONS;
        let types = Arc::new(Types::new());
        let pool = SpacePool::new();
        let heap = fresh_heap(&setup, &types, &pool, &record).map_err(|error| Mismatch {
            step: 0,
            op: None,
            kind: MismatchKind::Allocation(error),
        })?;
        let collector = plan_for(&config(&setup));
        let allocate = |&ty: &u32| {
            let kind = Model::kind(ty);
            let slow = if kind == Kind::Array {
                LibCall::alloc_array
            } else {
                LibCall::alloc_struct
            };
            (ty, Code::allocate(collector, tag(kind, ty), slow))
        };
        let emitted = Emitted {
            write: Code::write(collector),
            init: Code::init(collector),
            allocate: STRUCTS.iter().chain(&ARRAYS).map(allocate).collect(),
        };
        Ok(Driver {
            heap,
            slots: Slots([0; SLOTS]),
            refs: [0; SLOTS],
            model: Model::default(),
            emitted: Arc::new(emitted),
            hosts: BTreeSet::new(),
            next_host: 1,
            totals: Totals::default(),
            weight: 0,
            compared_at: 0,
            setup,
            pool,
            types,
            record,
        })
    }

    /// Carries out one operation. Compares everything if it was a full collection.
    ///
    /// # Errors
    /// The first difference.
    pub fn step(&mut self, op: Op) -> Result<(), Mismatch> {
        let result = self.perform(op);
        let step = self.totals.steps;
        self.totals.steps += 1;
        result.map_err(|kind| Mismatch {
            step,
            op: Some(op),
            kind,
        })
    }

    /// Collects, compares, and returns the counters.
    ///
    /// # Errors
    /// The first difference.
    pub fn finish(mut self) -> Result<Totals, Mismatch> {
        let step = self.totals.steps;
        let end = |kind| Mismatch {
            step,
            op: None,
            kind,
        };
        self.collect().map_err(end)?;
        self.totals.collections += self.heap.stats().collections;
        Ok(self.totals)
    }

    fn perform(&mut self, op: Op) -> Result<(), MismatchKind> {
        match op {
            Op::NewStruct { to, ty, from } => {
                let ty = STRUCTS[ty as usize % STRUCTS.len()];
                self.new_object(frame(to), ty, 0, usize::from(from))
            }
            Op::NewArray { to, ty, len } => {
                let ty = ARRAYS[ty as usize % ARRAYS.len()];
                self.new_object(frame(to), ty, len, 0)
            }
            Op::NewExtern { to } => self.new_object(frame(to), HOST, 0, 0),
            Op::NewException { to, from } => {
                self.new_object(frame(to), EXCEPTION, 0, usize::from(from))
            }
            Op::SetI31 { to, value } => {
                let raw = GcRef::from_i31(value).raw();
                self.set_frame(frame(to), raw, raw);
                Ok(())
            }
            Op::Forget { first, count } => {
                for at in 0..usize::from(count) % 16 {
                    self.set_frame(frame(first.wrapping_add(at as u8)), 0, 0);
                }
                Ok(())
            }
            Op::WriteRoot { root, from } => self.write_root(usize::from(root), frame(from)),
            Op::ReadRoot { to, root } => {
                let at = usize::from(root) % FRAME_AT;
                self.set_frame(frame(to), self.slots.0[at], self.refs[at]);
                Ok(())
            }
            Op::WriteField {
                object,
                field,
                from,
                number,
            } => self.write_field(frame(object), usize::from(field), frame(from), number),
            Op::ReadField { to, object, field } => {
                self.read_field(frame(to), frame(object), usize::from(field))
            }
            Op::Fill {
                array,
                at,
                len,
                from,
                number,
            } => self.fill(frame(array), at.into(), len.into(), frame(from), number),
            Op::Copy {
                to,
                from,
                at,
                start,
                len,
            } => self.copy(
                frame(to),
                frame(from),
                [at.into(), start.into(), len.into()],
            ),
            Op::InitBytes { array, at, number } => self.init_bytes(frame(array), at.into(), number),
            Op::InitRefs {
                array,
                at,
                first,
                len,
            } => self.init_refs(frame(array), at.into(), first.into(), len.into()),
            Op::TableFill { at, len, from } => self.table_fill(at.into(), len.into(), frame(from)),
            Op::TableCopy { at, start, len } => {
                self.table_copy(at.into(), start.into(), len.into())
            }
            Op::TableInit { at, start, len } => {
                self.table_init(at.into(), start.into(), len.into())
            }
            Op::Point { kind } => {
                let kind = match kind % 3 {
                    0 => PointKind::Table,
                    1 => PointKind::HostCall,
                    _ => PointKind::Growth,
                };
                self.heap.point(kind, &mut self.slots)?;
                Ok(())
            }
            Op::Collect => {
                // A comparison costs as much as there are objects, so it must not happen too often.
                if self.totals.steps - self.compared_at >= 3 * self.weight {
                    return self.collect();
                }
                Ok(self.heap.collect(&mut self.slots)?)
            }
        }
    }

    /// Puts a reference or null into a slot of the frame.
    fn set_frame(&mut self, slot: usize, raw: u32, reference: Ref) {
        self.slots.0[slot] = raw;
        self.refs[slot] = reference;
    }

    fn run(&mut self, code: fn(&Emitted) -> &Code, args: &[u64]) -> Result<u64, MismatchKind> {
        let emitted = Arc::clone(&self.emitted);
        let mut machine = Running {
            heap: &mut self.heap,
            record: &mut self.record,
        };
        match code(&emitted).run(args, &mut self.slots.0, &mut machine) {
            Ok(result) => Ok(result),
            Err(Stop::Fault(fault)) => Err(MismatchKind::Fault(fault)),
            Err(Stop::Exhausted) => Err(MismatchKind::Allocation(AllocError::Exhausted)),
        }
    }

    /// Returns the first slot of the frame, from `from` on, whose reference fits. Tries only a few.
    fn fitting(&self, from: usize, storage: StorageKind) -> Option<usize> {
        (0..4)
            .map(|i| FRAME_AT + (from + i) % FRAME)
            .find(|&slot| self.model.fits(self.refs[slot], storage))
    }

    fn new_object(
        &mut self,
        to: usize,
        ty: u32,
        len: u32,
        from: usize,
    ) -> Result<(), MismatchKind> {
        let kind = Model::kind(ty);
        let inline = kind != Kind::Extern && kind != Kind::Exception && len < 5000;
        let made = if inline && from.is_multiple_of(2) {
            self.allocate_inline(kind, ty, len)
        } else {
            self.allocate(kind, ty, len)
        };
        let reference = match made {
            Ok(reference) => reference,
            Err(AllocError::Fault(fault)) => return Err(MismatchKind::Fault(fault)),
            Err(error) => return self.refused(kind, ty, len, error),
        };
        if len > POSSIBLE_LEN {
            return Err(MismatchKind::Allocation(AllocError::TooLarge));
        }
        self.totals.made += 1;
        let word = match kind {
            Kind::Array => len,
            Kind::Extern => self.next_host - 1,
            Kind::Exception => TAG,
            _ => 0,
        };
        let count = if kind == Kind::Array {
            len as usize
        } else {
            storages(ty).len()
        };
        let object = Object {
            kind,
            ty,
            word,
            values: vec![0; count],
        };
        let new = self.model.add(object);
        self.set_frame(to, reference.raw(), new);
        if matches!(kind, Kind::Struct | Kind::Exception) {
            for (at, &storage) in storages(ty).iter().enumerate() {
                if let (true, Some(slot)) = (is_ref(storage), self.fitting(from + at, storage)) {
                    self.init_field(reference, at, slot, from.is_multiple_of(3))?;
                    let value = u128::from(self.refs[slot]);
                    self.set_model(to, at, value);
                }
            }
        }
        Ok(())
    }

    fn set_model(&mut self, slot: usize, at: usize, value: u128) {
        if let Some(object) = self.model.get_mut(self.refs[slot]) {
            object.values[at] = value;
        }
    }

    fn init_field(
        &mut self,
        reference: GcRef,
        at: usize,
        slot: usize,
        emitted: bool,
    ) -> Result<(), MismatchKind> {
        let raw = self.slots.0[slot];
        if emitted {
            let address = u64::from(self.address(reference, at)?);
            self.run(|code| &code.init, &[address, u64::from(raw)])?;
        } else {
            let value = Stored::Ref(GcRef::from_raw(raw));
            self.heap.init_field(reference, at as u32, value)?;
        }
        Ok(())
    }

    /// Returns the address at which compiled code finds a field or element.
    fn address(&mut self, reference: GcRef, at: usize) -> Result<u32, MismatchKind> {
        let info = self.heap.object(reference)?;
        let memory = &mut self.heap.memory;
        let layout = memory.layouts.layout(info.object, info.type_id)?;
        Ok(info.object
            + if info.kind == Kind::Array {
                layout.offsets[0] + at as u32 * 4
            } else {
                layout.offsets[at]
            })
    }

    fn allocate(&mut self, kind: Kind, ty: u32, len: u32) -> Result<GcRef, AllocError> {
        let slots = &mut self.slots;
        match kind {
            Kind::Array => self.heap.alloc_array(TypeId(ty), len, slots),
            Kind::Extern => {
                let number = self.next_host;
                let made = self.heap.alloc_extern(number, slots)?;
                self.next_host += 1;
                self.hosts.insert(number);
                Ok(made)
            }
            Kind::Exception => self.heap.alloc_exception(TypeId(ty), TAG, slots),
            _ => self.heap.alloc_struct(TypeId(ty), slots),
        }
    }

    fn allocate_inline(&mut self, kind: Kind, ty: u32, len: u32) -> Result<GcRef, AllocError> {
        let header = self.heap.memory.header_bytes;
        let scan = self.heap.memory.layouts.scan_layout(0, ty)?;
        let size = (scan.size + len * scan.element_bytes).next_multiple_of(8);
        let args = [u64::from(size), u64::from(ty), u64::from(len)];
        let emitted = Arc::clone(&self.emitted);
        let mut machine = Running {
            heap: &mut self.heap,
            record: &mut self.record,
        };
        let made = emitted.allocate[&ty].run(&args, &mut self.slots.0, &mut machine);
        let raw = match made {
            Ok(raw) => raw as u32,
            Err(Stop::Fault(fault)) => return Err(AllocError::Fault(fault)),
            Err(Stop::Exhausted) => return Err(AllocError::Exhausted),
        };
        if kind == Kind::Array {
            self.heap.memory.space.set_word(raw + header - 4, len);
        }
        let tag = self.heap.memory.tag(raw);
        let bad = HeapFault::BadTag { object: raw, tag };
        GcRef::from_raw(raw).ok_or(AllocError::Fault(bad))
    }

    /// Handles an allocation that failed. If memory ran out, compares everything and begins the run
    /// again.
    fn refused(
        &mut self,
        kind: Kind,
        ty: u32,
        len: u32,
        error: AllocError,
    ) -> Result<(), MismatchKind> {
        let impossible = kind == Kind::Array
            && (u64::from(len) * storage_bytes(ty) > crate::limits::OBJECT_BYTES_MAX - 32);
        match error {
            AllocError::TooLarge if impossible => Ok(()),
            AllocError::TooLarge => Err(MismatchKind::Allocation(error)),
            _ if self
                .setup
                .fails_after
                .is_some_and(|at| self.heap.allocations() > at) =>
            {
                self.totals.failed += 1;
                self.heap.set_full_at(self.setup.fails_after);
                self.collect()
            }
            _ if len > POSSIBLE_LEN => Ok(()),
            _ => {
                self.collect()?;
                self.totals.exhausted += 1;
                self.restart()
            }
        }
    }

    pub(super) fn restart(&mut self) -> Result<(), MismatchKind> {
        self.totals.collections += self.heap.stats().collections;
        self.heap = fresh_heap(&self.setup, &self.types, &self.pool, &self.record)
            .map_err(MismatchKind::Allocation)?;
        self.slots = Slots([0; SLOTS]);
        self.refs = [0; SLOTS];
        self.model = Model::default();
        self.hosts.clear();
        Ok(())
    }

    fn write_root(&mut self, root: usize, from: usize) -> Result<(), MismatchKind> {
        let mut at = root % (SLOTS + 8);
        if at >= SLOTS {
            at = PENDING;
        }
        let (raw, reference) = (self.slots.0[from], self.refs[from]);
        let exception = self.model.get(reference).map(|o| o.kind) == Some(Kind::Exception);
        if at == PENDING && reference != 0 && !exception {
            return Ok(());
        }
        if at >= FRAME_AT {
            // Slots of the frame and temporaries are not counted.
            self.set_frame(at, raw, reference);
            return Ok(());
        }
        if root.is_multiple_of(2) {
            let address = ROOTS + at as u64 * 4;
            self.run(|code| &code.write, &[address, u64::from(raw)])?;
        } else {
            let new = GcRef::from_raw(raw);
            self.heap.write_root(&mut self.slots.0[at], new)?;
        }
        self.refs[at] = reference;
        Ok(())
    }

    /// Returns the object in a slot of the frame: its reference, kind, type, and number of fields
    /// or elements. Returns `None` for null and i31.
    pub(super) fn object(&self, slot: usize) -> Option<(GcRef, Kind, u32, usize)> {
        let object = self.model.get(self.refs[slot])?;
        let reference = GcRef::from_raw(self.slots.0[slot])?;
        Some((reference, object.kind, object.ty, object.values.len()))
    }

    /// Returns the first slot of the frame, from `slot` on, whose object passes `test`.
    pub(super) fn nearest(
        &self,
        slot: usize,
        test: impl Fn(Kind, u32, usize) -> bool,
    ) -> Option<usize> {
        (0..FRAME)
            .map(|i| FRAME_AT + (slot - FRAME_AT + i) % FRAME)
            .find(|&slot| {
                let object = self.object(slot);
                object.is_some_and(|(_, kind, ty, count)| test(kind, ty, count))
            })
    }

    /// Returns the first array in the frame, from `slot` on.
    pub(super) fn array(&self, slot: usize) -> Option<(usize, GcRef, u32, usize)> {
        let slot = self.nearest(slot, |kind, _, _| kind == Kind::Array)?;
        let (array, _, ty, count) = self.object(slot)?;
        Some((slot, array, ty, count))
    }

    /// Returns a value of that storage type, in the forms of the heap and of the model.
    pub(super) fn value(
        &self,
        storage: StorageKind,
        from: usize,
        number: u32,
    ) -> Option<(Stored, u128)> {
        let wide = u64::from(number).wrapping_mul(0x1_0000_0101);
        let very_wide = u128::from(wide) * 0x1_0000_0000_0001;
        Some(match storage {
            StorageKind::I8 => (Stored::I8(number as u8), u128::from(number as u8)),
            StorageKind::I16 => (Stored::I16(number as u16), u128::from(number as u16)),
            StorageKind::Val(ValKind::I32 | ValKind::F32) => {
                (Stored::I32(number), u128::from(number))
            }
            StorageKind::Val(ValKind::I64 | ValKind::F64) => (Stored::I64(wide), u128::from(wide)),
            StorageKind::Val(ValKind::V128) => (Stored::V128(very_wide), very_wide),
            StorageKind::Val(ValKind::Ref(r)) if !r.is_collected() => {
                let func = number % FUNCTIONS;
                (Stored::Func(func), u128::from(func))
            }
            StorageKind::Val(ValKind::Ref(_)) => {
                let slot = self.fitting(from, storage)?;
                let value = Stored::Ref(GcRef::from_raw(self.slots.0[slot]));
                (value, u128::from(self.refs[slot]))
            }
        })
    }

    fn write_field(
        &mut self,
        slot: usize,
        field: usize,
        from: usize,
        number: u32,
    ) -> Result<(), MismatchKind> {
        let Some(slot) = self.nearest(slot, |_, _, _| true) else {
            return Ok(());
        };
        let Some((reference, kind, ty, count)) = self.object(slot) else {
            return Ok(());
        };
        if count == 0 {
            if kind == Kind::Array {
                return expect_out_of_bounds(self.heap.read_element(reference, 0));
            }
            return Ok(());
        }
        let at = field % count;
        let storage = storage(ty, at);
        let Some((value, expected)) = self.value(storage, from, number) else {
            return Ok(());
        };
        match value {
            Stored::Ref(new) if number.is_multiple_of(2) => {
                let address = u64::from(self.address(reference, at)?);
                let raw = u64::from(GcRef::to_raw(new));
                self.run(|code| &code.write, &[address, raw])?;
            }
            _ if kind == Kind::Array => self.heap.write_element(reference, at as u32, value)?,
            _ => self.heap.write_field(reference, at as u32, value)?,
        }
        self.set_model(slot, at, expected);
        Ok(())
    }

    fn read(&mut self, reference: GcRef, kind: Kind, at: usize) -> Result<Stored, MismatchKind> {
        Ok(if kind == Kind::Array {
            self.heap.read_element(reference, at as u32)?
        } else {
            self.heap.read_field(reference, at as u32)?
        })
    }

    fn read_field(&mut self, to: usize, slot: usize, field: usize) -> Result<(), MismatchKind> {
        let Some(slot) = self.nearest(slot, |_, _, count| count != 0) else {
            return Ok(());
        };
        let Some((reference, kind, _, count)) = self.object(slot) else {
            return Ok(());
        };
        let at = field % count;
        let found = self.read(reference, kind, at)?;
        let expected = self.model.get(self.refs[slot]).map_or(0, |o| o.values[at]);
        match found {
            Stored::Ref(found) => {
                self.set_frame(to, GcRef::to_raw(found), expected as Ref);
            }
            other => check_number(reference, at, other, expected)?,
        }
        Ok(())
    }
}

fn frame(slot: u8) -> usize {
    FRAME_AT + usize::from(slot) % FRAME
}

fn storage_bytes(ty: u32) -> u64 {
    u64::from(crate::heap::layout::storage_bytes(storage(ty, 0)))
}

/// Returns an error unless the access was refused for its bounds.
pub(super) fn expect_out_of_bounds<T>(result: Result<T, AccessError>) -> Result<(), MismatchKind> {
    match result {
        Err(AccessError::OutOfBounds) => Ok(()),
        Err(AccessError::Fault(fault)) => Err(MismatchKind::Fault(fault)),
        Ok(_) => Err(MismatchKind::Bounds),
    }
}

/// Compares values that are no references.
pub(super) fn check_number(
    object: GcRef,
    at: usize,
    found: Stored,
    expected: u128,
) -> Result<(), MismatchKind> {
    let found = match found {
        Stored::I8(v) => u128::from(v),
        Stored::I16(v) => u128::from(v),
        Stored::I32(v) | Stored::Func(v) => u128::from(v),
        Stored::I64(v) => u128::from(v),
        Stored::V128(v) => v,
        Stored::Ref(v) => u128::from(GcRef::to_raw(v)),
    };
    if found == expected {
        return Ok(());
    }
    Err(MismatchKind::Value {
        object: object.raw(),
        at: at as u32,
        found,
        expected,
    })
}
