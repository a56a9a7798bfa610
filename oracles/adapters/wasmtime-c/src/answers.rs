//! Requests to answers.

use std::collections::VecDeque;
use std::ffi::CStr;
use std::path::Path;
use std::rc::Rc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use gcrucible_protocol::answer::Memory;
use gcrucible_protocol::serve::Adapter;
use gcrucible_protocol::{
    Answer, Call, Capabilities, CollectorKind, Counting, Ended, Hello, HostFunction, HostObjects,
    Import, Limits, Request, Source, Top, VERSION, Value,
};

use crate::host::callback;
use crate::library::{Library, LoadError, Opaque, PointerVec, slice_of};
use crate::session::{Compiled, Extern, Halt, HostEnv, Session, extern_kind};
use crate::value::{Values, kind, write};
use crate::{Options, words};

/// The adapter: one engine, and one session at a time.
pub struct WasmtimeC {
    library: Rc<Library>,
    engine: Opaque,
    /// Modules by their bytes in base64, the last one used last. Probes come again and again.
    compiled: VecDeque<(String, Rc<Compiled>)>,
    session: Option<Box<Session>>,
}

/// How many compiled modules are kept.
const KEPT: usize = 32;

impl WasmtimeC {
    /// Loads the library and makes an engine.
    ///
    /// # Errors
    ///
    /// The library cannot be used.
    pub fn new(path: &Path, options: Options) -> Result<WasmtimeC, LoadError> {
        let library = Rc::new(Library::open(path)?);
        let engine = engine(&library, options);
        Ok(WasmtimeC {
            library,
            engine,
            compiled: VecDeque::new(),
            session: None,
        })
    }

    fn open(
        &mut self,
        limits: Limits,
        schedule: &str,
        answers: Vec<u32>,
        traps: &str,
    ) -> Result<Ended, Ended> {
        self.session = None;
        let traps = self.compiled(traps)?;
        let library = Rc::clone(&self.library);
        let session = Session::open(library, self.engine, limits, schedule, answers, &traps)?;
        self.session = Some(session);
        Ok(Ended::Returned)
    }

    fn session(&self) -> Result<&Session, Ended> {
        self.session.as_deref().ok_or(Ended::Skipped)
    }

    fn compiled(&mut self, wasm: &str) -> Result<Rc<Compiled>, Ended> {
        let known = self.compiled.iter().position(|(bytes, _)| bytes == wasm);
        let (bytes, compiled) = match known.and_then(|at| self.compiled.remove(at)) {
            Some(kept) => kept,
            None => {
                let made = Compiled::new(&self.library, self.engine, &decoded(wasm)?)?;
                (wasm.to_owned(), Rc::new(made))
            }
        };
        if self.compiled.len() == KEPT {
            self.compiled.pop_front();
        }
        self.compiled.push_back((bytes, Rc::clone(&compiled)));
        Ok(compiled)
    }

    fn load(&mut self, module: u32, wasm: &str) -> Result<Ended, Ended> {
        self.session()?;
        let compiled = self.compiled(wasm)?;
        let session = self.session()?;
        session.modules.borrow_mut().insert(module, compiled);
        Ok(Ended::Returned)
    }

    fn instantiate(
        &self,
        module: u32,
        instance: u32,
        imports: &[Import],
        caught: Option<&Call>,
    ) -> Result<Ended, Ended> {
        let session = self.session()?;
        let compiled = session.modules.borrow().get(&module).cloned();
        let compiled = compiled.ok_or(Ended::Skipped)?;
        let linked = linked(session, compiled.module, instance, imports)?;
        match session.instantiate(compiled.module, &linked) {
            Ok(made) => {
                session.instances.borrow_mut().insert(instance, made);
                Ok(Ended::Returned)
            }
            Err(halt) => Err(thrown(session, halt, caught)),
        }
    }

    fn invoke(
        &self,
        call: &Call,
        args: &[Value],
        then: Option<&Call>,
        caught: Option<&Call>,
    ) -> Result<Ended, Ended> {
        let session = self.session()?;
        let func = exported(session, call).ok_or(Ended::Skipped)?;
        let mut given = session.values(0);
        for arg in args {
            given.push(argument(session, arg)?.get(0));
        }
        let ended = session.call(func, &given);
        session.free(given);
        session.free_pending();
        let results = ended.map_err(|halt| thrown(session, halt, caught))?;
        if let Some(then) = then.and_then(|then| exported(session, then)) {
            let ended = session.call(then, &results);
            session.free(results);
            session.free_pending();
            session.free(ended.map_err(|halt| session.ended(halt))?);
        } else {
            session.free(results);
        }
        Ok(Ended::Returned)
    }

