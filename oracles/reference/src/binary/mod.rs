//! The binary format: from bytes to abstract syntax.
//!
//! Functions are named after the nonterminals of the grammar (`Bvaltype` is `valtype`).
//!
//! Always holds: decoding never panics and never recurses. It never allocates for a declared count
//! before the bytes have proved it: each element of a list takes at least one byte, and lists grow
//! as elements arrive. Not here: whatever makes a module *invalid*, not *malformed*.
//!
//! Reading order: `values`, `types`, `instructions`, `vectors`, `modules`.

mod instructions;
mod modules;
mod types;
mod values;
mod vectors;

use std::fmt;

/// Bytes that are not a module.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Malformed {
    /// Where in the module's bytes.
    pub offset: usize,
    /// What is wrong there.
    pub kind: MalformedKind,
}

/// Ways to be malformed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MalformedKind {
    /// The bytes, or the section's or function's bytes, end within a construct.
    UnexpectedEnd,
    /// A number takes more bytes than its type permits.
    IntegerTooLong,
    /// A number has bits set that its type does not have.
    IntegerTooLarge,
    /// A name is not UTF-8.
    Utf8,
    /// The first four bytes are not the magic number.
    Magic,
    /// The next four bytes are not version 1.
    Version,
    /// No section has this id.
    SectionId(u8),
    /// A section appears twice or too late.
    SectionOrder(u8),
    /// A section's contents end before its declared size.
    SectionSize,
    /// A function's contents end before its declared size.
    FunctionSize,
    /// Function and code section differ in length.
    FunctionCount,
    /// Data count and data section differ in length.
    DataCount,
    /// A function uses a data segment, but there is no data count section.
    DataCountMissing,
    /// No instruction has this opcode. The second number follows the prefix bytes 0xFB, 0xFC and
    /// 0xFD.
    Opcode(u8, u32),
    /// `else` outside `if`, or a second one.
    Else,
    /// No type begins with this byte.
    Type(u8),
    /// No reference type begins with this byte.
    RefType(u8),
    /// A heap or block type is a negative number that denotes no type.
    TypeNumber,
    /// Not a mutability.
    Mutability(u8),
    /// Not a kind of limits.
    Limits(u8),
    /// Not a kind of import or export.
    ExternKind(u8),
    /// Not a tag attribute.
    TagAttribute(u8),
    /// Not a table definition.
    TableKind(u8),
    /// Not an element segment.
    ElemFlags(u32),
    /// Not an element kind.
    ElemKind(u8),
    /// Not a data segment.
    DataFlags(u32),
    /// Not a cast's nullability flags.
    CastFlags(u8),
    /// Not a catch clause.
    Catch(u8),
    /// Not the flags of a memory argument.
    MemargFlags(u32),
    /// A function has 2^32 locals or more.
    Locals,
    /// A function has more locals than [`MAX_LOCALS`]. Such a module is not malformed by the
    /// specification: this is an implementation limit.
    LocalsLimit,
}

/// Most locals of a function, parameters not counted: the limit that the JS API appendix sets for
/// all engines.
pub const MAX_LOCALS: u32 = 50_000;

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "byte {:#x}: {}", self.offset, self.kind)
    }
}

impl fmt::Display for MalformedKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        use MalformedKind as Kind;
        match self {
            Kind::UnexpectedEnd => write!(f, "unexpected end"),
            Kind::IntegerTooLong => write!(f, "the number takes too many bytes"),
            Kind::IntegerTooLarge => write!(f, "the number is too large"),
            Kind::Utf8 => write!(f, "the name is not UTF-8"),
            Kind::Magic => write!(f, "the magic number is missing"),
            Kind::Version => write!(f, "the version is not 1"),
            Kind::SectionId(id) => write!(f, "there is no section {id}"),
            Kind::SectionOrder(id) => write!(f, "section {id} appears twice or too late"),
            Kind::SectionSize => write!(f, "the section is shorter than its size says"),
            Kind::FunctionSize => write!(f, "the function is shorter than its size says"),
            Kind::FunctionCount => write!(f, "function and code section differ in length"),
            Kind::DataCount => write!(f, "data count and data section differ in length"),
            Kind::DataCountMissing => write!(f, "the data count section is missing"),
            Kind::Opcode(prefix @ 0xFB..=0xFD, code) => {
                write!(f, "there is no instruction {prefix:#x} {code}")
            }
            Kind::Opcode(code, _) => write!(f, "there is no instruction {code:#x}"),
            Kind::Else => write!(f, "unexpected `else`"),
            Kind::Type(byte) => write!(f, "no type begins with {byte:#x}"),
            Kind::RefType(byte) => write!(f, "no reference type begins with {byte:#x}"),
            Kind::TypeNumber => write!(f, "the negative number denotes no type"),
            Kind::Mutability(byte) => write!(f, "{byte:#x} is no mutability"),
            Kind::Limits(byte) => write!(f, "{byte:#x} is no kind of limits"),
            Kind::ExternKind(byte) => write!(f, "{byte:#x} is no kind of import or export"),
            Kind::TagAttribute(byte) => write!(f, "{byte:#x} is no tag attribute"),
            Kind::TableKind(byte) => write!(f, "{byte:#x} is no kind of table"),
            Kind::ElemFlags(flags) => write!(f, "{flags} is no kind of element segment"),
            Kind::ElemKind(byte) => write!(f, "{byte:#x} is no kind of element"),
            Kind::DataFlags(flags) => write!(f, "{flags} is no kind of data segment"),
            Kind::CastFlags(byte) => write!(f, "{byte:#x} is no kind of cast"),
            Kind::Catch(byte) => write!(f, "{byte:#x} is no kind of catch clause"),
            Kind::MemargFlags(flags) => write!(f, "{flags} is no kind of memory argument"),
            Kind::Locals => write!(f, "the function has 2^32 locals or more"),
            Kind::LocalsLimit => write!(f, "the function has more than {MAX_LOCALS} locals"),
        }
    }
}

impl std::error::Error for Malformed {}

type Result<T> = std::result::Result<T, Malformed>;
