//! The runtime behind a session, in each of its configurations.
//!
//! Always: a step runs in its own scope of handles. So between steps the only roots are those of
//! the program and of the harness. Before live objects are counted everything is collected, and
//! afterwards the runtime's audit and heap verification run. Each of their reports is a crash, and
//! so is every panic. The runtime's types appear in this folder only.
//!
//! Reading order: `config`, `errors`, `observe`, `host`, `paired`, `pool`, `serve`.
//!
//! - `config`: configurations as names
//! - `errors`: its errors as outcomes
//! - `observe`: its values and objects, engine-neutrally
//! - `host`: `harness` and `spectest` on its embedding interface
//! - this file: loading, linking, taking steps
//! - `paired`: two stores of one engine in turn
//! - `serve`: the runtime as an adapter, behind the protocol
//! - `pool`: the configurations that tests and fuzz targets run

mod config;
mod errors;
mod observe;

mod host;

mod paired;

mod pool;

mod serve;

use std::collections::{BTreeMap, VecDeque};
use std::panic::{self, AssertUnwindSafe};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use gcrucible_runtime::embed::{
    AnyRef, AsContext, AsContextMut, Backtrace, Engine as TheirEngine, EngineError, Error, ExnRef,
    Extern, ExternRef, ExternType, Func, FuncOrigin, I31, Instance, Module, OwnedRooted, RootScope,
    Store, TypeId, Val,
};

pub use self::config::{
    RuntimeConfig, collectors, fault_counts, fault_names, known_fault, known_faults, without_faults,
};
use self::errors::{misuse, outcome, text};
use self::host::{Data, Roots, Spectest};
use self::paired::Paired;
pub use self::pool::{Pool, matrix};
pub use self::serve::Served;
use super::{Engine, Session, Setup, Totals, Traits, Watch};
use crate::case::{InstanceIndex, ModuleIndex, Step};
use crate::host::{harness, spectest};
use crate::leak::{Handles, Live, Reclaims, Sample};
use crate::observe::{Observation, TagKey, TypeKey};
use crate::outcome::{Outcome, Why};
use crate::schedule::Schedule;
use crate::value::{HeapTop, Ref, Target, Value};

/// The runtime in one configuration.
///
/// All sessions of one value share one engine of the runtime. So they share its type registry,
/// which reuses numbers, and its memory for code.
#[derive(Debug)]
pub struct Runtime {
    config: RuntimeConfig,
    /// Made when the first session or validation needs it.
    engine: Mutex<Option<TheirEngine>>,
    refused: Refused,
    shared: Arc<Shared>,
}

/// What the engines of one pool share. A thousand engines with memory of their own would fill the
/// processor's caches with memory that is rarely used.
#[derive(Debug, Default)]
struct Shared {
    /// The first engine that was made. All others recycle memory with it.
    first: Mutex<Option<TheirEngine>>,
    recent: Recent,
}

impl Shared {
    fn engine(&self, config: &RuntimeConfig) -> Result<TheirEngine, EngineError> {
        let mut first = self.first.lock().unwrap_or_else(PoisonError::into_inner);
        let config = config.config();
        if let Some(first) = &*first {
            return TheirEngine::beside(&config, first);
        }
        Ok(first.insert(TheirEngine::new(&config)?).clone())
    }
}

/// What the system has refused: memory or address space. Then nothing that an engine says tells
/// anything about it.
#[derive(Clone, Debug, Default)]
struct Refused(Arc<Mutex<Option<String>>>);

impl Refused {
    fn lock(&self) -> MutexGuard<'_, Option<String>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes an error if it is one of the system's.
    fn note(&self, error: &Error) {
        if let Error::Engine(EngineError::System(why)) = error {
            self.lock().get_or_insert_with(|| why.to_string());
        }
    }
}

/// The modules compiled last, with their bytes. A target runs one program under dozens of
/// schedules, and compiling takes longer than running.
#[derive(Debug, Default)]
struct Recent(Mutex<VecDeque<(Vec<u8>, Module)>>);

impl Recent {
    /// As many as a program has modules, and one more.
    const MODULES: usize = 4;

