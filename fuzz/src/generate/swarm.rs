//! The swarm: the features of one program. Every program first draws its features, with unequal
//! weights.
//!
//! A feature that is off does not occur in the whole program. About half are off, so that the
//! others meet often enough (swarm testing: Groce et al., ISSTA 2012).

use super::source::Source;

macro_rules! features {
    ($( $(#[$doc:meta])* $name:ident $percent:literal )*) => {
        /// Something a program may have.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Feature { $( $(#[$doc])* $name ),* }

        /// Every feature with the share of programs, in percent, that may use it.
        pub const FEATURES: &[(Feature, u32)] = &[ $( (Feature::$name, $percent) ),* ];
    };
}

features! {
    /// The features that every program may use: locals, constants, the simplest way to make a
    /// value.
    Basic 100
    // ---- types
    /// Recursion groups with several members.
    RecGroups 60
    /// Subtypes of subtypes.
    DeepSubtypes 50
    /// Groups that repeat, or nearly repeat, an earlier one.
    NearDuplicates 40
    /// `i8` and `i16` fields.
    Packed 68
    /// Function types, references to functions.
    Functions 60
    /// `i31`.
    I31 72
    /// The `extern` hierarchy.
    Extern 72
    /// `exnref`, exceptions, `try_table`.
    Exceptions 54
    /// `f32`, `f64`.
    Floats 35
    /// `v128`.
    Vectors 20
    /// References that cannot be null in fields, globals, tables, locals.
    NonNull 55
    // ---- objects
    /// Structs.
    Structs 90
    /// Arrays.
    Arrays 80
    /// `array.fill`, `array.copy`.
    ArrayBulk 60
    /// `array.new_data`, `array.new_elem`, `array.init_*`.
    ArraySegments 72
    /// Chains, cycles, trees, wide arrays, sharing: built on purpose.
    Shapes 65
    // ---- references
    /// `ref.test`, `ref.cast`.
    Casts 76
    /// `br_on_cast`, `br_on_cast_fail`, `br_on_null`, `br_on_non_null`.
    CastBranches 66
    /// `select` of references and numbers.
    Select 70
    /// Statements between operands: references wait on the operand stack.
    OperandStack 60
    /// Locals that are set again and again.
    Redefinition 60
    // ---- control
    /// Loops.
    Loops 55
    /// `if`, blocks, branches.
    Branches 60
    /// `call`.
    Calls 65
    /// `call_ref`.
    CallRef 50
    /// `call_indirect`.
    CallIndirect 57
    /// `return_call*`.
    TailCalls 44
    /// Several results, blocks with parameters, many parameters.
    MultiValue 45
    /// Traps on purpose.
    Traps 35
    // ---- module items
    /// Tables of references.
    Tables 86
    /// `table.fill`, `table.copy`.
    TableBulk 63
    /// `table.init`, `elem.drop`.
    TableInit 58
    /// `table.grow`.
    TableGrow 50
    /// Tables indexed by `i64`.
    Table64 25
    /// Globals of reference types.
    Globals 75
    /// Constant expressions that allocate.
    ConstAllocation 65
    /// Passive, active and declarative element segments.
    Elements 60
    /// Linear memory.
    Memory 56
    /// Several modules that import from each other.
    Linking 30
    /// Numeric computation beyond what programs need anyway.
    Numbers 45
    // ---- the embedder
    /// Collections asked for by the program.
    AskGc 70
    /// Live counts asked for by the program.
    AskLive 30
    /// Host objects.
    HostObjects 75
    /// Host handles: hold, held, release.
    HostHandles 30
    /// The embedder's operations on tables.
    HostTables 45
    /// The embedder's operations on globals.
    HostGlobals 31
    /// The embedder's allocations.
    HostAllocation 36
    /// Calls into the host that call back.
    HostCalls 44
    /// Calls of the embedder that fail, after which the program goes on.
    HostMisuse 25
}

/// What a program does without, because an engine under test lacks it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Without {
    /// Tags, `exnref`, and instructions that throw or catch.
    pub exceptions: bool,
    /// Memories with 64-bit addresses.
    pub wide_memories: bool,
    /// Tables with 64-bit indices.
    pub wide_tables: bool,
    /// Modules with more than one memory.
    pub more_memories: bool,
}

impl Without {
    /// Does without these proposals, which have the names of `wasmparser`'s features in lower case.
    /// A program can do without those that are fields here. Other names change nothing.
    pub fn proposals<'n>(names: impl IntoIterator<Item = &'n str>) -> Without {
        let mut without = Without::default();
        for name in names {
            match name {
                "exceptions" => without.exceptions = true,
                "memory64" => {
                    without.wide_memories = true;
                    without.wide_tables = true;
                }
                "table64" => without.wide_tables = true,
                "multi_memory" => without.more_memories = true,
                _ => {}
            }
        }
        without
    }
}

