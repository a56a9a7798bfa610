//! Modules and constant expressions.

use std::collections::HashSet;

use super::contexts::{Context, Invalid, InvalidKind, Location, Space};
use super::instructions::Body;
use super::sidetable::SideTable;
use crate::Coverage;
use crate::syntax::{
    Data, DataMode, DefTypeId, Elem, ElemMode, Export, ExternIdx, ExternType, Func, FuncIdx,
    Global, GlobalType, IBinop, Import, Instr, Locals, Module, RefType, Table, TypeUse, ValType,
};

type Result<T> = std::result::Result<T, Invalid>;

/// A module that `Module::validate` has accepted.
#[derive(Clone, Debug)]
pub struct ValidModule {
    module: Module,
    tables: Vec<SideTable>,
}

impl ValidModule {
    /// Returns the module.
    #[must_use]
    pub fn module(&self) -> &Module {
        &self.module
    }

    /// Returns the side table of each function, in the order of `module().funcs`.
    #[must_use]
    pub fn side_tables(&self) -> &[SideTable] {
        &self.tables
    }

    /// Returns a function with its side table, counted without imports.
    pub(crate) fn code(&self, i: usize) -> Option<(&Func, &SideTable)> {
        self.module.funcs.get(i).zip(self.tables.get(i))
    }
}

impl Module {
    /// `Module_ok`.
    ///
    /// # Errors
    /// The first violation found.
    pub fn validate(self) -> Result<ValidModule> {
        self.validate_covering(&mut Coverage::new())
    }

    /// [`Module::validate`], recording in `coverage` which `Instr_ok` rules were applied.
    ///
    /// # Errors
    /// The first violation found.
    pub fn validate_covering(self, coverage: &mut Coverage) -> Result<ValidModule> {
        let mut cx = Context::default();
        let module = &self;
        module.types_ok(&mut cx)?;
        for (i, import) in module.imports.iter().enumerate() {
            cx.import_ok(import).map_err(|kind| Invalid {
                at: Location::Import(i as u32),
                kind,
            })?;
        }
        let imported_funcs = cx.funcs.len();
        module.declare_funcs(&mut cx)?;
        cx.refs = module.referenced_funcs();
        module.definitions_ok(&mut cx, coverage)?;
        module.segments_ok(&mut cx, coverage)?;
        module.exports_ok(&cx)?;
        let mut tables = Vec::new();
        for (i, func) in module.funcs.iter().enumerate() {
            tables.push(func_ok(
                &cx,
                coverage,
                FuncIdx((imported_funcs + i) as u32),
                func,
            )?);
        }
        Ok(ValidModule {
            module: self,
            tables,
        })
    }

    /// `Types_ok`.
    fn types_ok(&self, cx: &mut Context) -> Result<()> {
        for (i, rec) in self.types.iter().enumerate() {
            cx.type_ok(rec).map_err(|kind| Invalid {
                at: Location::Type(i as u32),
                kind,
            })?;
        }
        Ok(())
    }

    /// The premise of `Func_ok` that the other definitions depend on: the functions' types.
    fn declare_funcs(&self, cx: &mut Context) -> Result<()> {
        for func in &self.funcs {
            let at = Location::Func(FuncIdx(cx.funcs.len() as u32));
            let (dt, _) = cx.func_type(func.ty).map_err(|kind| Invalid { at, kind })?;
            cx.funcs.push(dt);
        }
        Ok(())
    }

    /// `$funcidx_nonfuncs`: the functions that `ref.func` may refer to, sorted.
    fn referenced_funcs(&self) -> Vec<FuncIdx> {
        let globals = self.globals.iter().map(|g| &g.init);
        let tables = self.tables.iter().map(|t| &t.init);
        let elems = self.elems.iter().flat_map(|e| {
            let offset = match &e.mode {
                ElemMode::Active(_, offset) => Some(offset),
                _ => None,
            };
            e.init.iter().chain(offset)
        });
        let in_exprs =
            globals
                .chain(tables)
                .chain(elems)
                .flatten()
                .filter_map(|instr| match instr {
                    Instr::RefFunc(x) => Some(*x),
                    _ => None,
                });
        let in_exports = self.exports.iter().filter_map(|export| match export.item {
            ExternIdx::Func(x) => Some(x),
            _ => None,
        });
        let mut refs: Vec<FuncIdx> = in_exprs.chain(in_exports).collect();
        refs.sort_unstable();
        refs.dedup();
        refs
    }

