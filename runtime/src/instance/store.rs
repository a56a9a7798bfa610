//! A store without the embedder's data: the owner of everything that running code can reach.
//!
//! A store stays at one address inside of the embedder's `Store`, and `VmStore::host` points to it.
//! The heap is in [`LazyHeap`] and everything else in [`Contents`], so that a collection can borrow
//! both. The files that come later add their operations to [`StoreOpaque`].
//!
//! Invariants:
//! - Outside of compiled code, references are written to roots by [`LazyHeap`] only.
//! - After something proved broken ([`HeapFault`]) the store runs nothing any more.
//! - Data of host objects is dropped by `StoreOpaque::drop_dead_hosts`, never while a collection
//!   runs.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::c_void;
use std::ptr::NonNull;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::TagId;
use super::callable::Callable;
use super::contents::{Contents, TagData};
use super::engine::EngineData;
use super::host_objects::HostObjects;
use super::lazy_heap::LazyHeap;
use super::limiter::{EpochHook, LimiterHook, ResourceLimiter, Unlimited};
use super::mapping::{NoMemory, Record};
use crate::abi::vmctx::{VmContext, VmFuncRef, VmStore};
use crate::config::StoreConfig;
use crate::error::Exhausted;
use crate::execute::{Execution, Raised, fuel};
use crate::heap::{Heap, HeapFault};
use crate::planted::{Planted, planted};
use crate::types::TypeId;
use crate::types::registry::Registered;

/// Identity of a store in its process. Every other store refuses its handles.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StoreId(u64);

impl StoreId {
    fn next() -> StoreId {
        // One counter for the process, because a handle may meet a store of any engine. Only
        // equality of identities is ever looked at, so a run cannot notice the number.
        static NEXT: AtomicU64 = AtomicU64::new(1);
        StoreId(NEXT.fetch_add(1, Ordering::Relaxed))
    }
}

/// A store without the embedder's data.
#[derive(Debug)]
pub struct StoreOpaque {
    id: StoreId,
    /// The collected heap, from the first allocation on.
    pub heap: LazyHeap,
    /// Everything else that is owned.
    pub contents: Contents,
    /// Data behind host references.
    pub hosts: HostObjects,
    /// The engine.
    pub engine: Arc<EngineData>,
    vm: Record,
    pub(super) callables: BTreeMap<TypeId, Arc<Callable>>,
    kept_types: Vec<Registered>,
    kept_ids: BTreeSet<TypeId>,
    config: StoreConfig,
    outer: *mut c_void,
    limiter: Option<LimiterHook>,
    epoch: Option<EpochHook>,
    broken: Option<HeapFault>,
}

// SAFETY: `outer` is used only through the store that it points to, by whoever borrows that.
unsafe impl Send for StoreOpaque {}

impl StoreOpaque {
    /// Makes an empty store. `config` fits the engine ([`StoreConfig::check`]). The store can be
    /// used when [`StoreOpaque::attach`] has told it its address.
    ///
    /// # Errors
    /// There is no memory.
    pub fn new(engine: Arc<EngineData>, config: StoreConfig) -> Result<StoreOpaque, NoMemory> {
        let vm = Record::new(size_of::<VmStore>())?;
        let planted = engine.config.planted();
        let execution = Execution::new(engine.config.trap_mode, &config);
        let calls = config.call_depth.unwrap_or(u32::MAX);
        let mut store = StoreOpaque {
            id: planted!(planted, StoresShareTheirIdentity,
                wrong: StoreId(0),
                sound: StoreId::next()),
            heap: LazyHeap::default(),
            contents: Contents::new(vm.start().cast(), execution, planted),
            hosts: HostObjects::default(),
            engine,
            vm,
            callables: BTreeMap::new(),
            kept_types: Vec::new(),
            kept_ids: BTreeSet::new(),
            config,
            outer: std::ptr::null_mut(),
            limiter: None,
            epoch: None,
            broken: None,
        };
        let displays = store.engine.registry.displays().base();
        let epoch = store.engine.epoch.as_ptr().cast_const();
        let record = store.vm_mut();
        record.displays = displays;
        record.epoch = epoch;
        record.epoch_deadline = u64::MAX;
        record.calls_left = calls;
        store.contents.publish_funcs();
        planted!(planted, HandlesDroppedInAnyStore => store.contents.handles.share_dropped(););
        Ok(store)
    }

