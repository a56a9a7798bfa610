//! From modules and steps to requests.
//!
//! Always: the plan knows which module each instance came from, so that it resolves imports, names
//! tags and checks arguments itself. An adapter is asked for nothing that makes no sense. A step
//! is planned under the assumption that everything before it went well, or with the knowledge of
//! what did not ([`Plan::accepted`], [`Plan::instantiated`]).
//!
//! Reading order: `link` (imports), `call` (arguments), `ask` (the requests of a step).

use std::collections::BTreeMap;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use gcrucible_protocol::{Call, Capabilities, HostFunction, Import, Limits, Request, Source};
use wasm_encoder::ValType;

use super::kept::Kept;
use super::module::Module;
use super::probe::instance::{Crosses, Probe};
use super::probe::{BASE, HOST, READER, Uses, base, helper, maker, reader};
use super::types::Types;
use crate::case::{InstanceIndex, ModuleIndex};
use crate::engine::Setup;
use crate::observe::TagKey;
use crate::outcome::{Outcome, Unasked, Why};

mod ask;

mod call;

mod link;

pub use ask::{Asked, Main, Part, Shape};

/// What is known of a session while its requests are made.
pub struct Plan {
    can: Capabilities,
    kept: Arc<Kept>,
    crosses: Crosses,
    modules: Vec<Loaded>,
    /// By instance index. `None` for an instance that failed.
    instances: Vec<Option<Placed>>,
    registered: BTreeMap<String, InstanceIndex>,
    types: Types,
    uses: Uses,
    next_module: u32,
    next_instance: u32,
    base: u32,
    spectest: Option<u32>,
    reader: Option<Reader>,
}

/// A module of the case.
struct Loaded {
    /// Its number in requests.
    number: u32,
    /// Its declarations, or why there are none: it was refused or cannot be read.
    module: Result<Arc<Module>, Outcome>,
    /// Its probe, once it was loaded: number in requests.
    probe: Option<(u32, Uses, Arc<Probe>)>,
    /// The module that allocates for it.
    maker: Option<u32>,
}

/// An instance of the case.
pub(super) struct Placed {
    /// Its number in requests.
    pub(super) number: u32,
    pub(super) module: Arc<Module>,
    module_index: ModuleIndex,
    /// Its tags by their definitions, imported ones first.
    pub(super) tags: Vec<TagKey>,
    /// The instance of its probe.
    probe: Option<(u32, Arc<Probe>)>,
}

/// The reader in use.
struct Reader {
    number: u32,
    /// How many types it knows, and how many of them it can meet.
    types: (usize, usize),
    uses: Uses,
    /// Instances whose probes read exceptions, in the order of their registration.
    exceptions: Vec<InstanceIndex>,
}

impl Plan {
    /// Nothing loaded yet.
    pub fn new(can: &Capabilities, kept: Arc<Kept>) -> Plan {
        Plan {
            crosses: Crosses {
                vectors: can.crosses_v128,
                exceptions: can.crosses_exnref,
                nan_bits: can.crosses_nan_bits,
            },
            can: can.clone(),
            kept,
            modules: Vec::new(),
            instances: Vec::new(),
            registered: BTreeMap::new(),
            types: Types::default(),
            uses: Uses::default(),
            next_module: 0,
            next_instance: 0,
            base: 0,
            spectest: None,
            reader: None,
        }
    }

    /// Opens the session, and makes the part of the probes that every case has. The limits are
    /// raised by what this part uses.
    pub fn open(&mut self, setup: &Setup) -> Vec<Request> {
        const MILLISECONDS: u64 = 10_000;
        let open = Request::Open {
            limits: Limits {
                heap_bytes: setup.limits.heap_bytes,
                memory_bytes: setup.limits.memory_bytes + (base::PAGES << 16),
                table_elements: setup.limits.table_elements
                    + u64::from(base::OBJECTS)
                    + u64::from(reader::EXCEPTION_READERS),
                milliseconds: MILLISECONDS,
            },
            schedule: setup.schedule.to_string(),
            answers: setup.answers.clone(),
            traps: encoded(&helper::traps()),
        };
        let mut requests = vec![open];
        let numbers = self.can.names_functions;
        let func_id = numbers.then(|| import(HOST, "func_id", Source::Host(HostFunction::FuncId)));
        self.base = self.place(
            &base::module(numbers),
            func_id.into_iter().collect(),
            &mut requests,
        );
        requests
    }

