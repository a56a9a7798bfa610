//! Why a module is refused: its bytes are malformed (they do not match the binary grammar), it is
//! invalid (it violates a validation rule), or it exceeds a limit of
//! this implementation.
//!
//! The validator reports all three in the same way. What is over a limit is decided by our own
//! counts (`counts`). Bytes that do not even parse are malformed, so refused bytes are parsed once
//! more, without validation.

use wasmparser::{
    BinaryReader, DataKind, ElementItems, ElementKind, FunctionBody, HeapType, Parser, Payload,
    TableInit, WasmFeatures,
};

use super::counts::{self, Counted};
use crate::error::Rejected;

/// Returns the refusal of a feature that the validator accepts and this runtime does not support.
/// Never reached with [`FEATURES`](super::decode::FEATURES).
pub(super) fn unsupported(what: &'static str) -> Rejected {
    Rejected::Unsupported(what)
}

/// Returns the refusal of bytes that cannot be read.
pub(super) fn malformed(error: wasmparser::Error) -> Rejected {
    Rejected::Malformed {
        offset: error.offset() as usize,
        message: error.message().to_string(),
    }
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

/// Returns true if the reader stopped at the index of a type that it has no room for. No module of
/// permitted size declares such a type. The reader says so in words, so a module of one such index
/// is read to get them.
fn is_large_type_index(error: &wasmparser::Error) -> bool {
    const LARGEST: [u8; 5] = [0xff, 0xff, 0xff, 0xff, 0x0f];
    let probe = BinaryReader::new(&LARGEST, 0).read::<HeapType>();
    probe.is_err_and(|probe| probe.message() == error.message())
}

/// Returns why the validator refused the bytes with `error`. Our own counts come first, so that a
/// limit is never taken for a rule.
pub(super) fn classify(
    bytes: &[u8],
    features: WasmFeatures,
    error: &wasmparser::Error,
) -> Rejected {
    let message = error.message().to_string();
    let offset = error.offset() as usize;
    match counts::count(bytes, features, offset) {
        Some(Counted::Over { what, count, most }) => {
            return Rejected::Limit(format!("{count} {what}, and {most} are the most"));
        }
        Some(Counted::Invalid { offset, message }) => return Rejected::Invalid { offset, message },
        None => {}
    }
    if is_grammar(&message) {
        return Rejected::Malformed { offset, message };
    }
    match parse(bytes, features) {
        Ok(()) => Rejected::Invalid { offset, message },
        Err(error) if is_large_type_index(&error) => Rejected::Invalid {
            offset: error.offset() as usize,
            message: "unknown type: no module has so many".to_string(),
        },
        Err(error) => malformed(error),
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
