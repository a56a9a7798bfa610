//! A module -> a module that does not depend on choices that the specification leaves open. Engines
//! that are not ours may choose differently.
//!
//! - NaNs: after each instruction whose NaN may have any sign and payload (specification, section
//!   "NaN Propagation"), a NaN is replaced by the positive canonical one.
//! - Relaxed vector instructions: each is replaced by one that takes and returns as many values and
//!   has one right result.
//! - Growth: each table and memory that a module defines has a maximum that every engine has room
//!   for, so that growth fails on all engines or on none (specification, appendix "Implementation
//!   Limitations").
//!
//! Always: a module that is not valid is returned as it is. The change is a function of the bytes.

use wasm_encoder::reencode::{self, Reencode};
use wasm_encoder::{CodeSection, Function, Instruction, MemoryType, TableSection, ValType};
use wasmparser::{CompositeInnerType, Operator, Parser, Payload};

/// The most elements that a table may grow to.
const TABLE_MOST: u64 = 2_000;

/// The most pages that a memory may grow to.
const MEMORY_MOST: u64 = 16;

/// Makes a module portable.
#[must_use]
pub fn portable(wasm: &[u8]) -> Vec<u8> {
    let Some(params) = params(wasm) else {
        return wasm.to_vec();
    };
    let mut portable = Portable {
        params: params.into_iter(),
    };
    let mut module = wasm_encoder::Module::new();
    match portable.parse_core_module(&mut module, Parser::new(0), wasm) {
        Ok(()) => module.finish(),
        Err(_) => wasm.to_vec(),
    }
}

/// Returns the number of parameters of each function that a module defines, or `None` if the module
/// cannot be read.
fn params(wasm: &[u8]) -> Option<Vec<u32>> {
    let mut types: Vec<u32> = Vec::new();
    let mut params = Vec::new();
    for payload in Parser::new(0).parse_all(wasm) {
        match payload.ok()? {
            Payload::TypeSection(section) => {
                for group in section {
                    types.extend(
                        group
                            .ok()?
                            .types()
                            .map(|ty| match &ty.composite_type.inner {
                                CompositeInnerType::Func(func) => func.params().len() as u32,
                                _ => 0,
                            }),
                    );
                }
            }
            Payload::FunctionSection(section) => {
                for ty in section {
                    params.push(*types.get(ty.ok()? as usize)?);
                }
            }
            _ => {}
        }
    }
    Some(params)
}

struct Portable {
    /// The numbers of parameters of the functions whose bodies are still to come.
    params: std::vec::IntoIter<u32>,
}

type Result<T> = std::result::Result<T, reencode::Error<std::convert::Infallible>>;

impl Reencode for Portable {
    type Error = std::convert::Infallible;

    fn parse_function_body(
        &mut self,
        code: &mut CodeSection,
        body: wasmparser::FunctionBody<'_>,
    ) -> Result<()> {
        let params = self.params.next().unwrap_or(0);
        let (mut locals, mut first) = (Vec::new(), params);
        for local in body.get_locals_reader()? {
            let (count, ty) = local?;
            locals.push((count, self.val_type(ty)?));
            first += count;
        }
        let mut scratch = Scratch::starting(first);
        let mut instructions = Vec::new();
        for operator in body.get_operators_reader()? {
            let operator = determined(operator?);
            let kind = nan_kind(&operator);
            instructions.push(self.instruction(operator)?);
            if let Some(kind) = kind {
                canonicalise(kind, scratch.of(kind.ty()), &mut instructions);
            }
        }
        locals.extend(scratch.types.iter().map(|&ty| (1, ty)));
        let mut function = Function::new(locals);
        for instruction in &instructions {
            function.instruction(instruction);
        }
        code.function(&function);
        Ok(())
    }

    fn parse_table(
        &mut self,
        tables: &mut TableSection,
        mut table: wasmparser::Table<'_>,
    ) -> Result<()> {
        let most = bounded(table.ty.initial, table.ty.maximum, TABLE_MOST);
        table.ty.maximum = Some(most);
        reencode::utils::parse_table(self, tables, table)
    }