    /// Loads a module of the case. The second result is the outcome, if the engine need not be
    /// asked.
    pub fn load(&mut self, wasm: &[u8]) -> (Option<Request>, Option<Outcome>) {
        if self.kept.lacks(wasm, &self.can) {
            let outcome = Outcome::Unasked(Unasked::Proposal);
            self.modules.push(Loaded {
                number: u32::MAX,
                module: Err(outcome.clone()),
                probe: None,
                maker: None,
            });
            return (None, Some(outcome));
        }
        let number = self.next_module();
        let module = self.kept.module(wasm);
        if let Ok(module) = &module {
            let index = ModuleIndex(self.modules.len() as u32);
            self.types.add(module, index);
            self.uses.exceptions |= module.has_exceptions();
            self.uses.vectors |= module.has_vectors();
        }
        self.modules.push(Loaded {
            number,
            // Only the engine can say whether it is a module at all.
            module: module.map_err(|_| Outcome::Unasked(Unasked::Unreadable)),
            probe: None,
            maker: None,
        });
        let mut wasm = std::borrow::Cow::Borrowed(wasm);
        if let Some(Loaded {
            module: Ok(module), ..
        }) = self.modules.last()
            && maker::is_ambiguous(module)
            && !self.can.host_allocates
            && let Ok(renamed) = maker::renamed(&wasm)
        {
            wasm = renamed.into();
        }
        let request = Request::Load {
            module: number,
            wasm: encoded(&wasm),
        };
        (Some(request), None)
    }

    /// Says that a module was refused. It was assumed to be accepted.
    pub fn refused(&mut self, index: ModuleIndex) {
        if let Some(loaded) = self.modules.get_mut(index.0 as usize) {
            loaded.module = Err(Outcome::rejected(Why::Misuse, "no such module"));
        }
        self.types = Types::default();
        self.reader = None;
        for (at, loaded) in (0..).zip(&self.modules) {
            if let Ok(module) = &loaded.module {
                self.types.add(module, ModuleIndex(at));
            }
        }
    }

    /// Says that an instantiation failed. It was assumed to succeed.
    pub fn failed(&mut self, index: InstanceIndex) {
        if let Some(instance) = self.instances.get_mut(index.0 as usize) {
            *instance = None;
        }
        // Its probe was not made either.
        if let Some(reader) = &mut self.reader
            && reader.exceptions.last() == Some(&index)
        {
            reader.exceptions.pop();
        }
    }

    /// Reader of values: all types of the session.
    pub(super) fn types(&self) -> &Types {
        &self.types
    }

    pub(super) fn instance(&self, index: InstanceIndex) -> Option<&Placed> {
        self.instances.get(index.0 as usize)?.as_ref()
    }

    /// Returns the instances that can be observed.
    pub(super) fn live_instances(&self) -> Vec<InstanceIndex> {
        let all = (0..).zip(&self.instances);
        let live = all.filter(|(_, instance)| instance.is_some());
        live.map(|(index, _)| InstanceIndex(index)).collect()
    }

    /// Returns the tags that a probe knows, with their arguments. Its number counts the probes that
    /// read exceptions.
    pub(super) fn exception(&self, reader: u32, tag: u32) -> Option<(TagKey, &[ValType], &Module)> {
        let index = *self.reader.as_ref()?.exceptions.get(reader as usize)?;
        let placed = self.instance(index)?;
        let (_, probe) = placed.probe.as_ref()?;
        let tag = *probe.tags.get(tag as usize)?;
        let ty = placed
            .module
            .func_type(*placed.module.tags.get(tag as usize)?)?;
        let key = *placed.tags.get(tag as usize)?;
        Some((key, ty.params(), &placed.module))
    }

    fn next_module(&mut self) -> u32 {
        self.next_module += 1;
        self.next_module - 1
    }

    fn next_instance(&mut self) -> u32 {
        self.next_instance += 1;
        self.next_instance - 1
    }

