//! The requests of one step, and what their answers will mean.

use std::sync::Arc;

use gcrucible_protocol::{Call, Request};
use wasm_encoder::ValType;

use super::{Placed, Plan, exported};
use crate::case::{InstanceIndex, ModuleIndex, Step};
use crate::engine::Watch;
use crate::foreign::module::{Item, Module};
use crate::observe::TagKey;
use crate::outcome::{Outcome, Why};

/// What a request is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// It makes a part of the probes, and has to succeed.
    Probe,
    /// It is the step itself.
    Main,
    /// It observes.
    Observe,
}

/// The requests of a step.
#[derive(Debug)]
pub struct Asked {
    /// What is asked, and what for.
    pub requests: Vec<(Part, Request)>,
    /// How the outcome is found.
    pub main: Main,
    /// Instances whose state is observed, in order.
    pub states: Vec<Shape>,
    /// Returns true if nothing can have changed since the last observation of everything.
    pub unchanged: bool,
}

/// How the outcome of a step is found.
#[derive(Clone, Debug)]
pub enum Main {
    /// It is known without asking.
    Known(Outcome),
    /// It is that of an instantiation.
    Instantiated(InstanceIndex),
    /// It is that of a call, whose results have these types in the module.
    Called(Arc<Module>, Vec<ValType>),
    /// The same, through a probe that also catches exceptions.
    Wrapped(Arc<Module>, Vec<ValType>),
    /// It is the value of an exported global, by its position among the exported globals of an
    /// instance.
    Global(InstanceIndex, usize),
}

/// What of an instance is observed.
#[derive(Clone, Debug)]
pub struct Shape {
    /// Which instance.
    pub instance: InstanceIndex,
    /// Its module.
    pub module: Arc<Module>,
    /// Exported globals in order.
    pub globals: Vec<(String, ValType)>,
    /// Exported tables in order, with the type of their elements.
    pub tables: Vec<(String, ValType)>,
    /// Exported memories in order.
    pub memories: Vec<String>,
}

impl Shape {
    fn of(instance: InstanceIndex, placed: &Placed) -> Shape {
        let module = Arc::clone(&placed.module);
        let mut shape = Shape {
            instance,
            globals: Vec::new(),
            tables: Vec::new(),
            memories: Vec::new(),
            module: Arc::clone(&module),
        };
        for export in &module.exports {
            let name = export.name.clone();
            match export.item {
                Item::Global(at) => {
                    shape
                        .globals
                        .push((name, module.globals[at as usize].val_type));
                }
                Item::Table(at) => {
                    let element = module.tables[at as usize].element_type;
                    shape.tables.push((name, ValType::Ref(element)));
                }
                Item::Memory(_) => shape.memories.push(name),
                Item::Func(_) | Item::Tag(_) => {}
            }
        }
        shape
    }

    /// Returns true if a probe has to be called to observe it. Memories need no probe.
    pub fn needs_probe(&self) -> bool {
        !self.globals.is_empty() || !self.tables.is_empty()
    }
}

/// A step without its observation.
struct Begun {
    main: Main,
    /// The instance that is observed, if it is the only one.
    only: Option<InstanceIndex>,
}

impl Plan {
    /// Plans a step.
    pub fn step(&mut self, step: &Step, watch: Watch) -> Asked {
        let mut before = Vec::new();
        let mut main = None;
        let begun = self.begin(step, &mut before, &mut main);
        let begun = begun.unwrap_or_else(|outcome| Begun {
            main: Main::Known(outcome),
            only: None,
        });
        let mut requests: Vec<(Part, Request)> = before
            .into_iter()
            .map(|request| (Part::Probe, request))
            .collect();
        let unchanged = main.is_none() && begun.only.is_none();
        requests.extend(main.map(|request| (Part::Main, request)));
        let mut asked = Asked {
            requests,
            main: begun.main,
            states: Vec::new(),
            unchanged,
        };
        if !unchanged {
            let instances = match watch {
                Watch::Everything => self.live_instances(),
                Watch::Outcome => begun.only.into_iter().collect(),
            };
            self.observe(&instances, &mut asked);
        }
        asked
    }

    /// Observes without a step, or after a step that did not end as planned.
    pub fn look(&mut self, main: Main, watch: Watch) -> Asked {
        let mut asked = Asked {
            requests: Vec::new(),
            main,
            states: Vec::new(),
            unchanged: false,
        };
        let instances = match watch {
            Watch::Everything => self.live_instances(),
            Watch::Outcome => Vec::new(),
        };
        self.observe(&instances, &mut asked);
        asked
    }

