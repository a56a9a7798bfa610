//! Interprets the code that collectors emit. So both halves of a barrier run against one model,
//! without a code generator.
//!
//! Addresses are not native here. The address of an object is its offset, and that of a root is
//! [`ROOTS`] + 4 * its number.

use super::record::Record;
use super::slots::{SLOTS, Slots};
use crate::abi::libcalls::LibCall;
use crate::heap::emit::{
    Emit, EmitAllocation, EmitCollector, Holds, Label, Op, Reg, Region, Slot, StoreWord,
};
use crate::heap::object_memory::ObjectMemory;
use crate::heap::{AllocError, Heap};
use crate::types::TypeId;

/// The address of the first root.
pub const ROOTS: u64 = 1 << 40;

/// A slot: its address is the first parameter.
const SLOT: Slot = Slot {
    address: Reg(0),
    offset: 0,
    region: Region::RefField,
    held: None,
};

#[derive(Clone, Debug)]
enum Insn {
    Constant(Reg, u32),
    Op(Op, Reg, Reg, Reg),
    Address(Reg, Reg),
    Load(Reg, Reg, i32),
    Store(Reg, i32, Reg),
    LoadWord(Reg, StoreWord),
    StoreWord(StoreWord, Reg),
    Branch(Reg, Label, Label),
    Jump(Label, Vec<Reg>),
    Call(Reg, LibCall, Vec<Reg>),
}

/// A piece of code that a collector emitted.
#[derive(Clone, Debug, Default)]
pub struct Code {
    insns: Vec<Insn>,
    regs: u32,
    /// The position and the first parameter of each label.
    labels: Vec<(usize, u32)>,
    /// The counts that are emitted at the end.
    deferred: Vec<(Reg, i32, Holds)>,
    result: Option<Reg>,
}

/// Why interpretation ended early.
#[derive(Clone, Copy, Debug)]
pub enum Stop {
    /// Memory ran out.
    Exhausted,
    /// The heap found a fault.
    Fault(crate::heap::HeapFault),
}

impl Code {
    fn reg(&mut self) -> Reg {
        self.regs += 1;
        Reg(self.regs - 1)
    }

    fn with_params(count: u32) -> Code {
        Code {
            regs: count,
            ..Code::default()
        }
    }

    /// Records a write. Its parameters: address, new reference.
    #[must_use]
    pub fn write(collector: &dyn EmitCollector) -> Code {
        let mut code = Code::with_params(2);
        collector.write(&mut code, SLOT, Reg(1), Holds::ANY);
        for (value, by, holds) in std::mem::take(&mut code.deferred) {
            collector.count(&mut code, value, by, holds);
        }
        code
    }

    /// Records the first write of a slot. Its parameters: address, new reference.
    #[must_use]
    pub fn init(collector: &dyn EmitCollector) -> Code {
        let mut code = Code::with_params(2);
        collector.init(&mut code, SLOT, Reg(1), Holds::ANY);
        code
    }

    /// Records an allocation. Its parameters: size in bytes, type, length.
    #[must_use]
    pub fn allocate(collector: &dyn EmitCollector, tag: u32, slow: LibCall) -> Code {
        let mut code = Code::with_params(3);
        let object = EmitAllocation {
            tag,
            bytes: Reg(0),
            slow,
            args: &[Reg(1), Reg(2)],
        };
        let result = collector.allocate(&mut code, &object);
        code.result = Some(result);
        code
    }

    /// Interprets the code.
    ///
    /// # Errors
    /// A call of the host failed.
    pub fn run(
        &self,
        args: &[u64],
        roots: &mut [u32],
        machine: &mut Running<'_>,
    ) -> Result<u64, Stop> {
        let mut regs = [0u64; 64];
        regs[..args.len()].copy_from_slice(args);
        let mut at = 0;
        while let Some(insn) = self.insns.get(at) {
            at += 1;
            match insn {
                Insn::Constant(to, value) => regs[to.0 as usize] = u64::from(*value),
                Insn::Op(op, to, a, b) => {
                    let (a, b) = (regs[a.0 as usize] as u32, regs[b.0 as usize] as u32);
                    regs[to.0 as usize] = u64::from(operate(*op, a, b));
                }
                Insn::Address(to, reference) => regs[to.0 as usize] = regs[reference.0 as usize],
                Insn::Load(to, address, offset) => {
                    let address = regs[address.0 as usize].wrapping_add_signed(i64::from(*offset));
                    regs[to.0 as usize] = u64::from(load(&machine.heap.memory, roots, address));
                }
                Insn::Store(address, offset, value) => {
                    let address = regs[address.0 as usize].wrapping_add_signed(i64::from(*offset));
                    store(
                        &mut machine.heap.memory,
                        roots,
                        address,
                        regs[value.0 as usize] as u32,
                    );
                }
                Insn::LoadWord(to, word) => {
                    regs[to.0 as usize] = u64::from(machine.record.word(*word));
                }
                Insn::StoreWord(word, value) => {
                    let value = regs[value.0 as usize] as u32;
                    machine.record.set_word(*word, value);
                }
                Insn::Branch(condition, then, otherwise) => {
                    let taken = if regs[condition.0 as usize] as u32 != 0 {
                        then
                    } else {
                        otherwise
                    };
                    at = self.labels[taken.0 as usize].0;
                }
                Insn::Jump(to, args) => {
                    let (target, first) = self.labels[to.0 as usize];
                    for (i, arg) in args.iter().enumerate() {
                        regs[first as usize + i] = regs[arg.0 as usize];
                    }
                    at = target;
                }
                Insn::Call(to, call, args) => {
                    let mut values = [0u64; 4];
                    for (value, arg) in values.iter_mut().zip(args) {
                        *value = regs[arg.0 as usize];
                    }
                    let result = machine.call(*call, &values[..args.len()], roots)?;
                    regs[to.0 as usize] = u64::from(result);
                }
            }
        }
        Ok(self.result.map_or(0, |result| regs[result.0 as usize]))
    }
}

