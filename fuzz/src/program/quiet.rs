//! A program -> one whose functions return no references to the embedder.
//!
//! An engine that leaks what it returns to the embedder leaks in most programs, and hides every
//! other leak. Without such results the others show.
//!
//! - A function that a step calls, and that returns references, is called by a new function, which
//!   drops the results and has the export's name.
//! - A function that the host or another module calls by this name stays as it is.

use gcrucible_oracles::host::harness;

use super::ops::{Expr, FuncId, LocalId, Op, To};
use super::syntax::{Func, Program, Step};
use super::types::{Sig, Ty};

/// Returns the program, changed where it can be. The same program if nothing is to be changed.
#[must_use]
pub fn quiet(program: &Program) -> Program {
    let mut changed = program.clone();
    for at in 0..changed.modules.len() {
        let loud: Vec<FuncId> = changed.modules[at]
            .funcs
            .iter()
            .filter(|func| is_loud(program, at, func))
            .map(|func| func.id)
            .collect();
        loud.into_iter().for_each(|id| wrap(&mut changed, at, id));
    }
    changed
}

/// Whether [`quiet`] changes a function.
fn is_loud(program: &Program, at: usize, func: &Func) -> bool {
    let (Some(name), None) = (&func.export, &func.import) else {
        return false;
    };
    let returns_references = |sig: &Sig| sig.results.iter().any(|ty| matches!(ty, Ty::Ref(_)));
    let is_called = program.steps.iter().any(|step| match step {
        Step::Invoke { module, export, .. } => *module == at && export == name,
        Step::Instantiate(_) => false,
    });
    let own = &program.modules[at].name;
    let imports = program.modules.iter().flat_map(|module| &module.funcs);
    let is_imported = imports
        .filter_map(|func| func.import.as_ref())
        .any(|import| {
            let by_host = import.name.split(':').nth(1) == Some(name);
            (import.module == harness::MODULE && by_host)
                || (import.module == *own && import.name == *name)
        });
    let sig = program.types.sig(func.ty);
    is_called && !is_imported && sig.is_some_and(returns_references)
}

fn wrap(program: &mut Program, at: usize, id: FuncId) {
    let Program { types, modules, .. } = program;
    let module = &mut modules[at];
    let Some(func) = module.funcs.iter_mut().find(|func| func.id == id) else {
        return;
    };
    let Some(sig) = types.sig(func.ty).cloned() else {
        return;
    };
    let export = func.export.take();
    let group = types.plain_sig(&Sig {
        params: sig.params.clone(),
        results: Vec::new(),
    });
    let args = (0..).map(LocalId).zip(&sig.params);
    let args = args.map(|(local, &ty)| Expr::get(local, ty)).collect();
    let drops = vec![To::Drop; sig.results.len()];
    let call = Expr::many(Op::Call(id), args, sig.results);
    module.declare(group);
    module.funcs.push(Func {
        id: module.fresh_func(),
        ty: types.groups[group][0],
        import: None,
        export,
        locals: Vec::new(),
        body: vec![Expr::stmt(Op::Sink(drops), vec![call])],
    });
}

#[cfg(test)]
mod tests {
    use gcrucible_oracles::engine::reference;
    use gcrucible_oracles::outcome::Outcome;
    use gcrucible_oracles::value::Value;

    use super::*;
    use crate::generate::{Focus, from_seed};
    use crate::targets::subject::case_of;

    /// Calls that return, and those of them that return references.
    fn calls(program: &Program) -> (usize, usize) {
        let run = reference().run(&case_of(program), &[]);
        let outcomes = run.steps.iter().map(|step| &step.observation.outcome);
        let results: Vec<&Vec<Value>> = outcomes
            .filter_map(|outcome| match outcome {
                Outcome::Returned(values) => Some(values),
                _ => None,
            })
            .collect();
        let loud = |values: &&&Vec<Value>| values.iter().any(|v| matches!(v, Value::Ref(_)));
        (results.len(), results.iter().filter(loud).count())
    }

    #[test]
    fn the_same_calls_return_fewer_references() {
        let (mut before, mut after) = (0, 0);
        for seed in 0..80 {
            let program = from_seed(seed, Focus::Any);
            let changed = quiet(&program);
            if let Err(why) = changed.validate() {
                panic!("seed {seed}: {why}\n{changed}");
            }
            assert_eq!(
                quiet(&changed).to_string(),
                changed.to_string(),
                "seed {seed}"
            );
            let ((returned, loud), (still, left)) = (calls(&program), calls(&changed));
            assert_eq!(returned, still, "seed {seed}");
            (before, after) = (before + loud, after + left);
        }
        assert!(after * 4 < before, "{after} of {before}");
    }
}