    /// Returns the engine's module with these bytes. Compiles it unless it is among the last ones.
    fn module(&self, engine: &TheirEngine, wasm: &[u8]) -> Result<Module, Error> {
        let lock = || self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let is_it = |(bytes, module): &&(Vec<u8>, Module)| {
            bytes == wasm && TheirEngine::same(module.engine(), engine)
        };
        if let Some((_, module)) = lock().iter().find(is_it) {
            return Ok(module.clone());
        }
        let module = Module::new(engine, wasm)?;
        let mut recent = lock();
        recent.truncate(Recent::MODULES - 1);
        recent.push_front((wasm.to_vec(), module.clone()));
        Ok(module)
    }
}

impl Runtime {
    /// Makes an engine of this configuration. Nothing is started yet.
    pub fn new(config: RuntimeConfig) -> Runtime {
        Runtime::sharing(config, Arc::default())
    }

    fn sharing(config: RuntimeConfig, shared: Arc<Shared>) -> Runtime {
        Runtime {
            config,
            engine: Mutex::default(),
            refused: Refused::default(),
            shared,
        }
    }

    fn engine(&self) -> Result<TheirEngine, Error> {
        let mut made = self.engine.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(engine) = &*made {
            return Ok(engine.clone());
        }
        let engine = self.shared.engine(&self.config);
        let engine = engine
            .map_err(Error::from)
            .inspect_err(|error| self.refused.note(error))?;
        *made = Some(engine.clone());
        Ok(engine)
    }
}

impl Engine for Runtime {
    fn name(&self) -> String {
        self.config.name()
    }

    fn describe(&self) -> String {
        self.config.describe()
    }

    fn traits(&self) -> Traits {
        let traits = self.config.collector_traits();
        let reclaims = match (traits.reclaims, traits.reclaims_cycles) {
            (true, true) => Reclaims::Everything,
            (true, false) => Reclaims::Acyclic,
            (false, _) => Reclaims::Nothing,
        };
        Traits {
            canonical_nans: true,
            reclaims,
            outside: None,
        }
    }

    fn collector(&self) -> Option<&'static str> {
        Some(self.config.collector.name())
    }

    fn allows(&self, schedule: &Schedule) -> bool {
        !self.config.inline_allocation || *schedule == Schedule::OnPressure
    }

    fn unavailable(&self) -> Option<String> {
        self.refused.lock().clone()
    }

    fn open(&self, setup: &Setup) -> Result<Box<dyn Session>, String> {
        let session = if self.config.paired {
            Paired::new(self, setup).map(|session| Box::new(session) as Box<dyn Session>)
        } else {
            RuntimeSession::new(self, setup).map(|session| Box::new(session) as Box<dyn Session>)
        };
        let session = session.inspect_err(|error| self.refused.note(error));
        session.map_err(|error| error.to_string())
    }

    fn validate(&self, wasm: &[u8]) -> Outcome {
        let validated = self
            .engine()
            .map(|engine| caught(|| Module::validate(&engine, wasm)));
        match validated {
            Ok(Ok(Ok(()))) => Outcome::Returned(Vec::new()),
            Ok(Ok(Err(error))) => outcome(&error, &Names::noting(&self.refused)),
            Ok(Err(why)) => Outcome::Crashed(why),
            Err(error) => Outcome::Crashed(error.to_string()),
        }
    }
}

/// Returns the result of `act`, or the message of its panic. After a panic, its objects are only
/// dropped, so nobody sees them half changed.
fn caught<R>(act: impl FnOnce() -> R) -> Result<R, String> {
    panic::catch_unwind(AssertUnwindSafe(act)).map_err(|payload| {
        let text = payload.downcast_ref::<String>().map(String::as_str);
        let text = text.or_else(|| payload.downcast_ref::<&str>().copied());
        format!("panicked: {}", text.unwrap_or("without a message"))
    })
}

/// A store in a scope of handles.
type Scope<'a> = RootScope<&'a mut Store<Data>>;

