//! Engine-neutral values: the arguments and results of a step.
//!
//! Always: floats and vectors are bit patterns, so that equality is equality of bits. A reference
//! to an object is the number of a node in the [`Graph`](crate::observe::Graph) that was observed
//! with it. Nothing here is an address, so nothing depends on where a collector puts objects.
//!
//! Not here: the objects themselves (`observe`), any engine's type (`engine`), and text formats
//! (`wast-tests`).

use std::fmt;

/// The four reference hierarchies of WebAssembly 3.0, each named after its top type.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum HeapTop {
    /// `any`: internal references (structures, arrays, i31, internalised host objects).
    Any,
    /// `func`.
    Func,
    /// `extern`.
    Extern,
    /// `exn`.
    Exn,
}

impl HeapTop {
    /// Every hierarchy, in a fixed order.
    pub const ALL: [HeapTop; 4] = [HeapTop::Any, HeapTop::Func, HeapTop::Extern, HeapTop::Exn];

    /// Returns the name of the top type in the text format.
    pub fn name(self) -> &'static str {
        match self {
            HeapTop::Any => "any",
            HeapTop::Func => "func",
            HeapTop::Extern => "extern",
            HeapTop::Exn => "exn",
        }
    }
}

impl fmt::Display for HeapTop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// The number of a node in an observed object graph. Numbers are dense, in the order of the first
/// visit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NodeId(pub u32);

impl fmt::Display for NodeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "#{}", self.0)
    }
}

/// What a reference refers to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Target {
    /// Nothing.
    Null,
    /// An unboxed scalar: its low 31 bits, the top bit clear.
    I31(u32),
    /// A host object, by the number it carries.
    Host(u32),
    /// A structure, an array, an exception or a function: a node of the graph observed in the same
    /// step.
    Node(NodeId),
}

/// A reference: what it refers to, and the hierarchy it was read from. An object seen through
/// `extern.convert_any` keeps its node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Ref {
    /// The hierarchy of the place the reference was read from.
    pub top: HeapTop,
    /// What it refers to.
    pub to: Target,
}

impl Ref {
    /// Returns the null reference of a hierarchy.
    pub fn null(top: HeapTop) -> Ref {
        Ref {
            top,
            to: Target::Null,
        }
    }

    /// Returns a host object seen as `externref`.
    pub fn host(number: u32) -> Ref {
        Ref {
            top: HeapTop::Extern,
            to: Target::Host(number),
        }
    }

    /// Returns an i31 seen as `anyref`. Only the low 31 bits count.
    pub fn i31(value: u32) -> Ref {
        Ref {
            top: HeapTop::Any,
            to: Target::I31(value & 0x7fff_ffff),
        }
    }

    /// Returns a node of the observed graph.
    pub fn node(top: HeapTop, node: NodeId) -> Ref {
        Ref {
            top,
            to: Target::Node(node),
        }
    }

    /// Returns true if this is a null reference of any hierarchy.
    pub fn is_null(self) -> bool {
        self.to == Target::Null
    }
}

impl fmt::Display for Ref {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.to {
            Target::Null => write!(f, "ref.null {}", self.top),
            Target::I31(value) => write!(f, "ref.i31 {value}"),
            Target::Host(number) if self.top == HeapTop::Extern => write!(f, "ref.extern {number}"),
            Target::Host(number) => write!(f, "ref.host {number}"),
            Target::Node(node) => write!(f, "ref {} {node}", self.top),
        }
    }
}

/// A WebAssembly value. Floats are their bit patterns.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Value {
    /// A 32-bit integer, signed or unsigned.
    I32(i32),
    /// A 64-bit integer.
    I64(i64),
    /// The bits of a single-precision float.
    F32(u32),
    /// The bits of a double-precision float.
    F64(u64),
    /// A vector, lane 0 in the least significant bits.
    V128(u128),
    /// A reference.
    Ref(Ref),
}

impl Value {
    /// Returns the reference inside, if this is one.
    pub fn as_ref(self) -> Option<Ref> {
        match self {
            Value::Ref(reference) => Some(reference),
            _ => None,
        }
    }

    /// Returns true if this is a float that is not a number.
    pub fn is_nan(self) -> bool {
        match self {
            Value::F32(bits) => f32::from_bits(bits).is_nan(),
            Value::F64(bits) => f64::from_bits(bits).is_nan(),
            Value::I32(_) | Value::I64(_) | Value::V128(_) | Value::Ref(_) => false,
        }
    }
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Value::I32(value) => write!(f, "i32.const {value}"),
            Value::I64(value) => write!(f, "i64.const {value}"),
            Value::F32(bits) => write!(f, "f32.const {} ({bits:#010x})", f32::from_bits(*bits)),
            Value::F64(bits) => write!(f, "f64.const {} ({bits:#018x})", f64::from_bits(*bits)),
            Value::V128(bits) => write!(f, "v128.const {bits:#034x}"),
            Value::Ref(reference) => reference.fmt(f),
        }
    }
}
