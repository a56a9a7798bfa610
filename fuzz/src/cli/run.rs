//! `gcrucible run`: runs one module on one engine and shows what happens.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::mpsc::RecvTimeoutError;
use std::time::Duration;

use clap::Args;
use gcrucible_oracles::case::{InstanceIndex, Limits, ModuleIndex, Step};
use gcrucible_oracles::engine::{Session, Setup, Watch};
use gcrucible_oracles::leak::{Live, LiveKind};
use gcrucible_oracles::observe::{Node, Observation};
use gcrucible_oracles::outcome::{Outcome, Rejection, Why};
use gcrucible_oracles::schedule::Schedule;
use gcrucible_oracles::value::{HeapTop, Ref, Target, Value};
use wasmparser::{
    AbstractHeapType, CompositeInnerType, ExternalKind, HeapType, KnownCustom, Name, Parser,
    Payload, RefType, TypeRef, ValType,
};
use wast::core::WastArgCore;
use wast::parser::{self, ParseBuffer};

use super::engines::{Choice, followed};
use super::failure::{Ending, Failure};
use super::input::read_module;
use super::terminal::say;
use super::watched::started_apart;

/// Arguments of `run`.
#[derive(Clone, Debug, Args)]
pub struct Options {
    /// A module in text or binary form. It may import from `spectest` and `harness`.
    pub file: PathBuf,
    /// Call this export.
    #[arg(long, value_name = "NAME")]
    pub invoke: Option<String>,
    /// Its arguments: numbers of the parameters' types, as the text format writes them. For
    /// references `null`, `i31:N`, or `host:N` for a host object.
    #[arg(requires = "invoke", allow_negative_numbers = true)]
    pub args: Vec<String>,
    /// The engine.
    #[command(flatten)]
    pub choice: Choice,
    /// When to collect: pressure, every, every:N or at:A,B,C.
    #[arg(long, value_name = "S", default_value = "pressure")]
    pub schedule: Schedule,
    /// Show the live objects at the end, after a full collection.
    #[arg(long)]
    pub census: bool,
    /// Stop after this many seconds.
    #[arg(long, value_name = "SECS", value_parser = clap::value_parser!(u64).range(1..))]
    pub timeout: Option<u64>,
    /// Execute at most this much: steps of the reference, or fuel of the runtime, which then
    /// compiles code that consumes it.
    #[arg(long, value_name = "N")]
    pub fuel: Option<u64>,
    /// Let the heap of garbage-collected objects have at most this many bytes. The reference never
    /// frees objects, so it has four times as many, and at least 64 MiB.
    #[arg(long, value_name = "BYTES")]
    pub max_heap: Option<u64>,
    /// Nest at most this many calls. The runtime has at most 6 MiB of stack for them, which ends
    /// them earlier if there are very many or if their frames are large.
    #[arg(long, value_name = "N")]
    pub max_depth: Option<u32>,
}

/// Runs the subcommand.
///
/// # Errors
///
/// A file that cannot be read, a file that is no module, an export that does not exist, or
/// arguments that do not fit.
pub fn run(options: &Options) -> Result<Ending, Failure> {
    let wasm = read_module(&options.file)?;
    let Some(seconds) = options.timeout else {
        return on_engine(options, &wasm);
    };
    let inner = options.clone();
    let started = started_apart(move || on_engine(&inner, &wasm));
    let receive = started.map_err(|error| Failure::System {
        what: "starting a thread",
        error,
    })?;
    match receive.recv_timeout(Duration::from_secs(seconds)) {
        Ok(ending) => ending,
        // A thread cannot be ended from outside. It ends with the process.
        Err(RecvTimeoutError::Timeout) => {
            say!("no end within {seconds} s");
            Ok(Ending::Found)
        }
        Err(RecvTimeoutError::Disconnected) => {
            Err(Failure::Engine("the harness panicked".to_owned()))
        }
    }
}

/// The limits that the command line sets.
fn limits(options: &Options) -> Limits {
    let base = Limits::SCRIPT;
    Limits {
        fuel: options.fuel.unwrap_or(base.fuel),
        heap_bytes: options.max_heap.unwrap_or(base.heap_bytes),
        call_depth: options.max_depth.unwrap_or(base.call_depth),
        ..base
    }
}

