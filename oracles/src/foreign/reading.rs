//! From answers to observations.
//!
//! Always: answers are not trusted. An answer of another kind than the request needs, an unknown
//! number, or an observation that ends too early or too late means that the engine broke. Each has
//! a message, and none is a panic.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use gcrucible_protocol::answer::Memory;
use gcrucible_protocol::{Counting, Ended};
use wasm_encoder::{CompositeInnerType, StorageType, SubType, ValType};

use super::module;
use super::plan::{Main, Plan, Shape};
use super::tape::{Cursor, Garbled, NOBODY, mark, tag};
use crate::case::InstanceIndex;
use crate::leak::{Handles, Live};
use crate::observe::{
    BLOCK, FuncKey, GraphBuilder, InstanceState, MemoryState, Node, Observation, TagKey, TypeKey,
    observed_elements,
};
use crate::outcome::{Outcome, Resource, Trap, Unasked, Why};
use crate::value::{HeapTop, Ref, Target, Value};

/// Stands for a type that no module defined. It equals no type of the reference.
const UNKNOWN_TYPE: TypeKey = TypeKey {
    module: crate::case::ModuleIndex(u32::MAX),
    index: u32::MAX,
};

/// A value on a tape.
#[derive(Clone, Copy, Debug)]
enum Written {
    Number(Value),
    Ref(HeapTop, To),
}

/// What a reference on a tape refers to.
#[derive(Clone, Copy, Debug)]
enum To {
    Target(Target),
    Object(u32),
    Func(u32),
    /// An exception, by its position among all exceptions of the tape.
    Exception(u32),
}

/// An object on a tape.
enum Object {
    Struct {
        ty: u32,
        fields: Vec<Written>,
    },
    Array {
        ty: u32,
        len: u32,
        elements: Vec<Written>,
    },
    Unknown,
}

/// An exception on a tape. It has neither tag nor arguments if nobody could read it.
struct Exception {
    tag: Option<TagKey>,
    arguments: Vec<Written>,
}

/// The content of an observation.
#[derive(Default)]
pub struct Tape {
    results: Option<Vec<Written>>,
    thrown: Option<Written>,
    /// One for each instance that has globals or tables.
    states: Vec<State>,
    objects: Vec<Object>,
    exceptions: Vec<Exception>,
}

#[derive(Default)]
struct State {
    globals: Vec<Written>,
    tables: Vec<Vec<Written>>,
}

/// Why there is no observation.
enum Failed {
    Garbled(Garbled),
    /// Something found no room.
    Full,
}

impl From<Garbled> for Failed {
    fn from(garbled: Garbled) -> Failed {
        match garbled {
            Garbled::Deep(_) => Failed::Full,
            garbled => Failed::Garbled(garbled),
        }
    }
}

/// Reads a tape.
struct Reading<'a> {
    plan: &'a Plan,
    cursor: Cursor<'a>,
    /// How many objects the header promises.
    promised: u32,
    exceptions: Vec<Exception>,
    /// How many exceptions are being read. Each is an argument of the one before.
    depth: u32,
}

/// How deeply exceptions may be nested in exceptions. They are read by recursion.
const DEPTH: u32 = 100;

