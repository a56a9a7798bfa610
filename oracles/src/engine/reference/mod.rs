//! The reference interpreter behind a session: the side called "expected".
//!
//! Always: it has no collector, so the schedule changes nothing, and live counts are computed by
//! reachability. If the program asks for live objects while frames are on the stack, the session
//! gives the answers that it got from its caller and records the bounds. The reference's types
//! appear in this folder only.
//!
//! Reading order: `observe`, `host`, `trace`.
//!
//! - `observe`: its values and objects, engine-neutrally
//! - `host`: `harness` and `spectest` on its embedding interface
//! - this file: loading, linking, taking steps
//! - `trace`: what it does in one step of a case, instruction by instruction

mod observe;

mod host;

pub mod trace;

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

use gcrucible_reference::binary::{Malformed, MalformedKind};
use gcrucible_reference::execution::{
    Exhausted, Extern, FuncAddr, Halt, InstanceAddr, InstantiationError, Internal, Ref as TheirRef,
    Store, StoreLimits, TagAddr, Trap as TheirTrap, Value as TheirValue,
};
use gcrucible_reference::reach::Frames;
use gcrucible_reference::rules::ABSORBED;
use gcrucible_reference::syntax::{DefTypeId, ExternType, Module, TypeUse, ValType};
use gcrucible_reference::validation::ValidModule;
use gcrucible_reference::{Coverage, Rule};

use self::host::{Shared, Spectest};
use super::{Engine, Session, Setup, Totals, Traits, Watch};
use crate::case::{HOST_NESTING, InstanceIndex, Limits, ModuleIndex, Step};
use crate::coverage::RuleMap;
use crate::host::{harness, spectest};
use crate::leak::{Handles, Live, Reclaims, Sample};
use crate::observe::{Observation, TagKey, TypeKey};
use crate::outcome::{Outcome, Resource, Trap, Why};
use crate::value::{HeapTop, Ref, Target, Value};

/// The reference interpreter.
#[derive(Clone, Copy, Debug, Default)]
pub struct Reference;

impl Engine for Reference {
    fn name(&self) -> String {
        "reference".to_owned()
    }

    fn describe(&self) -> String {
        "reference".to_owned()
    }

    fn traits(&self) -> Traits {
        Traits {
            canonical_nans: true,
            reclaims: Reclaims::Everything,
            outside: None,
        }
    }

    fn open(&self, setup: &Setup) -> Result<Box<dyn Session>, String> {
        Ok(Box::new(ReferenceSession::new(setup)))
    }

    fn validate(&self, wasm: &[u8]) -> Outcome {
        match decoded(wasm, &mut Coverage::new()) {
            Ok(_) => Outcome::Returned(Vec::new()),
            Err(refused) => refused,
        }
    }
}

/// Returns the names of the rules that a [`RuleMap`] counts, by number.
pub fn rule_names() -> impl Iterator<Item = &'static str> {
    Rule::all().map(Rule::name)
}

/// Returns the rules that no code of the reference names, with the reasons. No [`RuleMap`] has
/// them.
pub fn absorbed_rules() -> impl Iterator<Item = (&'static str, &'static str)> {
    ABSORBED.iter().copied()
}

/// What a store may use, from the limits of a case. Nothing is ever freed here, so the heap is
/// several times as large as that of an engine with a collector. It has at least a certain size.
fn store_limits(limits: &Limits) -> StoreLimits {
    const HEAP_FACTOR: u64 = 4;
    const HEAP_WORDS_MIN: u64 = 8 << 20;
    StoreLimits {
        call_depth: limits.call_depth,
        host_nesting: HOST_NESTING,
        steps: limits.fuel,
        memory_bytes: limits.memory_bytes,
        table_elements: limits.table_elements,
        full_at: limits.full_at,
        heap_words: (limits.heap_bytes / 8 * HEAP_FACTOR).max(HEAP_WORDS_MIN),
        ..StoreLimits::default()
    }
}

