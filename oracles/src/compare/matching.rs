//! Matches two observations: builds a bijection between their objects while both graphs are walked
//! together.

use super::functions::Numbers;
use crate::engine::Traits;
use crate::finding::{Aspect, Described, Difference};
use crate::nondeterminism::{self, Row, Used};
use crate::observe::{FuncKey, InstanceState, MemoryState, Node, Observation, observed_elements};
use crate::outcome::Outcome;
use crate::value::{NodeId, Ref, Target, Value};
use crate::verdict::Lesser;

/// Where both graphs are entered.
#[derive(Clone)]
enum Root {
    Result(usize),
    Exception,
    Global(String, String),
    Table(String, String, usize),
}

impl Root {
    fn aspect(&self) -> Aspect {
        match self {
            Root::Result(_) => Aspect::Result,
            Root::Exception => Aspect::Exception,
            Root::Global(..) => Aspect::Global,
            Root::Table(..) => Aspect::Table,
        }
    }

    fn text(&self) -> String {
        match self {
            Root::Result(index) => format!("result {index}"),
            Root::Exception => "exception".to_owned(),
            Root::Global(instance, name) => format!("global {name:?} of {instance}"),
            Root::Table(instance, name, index) => format!("table {name:?}[{index}] of {instance}"),
        }
    }
}

/// How a pair of objects was first reached.
enum Origin {
    Root(Root),
    /// Value number `.1` of the pair number `.0`.
    Inside(usize, usize),
}

/// The growing bijection, and the pairs whose contents are not compared yet.
pub(super) struct Matching<'a> {
    left: &'a Observation,
    right: &'a Observation,
    traits: [Traits; 2],
    /// For each node of the left graph, the number of its pair. The same for the right graph.
    of_left: Vec<Option<usize>>,
    of_right: Vec<Option<usize>>,
    pairs: Vec<(NodeId, NodeId, Origin)>,
    pub(super) values: u64,
    pub(super) permitted: Used,
    pub(super) lesser: Lesser,
    numbers: &'a mut Numbers,
}

