//! The runtime as an adapter: behind the protocol, as an engine in a process of its own is.
//!
//! Always: it only does what the protocol asks. So it is an example for authors of adapters. Tests
//! compare what is read from its answers with the runtime's own observations. It may claim fewer
//! capabilities than it has.

use std::cell::RefCell;
use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use gcrucible_protocol::answer::Memory as MemoryAnswer;
use gcrucible_protocol::serve::Adapter;
use gcrucible_protocol::{
    Answer, Call, Capabilities, CollectorKind, Counting, Ended, Hello, HostFunction, HostObjects,
    Import, Request, Source, Top, VERSION, Value as Given,
};
use gcrucible_runtime::embed::{
    AsContextMut, Caller, Error, ExnRef, Extern, ExternType, Func, FuncOrigin, FuncType, Instance,
    Module, OwnedRooted, RootScope, Store, Trap as TheirTrap, Val, ValType,
};

use super::errors::outcome;
use super::host::{self, Data};
use super::observe::HostObject;
use super::{Names, Runtime, RuntimeConfig, RuntimeSession, Scope, argument, caught};
use crate::case::{InstanceIndex, Limits};
use crate::engine::{Engine, Setup};
use crate::host::harness;
use crate::leak::Reclaims;
use crate::observe::MemoryState;
use crate::outcome::{Outcome, Resource, Why};
use crate::value::{HeapTop, Ref, Target, Value};

/// The runtime behind the protocol.
pub struct Served {
    runtime: Runtime,
    capabilities: Capabilities,
    /// Compiled modules by their bytes, because the same probes come again and again.
    compiled: RefCell<VecDeque<(String, Module)>>,
    session: Option<Open>,
    /// Sessions that have ended and are still to be counted, by their numbers.
    kept: BTreeMap<u64, Open>,
}

/// How many ended sessions it keeps.
const KEPT_SESSIONS: u32 = 4;

/// An exception that ended a call, while it is being read.
type Thrown = Arc<Mutex<Option<OwnedRooted<ExnRef>>>>;

/// A session.
struct Open {
    store: Store<Data>,
    modules: BTreeMap<u32, Module>,
    instances: BTreeMap<u32, Instance>,
    thrown: Thrown,
    answers: Arc<Mutex<VecDeque<u32>>>,
    funcs: Arc<Mutex<BTreeMap<FuncKey, i32>>>,
}

/// What tells functions apart: instance and index, or the number of a host function.
type FuncKey = (Option<u32>, u32);

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Served {
    /// Makes an adapter for the runtime in this configuration, with all its capabilities.
    pub fn new(config: RuntimeConfig) -> Served {
        let runtime = Runtime::new(config);
        let reclaims = match runtime.traits().reclaims {
            Reclaims::Everything => CollectorKind::Everything,
            Reclaims::Acyclic => CollectorKind::Acyclic,
            Reclaims::Nothing => CollectorKind::Nothing,
        };
        Served {
            runtime,
            capabilities: Capabilities {
                lacks: Vec::new(),
                host_objects: HostObjects::Exact,
                reclaims,
                schedules: true,
                canonical_nans: true,
                crosses_v128: true,
                crosses_exnref: true,
                crosses_nan_bits: true,
                names_functions: true,
                host_allocates: true,
                keeps_failed_instances: true,
                keeps_sessions: KEPT_SESSIONS,
            },
            compiled: RefCell::default(),
            session: None,
            kept: BTreeMap::new(),
        }
    }

    /// Returns the same adapter with other claims about its capabilities.
    #[must_use]
    pub fn claiming(mut self, change: impl FnOnce(&mut Capabilities)) -> Served {
        change(&mut self.capabilities);
        self
    }

    fn module(&self, wasm: &str) -> Result<Module, Ended> {
        const KEPT: usize = 32;
        let mut compiled = self.compiled.borrow_mut();
        if let Some((_, module)) = compiled.iter().find(|(bytes, _)| bytes == wasm) {
            return Ok(module.clone());
        }
        let bytes = BASE64.decode(wasm).map_err(|error| crashed(&error))?;
        let engine = self.runtime.engine().map_err(|error| ended(&error))?;
        let module = Module::new(&engine, &bytes).map_err(|error| ended(&error))?;
        compiled.truncate(KEPT - 1);
        compiled.push_front((wasm.to_owned(), module.clone()));
        Ok(module)
    }

    fn take(&mut self, request: Request) -> Result<Answer, Ended> {
        let returned = Answer::Ended(Ended::Returned);
        match request {
            Request::Hello { .. } => {
                return Ok(Answer::Hello(Hello {
                    protocol: VERSION,
                    engine: "runtime".to_owned(),
                    version: env!("CARGO_PKG_VERSION").to_owned(),
                    capabilities: self.capabilities.clone(),
                }));
            }
            Request::Open {
                limits,
                schedule,
                answers,
                ..
            } => {
                let setup = Setup {
                    schedule: schedule.parse().map_err(|error| crashed(&error))?,
                    limits: Limits {
                        heap_bytes: limits.heap_bytes,
                        memory_bytes: limits.memory_bytes,
                        table_elements: limits.table_elements,
                        ..Limits::FUZZING
                    },
                    answers: Vec::new(),
                };
                self.session = Some(Open::new(&self.runtime, &setup, answers)?);
            }
            Request::Load { module, wasm } => {
                let made = self.module(&wasm)?;
                self.session()?.modules.insert(module, made);
            }
            Request::Close => self.session = None,
            Request::Keep { session } => {
                let ended = self.session.take().ok_or(Ended::Skipped)?;
                self.kept.insert(session, ended);
            }
            Request::Count => {
                let kept = std::mem::take(&mut self.kept);
                let counts = kept.into_iter().map(|(session, mut open)| {
                    let counting = open.count().map_err(|error| crashed(&error))?;
                    Ok((session, counting))
                });
                return counts.collect::<Result<_, Ended>>().map(Answer::Counts);
            }
            other => return self.session()?.take(other),
        }
        Ok(returned)
    }

    fn session(&mut self) -> Result<&mut Open, Ended> {
        self.session.as_mut().ok_or(Ended::Skipped)
    }
}