fn on_engine(options: &Options, wasm: &[u8]) -> Result<Ending, Failure> {
    let content = |message| Failure::Content {
        path: options.file.display().to_string(),
        message,
    };
    let engine = options.choice.metered(options.fuel.is_some()).open()?;
    let setup = Setup {
        schedule: followed(&options.schedule, engine.as_ref())?,
        limits: limits(options),
        answers: Vec::new(),
    };
    let mut session = engine
        .open(&setup)
        .map_err(|why| Failure::Engine(format!("{}: {why}", engine.name())))?;
    match session.load(wasm) {
        Outcome::Returned(_) => {}
        other => return Err(content(other.to_string())),
    }
    let mut steps = vec![Step::Instantiate {
        module: ModuleIndex(0),
    }];
    if let Some(export) = &options.invoke {
        let params = Params::of(wasm, export).map_err(content)?;
        let args = params.arguments(export, &options.args);
        let args = args.map_err(Failure::Usage)?;
        steps.push(Step::Invoke {
            instance: InstanceIndex(0),
            export: export.clone(),
            args,
        });
    }
    let mut ending = Ending::Clean;
    for step in &steps {
        let seen = session.step(step, Watch::Outcome);
        if let Outcome::Rejected(Rejection {
            why: Why::Misuse, ..
        }) = &seen.outcome
        {
            return Err(Failure::Usage(format!("{step}: {}", seen.outcome)));
        }
        if !matches!(seen.outcome, Outcome::Returned(_)) {
            say!("{step}: {}", ended(&seen));
            if let Some(frames) = session.backtrace() {
                say!("{}", frames.trim_end());
            }
            ending = Ending::Found;
            break;
        }
        if matches!(step, Step::Invoke { .. }) {
            say!("{}", seen.outcome);
        }
    }
    if options.census && census(session.as_mut(), &type_names(wasm)) == Ending::Found {
        ending = Ending::Found;
    }
    Ok(ending)
}

/// How a step ended. An exception is shown with its tag and arguments.
fn ended(seen: &Observation) -> String {
    let Outcome::Threw(exception) = &seen.outcome else {
        return seen.outcome.to_string();
    };
    let node = match exception.to {
        Target::Node(node) => seen.graph.get(node),
        _ => None,
    };
    let Some(Node::Exception { tag, arguments }) = node else {
        return seen.outcome.to_string();
    };
    let tag = tag.map_or_else(|| "an unknown tag".to_owned(), |tag| tag.to_string());
    let arguments: Vec<String> = arguments.iter().map(Value::to_string).collect();
    format!("uncaught exception: {tag} ({})", arguments.join(", "))
}

/// The names that a module gives its types, by index.
fn type_names(wasm: &[u8]) -> BTreeMap<u32, String> {
    let mut names = BTreeMap::new();
    for payload in Parser::new(0).parse_all(wasm) {
        // The engine has accepted the module. A custom section may still be malformed.
        let Ok(Payload::CustomSection(section)) = payload else {
            continue;
        };
        let KnownCustom::Name(subsections) = section.as_known() else {
            continue;
        };
        for subsection in subsections.into_iter().flatten() {
            if let Name::Type(map) = subsection {
                let named = map.into_iter().flatten();
                names.extend(named.map(|naming| (naming.index, naming.name.to_owned())));
            }
        }
    }
    names
}

/// A kind of object. Its type has the name that the module gives it.
fn kind_name(kind: LiveKind, names: &BTreeMap<u32, String>) -> String {
    let (LiveKind::Struct(ty) | LiveKind::Array(ty)) = kind else {
        return kind.to_string();
    };
    match names.get(&ty.index) {
        Some(name) => format!("{kind}, ${name}"),
        None => kind.to_string(),
    }
}

/// Shows the live objects. A heap that its own checks refuse is a finding.
fn census(session: &mut dyn Session, names: &BTreeMap<u32, String>) -> Ending {
    let totals = session.totals();
    say!(
        "collections {}, collection points {}",
        totals.collections,
        totals.points
    );
    match session.live() {
        Ok(Live {
            reachable,
            retained,
            ..
        }) => {
            for (name, census) in [
                ("reachable", reachable),
                ("alive without reclaiming cycles", retained),
            ] {
                let Some(census) = census else { continue };
                say!("{name}: {} objects", census.total());
                for (kind, count) in census.iter() {
                    say!("  {count:>8} {}", kind_name(kind, names));
                }
            }
            Ending::Clean
        }
        Err(what) => {
            say!("the heap is broken: {what}");
            Ending::Found
        }
    }
}