    fn parse_memory_section(
        &mut self,
        memories: &mut wasm_encoder::MemorySection,
        section: wasmparser::MemorySectionReader<'_>,
    ) -> Result<()> {
        for memory in section {
            let ty = self.memory_type(memory?)?;
            memories.memory(MemoryType {
                maximum: Some(bounded(ty.minimum, ty.maximum, MEMORY_MOST)),
                ..ty
            });
        }
        Ok(())
    }
}

/// Returns a maximum of at most `most`, but never below the minimum. It is never above the old one,
/// so that imports still match.
fn bounded(minimum: u64, maximum: Option<u64>, most: u64) -> u64 {
    maximum.unwrap_or(most).min(most).max(minimum)
}

/// Locals of a function in which values wait, made when they are needed.
struct Scratch {
    first: u32,
    types: Vec<ValType>,
}

impl Scratch {
    fn starting(first: u32) -> Scratch {
        Scratch {
            first,
            types: Vec::new(),
        }
    }

    fn of(&mut self, ty: ValType) -> u32 {
        let known = self.types.iter().position(|&known| known == ty);
        let index = known.unwrap_or_else(|| {
            self.types.push(ty);
            self.types.len() - 1
        });
        self.first + index as u32
    }
}

/// Returns the instruction, or another one in place of a relaxed one.
fn determined(operator: Operator<'_>) -> Operator<'_> {
    use Operator as O;
    match operator {
        O::I8x16RelaxedSwizzle => O::I8x16Swizzle,
        O::F32x4RelaxedMin => O::F32x4Min,
        O::F32x4RelaxedMax => O::F32x4Max,
        O::F64x2RelaxedMin => O::F64x2Min,
        O::F64x2RelaxedMax => O::F64x2Max,
        O::I32x4RelaxedTruncF32x4S => O::I32x4TruncSatF32x4S,
        O::I32x4RelaxedTruncF32x4U => O::I32x4TruncSatF32x4U,
        O::I32x4RelaxedTruncF64x2SZero => O::I32x4TruncSatF64x2SZero,
        O::I32x4RelaxedTruncF64x2UZero => O::I32x4TruncSatF64x2UZero,
        O::I16x8RelaxedQ15mulrS | O::I16x8RelaxedDotI8x16I7x16S => O::I16x8Q15MulrSatS,
        O::F32x4RelaxedMadd
        | O::F32x4RelaxedNmadd
        | O::F64x2RelaxedMadd
        | O::F64x2RelaxedNmadd
        | O::I8x16RelaxedLaneselect
        | O::I16x8RelaxedLaneselect
        | O::I32x4RelaxedLaneselect
        | O::I64x2RelaxedLaneselect
        | O::I32x4RelaxedDotI8x16I7x16AddS => O::V128Bitselect,
        other => other,
    }
}

/// Where in its result an instruction may leave a NaN of any kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum NanKind {
    F32,
    F64,
    F32x4,
    F64x2,
}

impl NanKind {
    fn ty(self) -> ValType {
        match self {
            NanKind::F32 => ValType::F32,
            NanKind::F64 => ValType::F64,
            NanKind::F32x4 | NanKind::F64x2 => ValType::V128,
        }
    }
}

/// Returns which NaN an instruction may produce. Negation, absolute value and copied signs have
/// only one right result, also for a NaN.
fn nan_kind(operator: &Operator<'_>) -> Option<NanKind> {
    use Operator as O;
    Some(match operator {
        O::F32Add
        | O::F32Sub
        | O::F32Mul
        | O::F32Div
        | O::F32Min
        | O::F32Max
        | O::F32Sqrt
        | O::F32Ceil
        | O::F32Floor
        | O::F32Trunc
        | O::F32Nearest
        | O::F32DemoteF64 => NanKind::F32,
        O::F64Add
        | O::F64Sub
        | O::F64Mul
        | O::F64Div
        | O::F64Min
        | O::F64Max
        | O::F64Sqrt
        | O::F64Ceil
        | O::F64Floor
        | O::F64Trunc
        | O::F64Nearest
        | O::F64PromoteF32 => NanKind::F64,
        O::F32x4Add
        | O::F32x4Sub
        | O::F32x4Mul
        | O::F32x4Div
        | O::F32x4Min
        | O::F32x4Max
        | O::F32x4Sqrt
        | O::F32x4Ceil
        | O::F32x4Floor
        | O::F32x4Trunc
        | O::F32x4Nearest
        | O::F32x4DemoteF64x2Zero => NanKind::F32x4,
        O::F64x2Add
        | O::F64x2Sub
        | O::F64x2Mul
        | O::F64x2Div
        | O::F64x2Min
        | O::F64x2Max
        | O::F64x2Sqrt
        | O::F64x2Ceil
        | O::F64x2Floor
        | O::F64x2Trunc
        | O::F64x2Nearest
        | O::F64x2PromoteLowF32x4 => NanKind::F64x2,
        _ => return None,
    })
}