    /// Loads a module of ours and instantiates it.
    fn place(&mut self, wasm: &[u8], imports: Vec<Import>, requests: &mut Vec<Request>) -> u32 {
        let module = self.next_module();
        requests.push(Request::Load {
            module,
            wasm: encoded(wasm),
        });
        self.place_again(module, imports, requests)
    }

    fn place_again(
        &mut self,
        module: u32,
        imports: Vec<Import>,
        requests: &mut Vec<Request>,
    ) -> u32 {
        let instance = self.next_instance();
        requests.push(Request::Instantiate {
            module,
            instance,
            imports,
            caught: None,
        });
        instance
    }

    /// Makes sure that there is a reader for all types.
    fn ensure_reader(&mut self, requests: &mut Vec<Request>) -> u32 {
        if let Some(reader) = &self.reader
            && reader.types == self.types.counts()
            && reader.uses == self.uses
        {
            return reader.number;
        }
        let mut imports: Vec<Import> = base::exports()
            .map(|name| import(BASE, name, self.export(self.base, name)))
            .collect();
        imports.push(import(BASE, "out", self.export(self.base, "out")));
        let host = |name, func| import(HOST, name, Source::Host(func));
        imports.push(host("extern_id_or_none", HostFunction::ExternIdOrNone));
        if self.uses.exceptions {
            imports.push(host("rethrow", HostFunction::Rethrow));
        }
        let wasm = reader::module(&self.types, self.uses);
        let number = self.place(&wasm, imports, requests);
        self.reader = Some(Reader {
            number,
            types: self.types.counts(),
            uses: self.uses,
            exceptions: Vec::new(),
        });
        // Probes of instances write through the reader that they were made with.
        for instance in self.instances.iter_mut().flatten() {
            instance.probe = None;
        }
        number
    }

    /// Makes sure that an instance has a probe. Returns the probe's instance.
    fn ensure_probe(
        &mut self,
        index: InstanceIndex,
        requests: &mut Vec<Request>,
    ) -> Option<(u32, Arc<Probe>)> {
        let reader = self.ensure_reader(requests);
        let placed = self.instance(index)?;
        if let Some(probe) = &placed.probe {
            return Some(probe.clone());
        }
        let (subject, of, module) = (
            placed.number,
            placed.module_index,
            Arc::clone(&placed.module),
        );
        let (number, probe) = self.load_probe(of, &module, requests)?;
        let imports = probe.imports.iter().map(|(from, name)| {
            let instance = match from.as_str() {
                BASE => self.base,
                READER => reader,
                _ => subject,
            };
            import(from, name, self.export(instance, name))
        });
        let imports = imports.collect();
        let instance = self.place_again(number, imports, requests);
        if !probe.tags.is_empty()
            && let Some(reader) = &mut self.reader
            && reader.exceptions.len() < reader::EXCEPTION_READERS as usize
        {
            reader.exceptions.push(index);
        }
        let made = (instance, probe);
        if let Some(Some(placed)) = self.instances.get_mut(index.0 as usize) {
            placed.probe = Some(made.clone());
        }
        Some(made)
    }

    fn load_probe(
        &mut self,
        index: ModuleIndex,
        module: &Arc<Module>,
        requests: &mut Vec<Request>,
    ) -> Option<(u32, Arc<Probe>)> {
        let uses = self.uses;
        if let Some((number, made_for, probe)) = &self.modules.get(index.0 as usize)?.probe
            && *made_for == uses
        {
            return Some((*number, Arc::clone(probe)));
        }
        let probe = self.kept.probe(module, uses, self.crosses);
        let number = self.next_module();
        requests.push(Request::Load {
            module: number,
            wasm: encoded(&probe.wasm),
        });
        let loaded = self.modules.get_mut(index.0 as usize)?;
        loaded.probe = Some((number, uses, Arc::clone(&probe)));
        Some((number, probe))
    }

    fn export(&self, instance: u32, name: &str) -> Source {
        Source::Export(exported(instance, name))
    }
}

pub(super) fn encoded(bytes: &[u8]) -> String {
    BASE64.encode(bytes)
}

fn exported(instance: u32, export: &str) -> Call {
    Call {
        instance,
        export: export.to_owned(),
    }
}

fn import(module: &str, name: &str, from: Source) -> Import {
    Import {
        module: module.to_owned(),
        name: name.to_owned(),
        from,
    }
}
