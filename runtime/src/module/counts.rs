//! Counts what a module declares, to tell a limit of this implementation from a rule of the
//! specification.
//!
//! `wasmparser` refuses both with words only. So the module is read once more, by hand where the
//! readers of `wasmparser` stop at a limit of their own. Only refused modules come here.
//!
//! Always: what is over a limit is known by its number and by the place where the item that has it
//! ends, and the item matches the grammar up to there.

use wasmparser::{
    BinaryReader, ElementItems, ElementKind, FunctionBody, OperatorsReader, Parser, Payload,
    WasmFeatures,
};

use crate::limits;

/// What the counts say about a refused module.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Counted {
    /// More than this implementation takes.
    Over {
        /// What there is too much of.
        what: &'static str,
        /// How much.
        count: u64,
        /// The most.
        most: u64,
    },
    /// Against a rule. The grammar permits it, but the readers of `wasmparser` do not.
    Invalid {
        /// Position in the bytes.
        offset: usize,
        /// What is wrong.
        message: String,
    },
}

/// Why counting ends: something was found, or the bytes cannot be read on.
enum End {
    Found(Counted),
    Unreadable,
}

impl From<wasmparser::Error> for End {
    fn from(_: wasmparser::Error) -> End {
        End::Unreadable
    }
}

type Read<T = ()> = Result<T, End>;

/// Returns the first thing that is over a limit, or against a rule that only the counts see, up to
/// `refused_at`, where the validator stopped.
pub(super) fn count(bytes: &[u8], features: WasmFeatures, refused_at: usize) -> Option<Counted> {
    let mut parser = Parser::new(0);
    parser.set_features(features);
    let mut counter = Counter::default();
    for payload in parser.parse_all(bytes) {
        let Ok(payload) = payload else { return None };
        let begins = payload.as_section().map_or(0, |(_, range)| range.start);
        if begins as usize > refused_at {
            return None;
        }
        match counter.section(bytes, &payload) {
            Ok(()) => {}
            Err(End::Found(found)) => return Some(found),
            Err(End::Unreadable) => return None,
        }
    }
    None
}

/// A declared type: what limits need to know of it.
#[derive(Clone, Copy, Default)]
struct Type {
    depth: u32,
    size: u64,
    params: u64,
}

/// The numbers so far.
#[derive(Default)]
struct Counter {
    types: Vec<Type>,
    /// The type of each function.
    funcs: Vec<u32>,
    imported_funcs: usize,
    tables: u64,
    memories: u64,
    tags: Vec<u32>,
    globals: u64,
    /// Sizes of the types of imports and exports.
    extern_size: u64,
    bodies: usize,
}

fn most(what: &'static str, count: u64, most: u64) -> Read {
    if count > most {
        return Err(End::Found(Counted::Over { what, count, most }));
    }
    Ok(())
}

/// The number of items of a vector that can be as long as it says.
fn length(reader: &mut BinaryReader<'_>) -> Read<u64> {
    let count = u64::from(reader.read_var_u32()?);
    if count > reader.bytes_remaining() as u64 {
        return Err(End::Unreadable);
    }
    Ok(count)
}

impl Counter {
    fn section(&mut self, bytes: &[u8], payload: &Payload<'_>) -> Read {
        let reader = |range: std::ops::Range<u64>| {
            let data = &bytes[range.start as usize..range.end as usize];
            BinaryReader::new(data, range.start)
        };
        match payload {
            Payload::TypeSection(s) => self.type_section(&mut reader(s.range())),
            Payload::ImportSection(s) => self.import_section(&mut reader(s.range())),
            Payload::FunctionSection(s) => {
                let mut reader = reader(s.range());
                let count = length(&mut reader)?;
                let all = self.funcs.len() as u64 + count;
                most("functions", all, limits::FUNCTIONS_MAX)?;
                for _ in 0..count {
                    self.funcs.push(reader.read_var_u32()?);
                }
                Ok(())
            }
            Payload::TableSection(s) => {
                self.tables += length(&mut reader(s.range()))?;
                most("tables", self.tables, limits::TABLES_MAX)
            }
            Payload::MemorySection(s) => {
                self.memories += length(&mut reader(s.range()))?;
                most("memories", self.memories, limits::MEMORIES_MAX)
            }
            Payload::TagSection(s) => {
                let mut reader = reader(s.range());
                let count = length(&mut reader)?;
                let all = self.tags.len() as u64 + count;
                most("tags", all, limits::TAGS_MAX)?;
                for _ in 0..count {
                    reader.read_u8()?;
                    self.tags.push(reader.read_var_u32()?);
                }
                Ok(())
            }
            Payload::GlobalSection(s) => {
                self.globals += length(&mut reader(s.range()))?;
                most("globals", self.globals, limits::GLOBALS_MAX)
            }
            Payload::ExportSection(s) => self.export_section(&mut reader(s.range())),
            Payload::ElementSection(s) => {
                let count = length(&mut reader(s.range()))?;
                most("element segments", count, limits::ELEMENT_SEGMENTS_MAX)?;
                s.clone()
                    .into_iter()
                    .try_for_each(|element| items(&element?))
            }
            Payload::DataCountSection { count, .. } => most(
                "data segments",
                u64::from(*count),
                limits::DATA_SEGMENTS_MAX,
            ),
            Payload::DataSection(s) => {
                let count = length(&mut reader(s.range()))?;
                most("data segments", count, limits::DATA_SEGMENTS_MAX)
            }
            Payload::CodeSectionEntry(body) => self.body(body),
            _ => Ok(()),
        }
    }

