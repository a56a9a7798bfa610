//! Faults planted on purpose, so that the oracles can be shown to find them.
//!
//! Each one is named after a fault that a real engine had. It is re-created at the place in this
//! code that corresponds to the engine's, and is off unless its bit is set in the [`Planted`] of a
//! configuration. An ordinary build has no such configuration: the list of names stays, so that
//! tests can check that each fault is shown by a script, and every seam folds to `false`.
//!
//! # How to add one
//!
//! 1. Add a row to the list below. Its doc comment says what is wrong, and which engine had it.
//! 2. Re-create it where it belongs, with [`planted!`] at the seam. A function that only the fault
//!    needs stands in the folder's `faulty.rs`, which only the cargo feature `planted` compiles.
//! 3. Name it in the header of a script in `wast-tests/regressions` (`;;! planted = "the-name"`).
//!    The script fails with the fault and passes without it. If no script can show the fault, say
//!    why in `SHOWN_BY_NO_SCRIPT` of `wast-tests/tests/planted.rs`, and show it by another test.
//! 4. Run `cargo test --release --features planted --test planted`.

/// The seam of a planted fault: the only way in which other code asks for one.
///
/// - `planted!(set, Name)` is true if the fault is in the set.
/// - `planted!(set, Name, if condition)` is true if the fault is in the set and the condition
///   holds: the place is reached more often than it goes wrong.
/// - `planted!(set, Name => statements)` runs the statements if the fault is in the set.
/// - `planted!(set, Name, wrong: this, sound: that)` is the first expression if the fault is in the
///   set, and else the second.
///
/// An ordinary build contains neither the statements nor the wrong expression.
macro_rules! planted {
    ($set:expr, $fault:ident) => {
        $set.has($crate::planted::PlantedFault::$fault)
            && $crate::planted::goes_wrong($crate::planted::PlantedFault::$fault)
    };
    ($set:expr, $fault:ident, if $condition:expr) => {
        $set.has($crate::planted::PlantedFault::$fault)
            && $condition
            && $crate::planted::goes_wrong($crate::planted::PlantedFault::$fault)
    };
    ($set:expr, $fault:ident => $($statements:tt)*) => {
        #[cfg(feature = "planted")]
        {
            if $crate::planted::planted!($set, $fault) {
                $($statements)*
            }
        }
    };
    ($set:expr, $fault:ident, wrong: $wrong:expr, sound: $sound:expr) => {{
        #[cfg(feature = "planted")]
        {
            if $crate::planted::planted!($set, $fault) {
                $wrong
            } else {
                $sound
            }
        }
        #[cfg(not(feature = "planted"))]
        {
            $sound
        }
    }};
}
pub(crate) use planted;

