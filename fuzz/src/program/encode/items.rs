//! Items of a module: imports, definitions, exports and segments, each kind as a section.

use std::collections::BTreeSet;

use wasm_encoder as enc;
use wasm_encoder::Instruction;

use super::code::Code;
use super::spaces::{Context, Dangling};
use super::types::memory_type;
use crate::program::ops::{Expr, FuncId, Op, RefOp};
use crate::program::syntax::{Func, Import, Mode, Module};

impl Context<'_> {
    pub(super) fn imports(&self) -> Result<enc::ImportSection, Dangling> {
        let mut section = enc::ImportSection::new();
        let mut add = |import: &Option<Import>, ty: enc::EntityType| {
            if let Some(Import { module, name }) = import {
                section.import(module, name, ty);
            }
        };
        for x in &self.module.funcs {
            add(&x.import, enc::EntityType::Function(self.ty(x.ty)?));
        }
        for x in &self.module.tables {
            add(&x.import, enc::EntityType::Table(self.table_type(&x.ty)?));
        }
        for x in &self.module.mems {
            add(&x.import, enc::EntityType::Memory(memory_type(x)));
        }
        for x in &self.module.tags {
            add(&x.import, enc::EntityType::Tag(self.tag_type(x.ty)?));
        }
        for x in &self.module.globals {
            add(&x.import, enc::EntityType::Global(self.global_type(x)?));
        }
        Ok(section)
    }

    pub(super) fn functions(&self) -> Result<enc::FunctionSection, Dangling> {
        let mut section = enc::FunctionSection::new();
        for func in self.module.funcs.iter().filter(|f| f.import.is_none()) {
            section.function(self.ty(func.ty)?);
        }
        Ok(section)
    }

    pub(super) fn tables(&mut self) -> Result<enc::TableSection, Dangling> {
        let mut section = enc::TableSection::new();
        for table in self.module.tables.iter().filter(|t| t.import.is_none()) {
            let ty = self.table_type(&table.ty)?;
            match &table.init {
                Some(init) => section.table_with_init(ty, &self.const_expr(init)?),
                None => section.table(ty),
            };
        }
        Ok(section)
    }

    pub(super) fn globals(&mut self) -> Result<enc::GlobalSection, Dangling> {
        let mut section = enc::GlobalSection::new();
        for global in self.module.globals.iter().filter(|g| g.import.is_none()) {
            let ty = self.global_type(global)?;
            let init = global.init.as_ref().ok_or(Dangling::NoValue(global.id))?;
            section.global(ty, &self.const_expr(init)?);
        }
        Ok(section)
    }

    pub(super) fn exports(&self) -> Result<enc::ExportSection, Dangling> {
        let mut section = enc::ExportSection::new();
        let mut add = |name: &Option<String>, kind, index| {
            if let Some(name) = name {
                section.export(name, kind, index);
            }
        };
        for x in &self.module.funcs {
            add(&x.export, enc::ExportKind::Func, self.func(x.id)?);
        }
        for x in &self.module.tables {
            add(&x.export, enc::ExportKind::Table, self.table(x.id)?);
        }
        for x in &self.module.mems {
            add(&x.export, enc::ExportKind::Memory, self.mem(x.id)?);
        }
        for x in &self.module.globals {
            add(&x.export, enc::ExportKind::Global, self.global(x.id)?);
        }
        for x in &self.module.tags {
            add(&x.export, enc::ExportKind::Tag, self.tag(x.id)?);
        }
        Ok(section)
    }

    pub(super) fn elements(&mut self) -> Result<enc::ElementSection, Dangling> {
        let mut section = enc::ElementSection::new();
        for elem in &self.module.elems {
            let ty = self.ref_type(elem.ty)?;
            let items = elem
                .items
                .iter()
                .map(|item| self.const_expr(item))
                .collect::<Result<Vec<_>, _>>()?;
            let offset = match &elem.mode {
                Mode::Active(table, offset) => {
                    Some((self.table(*table)?, self.const_expr(offset)?))
                }
                Mode::Passive | Mode::Declared => None,
            };
            let mode = match (&elem.mode, &offset) {
                (Mode::Declared, _) => enc::ElementMode::Declared,
                (_, Some((table, offset))) => enc::ElementMode::Active {
                    table: Some(*table),
                    offset,
                },
                (_, None) => enc::ElementMode::Passive,
            };
            section.segment(enc::ElementSegment {
                mode,
                elements: enc::Elements::Expressions(ty, items.into()),
            });
        }
        let undeclared = self.undeclared_functions()?;
        if !undeclared.is_empty() {
            section.declared(enc::Elements::Functions(undeclared.into()));
        }
        Ok(section)
    }

    /// Functions that bodies mention by `ref.func` and nothing else in the module declares.
    pub(super) fn undeclared_functions(&self) -> Result<Vec<u32>, Dangling> {
        let mut wanted = BTreeSet::new();
        for e in self.module.funcs.iter().flat_map(|f| &f.body) {
            e.walk(&mut |e| {
                if let Op::Ref(RefOp::Func(id)) = e.op {
                    wanted.insert(id);
                }
            });
        }
        let mut declared = BTreeSet::new();
        self.module.each_const_root(&mut |e| {
            e.walk(&mut |e| {
                if let Op::Ref(RefOp::Func(id)) = e.op {
                    declared.insert(id);
                }
            });
        });
        let exported = |id: FuncId| self.module.func(id).is_some_and(|f| f.export.is_some());
        wanted
            .into_iter()
            .filter(|id| !declared.contains(id) && !exported(*id))
            .map(|id| self.func(id))
            .collect()
    }

    pub(super) fn datas(&mut self) -> Result<enc::DataSection, Dangling> {
        let mut section = enc::DataSection::new();
        for data in &self.module.datas {
            match &data.mode {
                Mode::Active(mem, offset) => {
                    let offset = self.const_expr(offset)?;
                    section.active(self.mem(*mem)?, &offset, data.bytes.iter().copied());
                }
                Mode::Passive | Mode::Declared => {
                    section.passive(data.bytes.iter().copied());
                }
            }
        }
        Ok(section)
    }

    pub(super) fn const_expr(&mut self, expr: &Expr) -> Result<enc::ConstExpr, Dangling> {
        let mut code = Code::default();
        code.expr(self, expr)?;
        Ok(enc::ConstExpr::raw(code.bytes))
    }

    pub(super) fn function(&mut self, func: &Func) -> Result<enc::Function, Dangling> {
        let locals = self.val_types(&func.locals)?;
        let mut out = enc::Function::new_with_locals_types(locals);
        let mut code = Code::default();
        for e in &func.body {
            code.expr(self, e)?;
        }
        out.raw(code.bytes);
        out.instruction(&Instruction::End);
        Ok(out)
    }
}

impl Module {
    /// Calls `visit` for every constant expression.
    fn each_const_root(&self, visit: &mut dyn FnMut(&Expr)) {
        self.tables
            .iter()
            .filter_map(|t| t.init.as_ref())
            .for_each(&mut *visit);
        self.globals
            .iter()
            .filter_map(|g| g.init.as_ref())
            .for_each(&mut *visit);
        self.elems
            .iter()
            .flat_map(|e| &e.items)
            .for_each(&mut *visit);
    }
}
