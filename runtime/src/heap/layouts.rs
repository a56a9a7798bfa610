//! Layouts of the types that occur in one heap, by type id.
//!
//! A cache lives as long as its heap. Ids are recycled by the registry of types, so a layout never
//! outlives the store in which the type was used (fault: Wasmtime #13417).

use std::sync::Arc;

use super::fault::HeapFault;
use super::layout::{ArrayLayout, Kind, StructLayout};
use crate::planted::Planted;
use crate::types::registry::TypeRegistry;
use crate::types::{Composite, FieldKind, StorageKind, TypeDef, TypeId};

/// Where definitions of types come from.
pub trait TypeSource: Send + Sync {
    /// The definition of a type, or `None` if no type has that id now.
    fn def(&self, id: TypeId) -> Option<Arc<TypeDef>>;
}

impl TypeSource for TypeRegistry {
    fn def(&self, id: TypeId) -> Option<Arc<TypeDef>> {
        self.get(id)
    }
}

/// What walking over an object needs: small, copied out of the cache.
#[derive(Clone, Copy, Debug)]
pub struct ScanLayout {
    /// The kind that objects of this type have.
    pub kind: Kind,
    /// Size of an object without elements.
    pub size: u32,
    /// Bytes of an element; 0 when there are none.
    pub element_bytes: u32,
    /// Whether elements are traced.
    pub traced_elements: bool,
    /// Traced fields: first index into `Layouts::edges`, and how many.
    pub first: u32,
    /// Their number.
    pub count: u32,
}

/// Everything about a type's layout.
#[derive(Clone, Debug)]
pub struct TypeLayout {
    /// The kind of its objects.
    pub kind: Kind,
    /// The fields in order (for an array: one, its element).
    pub fields: Box<[FieldKind]>,
    /// Their offsets from the start of the object (for an array: of the first element).
    pub offsets: Box<[u32]>,
    /// Size of an object without elements.
    pub size: u32,
    /// The type's supertypes from the nearest up, the type itself first.
    pub chain: Box<[TypeId]>,
}

/// The cache.
pub struct Layouts {
    source: Arc<dyn TypeSource>,
    header_bytes: u32,
    /// Faults planted on purpose.
    planted: Planted,
    /// Position + 1 in `scan_layouts` and `layouts` by type id; 0 where there is none yet.
    index: Vec<u32>,
    scan_layouts: Vec<ScanLayout>,
    layouts: Vec<Arc<TypeLayout>>,
    edges: Vec<u32>,
}

impl std::fmt::Debug for Layouts {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Layouts")
            .field("types", &self.layouts.len())
            .finish_non_exhaustive()
    }
}

impl Layouts {
    /// An empty cache.
    #[must_use]
    pub fn new(source: Arc<dyn TypeSource>, header_bytes: u32, planted: Planted) -> Layouts {
        Layouts {
            source,
            header_bytes,
            planted,
            index: Vec::new(),
            scan_layouts: Vec::new(),
            layouts: Vec::new(),
            edges: Vec::new(),
        }
    }

    /// Takes the contents and leaves an empty cache.
    #[cfg(feature = "planted")]
    pub(super) fn take(&mut self) -> Layouts {
        let empty = Layouts::new(Arc::clone(&self.source), self.header_bytes, self.planted);
        std::mem::replace(self, empty)
    }

    /// What walking over an object at `object` of that type needs.
    ///
    /// # Errors
    /// There is no such type.
    #[inline(always)]
    pub fn scan_layout(&mut self, object: u32, type_id: u32) -> Result<ScanLayout, HeapFault> {
        match self.index.get(type_id as usize) {
            Some(&at) if at != 0 => Ok(self.scan_layouts[at as usize - 1]),
            _ => {
                let at = self.load(object, type_id)?;
                Ok(self.scan_layouts[at])
            }
        }
    }

    /// Offset in an object of the traced field `at`, from [`ScanLayout::first`] on.
    #[inline]
    #[must_use]
    pub fn edge(&self, at: u32) -> u32 {
        self.edges[at as usize]
    }

    /// The layout of a type.
    ///
    /// # Errors
    /// There is no such type (reported for `object`).
    pub fn layout(&mut self, object: u32, type_id: u32) -> Result<Arc<TypeLayout>, HeapFault> {
        let at = match self.index.get(type_id as usize) {
            Some(&at) if at != 0 => at as usize - 1,
            _ => self.load(object, type_id)?,
        };
        Ok(Arc::clone(&self.layouts[at]))
    }

    #[cold]
    fn load(&mut self, object: u32, type_id: u32) -> Result<usize, HeapFault> {
        let bad = HeapFault::BadType { object, type_id };
        if type_id == 0 || type_id > TypeId::MAX {
            return Err(bad);
        }
        let def = self.source.def(TypeId(type_id)).ok_or(bad)?;
        let chain = self.chain(type_id, &def).ok_or(bad)?;
        let layout = lay_out(self.planted, self.header_bytes, &def.composite, chain);
        let first = self.edges.len() as u32;
        let mut scan = ScanLayout {
            kind: layout.kind,
            size: layout.size,
            element_bytes: 0,
            traced_elements: false,
            first,
            count: 0,
        };
        if let Composite::Array(element) = &def.composite {
            let array = ArrayLayout::new(self.header_bytes, *element);
            scan.element_bytes = array.element_bytes;
            scan.traced_elements = array.traced;
        } else {
            for (field, &offset) in layout.fields.iter().zip(&layout.offsets) {
                if super::layout::is_traced(field.storage) {
                    self.edges.push(offset);
                    scan.count += 1;
                }
            }
        }
        if self.index.len() <= type_id as usize {
            self.index.resize(type_id as usize + 1, 0);
        }
        let at = self.layouts.len();
        self.layouts.push(Arc::new(layout));
        self.scan_layouts.push(scan);
        self.index[type_id as usize] = at as u32 + 1;
        Ok(at)
    }

    fn chain(&self, type_id: u32, def: &TypeDef) -> Option<Box<[TypeId]>> {
        let mut chain = vec![TypeId(type_id)];
        let mut above = def.supertype;
        while let Some(id) = above {
            if chain.len() > crate::limits::SUBTYPE_DEPTH_MAX as usize {
                return None;
            }
            chain.push(id);
            above = self.source.def(id)?.supertype;
        }
        Some(chain.into())
    }
}

fn lay_out(
    planted: Planted,
    header_bytes: u32,
    composite: &Composite,
    chain: Box<[TypeId]>,
) -> TypeLayout {
    let structure = |kind: Kind, fields: Box<[FieldKind]>| {
        let layout = StructLayout::new(planted, header_bytes, fields.iter().map(|f| f.storage));
        TypeLayout {
            kind,
            fields,
            offsets: layout.offsets,
            size: layout.size,
            chain: chain.clone(),
        }
    };
    match composite {
        Composite::Struct(fields) => structure(Kind::Struct, fields.clone()),
        Composite::Func(sig) => structure(
            Kind::Exception,
            sig.params
                .iter()
                .map(|&value| FieldKind {
                    storage: StorageKind::Val(value),
                    mutable: false,
                })
                .collect(),
        ),
        Composite::Array(element) => {
            let layout = ArrayLayout::new(header_bytes, *element);
            TypeLayout {
                kind: Kind::Array,
                fields: Box::new([*element]),
                offsets: Box::new([layout.base]),
                size: layout.base,
                chain,
            }
        }
    }
}