macro_rules! faults {
    ($($(#[$doc:meta])* $variant:ident = $name:literal),* $(,)?) => {
        /// The faults that can be planted.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[repr(u8)]
        pub enum PlantedFault { $($(#[$doc])* $variant),* }

        impl PlantedFault {
            /// All faults, in the order of their declaration.
            pub const ALL: &'static [PlantedFault] = &[$(PlantedFault::$variant),*];

            /// Returns the name by which the fault is switched on.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(PlantedFault::$variant => $name),* }
            }

            /// Returns the fault of that name.
            #[must_use]
            pub fn from_name(name: &str) -> Option<PlantedFault> {
                match name { $($name => Some(PlantedFault::$variant),)* _ => None }
            }
        }
    };
}

faults! {
    /// `table.init` stores without a write barrier (Wasmtime PR #11416).
    TableInitNoBarrier = "table-init-no-barrier",
    /// The embedder's `Table::set` stores without a write barrier (Wasmtime PR #11416).
    TableSetHostNoBarrier = "table-set-host-no-barrier",
    /// The embedder's `Table::grow` increments the count of its initial value once too often
    /// (Wasmtime PR #11416).
    TableGrowHostKeepsCount = "table-grow-host-keeps-count",
    /// The reference handed to `table.grow` is no root while the table grows (WasmEdge #4156).
    TableGrowInitUnrooted = "table-grow-init-unrooted",
    /// Items of element segments are not counted: neither incremented when they are stored nor
    /// decremented when the segment is dropped (Wasmtime #13066).
    PassiveSegmentUncounted = "passive-segment-uncounted",
    /// A dropped element segment becomes a segment of functions, whatever its type was (Wasmtime
    /// #8281).
    ElemDropBecomesFuncs = "elem-drop-becomes-funcs",
    /// `elem.drop` does nothing (WAMR #2772).
    ElemDropIgnored = "elem-drop-ignored",
    /// `data.drop` does nothing (after WAMR #2772).
    DataDropIgnored = "data-drop-ignored",
    /// Operands of constant evaluation are no roots while a later operand is allocated (Wasmtime PR
    /// #9282, #11416).
    ConstEvalOperandsUnrooted = "const-eval-operands-unrooted",
    /// The result of a typed `select` stays out of stack maps (Wasmtime PR #12862).
    SelectResultUndeclared = "select-result-undeclared",
    /// The result of `array.new_data` stays out of stack maps (Wasmtime PR #12935).
    ArrayNewDataUndeclared = "array-new-data-undeclared",
    /// The result of `array.new_elem` stays out of stack maps (Wasmtime PR #12936).
    ArrayNewElemUndeclared = "array-new-elem-undeclared",
    /// A test for a nullable type looks for null and i31 with one mask, so that an i31 passes
    /// (Wasmtime issue #10171).
    NullOrI31InOneMask = "null-or-i31-in-one-mask",
    /// Stores by `array.set` are declared to touch another kind of memory (Wasmtime PR #13610).
    ArraySetWrongRegion = "array-set-wrong-region",
    /// Arrays of references report their element size as their number of edges (Wasmtime PR
    /// #10453).
    ArrayEdgesMiscounted = "array-edges-miscounted",
    /// `table.fill` with null clears the table like memory and decrements no count (Wasmtime
    /// #14325).
    TableFillNullMemset = "table-fill-null-memset",
    /// A second reference from the stack to an object increments its count, though references in
    /// frames are not counted (Wasmtime #13037).
    StackCountsAgain = "stack-counts-again",
    /// Freeing an object does not decrement the counts of the objects it refers to (Wasmtime
    /// #9701).
    ReleaseIsShallow = "release-is-shallow",
    /// `struct.set` and `array.set` store without a barrier (JSC bugs 266043, 267381).
    InlineWriteNoBarrier = "inline-write-no-barrier",
    /// An object to which only a dead object refers is freed, though a frame refers to it as well
    /// (after Wasmtime #13316).
    ReleaseIgnoresStack = "release-ignores-stack",
    /// Inline barriers take an i31 for an object (Wasmtime #10371).
    InlineBarrierCountsI31 = "inline-barrier-counts-i31",
    /// `array.copy` decrements the count of an overwritten i31 as if it were an object (Wasmtime
    /// #13307).
    ArrayCopyReleasesI31 = "array-copy-releases-i31",
    /// An object that is allocated out of line is counted but not put into the zero-count table
    /// (Wasmtime #9669).
    NewObjectNotInZeroCountTable = "new-object-not-in-zero-count-table",
    /// Values of globals are no roots (Walrus #502).
    GlobalsAreNoRoots = "globals-are-no-roots",
    /// Items of passive element segments are no roots (Wasmtime #13066).
    SegmentsAreNoRoots = "segments-are-no-roots",
    /// The exception in flight is no root (Wasmtime #13316).
    PendingExceptionIsNoRoot = "pending-exception-is-no-root",
    /// Payloads of exceptions are not traced (Wasmtime #13326).
    ExceptionsNotTraced = "exceptions-not-traced",
    /// `array.fill` fills as many elements as the first index says (Wasmtime #10467).
    ArrayFillFromStart = "array-fill-from-start",
    /// Overlapping `array.copy` always goes forward (JSC bug 285580).
    ArrayCopyForward = "array-copy-forward",
    /// `array.new_elem` and `array.init_elem` write every element as if it had eight bytes (JSC bug
    /// 285580).
    ArrayInitElemWide = "array-init-elem-wide",
    /// The size of an array is computed in 32 bits and wraps (Wasmtime #13034).
    ArraySizeWraps = "array-size-wraps",
    /// The rest of a free block is forgotten if it is smaller than the smallest block (Wasmtime
    /// #10349).
    FreeRemainderLost = "free-remainder-lost",
    /// After a collection, compiled code allocates up to the end of the other half (Wasmtime
    /// #13381).
    RegionEndStale = "region-end-stale",
    /// Layouts by type id are kept when their heap is dropped, and used by the next heap (Wasmtime
    /// #13417).
    LayoutsOutliveHeap = "layouts-outlive-heap",
    /// A call without a stack map uses the nearest earlier one of its function (CVE-2021-39218).
    StackMapNearest = "stack-map-nearest",
    /// A call in a function without stack maps uses the last one of the function before (Wasmtime
    /// #2386).
    StackMapOther = "stack-map-other",
    /// Calls inside a `try_table` have no stack maps (Wasmtime #11753).
    StackMapTryLost = "stack-map-try-lost",
    /// An exception that leaves wasm is not counted (Wasmtime #13316).
    PendingExceptionUncounted = "pending-exception-uncounted",
    /// An exception that nothing in wasm catches ends the call as if the stack were full.
    UncaughtExceptionExhausts = "uncaught-exception-exhausts",
    /// A tail call does not give the caller's place on the stack back, so that a loop of tail calls
    /// runs out of it.
    TailCallKeepsItsPlace = "tail-call-keeps-its-place",
    /// The frames that an exception leaves do not give their places on the stack back.
    LeftFramesKeepTheirPlaces = "left-frames-keep-their-places",
    /// An allocation that no heap could hold raises an exception that `catch_all` catches
    /// (SpiderMonkey, regress-1884767.js).
    LargeAllocationCaught = "large-allocation-caught",
    /// `array.new_data` and `array.init_data` compare a length in elements with a size in bytes
    /// (WebAssembly/spec #1880).
    ArrayDataBoundsInElements = "array-data-bounds-in-elements",
    /// `array.fill` takes its length from the index (Wasmtime #10467).
    ArrayFillLenFromIndex = "array-fill-len-from-index",
    /// Array operations of length 0 do not check their bounds (WAMR #5113).
    ArrayEmptyUnchecked = "array-empty-unchecked",
    /// `array.copy` copies references like bytes, without barriers (WebKit #39721).
    ArrayCopyNoBarrier = "array-copy-no-barrier",
    /// `array.copy` collects while only registers hold its arrays (Wasmtime #13450).
    ArrayCopyOperandsUnrooted = "array-copy-operands-unrooted",
    /// `array.fill` stores references without barriers (after Wasmtime #10467).
    ArrayFillNoBarrier = "array-fill-no-barrier",
    /// `array.init_elem` stores references without barriers (after Wasmtime #13066).
    ArrayInitElemNoBarrier = "array-init-elem-no-barrier",
    /// Parameters and results of blocks stay out of stack maps (Wasmtime #13461).
    BlockParameterUndeclared = "block-parameter-undeclared",
    /// `br_on_null` passes the null reference to its label instead of the operand below it (WebKit
    /// bug 266167).
    BrOnNullKeepsTheReference = "br-on-null-keeps-the-reference",
    /// `call_indirect` accepts the expected type only, and none of its subtypes (Wasmtime #9448).
    CallIndirectByEquality = "call-indirect-by-equality",
    /// Results of calls stay out of stack maps (Wasmtime #10322).
    CallResultUndeclared = "call-result-undeclared",
    /// Compiled code looks one entry too early into supertype displays (Wasmtime #10435).
    DisplayOffByOne = "display-off-by-one",
    /// An i31 that is computed at compile time is not sign-extended (WebKit bug 293207).
    FoldedI31LosesItsSign = "folded-i31-loses-its-sign",
    /// `ref.func` as an operand of a constant expression gives null (Wasmtime #9454).
    FuncFieldLost = "func-field-lost",
    /// `global.set` stores without a barrier (WebKit bug 252513).
    GlobalSetNoBarrier = "global-set-no-barrier",
    /// The embedder's `Global::set` stores without a write barrier (Wasmtime #1969).
    GlobalSetHostNoBarrier = "global-set-host-no-barrier",
    /// A cast to a type accepts every type of its recursion group (Wasmtime #9714).
    GroupTakenForType = "group-taken-for-type",
    /// Equal recursion groups of more than one type are registered once per module (WebKit,
    /// webkitweekly 2026-W18).
    GroupsNotCanonical = "groups-not-canonical",
    /// A dropped owned root is forgotten but stays counted (Wasmtime #11799).
    HandleReleaseKeepsCount = "handle-release-keeps-count",
    /// Handles of the embedder are no roots (Wasmtime #10374).
    HandlesAreNoRoots = "handles-are-no-roots",
    /// The roots that a host function makes live until the host's outermost call ends, and not
    /// until the function returns (Wasmtime #8374).
    HostCallKeepsRoots = "host-call-keeps-roots",
    /// Arguments of a host function are no roots at the collection point of its call
    /// (CVE-2021-39216).
    HostArgumentsUnrooted = "host-arguments-unrooted",
    /// An internalised reference of the host passes every cast to a defined type (Wasmtime #14301).
    HostObjectHasAType = "host-object-has-a-type",
    /// `i31.get_s` and `i31.get_u` of null give a number (Wasmtime #9165).
    I31GetNullUnchecked = "i31-get-null-unchecked",
    /// An i31 among the items of an element segment is lost (Wasmtime #13464).
    I31ItemLost = "i31-item-lost",
    /// A reference to an imported function has the declared type of the import (Wasmtime #13095).
    ImportTypeWins = "import-type-wins",
    /// References are laid out before all other fields, so a subtype's layout does not extend its
    /// supertype's (Wasmtime #10463).
    LayoutReferencesFirst = "layout-references-first",
    /// References in locals stay out of stack maps (Wasmtime #13449).
    LocalsUndeclared = "locals-undeclared",
    /// A test for a non-null i31 lets null pass (Wasmtime #10221).
    NullPassesForI31 = "null-passes-for-i31",
    /// A null item of an element segment becomes a function (WAMR #5060).
    NullItemIsNotNull = "null-item-is-not-null",
    /// A store to an `i8` field writes two bytes (after Wasmtime #10463).
    PackedStoreTooWide = "packed-store-too-wide",
    /// Structures among the items of a passive segment are created again by each `array.new_elem`
    /// (Wasmtime #12985).
    SegmentEvaluatedAtEachUse = "segment-evaluated-at-each-use",
    /// References loaded from fields stay out of stack maps (Wasmtime #9669).
    StructGetResultUndeclared = "struct-get-result-undeclared",
    /// The result of `struct.new` stays out of stack maps (after WebKit bug 285580).
    StructNewResultUndeclared = "struct-new-result-undeclared",
    /// Later reads do not see a copy within one table (Wasmtime #13610).
    TableCopyForgotten = "table-copy-forgotten",
    /// The embedder's `Table::copy` copies without barriers (Wasmtime #13072).
    TableCopyHostNoBarrier = "table-copy-host-no-barrier",
    /// `table.copy` copies without barriers (Wasmtime #13072).
    TableCopyNoBarrier = "table-copy-no-barrier",
    /// The embedder's `Table::fill` stores without barriers (Wasmtime PR #11416).
    TableFillHostNoBarrier = "table-fill-host-no-barrier",
    /// `table.get` of a table that holds only null is folded to null, and its index is not checked
    /// (Wasmtime #10353).
    TableGetBoundsUnchecked = "table-get-bounds-unchecked",
    /// `table.grow` of a 64-bit table returns only 32 bits (Wasmtime #13009).
    TableGrowFailureTruncated = "table-grow-failure-truncated",
    /// `table.grow` increments the count of its initial value once too often (Wasmtime PR #11416).
    TableGrowKeepsCount = "table-grow-keeps-count",
    /// `table.set` stores without a barrier (Wasmtime #1969).
    TableSetNoBarrier = "table-set-no-barrier",
    /// Elements of tables are no roots (Wasmtime PR #11416).
    TablesAreNoRoots = "tables-are-no-roots",
    /// The objects of an instance whose initialisation ran out of memory are kept (Wasmtime
    /// #13371).
    FailedInstanceKeepsObjects = "failed-instance-keeps-objects",
    /// The backup trace that reclaims cycles never runs (after Wasmtime #13977).
    CyclesAreKept = "cycles-are-kept",
    /// `table.fill` takes the index of a table for its index among the tables that the module
    /// defines (Wasmtime #13010).
    TableFillDefinedIndex = "table-fill-defined-index",
    /// The test for a nullable i31 looks for null in the low half of the reference (Wasmtime issue
    /// #10171).
    NullTestOfLowBits = "null-test-of-low-bits",
    /// A constant expression that finds the heap full fails without a collection (Wasmtime PR
    /// #11416).
    ConstEvalCannotCollect = "const-eval-cannot-collect",
    /// Tags of one type have one identity (Wasmtime #14009).
    TagsComparedByType = "tags-compared-by-type",
    /// The known value of a field is still used after a write through another reference to the same
    /// object (after Wasmtime PR #13610).
    SlotsToldApart = "slots-told-apart",
    /// `table.fill` decrements the count of a reference that it overwrites with itself, and does
    /// not increment it (after Wasmtime #1923).
    SameReferenceGivenUp = "same-reference-given-up",
    /// `return_call_indirect` reports an index beyond the table as an uninitialised element (zwasm
    /// #357).
    TailCallTrapsAlike = "tail-call-traps-alike",
    /// An access to one lane of a vector is bounds-checked as if it accessed the whole vector (not
    /// from an engine: no official script shows it).
    LaneBoundsOfVector = "lane-bounds-of-vector",
    /// `ref.func` in a function gives null (after Wasmtime #2850).
    FuncReferenceLost = "func-reference-lost",
    /// A test for a non-null exception lets null pass (after Wasmtime #10221).
    NullPassesForException = "null-passes-for-exception",
    /// NaNs that arithmetic produces keep the bits of the hardware (after Wasmtime,
    /// `enable_nan_canonicalization`).
    NansOfHardware = "nans-of-hardware",
    /// Deferred counts are not written before an access that may trap (not from an engine: the risk
    /// of deferring counts).
    DeferredCountsLate = "deferred-counts-late",
    /// The exception by which a call of the embedder ended stays counted after the embedder has
    /// taken it (after `wasmtime_context_take_exception` of Wasmtime 50.0.1, which roots it).
    TakenExceptionKeepsCount = "taken-exception-keeps-count",
    /// The embedder's `ArrayRef::new` allocates, then finds that the element has a wrong type, and
    /// returns without giving the array up (after Wasmtime 50.0.1).
    FailedHostArrayStays = "failed-host-array-stays",
    /// All stores have one identity, so a handle of one store is not refused by another (after
    /// embedders of several engines that compared addresses of stores, which are used again).
    StoresShareTheirIdentity = "stores-share-their-identity",
    /// The stores of a thread have one list of handles that were dropped, so a store releases the
    /// roots of another one (after lists of finalised objects that were global).
    HandlesDroppedInAnyStore = "handles-dropped-in-any-store",
}

/// The set of faults that a configuration switches on. In an ordinary build it has no bits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Planted {
    #[cfg(feature = "planted")]
    bits: u128,
}

impl Planted {
    /// The empty set. An ordinary build has no other.
    pub const NONE: Planted = Planted {
        #[cfg(feature = "planted")]
        bits: 0,
    };

    /// Returns the set with `fault` added.
    #[cfg(feature = "planted")]
    #[must_use]
    pub const fn with(self, fault: PlantedFault) -> Planted {
        Planted {
            bits: self.bits | 1 << fault as u32,
        }
    }

    /// Returns true if `fault` is in the set, and counts that its place was reached. An ordinary
    /// build always returns false.
    #[inline(always)]
    #[must_use]
    pub fn has(self, fault: PlantedFault) -> bool {
        #[cfg(feature = "planted")]
        {
            let has = self.bits & (1 << fault as u32) != 0;
            if has {
                counts::add(&counts::REACHED, fault);
            }
            has
        }
        #[cfg(not(feature = "planted"))]
        {
            let _ = fault;
            false
        }
    }
}

/// Returns true, and counts that the place of `fault` did what is wrong.
#[inline(always)]
pub(crate) fn goes_wrong(fault: PlantedFault) -> bool {
    #[cfg(feature = "planted")]
    counts::add(&counts::TRIGGERED, fault);
    let _ = fault;
    true
}

/// How often the places of faults were reached and went wrong, in this process. Stores write the
/// counts and never read them.
#[cfg(feature = "planted")]
mod counts {
    use std::sync::atomic::{AtomicU64, Ordering};

    use super::PlantedFault;

    pub(super) type Counts = [AtomicU64; PlantedFault::ALL.len()];
    pub(super) static REACHED: Counts = [const { AtomicU64::new(0) }; PlantedFault::ALL.len()];
    pub(super) static TRIGGERED: Counts = [const { AtomicU64::new(0) }; PlantedFault::ALL.len()];

    pub(super) fn add(counts: &Counts, fault: PlantedFault) {
        counts[fault as usize].fetch_add(1, Ordering::Relaxed);
    }

    impl PlantedFault {
        /// Returns how often the place of the fault was reached while the fault was switched on. A
        /// place in the compiler is reached when it compiles.
        #[must_use]
        pub fn times_reached(self) -> u64 {
            REACHED[self as usize].load(Ordering::Relaxed)
        }

        /// Returns how often the place did what is wrong. A place in the compiler does so when it
        /// makes wrong code.
        #[must_use]
        pub fn times_triggered(self) -> u64 {
            TRIGGERED[self as usize].load(Ordering::Relaxed)
        }
    }
}
