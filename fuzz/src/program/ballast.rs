//! A program -> one whose heap is nearly full from the start.
//!
//! An engine in a process of its own collects where the embedder asks for it: around calls of the
//! host. It collects anywhere else only when its heap is full. With one large array, its *ballast*,
//! in the first global, and a limit of the heap that leaves little room beside it, this happens all
//! the time: at allocations in functions, and while constant expressions are evaluated.
//!
//! Always: the ballast is the first object that is allocated, and lives as long as the first
//! instance. Nothing else refers to it.

use super::ops::{ArrayOp, Expr, Op};
use super::syntax::{Global, Program};
use super::types::{Composite, Field, Heap, Storage, Ty, TypeDef, TypeId};
use crate::program::GlobalId;

/// The limit of the heap, in bytes. Memories of portable modules and of probes are no larger,
/// because some engines take the heap for one more memory.
pub const HEAP_BYTES: u64 = 4 << 20;

/// The bytes of an element.
const ELEMENT: u64 = 16;

/// Returns the program with ballast. `room` is the number of bytes of the heap that the ballast
/// leaves. `None` if the program has no module.
#[must_use]
pub fn with_ballast(program: &Program, room: u64) -> Option<Program> {
    let mut changed = program.clone();
    let Program { types, modules, .. } = &mut changed;
    let module = modules.first_mut()?;
    let ty = TypeId(types.defs.len() as u32);
    types.defs.push(TypeDef {
        body: Composite::Array(Field {
            storage: Storage::Val(Ty::V128),
            mutable: false,
        }),
        is_final: true,
        supertype: None,
        canon: ty,
    });
    module.groups.push(types.groups.len());
    types.groups.push(vec![ty]);
    let length = HEAP_BYTES.saturating_sub(room) / ELEMENT;
    let last = module.globals.iter().map(|global| global.id.0).max();
    let made = Op::Array(ArrayOp::NewDefault(ty));
    module.globals.insert(
        0,
        Global {
            id: GlobalId(last.map_or(0, |last| last + 1)),
            ty: Ty::nullable(Heap::Def(ty)),
            mutable: false,
            import: None,
            export: None,
            init: Some(Expr::value(
                made,
                vec![Expr::i32(length as i32)],
                Ty::non_null(Heap::Def(ty)),
            )),
        },
    );
    changed.ballast = true;
    changed.validate().is_ok().then_some(changed)
}

#[cfg(test)]
mod tests {
    use gcrucible_oracles::engine::reference;
    use gcrucible_oracles::outcome::Outcome;

    use super::*;
    use crate::generate::{Focus, from_seed};
    use crate::targets::subject::case_of;

    #[test]
    fn every_program_can_have_it_and_still_runs() {
        for seed in 0..60 {
            let program = from_seed(seed, Focus::ConstEval);
            let changed = with_ballast(&program, 1 << 10).expect("a valid program");
            let case = case_of(&changed);
            assert_eq!(case.limits.heap_bytes, HEAP_BYTES);
            let ends = |case| -> Vec<Outcome> {
                let run = reference().run(&case, &[]);
                let steps = run.steps.into_iter();
                steps.map(|step| step.observation.outcome).collect()
            };
            let (before, after) = (ends(case_of(&program)), ends(case));
            assert_eq!(before.len(), after.len(), "seed {seed}");
        }
    }
}
