//! Types into an engine: constructors that register a type, and canonical forms of types that the
//! embedder names.

use std::sync::Arc;

use super::display::CompositeText;
use super::engine::Engine;
use super::error::{Error, Misuse};
use super::extern_types::{GlobalType, TableType};
use super::types::{
    ArrayType, Defined, FieldType, FuncType, HeapType, Mutability, RefType, StorageType,
    StructType, ValType,
};
use crate::limits::SUBTYPE_DEPTH_MAX;
use crate::types::registry::Registered;
use crate::types::{
    Composite, FieldKind, FuncSig, HeapKind, RefKind, Shape, StorageKind, TypeDef, TypeId, ValKind,
};

impl Defined {
    fn intern(engine: &Engine, def: TypeDef) -> Result<Defined, Error> {
        if !engine.registry().may_extend(&def) {
            return Err(Defined::no_subtype(engine, &def));
        }
        let mut keep = Registered::new(engine.registry());
        let ids = keep.add_group(vec![def])?;
        let def = engine.registry().get(ids[0]).ok_or(Misuse::WrongEngine)?;
        Ok(Defined {
            engine: engine.clone(),
            id: ids[0],
            def,
            keep: Arc::new(keep),
        })
    }

    /// The error for a definition that cannot declare its supertype. Names both.
    fn no_subtype(engine: &Engine, def: &TypeDef) -> Error {
        let supertype = def.supertype.and_then(|id| engine.registry().get(id));
        let text = |def: &TypeDef| CompositeText(engine, &def.composite).to_string();
        let expected = match supertype {
            Some(sup) if sup.is_final => format!("no subtype of the final type {}", text(&sup)),
            Some(sup) if sup.depth >= SUBTYPE_DEPTH_MAX => {
                format!("at most {SUBTYPE_DEPTH_MAX} supertypes above")
            }
            Some(sup) => format!("a subtype of {}", text(&sup)),
            None => "a supertype of this engine".to_owned(),
        };
        Error::type_mismatch(expected, text(def))
    }

    fn expect(&self, engine: &Engine) -> Result<TypeId, Error> {
        if Engine::same(&self.engine, engine) {
            Ok(self.id)
        } else {
            Err(Misuse::WrongEngine.into())
        }
    }
}

impl HeapType {
    pub(crate) fn kind(&self, engine: &Engine) -> Result<HeapKind, Error> {
        Ok(match self {
            HeapType::Extern => HeapKind::Extern,
            HeapType::NoExtern => HeapKind::NoExtern,
            HeapType::Func => HeapKind::Func,
            HeapType::ConcreteFunc(f) => HeapKind::Defined(f.0.expect(engine)?, Shape::Func),
            HeapType::NoFunc => HeapKind::NoFunc,
            HeapType::Any => HeapKind::Any,
            HeapType::Eq => HeapKind::Eq,
            HeapType::I31 => HeapKind::I31,
            HeapType::Array => HeapKind::Array,
            HeapType::ConcreteArray(a) => HeapKind::Defined(a.0.expect(engine)?, Shape::Array),
            HeapType::Struct => HeapKind::Struct,
            HeapType::ConcreteStruct(s) => HeapKind::Defined(s.0.expect(engine)?, Shape::Struct),
            HeapType::None => HeapKind::None,
            HeapType::Exn => HeapKind::Exn,
            HeapType::NoExn => HeapKind::NoExn,
        })
    }
}

impl RefType {
    pub(crate) fn kind(&self, engine: &Engine) -> Result<RefKind, Error> {
        Ok(RefKind {
            nullable: self.nullable,
            heap: self.heap_type.kind(engine)?,
        })
    }
}

impl ValType {
    /// Returns its canonical form in that engine.
    ///
    /// # Errors
    /// `Misuse` when it names a type of another engine.
    pub(crate) fn kind(&self, engine: &Engine) -> Result<ValKind, Error> {
        Ok(match self {
            ValType::I32 => ValKind::I32,
            ValType::I64 => ValKind::I64,
            ValType::F32 => ValKind::F32,
            ValType::F64 => ValKind::F64,
            ValType::V128 => ValKind::V128,
            ValType::Ref(r) => ValKind::Ref(r.kind(engine)?),
        })
    }

    /// Returns true if values of this type are values of `other`, in that engine.
    ///
    /// # Errors
    /// `Misuse` when one of them names a type of another engine.
    pub fn matches(&self, engine: &Engine, other: &ValType) -> Result<bool, Error> {
        let (sub, sup) = (self.kind(engine)?, other.kind(engine)?);
        Ok(engine.registry().val_matches(sub, sup))
    }
}

