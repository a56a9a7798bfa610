//! Objects of an earlier module, tested against the types of this one: equal, nearly equal and
//! unrelated. Which types are one is decided by the engine alone, from the definitions in both
//! modules.

use super::casts::question;
use crate::generate::generator::Gen;
use crate::program::{
    ArrayOp, Composite, Expr, Func, FuncId, Heap, Import, Op, RefOp, Sig, StructOp, Ty, TypeId,
};

/// Several questions about one object of an earlier module.
pub(super) fn foreign(g: &mut Gen<'_>) -> Option<Vec<Expr>> {
    let at = g.src.below(g.done.len());
    let groups = &g.done.get(at)?.groups;
    let all = groups.iter().flat_map(|&group| &g.types.groups[group]);
    let ids: Vec<TypeId> = all
        .copied()
        .filter(|&id| default_of(g, id).is_some())
        .collect();
    let id = g.src.pick(&ids)?;
    let maker = maker(g, at, id)?;
    let any = Ty::nullable(Heap::Any);
    let local = g.temp(any);
    let call = Expr::value(Op::Call(maker), Vec::new(), any);
    let mut out = vec![Expr::set(local, call)];
    for _ in 0..g.src.range(3, 5) {
        let mut to = question(g, Heap::Any, Some(Heap::Def(id)));
        if let Some(twin) = twin(g, id).filter(|_| g.src.chance(50)) {
            to.heap = Heap::Def(twin);
        }
        g.require(Ty::Ref(to));
        let value = Expr::get(local, any);
        out.push(Expr::value(Op::Ref(RefOp::Test(to)), vec![value], Ty::I32));
    }
    out.push(Expr::get(local, any));
    g.release(local);
    Some(out)
}

/// A type that differs from this one, with the same number of fields.
fn twin(g: &mut Gen<'_>, id: TypeId) -> Option<TypeId> {
    let size = |id: TypeId| g.types.fields(id).map(<[_]>::len);
    let kind = g.types.kind(id);
    let defs = (0..g.types.defs.len() as u32).map(TypeId);
    let alike =
        |&other: &TypeId| other != id && g.types.kind(other) == kind && size(other) == size(id);
    let twins: Vec<TypeId> = defs.filter(alike).collect();
    g.src.pick(&twins)
}

/// An object whose fields all have their defaults, if the type has such an object.
fn default_of(g: &Gen<'_>, id: TypeId) -> Option<Expr> {
    let ty = Ty::non_null(Heap::Def(id));
    let has_default = |field: &crate::program::Field| field.storage.unpacked().is_defaultable();
    match &g.types.def(id).body {
        Composite::Struct(fields) => fields
            .iter()
            .all(has_default)
            .then(|| Expr::value(Op::Struct(StructOp::NewDefault(id)), Vec::new(), ty)),
        Composite::Array(field) => has_default(field).then(|| {
            let len = vec![Expr::i32(2)];
            Expr::value(Op::Array(ArrayOp::NewDefault(id)), len, ty)
        }),
        Composite::Func(_) => None,
    }
}

/// Imports a function of the earlier module at this position that makes an object of the type.
fn maker(g: &mut Gen<'_>, at: usize, id: TypeId) -> Option<FuncId> {
    let body = vec![default_of(g, id)?];
    let ty = g.sig_type(&Sig {
        params: Vec::new(),
        results: vec![Ty::nullable(Heap::Any)],
    });
    let group = g.group_of(ty);
    let (theirs, ours) = (FuncId(g.fresh()), FuncId(g.fresh()));
    let export = format!("new{}", theirs.0);
    let module = &mut g.done[at];
    if !module.groups.contains(&group) {
        module.groups.push(group);
    }
    module.funcs.push(Func {
        id: theirs,
        ty,
        import: None,
        export: Some(export.clone()),
        locals: Vec::new(),
        body,
    });
    let import = Import {
        module: module.name.clone(),
        name: export,
    };
    g.m.funcs.push(Func {
        id: ours,
        ty,
        import: Some(import),
        export: None,
        locals: Vec::new(),
        body: Vec::new(),
    });
    Some(ours)
}