impl Adapter for Served {
    fn answer(&mut self, request: Request) -> Answer {
        match caught(|| self.take(request)) {
            Ok(Ok(answer)) => answer,
            Ok(Err(ended)) => Answer::Ended(ended),
            Err(text) => {
                // What it left half done is only dropped.
                self.session = None;
                Answer::Ended(Ended::Crashed { text })
            }
        }
    }
}

fn crashed(what: &impl std::fmt::Display) -> Ended {
    let text = what.to_string();
    Ended::Crashed { text }
}

/// How a request ended that did not return.
fn ended(error: &Error) -> Ended {
    if matches!(error, Error::Thrown(_)) {
        return Ended::Threw;
    }
    let text = error.to_string();
    match outcome(error, &Names::default()) {
        Outcome::Trapped(trap) => Ended::Trapped {
            kinds: vec![trap.message().to_owned()],
            text,
        },
        Outcome::Exhausted(resource) => Ended::Exhausted {
            resource: match resource {
                Resource::CallDepth | Resource::CallStack => "call_stack",
                Resource::Heap => "heap",
                Resource::Memory => "memory",
                Resource::Table => "table",
                Resource::Fuel => "fuel",
            }
            .to_owned(),
            text,
        },
        Outcome::Rejected(rejection) => {
            let stage = match rejection.why {
                Why::Malformed => "malformed",
                Why::Invalid => "invalid",
                Why::Unlinkable => "unlinkable",
                Why::Limit => "limit",
                Why::Misuse => return crashed(&rejection),
            };
            let stage = stage.to_owned();
            Ended::Rejected { stage, text }
        }
        Outcome::Unsupported(feature) => Ended::Unsupported { feature },
        _ => Ended::Crashed { text },
    }
}

impl Open {
    fn new(runtime: &Runtime, setup: &Setup, answers: Vec<u32>) -> Result<Open, Ended> {
        let session = RuntimeSession::new(runtime, setup).map_err(|error| ended(&error))?;
        Ok(Open {
            store: session.store,
            modules: BTreeMap::new(),
            instances: BTreeMap::new(),
            thrown: Thrown::default(),
            answers: Arc::new(Mutex::new(answers.into())),
            funcs: Arc::default(),
        })
    }