impl FieldType {
    fn kind(&self, engine: &Engine) -> Result<FieldKind, Error> {
        Ok(FieldKind {
            storage: match &self.element_type {
                StorageType::I8 => StorageKind::I8,
                StorageType::I16 => StorageKind::I16,
                StorageType::ValType(v) => StorageKind::Val(v.kind(engine)?),
            },
            mutable: self.mutability == Mutability::Var,
        })
    }
}

fn kinds(
    engine: &Engine,
    types: impl IntoIterator<Item = ValType>,
) -> Result<Box<[ValKind]>, Error> {
    types.into_iter().map(|ty| ty.kind(engine)).collect()
}

/// The definition of a type that is alone in its group.
fn single(is_final: bool, supertype: Option<TypeId>, composite: Composite) -> TypeDef {
    TypeDef {
        is_final,
        supertype,
        composite,
        depth: 0,
    }
}

impl FuncType {
    /// Makes the final function type with these parameters and results, alone in its group.
    ///
    /// # Errors
    /// `Misuse` for a type of another engine. [`Error::Rejected`] when the engine has no room for
    /// types.
    pub fn new(
        engine: &Engine,
        params: impl IntoIterator<Item = ValType>,
        results: impl IntoIterator<Item = ValType>,
    ) -> Result<FuncType, Error> {
        FuncType::with_finality_and_supertype(engine, true, None, params, results)
    }

    /// Returns a function type that is alone in its group.
    ///
    /// # Errors
    /// As [`FuncType::new`]. `Misuse` when it does not match its supertype.
    pub fn with_finality_and_supertype(
        engine: &Engine,
        is_final: bool,
        supertype: Option<&FuncType>,
        params: impl IntoIterator<Item = ValType>,
        results: impl IntoIterator<Item = ValType>,
    ) -> Result<FuncType, Error> {
        let sig = FuncSig {
            params: kinds(engine, params)?,
            results: kinds(engine, results)?,
        };
        let supertype = supertype.map(|s| s.0.expect(engine)).transpose()?;
        let def = single(is_final, supertype, Composite::Func(sig));
        Ok(FuncType(Defined::intern(engine, def)?))
    }
}

impl StructType {
    /// Makes the final structure type with these fields, alone in its group.
    ///
    /// # Errors
    /// `Misuse` for a type of another engine. [`Error::Rejected`] when the engine has no room for
    /// types.
    pub fn new(
        engine: &Engine,
        fields: impl IntoIterator<Item = FieldType>,
    ) -> Result<StructType, Error> {
        StructType::with_finality_and_supertype(engine, true, None, fields)
    }

    /// Returns a structure type that is alone in its group.
    ///
    /// # Errors
    /// As [`StructType::new`]. `Misuse` when it does not match its supertype.
    pub fn with_finality_and_supertype(
        engine: &Engine,
        is_final: bool,
        supertype: Option<&StructType>,
        fields: impl IntoIterator<Item = FieldType>,
    ) -> Result<StructType, Error> {
        let fields: Vec<_> = fields.into_iter().collect();
        let kinds = fields.iter().map(|f| f.kind(engine));
        let kinds = kinds.collect::<Result<_, _>>()?;
        let supertype = supertype.map(|s| s.0.expect(engine)).transpose()?;
        let def = single(is_final, supertype, Composite::Struct(kinds));
        Ok(StructType(Defined::intern(engine, def)?))
    }
}

impl ArrayType {
    /// Makes the final array type with that element, alone in its group.
    ///
    /// # Errors
    /// `Misuse` for a type of another engine. [`Error::Rejected`] when the engine has no room for
    /// types.
    pub fn new(engine: &Engine, element: FieldType) -> Result<ArrayType, Error> {
        ArrayType::with_finality_and_supertype(engine, true, None, element)
    }

    /// Returns an array type that is alone in its group.
    ///
    /// # Errors
    /// As [`ArrayType::new`]. `Misuse` when it does not match its supertype.
    pub fn with_finality_and_supertype(
        engine: &Engine,
        is_final: bool,
        supertype: Option<&ArrayType>,
        element: FieldType,
    ) -> Result<ArrayType, Error> {
        let supertype = supertype.map(|s| s.0.expect(engine)).transpose()?;
        let kind = element.kind(engine)?;
        let def = single(is_final, supertype, Composite::Array(kind));
        Ok(ArrayType(Defined::intern(engine, def)?))
    }
}

impl TableType {
    pub(crate) fn kind(&self, engine: &Engine) -> Result<crate::module::TableType, Error> {
        Ok(crate::module::TableType {
            element: self.element.kind(engine)?,
            is_64: self.is_64,
            min: self.minimum,
            max: self.maximum,
        })
    }
}

impl GlobalType {
    pub(crate) fn kind(&self, engine: &Engine) -> Result<crate::module::GlobalType, Error> {
        Ok(crate::module::GlobalType {
            content: self.content.kind(engine)?,
            mutable: self.mutability == Mutability::Var,
        })
    }
}