/// The features that are on, and their weights.
#[derive(Clone, Debug)]
pub struct Swarm {
    weights: [u32; FEATURES.len()],
}

impl Swarm {
    /// Draws the features of one program.
    pub fn draw(src: &mut Source<'_>) -> Swarm {
        const UNEQUAL: [u32; 6] = [4, 1, 2, 8, 16, 32];
        let mut weights = [0; FEATURES.len()];
        for (weight, &(feature, percent)) in weights.iter_mut().zip(FEATURES) {
            *weight = match feature {
                Feature::Basic => 6,
                _ if src.chance(percent) => UNEQUAL[src.below(UNEQUAL.len())],
                _ => 0,
            };
        }
        Swarm { weights }
    }

    /// Whether the feature is on.
    pub fn has(&self, feature: Feature) -> bool {
        self.weight(feature) > 0
    }

    /// Returns the weight of the feature, or 0 if it is off.
    pub fn weight(&self, feature: Feature) -> u32 {
        self.weights[feature as usize]
    }

    /// Switches a feature on, with at least a medium weight.
    pub fn force(&mut self, feature: Feature) {
        let weight = &mut self.weights[feature as usize];
        *weight = (*weight).max(8);
    }

    /// Switches a feature off.
    pub fn forbid(&mut self, feature: Feature) {
        self.weights[feature as usize] = 0;
    }
}

/// The purpose of a program. It changes the swarm and nothing else.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Focus {
    /// Everything.
    Any,
    /// Constant expressions that allocate.
    ConstEval,
    /// Operations on tables of references.
    Tables,
    /// Exceptions that carry references.
    Exceptions,
    /// Recursion groups, subtyping, several modules.
    Types,
    /// References held over collections.
    Roots,
}

/// Changes the swarm for `focus`, and for what the program does without. Returns true if the
/// program is of the `held` kind.
pub(super) fn bend(
    swarm: &mut Swarm,
    src: &mut Source<'_>,
    focus: Focus,
    kept: bool,
    without: Without,
) -> bool {
    use Feature as F;
    let wanted: &[Feature] = match focus {
        Focus::Any => &[],
        Focus::ConstEval => &[F::ConstAllocation, F::Elements, F::Globals, F::Tables],
        Focus::Tables => &[
            F::Tables,
            F::TableBulk,
            F::TableInit,
            F::TableGrow,
            F::HostTables,
        ],
        Focus::Exceptions => &[F::Exceptions, F::Calls, F::Branches],
        Focus::Types => &[
            F::RecGroups,
            F::DeepSubtypes,
            F::NearDuplicates,
            F::Linking,
            F::Casts,
            F::CastBranches,
            F::Functions,
        ],
        Focus::Roots => &[
            F::OperandStack,
            F::Redefinition,
            F::AskGc,
            F::Calls,
            F::Loops,
        ],
    };
    wanted.iter().for_each(|&f| swarm.force(f));
    let held = !kept && src.chance(if focus == Focus::Roots { 60 } else { 21 });
    if kept || (focus == Focus::Roots && !held) {
        // The answer depends on where collections happen, so the reference would have to run once
        // for each place.
        swarm.forbid(F::AskLive);
    }
    if held {
        // Everything that may leave a block or a function while references wait on the stack.
        for f in [F::Exceptions, F::TailCalls, F::Traps] {
            swarm.forbid(f);
        }
        swarm.force(F::AskGc);
    }
    if without.exceptions {
        swarm.forbid(F::Exceptions);
    }
    if without.wide_tables {
        swarm.forbid(F::Table64);
    }
    held
}
