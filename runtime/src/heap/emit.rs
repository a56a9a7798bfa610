//! The few instructions a collector may emit into compiled code. Implemented by `compile::emit` on
//! Cranelift's builder.
//!
//! A collector's `barrier.rs` and `alloc.rs` use this trait, so that the emitted half and the
//! host's half of one invariant stand in one file.

use crate::abi::libcalls::LibCall;
use crate::types::{HeapKind, RefKind, Shape};

/// A value in compiled code. Booleans are I32 values that are 0 or not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reg(pub u32);

/// A place to jump to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Label(pub u32);

/// Which memory an access touches; accesses of different kinds never overlap.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Region {
    /// Headers of objects.
    Header,
    /// References in objects.
    RefField,
    /// Other fields of objects.
    ScalarField,
    /// The length of arrays (never changes).
    ArrayLen,
    /// Words of the `VmStore` that allocation uses.
    AllocState,
    /// The rest of `VmStore` and contexts.
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

/// What a reference of some static type can be. What it cannot be, emitted code need not look for.
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

    /// What references of that type can be.
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

/// The instructions. Addresses are native 64-bit values; references and everything else are I32.
pub trait Emit {
    /// A constant.
    fn constant(&mut self, value: u32) -> Reg;
    /// An operator on I32.
    fn op(&mut self, op: Op, a: Reg, b: Reg) -> Reg;
    /// Native address of the object that `reference` refers to. Stale after anything that may
    /// collect.
    fn object_address(&mut self, reference: Reg) -> Reg;
    /// Loads 32 bits from a native address.
    fn load(&mut self, address: Reg, offset: i32, region: Region) -> Reg;
    /// Stores 32 bits at a native address.
    fn store(&mut self, address: Reg, offset: i32, value: Reg, region: Region);
    /// Loads a word of the store's record.
    fn load_word(&mut self, word: StoreWord) -> Reg;
    /// Stores a word of the store's record.
    fn store_word(&mut self, word: StoreWord, value: Reg);
    /// Whether a reference is an object: neither null nor an i31.
    fn is_object(&mut self, value: Reg) -> Reg {
        let one = self.constant(1);
        let even = self.op(Op::And, value, one);
        let even = self.op(Op::Ult, even, one);
        let zero = self.constant(0);
        let some = self.op(Op::Ne, value, zero);
        self.op(Op::And, even, some)
    }
    /// A new label whose block takes `params` I32 values; cold ones are laid out after the
    /// function's other code.
    fn label(&mut self, params: u32, cold: bool) -> Label;
    /// Goes to `then` when `condition` is not 0, else to `otherwise`; neither takes parameters.
    fn branch(&mut self, condition: Reg, then: Label, otherwise: Label);
    /// Goes to `to`.
    fn jump(&mut self, to: Label, args: &[Reg]);
    /// Continues emitting at `label`; all jumps to it that will ever be made must be forward or
    /// already made.
    fn bind(&mut self, label: Label);
    /// A parameter of a bound label.
    fn param(&mut self, label: Label, at: u32) -> Reg;
    /// Has [`EmitCollector::count`] emitted for a value before anyone can look at counts: not where
    /// it is asked for, and not at all when changes of one value cancel out.
    fn defer_count(&mut self, value: Reg, by: i32, holds: Holds);
    /// Calls the host; the result is given as I32 (narrowed if it is I64).
    fn call(&mut self, call: LibCall, args: &[Reg]) -> Reg;
}

/// An object to be made by compiled code.
#[derive(Clone, Copy, Debug)]
pub struct EmitAllocation<'a> {
    /// Tag of the new object (`layout::tag`).
    pub tag: u32,
    /// Size in bytes, header included: a multiple of 8 and at most `OBJECT_BYTES_MAX`.
    pub bytes: Reg,
    /// What to call when there is no room: `alloc_struct` or `alloc_array`.
    pub slow: LibCall,
    /// Its arguments.
    pub args: &'a [Reg],
}

/// Where compiled code keeps a reference: a field, an element, an entry of a table or a global.
///
/// The offset is apart so that an address looks as it does where the slot is read: equal addresses
/// are how Cranelift knows that it has the value already.
#[derive(Clone, Copy, Debug)]
pub struct Slot {
    /// Native address of what the slot is in.
    pub address: Reg,
    /// Where it is from there.
    pub offset: i32,
    /// Which memory it is.
    pub region: Region,
    /// The reference in it, where that is known.
    pub held: Option<Reg>,
}

impl Slot {
    /// The reference in it.
    pub fn load(self, emit: &mut dyn Emit) -> Reg {
        match self.held {
            Some(held) => held,
            None => emit.load(self.address, self.offset, self.region),
        }
    }

    /// Stores a reference in it, without any barrier.
    pub fn store(self, emit: &mut dyn Emit, value: Reg) {
        emit.store(self.address, self.offset, value, self.region);
    }
}

/// The half of a collector that is emitted into compiled code, one implementation beside each host
/// half.
///
/// None of these may lead to a collection except `allocate`. Values are of the slot's static type,
/// which `holds` describes.
pub trait EmitCollector: Sync {
    /// Makes an object: its tag and the collector's own words are written; everything else, an
    /// array's length included, is zero on either path. The result is not yet declared as a
    /// reference.
    fn allocate(&self, e: &mut dyn Emit, object: &EmitAllocation<'_>) -> Reg;
    /// Counts `by` references to a value more, or fewer: what [`Emit::defer_count`] was asked for.
    fn count(&self, _e: &mut dyn Emit, _value: Reg, _by: i32, _holds: Holds) {}
    /// Overwrites the reference in a slot.
    fn write(&self, e: &mut dyn Emit, slot: Slot, new: Reg, holds: Holds);
    /// Writes a reference into a slot that has none yet.
    fn init(&self, e: &mut dyn Emit, slot: Slot, new: Reg, holds: Holds);
}