    /// `Tag_ok`, `Mem_ok`, `Table_ok` and `Globals_ok`. Constant expressions of tables see imported
    /// globals only, those of globals also the globals before them.
    fn definitions_ok(&self, cx: &mut Context, coverage: &mut Coverage) -> Result<()> {
        for (i, tag) in self.tags.iter().enumerate() {
            let dt = cx.tagtype_ok(*tag).map_err(|kind| Invalid {
                at: Location::Tag(i as u32),
                kind,
            })?;
            cx.tags.push(dt);
        }
        for (i, mem) in self.mems.iter().enumerate() {
            let mt = cx.memtype_ok(*mem).map_err(|kind| Invalid {
                at: Location::Mem(i as u32),
                kind,
            })?;
            cx.mems.push(mt);
        }
        for (i, Table { ty, init }) in self.tables.iter().enumerate() {
            let at = Location::Table(i as u32);
            let tt = cx.tabletype_ok(*ty).map_err(|kind| Invalid { at, kind })?;
            cx.expr_ok_const(coverage, init, tt.elem.into())
                .map_err(|kind| Invalid { at, kind })?;
            cx.tables.push(tt);
        }
        for (i, Global { ty, init }) in self.globals.iter().enumerate() {
            let at = Location::Global(i as u32);
            let gt = cx.globaltype_ok(*ty).map_err(|kind| Invalid { at, kind })?;
            cx.expr_ok_const(coverage, init, gt.val)
                .map_err(|kind| Invalid { at, kind })?;
            cx.globals.push(gt);
        }
        Ok(())
    }

    /// `Elem_ok` and `Data_ok`.
    fn segments_ok(&self, cx: &mut Context, coverage: &mut Coverage) -> Result<()> {
        for (i, elem) in self.elems.iter().enumerate() {
            let rt = cx.elem_ok(coverage, elem).map_err(|kind| Invalid {
                at: Location::Elem(i as u32),
                kind,
            })?;
            cx.elems.push(rt);
        }
        for (i, data) in self.datas.iter().enumerate() {
            cx.data_ok(coverage, data).map_err(|kind| Invalid {
                at: Location::Data(i as u32),
                kind,
            })?;
        }
        cx.datas = self.datas.len();
        Ok(())
    }

    /// `Start_ok` and `Export_ok`, and the condition that export names differ.
    fn exports_ok(&self, cx: &Context) -> Result<()> {
        if let Some(x) = self.start {
            cx.start_ok(x).map_err(|kind| Invalid {
                at: Location::Start,
                kind,
            })?;
        }
        let mut names = HashSet::new();
        for (i, Export { name, item }) in self.exports.iter().enumerate() {
            let at = Location::Export(i as u32);
            cx.externidx_ok(*item)
                .map_err(|kind| Invalid { at, kind })?;
            if !names.insert(name.as_str()) {
                return Err(Invalid {
                    at,
                    kind: InvalidKind::DuplicateExport,
                });
            }
        }
        Ok(())
    }
}

/// `Func_ok`.
fn func_ok(cx: &Context, coverage: &mut Coverage, x: FuncIdx, func: &Func) -> Result<SideTable> {
    let outside = |kind| Invalid {
        at: Location::Func(x),
        kind,
    };
    let (_, ft) = cx.func_type(func.ty).map_err(outside)?;
    let mut locals = Vec::new();
    for run in &func.locals {
        let ty = cx.valtype_ok(run.ty).map_err(outside)?;
        locals.push(Locals { ty, ..*run });
    }
    Body::function(cx, coverage, &ft.params, locals.into_iter(), &ft.results)
        .check(&func.body)
        .map_err(|(position, kind)| Invalid {
            at: Location::Body(x, position),
            kind,
        })
}

type Kind<T> = std::result::Result<T, InvalidKind>;

