//! The programs that are run. They are texts in `programs/`, each with an export `run` of type
//! `[i32] -> [i64]`.

/// A program.
#[derive(Clone, Copy, Debug)]
pub struct Program {
    /// Its name in the table.
    pub name: &'static str,
    /// Its text.
    pub text: &'static str,
    /// What `run` is called with.
    pub argument: i32,
}

macro_rules! programs {
    ($($name:literal $file:literal $argument:literal;)*) => {
        [$(Program {
            name: $name,
            text: include_str!(concat!("../programs/", $file, ".wat")),
            argument: $argument,
        }),*]
    };
}

/// Numbers, memories, calls.
pub const COMPUTE: [Program; 8] = programs! {
    "fib" "fib" 32;
    "sieve" "sieve" 4_000_000;
    "matmul" "matmul" 200;
    "nbody" "nbody" 100_000;
    "mix" "mix" 4_000_000;
    "memcpy loop" "memcpy" 1_000_000;
    "memory.copy" "memory_copy" 20_000;
    "call_indirect" "call_indirect" 10_000_000;
};

/// References.
pub const GC: [Program; 11] = programs! {
    "binary trees" "gc_trees" 100;
    "linked list" "gc_list" 1_000_000;
    "array sort" "gc_sort" 100_000;
    "array permute" "gc_permute" 5_000_000;
    "table get/set" "gc_table" 5_000_000;
    "table bulk" "gc_table_bulk" 20_000;
    "struct update" "gc_fields" 5_000_000;
    "call_ref" "gc_call_ref" 10_000_000;
    "cast, six deep" "gc_cast" 5_000_000;
    "i31" "gc_i31" 10_000_000;
    "array sieve" "gc_sieve" 4_000_000;
};

/// Returns the text of a program by its name.
///
/// # Panics
/// There is none of that name.
pub fn text(name: &str) -> &'static str {
    let all = COMPUTE.iter().chain(&GC);
    let found = all.into_iter().find(|program| program.name == name);
    found.expect("a program of that name").text
}