impl Reading<'_> {
    fn value(&mut self, types: &[SubType], ty: ValType) -> Result<Written, Garbled> {
        let top = match ty {
            ValType::Ref(ty) => module::top(types, ty),
            number => return self.number(number),
        };
        let found = self.cursor.tag()?;
        let to = match (found, top) {
            (tag::NULL, _) => To::Target(Target::Null),
            (tag::I31, HeapTop::Any | HeapTop::Extern) => {
                To::Target(Target::I31(self.cursor.word()? & 0x7fff_ffff))
            }
            (tag::HOST, HeapTop::Any | HeapTop::Extern) => {
                To::Target(Target::Host(self.cursor.word()?))
            }
            (tag::OBJECT, HeapTop::Any | HeapTop::Extern) => {
                let number = self.cursor.word()?;
                if number >= self.promised {
                    let what = "object";
                    return Err(Garbled::Number { what, number });
                }
                To::Object(number)
            }
            (tag::FUNC, HeapTop::Func) => To::Func(self.cursor.word()?),
            (tag::EXN, HeapTop::Exn) => To::Exception(self.exception()?),
            _ => return Err(self.cursor.unexpected(found, "a reference")),
        };
        Ok(Written::Ref(top, to))
    }

    fn number(&mut self, ty: ValType) -> Result<Written, Garbled> {
        let found = self.cursor.tag()?;
        Ok(Written::Number(match (found, ty) {
            (tag::I32, ValType::I32) => Value::I32(self.cursor.word()? as i32),
            (tag::I64, ValType::I64) => Value::I64(self.cursor.long()? as i64),
            (tag::F32, ValType::F32) => Value::F32(self.cursor.word()?),
            (tag::F64, ValType::F64) => Value::F64(self.cursor.long()?),
            (tag::V128, ValType::V128) => Value::V128(self.cursor.wide()?),
            _ => return Err(self.cursor.unexpected(found, "a number of its type")),
        }))
    }

    fn values(
        &mut self,
        types: &[SubType],
        all: impl IntoIterator<Item = ValType>,
    ) -> Result<Vec<Written>, Garbled> {
        all.into_iter().map(|ty| self.value(types, ty)).collect()
    }

    /// Reads an exception after its tag. Reads nested ones first.
    fn exception(&mut self) -> Result<u32, Garbled> {
        if self.depth == DEPTH {
            return Err(Garbled::Deep(DEPTH));
        }
        let reader = self.cursor.word()?;
        let mut exception = Exception {
            tag: None,
            arguments: Vec::new(),
        };
        if reader != NOBODY {
            let number = self.cursor.tagged(tag::TAG, "the tag of an exception")?;
            let unknown = Garbled::Number {
                what: "the tag",
                number,
            };
            let known = self.plan.exception(reader, number).ok_or(unknown)?;
            let (key, params, module) = known;
            exception.tag = Some(key);
            self.depth += 1;
            exception.arguments = self.values(&module.types, params.iter().copied())?;
            self.depth -= 1;
        }
        self.exceptions.push(exception);
        Ok(self.exceptions.len() as u32 - 1)
    }

    fn state(&mut self, shape: &Shape) -> Result<State, Garbled> {
        let types = &shape.module.types;
        let globals = shape.globals.iter().map(|(_, ty)| *ty);
        let mut state = State {
            globals: self.values(types, globals)?,
            tables: Vec::new(),
        };
        for &(_, element) in &shape.tables {
            let size = self.cursor.tagged(tag::SIZE, "the size of a table")?;
            let elements = (0..size).map(|_| self.value(types, element));
            state.tables.push(elements.collect::<Result<_, _>>()?);
        }
        Ok(state)
    }

    fn object(&mut self) -> Result<Object, Garbled> {
        let ty = self.cursor.tagged(tag::HEAD, "an object")?;
        let types = &self.plan.types().list;
        let Some(of) = types.get(ty as usize) else {
            return Ok(Object::Unknown);
        };
        let unpack = |storage: StorageType| storage.unpack();
        match &of.composite_type.inner {
            CompositeInnerType::Struct(of) => {
                let fields = of.fields.iter().map(|field| unpack(field.element_type));
                let fields = self.values(types, fields)?;
                Ok(Object::Struct { ty, fields })
            }
            CompositeInnerType::Array(of) => {
                let len = self.cursor.tagged(tag::SIZE, "the length of an array")?;
                let element = unpack(of.0.element_type);
                let elements = self.values(types, observed_elements(len).map(|_| element))?;
                Ok(Object::Array { ty, len, elements })
            }
            CompositeInnerType::Func(_) | CompositeInnerType::Cont(_) => Err(Garbled::Number {
                what: "the type",
                number: ty,
            }),
        }
    }
}

/// Reads the bytes of an observation. `results` are the types of results that may come first.
fn read_tape(plan: &Plan, bytes: &[u8], main: &Main, shapes: &[Shape]) -> Result<Tape, Failed> {
    let (header, cursor) = Cursor::open(bytes)?;
    if !header.complete {
        return Err(Failed::Full);
    }
    let mut reading = Reading {
        plan,
        cursor,
        promised: header.objects,
        exceptions: Vec::new(),
        depth: 0,
    };
    let mut tape = Tape::default();
    let mut states = shapes.iter().filter(|shape| shape.needs_probe());
    while let Some(next) = reading.cursor.peek_mark() {
        reading.cursor.tagged(tag::MARK, "a mark")?;
        let first = tape.results.is_none() && tape.thrown.is_none() && tape.states.is_empty();
        match (next, main) {
            (mark::RESULTS, Main::Called(module, types) | Main::Wrapped(module, types))
                if first =>
            {
                let types = types.iter().copied();
                tape.results = Some(reading.values(&module.types, types)?);
            }
            (mark::THROWN, Main::Called(..) | Main::Wrapped(..) | Main::Instantiated(_))
                if first =>
            {
                tape.thrown = Some(reading.value(&[], EXNREF)?);
            }
            (mark::STATE, _) => {
                let what = "a state, which is too many:";
                let number = tape.states.len() as u32;
                let shape = states.next().ok_or(Garbled::Number { what, number })?;
                tape.states.push(reading.state(shape)?);
            }
            (number, _) => {
                let what = "a mark";
                return Err(Garbled::Number { what, number }.into());
            }
        }
    }
    if states.next().is_some() {
        return Err(Garbled::Short(bytes.len()).into());
    }
    for _ in 0..header.objects {
        tape.objects.push(reading.object()?);
    }
    reading.cursor.done()?;
    tape.exceptions = reading.exceptions;
    Ok(tape)
}

