//! Cranelift's target and settings, from a [`Config`] and the processor this runs on.
//!
//! In every configuration, frame pointers are kept (`execute::unwind` walks them), and there is no
//! unwind information and no stack probe (prologues check the stack limit).
//!
//! Not here: what compiled code does (`compile::function`), and tables of compiled code
//! (`compile::emitted`).

use cranelift_codegen::isa::{self, OwnedTargetIsa};
use cranelift_codegen::settings::{self, Configurable, Flags};

use crate::config::{Config, OptLevel, RegAlloc};
use crate::error::Rejected;
use crate::planted::planted;

/// Name of the only target, as Cranelift spells it.
const TARGET: &str = "x86_64-unknown-linux-gnu";

/// Calls `$set` with each feature of the processor and the setting of Cranelift's x86 back end that
/// uses its instructions.
macro_rules! for_each_feature {
    ($set:ident) => {
        $set!("sse3", "has_sse3");
        $set!("ssse3", "has_ssse3");
        $set!("cmpxchg16b", "has_cmpxchg16b");
        $set!("sse4.1", "has_sse41");
        $set!("sse4.2", "has_sse42");
        $set!("popcnt", "has_popcnt");
        $set!("avx", "has_avx");
        $set!("avx2", "has_avx2");
        $set!("fma", "has_fma");
        $set!("bmi1", "has_bmi1");
        $set!("bmi2", "has_bmi2");
        $set!("lzcnt", "has_lzcnt");
        $set!("avx512bitalg", "has_avx512bitalg");
        $set!("avx512dq", "has_avx512dq");
        $set!("avx512f", "has_avx512f");
        $set!("avx512vl", "has_avx512vl");
        $set!("avx512vbmi", "has_avx512vbmi");
    };
}

/// Returns the target for code compiled under `config`.
///
/// # Errors
///
/// [`Rejected::Unsupported`] on a processor other than x86-64, or when Cranelift refuses a setting.
#[cfg(target_arch = "x86_64")]
pub fn target(config: &Config) -> Result<OwnedTargetIsa, Rejected> {
    const REFUSED: Rejected = Rejected::Unsupported("a code generator setting");
    let mut builder = isa::lookup_by_name(TARGET)
        .map_err(|_| Rejected::Unsupported("code generation for this processor"))?;
    macro_rules! enable {
        ($feature:tt, $setting:literal) => {
            if std::arch::is_x86_feature_detected!($feature) {
                builder.enable($setting).map_err(|_| REFUSED)?;
            }
        };
    }
    for_each_feature!(enable);
    let flags = flags(config).map_err(|_| REFUSED)?;
    builder.finish(flags).map_err(|_| REFUSED)
}

/// Returns the same on a processor for which there is no code generator.
///
/// # Errors
///
/// Always [`Rejected::Unsupported`].
#[cfg(not(target_arch = "x86_64"))]
pub fn target(_config: &Config) -> Result<OwnedTargetIsa, Rejected> {
    Err(Rejected::Unsupported("code generation for this processor"))
}

fn flags(config: &Config) -> settings::SetResult<Flags> {
    let on_off = |on: bool| if on { "true" } else { "false" };
    let mut flags = settings::builder();
    flags.set(
        "opt_level",
        match config.opt_level {
            OptLevel::None => "none",
            OptLevel::Speed => "speed",
        },
    )?;
    flags.set(
        "regalloc_algorithm",
        match config.reg_alloc {
            RegAlloc::SinglePass => "single_pass",
            RegAlloc::Backtracking => "backtracking",
        },
    )?;
    flags.set("enable_verifier", on_off(config.verify_ir))?;
    let canonical_nans = config.canonical_nans && !planted!(config.planted(), NansOfHardware);
    flags.set("enable_nan_canonicalization", on_off(canonical_nans))?;
    flags.set("preserve_frame_pointers", "true")?;
    flags.set("unwind_info", "false")?;
    flags.set("enable_probestack", "false")?;
    flags.set("is_pic", "false")?;
    Ok(Flags::new(flags))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::CollectorKind;

    #[test]
    fn every_configuration_has_a_target() {
        for mut config in [Config::optimised(), Config::fuzzing(CollectorKind::Copying)] {
            for opt_level in [OptLevel::None, OptLevel::Speed] {
                for reg_alloc in [RegAlloc::SinglePass, RegAlloc::Backtracking] {
                    config.opt_level = opt_level;
                    config.reg_alloc = reg_alloc;
                    let isa = target(&config).expect("a target");
                    assert!(isa.flags().preserve_frame_pointers());
                    assert_eq!(isa.flags().enable_verifier(), config.verify_ir);
                }
            }
        }
    }
}
