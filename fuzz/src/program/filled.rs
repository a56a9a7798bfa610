//! A program -> one whose functions first write fresh objects into the tables.
//!
//! Most elements of tables are null, or were made by constant expressions, where no host object can
//! be made. An engine that forgets to release what a table operation overwrites shows nothing then.
//!
//! - Each function that a step calls begins by writing the first elements of each exported table:
//!   host objects, or structures, which get a canary like all others.
//! - A null that an operation writes into such a table becomes a fresh object.
//! - A table stays as it is if its elements can be neither.
//!
//! Always: the tables of functions stay as they are, so that indirect calls find what they expect.

use std::collections::BTreeMap;

use super::canaries::maker;
use super::ops::{Expr, FuncId, Op, RefOp, StructOp, TableId, TableOp};
use super::syntax::{Func, Module, Program, Step, Table};
use super::types::{Heap, RefTy, Ty, TypeId, Universe};

/// How many elements of a table are written.
const ELEMENTS: u64 = 3;

/// Returns the program with filled tables. `None` if it has none that can be, or would not be
/// valid.
#[must_use]
pub fn with_filled_tables(program: &Program) -> Option<Program> {
    let mut changed = program.clone();
    let Program {
        types,
        modules,
        steps,
        ..
    } = &mut changed;
    let mut is_changed = false;
    for (at, module) in modules.iter_mut().enumerate() {
        let objects = objects(module, types);
        is_changed |= !objects.is_empty();
        let operands = operands(module, &objects);
        for func in &mut module.funcs {
            for root in &mut func.body {
                root.walk_mut(&mut |e| renew(e, &objects, &operands));
            }
            if func.import.is_none() && is_called(steps, at, func.export.as_deref()) {
                func.body.splice(0..0, writes(&objects));
            }
        }
    }
    changed.filled = true;
    (is_changed && changed.validate().is_ok()).then_some(changed)
}

fn is_called(steps: &[Step], at: usize, name: Option<&str>) -> bool {
    steps.iter().any(|step| match step {
        Step::Invoke { module, export, .. } => *module == at && Some(export.as_str()) == name,
        Step::Instantiate(_) => false,
    })
}

/// The exported tables of a module that can be filled, and what makes an object for each.
fn objects(module: &mut Module, types: &mut Universe) -> Vec<(Table, Expr)> {
    let mut objects = Vec::new();
    for (number, table) in (0..).zip(module.tables.clone()) {
        if table.export.is_some()
            && let Some(fresh) = fresh(module, types, table.ty.elem, number)
        {
            objects.push((table, fresh));
        }
    }
    objects
}

/// The statements that write the first elements of tables.
fn writes(objects: &[(Table, Expr)]) -> Vec<Expr> {
    let mut writes = Vec::new();
    for (table, fresh) in objects {
        for at in 0..table.ty.min.min(ELEMENTS) {
            let index = Expr::index(table.ty.is64, at);
            let set = Op::Table(TableOp::Set(table.id));
            writes.push(Expr::stmt(set, vec![index, fresh.clone()]));
        }
    }
    writes
}

/// The embedder's operations on tables that take a value: the position of the value among the
/// arguments, and of the table in `objects`.
fn operands(module: &Module, objects: &[(Table, Expr)]) -> BTreeMap<FuncId, (usize, usize)> {
    let operand = |func: &Func| {
        let (operation, name) = func.harness_name()?.split_once(':')?;
        let value = match operation {
            "table.grow" => 0,
            "table.set" | "table.fill" => 1,
            _ => return None,
        };
        let is_named = |(table, _): &(Table, Expr)| table.export.as_deref() == Some(name);
        Some((func.id, (value, objects.iter().position(is_named)?)))
    };
    module.funcs.iter().filter_map(operand).collect()
}

/// Puts a fresh object in the place of a null that an operation writes into a table.
fn renew(e: &mut Expr, objects: &[(Table, Expr)], operands: &BTreeMap<FuncId, (usize, usize)>) {
    let of = |id: TableId| objects.iter().position(|(table, _)| table.id == id);
    let operand = match &e.op {
        Op::Table(TableOp::Grow(id)) => of(*id).map(|table| (0, table)),
        Op::Table(TableOp::Set(id) | TableOp::Fill(id)) => of(*id).map(|table| (1, table)),
        Op::Call(id) => operands.get(id).copied(),
        _ => None,
    };
    if let Some((value, table)) = operand
        && let Some(value) = e.args.get_mut(value)
        && matches!(value.op, Op::Ref(RefOp::Null(_)))
    {
        *value = objects[table].1.clone();
    }
}

/// A new object for an element of this type.
fn fresh(module: &mut Module, types: &mut Universe, ty: RefTy, number: i32) -> Option<Expr> {
    let host = Ty::non_null(Heap::Extern);
    if ty.heap == Heap::Extern {
        let maker = maker(module, types, host);
        return Some(Expr::value(Op::Call(maker), vec![Expr::i32(number)], host));
    }
    let declared = module.groups.iter().flat_map(|&group| &types.groups[group]);
    let fits = |id: &&TypeId| {
        let is_below = types.heap_matches(Heap::Def(**id), ty.heap);
        let fields = types.fields(**id).filter(|_| is_below);
        fields.is_some_and(|fields| {
            let mut fields = fields.iter();
            fields.all(|field| field.storage.unpacked().is_defaultable())
        })
    };
    if let Some(&id) = declared.clone().find(fits) {
        let made = Op::Struct(StructOp::NewDefault(id));
        return Some(Expr::value(made, Vec::new(), Ty::non_null(Heap::Def(id))));
    }
    if ty.heap != Heap::Any {
        return None;
    }
    let maker = maker(module, types, host);
    let object = Expr::value(Op::Call(maker), vec![Expr::i32(number)], host);
    let convert = Op::Ref(RefOp::AnyConvertExtern);
    Some(Expr::value(convert, vec![object], Ty::non_null(Heap::Any)))
}

#[cfg(test)]
mod tests {
    use gcrucible_oracles::engine::reference;
    use gcrucible_oracles::leak::LiveKind;

    use super::*;
    use crate::generate::{Focus, from_seed};
    use crate::targets::subject::case_of;

    /// Host objects that live at the end.
    fn hosts(program: &Program) -> u64 {
        let run = reference().run(&case_of(program), &[]);
        let last = run.steps.last().and_then(|step| step.live.as_ref().ok());
        let census = last.and_then(|live| live.reachable.as_ref());
        census.map_or(0, |census| census.get(LiveKind::Host))
    }

    #[test]
    fn tables_hold_host_objects() {
        let (mut filled, mut more) = (0, 0);
        for seed in 0..80 {
            let program = from_seed(seed, Focus::Tables);
            let Some(changed) = with_filled_tables(&program) else {
                continue;
            };
            filled += 1;
            more += u32::from(hosts(&changed) > hosts(&program));
        }
        assert!(filled >= 40 && more >= 5, "{filled} {more}");
    }
}
