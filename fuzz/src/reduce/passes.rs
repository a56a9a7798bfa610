//! Ways to make a program smaller. Each pass returns true if it made the program smaller.

use std::collections::BTreeSet;

use gcrucible_oracles::schedule::Schedule;

use super::gate::Gate;
use super::operations::{removable, without};
use crate::program::edit::{Item, simplest};
use crate::program::{Composite, Expr, FuncId, Op, Program, Sig, Step, To, TypeDef, TypeId};

/// A pass.
pub type Pass = fn(&mut Program, &mut Gate<'_>) -> bool;

/// Every pass, those that remove most first.
pub static ALL: &[Pass] = &[
    steps, modules, bodies, items, unused, results, lists, exports, constants, elements, locals,
    schedule,
];

/// Calls `attempt` for ranges of `0..len`, large ones first. `attempt` returns true if it removed
/// the range. Returns true if any range was removed.
fn ranges(mut len: usize, mut attempt: impl FnMut(usize, usize) -> bool) -> bool {
    let before = len;
    let mut size = len;
    while size > 0 {
        let mut at = 0;
        while at < len {
            let end = (at + size).min(len);
            if attempt(at, end) {
                len -= end - at;
            } else {
                at = end;
            }
        }
        size /= 2;
    }
    len < before
}

/// Removes all uses of operations that say something of a cause. Those that explain other findings
/// are tried first, so that one that nothing explains stays.
pub(super) fn operations(
    program: &mut Program,
    explained: &BTreeSet<String>,
    gate: &mut Gate<'_>,
) -> bool {
    let mut names = removable(program);
    names.sort_by_key(|name| !explained.contains(name));
    ranges(names.len(), |from, to| {
        let gone = names[from..to].iter().cloned().collect();
        let is_gone = gate.attempt(program, |p| *p = without(p, &gone));
        if is_gone {
            names.drain(from..to);
        }
        is_gone
    })
}

/// Removes calls. Instantiations stay.
fn steps(program: &mut Program, gate: &mut Gate<'_>) -> bool {
    let calls = |p: &Program| -> Vec<usize> {
        let steps = p.steps.iter().enumerate();
        let calls = steps.filter(|(_, step)| matches!(step, Step::Invoke { .. }));
        calls.map(|(at, _)| at).collect()
    };
    ranges(calls(program).len(), |from, to| {
        let gone: Vec<usize> = calls(program)[from..to].to_vec();
        gate.attempt(program, |p| {
            let mut at = 0;
            p.steps.retain(|_| {
                at += 1;
                !gone.contains(&(at - 1))
            });
        })
    })
}

/// Removes whole modules, with the steps on them.
fn modules(program: &mut Program, gate: &mut Gate<'_>) -> bool {
    let mut changed = false;
    for gone in (0..program.modules.len()).rev() {
        if program.modules.len() > 1 {
            changed |= gate.attempt(program, |p| {
                p.modules.remove(gone);
                p.steps.retain_mut(|step| {
                    let (Step::Instantiate(at) | Step::Invoke { module: at, .. }) = step;
                    let stays = *at != gone;
                    *at -= usize::from(*at > gone);
                    stays
                });
            });
        }
    }
    changed
}

/// Replaces bodies of functions by the simplest results.
fn bodies(program: &mut Program, gate: &mut Gate<'_>) -> bool {
    let mut changed = false;
    for m in 0..program.modules.len() {
        for f in (0..program.modules[m].funcs.len()).rev() {
            let func = &program.modules[m].funcs[f];
            let results = program.types.sig(func.ty).map(|sig| sig.results.clone());
            let simple = results.unwrap_or_default().into_iter().map(simplest);
            let Some(simple) = simple.collect::<Option<Vec<Expr>>>() else {
                continue;
            };
            let size = |body: &[Expr]| body.iter().map(Expr::size).sum::<usize>();
            if func.import.is_none() && size(&func.body) > size(&simple) {
                changed |= gate.attempt(program, |p| p.modules[m].funcs[f].body = simple);
            }
        }
    }
    changed
}

/// Removes items.
fn items(program: &mut Program, gate: &mut Gate<'_>) -> bool {
    let mut changed = false;
    for m in 0..program.modules.len() {
        let mut items = program.modules[m].items();
        // From the last to the first of each kind, so that positions stay good.
        items.reverse();
        for item in items {
            let is_start = match item {
                Item::Func(at) => program.modules[m].start == Some(program.modules[m].funcs[at].id),
                _ => false,
            };
            if is_start && gate.attempt(program, |p| p.modules[m].start = None) {
                changed = true;
            }
            changed |= gate.attempt(program, |p| p.modules[m].remove(item));
        }
    }
    changed
}

/// Removes all functions and recursion groups that nothing mentions, in one attempt.
fn unused(program: &mut Program, gate: &mut Gate<'_>) -> bool {
    let mut fewer = program.clone();
    let mut changed = fewer.drop_unused_groups();
    for module in &mut fewer.modules {
        changed |= module.drop_unused_funcs();
    }
    changed && gate.attempt(program, |p| *p = fewer)
}

/// Drops results of functions where they are made: first all results of a function, then smaller
/// parts.
fn results(program: &mut Program, gate: &mut Gate<'_>) -> bool {
    let mut changed = false;
    for m in 0..program.modules.len() {
        let funcs: Vec<FuncId> = program.modules[m].funcs.iter().map(|f| f.id).collect();
        for id in funcs {
            changed |= ranges(returned(program, m, id).len(), |from, to| {
                let gone = returned(program, m, id)[from..to].to_vec();
                gate.attempt(program, |p| drop_results(p, m, id, &gone))
            });
        }
    }
    changed
}

/// Returns the positions in a function's body of the expressions that are its results, if these are
/// all of them.
fn returned(program: &Program, m: usize, id: FuncId) -> Vec<usize> {
    let Some(func) = program.modules[m].func(id) else {
        return Vec::new();
    };
    let results = program
        .types
        .sig(func.ty)
        .map_or(0, |sig| sig.results.len());
    let made: usize = func.body.iter().map(|e| e.tys.len()).sum();
    if func.import.is_some() || made != results {
        return Vec::new();
    }
    let values = func.body.iter().enumerate();
    let values = values.filter(|(_, e)| !e.tys.is_empty());
    values.map(|(at, _)| at).collect()
}

fn drop_results(program: &mut Program, m: usize, id: FuncId, gone: &[usize]) {
    let module = &mut program.modules[m];
    let Some(func) = module.funcs.iter_mut().find(|f| f.id == id) else {
        return;
    };
    for &at in gone {
        let value = func.body[at].clone();
        let to = vec![To::Drop; value.tys.len()];
        func.body[at] = Expr::stmt(Op::Sink(to), vec![value]);
    }
    let results = func.body.iter().flat_map(|e| e.tys.clone()).collect();
    let params = program.types.sig(func.ty).map(|sig| sig.params.clone());
    let ty = TypeId(program.types.defs.len() as u32);
    program.types.defs.push(TypeDef {
        body: Composite::Func(Sig {
            params: params.unwrap_or_default(),
            results,
        }),
        is_final: true,
        supertype: None,
        canon: ty,
    });
    func.ty = ty;
    module.groups.push(program.types.groups.len());
    program.types.groups.push(vec![ty]);
}

/// Removes statements, replaces values by the simplest of their types, and replaces nodes by what
/// is inside of them.
fn lists(program: &mut Program, gate: &mut Gate<'_>) -> bool {
    let mut changed = false;
    let mut number = 0;
    while number < program.list_count() && gate.is_open() {
        changed |= simplify(program, gate, number);
        changed |= hoist(program, gate, number);
        number += 1;
    }
    changed
}

/// Returns the simplest values in place of an expression. `None` if the expression is no larger.
fn rest(e: &Expr) -> Option<Vec<Expr>> {
    let rest: Vec<Expr> = e
        .tys
        .iter()
        .map(|ty| simplest(*ty))
        .collect::<Option<_>>()?;
    (rest.iter().map(Expr::size).sum::<usize>() < e.size()).then_some(rest)
}

fn simplify(program: &mut Program, gate: &mut Gate<'_>, number: usize) -> bool {
    let mut changed = false;
    let mut size = program.list_mut(number).map_or(0, |list| list.len());
    while size > 0 {
        let mut at = 0;
        while let Some(list) = program.list_mut(number)
            && at < list.len()
        {
            let end = (at + size).min(list.len());
            let mut any = false;
            let mut simple = Vec::new();
            for e in &list[at..end] {
                let rest = rest(e);
                any |= rest.is_some();
                simple.extend(rest.unwrap_or_else(|| vec![e.clone()]));
            }
            let kept = simple.len();
            let edit = |p: &mut Program| {
                if let Some(list) = p.list_mut(number) {
                    list.splice(at..end, simple);
                }
            };
            let done = any && gate.attempt(program, edit);
            changed |= done;
            at = if done { at + kept } else { end };
        }
        size /= 2;
    }
    changed
}

fn hoist(program: &mut Program, gate: &mut Gate<'_>, number: usize) -> bool {
    let mut changed = false;
    let mut at = 0;
    while let Some(list) = program.list_mut(number)
        && at < list.len()
    {
        let e = &list[at];
        let mut inside: Vec<Vec<Expr>> = e.bodies().cloned().collect();
        inside.extend(e.args.iter().map(|arg| vec![arg.clone()]));
        inside.push(e.args.clone());
        let same_types = |row: &Vec<Expr>| {
            let count: usize = row.iter().map(|e| e.tys.len()).sum();
            !row.is_empty() && count == e.tys.len()
        };
        inside.retain(same_types);
        let done = inside.into_iter().any(|row| {
            gate.attempt(program, |p| {
                if let Some(list) = p.list_mut(number) {
                    list.splice(at..=at, row);
                }
            })
        });
        changed |= done;
        // What took its place may have something inside as well.
        at += usize::from(!done);
    }
    changed
}

/// Removes exports. Most of them only show more to compare.
fn exports(program: &mut Program, gate: &mut Gate<'_>) -> bool {
    let mut changed = false;
    for m in 0..program.modules.len() {
        for item in program.modules[m].items() {
            if export(program, m, item).is_some_and(|name| name.is_some()) {
                changed |= gate.attempt(program, |p| {
                    if let Some(name) = export(p, m, item) {
                        *name = None;
                    }
                });
            }
        }
    }
    changed
}

/// Returns the name under which an item is exported. `None` for segments, which cannot be exported.
fn export(program: &mut Program, module: usize, item: Item) -> Option<&mut Option<String>> {
    let m = &mut program.modules[module];
    Some(match item {
        Item::Func(at) => &mut m.funcs[at].export,
        Item::Table(at) => &mut m.tables[at].export,
        Item::Mem(at) => &mut m.mems[at].export,
        Item::Global(at) => &mut m.globals[at].export,
        Item::Tag(at) => &mut m.tags[at].export,
        Item::Elem(_) | Item::Data(_) => return None,
    })
}

/// Replaces constant expressions, and nodes inside of them, by the simplest of their types.
fn constants(program: &mut Program, gate: &mut Gate<'_>) -> bool {
    let mut changed = false;
    for m in 0..program.modules.len() {
        let mut number = 0;
        while let Some(simple) = nth_constant(program, m, number).map(|e| rest(e)) {
            if let Some([simple]) = simple.as_deref() {
                changed |= gate.attempt(program, |p| {
                    if let Some(e) = nth_constant(p, m, number) {
                        *e = simple.clone();
                    }
                });
            }
            number += 1;
        }
    }
    changed
}

/// A node of the constant expressions of a module, in preorder.
fn nth_constant(program: &mut Program, module: usize, number: usize) -> Option<&mut Expr> {
    fn nth<'a>(e: &'a mut Expr, left: &mut usize) -> Option<&'a mut Expr> {
        if *left == 0 {
            return Some(e);
        }
        *left -= 1;
        e.args.iter_mut().find_map(|arg| nth(arg, left))
    }
    let mut left = number;
    program.modules[module]
        .consts_mut()
        .find_map(|root| nth(root, &mut left))
}

