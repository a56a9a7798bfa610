//! What the program asks of the embedder, through imports from `harness`.
//!
//! To add a harness function, add a row. An import is added to the module when it is first used.

use super::classes::{ANY, EXTERN, I32, REF, STMT, VALUE};
use super::generator::Gen;
use super::row::Row;
use super::swarm::Feature;
use super::values;
use crate::program::{Expr, FuncId, GlobalId, Heap, Op, RefOp, RefTy, Sig, TableTy, Ty};

/// See [`Row`].
pub(super) const ROWS: &[Row] = &[
    Row {
        feature: Feature::AskLive,
        weight: 8,
        classes: I32,
        make: live,
    },
    Row {
        feature: Feature::HostObjects,
        weight: 40,
        classes: EXTERN,
        make: host_object,
    },
    Row {
        feature: Feature::HostObjects,
        weight: 8,
        classes: ANY,
        make: host_object_as_any,
    },
    Row {
        feature: Feature::HostObjects,
        weight: 6,
        classes: I32,
        make: host_number,
    },
    Row {
        feature: Feature::HostHandles,
        weight: 14,
        classes: REF,
        make: held_over,
    },
    Row {
        feature: Feature::HostHandles,
        weight: 10,
        classes: STMT,
        make: hold_for_ever,
    },
    Row {
        feature: Feature::HostTables,
        weight: 12,
        classes: REF,
        make: table_get,
    },
    Row {
        feature: Feature::HostTables,
        weight: 24,
        classes: STMT,
        make: table_set,
    },
    Row {
        feature: Feature::HostTables,
        weight: 24,
        classes: STMT,
        make: table_grow,
    },
    Row {
        feature: Feature::HostTables,
        weight: 20,
        classes: STMT,
        make: table_fill,
    },
    Row {
        feature: Feature::HostTables,
        weight: 20,
        classes: STMT,
        make: table_copy,
    },
    Row {
        feature: Feature::HostTables,
        weight: 4,
        classes: I32,
        make: table_size,
    },
    Row {
        feature: Feature::HostGlobals,
        weight: 16,
        classes: VALUE,
        make: global_get,
    },
    Row {
        feature: Feature::HostGlobals,
        weight: 30,
        classes: STMT,
        make: global_set,
    },
    Row {
        feature: Feature::HostAllocation,
        weight: 20,
        classes: ANY,
        make: struct_new,
    },
    Row {
        feature: Feature::HostAllocation,
        weight: 16,
        classes: ANY,
        make: array_new,
    },
    Row {
        feature: Feature::HostCalls,
        weight: 14,
        classes: VALUE,
        make: call_back_value,
    },
    Row {
        feature: Feature::HostCalls,
        weight: 24,
        classes: STMT,
        make: call_back_stmt,
    },
];

fn live(g: &mut Gen<'_>, _: Ty) -> Option<Expr> {
    let name = ["live", "live.extern"][g.src.below(2)];
    Some(g.host_value(name, Vec::new(), Ty::I32))
}

fn host_object(g: &mut Gen<'_>, want: Ty) -> Option<Expr> {
    let ty = match want {
        Ty::Ref(r) if r.heap == Heap::Extern => want,
        _ => return None,
    };
    // The import's own result type: sometimes non-null.
    let ty = if g.src.chance(50) {
        Ty::non_null(Heap::Extern)
    } else {
        ty
    };
    let number = Expr::i32(g.src.range(0, 9) as i32);
    Some(g.host_value("extern", vec![(Ty::I32, number)], ty))
}

fn host_object_as_any(g: &mut Gen<'_>, want: Ty) -> Option<Expr> {
    let r = want.as_ref().filter(|r| r.heap == Heap::Any)?;
    let object = host_object(
        g,
        Ty::Ref(RefTy {
            heap: Heap::Extern,
            ..r
        }),
    )?;
    let ty = Ty::Ref(RefTy {
        heap: Heap::Any,
        null: object.tys[0].is_defaultable(),
    });
    Some(Expr::value(
        Op::Ref(RefOp::AnyConvertExtern),
        vec![object],
        ty,
    ))
}

