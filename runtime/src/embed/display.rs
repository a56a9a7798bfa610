//! Types in the text format, for messages. A defined type inside of another is shown as a name, so
//! that the text of a recursive type ends. The caller may give names; without one the name is made
//! of the type's number.

use std::fmt::{self, Display, Formatter};

use super::engine::Engine;
use super::extern_types::{ExternType, GlobalType, MemoryType, TableType};
use super::types::{
    ArrayType, FieldType, FuncType, HeapTopType, HeapType, Mutability, RefType, StorageType,
    StructType, ValType,
};
use crate::types::{Composite, FieldKind, HeapKind, RefKind, TypeId, TypeNames, ValKind};

/// Something whose text contains names of types.
pub(super) trait Text {
    fn write(&self, f: &mut Formatter<'_>, names: TypeNames<'_>) -> fmt::Result;
}

/// It, with names.
pub(super) struct Named<'a, T>(pub &'a T, pub TypeNames<'a>);

impl<T: Text> Display for Named<'_, T> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        self.0.write(f, self.1)
    }
}

macro_rules! shown {
    ($($name:ty),*) => { $(
        impl Display for $name {
            fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
                self.write(f, &|_| None)
            }
        }
    )* };
}

shown!(
    HeapType,
    RefType,
    ValType,
    StorageType,
    FieldType,
    FuncType,
    StructType,
    ArrayType,
    TableType,
    GlobalType,
    ExternType
);

/// `$name`, or `$"a name"`.
fn identifier(f: &mut Formatter<'_>, name: &str) -> fmt::Result {
    let is_plain = |c: char| c.is_ascii_graphic() && !"\"(),;[]{}".contains(c);
    if !name.is_empty() && name.chars().all(is_plain) {
        write!(f, "${name}")
    } else {
        write!(f, "${name:?}")
    }
}

fn defined(
    f: &mut Formatter<'_>,
    names: TypeNames<'_>,
    shape: &'static str,
    id: TypeId,
) -> fmt::Result {
    match names(id) {
        Some(name) => identifier(f, &name),
        None => write!(f, "${shape}{}", id.0),
    }
}

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

impl Text for HeapType {
    fn write(&self, f: &mut Formatter<'_>, names: TypeNames<'_>) -> fmt::Result {
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
            HeapType::ConcreteFunc(ty) => return defined(f, names, "func", ty.id()),
            HeapType::ConcreteArray(ty) => return defined(f, names, "array", ty.id()),
            HeapType::ConcreteStruct(ty) => return defined(f, names, "struct", ty.id()),
        })
    }
}

impl Text for RefType {
    fn write(&self, f: &mut Formatter<'_>, names: TypeNames<'_>) -> fmt::Result {
        let null = if self.nullable { "null " } else { "" };
        write!(f, "(ref {null}{})", Named(&self.heap_type, names))
    }
}

impl Text for ValType {
    fn write(&self, f: &mut Formatter<'_>, names: TypeNames<'_>) -> fmt::Result {
        match self {
            ValType::I32 => f.write_str("i32"),
            ValType::I64 => f.write_str("i64"),
            ValType::F32 => f.write_str("f32"),
            ValType::F64 => f.write_str("f64"),
            ValType::V128 => f.write_str("v128"),
            ValType::Ref(ty) => ty.write(f, names),
        }
    }
}

impl Text for StorageType {
    fn write(&self, f: &mut Formatter<'_>, names: TypeNames<'_>) -> fmt::Result {
        match self {
            StorageType::I8 => f.write_str("i8"),
            StorageType::I16 => f.write_str("i16"),
            StorageType::ValType(ty) => ty.write(f, names),
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

impl Text for FieldType {
    fn write(&self, f: &mut Formatter<'_>, names: TypeNames<'_>) -> fmt::Result {
        mutable(f, self.mutability, &Named(&self.element_type, names))
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
        self.write(f, &|_| None)
    }
}

impl Text for CompositeText<'_> {
    fn write(&self, f: &mut Formatter<'_>, names: TypeNames<'_>) -> fmt::Result {
        let CompositeText(engine, composite) = self;
        let val = |kind: &ValKind| Named(&ValType::from_kind(engine, *kind), names).to_string();
        let field =
            |kind: &FieldKind| Named(&FieldType::from_kind(engine, *kind), names).to_string();
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

macro_rules! composite {
    ($($name:ident),*) => { $(
        impl Text for $name {
            fn write(&self, f: &mut Formatter<'_>, names: TypeNames<'_>) -> fmt::Result {
                CompositeText(&self.0.engine, &self.0.def.composite).write(f, names)
            }
        }
    )* };
}

composite!(FuncType, StructType, ArrayType);

/// Returns a value type in its canonical form. A type that no longer lives is shown as its number.
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

impl Text for TableType {
    fn write(&self, f: &mut Formatter<'_>, names: TypeNames<'_>) -> fmt::Result {
        f.write_str("(table ")?;
        limits(f, self.is_64, self.minimum, self.maximum)?;
        write!(f, " {})", Named(&self.element, names))
    }
}

impl Display for MemoryType {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str("(memory ")?;
        limits(f, self.is_64, self.minimum, self.maximum)?;
        f.write_str(")")
    }
}

impl Text for GlobalType {
    fn write(&self, f: &mut Formatter<'_>, names: TypeNames<'_>) -> fmt::Result {
        f.write_str("(global ")?;
        mutable(f, self.mutability, &Named(&self.content, names))?;
        f.write_str(")")
    }
}

impl Text for ExternType {
    fn write(&self, f: &mut Formatter<'_>, names: TypeNames<'_>) -> fmt::Result {
        match self {
            ExternType::Func(ty) => ty.write(f, names),
            ExternType::Table(ty) => ty.write(f, names),
            ExternType::Memory(ty) => ty.fmt(f),
            ExternType::Global(ty) => ty.write(f, names),
            ExternType::Tag(ty) => {
                f.write_str("(tag")?;
                let params = ty.params();
                list(f, "param", params.map(|ty| Named(&ty, names).to_string()))?;
                f.write_str(")")
            }
        }
    }
}
