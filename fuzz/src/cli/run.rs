//! `gcrucible run`: runs one module on one engine and shows what happens.

use std::path::PathBuf;

use clap::Args;
use gcrucible_oracles::case::{InstanceIndex, Limits, ModuleIndex, Step};
use gcrucible_oracles::engine::{Session, Setup, Watch};
use gcrucible_oracles::leak::Live;
use gcrucible_oracles::outcome::Outcome;
use gcrucible_oracles::schedule::Schedule;
use gcrucible_oracles::value::{HeapTop, Ref, Value};
use wasmparser::{
    AbstractHeapType, CompositeInnerType, ExternalKind, HeapType, Parser, Payload, TypeRef, ValType,
};

use super::engines::Choice;
use super::failure::{Ending, Failure};
use super::input::read_module;
use super::terminal::say;

/// Arguments of `run`.
#[derive(Clone, Debug, Args)]
pub struct Options {
    /// A module in text or binary form. It may import from `spectest` and `harness`.
    pub file: PathBuf,
    /// Call this export.
    #[arg(long, value_name = "NAME")]
    pub invoke: Option<String>,
    /// Its arguments: numbers of the parameters' types, `null` for references.
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
}

/// Runs the subcommand.
///
/// # Errors
///
/// A file that cannot be read, a file that is no module, an export that does not exist, or
/// arguments that do not fit.
pub fn run(options: &Options) -> Result<Ending, Failure> {
    let wasm = read_module(&options.file)?;
    let content = |message| Failure::Content {
        path: options.file.display().to_string(),
        message,
    };
    let engine = options.choice.open()?;
    let setup = Setup {
        schedule: options.schedule.clone(),
        limits: Limits::SCRIPT,
        answers: Vec::new(),
    };
    let mut session = engine
        .open(&setup)
        .map_err(|why| Failure::Engine(format!("{}: {why}", engine.name())))?;
    match session.load(&wasm) {
        Outcome::Returned(_) => {}
        other => return Err(content(other.to_string())),
    }
    let mut steps = vec![Step::Instantiate {
        module: ModuleIndex(0),
    }];
    if let Some(export) = &options.invoke {
        let params = params(&wasm, export).map_err(content)?;
        let args = arguments(export, &params, &options.args).map_err(Failure::Usage)?;
        steps.push(Step::Invoke {
            instance: InstanceIndex(0),
            export: export.clone(),
            args,
        });
    }
    let mut ending = Ending::Clean;
    for step in &steps {
        let seen = session.step(step, Watch::Outcome);
        if !matches!(seen.outcome, Outcome::Returned(_)) {
            say!("{step}: {}", seen.outcome);
            ending = Ending::Found;
            break;
        }
        if matches!(step, Step::Invoke { .. }) {
            say!("{}", seen.outcome);
        }
    }
    if options.census && census(session.as_mut()) == Ending::Found {
        ending = Ending::Found;
    }
    Ok(ending)
}

/// Shows the live objects. A heap that its own checks refuse is a finding.
fn census(session: &mut dyn Session) -> Ending {
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
                    say!("  {count:>8} {kind}");
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
fn params(wasm: &[u8], export: &str) -> Result<Vec<ValType>, String> {
    let (mut types, mut funcs, mut found) = (Vec::new(), Vec::new(), None);
    let error = |e: wasmparser::BinaryReaderError| e.to_string();
    for payload in Parser::new(0).parse_all(wasm) {
        match payload.map_err(error)? {
            Payload::TypeSection(section) => {
                for group in section {
                    for ty in group.map_err(error)?.into_types() {
                        types.push(match ty.composite_type.inner {
                            CompositeInnerType::Func(f) => Some(f.params().to_vec()),
                            _ => None,
                        });
                    }
                }
            }
            Payload::ImportSection(section) => {
                for import in section.into_imports() {
                    if let TypeRef::Func(ty) | TypeRef::FuncExact(ty) = import.map_err(error)?.ty {
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
        .and_then(|ty| types.get(*ty as usize))
        .cloned()
        .flatten();
    ty.ok_or_else(|| format!("the type of {export:?} cannot be found"))
}

fn arguments(export: &str, params: &[ValType], texts: &[String]) -> Result<Vec<Value>, String> {
    if params.len() != texts.len() {
        return Err(format!(
            "{export:?} takes {} arguments, {} were given",
            params.len(),
            texts.len()
        ));
    }
    params
        .iter()
        .zip(texts)
        .map(|(ty, text)| argument(*ty, text).ok_or_else(|| format!("{text:?} is no {ty}")))
        .collect()
}

/// Parses a number of that type, signed or unsigned, in decimal or as 0x..., or `null` of a
/// reference type.
fn argument(ty: ValType, text: &str) -> Option<Value> {
    let integer = || match text.strip_prefix("0x") {
        Some(digits) => i128::from_str_radix(digits, 16).ok(),
        None => text.parse::<i128>().ok(),
    };
    match ty {
        ValType::I32 => {
            let n = integer()?;
            (i128::from(i32::MIN)..=i128::from(u32::MAX))
                .contains(&n)
                .then_some(Value::I32(n as i32))
        }
        ValType::I64 => {
            let n = integer()?;
            (i128::from(i64::MIN)..=i128::from(u64::MAX))
                .contains(&n)
                .then_some(Value::I64(n as i64))
        }
        ValType::F32 => text.parse::<f32>().ok().map(|x| Value::F32(x.to_bits())),
        ValType::F64 => text.parse::<f64>().ok().map(|x| Value::F64(x.to_bits())),
        ValType::V128 => text
            .strip_prefix("0x")
            .and_then(|d| u128::from_str_radix(d, 16).ok())
            .map(Value::V128),
        ValType::Ref(r) => (text == "null").then(|| Value::Ref(Ref::null(top(r.heap_type())))),
    }
}

/// Returns the top of a heap type's hierarchy. A defined type is taken for one below `any`, so a
/// null argument of a defined function type cannot be written.
fn top(heap: HeapType) -> HeapTop {
    match heap {
        HeapType::Abstract { ty, .. } => match ty {
            AbstractHeapType::Func | AbstractHeapType::NoFunc => HeapTop::Func,
            AbstractHeapType::Extern | AbstractHeapType::NoExtern => HeapTop::Extern,
            AbstractHeapType::Exn | AbstractHeapType::NoExn => HeapTop::Exn,
            _ => HeapTop::Any,
        },
        _ => HeapTop::Any,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments_fit_their_type_or_are_refused() {
        assert_eq!(argument(ValType::I32, "-1"), Some(Value::I32(-1)));
        assert_eq!(argument(ValType::I32, "4294967295"), Some(Value::I32(-1)));
        assert_eq!(argument(ValType::I32, "4294967296"), None);
        assert_eq!(argument(ValType::I64, "0x10"), Some(Value::I64(16)));
        assert_eq!(argument(ValType::F64, "x"), None);
        assert_eq!(
            argument(ValType::Ref(wasmparser::RefType::EXTERNREF), "null"),
            Some(Value::Ref(Ref::null(HeapTop::Extern)))
        );
        assert_eq!(
            argument(ValType::Ref(wasmparser::RefType::EXTERNREF), "7"),
            None
        );
    }
}
