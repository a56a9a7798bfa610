//! Turns the syntax tree of the crate `wast` into our directives. Only this file knows the types of
//! that crate.
//!
//! What is not part of WebAssembly 3.0 (components, threads, suspensions, shared and exact
//! references) becomes [`Directive::Unsupported`] and is counted.

use gcrucible_oracles::value::{HeapTop, Ref, Target, Value};
use wast::core::{AbstractHeapType, HeapType, NanPattern, V128Pattern, WastArgCore, WastRetCore};
use wast::token::{F32, F64, Id};
use wast::{QuoteWat, WastArg, WastDirective, WastExecute, WastInvoke, WastRet, Wat};

use crate::directive::{Action, Directive, Source};
use crate::expect::{Expect, Float};

/// Lowers one directive.
pub fn directive(directive: WastDirective<'_>) -> Directive {
    lower(directive).unwrap_or_else(Directive::Unsupported)
}

fn lower(directive: WastDirective<'_>) -> Result<Directive, String> {
    Ok(match directive {
        WastDirective::Module(module) => Directive::Module {
            name: name(module.name()),
            source: source(module)?,
        },
        WastDirective::ModuleDefinition(module) => Directive::Definition {
            name: name(module.name()),
            source: source(module)?,
        },
        WastDirective::ModuleInstance {
            instance, module, ..
        } => Directive::Instance {
            name: name(instance),
            module: name(module),
        },
        WastDirective::Register {
            name: module,
            module: instance,
            ..
        } => Directive::Register {
            name: module.to_owned(),
            instance: name(instance),
        },
        WastDirective::Invoke(call) => Directive::Action(invoke(call)?),
        WastDirective::AssertReturn { exec, results, .. } => {
            let results: Result<Vec<Expect>, String> = results.into_iter().map(result).collect();
            Directive::Return(execute(exec)?, results?)
        }
        WastDirective::AssertTrap { exec, message, .. } => {
            Directive::Trap(execute(exec)?, message.to_owned())
        }
        WastDirective::AssertException { exec, .. } => Directive::Exception(execute(exec)?),
        WastDirective::AssertExhaustion { call, message, .. } => {
            Directive::Exhaustion(invoke(call)?, message.to_owned())
        }
        WastDirective::AssertMalformed {
            module, message, ..
        } => Directive::Malformed(source(module)?, message.to_owned()),
        WastDirective::AssertInvalid {
            module, message, ..
        } => Directive::Invalid(source(module)?, message.to_owned()),
        WastDirective::AssertUnlinkable {
            module, message, ..
        } => Directive::Unlinkable(
            Action::Module(source(QuoteWat::Wat(module))?),
            message.to_owned(),
        ),
        WastDirective::AssertMalformedCustom {
            module, message, ..
        } => custom(module, message, "assert_malformed_custom")?,
        WastDirective::AssertInvalidCustom {
            module, message, ..
        } => custom(module, message, "assert_invalid_custom")?,
        WastDirective::AssertSuspension { .. } => return Err("assert_suspension".to_owned()),
        WastDirective::Thread(_) => return Err("thread".to_owned()),
        WastDirective::Wait { .. } => return Err("wait".to_owned()),
    })
}

/// Assertions about custom sections are about the text parser only, because an engine ignores
/// custom sections.
fn custom(module: QuoteWat<'_>, message: &str, what: &str) -> Result<Directive, String> {
    let source = source(module)?;
    match source.binary {
        Err(_) => Ok(Directive::Malformed(source, message.to_owned())),
        Ok(_) => Err(format!(
            "{what} that only a reader of custom sections can decide"
        )),
    }
}

fn name(id: Option<Id<'_>>) -> Option<String> {
    id.map(|id| id.name().to_owned())
}

fn source(mut module: QuoteWat<'_>) -> Result<Source, String> {
    if matches!(
        module,
        QuoteWat::QuoteComponent(..) | QuoteWat::Wat(Wat::Component(_))
    ) {
        return Err("component".to_owned());
    }
    Ok(Source {
        binary: module.encode().map_err(|error| error.message()),
    })
}

fn execute(exec: WastExecute<'_>) -> Result<Action, String> {
    match exec {
        WastExecute::Invoke(call) => invoke(call),
        WastExecute::Wat(module) => Ok(Action::Module(source(QuoteWat::Wat(module))?)),
        WastExecute::Get { module, global, .. } => Ok(Action::Get {
            instance: name(module),
            global: global.to_owned(),
        }),
    }
}

fn invoke(call: WastInvoke<'_>) -> Result<Action, String> {
    let args: Result<Vec<Value>, String> = call.args.iter().map(argument).collect();
    Ok(Action::Invoke {
        instance: name(call.module),
        export: call.name.to_owned(),
        args: args?,
    })
}