/// The number of a host object, or 0 or 1 if there is none.
fn host_number(g: &mut Gen<'_>, _: Ty) -> Option<Expr> {
    let ty = Ty::nullable(Heap::Extern);
    let value = g.expr(ty);
    let local = g.temp(ty);
    let tee = g.tee_local(local, value);
    // A host object is not null, and its internalised reference is no struct, array or i31.
    let inside = Expr::value(
        Op::Ref(RefOp::AnyConvertExtern),
        vec![tee],
        Ty::nullable(Heap::Any),
    );
    let eq = Expr::value(
        Op::Ref(RefOp::Test(RefTy::nullable(Heap::Eq))),
        vec![inside],
        Ty::I32,
    );
    let number = g.host_value("extern.id", vec![(ty, Expr::get(local, ty))], Ty::I32);
    g.release(local);
    let label = g.new_label();
    Some(Expr::value(
        Op::If(label, vec![Expr::i32(-1)], vec![number]),
        vec![eq],
        Ty::I32,
    ))
}

/// A reference that only the embedder holds for a while.
fn held_over(g: &mut Gen<'_>, want: Ty) -> Option<Expr> {
    let r = want.as_ref()?;
    let top = g.types.top(r.heap);
    let (hold, held, release) = handle_names(top);
    let ty = Ty::nullable(top);
    let handle = g.temp(Ty::I32);
    let value = g.expr(want);
    let taken = g.host_value(hold, vec![(ty, value)], Ty::I32);
    let mut row = vec![Expr::set(handle, taken)];
    row.extend(g.stmts(1));
    if g.on(Feature::AskGc) {
        row.push(g.ask_gc());
    }
    row.push(g.host_value(held, vec![(Ty::I32, Expr::get(handle, Ty::I32))], ty));
    if g.src.chance(80) {
        row.push(g.host_stmt(release, vec![(Ty::I32, Expr::get(handle, Ty::I32))]));
    }
    g.release(handle);
    let back = Expr::value(Op::Seq, row, ty);
    // The embedder gives back the top of the hierarchy.
    if want == ty {
        return Some(back);
    }
    Some(Expr::value(Op::Ref(RefOp::Cast(r)), vec![back], want))
}

fn hold_for_ever(g: &mut Gen<'_>, _: Ty) -> Option<Expr> {
    let r = g.any_ref_type();
    let top = g.types.top(r.heap);
    let value = g.expr(Ty::Ref(r));
    let taken = g.host_value(
        handle_names(top).0,
        vec![(Ty::nullable(top), value)],
        Ty::I32,
    );
    Some(Expr::drop(taken))
}

fn handle_names(top: Heap) -> (&'static str, &'static str, &'static str) {
    match top {
        Heap::Func => ("hold.func", "held.func", "release.func"),
        Heap::Extern => ("hold.extern", "held.extern", "release.extern"),
        Heap::Exn => ("hold.exn", "held.exn", "release.exn"),
        _ => ("hold", "held", "release"),
    }
}

// ---- tables

fn table_get(g: &mut Gen<'_>, want: Ty) -> Option<Expr> {
    let (name, ty) = g.exported_table(false, |g, t| g.types.matches(Ty::Ref(t.elem), want))?;
    let at = g.table_index(&ty);
    Some(g.host_value(
        &format!("table.get:{name}"),
        vec![(ty.index(), at)],
        Ty::Ref(ty.elem),
    ))
}

fn table_set(g: &mut Gen<'_>, _: Ty) -> Option<Expr> {
    let (name, ty) = g.exported_table(true, |_, _| true)?;
    let at = g.table_index(&ty);
    let value = g.expr(Ty::Ref(ty.elem));
    let args = vec![(ty.index(), at), (Ty::Ref(ty.elem), value)];
    Some(g.host_stmt(&format!("table.set:{name}"), args))
}

