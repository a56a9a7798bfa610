//! Types in the text format, for messages. A defined type inside of another is shown as a name, so
//! that the text of a recursive type ends.

use std::fmt::{self, Display, Formatter};

use super::engine::Engine;
use super::extern_types::{ExternType, GlobalType, MemoryType, TableType};
use super::types::{
    ArrayType, FieldType, FuncType, HeapTopType, HeapType, Mutability, RefType, StorageType,
    StructType, ValType,
};
use crate::types::{Composite, FieldKind, HeapKind, RefKind, ValKind};

impl Display for HeapTopType {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            HeapTopType::Extern => "extern",
            HeapTopType::Any => "any",
            HeapTopType::Func => "func",
            HeapTopType::Exn => "exn",
        })
    }
}

impl Display for HeapType {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            HeapType::Extern => "extern",
            HeapType::NoExtern => "noextern",
            HeapType::Func => "func",
            HeapType::NoFunc => "nofunc",
            HeapType::Any => "any",
            HeapType::Eq => "eq",
            HeapType::I31 => "i31",
            HeapType::Array => "array",
            HeapType::Struct => "struct",
            HeapType::None => "none",
            HeapType::Exn => "exn",
            HeapType::NoExn => "noexn",
            HeapType::ConcreteFunc(ty) => return write!(f, "$func{}", ty.id().0),
            HeapType::ConcreteArray(ty) => return write!(f, "$array{}", ty.id().0),
            HeapType::ConcreteStruct(ty) => return write!(f, "$struct{}", ty.id().0),
        })
    }
}

impl Display for RefType {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let null = if self.nullable { "null " } else { "" };
        write!(f, "(ref {null}{})", self.heap_type)
    }
}

impl Display for ValType {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            ValType::I32 => f.write_str("i32"),
            ValType::I64 => f.write_str("i64"),
            ValType::F32 => f.write_str("f32"),
            ValType::F64 => f.write_str("f64"),
            ValType::V128 => f.write_str("v128"),
            ValType::Ref(ty) => ty.fmt(f),
        }
    }
}

impl Display for StorageType {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            StorageType::I8 => f.write_str("i8"),
            StorageType::I16 => f.write_str("i16"),
            StorageType::ValType(ty) => ty.fmt(f),
        }
    }
}

/// `content`, inside of `(mut ..)` if it can be written.
fn mutable(f: &mut Formatter<'_>, mutability: Mutability, content: &dyn Display) -> fmt::Result {
    match mutability {
        Mutability::Const => content.fmt(f),
        Mutability::Var => write!(f, "(mut {content})"),
    }
}

impl Display for FieldType {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        mutable(f, self.mutability, &self.element_type)
    }
}

/// ` (name a b ..)`, or nothing when there are none.
fn list(
    f: &mut Formatter<'_>,
    name: &str,
    items: impl Iterator<Item = impl Display>,
) -> fmt::Result {
    let mut items = items.peekable();
    if items.peek().is_none() {
        return Ok(());
    }
    write!(f, " ({name}")?;
    for item in items {
        write!(f, " {item}")?;
    }
    f.write_str(")")
}

/// A composite type of an engine.
pub(super) struct CompositeText<'a>(pub &'a Engine, pub &'a Composite);

impl Display for CompositeText<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let CompositeText(engine, composite) = self;
        let val = |kind: &ValKind| ValType::from_kind(engine, *kind);
        let field = |kind: &FieldKind| FieldType::from_kind(engine, *kind);
        match composite {
            Composite::Func(sig) => {
                f.write_str("(func")?;
                list(f, "param", sig.params.iter().map(val))?;
                list(f, "result", sig.results.iter().map(val))?;
                f.write_str(")")
            }
            Composite::Struct(fields) => {
                f.write_str("(struct")?;
                list(f, "field", fields.iter().map(field))?;
                f.write_str(")")
            }
            Composite::Array(element) => write!(f, "(array {})", field(element)),
        }
    }
}

macro_rules! defined {
    ($($name:ident),*) => { $(
        impl Display for $name {
            fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
                CompositeText(&self.0.engine, &self.0.def.composite).fmt(f)
            }
        }
    )* };
}

defined!(FuncType, StructType, ArrayType);

/// A value type in its canonical form. A type that no longer lives is shown as its number.
pub(super) fn val_text(engine: &Engine, kind: ValKind) -> String {
    match kind {
        ValKind::Ref(RefKind {
            nullable,
            heap: HeapKind::Defined(id, shape),
        }) if engine.registry().get(id).is_none() => {
            let null = if nullable { "null " } else { "" };
            format!("(ref {null}{shape:?} {}?)", id.0)
        }
        living => ValType::from_kind(engine, living).to_string(),
    }
}

/// `i64 ` for 64-bit addresses, then the limits.
fn limits(f: &mut Formatter<'_>, is_64: bool, minimum: u64, maximum: Option<u64>) -> fmt::Result {
    let addresses = if is_64 { "i64 " } else { "" };
    write!(f, "{addresses}{minimum}")?;
    match maximum {
        Some(maximum) => write!(f, " {maximum}"),
        None => Ok(()),
    }
}

impl Display for TableType {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str("(table ")?;
        limits(f, self.is_64, self.minimum, self.maximum)?;
        write!(f, " {})", self.element)
    }
}

impl Display for MemoryType {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str("(memory ")?;
        limits(f, self.is_64, self.minimum, self.maximum)?;
        f.write_str(")")
    }
}

impl Display for GlobalType {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str("(global ")?;
        mutable(f, self.mutability, &self.content)?;
        f.write_str(")")
    }
}

impl Display for ExternType {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            ExternType::Func(ty) => ty.fmt(f),
            ExternType::Table(ty) => ty.fmt(f),
            ExternType::Memory(ty) => ty.fmt(f),
            ExternType::Global(ty) => ty.fmt(f),
            ExternType::Tag(ty) => {
                f.write_str("(tag")?;
                list(f, "param", ty.params())?;
                f.write_str(")")
            }
        }
    }
}