    fn observe(&self, calls: &[Call], length: &Call, memories: &[Call]) -> Result<Answer, Ended> {
        let session = self.session()?;
        let length_func = exported(session, length).ok_or(Ended::Skipped)?;
        let nothing = session.values(0);
        let observers = calls.iter().map(|call| exported(session, call));
        let observers: Option<Vec<_>> = observers.collect();
        let observers = observers.ok_or(Ended::Skipped)?;
        for memory in memories {
            memory_bytes(session, memory)?;
        }
        for observer in observers {
            let ended = session.call(observer, &nothing);
            session.free_pending();
            session.free(ended.map_err(|halt| session.ended(halt))?);
        }
        let counted = session.call(length_func, &nothing);
        session.free_pending();
        let counted = counted.map_err(|halt| session.ended(halt))?;
        let count = (counted.get(0)[1] & 0xffff_ffff) as usize;
        let out = Call {
            instance: length.instance,
            export: "out".to_owned(),
        };
        let bytes = memory_bytes(session, &out)?;
        let bytes = bytes.get(..count).ok_or_else(|| Ended::Crashed {
            text: format!("{count} bytes are not in a memory of {}", bytes.len()),
        })?;
        let memories = memories
            .iter()
            .map(|memory| memory_bytes(session, memory).map(Memory::of));
        Ok(Answer::Bytes {
            bytes: BASE64.encode(bytes),
            memories: memories.collect::<Result<_, _>>()?,
        })
    }

    fn live(&self) -> Result<Answer, Ended> {
        let session = self.session()?;
        session.collect();
        let (created, alive) = session.hosts();
        Ok(Answer::Live(Counting {
            created,
            alive,
            collections: session.collections.get(),
        }))
    }

    fn hello(&self) -> Answer {
        let library = &self.library;
        let mut lacks = Vec::new();
        if library.varying.exceptions.is_none() {
            lacks.push("exceptions".to_owned());
        }
        Answer::Hello(Hello {
            protocol: VERSION,
            engine: "wasmtime-c".to_owned(),
            version: library.version.clone(),
            capabilities: Capabilities {
                lacks,
                host_objects: HostObjects::Exact,
                reclaims: reclaims(library, self.engine),
                schedules: true,
                canonical_nans: true,
                crosses_v128: true,
                crosses_exnref: library.varying.set_exception.is_some(),
                crosses_nan_bits: true,
                names_functions: false,
                host_allocates: false,
                keeps_failed_instances: true,
                keeps_sessions: 0,
            },
        })
    }
}

impl Adapter for WasmtimeC {
    fn answer(&mut self, request: Request) -> Answer {
        let ended = |ended: Result<Ended, Ended>| Answer::Ended(ended.unwrap_or_else(|end| end));
        match request {
            Request::Hello { .. } => self.hello(),
            Request::Open {
                limits,
                schedule,
                answers,
                traps,
            } => ended(self.open(limits, &schedule, answers, &traps)),
            Request::Load { module, wasm } => ended(self.load(module, &wasm)),
            Request::Instantiate {
                module,
                instance,
                imports,
                caught,
            } => ended(self.instantiate(module, instance, &imports, caught.as_ref())),
            Request::Invoke {
                call,
                args,
                then,
                caught,
            } => ended(self.invoke(&call, &args, then.as_ref(), caught.as_ref())),
            Request::Observe {
                calls,
                length,
                memories,
            } => (self.observe(&calls, &length, &memories)).unwrap_or_else(Answer::Ended),
            Request::Live => self.live().unwrap_or_else(Answer::Ended),
            Request::Close => {
                self.session = None;
                Answer::Ended(Ended::Returned)
            }
            // `serve` takes batches apart, and this adapter does not offer to keep sessions.
            Request::Batch { .. } | Request::Keep { .. } | Request::Count => {
                Answer::Ended(Ended::Unsupported {
                    feature: "batches in batches, and keeping sessions".to_owned(),
                })
            }
        }
    }
}

