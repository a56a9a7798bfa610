//! Well-formed types.
//!
//! A judgement on a type that occurs in a module checks and closes it in one step: it returns the
//! closed type.

use super::Result;
use super::contexts::{Context, InvalidKind, Space};
use crate::syntax::{
    AddrType, DefTypeId, ExternType, GlobalType, HeapType, Limits, MapUses, MemType, RecType,
    RefType, SubType, TableType, TypeIdx, TypeUse, ValType,
};

impl Context {
    /// `Typeuse_ok`.
    pub(super) fn typeuse_ok(&self, tu: TypeUse) -> Result<DefTypeId> {
        match tu {
            TypeUse::Idx(x) => self.typ(x),
            // Not syntax of a module.
            TypeUse::Rec(i) | TypeUse::Def(DefTypeId(i)) => {
                Err(InvalidKind::Unknown(Space::Type, i))
            }
        }
    }

    /// `Heaptype_ok`.
    pub(super) fn heaptype_ok(&self, ht: HeapType) -> Result<HeapType> {
        match ht {
            HeapType::Abs(_) => Ok(ht),
            HeapType::Use(tu) => Ok(HeapType::Use(TypeUse::Def(self.typeuse_ok(tu)?))),
        }
    }

    /// `Reftype_ok`.
    pub(super) fn reftype_ok(&self, rt: RefType) -> Result<RefType> {
        Ok(RefType {
            nullable: rt.nullable,
            heap: self.heaptype_ok(rt.heap)?,
        })
    }

    /// `Valtype_ok`.
    pub(super) fn valtype_ok(&self, t: ValType) -> Result<ValType> {
        match t {
            ValType::Ref(rt) => Ok(ValType::Ref(self.reftype_ok(rt)?)),
            other => Ok(other),
        }
    }

    /// `Type_ok` and `Rectype_ok`: adds the types of a recursive group to the context.
    pub(super) fn type_ok(&mut self, rec: &RecType) -> Result<()> {
        let start = self.types.len();
        let end = start + rec.0.len();
        for (i, sub) in rec.0.iter().enumerate() {
            indices_in_scope(sub, start + i, end)?;
        }
        self.store.define(&mut self.types, rec);
        for (i, sub) in rec.0.iter().enumerate() {
            self.subtype_ok(self.types[start + i], sub)?;
        }
        Ok(())
    }

    /// `Subtype_ok`, of a type already in the context.
    fn subtype_ok(&self, dt: DefTypeId, sub: &SubType) -> Result<()> {
        let (Some(sup), Some(TypeUse::Idx(x))) = (self.store.supertype(dt), sub.supers.first())
        else {
            return Ok(());
        };
        let sup = self.store.unroll(sup);
        if sup.is_final {
            return Err(InvalidKind::FinalSupertype(*x));
        }
        if !self
            .store
            .comptype_sub(self.store.expand(dt), &sup.composite)
        {
            return Err(InvalidKind::SupertypeMismatch(*x));
        }
        Ok(())
    }

    /// `Tagtype_ok`.
    pub(super) fn tagtype_ok(&self, tu: TypeUse) -> Result<DefTypeId> {
        let dt = self.typeuse_ok(tu)?;
        if self.expand_func(dt)?.results.is_empty() {
            Ok(dt)
        } else {
            Err(InvalidKind::TagResults)
        }
    }

    /// `Globaltype_ok`.
    pub(super) fn globaltype_ok(&self, gt: GlobalType) -> Result<GlobalType> {
        Ok(GlobalType {
            mutable: gt.mutable,
            val: self.valtype_ok(gt.val)?,
        })
    }

    /// `Memtype_ok`.
    pub(super) fn memtype_ok(&self, mt: MemType) -> Result<MemType> {
        limits_ok(
            mt.limits,
            match mt.addr {
                AddrType::I32 => 1 << 16,
                AddrType::I64 => 1 << 48,
            },
        )?;
        Ok(mt)
    }

    /// `Tabletype_ok`.
    pub(super) fn tabletype_ok(&self, tt: TableType) -> Result<TableType> {
        limits_ok(
            tt.limits,
            match tt.addr {
                AddrType::I32 => u64::from(u32::MAX),
                AddrType::I64 => u64::MAX,
            },
        )?;
        Ok(TableType {
            elem: self.reftype_ok(tt.elem)?,
            ..tt
        })
    }

    /// `Externtype_ok`.
    pub(super) fn externtype_ok(&self, xt: ExternType) -> Result<ExternType> {
        Ok(match xt {
            ExternType::Tag(tu) => ExternType::Tag(TypeUse::Def(self.tagtype_ok(tu)?)),
            ExternType::Global(gt) => ExternType::Global(self.globaltype_ok(gt)?),
            ExternType::Mem(mt) => ExternType::Mem(self.memtype_ok(mt)?),
            ExternType::Table(tt) => ExternType::Table(self.tabletype_ok(tt)?),
            ExternType::Func(tu) => {
                let dt = self.typeuse_ok(tu)?;
                self.expand_func(dt)?;
                ExternType::Func(TypeUse::Def(dt))
            }
        })
    }
}

/// The part of `Subtype_ok` that has to hold before a group can be rolled: `sub`, with index `own`
/// in a group that ends before `end`, uses types up to there, and declares at most one supertype,
/// which precedes it.
fn indices_in_scope(sub: &SubType, own: usize, end: usize) -> Result<()> {
    if sub.supers.len() > 1 {
        return Err(InvalidKind::Supertypes(sub.supers.len() as u32));
    }
    let mut unknown = None;
    let _ = sub.map_uses(&mut |tu| {
        match tu {
            TypeUse::Idx(x) if x.index() < end => {}
            TypeUse::Idx(TypeIdx(i)) | TypeUse::Rec(i) | TypeUse::Def(DefTypeId(i)) => {
                unknown = Some(i)
            }
        }
        tu
    });
    if let Some(i) = unknown {
        return Err(InvalidKind::Unknown(Space::Type, i));
    }
    match sub.supers.first() {
        Some(TypeUse::Idx(x)) if x.index() >= own => Err(InvalidKind::ForwardSupertype(*x)),
        _ => Ok(()),
    }
}

/// `Limits_ok`.
fn limits_ok(limits: Limits, bound: u64) -> Result<()> {
    let max = limits.max.unwrap_or(bound);
    if limits.min <= max && max <= bound {
        Ok(())
    } else {
        Err(InvalidKind::Limits)
    }
}