struct ReferenceSession {
    store: Store,
    fuel: u64,
    /// The limit of an engine's heap.
    heap_bytes: u64,
    /// By module index. `None` for a module that was refused.
    modules: Vec<Option<Rc<ValidModule>>>,
    /// By instance index. `None` for a failed instantiation.
    instances: Vec<Option<InstanceAddr>>,
    names: Names,
    shared: Rc<RefCell<Shared>>,
    registered: BTreeMap<String, InstanceAddr>,
    spectest: Option<Spectest>,
}

/// Engine-neutral names of types, instances, tags and host functions, by the store's addresses.
#[derive(Default)]
struct Names {
    types: BTreeMap<DefTypeId, TypeKey>,
    instances: BTreeMap<InstanceAddr, InstanceIndex>,
    tags: BTreeMap<TagAddr, TagKey>,
    host_funcs: BTreeMap<FuncAddr, (&'static str, String)>,
}

impl ReferenceSession {
    fn new(setup: &Setup) -> ReferenceSession {
        ReferenceSession {
            store: Store::new(store_limits(&setup.limits)),
            fuel: setup.limits.fuel,
            heap_bytes: setup.limits.heap_bytes,
            modules: Vec::new(),
            instances: Vec::new(),
            names: Names::default(),
            shared: Rc::new(RefCell::new(Shared::new(setup.answers.clone()))),
            registered: BTreeMap::new(),
            spectest: None,
        }
    }

    fn module(&self, index: ModuleIndex) -> Option<Rc<ValidModule>> {
        self.modules.get(index.0 as usize)?.clone()
    }

    fn instance(&self, index: InstanceIndex) -> Option<InstanceAddr> {
        self.instances.get(index.0 as usize).copied().flatten()
    }

    /// Instantiates a module. The outcome has no values.
    fn instantiate(&mut self, module: ModuleIndex) -> Result<Called, Outcome> {
        let index = InstanceIndex(self.instances.len() as u32);
        self.instances.push(None);
        let module = self
            .module(module)
            .ok_or_else(|| misuse("no such module"))?;
        let imports = self.imports(&module)?;
        let address = self.store.next_instance();
        self.names.instances.insert(address, index);
        let result = self.store.instantiate(&module, &imports);
        self.name_tags(address, index);
        match result {
            Ok(address) => {
                self.instances[index.0 as usize] = Some(address);
                self.shared.borrow_mut().complete.insert(address);
                Ok(Called::Returned(Vec::new()))
            }
            Err(InstantiationError::Halt(Halt::Throw(exception))) => Ok(Called::Threw(exception)),
            Err(InstantiationError::Halt(halt)) => Err(self.halted(halt)),
            Err(error @ InstantiationError::Link { .. }) => {
                self.names.instances.remove(&address);
                Err(Outcome::rejected(Why::Unlinkable, error.to_string()))
            }
        }
    }

    /// Imported tags have a name already, so tags without one are defined here.
    fn name_tags(&mut self, address: InstanceAddr, instance: InstanceIndex) {
        let Ok(found) = self.store.instance(address) else {
            return;
        };
        for (index, &tag) in found.tags().iter().enumerate() {
            let index = index as u32;
            self.names
                .tags
                .entry(tag)
                .or_insert(TagKey { instance, index });
        }
    }

    /// What the imports of a module stand for.
    fn imports(&mut self, module: &Rc<ValidModule>) -> Result<Vec<Extern>, Outcome> {
        let types = self.store.import_types(module);
        let mut found = Vec::new();
        for (import, ty) in module.module().imports.iter().zip(types) {
            let registered = self.registered.get(&import.module).copied();
            let item = match (registered, import.module.as_str()) {
                (Some(instance), _) => self.store.export(instance, &import.name),
                (None, module) if harness::offers(module, &import.name) => {
                    Some(self.harness(&import.name, ty)?)
                }
                (None, spectest::MODULE) => self.spectest()?.get(&import.name),
                (None, _) => None,
            };
            let missing = || {
                let (module, name) = (&import.module, &import.name);
                Outcome::rejected(
                    Why::Unlinkable,
                    format!("unknown import {module:?} {name:?}"),
                )
            };
            found.push(item.ok_or_else(missing)?);
        }
        Ok(found)
    }