    fn type_section(&mut self, reader: &mut BinaryReader<'_>) -> Read {
        for _ in 0..length(reader)? {
            let mut members = 1;
            if reader.clone().read_u8()? == 0x4e {
                reader.read_u8()?;
                members = length(reader)?;
            }
            let all = self.types.len() as u64 + members;
            most("types", all, limits::TYPES_MAX)?;
            for _ in 0..members {
                let ty = self.subtype(reader)?;
                self.types.push(ty);
                most(
                    "supertypes",
                    u64::from(ty.depth),
                    u64::from(limits::SUBTYPE_DEPTH_MAX),
                )?;
            }
        }
        Ok(())
    }

    /// Grammar `Bsubtype`.
    fn subtype(&self, reader: &mut BinaryReader<'_>) -> Read<Type> {
        let mut depth = 0;
        if matches!(reader.clone().read_u8()?, 0x4f | 0x50) {
            reader.read_u8()?;
            let offset = reader.original_position() as usize;
            let count = length(reader)?;
            for _ in 0..count {
                let index = reader.read_var_u32()? as usize;
                depth = self.types.get(index).map_or(0, |ty| ty.depth + 1);
            }
            if count > 1 {
                let message = format!("{count} supertypes of one type");
                return Err(End::Found(Counted::Invalid { offset, message }));
            }
        }
        let (size, params) = match reader.read_u8()? {
            0x60 => {
                let params = values(reader)?;
                most("parameters of a function type", params, limits::PARAMS_MAX)?;
                let results = values(reader)?;
                most("results of a function type", results, limits::RESULTS_MAX)?;
                (2 + params + results, params)
            }
            0x5f => {
                let count = length(reader)?;
                (0..count).try_for_each(|_| field(reader))?;
                most("fields of a structure type", count, limits::FIELDS_MAX)?;
                (2 + 2 * count, 0)
            }
            0x5e => {
                field(reader)?;
                (3, 0)
            }
            _ => return Err(End::Unreadable),
        };
        Ok(Type {
            depth,
            size,
            params,
        })
    }

    fn import_section(&mut self, reader: &mut BinaryReader<'_>) -> Read {
        let count = length(reader)?;
        most("imports", count, limits::IMPORTS_MAX)?;
        for _ in 0..count {
            name(reader)?;
            name(reader)?;
            match reader.read_u8()? {
                0 => {
                    let ty = reader.read_var_u32()?;
                    self.funcs.push(ty);
                    self.imported_funcs += 1;
                    self.extern_type(Some(ty))?;
                    most("functions", self.funcs.len() as u64, limits::FUNCTIONS_MAX)?;
                }
                1 => {
                    value(reader)?;
                    size_limits(reader)?;
                    self.tables += 1;
                    self.extern_type(None)?;
                    most("tables", self.tables, limits::TABLES_MAX)?;
                }
                2 => {
                    size_limits(reader)?;
                    self.memories += 1;
                    self.extern_type(None)?;
                    most("memories", self.memories, limits::MEMORIES_MAX)?;
                }
                3 => {
                    value(reader)?;
                    reader.read_u8()?;
                    self.globals += 1;
                    self.extern_type(None)?;
                    most("globals", self.globals, limits::GLOBALS_MAX)?;
                }
                4 => {
                    reader.read_u8()?;
                    let ty = reader.read_var_u32()?;
                    self.tags.push(ty);
                    self.extern_type(Some(ty))?;
                    most("tags", self.tags.len() as u64, limits::TAGS_MAX)?;
                }
                _ => return Err(End::Unreadable),
            }
        }
        Ok(())
    }

