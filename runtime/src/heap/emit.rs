//! The few instructions that a collector may emit into compiled code. `compile::emit` implements
//! them on Cranelift's builder.
//!
//! A collector's `barrier.rs` and `alloc.rs` use this trait. So the emitted half and the host's
//! half of one invariant stand in one file.

use crate::abi::libcalls::LibCall;
use crate::types::{HeapKind, RefKind, Shape};

/// A value in compiled code. A boolean is an I32: 0 is false, everything else is true.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reg(pub u32);

/// A block to jump to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Label(pub u32);

/// Which memory an access touches. Accesses of different kinds never overlap.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Region {
    /// Headers of objects.
    Header,
    /// References in objects.
    RefField,
    /// Other fields of objects.
    ScalarField,
    /// The length of an array, which never changes.
    ArrayLen,
    /// Words of the `VmStore` that allocation uses.
    AllocState,
    /// The rest of `VmStore`, and contexts.
    Context,
    /// Elements of tables.
    Table,
    /// Globals.
    Global,
    /// Linear memories.
    Memory,
}

/// A 32-bit word of `VmStore`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StoreWord {
    /// `VmStore::bump`.
    Bump,
    /// `VmStore::bump_end`.
    BumpEnd,
    /// `VmStore::zero_count_table`.
    ZeroCountTable,
    /// `VmStore::zero_count_table_len`.
    ZeroCountTableLen,
}

/// What a reference of some static type can be. Emitted code tests for nothing else.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Holds {
    /// Null.
    pub null: bool,
    /// An i31.
    pub i31: bool,
    /// An object.
    pub object: bool,
}

impl Holds {
    /// Anything.
    pub const ANY: Holds = Holds {
        null: true,
        i31: true,
        object: true,
    };

    /// Returns what references of that type can be.
    #[must_use]
    pub const fn of(kind: RefKind) -> Holds {
        let (i31, object) = match kind.heap {
            // Both conversions between `any` and `extern` keep the representation.
            HeapKind::Any | HeapKind::Eq | HeapKind::Extern => (true, true),
            HeapKind::I31 => (true, false),
            HeapKind::None | HeapKind::NoExtern | HeapKind::NoExn => (false, false),
            HeapKind::Struct | HeapKind::Array | HeapKind::Exn => (false, true),
            HeapKind::Defined(_, Shape::Struct | Shape::Array) => (false, true),
            HeapKind::Func | HeapKind::NoFunc | HeapKind::Defined(_, Shape::Func) => (false, false),
        };
        Holds {
            null: kind.nullable,
            i31,
            object,
        }
    }
}

/// Integer operators on I32.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Op {
    Add,
    Sub,
    And,
    Or,
    /// Result is 1 or 0.
    Eq,
    Ne,
    /// Unsigned less than.
    Ult,
}

/// The instructions. An address is a native 64-bit value. A reference, like everything else, is an
/// I32.
pub trait Emit {
    /// Returns a constant.
    fn constant(&mut self, value: u32) -> Reg;
    /// Returns an operator on I32.
    fn op(&mut self, op: Op, a: Reg, b: Reg) -> Reg;
    /// Returns the native address of the object that `reference` refers to. It is stale after
    /// anything that may collect.
    fn object_address(&mut self, reference: Reg) -> Reg;
    /// Loads 32 bits from a native address.
    fn load(&mut self, address: Reg, offset: i32, region: Region) -> Reg;
    /// Stores 32 bits at a native address.
    fn store(&mut self, address: Reg, offset: i32, value: Reg, region: Region);
    /// Loads a word of the store's record.
    fn load_word(&mut self, word: StoreWord) -> Reg;
    /// Stores a word of the store's record.
    fn store_word(&mut self, word: StoreWord, value: Reg);
    /// Returns true if if a reference is an object: neither null nor an i31.
    fn is_object(&mut self, value: Reg) -> Reg {
        let one = self.constant(1);
        let even = self.op(Op::And, value, one);
        let even = self.op(Op::Ult, even, one);
        let zero = self.constant(0);
        let some = self.op(Op::Ne, value, zero);
        self.op(Op::And, even, some)
    }
    /// Returns a new label whose block takes `params` I32 values. A cold block is placed after the
    /// other code of the function.
    fn label(&mut self, params: u32, cold: bool) -> Label;
    /// Goes to `then` if `condition` is true, else to `otherwise`. Neither takes parameters.
    fn branch(&mut self, condition: Reg, then: Label, otherwise: Label);
    /// Goes to `to`.
    fn jump(&mut self, to: Label, args: &[Reg]);
    /// Continues at `label`. Jumps to it stand before this, except in loops.
    fn bind(&mut self, label: Label);
    /// Returns a parameter of a bound label.
    fn param(&mut self, label: Label, at: u32) -> Reg;
    /// Asks for [`EmitCollector::count`] of a value, which is emitted before anyone can look at
    /// counts. It is not emitted at all if the changes of one value cancel out.
    fn defer_count(&mut self, value: Reg, by: i32, holds: Holds);
    /// Calls the host. An I64 result is narrowed to I32.
    fn call(&mut self, call: LibCall, args: &[Reg]) -> Reg;
}

/// An object that compiled code allocates.
#[derive(Clone, Copy, Debug)]
pub struct EmitAllocation<'a> {
    /// The tag of the new object (`layout::tag`).
    pub tag: u32,
    /// The size in bytes, header included. It is a multiple of 8, and at most `OBJECT_BYTES_MAX`.
    pub bytes: Reg,
    /// The call when there is no room: `alloc_struct` or `alloc_array`.
    pub slow: LibCall,
    /// Its arguments.
    pub args: &'a [Reg],
}

/// Where compiled code keeps a reference: a field, an element, an entry of a table, or a global.
///
/// The offset is separate, so that a write of the slot has the same address and offset as a read.
/// That is how Cranelift recognises that it already has the value.
#[derive(Clone, Copy, Debug)]
pub struct Slot {
    /// The native address of what contains the slot.
    pub address: Reg,
    /// The offset of the slot from that address.
    pub offset: i32,
    /// The memory it belongs to.
    pub region: Region,
    /// The reference in it, if the compiler knows it.
    pub held: Option<Reg>,
}

impl Slot {
    /// Returns the reference in it.
    pub fn load(self, emit: &mut dyn Emit) -> Reg {
        match self.held {
            Some(held) => held,
            None => emit.load(self.address, self.offset, self.region),
        }
    }

    /// Stores a reference in it without a barrier.
    pub fn store(self, emit: &mut dyn Emit, value: Reg) {
        emit.store(self.address, self.offset, value, self.region);
    }
}

/// The half of a collector that is emitted into compiled code.
///
/// Only `allocate` may lead to a collection. `holds` says what a value of the slot's static type
/// can be.
pub trait EmitCollector: Sync {
    /// Allocates an object. Its tag and the collector's own words are written. Everything else, an
    /// array's length included, is zero on both paths. The caller declares the result as a
    /// reference.
    fn allocate(&self, e: &mut dyn Emit, object: &EmitAllocation<'_>) -> Reg;
    /// Adds `by`, which may be negative, to the count of a value: see [`Emit::defer_count`].
    fn count(&self, _e: &mut dyn Emit, _value: Reg, _by: i32, _holds: Holds) {}
    /// Overwrites the reference in a slot.
    fn write(&self, e: &mut dyn Emit, slot: Slot, new: Reg, holds: Holds);
    /// Writes the first reference of a slot.
    fn init(&self, e: &mut dyn Emit, slot: Slot, new: Reg, holds: Holds);
}
