//! What a translator can ask about the module: its types by index and by identity, with layouts and
//! machine signatures, and the runtime's types for the types that its code names. Made once for
//! each module. Translators only read it.
//!
//! Not here: state of the function that is being translated (`compile::function`), or offsets in
//! records (`abi::vmctx`).

use std::collections::BTreeMap;
use std::sync::Arc;

use cranelift_codegen::ir;
use wasmparser::{AbstractHeapType, HeapType, RefType, ValType};

use super::compiler::Compiler;
use crate::abi::signature::{AbiTy, Lowered, lower};
use crate::error::Rejected;
use crate::heap::layout::{ArrayLayout, StructLayout};
use crate::index::TypeIdx;
use crate::module::Module;
use crate::planted::Planted;
use crate::types::{
    Composite, FieldKind, FuncSig, HeapKind, RefKind, Shape, StorageKind, TypeDef, TypeId, ValKind,
};

/// A type of the module, with what compiled code needs to know of it.
#[derive(Debug)]
pub struct TypeInfo {
    /// Its identity.
    pub id: TypeId,
    /// Its definition.
    pub def: Arc<TypeDef>,
    /// Its layout or machine signature.
    pub lowered: LoweredType,
}

/// What compiled code needs to know of a composite type.
#[derive(Debug)]
pub enum LoweredType {
    /// The machine signature of a function type.
    Func(Lowered),
    /// The layout of a structure type.
    Struct(StructLayout),
    /// The layout of an array type.
    Array(ArrayLayout),
}

impl TypeInfo {
    fn new(id: TypeId, def: Arc<TypeDef>, planted: Planted, header_bytes: u32) -> TypeInfo {
        let lowered = match &def.composite {
            Composite::Func(sig) => LoweredType::Func(lower(sig)),
            Composite::Struct(fields) => LoweredType::Struct(StructLayout::new(
                planted,
                header_bytes,
                fields.iter().map(|field| field.storage),
            )),
            Composite::Array(element) => {
                LoweredType::Array(ArrayLayout::new(header_bytes, *element))
            }
        };
        TypeInfo { id, def, lowered }
    }

    /// Returns the shape of its composite type.
    #[must_use]
    pub fn shape(&self) -> Shape {
        match self.lowered {
            LoweredType::Func(_) => Shape::Func,
            LoweredType::Struct(_) => Shape::Struct,
            LoweredType::Array(_) => Shape::Array,
        }
    }

    /// Returns the machine signature.
    ///
    /// # Panics
    ///
    /// When this is not a function type. The module was validated, so the translator is wrong.
    #[must_use]
    pub fn signature(&self) -> &Lowered {
        match &self.lowered {
            LoweredType::Func(lowered) => lowered,
            _ => unreachable!("validated: a function type"),
        }
    }

    /// Returns the fields and their layout.
    ///
    /// # Panics
    ///
    /// When this is not a structure type.
    #[must_use]
    pub fn structure(&self) -> (&[FieldKind], &StructLayout) {
        match (&self.def.composite, &self.lowered) {
            (Composite::Struct(fields), LoweredType::Struct(layout)) => (fields, layout),
            _ => unreachable!("validated: a structure type"),
        }
    }

    /// Returns the element and its layout.
    ///
    /// # Panics
    ///
    /// When this is not an array type.
    #[must_use]
    pub fn array(&self) -> (FieldKind, ArrayLayout) {
        match (&self.def.composite, &self.lowered) {
            (Composite::Array(element), LoweredType::Array(layout)) => (*element, *layout),
            _ => unreachable!("validated: an array type"),
        }
    }
}

/// Everything about one module that its translators share.
#[derive(Debug)]
pub struct Env<'a> {
    /// The engine's compiler.
    pub compiler: &'a Compiler,
    /// The module.
    pub module: &'a Module,
    types: Vec<TypeInfo>,
    by_id: BTreeMap<TypeId, usize>,
    tag_layouts: Vec<StructLayout>,
}

