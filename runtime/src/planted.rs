//! Faults planted on purpose, so that the oracles can be shown to find them.
//!
//! Each names a fault that a real engine had. It is re-created at the place in this code where the real one sat, and is off
//! unless its bit is set in the [`Planted`] of a configuration. Without the cargo feature `planted` the set is a
//! zero-sized constant and every check folds to `false`.

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
    /// A reference that enters wasm again is counted again, though it is in the stack list already (Wasmtime #13037).
    ExposeCountsAgain = "expose-counts-again",
    /// Freeing an object does not give up what it referred to (Wasmtime #9701).
    ReleaseIsShallow = "release-is-shallow",
    /// A write gives the old reference up before it counts the new one (Wasmtime #1923).
    WriteReleasesFirst = "write-releases-first",
    /// `struct.set` and `array.set` store without a barrier (JSC bugs 266043, 267381).
    InlineWriteNoBarrier = "inline-write-no-barrier",
    /// What is loaded into a frame is not put into the stack list (after Wasmtime #13316).
    InlineReadUnlisted = "inline-read-unlisted",
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
    /// A caught exception is not put into the list of objects the stack may refer to (Wasmtime #13316).
    CaughtExceptionUnexposed = "caught-exception-unexposed",
    /// An exception thrown by the host is held by the host's handle only, whose scope has ended (Wasmtime #13330).
    HostExceptionUnexposed = "host-exception-unexposed",
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
