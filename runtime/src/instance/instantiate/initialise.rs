//! The first values of globals, tables and element segments: known values, then compiled code.
//!
//! Specification: `evalglobals` and `evalexprs`.

use crate::abi::vmctx::{ValRaw, VmGlobal};
use crate::compile::init::{Constant, Initial};
use crate::execute::{Ended, Raised};
use crate::index::ElemIdx;
use crate::instance::InstanceId;
use crate::instance::code::CompiledModule;
use crate::instance::store::StoreOpaque;
use crate::planted::planted;

impl StoreOpaque {
    /// `evalglobals` and `evalexprs`. Sets the known values, then runs the compiled pieces in
    /// order.
    pub(super) fn initialise(
        &mut self,
        id: InstanceId,
        compiled: &CompiledModule,
    ) -> Result<(), Ended> {
        self.known_globals(id, compiled);
        self.known_items(id, compiled)?;
        for code in compiled.image.inits() {
            let context = self.contents.instances[id.at()].context.as_ptr();
            let context = context.as_ptr().cast();
            planted!(self.planted(), ConstEvalCannotCollect => {
                self.without_collections(|store| store.invoke_nullary(code, context))?;
                continue;
            });
            self.invoke_nullary(code, context)?;
        }
        Ok(())
    }

    /// Releases everything that an instance holds whose initialisation ended early.
    pub(super) fn abandon(&mut self, id: InstanceId) -> Result<(), Raised> {
        let data = &self.contents.instances[id.at()];
        let decls = data.module.decls();
        let (imported_globals, imported_tables) = (decls.imported_globals, decls.imported_tables);
        let segments = decls.elems.len() as u32;
        let globals = data.globals[imported_globals as usize..].to_vec();
        let tables = data.tables[imported_tables as usize..].to_vec();
        for segment in 0..segments {
            self.elem_drop(id, ElemIdx(segment))?;
        }
        for table in tables {
            if self.table(table).declared().element.is_collected() {
                self.init_table_ref(table, 0)?;
            }
        }
        for global in globals {
            if let Some(slot) = self.contents.globals[global.at()].slot() {
                self.heap.write_root(slot, None)?;
            }
        }
        Ok(())
    }

    fn known_globals(&mut self, id: InstanceId, compiled: &CompiledModule) {
        let data = &self.contents.instances[id.at()];
        let imported = compiled.module.decls().imported_globals;
        let image = &compiled.first_values.globals;
        for (at, bytes) in (0..).zip(image.as_chunks::<16>().0) {
            // References among them are null or i31: nothing to count.
            // SAFETY: an entry of the new context, which nobody else uses yet.
            unsafe { data.context.global(at).write(VmGlobal { bytes: *bytes }) };
        }
        for (global, func) in &compiled.first_values.global_funcs {
            let bytes = ValRaw::from_func(data.func(*func).as_ptr()).0;
            // SAFETY: as above.
            unsafe {
                data.context
                    .global(global.0 - imported)
                    .write(VmGlobal { bytes })
            };
        }
    }

    fn known_items(&mut self, id: InstanceId, compiled: &CompiledModule) -> Result<(), Raised> {
        let imported = compiled.module.decls().imported_tables as usize;
        for (at, initial) in compiled.first_values.tables.iter().enumerate() {
            let data = &self.contents.instances[id.at()];
            let table = data.tables[imported + at];
            match initial {
                Initial::Constant(Constant::Ref(raw)) if *raw != 0 => {
                    self.init_table_ref(table, *raw)?;
                }
                Initial::Constant(Constant::Func(Some(func))) => {
                    let func = data.func(*func).as_ptr();
                    self.init_table_func(table, func);
                }
                Initial::Constant(_) | Initial::Code => {}
            }
        }
        for (at, items) in compiled.first_values.segments.iter().enumerate() {
            let elem = ElemIdx(at as u32);
            for (item, initial) in (0..).zip(items) {
                match initial {
                    Initial::Constant(Constant::Ref(_))
                        if planted!(self.planted(), I31ItemLost) => {}
                    Initial::Constant(Constant::Ref(raw)) if *raw != 0 => {
                        self.init_segment_ref(id, elem, item, *raw)?;
                    }
                    Initial::Constant(Constant::Func(Some(func))) => {
                        let func = self.contents.instances[id.at()].func(*func).as_ptr();
                        self.init_segment_func(id, elem, item, func);
                    }
                    Initial::Constant(_) | Initial::Code => {}
                }
            }
        }
        Ok(())
    }
}
