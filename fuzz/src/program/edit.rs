//! Ways to change a program, for the mutator and the reducer.
//!
//! Nothing here keeps a program valid. The caller validates the result ([`Program::validate`]) and
//! drops it if it is not valid.
//!
//! A **list** is a row of expressions: the body of a function, the body of a block, or the operands
//! of an instruction. The lists in function bodies are numbered from 0 in preorder, over all
//! modules. Constant expressions have no lists.

use std::collections::BTreeSet;

use super::ops::{Expr, FuncId, Op, RefOp, To};
use super::syntax::{Func, Mode, Module, Program};
use super::types::{Heap, RefTy, Ty, TypeId};

/// An item of a module, to be taken away.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Item {
    /// The function at this position.
    Func(usize),
    /// The table at this position.
    Table(usize),
    /// The memory at this position.
    Mem(usize),
    /// The global at this position.
    Global(usize),
    /// The tag at this position.
    Tag(usize),
    /// The element segment at this position.
    Elem(usize),
    /// The data segment at this position.
    Data(usize),
}

impl Module {
    /// Returns every item.
    pub fn items(&self) -> Vec<Item> {
        let mut items = Vec::new();
        items.extend((0..self.funcs.len()).map(Item::Func));
        items.extend((0..self.tables.len()).map(Item::Table));
        items.extend((0..self.mems.len()).map(Item::Mem));
        items.extend((0..self.globals.len()).map(Item::Global));
        items.extend((0..self.tags.len()).map(Item::Tag));
        items.extend((0..self.elems.len()).map(Item::Elem));
        items.extend((0..self.datas.len()).map(Item::Data));
        items
    }

    /// Removes an item. Instructions that mention it then dangle.
    ///
    /// # Panics
    /// There is no such item.
    pub fn remove(&mut self, item: Item) {
        match item {
            Item::Func(at) => {
                let gone = self.funcs.remove(at);
                if self.start == Some(gone.id) {
                    self.start = None;
                }
            }
            Item::Table(at) => drop(self.tables.remove(at)),
            Item::Mem(at) => drop(self.mems.remove(at)),
            Item::Global(at) => drop(self.globals.remove(at)),
            Item::Tag(at) => drop(self.tags.remove(at)),
            Item::Elem(at) => drop(self.elems.remove(at)),
            Item::Data(at) => drop(self.datas.remove(at)),
        }
    }

    /// Returns the functions that something in the module mentions, and those exported or started.
    pub fn used_funcs(&self) -> BTreeSet<FuncId> {
        let mut used: BTreeSet<FuncId> = self.start.into_iter().collect();
        used.extend(
            self.funcs
                .iter()
                .filter(|f| f.export.is_some())
                .map(|f| f.id),
        );
        self.each_root(&mut |root| {
            root.walk(&mut |e| match &e.op {
                Op::Call(f) | Op::ReturnCall(f) | Op::Ref(RefOp::Func(f)) => {
                    used.insert(*f);
                }
                Op::Sink(to) => used.extend(to.iter().filter_map(|t| match t {
                    To::Call(f) => Some(*f),
                    _ => None,
                })),
                _ => {}
            });
        });
        used
    }

    /// Removes functions that nothing uses. Returns true if there were any.
    pub fn drop_unused_funcs(&mut self) -> bool {
        let used = self.used_funcs();
        let before = self.funcs.len();
        self.funcs.retain(|f| used.contains(&f.id));
        self.funcs.len() < before
    }

    /// Returns every constant expression, to change it.
    pub fn consts_mut(&mut self) -> impl Iterator<Item = &mut Expr> {
        let tables = self.tables.iter_mut().filter_map(|t| t.init.as_mut());
        let globals = self.globals.iter_mut().filter_map(|g| g.init.as_mut());
        let elems = self.elems.iter_mut().flat_map(|elem| {
            let offset = match &mut elem.mode {
                Mode::Active(_, offset) => Some(offset),
                Mode::Passive | Mode::Declared => None,
            };
            offset.into_iter().chain(&mut elem.items)
        });
        let datas = self
            .datas
            .iter_mut()
            .filter_map(|data| match &mut data.mode {
                Mode::Active(_, offset) => Some(offset),
                Mode::Passive | Mode::Declared => None,
            });
        tables.chain(globals).chain(elems).chain(datas)
    }
}

impl Program {
    /// Returns how many lists there are.
    pub fn list_count(&self) -> usize {
        self.bodies().map(|f| count_lists(&f.body)).sum()
    }

    /// Returns the list with this number, to change it.
    pub fn list_mut(&mut self, number: usize) -> Option<&mut Vec<Expr>> {
        let mut left = number;
        for module in &mut self.modules {
            for func in module.funcs.iter_mut().filter(|f| f.import.is_none()) {
                if let Some(list) = nth_list(&mut func.body, &mut left) {
                    return Some(list);
                }
            }
        }
        None
    }

    /// Returns the position of the module and of the function that the list belongs to.
    pub fn owner_of_list(&self, number: usize) -> Option<(usize, usize)> {
        let mut left = number;
        for (m, module) in self.modules.iter().enumerate() {
            for (f, func) in module.funcs.iter().enumerate() {
                if func.import.is_some() {
                    continue;
                }
                let n = count_lists(&func.body);
                if left < n {
                    return Some((m, f));
                }
                left -= n;
            }
        }
        None
    }