    fn harness(&mut self, name: &str, ty: ExternType) -> Result<Extern, Outcome> {
        let unlinkable = |error: String| Outcome::rejected(Why::Unlinkable, error);
        let ExternType::Func(TypeUse::Def(ty)) = ty else {
            return Err(unlinkable(format!("`harness` {name:?} is a function")));
        };
        let instance = self.store.next_instance();
        let func =
            host::define(&mut self.store, &self.shared, instance, name, ty).map_err(unlinkable)?;
        self.names
            .host_funcs
            .insert(func, (harness::MODULE, name.to_owned()));
        Ok(Extern::Func(func))
    }

    /// Returns the `spectest` module. It is made when the first module imports from it, so other
    /// cases pay nothing.
    fn spectest(&mut self) -> Result<&Spectest, Outcome> {
        if self.spectest.is_none() {
            let made = Spectest::new(&mut self.store);
            let made =
                made.map_err(|halt| halt_outcome(halt).unwrap_or_else(|_| misuse("spectest")))?;
            for (func, name) in made.funcs() {
                self.names
                    .host_funcs
                    .insert(func, (spectest::MODULE, name.to_owned()));
            }
            self.spectest = Some(made);
        }
        self.spectest.as_ref().ok_or_else(|| misuse("spectest"))
    }

    /// Returns the values of arguments. Host objects among them are made now.
    fn arguments(&mut self, args: &[Value]) -> Result<Vec<TheirValue>, Outcome> {
        args.iter().map(|&arg| self.argument(arg)).collect()
    }

    /// Whether an argument is a null that the parameter's type does not have. The reference itself
    /// has one null for all types.
    fn is_null_of_another(&self, arg: Value, param: ValType) -> bool {
        match (arg, param) {
            (Value::Ref(arg), ValType::Ref(param)) => {
                arg.to == Target::Null && arg.top != observe::top(self.store.types(), param.heap)
            }
            _ => false,
        }
    }

    fn argument(&mut self, arg: Value) -> Result<TheirValue, Outcome> {
        let Value::Ref(Ref { top, to }) = arg else {
            return observe::number(arg).ok_or_else(|| misuse("argument"));
        };
        let internal = match to {
            Target::Null => return Ok(TheirRef::Null.into()),
            Target::I31(value) => Internal::I31(value & 0x7fff_ffff),
            Target::Host(number) => {
                let made = self.store.new_host_object(number);
                Internal::Host(made.map_err(|halt| self.halted(halt))?)
            }
            Target::Node(_) => return Err(misuse("a node is no argument")),
        };
        match top {
            HeapTop::Any => Ok(TheirRef::from(internal).into()),
            HeapTop::Extern => Ok(TheirRef::Extern(internal).into()),
            HeapTop::Func | HeapTop::Exn => Err(misuse("no host object of this hierarchy")),
        }
    }

    /// Calls an export: results, or how it ended instead.
    fn invoke(
        &mut self,
        instance: InstanceIndex,
        export: &str,
        args: &[Value],
    ) -> Result<Called, Outcome> {
        let instance = self
            .instance(instance)
            .ok_or_else(|| misuse("no such instance"))?;
        let Some(Extern::Func(func)) = self.store.export(instance, export) else {
            return Err(misuse("no such exported function"));
        };
        let defined = self.store.func_type(func).ok();
        let ty = defined.and_then(|ty| self.store.types().expand_func(ty));
        let mut pairs = args.iter().zip(ty.into_iter().flat_map(|ty| &ty.params));
        if pairs.any(|(&arg, &param)| self.is_null_of_another(arg, param)) {
            return Err(misuse("a null of another hierarchy"));
        }
        let args = self.arguments(args)?;
        match host::invoke(&mut self.store, func, &args) {
            Ok(values) => {
                let ty = defined.and_then(|ty| self.store.types().expand_func(ty));
                let types = ty.map(|ty| ty.results.to_vec()).unwrap_or_default();
                Ok(Called::Returned(values.into_iter().zip(types).collect()))
            }
            Err(Halt::Throw(exception)) => Ok(Called::Threw(exception)),
            Err(halt) => Err(self.halted(halt)),
        }
    }