/// Code against speculative execution, which no program can observe, is a tenth of what is
/// compiled.
const QUICK_TO_COMPILE: [(&CStr, &CStr); 2] = [
    (c"enable_heap_access_spectre_mitigation", c"false"),
    (c"enable_table_access_spectre_mitigation", c"false"),
];

/// Makes an engine with every proposal on that this version has.
fn engine(library: &Library, options: Options) -> Opaque {
    let symbols = library.symbols;
    // SAFETY: W1.
    let config = unsafe { (symbols.wasm_config_new)() };
    let on = [
        symbols.wasmtime_config_wasm_gc_set,
        symbols.wasmtime_config_wasm_function_references_set,
        symbols.wasmtime_config_wasm_memory64_set,
        symbols.wasmtime_config_wasm_multi_memory_set,
        symbols.wasmtime_config_wasm_tail_call_set,
        symbols.wasmtime_config_wasm_relaxed_simd_deterministic_set,
        symbols.wasmtime_config_cranelift_nan_canonicalization_set,
    ];
    for set in on.into_iter().chain(library.varying.exceptions) {
        // SAFETY: W1; the configuration was made above.
        unsafe { set(config, true) };
    }
    // SAFETY: as above.
    unsafe { (symbols.wasmtime_config_parallel_compilation_set)(config, false) };
    // SAFETY: as above; 0 is no optimisation, 1 is speed.
    unsafe { (symbols.wasmtime_config_cranelift_opt_level_set)(config, u8::from(options.speed)) };
    let mut flags = QUICK_TO_COMPILE.to_vec();
    if options.single_pass && library.has_single_pass() {
        flags.push((c"regalloc_algorithm", c"single_pass"));
    }
    for (flag, value) in flags {
        // SAFETY: as above; the library copies both texts.
        unsafe {
            (symbols.wasmtime_config_cranelift_flag_set)(config, flag.as_ptr(), value.as_ptr());
        }
    }
    // SAFETY: the engine takes the configuration.
    unsafe { (symbols.wasm_engine_new_with_config)(config) }
}

fn decoded(text: &str) -> Result<Vec<u8>, Ended> {
    BASE64.decode(text).map_err(|cause| Ended::Crashed {
        text: format!("the request holds no base64: {cause}"),
    })
}

fn exported(session: &Session, call: &Call) -> Option<[u64; 2]> {
    let found = session.export_of(call.instance, &call.export)?;
    (found[0] & 0xff == extern_kind::FUNC).then_some([found[1], found[2]])
}

/// Returns how a call ended. Passes an exception to `caught` first.
fn thrown(session: &Session, halt: Halt, caught: Option<&Call>) -> Ended {
    let ended = session.ended(halt);
    if ended != Ended::Threw {
        return ended;
    }
    let exception = session.take_exception();
    let caught = caught.and_then(|caught| exported(session, caught));
    let (Some(exception), Some(caught)) = (exception, caught) else {
        return ended;
    };
    session.exception.replace(Some(exception));
    let seen = session.call(caught, &session.values(0));
    session.free_pending();
    if let Some(left) = session.exception.take() {
        session.free(left);
    }
    match seen {
        Ok(results) => {
            session.free(results);
            ended
        }
        Err(halt) => session.ended(halt),
    }
}

fn argument(session: &Session, value: &Value) -> Result<Values, Ended> {
    let bad = |text: &str| Ended::Crashed {
        text: format!("the request holds no number: {text}"),
    };
    Ok(match value {
        Value::I32(number) => session.plain(kind::I32, u64::from(*number as u32)),
        Value::I64(text) => {
            let number: i64 = text.parse().map_err(|_| bad(text))?;
            session.plain(kind::I64, number as u64)
        }
        Value::F32(bits) => session.plain(kind::F32, u64::from(*bits)),
        Value::F64(text) => session.plain(kind::F64, text.parse().map_err(|_| bad(text))?),
        Value::V128(text) => {
            let bits = u128::from_str_radix(text, 16).map_err(|_| bad(text))?;
            let mut values = session.values(1);
            write(
                values.get_mut(0),
                kind::V128,
                bits as u64,
                (bits >> 64) as u64,
            );
            values
        }
        Value::Null(top) => session.plain(
            match top {
                Top::Any => kind::ANYREF,
                Top::Extern => kind::EXTERNREF,
                Top::Func => kind::FUNCREF,
                Top::Exn => kind::EXNREF,
            },
            0,
        ),
        Value::I31(number) => {
            let mut values = session.plain(kind::ANYREF, 0);
            let out = values.get_mut(0)[1..].as_mut_ptr();
            let from_i31 = session.library.symbols.wasmtime_anyref_from_i31;
            // SAFETY: W1, W2, W3.
            unsafe { from_i31(session.context, *number as u32 & 0x7fff_ffff, out) };
            values
        }
        Value::Host(number) => session.new_host(*number),
    })
}