struct RuntimeSession {
    store: Store<Data>,
    inner: Inner,
    reclaims: Reclaims,
    /// The budget; none if the configuration does not meter.
    fuel: Option<u64>,
    counts_calls: bool,
    /// Why nothing more can be asked.
    broken: Option<String>,
}

/// What a session knows beside its store.
struct Inner {
    engine: TheirEngine,
    shared: Arc<Shared>,
    /// By module index; none for a module that was refused.
    modules: Vec<Option<Module>>,
    /// By instance index; none for a failed instantiation.
    instances: Vec<Option<Instance>>,
    names: Names,
    registered: BTreeMap<String, Instance>,
    spectest: Option<Spectest>,
    /// See [`Session::backtrace`].
    backtrace: Option<Backtrace>,
}

/// Engine-neutral names of types, instances, tags and host functions, by the store's numbers.
#[derive(Default)]
struct Names {
    types: BTreeMap<TypeId, TypeKey>,
    instances: BTreeMap<u32, InstanceIndex>,
    tags: BTreeMap<u32, TagKey>,
    host_funcs: BTreeMap<u32, (&'static str, String)>,
    /// How many tags the store has: the number of the next one.
    next_tag: u32,
    /// Where an error of the system is noted.
    refused: Refused,
}

/// The result of a step: values, or an exception. Valid in the scope of the step.
enum Called {
    Returned(Vec<Val>),
    Threw(OwnedRooted<ExnRef>),
}

impl Inner {
    fn instance(&self, index: InstanceIndex) -> Result<Instance, Outcome> {
        let found = self.instances.get(index.0 as usize).copied().flatten();
        found.ok_or_else(|| misuse("no such instance"))
    }

    fn instantiate(
        &mut self,
        store: &mut Scope<'_>,
        module: ModuleIndex,
    ) -> Result<Called, Outcome> {
        let index = InstanceIndex(self.instances.len() as u32);
        self.instances.push(None);
        store.as_context_mut().data_mut().instances.push(None);
        let module = self.modules.get(module.0 as usize).cloned().flatten();
        let module = module.ok_or_else(|| misuse("no such module"))?;
        let imports = self.imports(store, &module, index)?;
        let number = store.as_context().stats().instances as u32;
        self.names.instances.insert(number, index);
        let made = Instance::new(&mut *store, &module, &imports);
        if !matches!(made, Err(Error::Link(_))) {
            self.names.name_tags(&module, index);
        }
        match made {
            Ok(instance) => {
                self.instances[index.0 as usize] = Some(instance);
                store.as_context_mut().data_mut().instances[index.0 as usize] = Some(instance);
                Ok(Called::Returned(Vec::new()))
            }
            Err(error) => self.names.ended(error),
        }
    }

    /// What the imports of a module stand for.
    fn imports(
        &mut self,
        store: &mut Scope<'_>,
        module: &Module,
        index: InstanceIndex,
    ) -> Result<Vec<Extern>, Outcome> {
        let mut found = Vec::new();
        for import in module.imports() {
            let registered = self.registered.get(import.module).copied();
            let item = match (registered, import.module) {
                (Some(instance), _) => instance.get_export(&*store, import.name),
                (None, module) if harness::offers(module, import.name) => {
                    Some(self.harness(store, import.name, &import.ty, index)?)
                }
                (None, spectest::MODULE) => self.spectest(store)?.get(import.name),
                (None, _) => None,
            };
            let missing = || {
                let (module, name) = (import.module, import.name);
                Outcome::rejected(
                    Why::Unlinkable,
                    format!("unknown import {module:?} {name:?}"),
                )
            };
            found.push(item.ok_or_else(missing)?);
        }
        Ok(found)
    }

    fn harness(
        &mut self,
        store: &mut Scope<'_>,
        name: &str,
        ty: &ExternType,
        index: InstanceIndex,
    ) -> Result<Extern, Outcome> {
        let ExternType::Func(ty) = ty else {
            return Err(Outcome::rejected(
                Why::Unlinkable,
                format!("`harness` {name:?} is a function"),
            ));
        };
        let func = host::define(store, index, name, ty, &self.names)?;
        self.names.name_func(store, func, harness::MODULE, name)?;
        Ok(Extern::Func(func))
    }