/// Replaces a NaN on the stack by the positive canonical one: `x if x == x else nan`.
fn canonicalise(kind: NanKind, local: u32, instructions: &mut Vec<Instruction<'_>>) {
    use Instruction as I;
    const NAN_32: u32 = 0x7fc0_0000;
    const NAN_64: u64 = 0x7ff8_0000_0000_0000;
    let lanes = |low: u64| u128::from(low) << 64 | u128::from(low);
    let two = u64::from(NAN_32) << 32 | u64::from(NAN_32);
    let (nan, equal, choose) = match kind {
        NanKind::F32 => (
            I::F32Const(f32::from_bits(NAN_32).into()),
            I::F32Eq,
            I::Select,
        ),
        NanKind::F64 => (
            I::F64Const(f64::from_bits(NAN_64).into()),
            I::F64Eq,
            I::Select,
        ),
        NanKind::F32x4 => (
            I::V128Const(lanes(two) as i128),
            I::F32x4Eq,
            I::V128Bitselect,
        ),
        NanKind::F64x2 => (
            I::V128Const(lanes(NAN_64) as i128),
            I::F64x2Eq,
            I::V128Bitselect,
        ),
    };
    instructions.extend([
        I::LocalTee(local),
        nan,
        I::LocalGet(local),
        I::LocalGet(local),
        equal,
        choose,
    ]);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes(text: &str) -> Vec<u8> {
        let buffer = wast::parser::ParseBuffer::new(text).expect("a module");
        let mut wat = wast::parser::parse::<wast::Wat<'_>>(&buffer).expect("a module");
        wat.encode().expect("a module")
    }

    fn text(wasm: &[u8]) -> String {
        wasmprinter::print_bytes(wasm).expect("it prints")
    }

    #[test]
    fn nans_are_canonical_and_growth_has_a_bound() {
        let wasm = bytes(
            "(module (memory 1) (memory 20 40) (table 1 funcref) (table i64 3000 9000 externref)
               (func (param i32) (result f64) (local i64)
                 (drop (v128.const i64x2 1 2))
                 (f64.neg (f64.div (f64.const 0) (f64.const 0)))))",
        );
        let changed = portable(&wasm);
        let printed = text(&changed);
        for part in [
            "(memory (;0;) 1 16)",
            "(memory (;1;) 20 20)",
            "(table (;0;) 1 2000 funcref)",
            "(table (;1;) i64 3000 3000 externref)",
            "(local i64 f64)",
            "f64.div\n    local.tee 2\n    f64.const nan",
            "f64.eq\n    select\n    f64.neg",
        ] {
            assert!(printed.contains(part), "no {part} in {printed}");
        }
        let mut validator =
            wasmparser::Validator::new_with_features(wasmparser::WasmFeatures::WASM3);
        validator.validate_all(&changed).expect("it is valid");
    }

    #[test]
    fn relaxed_instructions_are_replaced() {
        let wasm = bytes(
            "(module (func (param v128) (result v128)
               (f32x4.relaxed_madd (local.get 0)
                 (i8x16.relaxed_swizzle (local.get 0) (local.get 0))
                 (i32x4.relaxed_trunc_f32x4_u (local.get 0)))))",
        );
        let printed = text(&portable(&wasm));
        assert!(!printed.contains("relaxed"), "{printed}");
        for part in ["v128.bitselect", "i8x16.swizzle", "i32x4.trunc_sat_f32x4_u"] {
            assert!(printed.contains(part), "no {part} in {printed}");
        }
    }

    #[test]
    fn what_needs_no_change_is_not_changed() {
        let wasm =
            bytes("(module (memory 1 2) (func (param i32)) (func (local f32) (f32.const 1) drop))");
        assert_eq!(text(&portable(&wasm)), text(&wasm));
        assert_eq!(portable(b"\0asm no module"), b"\0asm no module");
    }
}