impl Context {
    /// `Import_ok`: adds the import to its index space.
    fn import_ok(&mut self, import: &Import) -> Kind<()> {
        match self.externtype_ok(import.ty)? {
            ExternType::Tag(tu) => self.tags.push(defined(tu)?),
            ExternType::Global(gt) => self.globals.push(gt),
            ExternType::Mem(mt) => self.mems.push(mt),
            ExternType::Table(tt) => self.tables.push(tt),
            ExternType::Func(tu) => self.funcs.push(defined(tu)?),
        }
        Ok(())
    }

    /// `Expr_ok_const`.
    fn expr_ok_const(&self, coverage: &mut Coverage, expr: &[Instr], t: ValType) -> Kind<()> {
        if !expr
            .split_last()
            .is_some_and(|(_, instrs)| instrs.iter().all(|i| self.instr_const(i)))
        {
            return Err(InvalidKind::NotConstant);
        }
        Body::constant(self, coverage, t)
            .check(expr)
            .map(drop)
            .map_err(|(_, kind)| kind)
    }

    /// `Instr_const`.
    fn instr_const(&self, instr: &Instr) -> bool {
        match instr {
            Instr::I32Const(_) | Instr::I64Const(_) | Instr::F32Const(_) | Instr::F64Const(_) => {
                true
            }
            Instr::VConst(_) | Instr::RefNull(_) | Instr::RefI31 | Instr::RefFunc(_) => true,
            Instr::StructNew(_) | Instr::StructNewDefault(_) => true,
            Instr::ArrayNew(_) | Instr::ArrayNewDefault(_) | Instr::ArrayNewFixed(..) => true,
            Instr::AnyConvertExtern | Instr::ExternConvertAny => true,
            // An index out of range is reported as such.
            Instr::GlobalGet(x) => !matches!(self.global(*x), Ok(GlobalType { mutable: true, .. })),
            Instr::I32Binop(op) | Instr::I64Binop(op) => {
                matches!(op, IBinop::Add | IBinop::Sub | IBinop::Mul)
            }
            _ => false,
        }
    }

    /// `Elem_ok` and `Elemmode_ok`.
    fn elem_ok(&self, coverage: &mut Coverage, elem: &Elem) -> Kind<RefType> {
        let rt = self.reftype_ok(elem.ty)?;
        elem.init
            .iter()
            .try_for_each(|expr| self.expr_ok_const(coverage, expr, rt.into()))?;
        if let ElemMode::Active(x, offset) = &elem.mode {
            let tt = self.table(*x)?;
            if !self.store.reftype_sub(rt, tt.elem) {
                return Err(InvalidKind::Elements);
            }
            self.expr_ok_const(coverage, offset, tt.addr.val_type())?;
        }
        Ok(rt)
    }

    /// `Data_ok` and `Datamode_ok`.
    fn data_ok(&self, coverage: &mut Coverage, data: &Data) -> Kind<()> {
        match &data.mode {
            DataMode::Passive => Ok(()),
            DataMode::Active(x, offset) => {
                self.expr_ok_const(coverage, offset, self.mem(*x)?.addr.val_type())
            }
        }
    }

    /// `Start_ok`.
    fn start_ok(&self, x: FuncIdx) -> Kind<()> {
        let ft = self.expand_func(self.func(x)?)?;
        if ft.params.is_empty() && ft.results.is_empty() {
            Ok(())
        } else {
            Err(InvalidKind::StartType)
        }
    }

    /// `Externidx_ok`.
    fn externidx_ok(&self, item: ExternIdx) -> Kind<()> {
        match item {
            ExternIdx::Func(x) => self.func(x).map(drop),
            ExternIdx::Table(x) => self.table(x).map(drop),
            ExternIdx::Mem(x) => self.mem(x).map(drop),
            ExternIdx::Global(x) => self.global(x).map(drop),
            ExternIdx::Tag(x) => self.tag(x).map(drop),
        }
    }
}

/// The defined type that a closed type use is.
fn defined(tu: TypeUse) -> Kind<DefTypeId> {
    match tu {
        TypeUse::Def(dt) => Ok(dt),
        TypeUse::Idx(x) => Err(InvalidKind::Unknown(Space::Type, x.0)),
        TypeUse::Rec(i) => Err(InvalidKind::Unknown(Space::Type, i)),
    }
}
