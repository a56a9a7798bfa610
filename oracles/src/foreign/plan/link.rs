//! What the imports of a module of the case stand for.

use std::sync::Arc;

use gcrucible_protocol::request::{
    Hierarchy, NamedFunction, NamedGlobal, TableCopy, TableOperation, Tried,
};
use gcrucible_protocol::value::Top;
use gcrucible_protocol::{HostFunction, Import, Request, Source};

use super::{Plan, exported, import};
use crate::case::ModuleIndex;
use crate::foreign::module::{self, Item, Module};
use crate::foreign::probe::{helper, maker};
use crate::host::harness::{self, HarnessFunc};
use crate::host::{Sig, Ty, spectest};
use crate::observe::TagKey;
use crate::outcome::{Outcome, Unasked};
use crate::value::HeapTop;

/// The imports that the engine gets, and the definitions of the tags among them, in order.
pub(super) struct Linked {
    pub(super) imports: Vec<Import>,
    pub(super) tags: Vec<TagKey>,
}

impl Plan {
    /// Finds the entity of each import of a module. An import without one is left out, so that the
    /// engine has to refuse.
    ///
    /// # Errors
    ///
    /// The engine cannot offer one of the functions of the host.
    pub(super) fn link(
        &mut self,
        index: ModuleIndex,
        module: &Arc<Module>,
        requests: &mut Vec<Request>,
    ) -> Result<Linked, Outcome> {
        let mut linked = Linked {
            imports: Vec::new(),
            tags: Vec::new(),
        };
        let ambiguous = maker::is_ambiguous(module) && !self.can.host_allocates;
        for (number, wanted) in module.imports.iter().enumerate() {
            let source = match self.registered.get(&wanted.module).copied() {
                Some(instance) => {
                    let placed = self.instance(instance);
                    let found = placed.and_then(|placed| {
                        let item = placed.module.export(&wanted.name)?;
                        if let (Item::Tag(tag), Item::Tag(_)) = (item, wanted.item) {
                            linked.tags.extend(placed.tags.get(tag as usize));
                        }
                        Some(placed.number)
                    });
                    found.map(|number| Source::Export(exported(number, &wanted.name)))
                }
                None if harness::offers(&wanted.module, &wanted.name) => {
                    self.harness(index, module, (number, wanted), requests)?
                }
                None if wanted.module == spectest::MODULE => self.spectest(&wanted.name, requests),
                None => None,
            };
            let name = if ambiguous && maker::makes(&wanted.module, &wanted.name) {
                maker::unique(&wanted.name, number)
            } else {
                wanted.name.clone()
            };
            let given = source.map(|from| import(&wanted.module, &name, from));
            linked.imports.extend(given);
        }
        // One entry for each pair of names: an adapter looks imports up.
        let mut known = std::collections::BTreeSet::new();
        (linked.imports)
            .retain(|import| known.insert((import.module.clone(), import.name.clone())));
        Ok(linked)
    }

    fn harness(
        &mut self,
        index: ModuleIndex,
        module: &Arc<Module>,
        (number, wanted): (usize, &module::Import),
        requests: &mut Vec<Request>,
    ) -> Result<Option<Source>, Outcome> {
        let ty = match wanted.item {
            Item::Func(func) => module.funcs.get(func as usize).copied(),
            _ => None,
        };
        let Some(ty) = ty.and_then(|ty| module.func_type(ty)) else {
            return Ok(None);
        };
        let sig = module.sig(ty);
        let Ok(func) = harness::resolve(&wanted.name, &sig) else {
            return Ok(None);
        };
        let allocates = maker::makes(&wanted.module, &wanted.name);
        let crosses = |ty: &Ty| match ty {
            Ty::V128 => self.can.crosses_v128,
            Ty::Ref(ty) => ty.top != HeapTop::Exn || self.can.crosses_exnref,
            _ => true,
        };
        let made_here = allocates && !self.can.host_allocates;
        // What a function returns that is tried crosses as well, though the import drops it.
        let tried = tried_export(&func, module).unwrap_or_default();
        let types = sig.params.iter().chain(&sig.results).chain(&tried.results);
        if !made_here && !types.chain(&tried.params).all(crosses) {
            return Err(Outcome::Unasked(Unasked::Boundary));
        }
        if on_exceptions(&func, module) && !self.can.crosses_exnref {
            return Err(Outcome::Unasked(Unasked::Boundary));
        }
        if !made_here {
            return Ok(Some(Source::Host(host_function(func, &sig))));
        }
        let maker = match self.modules.get(index.0 as usize).and_then(|m| m.maker) {
            Some(maker) => maker,
            None => {
                let Some(wasm) = maker::module(module) else {
                    return Ok(None);
                };
                let maker = self.place(&wasm, Vec::new(), requests);
                if let Some(loaded) = self.modules.get_mut(index.0 as usize) {
                    loaded.maker = Some(maker);
                }
                maker
            }
        };
        Ok(Some(self.export(maker, &format!("new:{number}"))))
    }

