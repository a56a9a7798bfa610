//! [`Emit`] on Cranelift's builder: what collectors emit into compiled code.
//!
//! A [`Reg`] is the number of a Cranelift value, a [`Label`] that of a block.

use std::mem::offset_of;

use cranelift_codegen::ir::condcodes::IntCC;
use cranelift_codegen::ir::{Block, InstBuilder, MemFlagsData, Value, types};

use super::translator::{Args, Translator, Values};
use crate::abi::libcalls::{LibCall, Ty};
use crate::abi::vmctx::VmStore;
use crate::heap::EmitCollector;
use crate::heap::emit::{Emit, Holds, Label, Op, Reg, Region, Slot, StoreWord};

/// A translator, seen by a collector.
pub(super) struct Emitter<'t, 'a>(pub &'t mut Translator<'a>);

impl<'a> Translator<'a> {
    /// Lets the collector emit something.
    pub fn collector<R>(
        &mut self,
        emit: impl FnOnce(&'static dyn EmitCollector, &mut Emitter<'_, 'a>) -> R,
    ) -> R {
        let collector = self.env.compiler.collector();
        emit(collector, &mut Emitter(self))
    }
}

/// Returns the register that holds a value.
pub(super) fn reg(value: Value) -> Reg {
    Reg(value.as_u32())
}

/// Returns the value in a register.
pub(super) fn value(reg: Reg) -> Value {
    Value::from_u32(reg.0)
}

/// Returns the slot at an offset from an address. `held` is its content, if that is known.
pub(super) fn slot(address: Value, offset: u32, region: Region, held: Option<Value>) -> Slot {
    Slot {
        address: reg(address),
        offset: offset as i32,
        region,
        held: held.map(reg),
    }
}

fn block(label: Label) -> Block {
    Block::from_u32(label.0)
}

fn word_offset(word: StoreWord) -> u32 {
    (match word {
        StoreWord::Bump => offset_of!(VmStore, bump),
        StoreWord::BumpEnd => offset_of!(VmStore, bump_end),
        StoreWord::ZeroCountTable => offset_of!(VmStore, zero_count_table),
        StoreWord::ZeroCountTableLen => offset_of!(VmStore, zero_count_table_len),
    }) as u32
}

impl Emitter<'_, '_> {
    fn region_flags(&mut self, region: Region) -> MemFlagsData {
        match self.0.slot_trap {
            Some(trap) if region == Region::RefField => self.0.trapping_flags(region, trap),
            _ => self.0.flags(region),
        }
    }

    fn truth(&mut self, cond: IntCC, a: Value, b: Value) -> Value {
        let truth = self.0.b.ins().icmp(cond, a, b);
        self.0.b.ins().uextend(types::I32, truth)
    }
}

impl Emit for Emitter<'_, '_> {
    fn constant(&mut self, value: u32) -> Reg {
        reg(self.0.b.ins().iconst(types::I32, i64::from(value)))
    }

    fn op(&mut self, op: Op, a: Reg, b: Reg) -> Reg {
        let (a, b) = (value(a), value(b));
        reg(match op {
            Op::Add => self.0.b.ins().iadd(a, b),
            Op::Sub => self.0.b.ins().isub(a, b),
            Op::And => self.0.b.ins().band(a, b),
            Op::Or => self.0.b.ins().bor(a, b),
            Op::Eq => self.truth(IntCC::Equal, a, b),
            Op::Ne => self.truth(IntCC::NotEqual, a, b),
            Op::Ult => self.truth(IntCC::UnsignedLessThan, a, b),
        })
    }

    fn object_address(&mut self, reference: Reg) -> Reg {
        reg(self.0.object_address(value(reference)))
    }

    fn load(&mut self, address: Reg, offset: i32, region: Region) -> Reg {
        let flags = self.region_flags(region);
        let address = value(address);
        reg(self.0.b.ins().load(types::I32, flags, address, offset))
    }

    fn store(&mut self, address: Reg, offset: i32, new: Reg, region: Region) {
        let flags = self.region_flags(region);
        self.0
            .b
            .ins()
            .store(flags, value(new), value(address), offset);
    }

    fn defer_count(&mut self, counted: Reg, by: i32, holds: Holds) {
        self.0.facts.defer_count(value(counted), by, holds);
    }

    fn load_word(&mut self, word: StoreWord) -> Reg {
        let store = self.0.store();
        self.load(reg(store), word_offset(word) as i32, Region::AllocState)
    }

    fn store_word(&mut self, word: StoreWord, new: Reg) {
        let store = self.0.store();
        self.store(
            reg(store),
            word_offset(word) as i32,
            new,
            Region::AllocState,
        );
    }

    fn is_object(&mut self, reference: Reg) -> Reg {
        let bit = self.0.object_bit(value(reference));
        reg(self.0.b.ins().uextend(types::I32, bit))
    }

    fn label(&mut self, params: u32, cold: bool) -> Label {
        let block = self.0.b.create_block();
        if cold {
            self.0.b.set_cold_block(block);
        }
        for _ in 0..params {
            self.0.block_param(block, types::I32);
        }
        Label(block.as_u32())
    }

    fn branch(&mut self, condition: Reg, then: Label, otherwise: Label) {
        self.0
            .b
            .ins()
            .brif(value(condition), block(then), &[], block(otherwise), &[]);
    }

    fn jump(&mut self, to: Label, args: &[Reg]) {
        let args: Args = args.iter().map(|&arg| value(arg).into()).collect();
        self.0.b.ins().jump(block(to), &args);
    }

    fn bind(&mut self, label: Label) {
        self.0.enter(block(label));
    }

    fn param(&mut self, label: Label, at: u32) -> Reg {
        reg(self.0.b.block_params(block(label))[at as usize])
    }

    fn call(&mut self, call: LibCall, args: &[Reg]) -> Reg {
        let args: Values = args.iter().map(|&arg| value(arg)).collect();
        for (at, &ty) in call.params().iter().enumerate() {
            debug_assert_eq!(
                self.0.b.func.dfg.value_type(args[at]) == types::I64,
                ty == Ty::I64,
                "argument {at} of {}",
                call.name()
            );
        }
        reg(self.0.libcall_i32(call, &args))
    }
}