    /// Returns the `spectest` module. It is made when the first module imports from it, so other
    /// cases pay nothing.
    fn spectest(&mut self, store: &mut Scope<'_>) -> Result<&Spectest, Outcome> {
        if self.spectest.is_none() {
            let made = Spectest::new(&self.engine, store);
            let made = made.map_err(|error| outcome(&error, &self.names))?;
            for (func, name) in made.funcs() {
                self.names.name_func(store, func, spectest::MODULE, name)?;
            }
            self.spectest = Some(made);
        }
        self.spectest.as_ref().ok_or_else(|| misuse("spectest"))
    }

    fn take(&mut self, store: &mut Scope<'_>, step: &Step) -> Result<Called, Outcome> {
        match step {
            Step::Instantiate { module } => self.instantiate(store, *module),
            Step::Register { instance, name } => {
                let instance = self.instance(*instance)?;
                self.registered.insert(name.clone(), instance);
                Ok(Called::Returned(Vec::new()))
            }
            Step::Invoke {
                instance,
                export,
                args,
            } => self.invoke(store, *instance, export, args),
            Step::Get { instance, global } => {
                let global = self.instance(*instance)?.get_global(&*store, global);
                let global = global.ok_or_else(|| misuse("no such exported global"))?;
                match global.get(store) {
                    Ok(value) => Ok(Called::Returned(vec![value])),
                    Err(error) => self.names.ended(error),
                }
            }
        }
    }

    fn invoke(
        &mut self,
        store: &mut Scope<'_>,
        instance: InstanceIndex,
        export: &str,
        args: &[Value],
    ) -> Result<Called, Outcome> {
        let func = self.instance(instance)?.get_func(&*store, export);
        let func = func.ok_or_else(|| misuse("no such exported function"))?;
        let mut values = Vec::new();
        for &arg in args {
            values.push(argument(store, arg, &self.names)?);
        }
        let ty = func.ty(&*store);
        let ty = ty.map_err(|error| outcome(&error, &self.names))?;
        let mut results = vec![Val::I32(0); ty.results().len()];
        match func.call(store, &values, &mut results) {
            Ok(()) => Ok(Called::Returned(results)),
            Err(error) => {
                if let Error::Trap(info) = &error {
                    self.backtrace = Some(info.backtrace.clone());
                }
                self.names.ended(error)
            }
        }
    }

    /// Takes a step and observes.
    fn step(&mut self, store: &mut Scope<'_>, step: &Step, watch: Watch) -> Observation {
        let called = self.take(store, step);
        let instances: Vec<(InstanceIndex, Instance)> = match watch {
            Watch::Outcome => Vec::new(),
            Watch::Everything => {
                let found = self.instances.iter().enumerate();
                let found = found.filter_map(|(index, instance)| {
                    Some((InstanceIndex(index as u32), (*instance)?))
                });
                found.collect()
            }
        };
        observe::observation(store, &self.names, called, &instances)
    }
}

impl Names {
    /// No names yet.
    fn noting(refused: &Refused) -> Names {
        Names {
            refused: refused.clone(),
            ..Names::default()
        }
    }

    /// Names the tags that the instance defines. The store numbers tags in the order of definition.
    /// Imported tags have a name already.
    fn name_tags(&mut self, module: &Module, instance: InstanceIndex) {
        for index in module.defined_tags() {
            self.tags.insert(self.next_tag, TagKey { instance, index });
            self.next_tag += 1;
        }
    }

    /// Notes the name of a host function.
    fn name_func(
        &mut self,
        store: &Scope<'_>,
        func: Func,
        module: &'static str,
        name: &str,
    ) -> Result<(), Outcome> {
        match func.origin(store) {
            Ok(FuncOrigin::Host(number)) => {
                self.host_funcs.insert(number, (module, name.to_owned()));
                Ok(())
            }
            Ok(FuncOrigin::Wasm { .. }) => {
                Err(Outcome::Stuck("a host function of an instance".to_owned()))
            }
            Err(error) => Err(outcome(&error, self)),
        }
    }

