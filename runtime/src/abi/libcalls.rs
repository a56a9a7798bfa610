//! One table of the libcalls, which are the host functions that compiled code calls: name,
//! parameters, result, and whether the call may raise.
//!
//! Compiled code calls a stub in the `Tail` convention, `(vmctx: i64, params..) -> result`. The
//! stub
//!
//! 1. records the calling wasm frame in [`VmStore::exit_fp`](super::vmctx::VmStore) and `exit_pc`,
//! 2. calls the host's `extern "C" fn(*mut VmContext, params..) -> result`,
//! 3. if the call may raise, compares the result with [`RAISED`]. If they are equal, it resumes
//!    where the host said: at a handler of wasm code, or at the entry trampoline's.
//!
//! No Rust frame is ever skipped.
//!
//! The bodies are in the room `libcalls`. `compile::stubs` makes the stubs.

/// What a host function that raises returns instead of a result. No result has this value.
pub const RAISED: u64 = 0x8000_0000_0000_0001;

/// Type of a parameter or result.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ty {
    /// 32 bits: a number, an index or a reference into the collected heap.
    I32,
    /// 64 bits: a number or a function reference.
    I64,
    /// 32-bit float.
    F32,
    /// 64-bit float.
    F64,
}

/// Calls `$each!` once, with every row: `name(params) -> result, may raise;`.
///
/// The result of a call that may raise is `i64`, which leaves room for [`RAISED`]. Compiled code
/// narrows it.
macro_rules! for_each_libcall {
    ($each:ident) => {
        $each! {
            /// Traps with the code given.
            raise_trap(code: I32) -> I64, true;
            /// Fuel has become negative. Refills it, or raises `Exhausted(Fuel)`.
            out_of_fuel() -> I64, true;
            /// The epoch's deadline has passed. Moves the deadline, or raises `Exhausted(Epoch)`.
            epoch_passed() -> I64, true;
            /// The stack limit is reached. Raises `Exhausted(CallStack)` (`TrapMode::Explicit`).
            stack_overflow() -> I64, true;
            /// No more calls may be nested. Raises `Exhausted(CallDepth)`.
            calls_used_up() -> I64, true;
            /// A collection point that is not part of another libcall.
            collection_point() -> I64, true;

            /// Makes a structure of a type. All fields are zero. Returns the reference.
            alloc_struct(type_id: I32) -> I64, true;
            /// Makes an array of a type and length. All elements are zero. Traps when no heap can
            /// hold it.
            alloc_array(type_id: I32, len: I32) -> I64, true;
            /// Makes an exception of the module's tag. All fields are zero.
            alloc_exception(tag: I32) -> I64, true;

            /// `array.new_data type data`: source offset, length.
            array_new_data(type_id: I32, data: I32, from: I32, len: I32) -> I64, true;
            /// `array.new_elem type elem`: source offset, length.
            array_new_elem(type_id: I32, elem: I32, from: I32, len: I32) -> I64, true;
            /// `array.init_data`. The array is not null.
            array_init_data(data: I32, array: I32, at: I32, from: I32, len: I32) -> I64, true;
            /// `array.init_elem`. The array is not null.
            array_init_elem(elem: I32, array: I32, at: I32, from: I32, len: I32) -> I64, true;
            /// `array.fill` with the low bytes of a number (i8 to i64, f32, f64 as bits). The array
            /// is not null.
            array_fill(array: I32, at: I32, value: I64, len: I32) -> I64, true;
            /// `array.fill` with 16 bytes, low half first.
            array_fill_v128(array: I32, at: I32, low: I64, high: I64, len: I32) -> I64, true;
            /// `array.fill` of GC references.
            array_fill_ref(array: I32, at: I32, value: I32, len: I32) -> I64, true;
            /// `array.fill` of function references.
            array_fill_func(array: I32, at: I32, value: I64, len: I32) -> I64, true;
            /// `array.copy`. Neither array is null. Overlapping ranges are copied as if through a
            /// buffer.
            array_copy(to: I32, at: I32, from: I32, start: I32, len: I32) -> I64, true;

            /// Returns the number that stands for a function reference in the collected heap.
            intern_func(func: I64) -> I32, false;

            /// `table.grow` of GC references. Returns the old size, or -1.
            table_grow_ref(table: I32, init: I32, delta: I64) -> I64, true;
            /// `table.grow` of function references.
            table_grow_func(table: I32, init: I64, delta: I64) -> I64, true;
            /// `table.fill` of GC references.
            table_fill_ref(table: I32, at: I64, value: I32, len: I64) -> I64, true;
            /// `table.fill` of function references.
            table_fill_func(table: I32, at: I64, value: I64, len: I64) -> I64, true;
            /// `table.copy`.
            table_copy(to: I32, from: I32, at: I64, start: I64, len: I64) -> I64, true;
            /// `table.init`.
            table_init(table: I32, elem: I32, at: I64, from: I32, len: I32) -> I64, true;
            /// `elem.drop`.
            elem_drop(elem: I32) -> I64, true;

            /// `memory.grow`. Returns the old size in pages, or -1.
            memory_grow(memory: I32, delta: I64) -> I64, true;
            /// `memory.fill`.
            memory_fill(memory: I32, at: I64, value: I32, len: I64) -> I64, true;
            /// `memory.copy`.
            memory_copy(to: I32, from: I32, at: I64, start: I64, len: I64) -> I64, true;
            /// `memory.init`.
            memory_init(memory: I32, data: I32, at: I64, from: I32, len: I32) -> I64, true;
            /// `data.drop`.
            data_drop(data: I32) -> I64, false;

            /// Throws an exception. The reference is not null.
            throw_ref(exception: I32) -> I64, true;

            /// Sets an item of an element segment while an instance is initialised.
            init_segment_item(elem: I32, item: I32, value: I32) -> I64, true;
            /// Sets the initial value of a table of GC references that the instance defines.
            init_table_ref(table: I32, value: I32) -> I64, true;
            /// Sets the initial value of a table of function references that the instance defines.
            init_table_func(table: I32, value: I64) -> I64, true;
            /// Sets an item of an element segment of function references while an instance is
            /// initialised.
            init_segment_func(elem: I32, item: I32, value: I64) -> I64, true;
        }
    };
}

macro_rules! define {
    ($(
        $(#[$doc:meta])*
        $name:ident ( $($param:ident : $ty:ident),* ) -> $result:ident, $raise:literal;
    )*) => {
        /// The host functions that compiled code calls.
        #[allow(non_camel_case_types)]
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[repr(u8)]
        pub enum LibCall { $($(#[$doc])* $name),* }

        impl LibCall {
            /// Every libcall, in the order of their numbers.
            pub const ALL: &'static [LibCall] = &[$(LibCall::$name),*];

            /// Returns the parameters behind the context.
            #[must_use]
            pub const fn params(self) -> &'static [Ty] {
                match self { $(LibCall::$name => &[$(Ty::$ty),*]),* }
            }

            /// Result.
            #[must_use]
            pub const fn result(self) -> Ty {
                match self { $(LibCall::$name => Ty::$result),* }
            }

            /// Returns true if the call may raise a trap, an exception or exhaustion.
            #[must_use]
            pub const fn may_raise(self) -> bool {
                match self { $(LibCall::$name => $raise),* }
            }

            /// Returns its name, for code listings.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(LibCall::$name => stringify!($name)),* }
            }
        }
    };
}

pub(crate) use for_each_libcall;

for_each_libcall!(define);
