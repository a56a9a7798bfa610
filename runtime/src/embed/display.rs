//! Types as the text format writes them, for messages. A defined type inside of another is only
//! named, so that recursive types end.

use std::fmt::{self, Display, Formatter};

use super::extern_types::{ExternType, GlobalType, MemoryType, TableType};
use super::types::{
    ArrayType, FieldType, FuncType, HeapTopType, HeapType, Mutability, RefType, StorageType,
    StructType, ValType,
};

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

/// `content`, in `(mut ..)` if it can be written.
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

impl Display for FuncType {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str("(func")?;
        list(f, "param", self.params())?;
        list(f, "result", self.results())?;
        f.write_str(")")
    }
}

impl Display for StructType {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str("(struct")?;
        list(f, "field", self.fields())?;
        f.write_str(")")
    }
}

impl Display for ArrayType {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "(array {})", self.field_type())
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
