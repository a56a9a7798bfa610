//! Why a module is refused: its bytes are malformed (they do not match the binary grammar), it is
//! invalid (it violates a validation rule), or it exceeds a limit of `wasmparser`.
//!
//! The validator reports all three in the same way. Bytes that do not even parse are malformed, so
//! refused bytes are parsed once more, without validation.

use wasmparser::{
    DataKind, ElementItems, ElementKind, FunctionBody, Parser, Payload, TableInit, WasmFeatures,
};

use crate::error::Rejected;

/// The refusal of a feature that the validator accepts and this runtime does not support. Never
/// reached with [`FEATURES`](super::decode::FEATURES).
pub(super) fn unsupported(what: &'static str) -> Rejected {
    Rejected::Unsupported(what)
}

/// The refusal of bytes that cannot be read.
pub(super) fn malformed(error: wasmparser::Error) -> Rejected {
    Rejected::Malformed {
        offset: error.offset() as usize,
        message: error.message().to_string(),
    }
}

/// Whether the validator's message is about a limit of the implementation.
fn is_limit(message: &str) -> bool {
    message.contains("exceeds limit of")
        || message.contains("exceeds the limit")
        || message.contains("count of types exceeds")
        || message.contains("too many locals")
        || message.contains("size is out of bounds")
        || message.contains("string size out of bounds")
}

/// Whether the validator's message is about a side condition of the binary grammar (rule
/// `Bmodule`), or about something that the grammar does not have.
fn is_grammar(message: &str) -> bool {
    message.contains("data count section required")
        || message.contains("inconsistent lengths")
        || message.contains("section out of order")
        || message.contains("unexpected end")
        || message.contains("unknown binary version")
        || message.contains("malformed section id")
        || message.contains("cannot define continuation types")
}

/// Returns why the validator refused the bytes with `error`.
pub(super) fn classify(
    bytes: &[u8],
    features: WasmFeatures,
    error: &wasmparser::Error,
) -> Rejected {
    let message = error.message().to_string();
    let offset = error.offset() as usize;
    if message.contains("too many locals") && any_locals_overflow(bytes, features) {
        return Rejected::Malformed { offset, message };
    }
    if is_limit(&message) {
        return Rejected::Limit(message);
    }
    if is_grammar(&message) {
        return Rejected::Malformed { offset, message };
    }
    match parse(bytes, features) {
        Ok(()) => Rejected::Invalid { offset, message },
        Err(error) if is_limit(error.message()) => Rejected::Limit(error.message().to_string()),
        Err(error) => Rejected::Malformed {
            offset: error.offset() as usize,
            message: error.message().to_string(),
        },
    }
}

/// Reads everything and checks nothing.
fn parse(bytes: &[u8], features: WasmFeatures) -> wasmparser::Result<()> {
    let mut parser = Parser::new(0);
    parser.set_features(features);
    for payload in parser.parse_all(bytes) {
        section(&payload?)?;
    }
    Ok(())
}

fn section(payload: &Payload<'_>) -> wasmparser::Result<()> {
    match payload {
        Payload::TypeSection(s) => s.clone().into_iter().try_for_each(|x| x.map(drop))?,
        Payload::ImportSection(s) => s.clone().into_iter().try_for_each(|x| x.map(drop))?,
        Payload::FunctionSection(s) => s.clone().into_iter().try_for_each(|x| x.map(drop))?,
        Payload::TableSection(s) => {
            for table in s.clone() {
                if let TableInit::Expr(expr) = table?.init {
                    expression(&expr)?;
                }
            }
        }
        Payload::MemorySection(s) => s.clone().into_iter().try_for_each(|x| x.map(drop))?,
        Payload::TagSection(s) => s.clone().into_iter().try_for_each(|x| x.map(drop))?,
        Payload::GlobalSection(s) => {
            for global in s.clone() {
                expression(&global?.init_expr)?;
            }
        }
        Payload::ExportSection(s) => s.clone().into_iter().try_for_each(|x| x.map(drop))?,
        Payload::ElementSection(s) => {
            for element in s.clone() {
                let element = element?;
                if let ElementKind::Active { offset_expr, .. } = &element.kind {
                    expression(offset_expr)?;
                }
                match element.items {
                    ElementItems::Functions(items) => {
                        items.into_iter().try_for_each(|x| x.map(drop))?;
                    }
                    ElementItems::Expressions(_, items) => {
                        for item in items {
                            expression(&item?)?;
                        }
                    }
                }
            }
        }
        Payload::DataSection(s) => {
            for data in s.clone() {
                if let DataKind::Active { offset_expr, .. } = data?.kind {
                    expression(&offset_expr)?;
                }
            }
        }
        Payload::CodeSectionEntry(body) => function(body)?,
        _ => {}
    }
    Ok(())
}

fn expression(expr: &wasmparser::ConstExpr<'_>) -> wasmparser::Result<()> {
    let mut reader = expr.get_operators_reader();
    while !reader.eof() {
        reader.read()?;
    }
    reader.finish()
}

fn function(body: &FunctionBody<'_>) -> wasmparser::Result<()> {
    let mut locals = body.get_locals_reader()?;
    for _ in 0..locals.get_count() {
        locals.read()?;
    }
    let mut reader = body.get_operators_reader()?;
    while !reader.eof() {
        reader.read()?;
    }
    reader.finish()
}

/// Whether a function declares 2^32 locals or more. The binary grammar forbids that (rule `Bfunc`).
/// Fewer locals can exceed a limit of `wasmparser`.
fn any_locals_overflow(bytes: &[u8], features: WasmFeatures) -> bool {
    let mut parser = Parser::new(0);
    parser.set_features(features);
    let bodies = parser.parse_all(bytes).map_while(Result::ok);
    bodies.into_iter().any(|payload| match payload {
        Payload::CodeSectionEntry(body) => locals_overflow(&body).unwrap_or(false),
        _ => false,
    })
}

fn locals_overflow(body: &FunctionBody<'_>) -> wasmparser::Result<bool> {
    // Read by hand: the reader for locals stops at its own limit.
    let mut reader = body.get_binary_reader();
    let groups = reader.read_var_u32()?;
    let mut total = 0u64;
    for _ in 0..groups {
        total += u64::from(reader.read_var_u32()?);
        reader.read::<wasmparser::ValType>()?;
    }
    Ok(total > u64::from(u32::MAX))
}
