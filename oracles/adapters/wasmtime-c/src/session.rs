//! A store, and everything that a session of the protocol keeps beside it.
//!
//! Host functions run during a call of the session. So everything that both change is in a cell,
//! and no cell is borrowed while the library runs.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, VecDeque};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use gcrucible_protocol::schedule::Schedule;
use gcrucible_protocol::{Ended, Failed, HostFunction, Limits, Top};

use crate::library::{Library, Opaque};
use crate::value::{Values, is_null, kind, kind_of, write};
use crate::words;

/// A host object. A program can only learn its number.
#[derive(Debug)]
pub struct HostObject {
    /// The number.
    pub number: u32,
    dropped: Arc<AtomicU64>,
}

unsafe extern "C" fn drop_host_object(object: Opaque) {
    // SAFETY: `Session::new_host` made the pointer from a box, and the library drops it once.
    let object = unsafe { Box::from_raw(object.cast::<HostObject>()) };
    object.dropped.fetch_add(1, Ordering::Relaxed);
}

/// A compiled module.
pub struct Compiled {
    library: Rc<Library>,
    /// The library's own.
    pub module: Opaque,
}

impl Compiled {
    /// Compiles a module.
    ///
    /// # Errors
    ///
    /// The library refuses it.
    pub fn new(library: &Rc<Library>, engine: Opaque, wasm: &[u8]) -> Result<Compiled, Ended> {
        let symbols = library.symbols;
        let mut module = std::ptr::null_mut();
        // SAFETY: W1; the bytes are borrowed for the call.
        let error = unsafe {
            (symbols.wasmtime_module_new)(engine, wasm.as_ptr(), wasm.len(), &raw mut module)
        };
        if !error.is_null() {
            return Err(words::refused(library.error_text(error)));
        }
        let library = Rc::clone(library);
        Ok(Compiled { library, module })
    }
}

impl Drop for Compiled {
    fn drop(&mut self) {
        // SAFETY: W1; it is not used again, and instances keep what they need.
        unsafe { (self.library.symbols.wasmtime_module_delete)(self.module) };
    }
}

/// How a call of the library ended other than by returning. Owned: it is freed by
/// [`Session::ended`] or given back to the library.
#[derive(Clone, Copy, Debug)]
pub enum Halt {
    /// A trap.
    Trap(Opaque),
    /// An error of the library.
    Error(Opaque),
}

/// An export of an instance, in the library's form: a kind, then three words.
pub type Extern = [u64; 4];

/// The kinds of an [`Extern`].
#[allow(missing_docs, reason = "named after the C interface")]
pub mod extern_kind {
    pub const FUNC: u64 = 0;
    pub const GLOBAL: u64 = 1;
    pub const TABLE: u64 = 2;
    pub const MEMORY: u64 = 3;
}

/// What the library hands back to `host::callback` at each call.
pub struct HostEnv {
    /// The session. It outlives its store, and so every function of the store.
    pub session: *const Session,
    /// The number of the instance that imports the function.
    pub importer: u32,
    /// What to do.
    pub function: HostFunction,
}

/// A store and what belongs to it.
pub struct Session {
    /// The library.
    pub library: Rc<Library>,
    store: Opaque,
    /// The store's context.
    pub context: Opaque,
    /// Compiled modules, by number.
    pub modules: RefCell<BTreeMap<u32, Rc<Compiled>>>,
    /// Instances, by number.
    pub instances: RefCell<BTreeMap<u32, [u64; 2]>>,
    /// The environments of host functions. They stay at their addresses.
    pub environments: RefCell<Vec<Rc<HostEnv>>>,
    /// References that the program holds through the host.
    pub handles: RefCell<Vec<Option<(Top, Values)>>>,
    /// Results of host functions whose roots this version of the library does not free.
    pub pending: RefCell<Vec<Values>>,
    /// Numbers of functions, by address.
    pub functions: RefCell<BTreeMap<usize, i32>>,
    /// The answers to a program that asks how many objects live.
    pub answers: RefCell<VecDeque<u32>>,
    /// The exception by which the last call ended.
    pub exception: RefCell<Option<Values>>,
    trap: Cell<[u64; 2]>,
    schedule: Schedule,
    points: Cell<u64>,
    /// Collections so far.
    pub collections: Cell<u64>,
    created: Cell<u64>,
    dropped: Arc<AtomicU64>,
    /// Whether the store may be in a state in which dropping it aborts.
    pub is_broken: Cell<bool>,
}

