//! The operations of a program by name, and the program without some of them.
//!
//! Always: what stands in the place of an operation is the simplest value of its type. An operation
//! stays if its type has no such value. The result need not be valid.

use std::collections::BTreeSet;

use gcrucible_oracles::host::harness;
use gcrucible_oracles::operation::weight;

use crate::program::edit::simplest;
use crate::program::{Expr, FuncId, Module, Op, Program, Ty};

/// What stands before the name of an instruction in a constant expression.
const CONSTANT: &str = "constant ";

/// Returns the operations of a program, each once: instructions, functions of the host, and
/// segments.
pub fn operations(program: &Program) -> Vec<String> {
    let mut names = BTreeSet::new();
    for module in &program.modules {
        let bodies = module.funcs.iter().flat_map(|func| &func.body);
        bodies.for_each(|root| {
            root.walk(&mut |e| {
                names.insert(e.op.name());
            });
        });
        module.each_constant(&mut |root| {
            root.walk(&mut |e| {
                names.extend(constant(e));
            });
        });
        let imported = module.funcs.iter();
        names.extend(imported.filter_map(|func| host_name(module, func.id)));
        if !module.elems.is_empty() {
            names.insert("segment".to_owned());
        }
    }
    names.into_iter().collect()
}

/// The name of an instruction in a constant expression. None for one that only makes a number or a
/// null.
fn constant(e: &Expr) -> Option<String> {
    let name = e.op.name();
    (weight(&name) > 0).then(|| format!("{CONSTANT}{name}"))
}

/// The name of a function of the host. The name of the export on which it operates says nothing. An
/// operation that is tried is the same operation.
fn host_name(module: &Module, id: FuncId) -> Option<String> {
    let name = harness::untried(module.func(id)?.harness_name()?);
    Some(format!(
        "host {}",
        name.split(':').next().unwrap_or_default()
    ))
}

/// Returns the operations that say something of a cause and that [`without`] can take away.
pub fn removable(program: &Program) -> Vec<String> {
    const SAYS_MUCH: u8 = 2;
    let mut names = operations(program);
    names.retain(|name| weight(name) >= SAYS_MUCH && name != "segment");
    names
}

/// Returns the program without these operations.
pub fn without(program: &Program, gone: &BTreeSet<String>) -> Program {
    let mut less = program.clone();
    for module in &mut less.modules {
        let hosts: BTreeSet<FuncId> = module
            .funcs
            .iter()
            .map(|func| func.id)
            .filter(|&id| host_name(module, id).is_some_and(|name| gone.contains(&name)))
            .collect();
        let is_gone = |e: &Expr| match &e.op {
            Op::Call(func) if hosts.contains(func) => true,
            op => gone.contains(&op.name()),
        };
        for func in &mut module.funcs {
            strip(&mut func.body, &is_gone);
        }
        let is_gone = |e: &Expr| constant(e).is_some_and(|name| gone.contains(&name));
        for root in module.consts_mut() {
            strip_constant(root, &is_gone);
        }
    }
    less
}

fn strip(list: &mut Vec<Expr>, is_gone: &dyn Fn(&Expr) -> bool) {
    let mut at = 0;
    while let Some(e) = list.get_mut(at) {
        let values: Option<Vec<Expr>> = e.tys.iter().map(|&ty| simplest(ty)).collect();
        if let Some(values) = values.filter(|_| is_gone(e)) {
            let count = values.len();
            list.splice(at..=at, values);
            at += count;
            continue;
        }
        strip(&mut e.args, is_gone);
        e.bodies_mut().for_each(|body| strip(body, is_gone));
        at += 1;
    }
}

fn strip_constant(e: &mut Expr, is_gone: &dyn Fn(&Expr) -> bool) {
    if is_gone(e)
        && let &[ty] = e.tys.as_slice()
        && let Some(value) = simplest(ty).or_else(|| null(ty))
    {
        *e = value;
        return;
    }
    e.args
        .iter_mut()
        .for_each(|arg| strip_constant(arg, is_gone));
}

/// A null. It is valid where the place of the value allows one, although the value itself was none.
fn null(ty: Ty) -> Option<Expr> {
    simplest(Ty::nullable(ty.as_ref()?.heap))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::generate::{Focus, from_seed};

    #[test]
    fn operations_go_by_name_and_most_programs_stay_valid() {
        let (mut tried, mut valid, mut constants) = (0, 0, 0);
        for seed in 0..60 {
            let program = from_seed(seed, Focus::Tables);
            for name in removable(&program) {
                let less = without(&program, &[name.clone()].into());
                let is_valid = less.validate().is_ok();
                tried += 1;
                valid += u32::from(is_valid);
                constants += u32::from(is_valid && name.starts_with(CONSTANT));
                if is_valid && name.starts_with("table.") {
                    let left = operations(&less);
                    // A function that returns by it, or a reference that has no simplest value,
                    // keeps an operation.
                    let stays = left.contains(&name) && name != "table.get";
                    assert!(!stays, "seed {seed}: {name}");
                }
            }
        }
        assert!(valid * 4 > tried * 3, "{valid} of {tried}");
        assert!(constants > 20, "{constants}");
    }
}
