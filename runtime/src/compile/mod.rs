//! Validated module plus layouts to machine code. Never touches a live heap.
//!
//! ```text
//! operators -> Cranelift's form -> machine code -> FuncCode  ->  Image
//!   function     (translator,        Cranelift,    emitted       image
//!                 effects, spill)    demote
//! ```
//!
//! [`compile_module`] compiles a whole module. Translators are one file for each chapter of the
//! specification's instructions. `function` lists which file translates which operator.
//! `translator` is the state they share, and states their invariants. What is not supported yet is
//! refused as [`Rejected::Unsupported`], never translated wrongly.
//!
//! Reading order: `arena`, `emitted`, `stack_map`, `trap_table`, `image`, `isa`, `stubs`,
//! `trampoline`, `targets`, `slots`, `demote`, `compiler`, `env`, `spill`, `facts`, `frame`,
//! `translator`, `emit`, `effects`, `numeric`, `control`, `exception`, `call`, `object`, `cast`,
//! `array`, `global`, `table`, `memory`, `simd_memory`, `simd_lanes`, `simd_arith`, `function`,
//! `init`.

mod array;
mod call;
mod cast;
mod compiler;
mod control;
mod demote;
mod effects;
mod emit;
mod env;
mod exception;
mod facts;
mod frame;
mod function;
mod global;
mod memory;
mod numeric;
mod object;
mod simd_arith;
mod simd_lanes;
mod simd_memory;
mod slots;
mod spill;
mod table;
mod targets;
mod translator;

pub mod arena;
pub mod emitted;
pub mod image;
pub mod init;
pub mod isa;
pub mod stack_map;
pub mod stubs;
pub mod trampoline;
pub mod trap_table;

#[cfg(test)]
mod tests;

use crate::error::Rejected;
use crate::index::DefinedFuncIdx;
use crate::module::Module;
use emitted::FuncCode;
use env::Env;
use init::FirstValues;
use targets::Targets;

pub use compiler::Compiler;

/// The code of a module, not linked yet.
#[derive(Clone, Debug, Default)]
pub struct ModuleCode {
    /// The defined functions, in order.
    pub funcs: Vec<FuncCode>,
    /// The pieces of the initialiser, in the order in which they must run: functions without
    /// parameters.
    pub inits: Vec<FuncCode>,
    /// The first values of globals, tables and segments, as far as they are known.
    pub first_values: FirstValues,
}

/// Compiles a module.
///
/// # Errors
///
/// [`Rejected::Unsupported`] for what is not supported yet. [`Rejected::Limit`] for code that is
/// too large. [`Rejected::Internal`] if Cranelift refuses the translator's output, which is a fault
/// of this runtime.
pub fn compile_module(compiler: &Compiler, module: &Module) -> Result<ModuleCode, Rejected> {
    let env = Env::new(compiler, module)?;
    let (first_values, work) = init::fold(module, compiler.config().planted());
    compiler.with_scratch(|scratch| {
        let mut code = ModuleCode {
            funcs: Vec::with_capacity(module.decls().bodies.len()),
            inits: Vec::new(),
            first_values,
        };
        for index in 0..module.decls().bodies.len() as u32 {
            let made = scratch.make(compiler.targets(), Targets::of_function, |func, builder| {
                function::translate(&env, func, builder, DefinedFuncIdx(index))
            });
            code.funcs.push(made?);
        }
        for (number, piece) in init::pieces(&work).into_iter().enumerate() {
            let target = Targets::of_initialiser;
            let made = scratch.make(compiler.targets(), target, |func, builder| {
                init::translate(&env, func, builder, number as u32, piece)
            });
            code.inits.push(made?);
        }
        Ok(code)
    })
}

/// The Cranelift form of a defined function, as text.
#[cfg(test)]
fn listing(
    compiler: &Compiler,
    module: &Module,
    index: DefinedFuncIdx,
) -> Result<String, Rejected> {
    let env = Env::new(compiler, module)?;
    compiler.with_scratch(|scratch| {
        scratch.renew();
        let func = &mut scratch.context.func;
        let _ = function::translate(&env, func, &mut scratch.builder, index)?;
        Ok(func.display().to_string())
    })
}