fn table_grow(g: &mut Gen<'_>, _: Ty) -> Option<Expr> {
    let (name, ty) = g.exported_table(true, |_, _| true)?;
    let value = g.expr(Ty::Ref(ty.elem));
    let by = g.growth();
    let args = vec![
        (Ty::Ref(ty.elem), value),
        (ty.index(), g.table_number(&ty, by)),
    ];
    let grown = g.host_value(&format!("table.grow:{name}"), args, ty.index());
    Some(Expr::drop(grown))
}

fn table_fill(g: &mut Gen<'_>, _: Ty) -> Option<Expr> {
    let (name, ty) = g.exported_table(true, |_, _| true)?;
    let at = g.src.range(0, ty.min as u32);
    let n = g.src.range(0, ty.min as u32 - at);
    let value = g.expr(Ty::Ref(ty.elem));
    let args = vec![
        (ty.index(), g.table_number(&ty, at)),
        (Ty::Ref(ty.elem), value),
        (ty.index(), g.table_number(&ty, n)),
    ];
    Some(g.host_stmt(&format!("table.fill:{name}"), args))
}

fn table_copy(g: &mut Gen<'_>, _: Ty) -> Option<Expr> {
    let (to, to_ty) = g.exported_table(true, |_, _| true)?;
    let (from, from_ty) = g.exported_table(false, |_, t| t.elem == to_ty.elem)?;
    let n = g.src.range(0, to_ty.min.min(from_ty.min) as u32);
    let to_at = g.src.range(0, to_ty.min as u32 - n);
    let from_at = g.src.range(0, from_ty.min as u32 - n);
    let n_ty = if to_ty.is64 && from_ty.is64 {
        to_ty
    } else {
        TableTy {
            is64: false,
            ..to_ty
        }
    };
    let args = vec![
        (to_ty.index(), g.table_number(&to_ty, to_at)),
        (from_ty.index(), g.table_number(&from_ty, from_at)),
        (n_ty.index(), g.table_number(&n_ty, n)),
    ];
    Some(g.host_stmt(&format!("table.copy:{to}:{from}"), args))
}

fn table_size(g: &mut Gen<'_>, _: Ty) -> Option<Expr> {
    let (name, _) = g.exported_table(false, |_, _| true)?;
    Some(g.host_value(&format!("table.size:{name}"), Vec::new(), Ty::I32))
}

// ---- globals

fn global_get(g: &mut Gen<'_>, want: Ty) -> Option<Expr> {
    let (name, ty) = g.exported_global(|g, _, ty| g.types.matches(ty, want))?;
    Some(g.host_value(&format!("global.get:{name}"), Vec::new(), ty))
}

fn global_set(g: &mut Gen<'_>, _: Ty) -> Option<Expr> {
    let (name, ty) = g.exported_global(|_, mutable, _| mutable)?;
    let value = g.expr(ty);
    Some(g.host_stmt(&format!("global.set:{name}"), vec![(ty, value)]))
}

// ---- allocation

fn struct_new(g: &mut Gen<'_>, want: Ty) -> Option<Expr> {
    let heap = want.as_ref()?.heap;
    let ids = g.defs_below(heap, |types, id| types.fields(id).is_some());
    let id = g.src.pick(&ids)?;
    let tys: Vec<Ty> = g
        .types
        .fields(id)?
        .iter()
        .map(|f| f.storage.unpacked())
        .collect();
    let args = tys.iter().map(|&ty| (ty, g.expr(ty))).collect();
    Some(g.host_value("struct.new", args, Ty::non_null(Heap::Def(id))))
}

fn array_new(g: &mut Gen<'_>, want: Ty) -> Option<Expr> {
    let (id, field) = g.array_below(want, |_| true)?;
    let ty = field.storage.unpacked();
    let value = g.expr(ty);
    let len = Expr::i32(values::length(&mut g.src) as i32);
    let args = vec![(ty, value), (Ty::I32, len)];
    Some(g.host_value("array.new", args, Ty::non_null(Heap::Def(id))))
}

// ---- calls

