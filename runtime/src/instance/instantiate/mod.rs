//! Instantiation: a module and its imports to an instance, in the order of the specification.
//!
//! ```text
//! match       every import has a matching type; nothing is made yet
//! allocate    context, tables, memories, globals, tags, segments, functions (`allocate`)
//! initialise  globals, tables, element segments: known values, then compiled code (`initialise`)
//! run         active element segments, active data segments, start function
//! ```
//!
//! After allocation the instance belongs to the store, even if a later step ends badly, because
//! what it wrote to imported tables stays. If initialisation ends badly (the heap is full), nobody
//! has seen the instance, and it releases every object.
//!
//! Specification: `instantiate`, `allocmodule`, `evalglobals`, `evalexprs`, `runelem`, `rundata`.

mod allocate;
mod initialise;

use super::InstanceId;
use super::code::CompiledModule;
use super::link::Item;
use super::store::StoreOpaque;
use crate::compile::init::{Constant, evaluate};
use crate::error::Exhausted;
use crate::execute::{Ended, Raised};
use crate::index::{DataIdx, ElemIdx, FuncIdx, GlobalIdx};
use crate::module::{ConstExpr, Mode, Module};
use crate::planted::planted;
use crate::types::ValKind;

/// Why an instantiation ended early.
#[derive(Debug)]
pub enum InstantiateError {
    /// The import at this position is missing, or does not match.
    Link(usize),
    /// Initialisation, a segment or the start function ended early.
    Ended(Ended),
}

impl From<Raised> for InstantiateError {
    fn from(why: Raised) -> InstantiateError {
        InstantiateError::Ended(why.into())
    }
}

impl From<Ended> for InstantiateError {
    fn from(ended: Ended) -> InstantiateError {
        InstantiateError::Ended(ended)
    }
}

impl StoreOpaque {
    /// Makes an instance of `module` with `imports`, which belong to this store, and runs its start
    /// function.
    ///
    /// # Errors
    /// [`InstantiateError`].
    ///
    /// # Panics
    /// With the payload of a panic in a host function inside.
    pub fn instantiate(
        &mut self,
        module: &CompiledModule,
        imports: &[Item],
    ) -> Result<InstanceId, InstantiateError> {
        self.usable()?;
        for (at, import) in module.module.decls().imports.iter().enumerate() {
            let item = imports.get(at);
            if !item.is_some_and(|item| self.matches(&module.module, import.entity, *item)) {
                return Err(InstantiateError::Link(at));
            }
        }
        self.allowed(&module.module)?;
        if module.module.decls().uses_heap {
            self.reserve_heap()?;
        }
        let before = self.contents.counts();
        let id = self.allocate_instance(module, imports);
        if id.is_err() {
            // Their records were in a context that is gone; nobody else has their numbers.
            self.contents.truncate(before);
        }
        let id = id?;
        let initialised = self.initialise(id, module);
        if let Err(ended) = initialised {
            if !planted!(self.planted(), FailedInstanceKeepsObjects) {
                self.abandon(id)?;
            }
            return Err(ended.into());
        }
        self.run_active(id, &module.module)?;
        if let Some(start) = module.module.decls().start {
            self.call_start(id, module, start)?;
        }
        Ok(id)
    }

    /// Asks the limiter for one more instance with the module's tables and memories.
    fn allowed(&mut self, module: &Module) -> Result<(), Raised> {
        let shape = *module.shape();
        let have = (
            self.contents.instances.len(),
            self.contents.tables.len() + shape.defined_tables as usize,
            self.contents.memories.len() + shape.defined_memories as usize,
        );
        let count = self
            .limit(|l| have.0 < l.instances() && have.1 <= l.tables() && have.2 <= l.memories());
        if !count {
            return Err(Raised::Exhausted(Exhausted::Count));
        }
        let decls = module.decls();
        for table in &decls.tables[decls.imported_tables as usize..] {
            if table.min > 0 && !self.limit(|l| l.table_growing(0, table.min, table.max)) {
                return Err(Raised::Exhausted(Exhausted::Table));
            }
        }
        let page = crate::limits::WASM_PAGE_BYTES;
        for memory in &decls.memories[decls.imported_memories as usize..] {
            let bytes = memory.min.saturating_mul(page);
            let max = memory.max.map(|pages| pages.saturating_mul(page));
            if bytes > 0 && !self.limit(|l| l.memory_growing(0, bytes, max)) {
                return Err(Raised::Exhausted(Exhausted::Memory));
            }
        }
        Ok(())
    }

    /// `runelem` and `rundata`.
    fn run_active(&mut self, id: InstanceId, module: &Module) -> Result<(), Raised> {
        for (at, elem) in module.decls().elems.iter().enumerate() {
            let segment = ElemIdx(at as u32);
            match &elem.mode {
                Mode::Passive => {}
                Mode::Declared => self.elem_drop(id, segment)?,
                Mode::Active(table, offset) => {
                    let offset = self.offset(id, offset);
                    let table = self.contents.instances[id.at()].tables[table.as_usize()];
                    let len = self.segment(id, segment).len() as u32;
                    self.table_init((id, segment), table, offset, 0, len)?;
                    self.elem_drop(id, segment)?;
                }
            }
        }
        for (at, data) in module.decls().datas.iter().enumerate() {
            let segment = DataIdx(at as u32);
            if let Mode::Active(memory, offset) = &data.mode {
                let offset = self.offset(id, offset);
                let memory = self.contents.instances[id.at()].memories[memory.as_usize()];
                let len = self.data(id, segment).len() as u32;
                self.memory_init((id, segment), memory, offset, 0, len)?;
                self.data_drop(id, segment);
            }
        }
        Ok(())
    }

    /// Returns the value of a segment's offset, which is a constant expression of type i32 or i64,
    /// zero-extended.
    fn offset(&self, id: InstanceId, expr: &ConstExpr) -> u64 {
        let globals = &self.contents.instances[id.at()].globals;
        let number = |index: GlobalIdx| {
            let global = self.global(globals[index.as_usize()]);
            let bits = match global.ty().content {
                ValKind::I32 => u128::from(global.get().low_u32()),
                ValKind::I64 => u128::from(global.get().low_u64()),
                _ => return None,
            };
            Some(Constant::Bits(bits))
        };
        match evaluate(expr, &number) {
            Some(Constant::Bits(bits)) => bits as u64,
            _ => unreachable!("validated: an offset is a number"),
        }
    }

    fn call_start(
        &mut self,
        id: InstanceId,
        compiled: &CompiledModule,
        start: FuncIdx,
    ) -> Result<(), Ended> {
        let module = &compiled.module;
        let data = &self.contents.instances[id.at()];
        if let Some(defined) = module.defined(start) {
            let context = data.context.as_ptr().as_ptr();
            return self.invoke_nullary(compiled.image.func(defined), context.cast());
        }
        // An imported one is called through the instance's import, so that the host knows who
        // calls. SAFETY: an entry of a living context.
        let import = unsafe { data.context.imported_func(start.0).read() };
        self.invoke_nullary(import.code, import.vmctx)
    }
}