impl Session {
    /// Returns a new store.
    ///
    /// # Errors
    ///
    /// The module of traps is not instantiated.
    pub fn open(
        library: Rc<Library>,
        engine: Opaque,
        limits: Limits,
        schedule: &str,
        answers: Vec<u32>,
        traps: &Compiled,
    ) -> Result<Box<Session>, Ended> {
        let symbols = library.symbols;
        // SAFETY: W1; the engine lives as long as the process.
        let store = unsafe { (symbols.wasmtime_store_new)(engine, std::ptr::null_mut(), None) };
        let elements = i64::try_from(limits.table_elements).unwrap_or(-1);
        // The heap of objects counts as a memory. A heap that is smaller than memories may be is
        // asked for on purpose, by a program whose own memories are smaller still.
        let is_small = limits.heap_bytes < limits.memory_bytes;
        let bytes = i64::try_from(limits.heap_bytes).ok().filter(|_| is_small);
        // SAFETY: the store is new.
        unsafe {
            (symbols.wasmtime_store_limiter)(store, bytes.unwrap_or(-1), elements, -1, -1, -1);
        }
        // SAFETY: as above.
        let context = unsafe { (symbols.wasmtime_store_context)(store) };
        let session = Box::new(Session {
            library,
            store,
            context,
            modules: RefCell::default(),
            instances: RefCell::default(),
            environments: RefCell::default(),
            handles: RefCell::default(),
            pending: RefCell::default(),
            functions: RefCell::default(),
            answers: RefCell::new(answers.into()),
            exception: RefCell::default(),
            trap: Cell::default(),
            schedule: Schedule::read(schedule),
            points: Cell::default(),
            collections: Cell::default(),
            created: Cell::default(),
            dropped: Arc::default(),
            is_broken: Cell::new(false),
        });
        let made = session
            .instantiate(traps.module, &[])
            .map_err(|halt| session.ended(halt))?;
        let trap = session
            .export(&made, "trap")
            .filter(|found| found[0] & 0xff == 0);
        let trap = trap.ok_or_else(|| Ended::Crashed {
            text: "the module of traps exports no function \"trap\"".to_owned(),
        })?;
        session.trap.set([trap[1], trap[2]]);
        Ok(session)
    }

    /// Instantiates a module.
    ///
    /// # Errors
    ///
    /// A trap, or an error of the library.
    pub fn instantiate(&self, module: Opaque, imports: &[Extern]) -> Result<[u64; 2], Halt> {
        let symbols = self.library.symbols;
        let mut instance = [0; 2];
        let mut trap = std::ptr::null_mut();
        // SAFETY: W1, W2; the imports belong to this store.
        let error = unsafe {
            (symbols.wasmtime_instance_new)(
                self.context,
                module,
                imports.as_ptr(),
                imports.len(),
                &raw mut instance,
                &raw mut trap,
            )
        };
        self.free_pending();
        halted(error, trap).map(|()| instance)
    }

    /// Returns an export by name.
    pub fn export(&self, instance: &[u64; 2], name: &str) -> Option<Extern> {
        let mut found = [0; 4];
        // SAFETY: W1, W2; the instance belongs to this store.
        let is_there = unsafe {
            (self.library.symbols.wasmtime_instance_export_get)(
                self.context,
                instance,
                name.as_ptr(),
                name.len(),
                &raw mut found,
            )
        };
        is_there.then_some(found)
    }

    /// Returns an export of an instance by number.
    pub fn export_of(&self, instance: u32, name: &str) -> Option<Extern> {
        let instance = self.instances.borrow().get(&instance).copied()?;
        self.export(&instance, name)
    }