    /// The name of a type in messages.
    fn type_name(&self, id: TypeId) -> Option<String> {
        self.types.get(&id).map(TypeKey::to_string)
    }

    /// How a step ended that did not return: by an exception, or with another outcome.
    fn ended(&self, error: Error) -> Result<Called, Outcome> {
        match error {
            Error::Thrown(exception) => Ok(Called::Threw(exception)),
            other => Err(outcome(&other, self)),
        }
    }
}

impl RuntimeSession {
    fn new(runtime: &Runtime, setup: &Setup) -> Result<RuntimeSession, Error> {
        let engine = runtime.engine()?;
        let config = &runtime.config;
        let config = config.store_config(&setup.schedule, &setup.limits);
        let mut store = Store::with_config(&engine, &config, Data::new(&setup.limits))?;
        store.limiter(|data| &mut data.budget);
        store.set_full_at(setup.limits.full_at);
        if runtime.config.fuel {
            store.set_fuel(setup.limits.fuel)?;
        }
        if runtime.config.epochs {
            // The deadline has always passed, so each check of the epoch calls the host, which
            // extends it.
            store.set_epoch_deadline(0);
            store.epoch_deadline_callback(|_| Ok(0));
        }
        let inner = Inner {
            engine,
            shared: Arc::clone(&runtime.shared),
            modules: Vec::new(),
            instances: Vec::new(),
            names: Names::noting(&runtime.refused),
            registered: BTreeMap::new(),
            spectest: None,
            backtrace: None,
        };
        Ok(RuntimeSession {
            store,
            inner,
            reclaims: runtime.traits().reclaims,
            fuel: runtime.config.fuel.then_some(setup.limits.fuel),
            counts_calls: !runtime.config.uncounted,
            broken: None,
        })
    }

    /// Runs `act` and turns a panic of the runtime into a crash. After a panic nothing more is
    /// asked of the session.
    fn guard<R>(&mut self, act: impl FnOnce(&mut RuntimeSession) -> R) -> Result<R, String> {
        if let Some(why) = &self.broken {
            return Err(why.clone());
        }
        let done = caught(|| act(self));
        if let Err(why) = &done {
            self.broken = Some(why.clone());
        }
        done
    }

    fn count(&mut self) -> Result<Live, Error> {
        let census = self.store.census()?;
        self.store.audit()?;
        self.store.verify_heap()?;
        let stats = self.store.stats();
        let census = observe::census(&census, &self.inner.names);
        let (reachable, retained) = match self.reclaims {
            Reclaims::Everything => (Some(census), None),
            Reclaims::Acyclic => (None, Some(census)),
            Reclaims::Nothing => (None, None),
        };
        Ok(Live {
            reachable,
            retained,
            handles: Handles {
                created: stats.hosts_created,
                dropped: Some(stats.hosts_dropped),
            },
        })
    }
}

impl Session for RuntimeSession {
    fn load(&mut self, wasm: &[u8]) -> Outcome {
        let index = ModuleIndex(self.inner.modules.len() as u32);
        self.inner.modules.push(None);
        let loaded = self.guard(|session| {
            let inner = &session.inner;
            inner.shared.recent.module(&inner.engine, wasm)
        });
        match loaded {
            Err(why) => Outcome::Crashed(why),
            Ok(Err(error)) => outcome(&error, &self.inner.names),
            Ok(Ok(module)) => {
                for (at, ty) in module.type_ids().enumerate() {
                    let key = TypeKey {
                        module: index,
                        index: at as u32,
                    };
                    self.inner.names.types.entry(ty).or_insert(key);
                }
                self.inner.modules[index.0 as usize] = Some(module);
                Outcome::Returned(Vec::new())
            }
        }
    }