/// Parameter types of an exported function, in the module's own index space.
struct Params {
    types: Vec<CompositeInnerType>,
    of: Vec<ValType>,
}

impl Params {
    fn of(wasm: &[u8], export: &str) -> Result<Params, String> {
        let (mut types, mut funcs, mut found) = (Vec::new(), Vec::new(), None);
        // The engine has accepted the module, so only a limit of the parser can be an obstacle.
        let error = |e: wasmparser::BinaryReaderError| format!("over a limit of `run`: {e}");
        for payload in Parser::new(0).parse_all(wasm) {
            match payload.map_err(error)? {
                Payload::TypeSection(section) => {
                    for group in section {
                        let group = group.map_err(error)?.into_types();
                        types.extend(group.map(|ty| ty.composite_type.inner));
                    }
                }
                Payload::ImportSection(section) => {
                    for import in section.into_imports() {
                        let ty = import.map_err(error)?.ty;
                        if let TypeRef::Func(ty) | TypeRef::FuncExact(ty) = ty {
                            funcs.push(ty);
                        }
                    }
                }
                Payload::FunctionSection(section) => {
                    for ty in section {
                        funcs.push(ty.map_err(error)?);
                    }
                }
                Payload::ExportSection(section) => {
                    for item in section {
                        let item = item.map_err(error)?;
                        if item.name == export && item.kind == ExternalKind::Func {
                            found = Some(item.index);
                        }
                    }
                }
                _ => {}
            }
        }
        let index = found.ok_or_else(|| format!("no function is exported as {export:?}"))?;
        let ty = funcs
            .get(index as usize)
            .and_then(|ty| types.get(*ty as usize));
        let Some(CompositeInnerType::Func(ty)) = ty else {
            return Err(format!("the type of {export:?} cannot be found"));
        };
        let of = ty.params().to_vec();
        Ok(Params { types, of })
    }

    fn arguments(&self, export: &str, texts: &[String]) -> Result<Vec<Value>, String> {
        if self.of.len() != texts.len() {
            return Err(format!(
                "{export:?} takes {} arguments, {} were given",
                self.of.len(),
                texts.len()
            ));
        }
        let params = self.of.iter().zip(texts);
        params
            .map(|(&ty, text)| {
                let value = self.argument(ty, text);
                value.ok_or_else(|| format!("{text:?} is no {ty}: expected {}", forms(ty)))
            })
            .collect()
    }

    /// Parses a number of that type as the text format writes it, a vector as 0x..., or a
    /// reference.
    fn argument(&self, ty: ValType, text: &str) -> Option<Value> {
        match ty {
            ValType::V128 => text
                .strip_prefix("0x")
                .and_then(|d| u128::from_str_radix(d, 16).ok())
                .map(Value::V128),
            ValType::Ref(ty) => self.reference(ty, text).map(Value::Ref),
            number => constant(&format!("{number}.const {text}")),
        }
    }

    /// Parses `null`, `i31:N`, or `host:N`, a host object that carries a number.
    fn reference(&self, ty: RefType, text: &str) -> Option<Ref> {
        let top = self.top(ty.heap_type());
        let takes = Takes::of(ty);
        let to = match text.split_once(':') {
            None if text == "null" && takes.null => Target::Null,
            Some(("i31", number)) if takes.i31 => {
                let number: i64 = number.parse().ok()?;
                let fits = (-(1 << 30)..1 << 31).contains(&number);
                fits.then_some(Target::I31(number as u32 & 0x7fff_ffff))?
            }
            Some(("host", number)) if takes.host => Target::Host(number.parse().ok()?),
            _ => return None,
        };
        Some(Ref { top, to })
    }

    /// Returns the top of a heap type's hierarchy.
    fn top(&self, heap: HeapType) -> HeapTop {
        match heap {
            HeapType::Abstract { ty, .. } => match ty {
                AbstractHeapType::Func | AbstractHeapType::NoFunc => HeapTop::Func,
                AbstractHeapType::Extern | AbstractHeapType::NoExtern => HeapTop::Extern,
                AbstractHeapType::Exn | AbstractHeapType::NoExn => HeapTop::Exn,
                _ => HeapTop::Any,
            },
            HeapType::Concrete(index) | HeapType::Exact(index) => {
                let index = index.as_module_index();
                let ty = index.and_then(|index| self.types.get(index as usize));
                match ty {
                    Some(CompositeInnerType::Func(_)) => HeapTop::Func,
                    _ => HeapTop::Any,
                }
            }
        }
    }
}