impl<'a> Matching<'a> {
    pub(super) fn new(
        left: &'a Observation,
        right: &'a Observation,
        traits: [Traits; 2],
        numbers: &'a mut Numbers,
    ) -> Matching<'a> {
        Matching {
            left,
            right,
            traits,
            of_left: vec![None; left.graph.len()],
            of_right: vec![None; right.graph.len()],
            pairs: Vec::new(),
            values: 0,
            permitted: Used::default(),
            lesser: Lesser::default(),
            numbers,
        }
    }

    /// Pairs of objects matched so far.
    pub(super) fn objects_matched(&self) -> u64 {
        self.pairs.len() as u64
    }

    /// Matches everything that both observations show.
    pub(super) fn all(&mut self) -> Result<(), Box<Difference>> {
        match (&self.left.outcome, &self.right.outcome) {
            (Outcome::Returned(left), Outcome::Returned(right)) => {
                for (index, (&left, &right)) in left.iter().zip(right).enumerate() {
                    self.value(left, right, || Origin::Root(Root::Result(index)))?;
                }
            }
            (Outcome::Threw(left), Outcome::Threw(right)) => {
                self.value(Value::Ref(*left), Value::Ref(*right), || {
                    Origin::Root(Root::Exception)
                })?;
            }
            _ => {}
        }
        let (left, right) = (&self.left.instances, &self.right.instances);
        if left.len() != right.len() {
            let count = |states: &[InstanceState]| {
                Described::new(format!("{} instances", states.len()), "instances")
            };
            return Err(Box::new(Difference {
                excess: None,
                aspect: Aspect::Exports,
                path: String::new(),
                expected: count(left),
                actual: count(right),
            }));
        }
        for (left, right) in left.iter().zip(right) {
            self.instance(left, right)?;
        }
        self.objects()
    }

    fn instance(
        &mut self,
        left: &InstanceState,
        right: &InstanceState,
    ) -> Result<(), Box<Difference>> {
        let name = left
            .instance
            .map_or_else(String::new, |index| index.to_string());
        same_names(
            &name,
            "globals",
            left.globals.iter().map(|g| &g.0),
            right.globals.iter().map(|g| &g.0),
        )?;
        same_names(
            &name,
            "tables",
            left.tables.iter().map(|t| &t.0),
            right.tables.iter().map(|t| &t.0),
        )?;
        same_names(
            &name,
            "memories",
            left.memories.iter().map(|m| &m.0),
            right.memories.iter().map(|m| &m.0),
        )?;
        for ((global, left), (_, right)) in left.globals.iter().zip(&right.globals) {
            self.value(*left, *right, || {
                Origin::Root(Root::Global(name.clone(), global.clone()))
            })?;
        }
        for ((table, left), (_, right)) in left.tables.iter().zip(&right.tables) {
            self.table(&name, table, left, right)?;
        }
        for ((memory, left), (_, right)) in left.memories.iter().zip(&right.memories) {
            same_memory(&name, memory, left, right)?;
        }
        Ok(())
    }

    fn table(
        &mut self,
        instance: &str,
        name: &str,
        left: &[Ref],
        right: &[Ref],
    ) -> Result<(), Box<Difference>> {
        if left.len() != right.len() {
            let size = |elements: &[Ref]| {
                Described::new(format!("{} elements", elements.len()), "elements")
            };
            return Err(Box::new(Difference {
                excess: None,
                aspect: Aspect::Table,
                path: format!("table {name:?} of {instance}"),
                expected: size(left),
                actual: size(right),
            }));
        }
        for (index, (&left, &right)) in left.iter().zip(right).enumerate() {
            self.value(Value::Ref(left), Value::Ref(right), || {
                Origin::Root(Root::Table(instance.to_owned(), name.to_owned(), index))
            })?;
        }
        Ok(())
    }

    /// Compares the contents of every pair found so far, and of those found meanwhile.
    fn objects(&mut self) -> Result<(), Box<Difference>> {
        let mut next = 0;
        while let Some(&(left, right, _)) = self.pairs.get(next) {
            let (expected, actual) = (self.left.graph.get(left), self.right.graph.get(right));
            let (Some(expected), Some(actual)) = (expected, actual) else {
                let side =
                    |node: Option<&Node>| Described::plain(node.map_or("no object", Node::kind));
                return Err(self.found(next, side(expected), side(actual)));
            };
            self.heads(next, expected, actual)?;
            for (index, (&left, &right)) in
                expected.values().iter().zip(actual.values()).enumerate()
            {
                self.value(left, right, || Origin::Inside(next, index))?;
            }
            next += 1;
        }
        Ok(())
    }

    /// Compares kind, type and length.
    fn heads(&self, pair: usize, left: &Node, right: &Node) -> Result<(), Box<Difference>> {
        let alike = match (left, right) {
            (Node::Struct { ty: left, .. }, Node::Struct { ty: right, .. }) => left == right,
            (
                Node::Array { ty, len, .. },
                Node::Array {
                    ty: right_ty,
                    len: right_len,
                    ..
                },
            ) => (ty, len) == (right_ty, right_len),
            // An engine that cannot name a tag says nothing about it.
            (Node::Exception { tag: left, .. }, Node::Exception { tag: right, .. }) => {
                left.is_none() || right.is_none() || left == right
            }
            (Node::Func(left), Node::Func(right)) => left == right,
            _ => false,
        };
        if alike && (left.values().len() == right.values().len() || right.is_unread()) {
            return Ok(());
        }
        Err(self.found(pair, head_side(left), head_side(right)))
    }

    /// Compares two values. A pair of objects that is met for the first time is queued.
    fn value(
        &mut self,
        left: Value,
        right: Value,
        origin: impl FnOnce() -> Origin,
    ) -> Result<(), Box<Difference>> {
        self.values += 1;
        if let (Value::Ref(l), Value::Ref(r)) = (left, right)
            && let (Target::Node(l), Target::Node(r)) = (l.to, r.to)
        {
            return self.pair(l, r, origin);
        }
        if left == right {
            return Ok(());
        }
        if nondeterminism::permits_values(left, right, self.traits) {
            self.permitted.count(Row::NANS);
            return Ok(());
        }
        let origin = origin();
        Err(Box::new(Difference {
            excess: None,
            aspect: self.root(&origin).aspect(),
            path: self.path(&origin),
            expected: self.value_side(left, self.left),
            actual: self.value_side(right, self.right),
        }))
    }

    fn pair(
        &mut self,
        left: NodeId,
        right: NodeId,
        origin: impl FnOnce() -> Origin,
    ) -> Result<(), Box<Difference>> {
        match (self.left.graph.get(left), self.right.graph.get(right)) {
            (Some(Node::Func(key)), Some(Node::Func(FuncKey::Numbered(number)))) => {
                self.lesser.functions_numbered += 1;
                return self.numbered(key, *number, origin);
            }
            (Some(Node::Func(_)), Some(Node::Func(FuncKey::Unknown))) => {
                self.lesser.functions_unknown += 1;
                return Ok(());
            }
            // Each reference to an exception leads to a node of its own.
            (Some(Node::Exception { .. }), Some(read @ Node::Exception { .. }))
                if self.traits[1].outside.is_some() =>
            {
                self.lesser.exceptions_read += u64::from(!read.is_unread());
                self.lesser.exceptions_unread += u64::from(read.is_unread());
                self.pairs.push((left, right, origin()));
                return Ok(());
            }
            _ => {}
        }
        let seen = (
            self.seen(&self.of_left, left),
            self.seen(&self.of_right, right),
        );
        match seen {
            (None, None) => {
                let number = self.pairs.len();
                if let Some(slot) = self.of_left.get_mut(left.0 as usize) {
                    *slot = Some(number);
                }
                if let Some(slot) = self.of_right.get_mut(right.0 as usize) {
                    *slot = Some(number);
                }
                self.pairs.push((left, right, origin()));
                Ok(())
            }
            (Some(left), Some(right)) if left == right => Ok(()),
            (left, right) => {
                let side = |pair: Option<usize>| match pair {
                    Some(pair) => Described::new(
                        format!(
                            "the object first seen at {}",
                            self.path(&self.pairs[pair].2)
                        ),
                        "an object seen before",
                    ),
                    None => Described::plain("an object not seen before"),
                };
                Err(Box::new(Difference {
                    excess: None,
                    aspect: Aspect::Identity,
                    expected: side(left),
                    actual: side(right),
                    path: self.path(&origin()),
                }))
            }
        }
    }

    /// Compares a function with one that only has a number.
    fn numbered(
        &mut self,
        key: &FuncKey,
        number: u32,
        origin: impl FnOnce() -> Origin,
    ) -> Result<(), Box<Difference>> {
        self.numbers.same(key, number).map_err(|before| {
            Box::new(Difference {
                excess: None,
                aspect: Aspect::Identity,
                path: self.path(&origin()),
                expected: Described::new(key, "function"),
                actual: Described::new(
                    format!("function number {number}: {before}"),
                    "another function",
                ),
            })
        })
    }

    fn seen(&self, table: &[Option<usize>], node: NodeId) -> Option<usize> {
        table.get(node.0 as usize).copied().flatten()
    }

    fn found(&self, pair: usize, expected: Described, actual: Described) -> Box<Difference> {
        let origin = &self.pairs[pair].2;
        Box::new(Difference {
            excess: None,
            aspect: self.root(origin).aspect(),
            path: self.path(origin),
            expected,
            actual,
        })
    }

    fn root<'b>(&'b self, origin: &'b Origin) -> &'b Root {
        let mut origin = origin;
        loop {
            match origin {
                Origin::Root(root) => return root,
                Origin::Inside(pair, _) => origin = &self.pairs[*pair].2,
            }
        }
    }

    fn path(&self, origin: &Origin) -> String {
        const SHOWN: usize = 40;
        let mut edges = Vec::new();
        let mut at = origin;
        while let Origin::Inside(pair, index) = at {
            let (left, _, before) = &self.pairs[*pair];
            let edge = match self.left.graph.get(*left) {
                Some(Node::Array { len, .. }) => {
                    let number = observed_elements(*len).nth(*index);
                    number.map_or_else(String::new, |number| format!("[{number}]"))
                }
                Some(Node::Exception { .. }) => format!("argument {index}"),
                _ => format!("field {index}"),
            };
            edges.push(edge);
            at = before;
        }
        edges.reverse();
        let more = edges.len().saturating_sub(SHOWN);
        edges.truncate(SHOWN);
        let mut text = self.root(origin).text();
        for edge in edges {
            text.push_str(" -> ");
            text.push_str(&edge);
        }
        if more > 0 {
            text.push_str(&format!(" -> ({more} more)"));
        }
        text
    }

    fn value_side(&self, value: Value, observation: &Observation) -> Described {
        let class = match value {
            Value::I32(_) => "i32",
            Value::I64(_) => "i64",
            Value::F32(_) => "f32",
            Value::F64(_) => "f64",
            Value::V128(_) => "v128",
            Value::Ref(reference) => match reference.to {
                Target::Null => "null",
                Target::I31(_) => "i31",
                Target::Host(_) => "host object",
                Target::Node(node) => {
                    let node = observation.graph.get(node);
                    return node.map_or_else(|| Described::plain("no object"), head_side);
                }
            },
        };
        Described::new(value, class)
    }
}

