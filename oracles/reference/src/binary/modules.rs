//! Modules.

use super::values::Reader;
use super::{MAX_LOCALS, Malformed, MalformedKind, Result};
use crate::syntax::AbsHeapType;
use crate::syntax::{
    Custom, Data, DataMode, Elem, ElemMode, Export, Expr, ExternIdx, Func, FuncIdx, Global,
    GlobalIdx, HeapType, Import, Instr, Locals, MemIdx, Module, RefType, Table, TableIdx, TagIdx,
    TypeIdx,
};

impl Module {
    /// `Bmodule`: decodes a module. Everything beyond its syntax is left to validation.
    ///
    /// # Errors
    /// Where and how `bytes` depart from the binary grammar.
    pub fn decode(bytes: &[u8]) -> Result<Module> {
        let mut r = Reader::new(bytes);
        header(&mut r)?;
        let mut sections = Sections::default();
        while !r.at_end() {
            let id = r.byte()?;
            sections.enter(id).or_else(|kind| r.fail(kind))?;
            let mut contents = r.sized()?;
            sections.section(id, &mut contents)?;
            if !contents.at_end() {
                return Err(Malformed {
                    offset: contents.pos(),
                    kind: MalformedKind::SectionSize,
                });
            }
        }
        sections.finish().map_err(|kind| Malformed {
            offset: bytes.len(),
            kind,
        })
    }
}

fn header(r: &mut Reader<'_>) -> Result<()> {
    if r.array()? != *b"\0asm" {
        return Err(Malformed {
            offset: 0,
            kind: MalformedKind::Magic,
        });
    }
    if r.array()? != [1, 0, 0, 0] {
        return Err(Malformed {
            offset: 4,
            kind: MalformedKind::Version,
        });
    }
    Ok(())
}

/// Position of a section in the required order.
fn order(id: u8) -> Option<u8> {
    const ORDER: [u8; 13] = [1, 2, 3, 4, 5, 13, 6, 7, 8, 9, 12, 10, 11];
    ORDER.iter().position(|s| *s == id).map(|p| p as u8 + 1)
}

/// What has been read so far: the module, and the sections whose contents belong together.
#[derive(Default)]
struct Sections {
    module: Module,
    last: u8,
    func_types: Vec<TypeIdx>,
    codes: Vec<(Vec<Locals>, Expr)>,
    data_count: Option<u32>,
}

impl Sections {
    /// Checks that section `id` may come next.
    fn enter(&mut self, id: u8) -> std::result::Result<(), MalformedKind> {
        if id == 0 {
            return Ok(());
        }
        let position = order(id).ok_or(MalformedKind::SectionId(id))?;
        if position <= self.last {
            return Err(MalformedKind::SectionOrder(id));
        }
        self.last = position;
        Ok(())
    }

    fn section(&mut self, id: u8, r: &mut Reader<'_>) -> Result<()> {
        let m = &mut self.module;
        match id {
            0 => m.customs.push(Custom {
                name: r.name()?,
                bytes: r.rest().to_vec(),
            }),
            1 => m.types = r.list(Reader::rectype)?,
            2 => m.imports = r.list(Reader::import)?,
            3 => self.func_types = r.list(Reader::typeidx)?,
            4 => m.tables = r.list(Reader::table)?,
            5 => m.mems = r.list(Reader::memtype)?,
            6 => {
                m.globals = r.list(|r| {
                    Ok(Global {
                        ty: r.globaltype()?,
                        init: r.expr()?,
                    })
                })?
            }
            7 => m.exports = r.list(Reader::export)?,
            8 => m.start = Some(FuncIdx(r.u32()?)),
            9 => m.elems = r.list(Reader::elem)?,
            10 => self.codes = r.list(Reader::code)?,
            11 => m.datas = r.list(Reader::data)?,
            12 => self.data_count = Some(r.u32()?),
            13 => m.tags = r.list(Reader::tagtype)?,
            _ => unreachable!("`enter` has rejected other sections"),
        }
        Ok(())
    }

    /// The conditions of `Bmodule` that concern several sections.
    fn finish(mut self) -> std::result::Result<Module, MalformedKind> {
        if self.func_types.len() != self.codes.len() {
            return Err(MalformedKind::FunctionCount);
        }
        match self.data_count {
            Some(n) if n as usize != self.module.datas.len() => {
                return Err(MalformedKind::DataCount);
            }
            None if self
                .codes
                .iter()
                .any(|(_, body)| body.iter().any(uses_data)) =>
            {
                return Err(MalformedKind::DataCountMissing);
            }
            _ => {}
        }
        let parts = self.func_types.into_iter().zip(self.codes);
        self.module.funcs = parts
            .map(|(ty, (locals, body))| Func { ty, locals, body })
            .collect();
        Ok(self.module)
    }
}