/// Which references can be given as arguments of a type.
#[derive(Clone, Copy)]
struct Takes {
    null: bool,
    i31: bool,
    host: bool,
}

impl Takes {
    fn of(ty: RefType) -> Takes {
        let HeapType::Abstract { ty: heap, .. } = ty.heap_type() else {
            return Takes {
                null: ty.is_nullable(),
                i31: false,
                host: false,
            };
        };
        let host = matches!(heap, AbstractHeapType::Any | AbstractHeapType::Extern);
        Takes {
            null: ty.is_nullable(),
            i31: host || matches!(heap, AbstractHeapType::Eq | AbstractHeapType::I31),
            host,
        }
    }
}

/// Returns in words how an argument of a type is written.
fn forms(ty: ValType) -> String {
    let ty = match ty {
        ValType::V128 => return "0x and at most 32 hexadecimal digits".to_owned(),
        ValType::Ref(ty) => ty,
        _ => return "a number of this type as the text format writes it".to_owned(),
    };
    let Takes { null, i31, host } = Takes::of(ty);
    let all = [
        (null, "null"),
        (i31, "i31:N of 31 bits"),
        (host, "host:N of 32 bits"),
    ];
    let taken: Vec<&str> = all
        .iter()
        .filter_map(|&(is_taken, form)| is_taken.then_some(form))
        .collect();
    match taken.as_slice() {
        [] => "a reference that only a module can make".to_owned(),
        taken => taken.join(" or "),
    }
}

/// Parses an instruction `t.const`.
fn constant(text: &str) -> Option<Value> {
    let buffer = ParseBuffer::new(text).ok()?;
    Some(match parser::parse::<WastArgCore<'_>>(&buffer).ok()? {
        WastArgCore::I32(n) => Value::I32(n),
        WastArgCore::I64(n) => Value::I64(n),
        WastArgCore::F32(x) => Value::F32(x.bits),
        WastArgCore::F64(x) => Value::F64(x.bits),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments_fit_their_type_or_are_refused() {
        let text = "(module (type $f (func)) (type $s (struct))
            (func (export \"f\") (param i32 i64 f64 externref anyref funcref
              (ref null $f) (ref $s) (ref any) v128 i31ref nullexternref)))";
        let buffer = ParseBuffer::new(text).unwrap();
        let mut module: wast::Wat<'_> = parser::parse(&buffer).unwrap();
        let params = Params::of(&module.encode().unwrap(), "f").unwrap();
        let ok = |at: usize, text: &str, value: Value| {
            assert_eq!(params.argument(params.of[at], text), Some(value), "{text}");
        };
        ok(0, "-1", Value::I32(-1));
        ok(0, "4294967295", Value::I32(-1));
        ok(1, "0x10", Value::I64(16));
        ok(3, "null", Value::Ref(Ref::null(HeapTop::Extern)));
        ok(3, "host:3", Value::Ref(Ref::host(3)));
        ok(4, "i31:-1", Value::Ref(Ref::i31(0x7fff_ffff)));
        ok(4, "i31:2147483647", Value::Ref(Ref::i31(0x7fff_ffff)));
        ok(6, "null", Value::Ref(Ref::null(HeapTop::Func)));
        ok(9, "0xff", Value::V128(255));
        let number = "a number of this type as the text format writes it";
        let any = "null or i31:N of 31 bits or host:N of 32 bits";
        let made = "a reference that only a module can make";
        for (at, text, expected) in [
            (0, "4294967296", number),
            (2, "x", number),
            (3, "7", any),
            (4, "i31:2147483648", any),
            (4, "host:4294967296", any),
            (5, "host:3", "null"),
            (7, "null", made),
            (7, "i31:5", made),
            (8, "null", "i31:N of 31 bits or host:N of 32 bits"),
            (9, "255", "0x and at most 32 hexadecimal digits"),
            (10, "host:1", "null or i31:N of 31 bits"),
            (11, "i31:5", "null"),
        ] {
            let ty = params.of[at];
            assert_eq!(params.argument(ty, text), None, "{text}");
            assert_eq!(forms(ty), expected, "{text}");
        }
    }
}