const EXNREF: ValType = ValType::Ref(wasm_encoder::RefType {
    nullable: true,
    heap_type: wasm_encoder::HeapType::Abstract {
        shared: false,
        ty: wasm_encoder::AbstractHeapType::Exn,
    },
});

/// What a node stands for.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Key {
    Object(u32),
    Func(u32),
    Exception(u32),
}

type Builder = GraphBuilder<Key>;

fn value(builder: &mut Builder, written: Written) -> Value {
    match written {
        Written::Number(value) => value,
        Written::Ref(top, to) => Value::Ref(reference(builder, top, to)),
    }
}

fn reference(builder: &mut Builder, top: HeapTop, to: To) -> Ref {
    let to = match to {
        To::Target(to) => to,
        To::Object(number) => Target::Node(builder.number(Key::Object(number))),
        To::Func(number) => Target::Node(builder.number(Key::Func(number))),
        To::Exception(number) => Target::Node(builder.number(Key::Exception(number))),
    };
    Ref { top, to }
}

/// What an observation showed, before it becomes an [`Observation`].
pub struct Seen {
    tape: Tape,
    shapes: Vec<Shape>,
    memories: Vec<MemoryState>,
}

impl Seen {
    /// Nothing: no instance, no object.
    pub fn nothing() -> Seen {
        Seen {
            tape: Tape::default(),
            shapes: Vec::new(),
            memories: Vec::new(),
        }
    }

    /// The observation with this outcome.
    fn observation(
        &self,
        plan: &Plan,
        outcome: impl FnOnce(&mut Builder) -> Outcome,
    ) -> Observation {
        let mut builder = Builder::new();
        let outcome = outcome(&mut builder);
        let mut memories = self.memories.iter();
        let mut states = self.tape.states.iter();
        let mut instances = Vec::new();
        for shape in &self.shapes {
            let none = State::default();
            let state = if shape.needs_probe() {
                states.next().unwrap_or(&none)
            } else {
                &none
            };
            let globals = shape.globals.iter().zip(&state.globals);
            let globals =
                globals.map(|((name, _), &global)| (name.clone(), value(&mut builder, global)));
            let globals = globals.collect();
            let mut tables = Vec::new();
            for ((name, _), elements) in shape.tables.iter().zip(&state.tables) {
                let elements = elements.iter().filter_map(|&element| match element {
                    Written::Ref(top, to) => Some(reference(&mut builder, top, to)),
                    Written::Number(_) => None,
                });
                tables.push((name.clone(), elements.collect()));
            }
            let names = shape.memories.iter().cloned();
            instances.push(InstanceState {
                instance: Some(shape.instance),
                globals,
                tables,
                memories: names.zip(memories.by_ref().cloned()).collect(),
            });
        }
        let graph = builder.finish(|&key, builder| Ok::<Node, ()>(self.node(plan, key, builder)));
        Observation {
            outcome,
            instances,
            graph: graph.unwrap_or_default(),
        }
    }

    fn node(&self, plan: &Plan, key: Key, builder: &mut Builder) -> Node {
        let mut all = |values: &[Written]| -> Vec<Value> {
            values
                .iter()
                .map(|&written| value(builder, written))
                .collect()
        };
        let type_key = |ty: u32| {
            plan.types()
                .keys
                .get(ty as usize)
                .copied()
                .unwrap_or(UNKNOWN_TYPE)
        };
        match key {
            Key::Func(NOBODY) => Node::Func(FuncKey::Unknown),
            Key::Func(number) => Node::Func(FuncKey::Numbered(number)),
            Key::Object(number) => match self.tape.objects.get(number as usize) {
                Some(Object::Struct { ty, fields }) => Node::Struct {
                    ty: type_key(*ty),
                    fields: all(fields),
                },
                Some(Object::Array { ty, len, elements }) => Node::Array {
                    ty: type_key(*ty),
                    len: *len,
                    elements: all(elements),
                },
                Some(Object::Unknown) | None => Node::Struct {
                    ty: UNKNOWN_TYPE,
                    fields: Vec::new(),
                },
            },
            Key::Exception(number) => match self.tape.exceptions.get(number as usize) {
                Some(exception) => Node::Exception {
                    tag: exception.tag,
                    arguments: all(&exception.arguments),
                },
                None => Node::Exception {
                    tag: None,
                    arguments: Vec::new(),
                },
            },
        }
    }
}