/// Whether `$dataidx_funcs` of a function with this instruction is not empty.
fn uses_data(instr: &Instr) -> bool {
    matches!(
        instr,
        Instr::MemoryInit(..)
            | Instr::DataDrop(_)
            | Instr::ArrayNewData(..)
            | Instr::ArrayInitData(..)
    )
}

impl Reader<'_> {
    fn import(&mut self) -> Result<Import> {
        Ok(Import {
            module: self.name()?,
            name: self.name()?,
            ty: self.externtype()?,
        })
    }

    fn table(&mut self) -> Result<Table> {
        if self.peek()? != 0x40 {
            let ty = self.tabletype()?;
            return Ok(Table {
                ty,
                init: vec![Instr::RefNull(ty.elem.heap), Instr::End],
            });
        }
        self.byte()?;
        match self.byte()? {
            0x00 => Ok(Table {
                ty: self.tabletype()?,
                init: self.expr()?,
            }),
            byte => self.fail(MalformedKind::TableKind(byte)),
        }
    }

    fn export(&mut self) -> Result<Export> {
        let name = self.name()?;
        let kind = self.byte()?;
        if kind > 4 {
            return self.fail(MalformedKind::ExternKind(kind));
        }
        let x = self.u32()?;
        let item = match kind {
            0 => ExternIdx::Func(FuncIdx(x)),
            1 => ExternIdx::Table(TableIdx(x)),
            2 => ExternIdx::Mem(MemIdx(x)),
            3 => ExternIdx::Global(GlobalIdx(x)),
            _ => ExternIdx::Tag(TagIdx(x)),
        };
        Ok(Export { name, item })
    }

    fn elem(&mut self) -> Result<Elem> {
        let flags = self.u32()?;
        if flags > 7 {
            return self.fail(MalformedKind::ElemFlags(flags));
        }
        let mode = match flags & 3 {
            0 => ElemMode::Active(TableIdx(0), self.expr()?),
            1 => ElemMode::Passive,
            2 => ElemMode::Active(TableIdx(self.u32()?), self.expr()?),
            _ => ElemMode::Declare,
        };
        let by_index = flags & 4 == 0;
        let ty = match flags {
            0 => FUNCTIONS,
            4 => RefType::FUNCREF,
            _ if by_index => self.elemkind()?,
            _ => self.reftype()?,
        };
        let init = if by_index {
            self.list(|r| Ok(vec![Instr::RefFunc(FuncIdx(r.u32()?)), Instr::End]))?
        } else {
            self.list(Self::expr)?
        };
        Ok(Elem { ty, init, mode })
    }

    fn elemkind(&mut self) -> Result<RefType> {
        match self.byte()? {
            0x00 => Ok(FUNCTIONS),
            byte => self.fail(MalformedKind::ElemKind(byte)),
        }
    }

    fn code(&mut self) -> Result<(Vec<Locals>, Expr)> {
        let mut r = self.sized()?;
        let mut total = 0u64;
        let locals = r.list(|r| {
            let run = Locals {
                count: r.u32()?,
                ty: r.valtype()?,
            };
            total += u64::from(run.count);
            match total {
                n if n > u64::from(u32::MAX) => r.fail(MalformedKind::Locals),
                _ => Ok(run),
            }
        })?;
        if total > u64::from(MAX_LOCALS) {
            return r.fail(MalformedKind::LocalsLimit);
        }
        let body = r.expr()?;
        if !r.at_end() {
            return Err(Malformed {
                offset: r.pos(),
                kind: MalformedKind::FunctionSize,
            });
        }
        Ok((locals, body))
    }

    fn data(&mut self) -> Result<Data> {
        let mode = match self.u32()? {
            0 => DataMode::Active(MemIdx(0), self.expr()?),
            1 => DataMode::Passive,
            2 => DataMode::Active(MemIdx(self.u32()?), self.expr()?),
            flags => return self.fail(MalformedKind::DataFlags(flags)),
        };
        Ok(Data {
            init: self.byte_list()?.to_vec(),
            mode,
        })
    }
}

/// The element type of segments given by function index: `ref func`.
const FUNCTIONS: RefType = RefType {
    nullable: false,
    heap: HeapType::Abs(AbsHeapType::Func),
};