impl<'a> Env<'a> {
    /// Looks up and lays out every type of the module.
    ///
    /// # Errors
    ///
    /// [`Rejected::Internal`] when a type of the module is not registered.
    pub fn new(compiler: &'a Compiler, module: &'a Module) -> Result<Env<'a>, Rejected> {
        let registry = module.types().registry();
        let header_bytes = compiler.traits().header_bytes;
        let planted = compiler.config().planted();
        let mut types = Vec::with_capacity(module.decls().types.len());
        let mut by_id = BTreeMap::new();
        for &id in &module.decls().types {
            let def = registry
                .get(id)
                .ok_or_else(|| Rejected::Internal("a type is not registered".to_owned()))?;
            by_id.entry(id).or_insert(types.len());
            types.push(TypeInfo::new(id, def, planted, header_bytes));
        }
        let mut env = Env {
            compiler,
            module,
            types,
            by_id,
            tag_layouts: Vec::new(),
        };
        env.tag_layouts = module
            .decls()
            .tags
            .iter()
            .map(|&ty| {
                let params = env.func_sig(ty).params.iter();
                let fields = params.map(|&kind| StorageKind::Val(kind));
                StructLayout::new(planted, header_bytes, fields)
            })
            .collect();
        Ok(env)
    }

    /// Returns a type by its index.
    #[must_use]
    pub fn ty(&self, index: TypeIdx) -> &TypeInfo {
        &self.types[index.as_usize()]
    }

    /// Returns a type by its identity. The module's own types mention only identities of types of
    /// the module.
    #[must_use]
    pub fn ty_by_id(&self, id: TypeId) -> &TypeInfo {
        &self.types[self.by_id[&id]]
    }

    /// Returns a function type by its index.
    ///
    /// # Panics
    ///
    /// When it is not a function type.
    #[must_use]
    pub fn func_sig(&self, index: TypeIdx) -> &FuncSig {
        match &self.ty(index).def.composite {
            Composite::Func(sig) => sig,
            _ => unreachable!("validated: a function type"),
        }
    }

    /// Returns the layout of exceptions of a tag.
    #[must_use]
    pub fn tag_layout(&self, tag: u32) -> &StructLayout {
        &self.tag_layouts[tag as usize]
    }

    /// Returns true if `sub` is `sup` or a declared subtype of it.
    #[must_use]
    pub fn is_subtype(&self, sub: TypeId, sup: TypeId) -> bool {
        sub == sup || self.module.types().registry().is_subtype(sub, sup)
    }

    /// Returns a heap type of the module's code.
    ///
    /// # Errors
    ///
    /// [`Rejected::Unsupported`] for heap types of later proposals.
    pub fn heap_kind(&self, heap: HeapType) -> Result<HeapKind, Rejected> {
        const LATER: Rejected = Rejected::Unsupported("heap types of later proposals");
        match heap {
            HeapType::Abstract { shared: false, ty } => Ok(match ty {
                AbstractHeapType::Func => HeapKind::Func,
                AbstractHeapType::Extern => HeapKind::Extern,
                AbstractHeapType::Any => HeapKind::Any,
                AbstractHeapType::None => HeapKind::None,
                AbstractHeapType::NoExtern => HeapKind::NoExtern,
                AbstractHeapType::NoFunc => HeapKind::NoFunc,
                AbstractHeapType::Eq => HeapKind::Eq,
                AbstractHeapType::Struct => HeapKind::Struct,
                AbstractHeapType::Array => HeapKind::Array,
                AbstractHeapType::I31 => HeapKind::I31,
                AbstractHeapType::Exn => HeapKind::Exn,
                AbstractHeapType::NoExn => HeapKind::NoExn,
                _ => return Err(LATER),
            }),
            HeapType::Concrete(index) => {
                let index = index.as_module_index().ok_or(LATER)?;
                let info = self.ty(TypeIdx(index));
                Ok(HeapKind::Defined(info.id, info.shape()))
            }
            _ => Err(LATER),
        }
    }

    /// Returns a reference type of the module's code.
    ///
    /// # Errors
    ///
    /// [`Rejected::Unsupported`] for heap types of later proposals.
    pub fn ref_kind(&self, ty: RefType) -> Result<RefKind, Rejected> {
        Ok(RefKind {
            nullable: ty.is_nullable(),
            heap: self.heap_kind(ty.heap_type())?,
        })
    }

    /// Returns a value type of the module's code.
    ///
    /// # Errors
    ///
    /// [`Rejected::Unsupported`] for heap types of later proposals.
    pub fn val_kind(&self, ty: ValType) -> Result<ValKind, Rejected> {
        Ok(match ty {
            ValType::I32 => ValKind::I32,
            ValType::I64 => ValKind::I64,
            ValType::F32 => ValKind::F32,
            ValType::F64 => ValKind::F64,
            ValType::V128 => ValKind::V128,
            ValType::Ref(ty) => ValKind::Ref(self.ref_kind(ty)?),
        })
    }

    /// Returns the machine type of a value type of the module's code.
    ///
    /// # Errors
    ///
    /// [`Rejected::Unsupported`] for heap types of later proposals.
    pub fn abi_ty(&self, ty: ValType) -> Result<AbiTy, Rejected> {
        self.val_kind(ty).map(AbiTy::of)
    }
}

/// Returns the name under which a defined function is compiled. Only listings show it.
#[must_use]
pub fn listing_name(index: u32) -> ir::UserFuncName {
    ir::UserFuncName::user(0, index)
}

/// Returns true if a field or element holds a reference to a function.
#[must_use]
pub fn is_function(storage: StorageKind) -> bool {
    matches!(storage, StorageKind::Val(kind) if AbiTy::of(kind) == AbiTy::Func)
}

/// Returns the error for a body that cannot be read, although it was validated.
#[must_use]
pub fn unreadable(error: wasmparser::BinaryReaderError) -> Rejected {
    Rejected::Malformed {
        offset: error.offset() as usize,
        message: error.message().to_owned(),
    }
}
