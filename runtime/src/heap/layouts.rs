//! A cache of the layouts of the types that occur in one heap, by type id.
//!
//! The cache lives as long as its heap. The registry of types uses an id again once its type is
//! gone, so a layout must not outlive the store in which the type was used (fault: Wasmtime
//! #13417).

use std::sync::Arc;

use super::fault::HeapFault;
use super::layout::{ArrayLayout, Kind, StructLayout};
use crate::planted::Planted;
use crate::types::registry::TypeRegistry;
use crate::types::{Composite, FieldKind, StorageKind, TypeDef, TypeId};

/// The source of type definitions.
pub trait TypeSource: Send + Sync {
    /// Returns the definition of a type, or `None` if no type has that id now.
    fn def(&self, id: TypeId) -> Option<Arc<TypeDef>>;
}

impl TypeSource for TypeRegistry {
    fn def(&self, id: TypeId) -> Option<Arc<TypeDef>> {
        self.get(id)
    }
}

/// What a scan of an object needs: its kind, its size, and where its traced slots are. Small enough
/// to be copied.
#[derive(Clone, Copy, Debug)]
pub struct ScanLayout {
    /// The kind that objects of this type have.
    pub kind: Kind,
    /// The size of an object without elements.
    pub size: u32,
    /// The size of an element in bytes, or 0 if there are none.
    pub element_bytes: u32,
    /// Whether its elements are traced.
    pub traced_elements: bool,
    /// The first traced field: an index for [`Layouts::edge`].
    pub first: u32,
    /// The number of traced fields.
    pub count: u32,
}

/// The complete layout of a type.
#[derive(Clone, Debug)]
pub struct TypeLayout {
    /// The kind of its objects.
    pub kind: Kind,
    /// The fields in order. An array has one: its element.
    pub fields: Box<[FieldKind]>,
    /// The offset of each field from the start of the object. For an array, that of the first
    /// element.
    pub offsets: Box<[u32]>,
    /// The size of an object without elements.
    pub size: u32,
    /// The type itself, its supertype, the supertype of that, and so on.
    pub chain: Box<[TypeId]>,
}

/// The cache.
pub struct Layouts {
    source: Arc<dyn TypeSource>,
    header_bytes: u32,
    /// Faults planted on purpose.
    planted: Planted,
    /// By type id: the position in `scan_layouts` and `layouts`, plus 1. It is 0 for a type that is
    /// not in the cache.
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
    /// Makes an empty cache.
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

    /// Returns the contents, and leaves an empty cache.
    #[cfg(feature = "planted")]
    pub(super) fn take(&mut self) -> Layouts {
        let empty = Layouts::new(Arc::clone(&self.source), self.header_bytes, self.planted);
        std::mem::replace(self, empty)
    }

    /// Returns what a scan of an object of that type needs.
    ///
    /// # Errors
    /// There is no such type. The error names `object`.
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

    /// Returns the offset of a traced field in an object. The fields of a type have consecutive
    /// indices from [`ScanLayout::first`] on.
    #[inline]
    #[must_use]
    pub fn edge(&self, at: u32) -> u32 {
        self.edges[at as usize]
    }

    /// Returns the layout of a type.
    ///
    /// # Errors
    /// There is no such type. The error names `object`.
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