fn call_back_value(g: &mut Gen<'_>, want: Ty) -> Option<Expr> {
    let (name, sig) = g.exported_func(
        |g, sig| matches!(sig.results.as_slice(), &[ty] if g.types.matches(ty, want)),
    )?;
    Some(g.call_back(&name, sig))
}

fn call_back_stmt(g: &mut Gen<'_>, _: Ty) -> Option<Expr> {
    let (name, sig) = g.exported_func(|_, _| true)?;
    let call = g.call_back(&name, sig);
    Some(g.put_away(call))
}

impl Gen<'_> {
    /// A collection now.
    pub(super) fn ask_gc(&mut self) -> Expr {
        self.host_stmt("gc", Vec::new())
    }

    /// Calls a harness function that has one result.
    pub(super) fn host_value(&mut self, name: &str, args: Vec<(Ty, Expr)>, result: Ty) -> Expr {
        let (params, args): (Vec<Ty>, Vec<Expr>) = args.into_iter().unzip();
        let sig = Sig {
            params,
            results: vec![result],
        };
        let id = self.harness(name, &sig);
        Expr::value(Op::Call(id), args, result)
    }

    /// Calls a harness function that has no result.
    pub(super) fn host_stmt(&mut self, name: &str, args: Vec<(Ty, Expr)>) -> Expr {
        let (params, args): (Vec<Ty>, Vec<Expr>) = args.into_iter().unzip();
        let sig = Sig {
            params,
            results: Vec::new(),
        };
        let id = self.harness(name, &sig);
        Expr::stmt(Op::Call(id), args)
    }

    fn call_back(&mut self, name: &str, sig: Sig) -> Expr {
        let id = self.harness(&format!("call:{name}"), &sig);
        self.call(id, sig)
    }

    /// The import of a harness function with this signature.
    pub(super) fn harness(&mut self, name: &str, sig: &Sig) -> FuncId {
        let ty = self.sig_type(sig);
        if let Some(known) = self.m.harness_import(name, ty) {
            return known;
        }
        let id = FuncId(self.fresh());
        self.m.import_harness(id, name, ty);
        id
    }

    pub(super) fn exported_table(
        &mut self,
        writable: bool,
        keep: impl Fn(&Self, &TableTy) -> bool,
    ) -> Option<(String, TableTy)> {
        let (id, ty) = self
            .table_where(|g, id, ty| (!writable || !g.fixed_tables.contains(&id)) && keep(g, ty))?;
        let table = self.m.tables.iter().find(|t| t.id == id)?;
        Some((table.export.clone()?, ty))
    }

    pub(super) fn exported_global(
        &mut self,
        keep: impl Fn(&Self, bool, Ty) -> bool,
    ) -> Option<(String, Ty)> {
        let globals: Vec<(GlobalId, Ty)> = self
            .m
            .globals
            .iter()
            .filter(|x| x.id != self.fuel && x.export.is_some() && keep(self, x.mutable, x.ty))
            .map(|x| (x.id, x.ty))
            .collect();
        let (id, ty) = self.src.pick(&globals)?;
        let global = self.m.globals.iter().find(|x| x.id == id)?;
        Some((global.export.clone()?, ty))
    }

    pub(super) fn exported_func(
        &mut self,
        keep: impl Fn(&Self, &Sig) -> bool,
    ) -> Option<(String, Sig)> {
        let (id, sig) = self.callee(|g, sig| keep(g, sig))?;
        let func = self.m.func(id)?;
        Some((func.export.clone()?, sig))
    }

    /// In the `held` kind: a function that takes a reference of the hierarchy and does nothing.
    pub(super) fn user(&mut self, heap: Heap) -> Option<FuncId> {
        let top = self.types.top(heap);
        if let Some(&(_, id)) = self.users.iter().find(|(t, _)| *t == top) {
            return Some(id);
        }
        let sig = Sig {
            params: vec![Ty::nullable(top)],
            results: Vec::new(),
        };
        let id = self.add_helper(&sig, Vec::new());
        self.users.push((top, id));
        Some(id)
    }
}
