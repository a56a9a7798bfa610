//! Changes to types that keep the meaning of every program: the order of groups, and groups
//! declared twice.

use crate::generate::source::Source;
use crate::program::{Program, TypeId};

/// Declares a group earlier or later than before, which changes all type indices behind it.
pub(super) fn reorder_groups(program: &mut Program, src: &mut Source<'_>) -> bool {
    let at = src.below(program.modules.len());
    let groups = &mut program.modules[at].groups;
    if groups.len() < 2 {
        return false;
    }
    let from = src.below(groups.len());
    let group = groups.remove(from);
    let to = src.below(groups.len() + 1);
    groups.insert(to, group);
    from != to
}

/// Repeats a recursion group of a module. The copies are new definitions that are equal to the old
/// ones, and the module declares both groups.
pub(super) fn repeat_group(program: &mut Program, src: &mut Source<'_>) -> bool {
    let at = src.below(program.modules.len());
    let groups = program.modules[at].groups.clone();
    let Some(group) = src.pick(&groups) else {
        return false;
    };
    let old = program.types.groups[group].clone();
    let first = program.types.defs.len() as u32;
    let renamed = |id: TypeId| match old.iter().position(|&o| o == id) {
        Some(at) => TypeId(first + at as u32),
        None => id,
    };
    let copies: Vec<_> = old
        .iter()
        .map(|&id| program.types.def(id).renamed(&renamed))
        .collect();
    program.types.defs.extend(copies);
    program
        .types
        .groups
        .push((first..first + old.len() as u32).map(TypeId).collect());
    let new = program.types.groups.len() - 1;
    let groups = &mut program.modules[at].groups;
    let position = groups
        .iter()
        .position(|&g| g == group)
        .map_or(groups.len(), |p| p + 1);
    groups.insert(position, new);
    // Half of the mentions of one definition move to its copy.
    let Some(&id) = old.first() else {
        return false;
    };
    let mut turn = src.chance(50);
    for func in &mut program.modules[at].funcs {
        turn = !turn;
        if turn && func.ty == id {
            func.ty = renamed(id);
        }
    }
    true
}