    fn begin(
        &mut self,
        step: &Step,
        before: &mut Vec<Request>,
        main: &mut Option<Request>,
    ) -> Result<Begun, Outcome> {
        match step {
            Step::Register { instance, name } => {
                self.placed(*instance)?;
                self.registered.insert(name.clone(), *instance);
                Err(Outcome::Returned(Vec::new()))
            }
            Step::Instantiate { module } => self.instantiate(*module, before, main),
            Step::Invoke {
                instance,
                export,
                args,
            } => {
                self.placed(*instance)?;
                let caught = self.ready(before);
                self.ensure_probe(*instance, before);
                let placed = self.placed(*instance)?;
                let planned = self.call(placed, export, args)?;
                let module = Arc::clone(&placed.module);
                *main = Some(Request::Invoke {
                    call: planned.call,
                    args: planned.args,
                    then: planned.then,
                    caught: caught.filter(|_| !planned.wrapped),
                });
                let main = if planned.wrapped {
                    Main::Wrapped(module, planned.results)
                } else {
                    Main::Called(module, planned.results)
                };
                Ok(Begun { main, only: None })
            }
            Step::Get { instance, global } => {
                let placed = self.placed(*instance)?;
                let exports = placed.module.exports.iter();
                let mut globals = exports.filter(|e| matches!(e.item, Item::Global(_)));
                let position = globals.position(|export| export.name == *global);
                let position = position.ok_or_else(|| misuse("no such exported global"))?;
                Ok(Begun {
                    main: Main::Global(*instance, position),
                    only: Some(*instance),
                })
            }
        }
    }

    fn placed(&self, index: InstanceIndex) -> Result<&Placed, Outcome> {
        self.instance(index)
            .ok_or_else(|| misuse("no such instance"))
    }

    /// Makes the probes that read an exception that ends a step. Returns the function to call then.
    fn ready(&mut self, before: &mut Vec<Request>) -> Option<Call> {
        let reader = self.ensure_reader(before);
        if !self.uses.exceptions {
            return None;
        }
        for index in self.live_instances() {
            let exports = self
                .instance(index)
                .map(|placed| placed.module.exports.as_slice());
            let tags = exports
                .unwrap_or_default()
                .iter()
                .any(|e| matches!(e.item, Item::Tag(_)));
            if tags {
                self.ensure_probe(index, before);
            }
        }
        Some(exported(reader, "thrown"))
    }

    fn instantiate(
        &mut self,
        index: ModuleIndex,
        before: &mut Vec<Request>,
        main: &mut Option<Request>,
    ) -> Result<Begun, Outcome> {
        let instance = InstanceIndex(self.instances.len() as u32);
        self.instances.push(None);
        let loaded = self.modules.get(index.0 as usize);
        let loaded = loaded.ok_or_else(|| misuse("no such module"))?;
        let (number, module) = (loaded.number, loaded.module.clone()?);
        let caught = if self.uses.exceptions {
            self.ready(before)
        } else {
            None
        };
        let linked = self.link(index, &module, before)?;
        let placed = self.next_instance();
        *main = Some(Request::Instantiate {
            module: number,
            instance: placed,
            imports: linked.imports,
            caught,
        });
        let mut tags = linked.tags;
        let imported = module.imported_tags;
        tags.extend((imported..module.tags.len() as u32).map(|index| TagKey { instance, index }));
        self.instances[instance.0 as usize] = Some(Placed {
            number: placed,
            module,
            module_index: index,
            tags,
            probe: None,
        });
        Ok(Begun {
            main: Main::Instantiated(instance),
            only: None,
        })
    }

    /// Adds the requests that observe these instances, and everything that was written before.
    fn observe(&mut self, instances: &[InstanceIndex], asked: &mut Asked) {
        let (mut calls, mut memories, mut made) = (Vec::new(), Vec::new(), Vec::new());
        for &index in instances {
            let Some(placed) = self.instance(index) else {
                continue;
            };
            let (shape, subject) = (Shape::of(index, placed), placed.number);
            memories.extend(shape.memories.iter().map(|name| exported(subject, name)));
            if shape.needs_probe()
                && let Some((probe, _)) = self.ensure_probe(index, &mut made)
            {
                calls.push(exported(probe, "state"));
            }
            asked.states.push(shape);
        }
        let wanted = !calls.is_empty() || !memories.is_empty();
        let reads = match &asked.main {
            Main::Called(_, results) => self.uses.exceptions || !results.is_empty(),
            Main::Instantiated(_) => self.uses.exceptions,
            Main::Wrapped(..) | Main::Global(..) => true,
            Main::Known(_) => false,
        };
        let reader = (wanted || reads).then(|| self.ensure_reader(&mut made));
        // From now on, everything that is planned counts as made. So it is made in any case.
        asked
            .requests
            .extend(made.into_iter().map(|request| (Part::Probe, request)));
        let Some(reader) = reader else {
            return;
        };
        let observe = Request::Observe {
            calls,
            length: exported(reader, "end"),
            memories,
        };
        asked.requests.push((Part::Observe, observe));
    }
}

fn misuse(what: &str) -> Outcome {
    Outcome::rejected(Why::Misuse, what)
}