fn argument(argument: &WastArg<'_>) -> Result<Value, String> {
    let WastArg::Core(argument) = argument else {
        return Err("component value".to_owned());
    };
    Ok(match argument {
        WastArgCore::I32(value) => Value::I32(*value),
        WastArgCore::I64(value) => Value::I64(*value),
        WastArgCore::F32(F32 { bits }) => Value::F32(*bits),
        WastArgCore::F64(F64 { bits }) => Value::F64(*bits),
        WastArgCore::V128(lanes) => Value::V128(u128::from_le_bytes(lanes.to_le_bytes())),
        WastArgCore::RefNull(heap) => {
            Value::Ref(Ref::null(top(heap)?.ok_or("null of a type by index")?))
        }
        WastArgCore::RefExtern(number) => Value::Ref(Ref::host(*number)),
        WastArgCore::RefHost(number) => Value::Ref(Ref {
            top: HeapTop::Any,
            to: Target::Host(*number),
        }),
    })
}

/// Returns the hierarchy of an abstract type, or `None` for a type by index.
fn top(heap: &HeapType<'_>) -> Result<Option<HeapTop>, String> {
    let (shared, ty) = match heap {
        HeapType::Abstract { shared, ty } => (*shared, *ty),
        HeapType::Concrete(_) => return Ok(None),
        HeapType::Exact(_) => return Err("exact reference".to_owned()),
    };
    if shared {
        return Err("shared reference".to_owned());
    }
    match ty {
        AbstractHeapType::Any
        | AbstractHeapType::Eq
        | AbstractHeapType::Struct
        | AbstractHeapType::Array
        | AbstractHeapType::I31
        | AbstractHeapType::None => Ok(Some(HeapTop::Any)),
        AbstractHeapType::Func | AbstractHeapType::NoFunc => Ok(Some(HeapTop::Func)),
        AbstractHeapType::Extern | AbstractHeapType::NoExtern => Ok(Some(HeapTop::Extern)),
        AbstractHeapType::Exn | AbstractHeapType::NoExn => Ok(Some(HeapTop::Exn)),
        AbstractHeapType::Cont | AbstractHeapType::NoCont => Err("continuation".to_owned()),
    }
}

fn result(result: WastRet<'_>) -> Result<Expect, String> {
    match result {
        WastRet::Core(result) => core_result(result),
        _ => Err("component value".to_owned()),
    }
}

fn core_result(result: WastRetCore<'_>) -> Result<Expect, String> {
    Ok(match result {
        WastRetCore::I32(value) => Expect::I32(value),
        WastRetCore::I64(value) => Expect::I64(value),
        WastRetCore::F32(pattern) => Expect::F32(single(&pattern)),
        WastRetCore::F64(pattern) => Expect::F64(double(&pattern)),
        WastRetCore::V128(pattern) => vector(&pattern),
        WastRetCore::RefNull(None) => Expect::Null(None),
        WastRetCore::RefNull(Some(heap)) => Expect::Null(top(&heap)?),
        WastRetCore::RefExtern(number) => Expect::Extern(number),
        WastRetCore::RefHost(number) => Expect::Host(number),
        WastRetCore::RefFunc(None) => Expect::Func,
        WastRetCore::RefFunc(Some(_)) => return Err("ref.func with an index".to_owned()),
        WastRetCore::RefAny => Expect::Any,
        WastRetCore::RefEq => Expect::Eq,
        WastRetCore::RefArray => Expect::Array,
        WastRetCore::RefStruct => Expect::Struct,
        WastRetCore::RefI31 => Expect::I31,
        WastRetCore::RefI31Shared => return Err("shared reference".to_owned()),
        WastRetCore::Either(patterns) => {
            let patterns: Result<Vec<Expect>, String> =
                patterns.into_iter().map(core_result).collect();
            Expect::Either(patterns?)
        }
    })
}

fn single(pattern: &NanPattern<F32>) -> Float<u32> {
    match pattern {
        NanPattern::CanonicalNan => Float::Canonical,
        NanPattern::ArithmeticNan => Float::Arithmetic,
        NanPattern::Value(F32 { bits }) => Float::Bits(*bits),
    }
}

fn double(pattern: &NanPattern<F64>) -> Float<u64> {
    match pattern {
        NanPattern::CanonicalNan => Float::Canonical,
        NanPattern::ArithmeticNan => Float::Arithmetic,
        NanPattern::Value(F64 { bits }) => Float::Bits(*bits),
    }
}

fn vector(pattern: &V128Pattern) -> Expect {
    fn pack<const N: usize>(lanes: [u64; N]) -> Expect {
        let width = 128 / N;
        let shifted = lanes
            .iter()
            .enumerate()
            .map(|(number, &lane)| u128::from(lane) << (width * number));
        Expect::V128(shifted.fold(0, |bits, lane| bits | lane))
    }
    match pattern {
        V128Pattern::I8x16(lanes) => pack(lanes.map(|lane| u64::from(lane as u8))),
        V128Pattern::I16x8(lanes) => pack(lanes.map(|lane| u64::from(lane as u16))),
        V128Pattern::I32x4(lanes) => pack(lanes.map(|lane| u64::from(lane as u32))),
        V128Pattern::I64x2(lanes) => pack(lanes.map(|lane| lane as u64)),
        V128Pattern::F32x4([a, b, c, d]) => {
            Expect::F32x4([single(a), single(b), single(c), single(d)])
        }
        V128Pattern::F64x2([a, b]) => Expect::F64x2([double(a), double(b)]),
    }
}