    fn take(&mut self, request: Request) -> Result<Answer, Ended> {
        let returned = Answer::Ended(Ended::Returned);
        match request {
            Request::Instantiate {
                module,
                instance,
                imports,
                caught,
            } => {
                let done = self.instantiate(module, instance, &imports)?;
                self.after(done, caught).map(|()| returned)
            }
            Request::Invoke {
                call,
                args,
                then,
                caught,
            } => {
                let done = self.invoke(&call, &args, then.as_ref())?;
                self.after(done, caught).map(|()| returned)
            }
            Request::Observe {
                calls,
                length,
                memories,
            } => self.observe(&calls, &length, &memories),
            Request::Live => self
                .count()
                .map(Answer::Live)
                .map_err(|error| crashed(&error)),
            _ => Err(Ended::Skipped),
        }
    }

    fn func(&self, call: &Call) -> Result<Func, Ended> {
        let instance = self.instances.get(&call.instance).ok_or(Ended::Skipped)?;
        instance
            .get_func(&self.store, &call.export)
            .ok_or(Ended::Skipped)
    }

    /// Lets the probe read an exception as long as it exists. Returns how the request ended.
    fn after(&mut self, done: Result<(), Error>, reader: Option<Call>) -> Result<(), Ended> {
        let Err(error) = done else {
            return Ok(());
        };
        let end = ended(&error);
        if let (Error::Thrown(exception), Some(reader)) = (error, reader) {
            let func = self.func(&reader)?;
            *lock(&self.thrown) = Some(exception);
            let mut scope = RootScope::new(&mut self.store);
            let read = func.call(&mut scope, &[], &mut []);
            lock(&self.thrown).take();
            read.map_err(|error| crashed(&format!("reading an exception: {error}")))?;
        }
        Err(end)
    }

    fn instantiate(
        &mut self,
        module: u32,
        instance: u32,
        imports: &[Import],
    ) -> Result<Result<(), Error>, Ended> {
        let module = self.modules.get(&module).cloned().ok_or(Ended::Skipped)?;
        let there = |import: &Import| match &import.from {
            Source::Export(call) => self.instances.contains_key(&call.instance),
            Source::Host(_) => true,
        };
        if !imports.iter().all(there) {
            return Err(Ended::Skipped);
        }
        let index = InstanceIndex(instance);
        let mut scope = RootScope::new(&mut self.store);
        let mut context = scope.as_context_mut();
        let known = &mut context.data_mut().instances;
        known.resize(known.len().max(instance as usize + 1), None);
        let mut found = Vec::new();
        for wanted in module.imports() {
            let given = imports.iter().find(|given| {
                (given.module.as_str(), given.name.as_str()) == (wanted.module, wanted.name)
            });
            let item = match given.map(|given| &given.from) {
                Some(Source::Export(call)) => {
                    self.instances[&call.instance].get_export(&scope, &call.export)
                }
                Some(Source::Host(func)) => {
                    let hosts = (&self.thrown, &self.answers, &self.funcs);
                    Some(Extern::Func(define(
                        &mut scope, index, func, &wanted.ty, hosts,
                    )?))
                }
                None => None,
            };
            let missing = || Ended::Rejected {
                stage: "unlinkable".to_owned(),
                text: format!("no import {:?} {:?}", wanted.module, wanted.name),
            };
            found.push(item.ok_or_else(missing)?);
        }
        match Instance::new(&mut scope, &module, &found) {
            Ok(made) => {
                scope.as_context_mut().data_mut().instances[instance as usize] = Some(made);
                drop(scope);
                self.instances.insert(instance, made);
                Ok(Ok(()))
            }
            Err(error) => Ok(Err(error)),
        }
    }

    fn invoke(
        &mut self,
        call: &Call,
        args: &[Given],
        then: Option<&Call>,
    ) -> Result<Result<(), Error>, Ended> {
        let func = self.func(call)?;
        let then = then.map(|then| self.func(then)).transpose()?;
        let mut scope = RootScope::new(&mut self.store);
        let ty = func.ty(&scope).map_err(|error| ended(&error))?;
        let mut values = Vec::new();
        for (ty, arg) in ty.params().zip(args) {
            let arg = neutral(&ty, arg).ok_or_else(|| crashed(&"an argument that is none"))?;
            let value = argument(&mut scope, arg, &Names::default());
            values.push(value.map_err(|outcome| crashed(&outcome))?);
        }
        let mut results = vec![Val::I32(0); ty.results().len()];
        if let Err(error) = func.call(&mut scope, &values, &mut results) {
            return Ok(Err(error));
        }
        if let Some(then) = then {
            then.call(&mut scope, &results, &mut [])
                .map_err(|error| ended(&error))?;
        }
        Ok(Ok(()))
    }