    fn get(&mut self, instance: InstanceIndex, global: &str) -> Result<Called, Outcome> {
        let instance = self
            .instance(instance)
            .ok_or_else(|| misuse("no such instance"))?;
        let Some(Extern::Global(global)) = self.store.export(instance, global) else {
            return Err(misuse("no such exported global"));
        };
        let value = self.store.global_get(global);
        let ty = self.store.global_type(global);
        match (value, ty) {
            (Ok(value), Ok(ty)) => Ok(Called::Returned(vec![(value, ty.val)])),
            (Err(halt), _) | (_, Err(halt)) => Err(self.halted(halt)),
        }
    }

    fn take(&mut self, step: &Step) -> Result<Called, Outcome> {
        match step {
            Step::Instantiate { module } => self.instantiate(*module),
            Step::Register { instance, name } => {
                let instance = self
                    .instance(*instance)
                    .ok_or_else(|| misuse("no such instance"))?;
                self.registered.insert(name.clone(), instance);
                Ok(Called::Returned(Vec::new()))
            }
            Step::Invoke {
                instance,
                export,
                args,
            } => self.invoke(*instance, export, args),
            Step::Get { instance, global } => self.get(*instance, global),
        }
    }

    /// The outcome of a halt that is no exception.
    fn halted(&self, halt: Halt) -> Outcome {
        halt_outcome(halt).unwrap_or_else(|_| Outcome::Threw(Ref::null(HeapTop::Exn)))
    }
}

/// How a step ended: values with their types, or an exception.
enum Called {
    Returned(Vec<(TheirValue, ValType)>),
    Threw(gcrucible_reference::execution::ExnAddr),
}

impl Session for ReferenceSession {
    fn load(&mut self, wasm: &[u8]) -> Outcome {
        let index = ModuleIndex(self.modules.len() as u32);
        self.modules.push(None);
        let valid = match decoded(wasm, self.store.coverage_mut()) {
            Ok(valid) => Rc::new(valid),
            Err(refused) => return refused,
        };
        for (at, ty) in self.store.close_types(&valid).into_iter().enumerate() {
            let key = TypeKey {
                module: index,
                index: at as u32,
            };
            self.names.types.entry(ty).or_insert(key);
        }
        self.modules[index.0 as usize] = Some(valid);
        Outcome::Returned(Vec::new())
    }

    fn step(&mut self, step: &Step, watch: Watch) -> Observation {
        let called = self.take(step);
        let live: Vec<(InstanceIndex, InstanceAddr)> = match watch {
            Watch::Outcome => Vec::new(),
            Watch::Everything => {
                let found = self.instances.iter().enumerate();
                let found = found.filter_map(|(index, address)| {
                    Some((InstanceIndex(index as u32), (*address)?))
                });
                found.collect()
            }
        };
        observe::observation(&self.store, &self.names, called, &live)
    }

    fn live(&mut self) -> Result<Live, String> {
        let census = |census| observe::census(&census, &self.names);
        Ok(Live {
            reachable: Some(census(self.store.reach(Frames::Without))),
            retained: Some(census(self.store.reach_counted(Frames::Without))),
            handles: Handles {
                created: self.store.hosts_made() as u64,
                dropped: None,
            },
        })
    }

    fn samples(&self) -> Vec<Sample> {
        self.shared.borrow().samples.clone()
    }

    fn totals(&self) -> Totals {
        Totals {
            allocations: self.store.objects_asked(),
            fits: self.store.bytes_made() <= self.heap_bytes / 8,
            was_too_large: self.store.was_too_large(),
            frames_most: self.store.frames_most() as u64,
            ..Totals::default()
        }
    }

    fn refuel(&mut self) {
        self.store.set_steps_left(self.fuel);
    }

    fn close(self: Box<Self>) -> Result<(), String> {
        Ok(())
    }

