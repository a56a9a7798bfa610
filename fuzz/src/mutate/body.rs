//! Changes to code. Statements and values are moved as whole trees.
//!
//! Code that makes a program terminate is left alone. No mutation deletes or repeats a statement
//! that writes the program's counter, a branch back to a loop, or a write to the local in which a
//! loop counts. A conditional branch back to a loop is moved only together with its loop.

use crate::generate::source::Source;
use crate::program::edit::simplest;
use crate::program::{Expr, LabelId, Op, Program, To, Ty};

/// How many positions are drawn before giving up.
const TRIES: usize = 12;

/// Inserts a call of `gc` between two expressions, if the module imports it.
pub(super) fn collect_here(program: &mut Program, src: &mut Source<'_>) -> bool {
    let Some(number) = any_list(program, src) else {
        return false;
    };
    let Some((module, _)) = program.owner_of_list(number) else {
        return false;
    };
    let gc = program.modules[module].funcs.iter().find(|f| {
        f.import
            .as_ref()
            .is_some_and(|i| i.module == "harness" && i.name == "gc")
    });
    let Some(gc) = gc.map(|f| f.id) else {
        return false;
    };
    insert(program, src, number, Expr::stmt(Op::Call(gc), Vec::new()))
}

/// Deletes a statement.
pub(super) fn delete_statement(program: &mut Program, src: &mut Source<'_>) -> bool {
    let Some((number, at)) = any_statement(program, src) else {
        return false;
    };
    let Some(list) = program.list_mut(number) else {
        return false;
    };
    list.remove(at);
    true
}

/// Repeats a statement.
pub(super) fn repeat_statement(program: &mut Program, src: &mut Source<'_>) -> bool {
    let Some((number, at)) = any_statement(program, src) else {
        return false;
    };
    let Some(list) = program.list_mut(number) else {
        return false;
    };
    let copy = list[at].clone();
    list.insert(at, copy);
    true
}

/// Copies a statement to another position.
pub(super) fn splice_statement(program: &mut Program, src: &mut Source<'_>) -> bool {
    let Some((number, at)) = any_statement(program, src) else {
        return false;
    };
    let Some(copy) = program.list_mut(number).map(|list| list[at].clone()) else {
        return false;
    };
    let Some(target) = any_list(program, src) else {
        return false;
    };
    insert(program, src, target, copy)
}

/// Replaces a constant by another.
pub(super) fn change_constant(program: &mut Program, src: &mut Source<'_>) -> bool {
    let value = crate::generate::interesting(src);
    let Some((number, at)) = find(program, src, &|e| matches!(e.op, Op::I32(_) | Op::I64(_)))
    else {
        return false;
    };
    let Some(list) = program.list_mut(number) else {
        return false;
    };
    match &mut list[at].op {
        // Numbers of turns, lengths and the value of the counter are small, and stay so.
        Op::I32(old) if (0..=200).contains(old) => *old = value.rem_euclid(201),
        Op::I32(old) => *old = value,
        Op::I64(old) => *old = i64::from(value),
        _ => return false,
    }
    true
}

/// Replaces a value by one of its operands that has the same type, or by the simplest value.
pub(super) fn replace_value(program: &mut Program, src: &mut Source<'_>) -> bool {
    let pick_operand = src.chance(50);
    let movable = |e: &Expr| e.tys.len() == 1 && !e.args.is_empty() && !counts(e);
    let Some((number, at)) = find(program, src, &movable) else {
        return false;
    };
    let Some(list) = program.list_mut(number) else {
        return false;
    };
    let ty = list[at].tys[0];
    let operand = list[at].args.iter().position(|a| a.tys == [ty]);
    let new = match (operand, pick_operand) {
        (Some(operand), true) => Some(list[at].args.swap_remove(operand)),
        _ => simplest(ty),
    };
    match new {
        Some(new) => {
            list[at] = new;
            true
        }
        None => false,
    }
}

