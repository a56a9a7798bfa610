//! What compiles the modules of one engine: its configuration, targets and collector, and memory
//! that is reused from function to function.

use std::sync::{Arc, Mutex, PoisonError};

use cranelift_codegen::isa::TargetIsa;
use cranelift_codegen::{CodegenError, Context, ir};
use cranelift_control::ControlPlane;
use cranelift_frontend::FunctionBuilderContext;

use super::demote;
use super::emitted::FuncCode;
use super::targets::{Extent, Targets};
use crate::config::Config;
use crate::error::Rejected;
use crate::heap::{self, CollectorTraits, EmitCollector};
use crate::limits::FRAME_BYTES_MAX;

/// Compiles the modules of one engine. Several threads can use it at once.
pub struct Compiler {
    config: Config,
    targets: Targets,
    collector: &'static dyn EmitCollector,
    traits: CollectorTraits,
    scratch: Arc<Spare>,
}

/// Memory for compilations that nobody is using. Engines can share it.
#[derive(Default)]
struct Spare(Mutex<Vec<Scratch>>);

/// Memory that is reused for every function.
pub(super) struct Scratch {
    /// Cranelift's form of the function, and what it compiles to.
    pub context: Context,
    /// The builder's memory.
    pub builder: FunctionBuilderContext,
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
    /// Makes a compiler for that configuration.
    ///
    /// # Errors
    ///
    /// [`Rejected::Unsupported`] on a processor for which there is no code generator.
    pub fn new(config: &Config) -> Result<Compiler, Rejected> {
        let plan = heap::plan_for(config);
        Ok(Compiler {
            config: config.clone(),
            targets: Targets::new(config)?,
            collector: plan,
            traits: plan.traits(),
            scratch: Arc::default(),
        })
    }

    /// Returns the compiler, which from now on uses the same memory as another one.
    #[must_use]
    pub fn beside(self, other: &Compiler) -> Compiler {
        Compiler {
            scratch: Arc::clone(&other.scratch),
            ..self
        }
    }

    /// Returns the configuration.
    #[must_use]
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// Returns the targets of the configuration.
    pub(super) fn targets(&self) -> &Targets {
        &self.targets
    }

    /// Returns the target as configured.
    #[must_use]
    pub fn isa(&self) -> &dyn TargetIsa {
        self.targets.configured()
    }

    /// Returns the collector's emitted half.
    #[must_use]
    pub fn collector(&self) -> &'static dyn EmitCollector {
        self.collector
    }

    /// Returns the collector's traits.
    #[must_use]
    pub fn traits(&self) -> &CollectorTraits {
        &self.traits
    }

    /// Lends the memory that translations use.
    pub(super) fn with_scratch<R>(&self, work: impl FnOnce(&mut Scratch) -> R) -> R {
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
        let Spare(spare) = &*self.scratch;
        spare.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Scratch {
    /// Clears it after a translation that was given up.
    pub fn renew(&mut self) {
        self.context.clear();
        // A translation that was given up leaves the builder's memory in use.
        self.builder = FunctionBuilderContext::new();
    }

    /// Translates one function and compiles it for the target that suits its extent.
    ///
    /// # Errors
    ///
    /// What the translation returns. [`Rejected::Limit`] if the code or its frame is too large.
    pub fn make<'t>(
        &mut self,
        targets: &'t Targets,
        target: impl FnOnce(&'t Targets, Extent) -> &'t dyn TargetIsa,
        translate: impl FnOnce(
            &mut ir::Function,
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
        self.compile(targets, target(targets, extent), extent)?;
        let compiled = self
            .context
            .compiled_code()
            .ok_or_else(|| Rejected::Internal("no code".to_owned()))?;
        let code = FuncCode::new(compiled, &self.context.func)
            .map_err(|e| Rejected::Internal(e.to_string()))?;
        let bytes = code.frame_bytes;
        if bytes > FRAME_BYTES_MAX {
            let what = format!("a frame of {bytes} bytes, and {FRAME_BYTES_MAX} are the most");
            return Err(Rejected::Limit(what));
        }
        Ok(code)
    }

    /// Compiles the function. A large one whose registers are allocated in a single pass is
    /// optimised first, and then its values get slots that they share.
    fn compile<'t>(
        &mut self,
        targets: &'t Targets,
        mut target: &'t dyn TargetIsa,
        extent: Extent,
    ) -> Result<(), Rejected> {
        let is_small = extent.small_frame || !demote::is_large(&self.context.func);
        if targets.is_single_pass(target) && !is_small {
            let optimised = self.context.optimize(target, &mut self.control);
            optimised.map_err(|e| refused(&e))?;
            let calls = demote::demote(&mut self.context.func);
            self.context.flowgraph();
            target = targets.of_demoted(calls);
        }
        let compiled = self.context.compile(target, &mut self.control);
        compiled.map(drop).map_err(|e| refused(&e.inner))
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