    /// Tells the store its address and that of the embedder's store around it. Both stay there.
    ///
    /// # Safety
    /// `this` is where this store stays until it is dropped; `outer` and `limiter` belong together
    /// as [`LimiterHook`] says.
    pub unsafe fn attach(
        &mut self,
        this: *mut StoreOpaque,
        outer: *mut c_void,
        limiter: Option<LimiterHook>,
    ) {
        self.vm_mut().host = this.cast();
        self.outer = outer;
        self.limiter = limiter;
    }

    /// Chooses the function that finds the limiter.
    ///
    /// # Safety
    /// As for [`StoreOpaque::attach`].
    pub unsafe fn set_limiter(&mut self, limiter: Option<LimiterHook>) {
        self.limiter = limiter;
    }

    /// Chooses the function that is called when the deadline has passed.
    ///
    /// # Safety
    /// The hook belongs to what [`StoreOpaque::attach`] was told.
    pub unsafe fn set_epoch_hook(&mut self, hook: Option<EpochHook>) {
        self.epoch = hook;
    }

    /// Interrupts execution when the engine's epoch has been incremented `ticks` times from now.
    pub fn set_epoch_deadline(&mut self, ticks: u64) {
        let now = self.engine.epoch.load(Ordering::Relaxed);
        self.vm_mut().epoch_deadline = now.saturating_add(ticks);
    }

    /// Asks the embedder for a later deadline, because this one has passed.
    ///
    /// # Errors
    /// The embedder's answer, or `Exhausted(Epoch)` if there is no hook.
    pub fn epoch_passed(&mut self) -> Result<(), Raised> {
        let hook = self.epoch.ok_or(Raised::Exhausted(Exhausted::Epoch))?;
        // SAFETY: the contract of `set_epoch_hook`. The embedder's data and this value do not
        // overlap.
        let ticks = unsafe { (hook.passed)(self.outer) }?;
        self.set_epoch_deadline(ticks);
        Ok(())
    }

    /// Returns the address of the embedder's store around this one.
    #[must_use]
    pub fn outer(&self) -> *mut c_void {
        self.outer
    }

    /// Returns the store's identity.
    #[must_use]
    pub fn id(&self) -> StoreId {
        self.id
    }

    /// Returns the record that compiled code uses.
    #[must_use]
    pub fn vm(&self) -> NonNull<VmStore> {
        self.vm.start().cast()
    }

    /// Returns the record that compiled code uses. The host may write it whenever it runs.
    pub fn vm_mut(&mut self) -> &mut VmStore {
        // SAFETY: V1; V3: wasm does not use it while the host runs, and the host borrows it through
        // the store only.
        unsafe { self.vm.start().cast::<VmStore>().as_mut() }
    }

    /// Faults planted on purpose.
    #[must_use]
    pub fn planted(&self) -> Planted {
        self.engine.config.planted()
    }

    /// Asks the embedder's limiter. Without one, everything is allowed.
    pub fn limit<R>(&mut self, ask: impl Fn(&mut dyn ResourceLimiter) -> R) -> R {
        let mut answer = None;
        if let Some(hook) = self.limiter {
            // SAFETY: the contract of `attach`. The embedder's data and this value do not
            // overlap.
            unsafe { (hook.with)(self.outer, &mut |limiter| answer = Some(ask(limiter))) };
        }
        answer.unwrap_or_else(|| ask(&mut Unlimited))
    }

    /// Returns what proved broken, if anything did.
    #[must_use]
    pub fn broken(&self) -> Option<HeapFault> {
        self.broken
    }

    /// Checks that the store may run code.
    ///
    /// # Errors
    /// What proved broken.
    pub fn usable(&self) -> Result<(), Raised> {
        if let Some(fault) = self.broken {
            return Err(Raised::Fault(fault));
        }
        match self.heap.first_fault() {
            Some(fault) => Err(fault.into()),
            None => Ok(()),
        }
    }

    /// Notes that something proved broken. The store runs nothing any more, and its heap is not
    /// recycled.
    pub fn poison(&mut self, fault: HeapFault) {
        self.heap.fault(fault);
        self.broken.get_or_insert(fault);
    }