/// The answers to the requests of one step.
pub struct Answers<'a> {
    /// To the step itself, if it was asked.
    pub main: Option<&'a Ended>,
    /// The bytes and memories of the observation, if there was one.
    pub observed: Option<(&'a str, &'a [Memory])>,
}

/// Returns what a step showed, from its answers. The observation is kept in case that the next step
/// changes nothing.
///
/// # Errors
///
/// Words about an answer that makes no sense.
pub fn step(
    plan: &Plan,
    main: &Main,
    shapes: &[Shape],
    answers: &Answers<'_>,
) -> Result<(Observation, Option<Seen>), String> {
    let mut seen = Seen {
        shapes: shapes.to_vec(),
        ..Seen::nothing()
    };
    if let Some((bytes, memories)) = answers.observed {
        let bytes = BASE64
            .decode(bytes)
            .map_err(|error| format!("no base64: {error}"))?;
        match read_tape(plan, &bytes, main, shapes) {
            Ok(tape) => seen.tape = tape,
            Err(Failed::Full) => {
                let outcome = Outcome::Unasked(Unasked::TooMuch);
                return Ok((Observation::bare(outcome), None));
            }
            Err(Failed::Garbled(garbled)) => return Err(garbled.to_string()),
        }
        let wanted = shapes
            .iter()
            .map(|shape| shape.memories.len())
            .sum::<usize>();
        if memories.len() != wanted {
            return Err(format!("{} memories in place of {wanted}", memories.len()));
        }
        seen.memories = memories.iter().map(memory).collect::<Result<_, _>>()?;
    }
    let outcome = outcome(&seen, main, answers.main)?;
    let observation = seen.observation(plan, |builder| match outcome {
        Found::Plain(outcome) => outcome,
        Found::Values(values) => {
            Outcome::Returned(values.into_iter().map(|v| value(builder, v)).collect())
        }
        Found::Thrown(Written::Ref(top, to)) => Outcome::Threw(reference(builder, top, to)),
        Found::Thrown(Written::Number(_)) => Outcome::Threw(unread(builder)),
        Found::ThrownUnread => Outcome::Threw(unread(builder)),
    });
    Ok((observation, Some(seen)))
}

/// Returns the observation of a step without requests, from the last one.
pub fn unchanged(plan: &Plan, outcome: Outcome, seen: &Seen) -> Observation {
    seen.observation(plan, |_| outcome)
}

/// An exception about which nothing is known.
fn unread(builder: &mut Builder) -> Ref {
    reference(builder, HeapTop::Exn, To::Exception(NOBODY))
}

/// An outcome whose references have no numbers yet.
enum Found {
    Plain(Outcome),
    Values(Vec<Written>),
    Thrown(Written),
    ThrownUnread,
}

fn outcome(seen: &Seen, main: &Main, ended: Option<&Ended>) -> Result<Found, String> {
    let tape = &seen.tape;
    let plain = |outcome| Ok(Found::Plain(outcome));
    match (main, ended) {
        (Main::Known(outcome), _) => plain(outcome.clone()),
        (Main::Global(instance, position), _) => global(seen, *instance, *position),
        (_, None) => Err("no answer to the step itself".to_owned()),
        (Main::Wrapped(..), Some(Ended::Returned)) => match (&tape.results, tape.thrown) {
            (Some(results), None) => Ok(Found::Values(results.clone())),
            (None, Some(thrown)) => Ok(Found::Thrown(thrown)),
            _ => Err("neither results nor an exception".to_owned()),
        },
        (Main::Called(_, types), Some(Ended::Returned)) => match &tape.results {
            _ if tape.thrown.is_some() => Err("an exception of a call that returned".to_owned()),
            Some(results) => Ok(Found::Values(results.clone())),
            None if types.is_empty() => Ok(Found::Values(Vec::new())),
            None => Err("no results of a call that returned".to_owned()),
        },
        (_, Some(Ended::Threw)) => match tape.thrown {
            Some(thrown) => Ok(Found::Thrown(thrown)),
            None => Ok(Found::ThrownUnread),
        },
        (_, Some(_)) if tape.results.is_some() || tape.thrown.is_some() => Err(format!(
            "the function that reads results did not return: {ended:?}"
        )),
        (_, Some(ended)) => plain(ended_outcome(ended)),
    }
}