    fn observe(
        &mut self,
        calls: &[Call],
        length: &Call,
        memories: &[Call],
    ) -> Result<Answer, Ended> {
        let failed = |error: Error| ended(&error);
        let funcs: Vec<Func> = calls
            .iter()
            .map(|call| self.func(call))
            .collect::<Result<_, _>>()?;
        let last = self.func(length)?;
        for memory in memories {
            self.memory(memory)?;
        }
        let mut scope = RootScope::new(&mut self.store);
        for func in funcs {
            func.call(&mut scope, &[], &mut []).map_err(failed)?;
        }
        let mut count = [Val::I32(0)];
        last.call(&mut scope, &[], &mut count).map_err(failed)?;
        let [Val::I32(count)] = count else {
            return Err(crashed(&"no length"));
        };
        drop(scope);
        let out = self.memory(&Call {
            instance: length.instance,
            export: "out".to_owned(),
        })?;
        let bytes = out
            .get(..count as u32 as usize)
            .ok_or_else(|| crashed(&"a length"))?;
        let bytes = BASE64.encode(bytes);
        let mut contents = Vec::new();
        for memory in memories {
            let state = MemoryState::of(self.memory(memory)?);
            let blocks = state.blocks.iter();
            contents.push(MemoryAnswer {
                length: state.length,
                blocks: blocks
                    .map(|(&at, block)| (at, BASE64.encode(block)))
                    .collect(),
            });
        }
        Ok(Answer::Bytes {
            bytes,
            memories: contents,
        })
    }

    fn memory(&self, call: &Call) -> Result<&[u8], Ended> {
        let instance = self.instances.get(&call.instance).ok_or(Ended::Skipped)?;
        let memory = instance
            .get_memory(&self.store, &call.export)
            .ok_or(Ended::Skipped)?;
        memory.data(&self.store).map_err(|error| ended(&error))
    }

    /// A full collection, and the runtime's own checks.
    fn count(&mut self) -> Result<Counting, Error> {
        self.store.census()?;
        self.store.audit()?;
        self.store.verify_heap()?;
        let stats = self.store.stats();
        Ok(Counting {
            created: stats.hosts_created,
            alive: stats.hosts_created.saturating_sub(stats.hosts_dropped),
            collections: stats.collections,
        })
    }
}

/// An argument of a type, engine-neutrally.
fn neutral(ty: &ValType, given: &Given) -> Option<Value> {
    let top = match ty {
        ValType::Ref(ty) => host::neutral_top(ty.heap_type.top()),
        _ => HeapTop::Any,
    };
    let reference = |to| Value::Ref(Ref { top, to });
    Some(match given {
        Given::I32(value) => Value::I32(*value),
        Given::I64(text) => Value::I64(text.parse().ok()?),
        Given::F32(bits) => Value::F32(*bits),
        Given::F64(text) => Value::F64(text.parse().ok()?),
        Given::V128(text) => Value::V128(u128::from_str_radix(text, 16).ok()?),
        Given::Null(_) => reference(Target::Null),
        Given::I31(value) => reference(Target::I31(*value as u32 & 0x7fff_ffff)),
        Given::Host(number) => reference(Target::Host(*number)),
    })
}

type Hosts<'a> = (
    &'a Thrown,
    &'a Arc<Mutex<VecDeque<u32>>>,
    &'a Arc<Mutex<BTreeMap<FuncKey, i32>>>,
);

