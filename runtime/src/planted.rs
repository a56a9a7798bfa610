//! Faults planted on purpose, so that the oracles can be shown to find them.
//!
//! Each names a fault that a real engine had. It is re-created at the place in this code where the
//! real one sat, and is off unless its bit is set in the [`Planted`] of a configuration. Without
//! the cargo feature `planted` the set is a zero-sized constant and every check folds to `false`.

macro_rules! faults {
    ($($(#[$doc:meta])* $variant:ident = $name:literal),* $(,)?) => {
        /// The faults that can be planted.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[repr(u8)]
        pub enum Fault { $($(#[$doc])* $variant),* }

        impl Fault {
            /// Every fault there is, in the order of their declaration.
            pub const ALL: &'static [Fault] = &[$(Fault::$variant),*];

            /// The name by which a fault is switched on.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Fault::$variant => $name),* }
            }

            /// The fault of that name.
            #[must_use]
            pub fn from_name(name: &str) -> Option<Fault> {
                match name { $($name => Some(Fault::$variant),)* _ => None }
            }
        }
    };
}

faults! {
    /// `table.init` stores without a write barrier (Wasmtime PR #11416).
    TableInitNoBarrier = "table-init-no-barrier",
    /// The embedder's `Table::set` stores without a write barrier (Wasmtime PR #11416).
    TableSetHostNoBarrier = "table-set-host-no-barrier",
    /// The embedder's `Table::grow` never releases the reference it was handed (Wasmtime PR #11416).
    TableGrowHostKeepsCount = "table-grow-host-keeps-count",
    /// The reference handed to `table.grow` is no root while the table grows (WasmEdge #4156).
    TableGrowInitUnrooted = "table-grow-init-unrooted",
    /// Items of element segments are neither counted when they are stored nor released when the segment is dropped (Wasmtime #13066).
    PassiveSegmentUncounted = "passive-segment-uncounted",
    /// A dropped element segment becomes one of functions, whatever it was (Wasmtime #8281).
    ElemDropBecomesFuncs = "elem-drop-becomes-funcs",
    /// `elem.drop` does nothing (WAMR #2772).
    ElemDropIgnored = "elem-drop-ignored",
    /// `data.drop` does nothing, as `elem-drop-ignored`.
    DataDropIgnored = "data-drop-ignored",
    /// Operands of constant evaluation are no roots while a later operand is allocated (Wasmtime PR #9282, #11416).
    ConstEvalOperandsUnrooted = "const-eval-operands-unrooted",
    /// The result of a typed `select` stays out of stack maps (Wasmtime PR #12862).
    SelectResultUndeclared = "select-result-undeclared",
    /// The result of `array.new_data` stays out of stack maps (Wasmtime PR #12935).
    ArrayNewDataUndeclared = "array-new-data-undeclared",
    /// The result of `array.new_elem` stays out of stack maps (Wasmtime PR #12936).
    ArrayNewElemUndeclared = "array-new-elem-undeclared",
    /// Tests for a nullable type look for null and i31 with one mask, so that an i31 passes (Wasmtime issue #10171).
    NullOrI31InOneMask = "null-or-i31-in-one-mask",
    /// Stores by `array.set` are said to touch another kind of memory (Wasmtime PR #13610).
    ArraySetWrongRegion = "array-set-wrong-region",
    /// Arrays of references report their element size as their number of edges (Wasmtime PR #10453).
    ArrayEdgesMiscounted = "array-edges-miscounted",
    /// `table.fill` with null clears the table like memory, without giving the references up (Wasmtime #14325).
    TableFillNullMemset = "table-fill-null-memset",
    /// An object that is found on the stack again is counted for it, though frames count nothing (Wasmtime #13037).
    StackCountsAgain = "stack-counts-again",
    /// Freeing an object does not give up what it referred to (Wasmtime #9701).
    ReleaseIsShallow = "release-is-shallow",
    /// `struct.set` and `array.set` store without a barrier (JSC bugs 266043, 267381).
    InlineWriteNoBarrier = "inline-write-no-barrier",
    /// What a dead object referred to is freed, though it was loaded into a frame before (after Wasmtime #13316).
    ReleaseIgnoresStack = "release-ignores-stack",
    /// Inline barriers take an i31 for an object (Wasmtime #10371).
    InlineBarrierCountsI31 = "inline-barrier-counts-i31",
    /// `array.copy` gives up an overwritten i31 as if it were an object (Wasmtime #13307).
    ArrayCopyReleasesI31 = "array-copy-releases-i31",
    /// An object made by the host's path is counted, but not put into the stack list (Wasmtime #9669).
    SlowAllocationUnlisted = "slow-allocation-unlisted",
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
    /// `array.new_elem` and `array.init_elem` write every element as if it had eight bytes (JSC bug 285580).
    ArrayInitElemWide = "array-init-elem-wide",
    /// The size of an array is computed in 32 bits and wraps (Wasmtime #13034).
    ArraySizeWraps = "array-size-wraps",
    /// What is left of a free block is forgotten when it is smaller than the smallest block (Wasmtime #10349).
    FreeRemainderLost = "free-remainder-lost",
    /// After a collection, compiled code goes on with the end of the other half (Wasmtime #13381).
    RegionEndStale = "region-end-stale",
    /// Layouts by type id outlive the heap they were made for (Wasmtime #13417).
    LayoutsOutliveHeap = "layouts-outlive-heap",
    /// A call without a stack map is given the nearest earlier one of its function (CVE-2021-39218).
    StackMapNearest = "stack-map-nearest",
    /// A call of a function without stack maps is given the last one of the function before (Wasmtime #2386).
    StackMapOther = "stack-map-other",
    /// Calls inside of a `try_table` have lost their stack maps (Wasmtime #11753).
    StackMapTryLost = "stack-map-try-lost",
    /// An exception on its way out of wasm is not counted (Wasmtime #13316).
    PendingExceptionUncounted = "pending-exception-uncounted",
    /// An allocation that no heap could hold is an exception that `catch_all` catches (SpiderMonkey, regress-1884767.js).
    LargeAllocationCaught = "large-allocation-caught",
    /// `array.new_data` and `array.init_data` compare lengths in elements with bytes (WebAssembly/spec #1880).
    ArrayDataBoundsInElements = "array-data-bounds-in-elements",
    /// `array.fill` takes its length from the index (Wasmtime #10467).
    ArrayFillLenFromIndex = "array-fill-len-from-index",
    /// Array operations of length 0 are not checked (WAMR #5113).
    ArrayEmptyUnchecked = "array-empty-unchecked",
    /// `array.copy` copies references like bytes, without barriers (WebKit #39721).
    ArrayCopyNoBarrier = "array-copy-no-barrier",
    /// `array.copy` collects while it holds its arrays in registers only (Wasmtime #13450).
    ArrayCopyOperandsUnrooted = "array-copy-operands-unrooted",
    /// `array.fill` stores references without barriers (after Wasmtime #10467).
    ArrayFillNoBarrier = "array-fill-no-barrier",
    /// `array.init_elem` stores references without barriers (after Wasmtime #13066).
    ArrayInitElemNoBarrier = "array-init-elem-no-barrier",
    /// Parameters and results of blocks stay out of stack maps (Wasmtime #13461).
    BlockParameterUndeclared = "block-parameter-undeclared",
    /// `br_on_null` hands the null reference to its label, in place of the operand below (WebKit bug 266167).
    BrOnNullKeepsTheReference = "br-on-null-keeps-the-reference",
    /// `call_indirect` wants the very type, and no subtype (Wasmtime #9448).
    CallIndirectByEquality = "call-indirect-by-equality",
    /// Results of calls stay out of stack maps (Wasmtime #10322).
    CallResultUndeclared = "call-result-undeclared",
    /// Compiled code looks one entry too early into supertype displays (Wasmtime #10435).
    DisplayOffByOne = "display-off-by-one",
    /// An i31 folded when compiling is no longer sign-extended the way a computed one is (WebKit bug 293207).
    FoldedI31LosesItsSign = "folded-i31-loses-its-sign",
    /// `ref.func` as an operand of a constant expression is null (Wasmtime #9454).
    FuncFieldLost = "func-field-lost",
    /// `global.set` stores without a barrier (WebKit bug 252513).
    GlobalSetNoBarrier = "global-set-no-barrier",
    /// The embedder's `Global::set` stores without a write barrier (Wasmtime #1969).
    GlobalSetHostNoBarrier = "global-set-host-no-barrier",
    /// A cast to a type accepts every type of its recursion group (Wasmtime #9714).
    GroupTakenForType = "group-taken-for-type",
    /// Equal recursion groups of more than one type are registered once for each module (WebKit, webkitweekly 2026-W18).
    GroupsNotCanonical = "groups-not-canonical",
    /// A dropped owned root is forgotten, and still counted (Wasmtime #11799).
    HandleReleaseKeepsCount = "handle-release-keeps-count",
    /// Handles of the embedder are no roots (Wasmtime #10374).
    HandlesAreNoRoots = "handles-are-no-roots",
    /// Arguments of a host function are no roots at the collection point of its call (CVE-2021-39216).
    HostArgumentsUnrooted = "host-arguments-unrooted",
    /// An internalised reference of the host passes every cast to a defined type (Wasmtime #14301).
    HostObjectHasAType = "host-object-has-a-type",
    /// `i31.get_s` and `i31.get_u` of null give a number (Wasmtime #9165).
    I31GetNullUnchecked = "i31-get-null-unchecked",
    /// An i31 among the items of an element segment is lost (Wasmtime #13464).
    I31ItemLost = "i31-item-lost",
    /// A reference to an imported function has the type of the import (Wasmtime #13095).
    ImportTypeWins = "import-type-wins",
    /// References stand before all other fields, so that a subtype's fields do not begin with its supertype's (Wasmtime #10463).
    LayoutReferencesFirst = "layout-references-first",
    /// What is in a local stays out of stack maps (Wasmtime #13449).
    LocalsUndeclared = "locals-undeclared",
    /// A test for i31 without null lets null pass (Wasmtime #10221).
    NullPassesForI31 = "null-passes-for-i31",
    /// A null item of an element segment becomes a function (WAMR #5060).
    NullItemIsNotNull = "null-item-is-not-null",
    /// A store to an `i8` field writes two bytes (after Wasmtime #10463).
    PackedStoreTooWide = "packed-store-too-wide",
    /// Structures among the items of a passive segment are made anew at each `array.new_elem` (Wasmtime #12985).
    SegmentEvaluatedAtEachUse = "segment-evaluated-at-each-use",
    /// References loaded from fields stay out of stack maps (Wasmtime #9669).
    StructGetResultUndeclared = "struct-get-result-undeclared",
    /// The result of `struct.new` stays out of stack maps (after WebKit bug 285580).
    StructNewResultUndeclared = "struct-new-result-undeclared",
    /// A copy within one table is not seen by later reads (Wasmtime #13610).
    TableCopyForgotten = "table-copy-forgotten",
    /// The embedder's `Table::copy` copies without barriers (Wasmtime #13072).
    TableCopyHostNoBarrier = "table-copy-host-no-barrier",
    /// `table.copy` copies without barriers (Wasmtime #13072).
    TableCopyNoBarrier = "table-copy-no-barrier",
    /// The embedder's `Table::fill` stores without barriers (Wasmtime PR #11416).
    TableFillHostNoBarrier = "table-fill-host-no-barrier",
    /// `table.get` of a table that holds only null is folded to null, and its index never looked at (Wasmtime #10353).
    TableGetBoundsUnchecked = "table-get-bounds-unchecked",
    /// `table.grow` of a 64-bit table gives only 32 bits (Wasmtime #13009).
    TableGrowFailureTruncated = "table-grow-failure-truncated",
    /// `table.grow` never releases the reference it was handed (Wasmtime PR #11416).
    TableGrowKeepsCount = "table-grow-keeps-count",
    /// `table.set` stores without a barrier (Wasmtime #1969).
    TableSetNoBarrier = "table-set-no-barrier",
    /// Elements of tables are no roots (Wasmtime PR #11416).
    TablesAreNoRoots = "tables-are-no-roots",
    /// What an instance allocated before its initialisation ran out of memory is kept (Wasmtime #13371).
    FailedInstanceKeepsObjects = "failed-instance-keeps-objects",
    /// The backup trace that reclaims cycles never runs (after Wasmtime #13977).
    CyclesAreKept = "cycles-are-kept",
    /// `table.fill` takes the index of a table for one among the tables that the module defines (Wasmtime #13010).
    TableFillDefinedIndex = "table-fill-defined-index",
    /// The test for a nullable i31 looks for null in the low half of the reference (Wasmtime issue #10171).
    NullTestOfLowBits = "null-test-of-low-bits",
    /// A constant expression that finds the heap full fails, without a collection (Wasmtime PR #11416).
    ConstEvalCannotCollect = "const-eval-cannot-collect",
    /// Tags of one type have one identity (Wasmtime #14009).
    TagsComparedByType = "tags-compared-by-type",
    /// What a slot held is still believed after a write through another reference to the same object (after Wasmtime PR #13610).
    SlotsToldApart = "slots-told-apart",
    /// `table.fill` gives up a reference that it writes over itself, and does not count it (after Wasmtime #1923).
    SameReferenceGivenUp = "same-reference-given-up",
    /// `return_call_indirect` says that an index beyond the table is an element that is not there yet (zwasm #357).
    TailCallTrapsAlike = "tail-call-traps-alike",
    /// Accesses to one lane of a vector are bounded as if all of it was accessed (no engine's: no official script would see it).
    LaneBoundsOfVector = "lane-bounds-of-vector",
    /// `ref.func` in a function is null (after Wasmtime #2850).
    FuncReferenceLost = "func-reference-lost",
    /// A test for an exception that is not null lets null pass (after Wasmtime #10221).
    NullPassesForException = "null-passes-for-exception",
    /// NaNs that arithmetic makes are what the hardware makes (after Wasmtime, `enable_nan_canonicalization`).
    NansOfHardware = "nans-of-hardware",
    /// Counts that wait in compiled code are not settled before an access that may trap (no engine's: what waiting risks here).
    CountsSettledLate = "counts-settled-late",
}

/// The set of faults switched on in one configuration.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Planted {
    #[cfg(feature = "planted")]
    bits: u128,
}

impl Planted {
    /// No fault at all: the only value there is in an ordinary build.
    pub const NONE: Planted = Planted {
        #[cfg(feature = "planted")]
        bits: 0,
    };

    /// The set with `fault` switched on as well.
    #[cfg(feature = "planted")]
    #[must_use]
    pub const fn with(self, fault: Fault) -> Planted {
        Planted {
            bits: self.bits | 1 << fault as u32,
        }
    }

    /// Whether `fault` is switched on. Always `false` without the feature `planted`.
    #[inline(always)]
    #[must_use]
    pub const fn has(self, fault: Fault) -> bool {
        #[cfg(feature = "planted")]
        {
            self.bits & (1 << fault as u32) != 0
        }
        #[cfg(not(feature = "planted"))]
        {
            let _ = fault;
            false
        }
    }
}
