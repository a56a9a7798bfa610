//! The modules that read objects inside of an engine. Their functions write everything that an
//! observation needs into a memory, so no embedder has to read objects.
//!
//! Always: they use only GC, reference types and the features that the case itself uses. Their
//! bytes are a function of what the case declares and of the engine's capabilities.
//!
//! | module | made from | imported as | what it does |
//! |---|---|---|---|
//! | `base` | nothing | `base` | writes values, finds objects it met before |
//! | `reader` | the types of all modules | `reader` | reads objects and exceptions |
//! | `instance` | one module | | reads an instance, its results, its exceptions |
//! | `maker` | one module | | allocates for an embedder that cannot |
//! | `helper` | nothing | | `spectest`, and a function that traps |
//!
//! Reading order: `builder`, `base`, `reader`, `instance`, `maker`, `helper`.

use wasm_encoder::{AbstractHeapType, HeapType, RefType, ValType};

use super::module::top;
use crate::value::HeapTop;

mod builder;

pub mod base;

pub mod reader;

pub mod instance;

pub mod maker;

pub mod helper;

/// The name under which functions of the adapter are imported.
pub const HOST: &str = "host";
/// The name under which `base` is imported.
pub const BASE: &str = "base";
/// The name under which `reader` is imported.
pub const READER: &str = "reader";
/// The name under which the instance that is read is imported.
pub const SUBJECT: &str = "subject";

const fn nullable(ty: AbstractHeapType) -> ValType {
    ValType::Ref(RefType {
        nullable: true,
        heap_type: HeapType::Abstract { shared: false, ty },
    })
}

const EQ: HeapType = HeapType::Abstract {
    shared: false,
    ty: AbstractHeapType::Eq,
};
const ANYREF: ValType = nullable(AbstractHeapType::Any);
const EQREF: ValType = nullable(AbstractHeapType::Eq);
const FUNCREF: ValType = nullable(AbstractHeapType::Func);
const EXTERNREF: ValType = nullable(AbstractHeapType::Extern);
const EXNREF: ValType = nullable(AbstractHeapType::Exn);

/// The indices of functions that write values, one for each kind.
#[derive(Clone, Copy, Debug, Default)]
struct Writers {
    i32: u32,
    i64: u32,
    f32: u32,
    f64: u32,
    v128: u32,
    any: u32,
    ext: u32,
    func: u32,
    exn: u32,
}

impl Writers {
    /// Returns the function for a type, whose hierarchy is looked up among `types`.
    fn of(&self, types: &[wasm_encoder::SubType], ty: ValType) -> u32 {
        match ty {
            ValType::I32 => self.i32,
            ValType::I64 => self.i64,
            ValType::F32 => self.f32,
            ValType::F64 => self.f64,
            ValType::V128 => self.v128,
            ValType::Ref(ty) => match top(types, ty) {
                HeapTop::Any => self.any,
                HeapTop::Extern => self.ext,
                HeapTop::Func => self.func,
                HeapTop::Exn => self.exn,
            },
        }
    }
}

/// The features that a probe may use in addition to GC and reference types, because the case does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Uses {
    /// Tags and exceptions.
    pub exceptions: bool,
    /// Vectors.
    pub vectors: bool,
}

#[cfg(test)]
mod tests {
    use wasmparser::{Validator, WasmFeatures};

    use super::*;
    use crate::case::ModuleIndex;
    use crate::foreign::module::Module;
    use crate::foreign::types::Types;

    /// A module with every kind of type and export.
    const MODULE: &str = r#"(module
        (rec (type $a (sub (struct (field i8) (field (mut i64)) (field (ref null $b)))))
             (type $b (array (mut (ref null $a)))))
        (type $c (sub $a (struct (field i8) (field (mut i64)) (field (ref null $b))
            (field v128) (field f64) (field externref) (field funcref) (field exnref))))
        (type $d (array i16))
        (type $e (sub final $c (struct (field i8) (field (mut i64)) (field (ref null $b))
            (field v128) (field f64) (field externref) (field funcref) (field exnref)
            (field (ref $d)))))
        (import "harness" "struct.new" (func (param i32 i64 anyref) (result (ref $a))))
        (import "harness" "array.new" (func (param i32 i32) (result (ref $d))))
        (import "harness" "array.new" (func (param i64 i32) (result (ref $d))))
        (tag $t (export "t") (param i32 (ref null $a)))
        (tag $u (export "u") (param (ref $d)))
        (tag $v (export "v"))
        (global (export "g") (mut (ref null $e)) (ref.null $e))
        (global (export "h") v128 (v128.const i64x2 1 2))
        (table (export "x") 1 (ref null $a))
        (table (export "y") i64 1 funcref)
        (memory (export "m") 1)
        (func (export "f") (param v128 f32 f64 exnref (ref null $a))
            (result (ref $d) v128 i32) unreachable)
        (func (export "r") (result (ref $d) i64 f32) unreachable)
        (func (export "s") (result (ref i31)) unreachable)
        (func (drop (struct.new_default $c)) (drop (array.new_default $b (i32.const 0)))
            (drop (struct.new $e (i32.const 0) (i64.const 0) (ref.null $b)
                (v128.const i64x2 0 0) (f64.const 0) (ref.null extern) (ref.null func)
                (ref.null exn) (array.new_default $d (i32.const 0)))))
        (func (export "n") (param f32)))"#;

    fn assert_valid(what: &str, wasm: &[u8], features: WasmFeatures) {
        if let Err(error) = Validator::new_with_features(features).validate_all(wasm) {
            panic!("{what}: {error}");
        }
    }

    #[test]
    fn probes_are_valid_and_use_no_proposal_that_the_case_does_not_use() {
        let buffer = wast::parser::ParseBuffer::new(MODULE).expect("words");
        let mut wat = wast::parser::parse::<wast::Wat<'_>>(&buffer).expect("a module");
        let module = Module::read(&wat.encode().expect("a binary")).expect("a module");
        assert!(module.has_exceptions() && module.has_vectors());
        let mut types = Types::default();
        let positions = types.add(&module, ModuleIndex(0));
        assert_eq!(types.add(&module, ModuleIndex(1)), positions);
        let plain = WasmFeatures::WASM2 | WasmFeatures::GC | WasmFeatures::FUNCTION_REFERENCES;
        let plain = plain.difference(WasmFeatures::SIMD);
        for numbers in [false, true] {
            assert_valid("base", &base::module(numbers), plain);
        }
        assert_valid("traps", &helper::traps(), plain);
        assert_valid("spectest", &helper::spectest(false), plain);
        assert_valid(
            "reader",
            &reader::module(&Types::default(), Uses::default()),
            plain,
        );
        let all = WasmFeatures::WASM3;
        assert_valid("spectest", &helper::spectest(true), all);
        let uses = Uses {
            exceptions: true,
            vectors: true,
        };
        assert_valid("reader", &reader::module(&types, uses), all);
        for cross in [false, true] {
            let crosses = instance::Crosses {
                vectors: cross,
                exceptions: cross,
                nan_bits: cross,
            };
            let probe = instance::probe(&module, uses, crosses);
            assert_valid("instance", &probe.wasm, all);
            assert_eq!(probe.wrapped.len(), if cross { 0 } else { 2 });
            assert_eq!(probe.results.len(), if cross { 3 } else { 2 });
            assert_eq!(probe.tags, [0, 1, 2]);
        }
        assert_valid("maker", &maker::module(&module).expect("it makes"), all);
    }
}