    fn export_section(&mut self, reader: &mut BinaryReader<'_>) -> Read {
        let count = length(reader)?;
        most("exports", count, limits::EXPORTS_MAX)?;
        for _ in 0..count {
            name(reader)?;
            let kind = reader.read_u8()?;
            let index = reader.read_var_u32()? as usize;
            let ty = match kind {
                0 => self.funcs.get(index),
                4 => self.tags.get(index),
                _ => None,
            };
            self.extern_type(ty.copied())?;
        }
        Ok(())
    }

    /// Adds the size of the type of an import or an export.
    fn extern_type(&mut self, index: Option<u32>) -> Read {
        let ty = index.and_then(|index| self.types.get(index as usize));
        self.extern_size += ty.map_or(1, |ty| ty.size);
        let what = "types in the types of imports and exports";
        most(what, self.extern_size, limits::EXTERN_TYPE_SIZE_MAX)
    }

    fn body(&mut self, body: &FunctionBody<'_>) -> Read {
        let range = body.range();
        most(
            "bytes of a function",
            range.end - range.start,
            limits::FUNCTION_BYTES_MAX,
        )?;
        let ty = self.funcs.get(self.imported_funcs + self.bodies);
        self.bodies += 1;
        let ty = ty.and_then(|ty| self.types.get(*ty as usize));
        let mut reader = body.get_binary_reader();
        let mut locals = 0;
        for _ in 0..length(&mut reader)? {
            locals += u64::from(reader.read_var_u32()?);
            value(&mut reader)?;
        }
        if locals > u64::from(u32::MAX) {
            // Against the grammar (rule `Bfunc`).
            return Err(End::Unreadable);
        }
        let params = ty.map_or(0, |ty| ty.params);
        most("locals of a function", params + locals, limits::LOCALS_MAX)?;
        operators(reader)
    }
}

/// Grammar `Bvaltype`, and the first byte of `Bstoragetype`.
fn value(reader: &mut BinaryReader<'_>) -> Read {
    if matches!(reader.read_u8()?, 0x63 | 0x64) {
        reader.read_var_s33()?;
    }
    Ok(())
}

fn values(reader: &mut BinaryReader<'_>) -> Read<u64> {
    let count = length(reader)?;
    (0..count).try_for_each(|_| value(reader))?;
    Ok(count)
}

fn field(reader: &mut BinaryReader<'_>) -> Read {
    value(reader)?;
    reader.read_u8()?;
    Ok(())
}

fn name(reader: &mut BinaryReader<'_>) -> Read {
    let bytes = length(reader)?;
    reader.read_bytes(bytes as usize)?;
    most("bytes of a name", bytes, limits::NAME_BYTES_MAX)
}

/// Grammar `Blimits`.
fn size_limits(reader: &mut BinaryReader<'_>) -> Read {
    let flags = reader.read_u8()?;
    reader.read_var_u64()?;
    if flags & 1 != 0 {
        reader.read_var_u64()?;
    }
    Ok(())
}

/// The items of a segment.
fn items(element: &wasmparser::Element<'_>) -> Read {
    if let ElementKind::Active { offset_expr, .. } = &element.kind {
        operators(offset_expr.get_binary_reader())?;
    }
    let count = match &element.items {
        ElementItems::Functions(items) => items.count(),
        ElementItems::Expressions(_, items) => items.count(),
    };
    most(
        "items of an element segment",
        u64::from(count),
        limits::ELEMENT_ITEMS_MAX,
    )
}

/// Reads the operators of a body. If `wasmparser` does not read one, decides whether that one only
/// has too much of something.
fn operators(reader: BinaryReader<'_>) -> Read {
    let mut operators = OperatorsReader::new(reader);
    while !operators.eof() {
        let mut at = operators.get_binary_reader();
        if operators.read().is_ok() {
            continue;
        }
        match at.read_u8()? {
            0x1c => {
                let offset = at.original_position() as usize;
                let count = values(&mut at)?;
                if count != 1 {
                    let message = format!("select with {count} types");
                    return Err(End::Found(Counted::Invalid { offset, message }));
                }
            }
            0x1f => {
                at.read_var_s33()?;
                let count = length(&mut at)?;
                for _ in 0..count {
                    let kind = at.read_u8()?;
                    at.read_var_u32()?;
                    if kind < 2 {
                        at.read_var_u32()?;
                    }
                }
                most(
                    "catch clauses of an instruction",
                    count,
                    limits::CATCHES_MAX,
                )?;
            }
            _ => {}
        }
        return Err(End::Unreadable);
    }
    Ok(())
}