/// The imports of a module, in its order.
fn linked(
    session: &Session,
    module: Opaque,
    importer: u32,
    imports: &[Import],
) -> Result<Vec<Extern>, Ended> {
    let symbols = session.library.symbols;
    let mut wanted = PointerVec {
        size: 0,
        data: std::ptr::null_mut(),
    };
    // SAFETY: W1; the module belongs to this engine.
    unsafe { (symbols.wasmtime_module_imports)(module, &raw mut wanted) };
    let types = if wanted.size == 0 {
        &[]
    } else {
        // SAFETY: the library filled the vector.
        unsafe { std::slice::from_raw_parts(wanted.data, wanted.size) }
    };
    let linked = types
        .iter()
        .map(|&import| link(session, import, importer, imports));
    let linked = linked.collect();
    // SAFETY: it is not used again.
    unsafe { (symbols.wasm_importtype_vec_delete)(&raw mut wanted) };
    linked
}

fn link(
    session: &Session,
    import: Opaque,
    importer: u32,
    imports: &[Import],
) -> Result<Extern, Ended> {
    let symbols = session.library.symbols;
    let name = |get: unsafe extern "C" fn(Opaque) -> *const crate::library::ByteVec| {
        // SAFETY: W1; the import type lives as long as the vector it is in.
        let bytes = unsafe { get(import) };
        // SAFETY: the name belongs to the import type.
        let bytes = unsafe { &*bytes };
        // SAFETY: the library filled the vector.
        let bytes = unsafe { slice_of(bytes) };
        String::from_utf8_lossy(bytes).into_owned()
    };
    let (from, called) = (
        name(symbols.wasm_importtype_module),
        name(symbols.wasm_importtype_name),
    );
    let missing = || {
        words::failed(format!(
            "unknown import: `{from}::{called}` has not been defined"
        ))
    };
    let found = imports
        .iter()
        .find(|import| import.module == from && import.name == called);
    match &found.ok_or_else(missing)?.from {
        Source::Export(call) => {
            let is_there = session.instances.borrow().contains_key(&call.instance);
            if !is_there {
                return Err(Ended::Skipped);
            }
            session
                .export_of(call.instance, &call.export)
                .ok_or_else(missing)
        }
        Source::Host(function) => {
            // SAFETY: as above.
            let ty = unsafe { (symbols.wasm_importtype_type)(import) };
            // SAFETY: as above.
            let ty = unsafe { (symbols.wasm_externtype_as_functype_const)(ty) };
            if ty.is_null() {
                return Err(words::failed(format!(
                    "incompatible import type for `{from}::{called}`: the host offers a function"
                )));
            }
            host_func(session, ty, importer, function.clone())
        }
    }
}

fn host_func(
    session: &Session,
    ty: Opaque,
    importer: u32,
    function: HostFunction,
) -> Result<Extern, Ended> {
    if matches!(function, HostFunction::StructNew | HostFunction::ArrayNew) {
        return Err(Ended::Unsupported {
            feature: "allocation by the host".to_owned(),
        });
    }
    let env = Rc::new(HostEnv {
        session: std::ptr::from_ref(session),
        importer,
        function,
    });
    let address = Rc::as_ptr(&env).cast_mut().cast();
    session.environments.borrow_mut().push(env);
    let mut func = [0; 2];
    // SAFETY: W1, W2; the environment stays at its address as long as the session.
    unsafe {
        (session.library.symbols.wasmtime_func_new)(
            session.context,
            ty,
            callback,
            address,
            None,
            &raw mut func,
        );
    }
    Ok([extern_kind::FUNC, func[0], func[1], 0])
}