/// Lets a reference wait on the operand stack during a statement: value, statement, drop.
pub(super) fn let_wait(program: &mut Program, src: &mut Source<'_>) -> bool {
    let Some((number, at)) = any_statement(program, src) else {
        return false;
    };
    let Some((module, func)) = program.owner_of_list(number) else {
        return false;
    };
    let func = &program.modules[module].funcs[func];
    let params = program.types.sig(func.ty).map_or(0, |sig| sig.params.len());
    let locals: Vec<(u32, Ty)> = func
        .locals
        .iter()
        .enumerate()
        .map(|(at, &ty)| ((params + at) as u32, ty))
        .filter(|(_, ty)| matches!(ty, Ty::Ref(r) if r.null))
        .collect();
    let Some((local, ty)) = src.pick(&locals) else {
        return false;
    };
    let Some(list) = program.list_mut(number) else {
        return false;
    };
    let stmt = list.remove(at);
    let waiting = Expr::get(crate::program::LocalId(local), ty);
    let held = Expr::stmt(Op::Sink(vec![To::Drop]), vec![waiting, stmt]);
    list.insert(at, held);
    true
}

fn insert(program: &mut Program, src: &mut Source<'_>, number: usize, new: Expr) -> bool {
    let Some(list) = program.list_mut(number) else {
        return false;
    };
    let at = src.below(list.len() + 1);
    list.insert(at, new);
    true
}

fn any_list(program: &Program, src: &mut Source<'_>) -> Option<usize> {
    let count = program.list_count();
    (count > 0).then(|| src.below(count))
}

fn any_statement(program: &mut Program, src: &mut Source<'_>) -> Option<(usize, usize)> {
    find(program, src, &|e| e.tys.is_empty() && !counts(e))
}

/// A position for which the condition holds.
fn find(
    program: &mut Program,
    src: &mut Source<'_>,
    keep: &dyn Fn(&Expr) -> bool,
) -> Option<(usize, usize)> {
    for _ in 0..TRIES {
        let number = any_list(program, src)?;
        let list = program.list_mut(number)?;
        let kept: Vec<usize> = (0..list.len()).filter(|&at| keep(&list[at])).collect();
        if let Some(at) = src.pick(&kept) {
            return Some((number, at));
        }
    }
    None
}

/// Returns true if the statement is part of what makes programs terminate. A whole loop, with its
/// start, is not.
fn counts(e: &Expr) -> bool {
    let writes_global =
        matches!(e.op, Op::GlobalSet(_)) && e.args.iter().any(|a| a.tys == [Ty::I32]);
    let leaves = matches!(e.op, Op::Loop(..));
    writes_global || leaves || branches_back(e, &mut Vec::new())
}

/// Returns true if the expression branches to a label outside of it, which may be the back edge of
/// a loop.
fn branches_back(e: &Expr, inside: &mut Vec<LabelId>) -> bool {
    let target = |l: &LabelId, inside: &Vec<LabelId>| !inside.contains(l);
    let leaves = match &e.op {
        Op::Br(l)
        | Op::BrIf(l)
        | Op::BrOnNull(l)
        | Op::BrOnNonNull(l)
        | Op::BrOnCast(l, ..)
        | Op::BrOnCastFail(l, ..) => target(l, inside),
        Op::BrTable(ls, d) => target(d, inside) || ls.iter().any(|l| target(l, inside)),
        Op::Try(_, catches, _) => catches.iter().any(|c| target(&c.label, inside)),
        _ => false,
    };
    if leaves || e.args.iter().any(|a| branches_back(a, inside)) {
        return true;
    }
    let own = match &e.op {
        Op::Block(l, ..) | Op::Loop(l, ..) | Op::If(l, ..) | Op::Try(l, ..) => Some(*l),
        _ => None,
    };
    inside.extend(own);
    let found = e
        .bodies()
        .any(|body| body.iter().any(|b| branches_back(b, inside)));
    if own.is_some() {
        inside.pop();
    }
    found
}