/// A function of the host with the import's own type.
fn define(
    store: &mut Scope<'_>,
    instance: InstanceIndex,
    func: &HostFunction,
    ty: &ExternType,
    (thrown, answers, funcs): Hosts<'_>,
) -> Result<Func, Ended> {
    let ExternType::Func(ty) = ty else {
        return Err(Ended::Rejected {
            stage: "unlinkable".to_owned(),
            text: "a function of the host in place of something else".to_owned(),
        });
    };
    let name = match func {
        HostFunction::Live => {
            let answers = Arc::clone(answers);
            return own(store, ty, move |caller, _, results| {
                caller.gc()?;
                let next = lock(&answers).pop_front();
                set(results, next.unwrap_or(0) as i32)
            });
        }
        HostFunction::ExternIdOrNone => {
            return own(store, ty, |caller, args, results| {
                let number = match args {
                    [Val::ExternRef(Some(reference))] => {
                        let object = reference.get::<HostObject>(caller).ok();
                        object.map_or(-1, |object| object.number as i32)
                    }
                    _ => -1,
                };
                set(results, number)
            });
        }
        HostFunction::FuncId => {
            let funcs = Arc::clone(funcs);
            return own(store, ty, move |caller, args, results| {
                let [Val::FuncRef(Some(func))] = args else {
                    return Err(TheirTrap::NullReference.into());
                };
                let key = match func.origin(&*caller)? {
                    FuncOrigin::Wasm { instance, index } => (Some(instance.number().0), index.0),
                    FuncOrigin::Host(number) => (None, number),
                };
                let mut funcs = lock(&funcs);
                let next = funcs.len() as i32;
                set(results, *funcs.entry(key).or_insert(next))
            });
        }
        HostFunction::Rethrow => {
            let thrown = Arc::clone(thrown);
            return own(store, ty, move |_, _, _| match &*lock(&thrown) {
                Some(exception) => Err(Error::Thrown(exception.clone())),
                None => Err(TheirTrap::Unreachable.into()),
            });
        }
        other => harness_name(other),
    };
    let defined = host::define(store, instance, &name, ty, &Names::default());
    defined.map_err(|outcome| Ended::Rejected {
        stage: "unlinkable".to_owned(),
        text: outcome.to_string(),
    })
}

/// The name of a function that is one of `harness`.
fn harness_name(func: &HostFunction) -> String {
    let form = |name: &str, top: Top| match top {
        Top::Any => name.to_owned(),
        Top::Extern => format!("{name}.extern"),
        Top::Func => format!("{name}.func"),
        Top::Exn => format!("{name}.exn"),
    };
    match func {
        HostFunction::Gc => "gc".to_owned(),
        HostFunction::Extern => "extern".to_owned(),
        HostFunction::ExternId => "extern.id".to_owned(),
        HostFunction::Hold(of) => form("hold", of.top),
        HostFunction::Held(of) => form("held", of.top),
        HostFunction::Release => "release".to_owned(),
        HostFunction::TableGet(of) => format!("table.get:{}", of.table),
        HostFunction::TableSet(of) => format!("table.set:{}", of.table),
        HostFunction::TableGrow(of) => format!("table.grow:{}", of.table),
        HostFunction::TableFill(of) => format!("table.fill:{}", of.table),
        HostFunction::TableSize(of) => format!("table.size:{}", of.table),
        HostFunction::TableCopy(of) => format!("table.copy:{}:{}", of.to, of.from),
        HostFunction::GlobalGet(of) => format!("global.get:{}", of.global),
        HostFunction::GlobalSet(of) => format!("global.set:{}", of.global),
        HostFunction::StructNew => "struct.new".to_owned(),
        HostFunction::ArrayNew => "array.new".to_owned(),
        HostFunction::Call(of) => format!("call:{}", of.function),
        HostFunction::CallGc(of) => format!("call.gc:{}", of.function),
        HostFunction::Try(of) => format!("{}{}", harness::TRY, harness_name(&of.function)),
        HostFunction::Live
        | HostFunction::ExternIdOrNone
        | HostFunction::FuncId
        | HostFunction::Rethrow => String::new(),
    }
}

fn set(results: &mut [Val], value: i32) -> Result<(), Error> {
    if let Some(result) = results.first_mut() {
        *result = Val::I32(value);
    }
    Ok(())
}

/// A function that is not one of `harness`.
fn own(
    store: &mut Scope<'_>,
    ty: &FuncType,
    body: impl Fn(&mut Caller<'_, Data>, &[Val], &mut [Val]) -> Result<(), Error>
    + Send
    + Sync
    + 'static,
) -> Result<Func, Ended> {
    let func = Func::new(
        store,
        ty,
        move |mut caller: Caller<'_, Data>, args: &[Val], results: &mut [Val]| {
            body(&mut caller, args, results)
        },
    );
    func.map_err(|error| ended(&error))
}