fn memory_bytes<'a>(session: &'a Session, call: &Call) -> Result<&'a [u8], Ended> {
    let found = session.export_of(call.instance, &call.export);
    let found = found.filter(|found| found[0] & 0xff == extern_kind::MEMORY);
    let memory = found.ok_or(Ended::Skipped)?;
    let symbols = session.library.symbols;
    let address = memory[1..].as_ptr();
    // SAFETY: W1, W2.
    let size = unsafe { (symbols.wasmtime_memory_data_size)(session.context, address) };
    if size == 0 {
        return Ok(&[]);
    }
    // SAFETY: W1, W2.
    let data = unsafe { (symbols.wasmtime_memory_data)(session.context, address) };
    // SAFETY: the library keeps `size` bytes there until the store is used again.
    Ok(unsafe { std::slice::from_raw_parts(data, size) })
}

/// A module that makes a structure and a cycle of one structure, each with a host object, and keeps
/// neither:
///
/// ```wat
/// (module
///   (type $s (struct (field (mut (ref null $s))) (field externref)))
///   (import "h" "extern" (func $e (param i32) (result externref)))
///   (func (export "one") (drop (struct.new $s (ref.null $s) (call $e (i32.const 0)))))
///   (func (export "cycle") (local $x (ref null $s))
///     (local.set $x (struct.new $s (ref.null $s) (call $e (i32.const 1))))
///     (struct.set $s 0 (local.get $x) (local.get $x))))
/// ```
const GARBAGE: &[u8] = b"\0asm\x01\0\0\0\x01\x10\x03_\x02c\0\x01o\0`\x01\x7f\x01o`\0\0\
\x02\x0c\x01\x01h\x06extern\0\x01\x03\x03\x02\x02\x02\x07\x0f\x02\x03one\0\x01\x05cycle\0\x02\
\x0a'\x02\x0c\0\xd0\0A\0\x10\0\xfb\0\0\x1a\x0b\x18\x01\x01c\0\xd0\0A\x01\x10\0\xfb\0\0!\0 \0 \0\xfb\x05\0\0\x0b";

/// `(module (func (export "trap") (param i32) unreachable))`
const TRAP: &[u8] =
    b"\0asm\x01\0\0\0\x01\x05\x01`\x01\x7f\0\x03\x02\x01\0\x07\x08\x01\x04trap\0\0\x0a\x05\x01\x03\0\0\x0b";

/// Finds out by trying what this version's default collector frees, because no function of the C
/// interface says it.
fn reclaims(library: &Rc<Library>, engine: Opaque) -> CollectorKind {
    tried(library, engine).unwrap_or(CollectorKind::Nothing)
}

fn tried(library: &Rc<Library>, engine: Opaque) -> Result<CollectorKind, Ended> {
    let limits = Limits {
        heap_bytes: 1 << 20,
        memory_bytes: 0,
        table_elements: 0,
        milliseconds: 0,
    };
    let traps = Compiled::new(library, engine, TRAP)?;
    let open = Session::open(
        Rc::clone(library),
        engine,
        limits,
        "pressure",
        Vec::new(),
        &traps,
    );
    let session = open?;
    let garbage = Compiled::new(library, engine, GARBAGE)?;
    let import = Import {
        module: "h".to_owned(),
        name: "extern".to_owned(),
        from: Source::Host(HostFunction::Extern),
    };
    let linked = linked(&session, garbage.module, 0, &[import])?;
    let made = session
        .instantiate(garbage.module, &linked)
        .map_err(|halt| session.ended(halt))?;
    session.instances.borrow_mut().insert(0, made);
    let alive_after = |name: &str| -> Result<u64, Ended> {
        let call = Call {
            instance: 0,
            export: name.to_owned(),
        };
        let func = exported(&session, &call).ok_or(Ended::Skipped)?;
        let ended = session.call(func, &session.values(0));
        session.free_pending();
        session.free(ended.map_err(|halt| session.ended(halt))?);
        session.collect();
        Ok(session.hosts().1)
    };
    if alive_after("one")? > 0 {
        return Ok(CollectorKind::Nothing);
    }
    Ok(if alive_after("cycle")? > 0 {
        CollectorKind::Acyclic
    } else {
        CollectorKind::Everything
    })
}