fn head_side(node: &Node) -> Described {
    let text = match node {
        Node::Struct { ty, fields } => format!("a structure of {ty} with {} fields", fields.len()),
        Node::Array { ty, len, .. } => format!("an array of {ty} with {len} elements"),
        Node::Exception { tag, arguments } => {
            let tag = tag.map_or_else(|| "unknown tag".to_owned(), |tag| tag.to_string());
            format!("an exception with {tag} and {} arguments", arguments.len())
        }
        Node::Func(key) => key.to_string(),
    };
    Described::new(text, node.kind())
}

fn same_names<'a>(
    instance: &str,
    what: &str,
    left: impl Iterator<Item = &'a String>,
    right: impl Iterator<Item = &'a String>,
) -> Result<(), Box<Difference>> {
    let (left, right): (Vec<_>, Vec<_>) = (left.collect(), right.collect());
    if left == right {
        return Ok(());
    }
    let names = |names: &[&String]| {
        let quoted: Vec<String> = names.iter().map(|name| format!("{name:?}")).collect();
        Described::new(format!("{what} {}", quoted.join(", ")), what)
    };
    Err(Box::new(Difference {
        excess: None,
        aspect: Aspect::Exports,
        path: format!("{what} of {instance}"),
        expected: names(&left),
        actual: names(&right),
    }))
}

fn same_memory(
    instance: &str,
    name: &str,
    left: &MemoryState,
    right: &MemoryState,
) -> Result<(), Box<Difference>> {
    if left == right {
        return Ok(());
    }
    let (path, expected, actual) = match left.first_difference(right) {
        Some(address) => {
            let side = |memory: &MemoryState| {
                Described::new(format!("{:#04x}", memory.byte(address)), "byte")
            };
            (
                format!("memory {name:?}[{address:#x}] of {instance}"),
                side(left),
                side(right),
            )
        }
        None => {
            let side =
                |memory: &MemoryState| Described::new(format!("{} bytes", memory.length), "length");
            (
                format!("memory {name:?} of {instance}"),
                side(left),
                side(right),
            )
        }
    };
    Err(Box::new(Difference {
        excess: None,
        aspect: Aspect::Memory,
        path,
        expected,
        actual,
    }))
}
