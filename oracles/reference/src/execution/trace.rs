//! What a run did, instruction by instruction. This helps to find where two engines first differ.
//!
//! A [`Tracer`] is called before each instruction with a [`Step`]. The operands of the next step
//! show what the instruction has done to the operand stack. [`Step::touches`] says what it may
//! change in the store. Without a tracer, tracing costs nothing: the interpreter looks for one only
//! when a slice of the step budget is used up, and slices are one step long only if there is a
//! tracer.

use std::fmt;

use crate::syntax::{FuncIdx, Instr};

use super::values::{InstanceAddr, Value};

/// Called before each instruction.
pub type Tracer = Box<dyn FnMut(&Step<'_>)>;

/// An instruction about to be executed.
#[derive(Clone, Copy, Debug)]
pub struct Step<'a> {
    /// Number of frames below this one.
    pub depth: usize,
    /// The instance whose code runs.
    pub instance: InstanceAddr,
    /// The function, in the module's index space.
    pub func: FuncIdx,
    /// Position in the body.
    pub position: usize,
    /// The instruction.
    pub instr: &'a Instr,
    /// The frame's operands, the top one last.
    pub operands: &'a [Value],
}

/// The component of the store that an instruction may change.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Component {
    /// `GLOBALS`.
    Globals,
    /// `TABLES`.
    Tables,
    /// `MEMS`.
    Mems,
    /// `ELEMS`.
    Elems,
    /// `DATAS`.
    Datas,
    /// `STRUCTS`.
    Structs,
    /// `ARRAYS`.
    Arrays,
    /// `EXNS`.
    Exns,
    /// Any of them: a host function may be called.
    Any,
}

impl Step<'_> {
    /// Returns what the instruction may change in the store.
    #[must_use]
    pub fn touches(&self) -> Option<Component> {
        Some(match self.instr {
            Instr::GlobalSet(_) => Component::Globals,
            Instr::TableSet(_)
            | Instr::TableGrow(_)
            | Instr::TableFill(_)
            | Instr::TableCopy(..)
            | Instr::TableInit(..) => Component::Tables,
            Instr::Store { .. }
            | Instr::VStore { .. }
            | Instr::VStoreLane { .. }
            | Instr::MemoryGrow(_)
            | Instr::MemoryFill(_)
            | Instr::MemoryCopy(..)
            | Instr::MemoryInit(..) => Component::Mems,
            Instr::ElemDrop(_) => Component::Elems,
            Instr::DataDrop(_) => Component::Datas,
            Instr::StructNew(_) | Instr::StructNewDefault(_) | Instr::StructSet(..) => {
                Component::Structs
            }
            Instr::ArrayNew(_)
            | Instr::ArrayNewDefault(_)
            | Instr::ArrayNewFixed(..)
            | Instr::ArrayNewData(..)
            | Instr::ArrayNewElem(..)
            | Instr::ArraySet(_)
            | Instr::ArrayFill(_)
            | Instr::ArrayCopy(..)
            | Instr::ArrayInitData(..)
            | Instr::ArrayInitElem(..) => Component::Arrays,
            Instr::Throw(_) => Component::Exns,
            Instr::Call(_)
            | Instr::CallRef(_)
            | Instr::CallIndirect(..)
            | Instr::ReturnCall(_)
            | Instr::ReturnCallRef(_)
            | Instr::ReturnCallIndirect(..) => Component::Any,
            _ => return None,
        })
    }
}

impl fmt::Display for Component {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Component::Globals => "globals",
            Component::Tables => "tables",
            Component::Mems => "memories",
            Component::Elems => "element segments",
            Component::Datas => "data segments",
            Component::Structs => "structures",
            Component::Arrays => "arrays",
            Component::Exns => "exceptions",
            Component::Any => "anything",
        })
    }
}

/// Most operands that are shown of a step, from the top.
const OPERANDS_SHOWN: usize = 8;

/// Most bytes that are shown of an instruction.
const INSTR_SHOWN: usize = 80;

impl fmt::Display for Step<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (instance, func, at) = (self.instance.0, self.func.0, self.position);
        let instr = self.instr.to_string();
        // A branch table can be long. Its beginning is enough to know it.
        let instr = instr.get(..INSTR_SHOWN).unwrap_or(&instr);
        write!(f, "{:>3} {instance}:{func}+{at} {instr}", self.depth)?;
        let hidden = self.operands.len().saturating_sub(OPERANDS_SHOWN);
        if hidden > 0 {
            write!(f, " | {hidden} more")?;
        }
        for operand in &self.operands[hidden..] {
            write!(f, " | {operand}")?;
        }
        match self.touches() {
            Some(component) => write!(f, " ! {component}"),
            None => Ok(()),
        }
    }
}