    fn rules(&self) -> RuleMap {
        RuleMap::new(Rule::COUNT, self.store.coverage().words())
    }
}

fn misuse(what: &str) -> Outcome {
    Outcome::rejected(Why::Misuse, what)
}

/// A module from its bytes, or how it is refused.
fn decoded(wasm: &[u8], coverage: &mut Coverage) -> Result<ValidModule, Outcome> {
    let module = Module::decode(wasm).map_err(|error| malformed(&error))?;
    let valid = module.validate_covering(coverage);
    valid.map_err(|error| Outcome::rejected(Why::Invalid, error.to_string()))
}

fn malformed(error: &Malformed) -> Outcome {
    let why = match error.kind {
        MalformedKind::LocalsLimit => Why::Limit,
        _ => Why::Malformed,
    };
    Outcome::rejected(why, error.to_string())
}

/// A halt as an outcome. An exception is returned as the error, because its contents are observed.
fn halt_outcome(halt: Halt) -> Result<Outcome, gcrucible_reference::execution::ExnAddr> {
    Ok(match halt {
        Halt::Trap(trap) => Outcome::Trapped(neutral_trap(trap)),
        Halt::Throw(exception) => return Err(exception),
        Halt::Exhausted(what) => Outcome::Exhausted(match what {
            Exhausted::CallDepth => Resource::CallDepth,
            Exhausted::CallStack => Resource::CallStack,
            Exhausted::Steps => Resource::Fuel,
            Exhausted::Memory => Resource::Memory,
            Exhausted::Table => Resource::Table,
            Exhausted::Heap => Resource::Heap,
        }),
        Halt::Stuck(what) => Outcome::Stuck(what.to_string()),
        Halt::Misuse(what) => misuse(&what.to_string()),
    })
}

fn neutral_trap(trap: TheirTrap) -> Trap {
    match trap {
        TheirTrap::Unreachable => Trap::Unreachable,
        TheirTrap::IntegerDivideByZero => Trap::IntegerDivideByZero,
        TheirTrap::IntegerOverflow => Trap::IntegerOverflow,
        TheirTrap::InvalidConversionToInteger => Trap::InvalidConversionToInteger,
        TheirTrap::OutOfBoundsMemoryAccess => Trap::OutOfBoundsMemoryAccess,
        TheirTrap::OutOfBoundsTableAccess => Trap::OutOfBoundsTableAccess,
        TheirTrap::OutOfBoundsArrayAccess => Trap::OutOfBoundsArrayAccess,
        TheirTrap::UndefinedElement => Trap::UndefinedElement,
        TheirTrap::UninitializedElement => Trap::UninitializedElement,
        TheirTrap::IndirectCallTypeMismatch => Trap::IndirectCallTypeMismatch,
        TheirTrap::NullReference
        | TheirTrap::NullFunctionReference
        | TheirTrap::NullStructureReference
        | TheirTrap::NullArrayReference
        | TheirTrap::NullI31Reference
        | TheirTrap::NullExceptionReference => Trap::NullReference,
        TheirTrap::CastFailure => Trap::CastFailure,
    }
}

fn their_trap(trap: Trap) -> TheirTrap {
    match trap {
        Trap::Unreachable => TheirTrap::Unreachable,
        Trap::IntegerDivideByZero => TheirTrap::IntegerDivideByZero,
        Trap::IntegerOverflow => TheirTrap::IntegerOverflow,
        Trap::InvalidConversionToInteger => TheirTrap::InvalidConversionToInteger,
        Trap::OutOfBoundsMemoryAccess => TheirTrap::OutOfBoundsMemoryAccess,
        Trap::OutOfBoundsTableAccess => TheirTrap::OutOfBoundsTableAccess,
        Trap::UndefinedElement => TheirTrap::UndefinedElement,
        Trap::UninitializedElement => TheirTrap::UninitializedElement,
        Trap::IndirectCallTypeMismatch => TheirTrap::IndirectCallTypeMismatch,
        Trap::NullReference => TheirTrap::NullReference,
        Trap::CastFailure => TheirTrap::CastFailure,
        Trap::OutOfBoundsArrayAccess => TheirTrap::OutOfBoundsArrayAccess,
    }
}