/// What the code runs on.
pub(super) struct Running<'a> {
    /// Its memory is accessed, and it carries out calls of the host.
    pub heap: &'a mut Heap,
    /// Its words are accessed.
    pub record: &'a mut Record,
}

impl Running<'_> {
    fn call(&mut self, call: LibCall, args: &[u64], roots: &mut [u32]) -> Result<u32, Stop> {
        let ty = TypeId(args[0] as u32);
        let made = match call {
            LibCall::alloc_struct => with_slots(roots, |slots| self.heap.alloc_struct(ty, slots)),
            _ => with_slots(roots, |slots| {
                self.heap.alloc_array(ty, args[1] as u32, slots)
            }),
        };
        match made {
            Ok(reference) => Ok(reference.raw()),
            Err(AllocError::Fault(fault)) => Err(Stop::Fault(fault)),
            Err(AllocError::Exhausted | AllocError::TooLarge) => Err(Stop::Exhausted),
        }
    }
}

fn with_slots<R>(roots: &mut [u32], act: impl FnOnce(&mut Slots) -> R) -> R {
    let mut slots = Slots([0; SLOTS]);
    slots.0.copy_from_slice(roots);
    let result = act(&mut slots);
    roots.copy_from_slice(&slots.0);
    result
}

fn load(memory: &ObjectMemory, roots: &[u32], address: u64) -> u32 {
    match address.checked_sub(ROOTS) {
        Some(at) => roots[at as usize / 4],
        None => memory.space.word(address as u32),
    }
}

fn store(memory: &mut ObjectMemory, roots: &mut [u32], address: u64, value: u32) {
    match address.checked_sub(ROOTS) {
        Some(at) => roots[at as usize / 4] = value,
        None => memory.space.set_word(address as u32, value),
    }
}

fn operate(op: Op, a: u32, b: u32) -> u32 {
    match op {
        Op::Add => a.wrapping_add(b),
        Op::Sub => a.wrapping_sub(b),
        Op::And => a & b,
        Op::Or => a | b,
        Op::Eq => u32::from(a == b),
        Op::Ne => u32::from(a != b),
        Op::Ult => u32::from(a < b),
    }
}

impl Emit for Code {
    fn constant(&mut self, value: u32) -> Reg {
        let to = self.reg();
        self.insns.push(Insn::Constant(to, value));
        to
    }

    fn op(&mut self, op: Op, a: Reg, b: Reg) -> Reg {
        let to = self.reg();
        self.insns.push(Insn::Op(op, to, a, b));
        to
    }

    fn object_address(&mut self, reference: Reg) -> Reg {
        let to = self.reg();
        self.insns.push(Insn::Address(to, reference));
        to
    }

    fn load(&mut self, address: Reg, offset: i32, _region: Region) -> Reg {
        let to = self.reg();
        self.insns.push(Insn::Load(to, address, offset));
        to
    }

    fn store(&mut self, address: Reg, offset: i32, value: Reg, _region: Region) {
        self.insns.push(Insn::Store(address, offset, value));
    }

    fn defer_count(&mut self, value: Reg, by: i32, holds: Holds) {
        self.deferred.push((value, by, holds));
    }

    fn load_word(&mut self, word: StoreWord) -> Reg {
        let to = self.reg();
        self.insns.push(Insn::LoadWord(to, word));
        to
    }

    fn store_word(&mut self, word: StoreWord, value: Reg) {
        self.insns.push(Insn::StoreWord(word, value));
    }

    fn label(&mut self, params: u32, _cold: bool) -> Label {
        let first = self.regs;
        self.regs += params;
        self.labels.push((usize::MAX, first));
        Label(self.labels.len() as u32 - 1)
    }

    fn branch(&mut self, condition: Reg, then: Label, otherwise: Label) {
        self.insns.push(Insn::Branch(condition, then, otherwise));
    }

    fn jump(&mut self, to: Label, args: &[Reg]) {
        self.insns.push(Insn::Jump(to, args.to_vec()));
    }

    fn bind(&mut self, label: Label) {
        self.labels[label.0 as usize].0 = self.insns.len();
    }

    fn param(&mut self, label: Label, at: u32) -> Reg {
        Reg(self.labels[label.0 as usize].1 + at)
    }

    fn call(&mut self, call: LibCall, args: &[Reg]) -> Reg {
        let to = self.reg();
        self.insns.push(Insn::Call(to, call, args.to_vec()));
        to
    }
}