    fn step(&mut self, step: &Step, watch: Watch) -> Observation {
        let seen = self.guard(|session| {
            session.store.data_mut().roots = Roots::default();
            let mut scope = RootScope::new(&mut session.store);
            let seen = session.inner.step(&mut scope, step, watch);
            drop(scope);
            match session.store.data_mut().roots.wrong.take() {
                Some(why) => Observation::bare(Outcome::Crashed(why)),
                None => seen,
            }
        });
        let seen = seen.unwrap_or_else(|why| Observation::bare(Outcome::Crashed(why)));
        if let Outcome::Crashed(why) = &seen.outcome {
            self.broken.get_or_insert_with(|| why.clone());
        }
        seen
    }

    fn live(&mut self) -> Result<Live, String> {
        let counted = self.guard(RuntimeSession::count)?;
        counted.map_err(|error| {
            let why = text(&error, &self.inner.names);
            self.broken = Some(why.clone());
            why
        })
    }

    fn samples(&self) -> Vec<Sample> {
        self.store.data().samples.clone()
    }

    fn totals(&self) -> Totals {
        let stats = self.store.stats();
        let modules = self.inner.modules.iter().flatten();
        let frames = modules.map(|module| u64::from(module.largest_frame()));
        Totals {
            frame_bytes: frames.max().unwrap_or(0),
            stack_bytes: stats.stack_bytes as u64,
            counts_calls: self.counts_calls,
            collections: stats.collections,
            points: stats.collection_points,
            allocations: stats.allocations,
            ..Totals::default()
        }
    }

    fn backtrace(&self) -> Option<String> {
        self.inner.backtrace.as_ref().map(Backtrace::to_string)
    }

    fn refuel(&mut self) {
        // Fuel can be set only if the configuration meters. Other configurations have none.
        if let Some(fuel) = self.fuel
            && let Err(why) = self.store.set_fuel(fuel)
        {
            self.broken = Some(why.to_string());
        }
    }

    fn close(self: Box<Self>) -> Result<(), String> {
        let RuntimeSession {
            store,
            inner,
            broken,
            ..
        } = *self;
        let alive = Arc::downgrade(&store.data().alive);
        drop(inner);
        let dropped = panic::catch_unwind(AssertUnwindSafe(|| drop(store)));
        match (broken, dropped) {
            (None, Err(_)) => Err("dropping the store panicked".to_owned()),
            (None, Ok(())) if alive.strong_count() > 0 => Err(format!(
                "{} host objects outlive their store",
                alive.strong_count()
            )),
            _ => Ok(()),
        }
    }
}

/// An argument; a host object is made now.
fn argument(store: &mut Scope<'_>, arg: Value, names: &Names) -> Result<Val, Outcome> {
    let failed = |error: Error| outcome(&error, names);
    let Value::Ref(Ref { top, to }) = arg else {
        return Ok(observe::number(arg));
    };
    let internal = match (top, to) {
        (HeapTop::Any, Target::Null) => return Ok(Val::AnyRef(None)),
        (HeapTop::Func, Target::Null) => return Ok(Val::FuncRef(None)),
        (HeapTop::Extern, Target::Null) => return Ok(Val::ExternRef(None)),
        (HeapTop::Exn, Target::Null) => return Ok(Val::ExnRef(None)),
        (_, Target::Node(_)) => return Err(misuse("a node is no argument")),
        (HeapTop::Func | HeapTop::Exn, _) => {
            return Err(misuse("no host object of this hierarchy"));
        }
        (HeapTop::Extern, Target::Host(number)) => {
            let object = store.as_context().data().host_object(number);
            return ExternRef::new(store, object).map(Val::from).map_err(failed);
        }
        (HeapTop::Any, Target::Host(number)) => {
            let object = store.as_context().data().host_object(number);
            let object = ExternRef::new(&mut *store, object).map_err(failed)?;
            AnyRef::convert_extern(store, &object).map_err(failed)?
        }
        (HeapTop::Any | HeapTop::Extern, Target::I31(value)) => {
            let scalar = AnyRef::from_i31(&mut *store, I31::wrapping_u32(value)).map_err(failed)?;
            if top == HeapTop::Extern {
                return ExternRef::convert_any(store, &scalar)
                    .map(Val::from)
                    .map_err(failed);
            }
            scalar
        }
    };
    Ok(Val::AnyRef(Some(internal)))
}