/// Removes elements and bytes of segments.
fn elements(program: &mut Program, gate: &mut Gate<'_>) -> bool {
    let mut changed = false;
    for m in 0..program.modules.len() {
        for at in 0..program.modules[m].elems.len() {
            let len = program.modules[m].elems[at].items.len();
            changed |= ranges(len, |from, to| {
                gate.attempt(program, |p| {
                    p.modules[m].elems[at].items.drain(from..to);
                })
            });
        }
        for at in 0..program.modules[m].datas.len() {
            let len = program.modules[m].datas[at].bytes.len();
            changed |= len > 0 && gate.attempt(program, |p| p.modules[m].datas[at].bytes.clear());
        }
    }
    changed
}

/// Removes locals that are not used, from the last one on.
fn locals(program: &mut Program, gate: &mut Gate<'_>) -> bool {
    let mut changed = false;
    for m in 0..program.modules.len() {
        for f in 0..program.modules[m].funcs.len() {
            while !program.modules[m].funcs[f].locals.is_empty()
                && gate.attempt(program, |p| {
                    p.modules[m].funcs[f].locals.pop();
                })
            {
                changed = true;
            }
        }
    }
    changed
}

/// How many collection points of a schedule `every` are tried alone.
const POINTS_TRIED: u64 = 48;

/// Makes collections fewer.
fn schedule(program: &mut Program, gate: &mut Gate<'_>) -> bool {
    match program.schedule.clone() {
        Schedule::OnPressure => false,
        Schedule::At(points) => ranges(points.len(), |from, to| {
            gate.attempt(program, |p| {
                if let Schedule::At(points) = &mut p.schedule {
                    points.drain(from..to);
                }
            })
        }),
        Schedule::Every | Schedule::EveryNth(_) => {
            let single = (0..POINTS_TRIED).map(|point| Schedule::At(vec![point]));
            let mut fewer = std::iter::once(Schedule::OnPressure).chain(single);
            fewer.any(|schedule| gate.attempt(program, |p| p.schedule = schedule))
        }
    }
}