    /// Calls a function. The results have roots of their own.
    ///
    /// # Errors
    ///
    /// A trap, or an error of the library.
    pub fn call(&self, func: [u64; 2], args: &Values) -> Result<Values, Halt> {
        let symbols = self.library.symbols;
        // SAFETY: W1, W2; the function belongs to this store.
        let ty = unsafe { (symbols.wasmtime_func_type)(self.context, &raw const func) };
        // SAFETY: the type was made above.
        let types = unsafe { (symbols.wasm_functype_results)(ty) };
        // SAFETY: the vector belongs to the type, which is freed only afterwards.
        let count = unsafe { (*types).size };
        // SAFETY: it is not used again.
        unsafe { (symbols.wasm_functype_delete)(ty) };
        let mut results = self.values(count);
        let mut trap = std::ptr::null_mut();
        // SAFETY: W1, W2, W3.
        let error = unsafe {
            (symbols.wasmtime_func_call)(
                self.context,
                &raw const func,
                args.as_ptr(),
                args.len(),
                results.as_mut_ptr(),
                count,
                &raw mut trap,
            )
        };
        halted(error, trap).map(|()| results)
    }

    /// Room for values.
    pub fn values(&self, count: usize) -> Values {
        Values::zeros(count, self.library.value_words())
    }

    /// One value without a root.
    pub fn plain(&self, kind: u8, low: u64) -> Values {
        let mut values = self.values(1);
        write(values.get_mut(0), kind, low, 0);
        values
    }

    /// Frees the roots of values.
    pub fn free(&self, mut values: Values) {
        for at in 0..values.len() {
            let value = values.get_mut(at);
            let has_root = matches!(
                kind_of(value),
                kind::EXTERNREF | kind::ANYREF | kind::EXNREF
            );
            if has_root && !is_null(value) {
                // SAFETY: W2; the value is not used again.
                unsafe { self.library.unroot(self.context, value.as_mut_ptr()) };
            }
        }
    }

    /// Frees what host functions returned, once no call runs.
    pub fn free_pending(&self) {
        for values in self.pending.take() {
            self.free(values);
        }
    }

    /// Returns a copy of a value, with a root of its own.
    pub fn copy(&self, value: &[u64]) -> Values {
        let mut copy = self.values(1);
        // SAFETY: W2, W3.
        unsafe {
            self.library
                .clone_value(self.context, value.as_ptr(), copy.as_mut_ptr());
        }
        copy
    }

    /// Makes a new host object.
    pub fn new_host(&self, number: u32) -> Values {
        let dropped = Arc::clone(&self.dropped);
        let object = Box::into_raw(Box::new(HostObject { number, dropped }));
        let mut value = self.plain(kind::EXTERNREF, 0);
        self.created.set(self.created.get() + 1);
        // SAFETY: W1, W2; the finaliser frees the box.
        unsafe {
            (self.library.symbols.wasmtime_externref_new)(
                self.context,
                object.cast(),
                Some(drop_host_object),
                value.get_mut(0)[1..].as_mut_ptr(),
            );
        }
        value
    }

    /// Returns the number of the host object in a value.
    pub fn host_number(&self, value: &[u64]) -> Option<u32> {
        if is_null(value) {
            return None;
        }
        // SAFETY: W1, W2; the value is a reference that is not null.
        let data = unsafe {
            (self.library.symbols.wasmtime_externref_data)(self.context, value[1..].as_ptr())
        };
        // SAFETY: every host object of this store was made by `new_host`, and this one is alive.
        let object = unsafe { data.cast::<HostObject>().as_ref() };
        object.map(|object| object.number)
    }

    /// A full collection.
    pub fn collect(&self) {
        self.collections.set(self.collections.get() + 1);
        // SAFETY: W2.
        let error = unsafe { self.library.collect(self.context) };
        if !error.is_null() {
            // A collection can only fail if the library cannot give its memory back.
            drop(self.error_text(error));
        }
    }

    /// A point at which the schedule may ask for a collection.
    pub fn point(&self) {
        let point = self.points.get();
        self.points.set(point + 1);
        if self.schedule.collects_at(point) {
            self.collect();
        }
    }

    /// Host objects created, and those alive.
    pub fn hosts(&self) -> (u64, u64) {
        let created = self.created.get();
        (
            created,
            created.saturating_sub(self.dropped.load(Ordering::Relaxed)),
        )
    }

    /// Returns a trap of one of the kinds of the module of traps.
    pub fn trap(&self, kind: u64) -> Halt {
        match self.call(self.trap.get(), &self.plain(kind::I32, kind)) {
            Err(halt) => halt,
            Ok(_) => Halt::Trap(std::ptr::null_mut()),
        }
    }

