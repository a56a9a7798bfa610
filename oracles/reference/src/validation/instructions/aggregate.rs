//! Structure and array instructions.

use super::{Body, InvalidKind, Result, Space};
use crate::rules::rule;
use crate::syntax::{
    AbsHeapType, DataIdx, DefTypeId, ElemIdx, FieldIdx, FieldType, RefType, StorageType, Sx,
    TypeIdx, ValType,
};

/// `Defaultable`.
fn defaultable(t: ValType) -> Result<()> {
    if t.defaultable() {
        Ok(())
    } else {
        Err(InvalidKind::NotDefaultable(t))
    }
}

/// The condition that a signedness is given exactly for packed data.
fn packing(sx: Option<Sx>, zt: StorageType) -> Result<()> {
    if sx.is_some() == zt.is_packed() {
        Ok(())
    } else {
        Err(InvalidKind::Packing)
    }
}

/// The condition that data segments can hold such elements.
fn data_elements(zt: StorageType) -> Result<()> {
    if zt.unpack().is_num_or_vec() {
        Ok(())
    } else {
        Err(InvalidKind::NotData)
    }
}

impl Body<'_> {
    // Structures

    /// `Expand: C.TYPES[x] ~~ STRUCT ft*` and `ft*[i]`.
    fn field(&self, x: TypeIdx, i: FieldIdx) -> Result<(DefTypeId, FieldType)> {
        let (dt, fields) = self.cx.struct_type(x)?;
        let field = fields
            .get(i.index())
            .ok_or(InvalidKind::Unknown(Space::Field, i.0))?;
        Ok((dt, *field))
    }

    pub(super) fn struct_new(&mut self, x: TypeIdx) -> Result<()> {
        rule!(self.coverage, "Instr_ok/struct.new");
        let (dt, fields) = self.cx.struct_type(x)?;
        for field in fields.iter().rev() {
            self.pop(field.storage.unpack())?;
        }
        self.push(RefType::def(false, dt));
        Ok(())
    }

    pub(super) fn struct_new_default(&mut self, x: TypeIdx) -> Result<()> {
        rule!(self.coverage, "Instr_ok/struct.new_default");
        let (dt, fields) = self.cx.struct_type(x)?;
        fields
            .iter()
            .try_for_each(|field| defaultable(field.storage.unpack()))?;
        self.push(RefType::def(false, dt));
        Ok(())
    }

    pub(super) fn struct_get(&mut self, sx: Option<Sx>, x: TypeIdx, i: FieldIdx) -> Result<()> {
        rule!(self.coverage, "Instr_ok/struct.get");
        let (dt, field) = self.field(x, i)?;
        packing(sx, field.storage)?;
        self.pop(RefType::def(true, dt))?;
        self.push(field.storage.unpack());
        Ok(())
    }

    pub(super) fn struct_set(&mut self, x: TypeIdx, i: FieldIdx) -> Result<()> {
        rule!(self.coverage, "Instr_ok/struct.set");
        let (dt, field) = self.field(x, i)?;
        if !field.mutable {
            return Err(InvalidKind::Immutable);
        }
        self.pop_all(&[RefType::def(true, dt).into(), field.storage.unpack()])
    }

    // Arrays

    /// `Expand: C.TYPES[x] ~~ ARRAY (MUT zt)`.
    fn mutable_array(&self, x: TypeIdx) -> Result<(DefTypeId, StorageType)> {
        let (dt, field) = self.cx.array_type(x)?;
        if field.mutable {
            Ok((dt, field.storage))
        } else {
            Err(InvalidKind::Immutable)
        }
    }

    /// `Storagetype_sub`, of a segment's or an array's elements with an array's.
    fn elements(&self, from: StorageType, to: StorageType) -> Result<()> {
        if self.cx.store.storagetype_sub(from, to) {
            Ok(())
        } else {
            Err(InvalidKind::Elements)
        }
    }

    fn segment_elements(&self, y: ElemIdx, to: StorageType) -> Result<()> {
        self.elements(StorageType::Val(self.cx.elem(y)?.into()), to)
    }

    pub(super) fn array_new(&mut self, x: TypeIdx) -> Result<()> {
        rule!(self.coverage, "Instr_ok/array.new");
        let (dt, field) = self.cx.array_type(x)?;
        self.pop_all(&[field.storage.unpack(), ValType::I32])?;
        self.push(RefType::def(false, dt));
        Ok(())
    }

    pub(super) fn array_new_default(&mut self, x: TypeIdx) -> Result<()> {
        rule!(self.coverage, "Instr_ok/array.new_default");
        let (dt, field) = self.cx.array_type(x)?;
        defaultable(field.storage.unpack())?;
        self.pop(ValType::I32)?;
        self.push(RefType::def(false, dt));
        Ok(())
    }

    pub(super) fn array_new_fixed(&mut self, x: TypeIdx, n: u32) -> Result<()> {
        rule!(self.coverage, "Instr_ok/array.new_fixed");
        let (dt, field) = self.cx.array_type(x)?;
        self.pop_many(field.storage.unpack(), n)?;
        self.push(RefType::def(false, dt));
        Ok(())
    }

    pub(super) fn array_new_data(&mut self, x: TypeIdx, y: DataIdx) -> Result<()> {
        rule!(self.coverage, "Instr_ok/array.new_data");
        let (dt, field) = self.cx.array_type(x)?;
        data_elements(field.storage)?;
        self.cx.data(y)?;
        self.pop_all(&[ValType::I32, ValType::I32])?;
        self.push(RefType::def(false, dt));
        Ok(())
    }

    pub(super) fn array_new_elem(&mut self, x: TypeIdx, y: ElemIdx) -> Result<()> {
        rule!(self.coverage, "Instr_ok/array.new_elem");
        let (dt, field) = self.cx.array_type(x)?;
        self.segment_elements(y, field.storage)?;
        self.pop_all(&[ValType::I32, ValType::I32])?;
        self.push(RefType::def(false, dt));
        Ok(())
    }

    pub(super) fn array_get(&mut self, sx: Option<Sx>, x: TypeIdx) -> Result<()> {
        rule!(self.coverage, "Instr_ok/array.get");
        let (dt, field) = self.cx.array_type(x)?;
        packing(sx, field.storage)?;
        self.pop_all(&[RefType::def(true, dt).into(), ValType::I32])?;
        self.push(field.storage.unpack());
        Ok(())
    }

    pub(super) fn array_set(&mut self, x: TypeIdx) -> Result<()> {
        rule!(self.coverage, "Instr_ok/array.set");
        let (dt, zt) = self.mutable_array(x)?;
        self.pop_all(&[RefType::def(true, dt).into(), ValType::I32, zt.unpack()])
    }

    pub(super) fn array_len(&mut self) -> Result<()> {
        rule!(self.coverage, "Instr_ok/array.len");
        self.pop(RefType::abs(true, AbsHeapType::Array))?;
        self.push(ValType::I32);
        Ok(())
    }

    pub(super) fn array_fill(&mut self, x: TypeIdx) -> Result<()> {
        rule!(self.coverage, "Instr_ok/array.fill");
        let (dt, zt) = self.mutable_array(x)?;
        self.pop_all(&[
            RefType::def(true, dt).into(),
            ValType::I32,
            zt.unpack(),
            ValType::I32,
        ])
    }

    pub(super) fn array_copy(&mut self, x1: TypeIdx, x2: TypeIdx) -> Result<()> {
        rule!(self.coverage, "Instr_ok/array.copy");
        let (to, to_zt) = self.mutable_array(x1)?;
        let (from, from_field) = self.cx.array_type(x2)?;
        self.elements(from_field.storage, to_zt)?;
        let (to, from) = (
            RefType::def(true, to).into(),
            RefType::def(true, from).into(),
        );
        self.pop_all(&[to, ValType::I32, from, ValType::I32, ValType::I32])
    }

    pub(super) fn array_init_data(&mut self, x: TypeIdx, y: DataIdx) -> Result<()> {
        rule!(self.coverage, "Instr_ok/array.init_data");
        let (dt, zt) = self.mutable_array(x)?;
        data_elements(zt)?;
        self.cx.data(y)?;
        self.pop_all(&[
            RefType::def(true, dt).into(),
            ValType::I32,
            ValType::I32,
            ValType::I32,
        ])
    }

    pub(super) fn array_init_elem(&mut self, x: TypeIdx, y: ElemIdx) -> Result<()> {
        rule!(self.coverage, "Instr_ok/array.init_elem");
        let (dt, zt) = self.mutable_array(x)?;
        self.segment_elements(y, zt)?;
        self.pop_all(&[
            RefType::def(true, dt).into(),
            ValType::I32,
            ValType::I32,
            ValType::I32,
        ])
    }
}
