//! A program -> one in which every structure carries a host object, its *canary*.
//!
//! An engine in a process of its own counts host objects and nothing else. With a canary in each
//! structure, the number of host objects also is the number of structures: a structure that leaks
//! keeps its canary, and one that is freed too early loses it. No comparison has to know of it,
//! because the reference computes the same program.
//!
//! - Each structure type gets a first field, an immutable `externref`. So subtypes keep what they
//!   inherit.
//! - Each allocation in a body, by an instruction or by the embedder, makes a new host object for
//!   it. `struct.new_default` becomes `struct.new`.
//! - A constant expression cannot call the host: there the field is null.
//!
//! Always: the result is valid. The rare program that the change would break is returned as None.

use gcrucible_oracles::host::harness;

use super::ops::{Expr, FuncId, Op, RefOp, StructOp};
use super::syntax::{Module, Program};
use super::types::{Composite, Field, Heap, Sig, Storage, Ty, Universe};

/// The type of the field.
const CANARY: Ty = Ty::nullable(Heap::Extern);

/// Host objects carry numbers below this one. They tell apart objects that stand close together.
const NUMBERS: i32 = 100;

/// Returns the program with canaries. None if it would not be valid.
#[must_use]
pub fn with_canaries(program: &Program) -> Option<Program> {
    let mut changed = program.clone();
    for def in &mut changed.types.defs {
        if let Composite::Struct(fields) = &mut def.body {
            let storage = Storage::Val(CANARY);
            let mutable = false;
            fields.insert(0, Field { storage, mutable });
        }
    }
    let Program { types, modules, .. } = &mut changed;
    for module in modules {
        change(module, types);
    }
    changed.canaries = true;
    changed.validate().is_ok().then_some(changed)
}

fn change(module: &mut Module, types: &mut Universe) {
    let allocators = widen_allocators(module, types);
    let maker = maker(module, types, CANARY);
    let mut number = 0;
    let mut canary = || {
        number = (number + 1) % NUMBERS;
        Expr::value(Op::Call(maker), vec![Expr::i32(number)], CANARY)
    };
    let bodies = module.funcs.iter_mut().flat_map(|func| &mut func.body);
    for root in bodies {
        root.walk_mut(&mut |e| match &e.op {
            Op::Call(func) | Op::ReturnCall(func) if allocators.contains(func) => {
                e.args.insert(0, canary());
            }
            _ => widen(e, types, &mut canary),
        });
    }
    let mut null = || Expr::value(Op::Ref(RefOp::Null(Heap::Extern)), Vec::new(), CANARY);
    for root in module.consts_mut() {
        root.walk_mut(&mut |e| widen(e, types, &mut null));
    }
}

/// Adapts an instruction to structures that have one more field in front.
fn widen(e: &mut Expr, types: &Universe, canary: &mut dyn FnMut() -> Expr) {
    let Op::Struct(op) = &mut e.op else { return };
    match op {
        StructOp::New(_) => e.args.insert(0, canary()),
        StructOp::NewDefault(id) => {
            let fields = types.fields(*id).unwrap_or_default();
            let own = fields.iter().skip(1);
            e.args.push(canary());
            e.args
                .extend(own.map(|field| default(field.storage.unpacked())));
            *op = StructOp::New(*id);
        }
        StructOp::Get(_, at, _) | StructOp::Set(_, at) => *at += 1,
    }
}

/// The default value of a type. Null if it has none, which then is not valid.
fn default(ty: Ty) -> Expr {
    let op = match ty {
        Ty::I32 => Op::I32(0),
        Ty::I64 => Op::I64(0),
        Ty::F32 => Op::F32(0),
        Ty::F64 => Op::F64(0),
        Ty::V128 => Op::V128(0),
        Ty::Ref(reference) => Op::Ref(RefOp::Null(reference.heap)),
    };
    Expr::value(op, Vec::new(), ty)
}

/// Gives the imports by which the embedder allocates structures one more parameter. Returns them.
fn widen_allocators(module: &mut Module, types: &mut Universe) -> Vec<FuncId> {
    let (mut allocators, mut groups) = (Vec::new(), Vec::new());
    for func in &mut module.funcs {
        let name = func.harness_name().map(harness::untried);
        if name != Some("struct.new") {
            continue;
        }
        if let Some(mut sig) = types.sig(func.ty).cloned() {
            sig.params.insert(0, CANARY);
            let group = types.plain_sig(&sig);
            func.ty = types.groups[group][0];
            groups.push(group);
            allocators.push(func.id);
        }
    }
    groups.into_iter().for_each(|group| module.declare(group));
    allocators
}

/// The import that makes a host object, with a result of this type.
pub(super) fn maker(module: &mut Module, types: &mut Universe, result: Ty) -> FuncId {
    let sig = Sig {
        params: vec![Ty::I32],
        results: vec![result],
    };
    let group = types.plain_sig(&sig);
    let ty = types.groups[group][0];
    if let Some(known) = module.harness_import("extern", ty) {
        return known;
    }
    module.declare(group);
    let id = module.fresh_func();
    module.import_harness(id, "extern", ty);
    id
}

#[cfg(test)]
mod tests {
    use gcrucible_oracles::engine::reference;
    use gcrucible_oracles::leak::LiveKind;

    use super::*;
    use crate::generate::{Focus, Without, generate};
    use crate::input::Input;
    use crate::targets::subject::case_of;

    fn programs() -> impl Iterator<Item = Program> {
        let inputs = (0..120).map(Input::of_seed);
        inputs.map(|input| generate(&input.choices(), Focus::Any, Without::default()))
    }

    /// Structures and host objects that live at the end.
    fn live(program: &Program) -> (u64, u64) {
        let run = reference().run(&case_of(program), &[]);
        let last = run.steps.last().and_then(|step| step.live.as_ref().ok());
        let census = last.and_then(|live| live.reachable.clone());
        let census = census.unwrap_or_default();
        let structures = census.iter().filter_map(|(kind, count)| match kind {
            LiveKind::Struct(_) => Some(count),
            _ => None,
        });
        (structures.sum(), census.get(LiveKind::Host))
    }

    #[test]
    fn nearly_every_program_can_have_them() {
        let made = programs().filter(|program| with_canaries(program).is_some());
        assert!(made.count() >= 114);
    }

    #[test]
    fn host_objects_count_structures() {
        let (mut with_structures, mut with_more_hosts) = (0, 0);
        for program in programs() {
            let Some(changed) = with_canaries(&program) else {
                continue;
            };
            let ((structures, before), (_, after)) = (live(&program), live(&changed));
            with_structures += u32::from(structures > 0);
            with_more_hosts += u32::from(after > before);
        }
        // Structures of constant expressions have none, and some programs have no others.
        assert!(
            with_more_hosts * 5 > with_structures,
            "{with_more_hosts} of {with_structures}"
        );
    }
}
