//! Validated module plus layouts to machine code. Never touches a live heap.
//!
//! ```text
//! operators -> Cranelift's form -> machine code -> FuncCode  ->  Image
//!   function     (translator,        Cranelift     emitted       image
//!                 straight, spill)
//! ```
//!
//! [`compile_module`] is the whole of it. Translators are one file for each chapter of the
//! specification's instructions; `function` says which file has which operator, `translator` is the
//! state they share and states their invariants. What is not there yet is refused as
//! [`Rejected::Unsupported`], never translated wrongly.

mod array;
mod call;
mod cast;
mod control;
mod effort;
mod emit;
mod env;
mod exception;
mod function;
mod global;
pub mod init;
mod memory;
mod numeric;
mod object;
mod simd_arith;
mod simd_lanes;
mod simd_memory;
mod spill;
mod straight;
mod table;
mod translator;

pub mod arena;
pub mod emitted;
pub mod image;
pub mod isa;
pub mod stack_map;
pub mod stubs;
pub mod trampoline;
pub mod trap_table;

#[cfg(test)]
mod tests;

use std::sync::{Mutex, PoisonError};

use cranelift_codegen::isa::TargetIsa;
use cranelift_codegen::{CodegenError, Context};
use cranelift_control::ControlPlane;
use cranelift_frontend::FunctionBuilderContext;

use crate::config::Config;
use crate::error::Rejected;
use crate::heap::{self, CollectorTraits, EmitCollector};
use crate::index::DefinedFuncIdx;
use crate::module::Module;
use effort::{Extent, Targets};
use emitted::FuncCode;
use env::Env;
use init::FirstValues;

/// The code of a module, not linked yet.
#[derive(Clone, Debug, Default)]
pub struct ModuleCode {
    /// The defined functions, in order.
    pub funcs: Vec<FuncCode>,
    /// The pieces of the initialiser, in the order in which they must run: functions without
    /// parameters.
    pub inits: Vec<FuncCode>,
    /// What is known of the first values of globals, tables and segments.
    pub first_values: FirstValues,
}

/// What compiles the modules of one engine. Can be used by several threads at once.
pub struct Compiler {
    config: Config,
    targets: Targets,
    collector: &'static dyn EmitCollector,
    traits: CollectorTraits,
    scratch: Mutex<Vec<Scratch>>,
}

/// Memory that is used again for every function.
struct Scratch {
    context: Context,
    builder: FunctionBuilderContext,
    control: ControlPlane,
}

impl std::fmt::Debug for Compiler {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Compiler")
            .field("config", &self.config)
            .field("traits", &self.traits)
            .finish_non_exhaustive()
    }
}

impl Compiler {
    /// A compiler for that configuration.
    ///
    /// # Errors
    ///
    /// [`Rejected::Unsupported`] on processors there is no code generator for.
    pub fn new(config: &Config) -> Result<Compiler, Rejected> {
        let plan = heap::plan_for(config);
        Ok(Compiler {
            config: config.clone(),
            targets: Targets::new(config)?,
            collector: plan,
            traits: plan.traits(),
            scratch: Mutex::default(),
        })
    }

    /// The configuration.
    #[must_use]
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// The target.
    #[must_use]
    pub fn isa(&self) -> &dyn TargetIsa {
        self.targets.configured()
    }

    /// The collector's emitted half.
    #[must_use]
    pub fn collector(&self) -> &'static dyn EmitCollector {
        self.collector
    }

    /// The collector's traits.
    #[must_use]
    pub fn traits(&self) -> &CollectorTraits {
        &self.traits
    }

    fn with_scratch<R>(&self, work: impl FnOnce(&mut Scratch) -> R) -> R {
        let spare = self.lock().pop();
        let mut scratch = spare.unwrap_or_else(|| Scratch {
            context: Context::new(),
            builder: FunctionBuilderContext::new(),
            control: ControlPlane::default(),
        });
        let result = work(&mut scratch);
        self.lock().push(scratch);
        result
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<Scratch>> {
        self.scratch.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Compiles a module.
///
/// # Errors
///
/// [`Rejected::Unsupported`] for what is not there yet, [`Rejected::Limit`] for code that is too
/// large, and [`Rejected::Internal`] if Cranelift refuses what the translator made (a fault of
/// ours).
pub fn compile_module(compiler: &Compiler, module: &Module) -> Result<ModuleCode, Rejected> {
    let env = Env::new(compiler, module)?;
    let (first_values, work) = init::fold(module, compiler.config().planted);
    compiler.with_scratch(|scratch| {
        let mut code = ModuleCode {
            funcs: Vec::with_capacity(module.decls().bodies.len()),
            inits: Vec::new(),
            first_values,
        };
        for index in 0..module.decls().bodies.len() as u32 {
            let target = |extent| compiler.targets.of_function(extent);
            let made = scratch.make(&target, |func, builder| {
                function::translate(&env, func, builder, DefinedFuncIdx(index))
            });
            code.funcs.push(made?);
        }
        for (number, piece) in init::pieces(&work).into_iter().enumerate() {
            let target = |_| compiler.targets.of_initialiser();
            let made = scratch.make(&target, |func, builder| {
                init::translate(&env, func, builder, number as u32, piece)
            });
            code.inits.push(made?);
        }
        Ok(code)
    })
}

/// The Cranelift form of a defined function, as text: for listings and for those who look for
/// faults.
///
/// # Errors
///
/// As [`compile_module`].
pub fn listing(
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

impl Scratch {
    fn renew(&mut self) {
        self.context.clear();
        // A translation that was given up leaves the builder's memory in use.
        self.builder = FunctionBuilderContext::new();
    }

    fn make<'t>(
        &mut self,
        target: &dyn Fn(Extent) -> &'t dyn TargetIsa,
        translate: impl FnOnce(
            &mut cranelift_codegen::ir::Function,
            &mut FunctionBuilderContext,
        ) -> Result<Extent, Rejected>,
    ) -> Result<FuncCode, Rejected> {
        self.context.clear();
        let extent = match translate(&mut self.context.func, &mut self.builder) {
            Ok(extent) => extent,
            Err(rejected) => {
                self.renew();
                return Err(rejected);
            }
        };
        self.context
            .compile(target(extent), &mut self.control)
            .map_err(|e| refused(&e.inner))?;
        let compiled = self
            .context
            .compiled_code()
            .ok_or_else(|| Rejected::Internal("no code".to_owned()))?;
        FuncCode::new(compiled, &self.context.func).map_err(|e| Rejected::Internal(e.to_string()))
    }
}

fn refused(error: &CodegenError) -> Rejected {
    match error {
        CodegenError::ImplLimitExceeded | CodegenError::CodeTooLarge => {
            Rejected::Limit("a function's code".to_owned())
        }
        CodegenError::Verifier(errors) => Rejected::Internal(errors.to_string()),
        other => Rejected::Internal(other.to_string()),
    }
}

/// A body that cannot be read, although it was validated.
fn unreadable(error: wasmparser::BinaryReaderError) -> Rejected {
    Rejected::Malformed {
        offset: error.offset() as usize,
        message: error.message().to_owned(),
    }
}