fn global(seen: &Seen, instance: InstanceIndex, position: usize) -> Result<Found, String> {
    let mut states = seen.tape.states.iter();
    for shape in seen.shapes.iter().filter(|shape| shape.needs_probe()) {
        let state = states.next();
        if shape.instance == instance {
            let global = state.and_then(|state| state.globals.get(position));
            let global = *global.ok_or("no such global")?;
            return Ok(Found::Values(vec![global]));
        }
    }
    Err("the instance was not observed".to_owned())
}

/// Returns the outcome that needs no observation.
pub fn ended_outcome(ended: &Ended) -> Outcome {
    match ended {
        Ended::Returned => Outcome::Returned(Vec::new()),
        Ended::Trapped { kinds, .. } => trapped(kinds),
        Ended::Threw => Outcome::Crashed("an exception where none can be".to_owned()),
        Ended::Exhausted { resource, .. } => match resource.as_str() {
            "call_stack" => Outcome::Exhausted(Resource::CallStack),
            "heap" => Outcome::Exhausted(Resource::Heap),
            "memory" => Outcome::Exhausted(Resource::Memory),
            "table" => Outcome::Exhausted(Resource::Table),
            "fuel" => Outcome::Exhausted(Resource::Fuel),
            other => Outcome::Crashed(format!("the adapter knows no resource {other:?}")),
        },
        Ended::Rejected { stage, text } => {
            let why = match stage.as_str() {
                "malformed" => Why::Malformed,
                // Either of the two, between which nothing is compared.
                "invalid" | "refused" => Why::Invalid,
                "unlinkable" => Why::Unlinkable,
                "limit" => Why::Limit,
                other => return Outcome::Crashed(format!("the adapter knows no stage {other:?}")),
            };
            Outcome::rejected(why, text.clone())
        }
        Ended::Unsupported { feature } => Outcome::Unsupported(feature.clone()),
        Ended::Crashed { text } => Outcome::Crashed(text.clone()),
        Ended::Skipped => Outcome::Crashed("the adapter skipped what exists".to_owned()),
    }
}

/// Returns the trap with these words, or all traps that the engine reports with the same words.
fn trapped(kinds: &[String]) -> Outcome {
    let known = |kind: &String| Trap::ALL.into_iter().find(|trap| trap.message() == kind);
    let mut traps: Vec<Trap> = kinds.iter().filter_map(known).collect();
    traps.sort_unstable();
    traps.dedup();
    match traps[..] {
        [trap] => Outcome::Trapped(trap),
        _ => Outcome::TrappedByAny(traps),
    }
}

fn memory(memory: &Memory) -> Result<MemoryState, String> {
    let mut blocks = BTreeMap::new();
    for (&number, bytes) in &memory.blocks {
        let bytes = BASE64
            .decode(bytes)
            .map_err(|error| format!("no base64: {error}"))?;
        let block = BLOCK as u64;
        let start = number
            .checked_mul(block)
            .filter(|&start| start < memory.length);
        let start = start.ok_or_else(|| format!("block {number} of {} bytes", memory.length))?;
        if bytes.len() as u64 != block.min(memory.length - start) {
            return Err(format!("a block of {} bytes", bytes.len()));
        }
        if bytes.iter().any(|&byte| byte != 0) {
            blocks.insert(number, bytes.into_boxed_slice());
        }
    }
    Ok(MemoryState {
        length: memory.length,
        blocks,
    })
}

/// Returns what lives, as far as it is known from outside.
///
/// # Errors
///
/// More host objects are alive than were created.
pub fn live(counting: &Counting, counts: bool) -> Result<Live, String> {
    let dropped = counting
        .created
        .checked_sub(counting.alive)
        .ok_or_else(|| {
            let Counting { created, alive, .. } = counting;
            format!("{alive} host objects alive of {created} created")
        })?;
    Ok(Live {
        handles: Handles {
            created: counting.created,
            dropped: counts.then_some(dropped),
        },
        ..Live::default()
    })
}