    /// Returns a trap with these words.
    pub fn new_trap(&self, text: &str) -> Opaque {
        // SAFETY: W1; the text is borrowed for the call.
        unsafe { (self.library.symbols.wasmtime_trap_new)(text.as_ptr(), text.len()) }
    }

    /// Returns the halt of a function that has to take an exception, in a version that gives none
    /// out.
    pub fn unsupported(&self) -> Halt {
        Halt::Trap(self.new_trap(words::NOT_TAKEN))
    }

    /// Takes the exception by which a call ended, if the library gives it out.
    pub fn take_exception(&self) -> Option<Values> {
        let take = self.library.varying.take_exception?;
        let mut value = self.plain(kind::EXNREF, 0);
        // SAFETY: W1, W2.
        let is_there = unsafe { take(self.context, value.get_mut(0)[1..].as_mut_ptr()) };
        is_there.then_some(value)
    }

    /// Returns the words of an error, which is freed.
    pub fn error_text(&self, error: Opaque) -> String {
        self.library.error_text(error)
    }

    /// Returns the words of a halt, and whether a trap has a code.
    fn words(&self, halt: Halt) -> (String, bool) {
        let symbols = self.library.symbols;
        match halt {
            Halt::Error(error) => (self.library.error_words(error), false),
            Halt::Trap(trap) => {
                let mut code = 0;
                // SAFETY: W1.
                let has_code = unsafe { (symbols.wasmtime_trap_code)(trap, &raw mut code) };
                // SAFETY: W1; who owns the trap frees it later.
                let fill = |bytes| unsafe { (symbols.wasm_trap_message)(trap, bytes) };
                // SAFETY: `fill` fills the vector in the library's way.
                (unsafe { self.library.text(fill) }, has_code)
            }
        }
    }

    fn free_halt(&self, halt: Halt) {
        let symbols = self.library.symbols;
        match halt {
            // SAFETY: W1; it is not used again.
            Halt::Error(error) => unsafe { (symbols.wasmtime_error_delete)(error) },
            // SAFETY: W1; it is not used again.
            Halt::Trap(trap) => unsafe { (symbols.wasm_trap_delete)(trap) },
        }
    }

    /// Returns what a halt means, in the protocol's words.
    fn meaning(&self, halt: Halt) -> Ended {
        match halt {
            Halt::Error(_) => words::failed(self.words(halt).0),
            Halt::Trap(trap) if trap.is_null() => Ended::Crashed {
                text: "a function that has to trap returned".to_owned(),
            },
            Halt::Trap(_) => {
                let (text, has_code) = self.words(halt);
                words::trapped(text, has_code)
            }
        }
    }

    /// Returns how a function failed, if the host can go on after it. Frees the halt.
    ///
    /// # Errors
    ///
    /// The halt, if it is neither a trap nor an exception.
    pub fn failed(&self, halt: Halt) -> Result<Failed, Halt> {
        let failed = Failed::of(&self.meaning(halt)).ok_or(halt)?;
        self.free_halt(halt);
        Ok(failed)
    }

    /// Returns what a halt means, in the protocol's words. Frees it.
    pub fn ended(&self, halt: Halt) -> Ended {
        let ended = self.meaning(halt);
        if !matches!(halt, Halt::Trap(trap) if trap.is_null()) {
            self.free_halt(halt);
        }
        if matches!(ended, Ended::Crashed { .. }) {
            self.is_broken.set(true);
        }
        ended
    }
}

/// What a call of the library gave back.
fn halted(error: Opaque, trap: Opaque) -> Result<(), Halt> {
    if !trap.is_null() {
        return Err(Halt::Trap(trap));
    }
    if !error.is_null() {
        return Err(Halt::Error(error));
    }
    Ok(())
}

impl Drop for Session {
    fn drop(&mut self) {
        if self.is_broken.get() {
            // Dropping a store in which the library panicked may abort. It is forgotten, and the
            // environments that its functions refer to with it.
            std::mem::forget(self.environments.take());
            return;
        }
        self.free_pending();
        for (_, values) in self.handles.take().into_iter().flatten() {
            self.free(values);
        }
        if let Some(values) = self.exception.take() {
            self.free(values);
        }
        // SAFETY: W2; nothing of the store is used again.
        unsafe { (self.library.symbols.wasmtime_store_delete)(self.store) };
    }
}