    fn spectest(&mut self, name: &str, requests: &mut Vec<Request>) -> Option<Source> {
        let globals = spectest::GLOBALS.iter().map(|(name, _)| *name);
        let tables = spectest::TABLES.iter().map(|table| table.name);
        let funcs = spectest::FUNCS.iter().map(|(name, _)| *name);
        let mut known = globals
            .chain(tables)
            .chain(funcs)
            .chain([spectest::MEMORY.0]);
        if !known.any(|known| known == name) {
            return None;
        }
        let instance = match self.spectest {
            Some(instance) => instance,
            None => {
                let wide = !self.can.lacks.iter().any(|lacked| lacked == "memory64");
                let made = self.place(&helper::spectest(wide), Vec::new(), requests);
                self.spectest = Some(made);
                made
            }
        };
        Some(self.export(instance, name))
    }
}

/// Returns true if a function works on a table or global that holds exceptions. An operation such
/// as a copy moves exceptions although its signature does not show them.
fn on_exceptions(func: &HarnessFunc, module: &Module) -> bool {
    let holds = |name: &String| match module.export(name) {
        Some(Item::Table(index)) => {
            let table = module.tables.get(index as usize);
            table.is_some_and(|table| module.top(table.element_type) == HeapTop::Exn)
        }
        _ => false,
    };
    match func {
        HarnessFunc::TableGet(table)
        | HarnessFunc::TableSet(table)
        | HarnessFunc::TableGrow(table)
        | HarnessFunc::TableFill(table) => holds(table),
        HarnessFunc::TableCopy { to, from } => holds(to) || holds(from),
        HarnessFunc::Try(func) => on_exceptions(func, module),
        _ => false,
    }
}

/// The signature of the export that a function tries to call.
fn tried_export(func: &HarnessFunc, module: &Module) -> Option<Sig> {
    let HarnessFunc::Try(tried) = func else {
        return None;
    };
    let (HarnessFunc::Call(name) | HarnessFunc::CallGc(name)) = &**tried else {
        return None;
    };
    let Some(Item::Func(index)) = module.export(name) else {
        return None;
    };
    let ty = *module.funcs.get(index as usize)?;
    Some(module.sig(module.func_type(ty)?))
}

fn hierarchy(top: HeapTop) -> Hierarchy {
    Hierarchy { top: wire_top(top) }
}

/// Returns a hierarchy as an adapter knows it.
pub(super) fn wire_top(top: HeapTop) -> Top {
    match top {
        HeapTop::Any => Top::Any,
        HeapTop::Func => Top::Func,
        HeapTop::Extern => Top::Extern,
        HeapTop::Exn => Top::Exn,
    }
}

/// A function of the harness as an adapter knows it.
fn host_function(func: HarnessFunc, sig: &Sig) -> HostFunction {
    let wide = sig
        .params
        .iter()
        .chain(&sig.results)
        .any(|ty| *ty == Ty::I64);
    let on = |table: String| TableOperation { table, wide };
    match func {
        HarnessFunc::Gc => HostFunction::Gc,
        HarnessFunc::Live | HarnessFunc::LiveExtern => HostFunction::Live,
        HarnessFunc::Extern => HostFunction::Extern,
        HarnessFunc::ExternId => HostFunction::ExternId,
        HarnessFunc::Hold(of) => HostFunction::Hold(hierarchy(of)),
        HarnessFunc::Held(of) => HostFunction::Held(hierarchy(of)),
        HarnessFunc::Release => HostFunction::Release,
        HarnessFunc::TableGet(table) => HostFunction::TableGet(on(table)),
        HarnessFunc::TableSet(table) => HostFunction::TableSet(on(table)),
        HarnessFunc::TableGrow(table) => HostFunction::TableGrow(on(table)),
        HarnessFunc::TableFill(table) => HostFunction::TableFill(on(table)),
        HarnessFunc::TableSize(table) => HostFunction::TableSize(on(table)),
        HarnessFunc::TableCopy { to, from } => HostFunction::TableCopy(TableCopy { to, from }),
        HarnessFunc::GlobalGet(global) => HostFunction::GlobalGet(NamedGlobal { global }),
        HarnessFunc::GlobalSet(global) => HostFunction::GlobalSet(NamedGlobal { global }),
        HarnessFunc::StructNew => HostFunction::StructNew,
        HarnessFunc::ArrayNew => HostFunction::ArrayNew,
        HarnessFunc::Call(function) => HostFunction::Call(NamedFunction { function }),
        HarnessFunc::CallGc(function) => HostFunction::CallGc(NamedFunction { function }),
        HarnessFunc::Try(func) => HostFunction::Try(Tried {
            function: Box::new(host_function(*func, sig)),
        }),
    }
}