    /// Chooses where the heap will be. Code may look that up once only.
    ///
    /// # Errors
    /// `Exhausted(GcHeap)` when there is no address space.
    pub fn reserve_heap(&mut self) -> Result<(), Raised> {
        if let Some(base) = self.heap.reserve(&self.engine, &self.config)? {
            self.vm_mut().heap_base = base.as_ptr();
        }
        Ok(())
    }

    /// Returns the heap, which is made if there is none.
    ///
    /// # Errors
    /// `Exhausted(GcHeap)` when there is no address space.
    pub fn heap(&mut self) -> Result<&mut Heap, Raised> {
        Ok(self.heap_and_contents()?.0)
    }

    /// Returns the heap, which is made if there is none, and everything else that is owned.
    ///
    /// # Errors
    /// `Exhausted(GcHeap)` when there is no address space.
    pub fn heap_and_contents(&mut self) -> Result<(&mut Heap, &mut Contents), Raised> {
        self.reserve_heap()?;
        let vm = self.vm();
        // SAFETY: N2: the record lives longer than the heap (fields are dropped in order) and is
        // used only through the store.
        let heap = unsafe { self.heap.make(&self.engine, &self.config, vm) }?;
        Ok((heap, &mut self.contents))
    }

    /// The allocation with this number finds the heap full: see [`Heap::set_full_at`].
    pub fn set_full_at(&mut self, number: Option<u64>) {
        self.heap.set_full_at(number);
    }

    /// Returns the store's configuration.
    #[must_use]
    pub fn config(&self) -> &StoreConfig {
        &self.config
    }

    /// Returns a tag.
    ///
    /// # Panics
    /// When no tag of this store has that number.
    #[must_use]
    pub fn tag(&self, id: TagId) -> TagData {
        self.contents.tags[id.at()]
    }

    /// Keeps types alive for as long as the store lives: objects of them may stay in its heap.
    pub fn keep_types(&mut self, types: &Registered) {
        let new = |id: &TypeId| !self.kept_ids.contains(id);
        if types.ids().iter().any(new) {
            self.kept_ids.extend(types.ids());
            self.kept_types.push(types.clone());
        }
    }

    /// Returns the number that stands for a function of this store in the collected heap. It is 0
    /// for null.
    ///
    /// # Safety
    /// `func` is null or a function of this store.
    pub unsafe fn intern_func(&mut self, func: *mut VmFuncRef) -> u32 {
        if func.is_null() {
            return 0;
        }
        // SAFETY: the caller's promise (V1).
        let known = unsafe { (*func).heap_id };
        if known != 0 {
            return known;
        }
        let id = self.contents.numbered_funcs.len() as u32;
        self.contents.numbered_funcs.push(func);
        self.contents.publish_funcs();
        // SAFETY: the caller's promise (V1).
        unsafe { (*func).heap_id = id };
        id
    }

    /// Gives the store exactly `fuel`.
    pub fn set_fuel(&mut self, fuel: u64) {
        // SAFETY: V1 and V3, as in `vm_mut`; the record is not part of `contents`.
        let vm = unsafe { self.vm.start().cast::<VmStore>().as_mut() };
        fuel::set(vm, &mut self.contents.execution, fuel);
    }

    /// Returns the fuel that is left.
    #[must_use]
    pub fn fuel(&self) -> u64 {
        // SAFETY: V1 and V3, as in `vm_mut`.
        let vm = unsafe { self.vm.start().cast::<VmStore>().as_ref() };
        fuel::left(vm, &self.contents.execution)
    }
}

/// Returns the store whose record this is.
///
/// # Safety
/// `vm` is the record of a living store.
#[must_use]
pub unsafe fn store_at(vm: *const VmStore) -> *mut StoreOpaque {
    // SAFETY: the caller's promise (V1).
    unsafe { (*vm).host }.cast()
}

/// Returns the store that owns a context.
///
/// # Safety
/// `context` is the context of an instance of a living store.
#[must_use]
pub unsafe fn store_of(context: *const VmContext) -> *mut StoreOpaque {
    // SAFETY: the caller's promise (V1).
    let vm = unsafe { (*context).store };
    // SAFETY: V2.
    unsafe { (*vm).host }.cast()
}
