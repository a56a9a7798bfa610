//! Requests to answers, and what happens when Wasmtime panics.

use std::collections::VecDeque;
use std::panic::{self, AssertUnwindSafe};
use std::sync::{Mutex, PoisonError};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use gcrucible_protocol::serve::Adapter;
use gcrucible_protocol::{
    Answer, Capabilities, Ended, Hello, HostObjects, Limits, Request, VERSION,
};
use gcrucible_wasmtime_c::words;
use wasmtime::{Engine, Module};

use crate::config::{NoEngine, Options};
use crate::session::Session;
use crate::store;
use crate::version;

/// The adapter: one engine, and one session at a time.
pub struct Wasmtime {
    options: Options,
    engine: Engine,
    /// Compiled modules by their bytes: probes come again and again.
    compiled: VecDeque<(String, Module)>,
    session: Option<Session>,
}

/// Where and why the last panic was.
static PANIC: Mutex<String> = Mutex::new(String::new());

fn last_panic() -> std::sync::MutexGuard<'static, String> {
    PANIC.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Wasmtime {
    /// An adapter for an engine of this configuration.
    ///
    /// # Errors
    ///
    /// There is no such engine.
    pub fn new(options: Options) -> Result<Wasmtime, NoEngine> {
        let engine = options.engine()?;
        // The words of the last panic are part of an answer, those of an abort are read from
        // standard error. The message comes first: it is the same on every machine.
        panic::set_hook(Box::new(|info| {
            let message = info.payload_as_str().unwrap_or("without a message");
            let mut text = format!("panicked: {}", message.replace('\n', " "));
            if let Some(place) = info.location() {
                text += &format!(", at {}:{}", place.file(), place.line());
            }
            eprintln!("{text}");
            *last_panic() = text;
        }));
        Ok(Wasmtime {
            options,
            engine,
            compiled: VecDeque::new(),
            session: None,
        })
    }

    fn hello(&self) -> Answer {
        let lacks = version::exceptions::LACKS.iter();
        Answer::Hello(Hello {
            protocol: VERSION,
            engine: "wasmtime".to_owned(),
            version: version::VERSION.to_owned(),
            capabilities: Capabilities {
                lacks: lacks.map(|&name| name.to_owned()).collect(),
                host_objects: HostObjects::Exact,
                reclaims: self.options.reclaims(),
                schedules: true,
                canonical_nans: true,
                crosses_v128: true,
                crosses_exnref: version::exceptions::LACKS.is_empty(),
                crosses_nan_bits: true,
                names_functions: false,
                host_allocates: true,
                keeps_failed_instances: true,
                keeps_sessions: 0,
            },
        })
    }

    fn open(&mut self, limits: Limits, schedule: &str, answers: Vec<u32>) -> Result<(), Ended> {
        self.close()?;
        let opened = store::open(&self.engine, &self.options, limits, schedule, answers);
        let store = opened.map_err(|error| words::failed(format!("{error:#}")))?;
        self.session = Some(Session::new(store));
        Ok(())
    }

    fn close(&mut self) -> Result<(), Ended> {
        self.session.take().map_or(Ok(()), Session::close)
    }

    fn session(&mut self) -> Result<&mut Session, Ended> {
        self.session.as_mut().ok_or(Ended::Skipped)
    }

    fn module(&mut self, wasm: String) -> Result<Module, Ended> {
        const KEPT: usize = 32;
        if let Some(at) = self.compiled.iter().position(|(bytes, _)| *bytes == wasm) {
            // The one that was used last is first, so that probes stay.
            let found = self.compiled.remove(at);
            self.compiled.extend(found);
            let found = self.compiled.back();
            return found
                .map(|(_, module)| module.clone())
                .ok_or(Ended::Skipped);
        }
        let bytes = BASE64.decode(&wasm).map_err(|cause| Ended::Crashed {
            text: format!("the request holds no base64: {cause}"),
        })?;
        let module = Module::new(&self.engine, &bytes);
        let module = module.map_err(|error| words::refused(format!("{error:#}")))?;
        if self.compiled.len() == KEPT {
            self.compiled.pop_front();
        }
        self.compiled.push_back((wasm, module.clone()));
        Ok(module)
    }

    fn take(&mut self, request: Request) -> Result<Answer, Ended> {
        match request {
            Request::Hello { .. } => return Ok(self.hello()),
            Request::Open {
                limits,
                schedule,
                answers,
                ..
            } => self.open(limits, &schedule, answers)?,
            Request::Load { module, wasm } => {
                let made = self.module(wasm)?;
                self.session()?.load(module, made);
            }
            Request::Instantiate {
                module,
                instance,
                imports,
                caught,
            } => {
                let session = self.session()?;
                session.instantiate(module, instance, &imports, caught.as_ref())?;
            }
            Request::Invoke {
                call,
                args,
                then,
                caught,
            } => {
                let session = self.session()?;
                session.invoke(&call, &args, then.as_ref(), caught.as_ref())?;
            }
            Request::Observe {
                calls,
                length,
                memories,
            } => return self.session()?.observe(&calls, &length, &memories),
            Request::Live => return self.session()?.live().map(Answer::Live),
            Request::Close => self.close()?,
            // `serve` takes batches apart, and this adapter does not offer to keep sessions.
            Request::Batch { .. } | Request::Keep { .. } | Request::Count => {
                return Err(Ended::Unsupported {
                    feature: "batches in batches, and keeping sessions".to_owned(),
                });
            }
        }
        Ok(Answer::Ended(Ended::Returned))
    }
}

impl Adapter for Wasmtime {
    fn answer(&mut self, request: Request) -> Answer {
        match panic::catch_unwind(AssertUnwindSafe(|| self.take(request))) {
            Ok(answer) => answer.unwrap_or_else(Answer::Ended),
            Err(_) => {
                // Dropping a store in which Wasmtime panicked may abort.
                std::mem::forget(self.session.take());
                let text = last_panic().clone();
                Answer::Ended(Ended::Crashed { text })
            }
        }
    }
}
