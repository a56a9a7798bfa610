//! A store, what was loaded into it, and the requests of a session.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use gcrucible_protocol::answer::Memory;
use gcrucible_protocol::{Answer, Call, Counting, Ended, Import, Source, Value};
use wasmtime::{
    AsContextMut, Error, Extern, ExternType, Func, Module, RootScope, Store, StoreContextMut, Val,
};

use crate::store::{Data, HostObjects};
use crate::version::{exceptions, release};
use crate::way::ended;
use crate::{host, values, way};

/// A session.
pub struct Session {
    store: Store<Data>,
    modules: BTreeMap<u32, Module>,
}

impl Session {
    /// A session in a new store.
    pub fn new(store: Store<Data>) -> Session {
        Session {
            store,
            modules: BTreeMap::new(),
        }
    }

    /// Takes a compiled module.
    pub fn load(&mut self, number: u32, module: Module) {
        self.modules.insert(number, module);
    }

    /// Instantiates a module.
    ///
    /// # Errors
    ///
    /// The request ended otherwise than by returning.
    pub fn instantiate(
        &mut self,
        module: u32,
        instance: u32,
        imports: &[Import],
        caught: Option<&Call>,
    ) -> Result<(), Ended> {
        let module = self.modules.get(&module).cloned().ok_or(Ended::Skipped)?;
        let mut scope = RootScope::new(&mut self.store);
        let store = &mut scope.as_context_mut();
        let linked = linked(store, &module, instance, imports)?;
        match way::done(way::instantiate(store, &module, &linked)) {
            Ok(made) => {
                store.data_mut().instances.insert(instance, made);
                Ok(())
            }
            Err(error) => Err(thrown(store, &error, caught)),
        }
    }

    /// Calls a function.
    ///
    /// # Errors
    ///
    /// The request ended otherwise than by returning.
    pub fn invoke(
        &mut self,
        call: &Call,
        args: &[Value],
        then: Option<&Call>,
        caught: Option<&Call>,
    ) -> Result<(), Ended> {
        let mut scope = RootScope::new(&mut self.store);
        let store = &mut scope.as_context_mut();
        let func = exported(store, call)?;
        let ty = func.ty(&*store);
        let mut given = Vec::new();
        for (ty, arg) in ty.params().zip(args) {
            given.push(way::done(values::argument(store, &ty, arg))?);
        }
        let mut results = vec![Val::I32(0); ty.results().len()];
        way::done(way::call(store, func, &given, &mut results))
            .map_err(|error| thrown(store, &error, caught))?;
        if let Some(then) = then {
            run(store, then, &results, &mut [])?;
        }
        Ok(())
    }

    /// Calls what observes, and reads what it wrote.
    ///
    /// # Errors
    ///
    /// A call did not return, or there is no such function or memory.
    pub fn observe(
        &mut self,
        calls: &[Call],
        length: &Call,
        memories: &[Call],
    ) -> Result<Answer, Ended> {
        let mut scope = RootScope::new(&mut self.store);
        let store = &mut scope.as_context_mut();
        for call in calls.iter().chain([length]) {
            exported(store, call)?;
        }
        for memory in memories {
            bytes(store, memory)?;
        }
        for call in calls {
            run(store, call, &[], &mut [])?;
        }
        let mut count = [Val::I32(0)];
        run(store, length, &[], &mut count)?;
        let count = values::unsigned(&count[0]) as usize;
        let out = Call {
            instance: length.instance,
            export: "out".to_owned(),
        };
        let bytes = bytes(store, &out)?;
        let bytes = bytes.get(..count).ok_or_else(|| Ended::Crashed {
            text: format!("{count} bytes are not in a memory of {}", bytes.len()),
        })?;
        let bytes = BASE64.encode(bytes);
        let memories = memories
            .iter()
            .map(|memory| self::bytes(store, memory).map(Memory::of));
        let memories = memories.collect::<Result<_, _>>()?;
        Ok(Answer::Bytes { bytes, memories })
    }