    fn bodies(&self) -> impl Iterator<Item = &Func> {
        let funcs = self.modules.iter().flat_map(|m| &m.funcs);
        funcs.filter(|f| f.import.is_none())
    }

    /// Removes recursion groups that nothing mentions. Returns true if there were any. Groups keep
    /// their numbers.
    pub fn drop_unused_groups(&mut self) -> bool {
        let mut changed = false;
        for at in 0..self.modules.len() {
            let used = self.used_types(at);
            let groups = &self.types.groups;
            let module = &mut self.modules[at];
            let before = module.groups.len();
            module
                .groups
                .retain(|&g| groups[g].iter().any(|id| used.contains(id)));
            changed |= module.groups.len() < before;
        }
        changed
    }

    /// Returns every type that a module mentions, all types that these mention, and the rest of
    /// their groups.
    fn used_types(&self, module: usize) -> BTreeSet<TypeId> {
        let module = &self.modules[module];
        let mut open = Vec::new();
        open.extend(module.funcs.iter().map(|f| f.ty));
        open.extend(module.tags.iter().map(|t| t.ty));
        let mut tys: Vec<Ty> = module
            .funcs
            .iter()
            .flat_map(|f| f.locals.iter().copied())
            .collect();
        tys.extend(module.tables.iter().map(|t| Ty::Ref(t.ty.elem)));
        tys.extend(module.globals.iter().map(|g| g.ty));
        tys.extend(module.elems.iter().map(|e| Ty::Ref(e.ty)));
        module.each_root(&mut |root| root.walk(&mut |e| mentioned(e, &mut open, &mut tys)));
        open.extend(tys.iter().filter_map(|ty| definition(*ty)));
        let mut used = BTreeSet::new();
        while let Some(id) = open.pop() {
            if !used.insert(id) {
                continue;
            }
            self.types.mentioned(id, &mut |to| open.push(to));
            let group = self.types.groups.iter().find(|g| g.contains(&id));
            open.extend(group.into_iter().flatten());
        }
        used
    }
}

fn definition(ty: Ty) -> Option<TypeId> {
    match ty {
        Ty::Ref(RefTy {
            heap: Heap::Def(id),
            ..
        }) => Some(id),
        _ => None,
    }
}

/// Collects the types that one node mentions.
fn mentioned(e: &Expr, ids: &mut Vec<TypeId>, tys: &mut Vec<Ty>) {
    tys.extend(&e.tys);
    match &e.op {
        Op::Select(ty) => tys.extend(ty),
        Op::Block(_, params, _) | Op::Loop(_, params, _) => tys.extend(params),
        Op::BrOnCast(_, from, to) | Op::BrOnCastFail(_, from, to) => {
            tys.extend([Ty::Ref(*from), Ty::Ref(*to)]);
        }
        Op::Ref(RefOp::Null(heap)) => tys.push(Ty::nullable(*heap)),
        Op::Ref(RefOp::Test(r) | RefOp::Cast(r)) => tys.push(Ty::Ref(*r)),
        Op::CallRef(id)
        | Op::ReturnCallRef(id)
        | Op::CallIndirect(_, id)
        | Op::ReturnCallIndirect(_, id) => ids.push(*id),
        Op::Struct(op) => ids.push(op.definition()),
        Op::Array(op) => ids.extend(op.definitions()),
        _ => {}
    }
}

fn count_lists(list: &[Expr]) -> usize {
    let inside =
        |e: &Expr| count_lists(&e.args) + e.bodies().map(|body| count_lists(body)).sum::<usize>();
    1 + list.iter().map(inside).sum::<usize>()
}

fn nth_list<'a>(list: &'a mut Vec<Expr>, left: &mut usize) -> Option<&'a mut Vec<Expr>> {
    if *left == 0 {
        return Some(list);
    }
    *left -= 1;
    for e in list.iter_mut() {
        let Expr { op, args, .. } = e;
        if let Some(found) = nth_list(args, left) {
            return Some(found);
        }
        for body in op.bodies_mut() {
            if let Some(found) = nth_list(body, left) {
                return Some(found);
            }
        }
    }
    None
}

/// Returns the simplest expression of a type that is valid in any module: null, zero, an `i31`.
/// `None` if there is none.
pub fn simplest(ty: Ty) -> Option<Expr> {
    Some(match ty {
        Ty::I32 => Expr::i32(0),
        Ty::I64 => Expr::i64(0),
        Ty::F32 => Expr::value(Op::F32(0), Vec::new(), ty),
        Ty::F64 => Expr::value(Op::F64(0), Vec::new(), ty),
        Ty::V128 => Expr::value(Op::V128(0), Vec::new(), ty),
        Ty::Ref(RefTy { null: true, heap }) => {
            Expr::value(Op::Ref(RefOp::Null(heap)), Vec::new(), ty)
        }
        Ty::Ref(RefTy {
            heap: Heap::Any | Heap::Eq | Heap::I31,
            ..
        }) => {
            let ty = Ty::non_null(Heap::I31);
            Expr::value(Op::Ref(RefOp::I31), vec![Expr::i32(0)], ty)
        }
        Ty::Ref(RefTy {
            heap: Heap::Extern, ..
        }) => {
            let inner = simplest(Ty::non_null(Heap::Any))?;
            Expr::value(Op::Ref(RefOp::ExternConvertAny), vec![inner], ty)
        }
        Ty::Ref(_) => return None,
    })
}