    /// Collects, and counts.
    ///
    /// # Errors
    ///
    /// The collection failed.
    pub fn live(&mut self) -> Result<Counting, Ended> {
        let store = &mut self.store.as_context_mut();
        way::done(way::collect(store)).map_err(|error| ended(&error))?;
        let data = store.data();
        Ok(Counting {
            created: data.hosts.created,
            alive: data.hosts.alive(),
            collections: data.collections,
        })
    }

    /// Drops everything.
    ///
    /// # Errors
    ///
    /// Host objects outlive their store.
    pub fn close(self) -> Result<(), Ended> {
        let hosts: HostObjects = self.store.data().hosts.clone();
        drop(self);
        match hosts.alive() {
            0 => Ok(()),
            alive => Err(Ended::Crashed {
                text: format!("{alive} host objects outlive their store"),
            }),
        }
    }
}

/// Calls a function of the probes.
fn run(
    store: &mut StoreContextMut<'_, Data>,
    call: &Call,
    args: &[Val],
    results: &mut [Val],
) -> Result<(), Ended> {
    let func = exported(store, call)?;
    way::done(way::call(store, func, args, results)).map_err(|error| ended(&error))
}

fn export(store: &mut StoreContextMut<'_, Data>, call: &Call) -> Option<Extern> {
    let instance = store.data().instances.get(&call.instance).copied()?;
    instance.get_export(store, &call.export)
}

fn exported(store: &mut StoreContextMut<'_, Data>, call: &Call) -> Result<Func, Ended> {
    let found = export(store, call).and_then(Extern::into_func);
    found.ok_or(Ended::Skipped)
}

fn bytes<'a>(store: &'a mut StoreContextMut<'_, Data>, call: &Call) -> Result<&'a [u8], Ended> {
    let found = export(store, call).and_then(Extern::into_memory);
    Ok(found.ok_or(Ended::Skipped)?.data(store))
}

/// The imports of a module, in its order.
fn linked(
    store: &mut StoreContextMut<'_, Data>,
    module: &Module,
    importer: u32,
    imports: &[Import],
) -> Result<Vec<Extern>, Ended> {
    let mut linked = Vec::new();
    for wanted in module.imports() {
        let (from, name) = (wanted.module(), wanted.name());
        let given = imports
            .iter()
            .find(|given| given.module == from && given.name == name);
        let unlinkable = |what: &str| Ended::Rejected {
            stage: "unlinkable".to_owned(),
            text: format!("{what}: {from:?} {name:?}"),
        };
        let given = given.ok_or_else(|| unlinkable("unknown import"))?;
        linked.push(match (&given.from, wanted.ty()) {
            (Source::Export(call), _) => {
                if !store.data().instances.contains_key(&call.instance) {
                    return Err(Ended::Skipped);
                }
                export(store, call).ok_or_else(|| unlinkable("unknown import"))?
            }
            (Source::Host(function), ExternType::Func(ty)) => {
                host::func(&mut *store, importer, function.clone(), ty).into()
            }
            (Source::Host(_), _) => return Err(unlinkable("incompatible import type")),
        });
    }
    Ok(linked)
}

/// How a call ended. An exception is given to `caught` first.
fn thrown(store: &mut StoreContextMut<'_, Data>, error: &Error, caught: Option<&Call>) -> Ended {
    let end = ended(error);
    if !exceptions::is_thrown(error) {
        return end;
    }
    let broken = |error: Error| Ended::Crashed {
        text: format!("taking an exception: {error:#}"),
    };
    let exception = match exceptions::taken(store).map_err(broken) {
        Ok(exception) => exception,
        Err(broken) => return broken,
    };
    let (Some(exception), Some(caught)) = (exception, caught) else {
        return end;
    };
    store.data_mut().exception = Some(exception);
    let seen = run(store, caught, &[], &mut []);
    if let Some(left) = store.data_mut().exception.take() {
        release(left, store);
    }
    seen.err().unwrap_or(end)
}
