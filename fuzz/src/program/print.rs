//! Program -> text: a `.wast` script that a person reads and `gcrucible wast` runs. The schedule
//! stands in its header.
//!
//! Steps are printed as actions without expected results.

use std::fmt::{self, Write as _};

use gcrucible_oracles::value::Value;

use super::syntax::{Program, Step};

/// Returns an argument as scripts write it.
pub fn argument(value: &Value) -> String {
    match value {
        Value::I32(v) => format!("(i32.const {v})"),
        Value::I64(v) => format!("(i64.const {v})"),
        Value::F32(v) => format!("(f32.const {})", float_32(*v)),
        Value::F64(v) => format!("(f64.const {})", float_64(*v)),
        Value::V128(v) => format!("(v128.const i64x2 {} {})", *v as u64, (*v >> 64) as u64),
        Value::Ref(reference) => format!("({reference})"),
    }
}

/// Returns a float in the syntax of the text format. NaNs keep their payload.
fn float_32(bits: u32) -> String {
    let (value, payload) = (f32::from_bits(bits), bits & 0x7f_ffff);
    let sign = if bits >> 31 == 1 { "-" } else { "" };
    if value.is_nan() {
        format!("{sign}nan:{payload:#x}")
    } else if value.is_infinite() {
        format!("{sign}inf")
    } else {
        format!("{value:?}")
    }
}

/// See [`float_32`].
fn float_64(bits: u64) -> String {
    let (value, payload) = (f64::from_bits(bits), bits & 0xf_ffff_ffff_ffff);
    let sign = if bits >> 63 == 1 { "-" } else { "" };
    if value.is_nan() {
        format!("{sign}nan:{payload:#x}")
    } else if value.is_infinite() {
        format!("{sign}inf")
    } else {
        format!("{value:?}")
    }
}

/// Bytes inside of a string of the text format, each as an escape.
pub fn escaped(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("\\{byte:02x}")).collect()
}

impl Program {
    /// Writes the program with these bytes of its modules, which may differ from what it encodes to
    /// (see [`portable`](super::portable)).
    ///
    /// # Errors
    ///
    /// Writing failed.
    pub fn write_script(&self, f: &mut impl fmt::Write, modules: &[&[u8]]) -> fmt::Result {
        writeln!(f, ";;! schedule = \"{}\"", self.schedule)?;
        if self.held {
            writeln!(f, ";;! held = true")?;
        }
        for step in &self.steps {
            match step {
                Step::Instantiate(at) => {
                    let name = &self.modules[*at].name;
                    let text = wasmprinter::print_bytes(modules[*at])
                        .unwrap_or_else(|e| format!("(module ;; does not print: {e}\n)"));
                    writeln!(
                        f,
                        "{}",
                        text.replacen("(module", &format!("(module ${name}"), 1)
                    )?;
                    writeln!(f, "(register \"{name}\" ${name})")?;
                }
                Step::Invoke {
                    module,
                    export,
                    args,
                } => {
                    let mut line = format!("(invoke ${} \"{export}\"", self.modules[*module].name);
                    for arg in args {
                        write!(line, " {}", argument(arg))?;
                    }
                    writeln!(f, "{line})")?;
                }
            }
        }
        Ok(())
    }
}

impl fmt::Display for Program {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.encode() {
            Ok(modules) => {
                let modules: Vec<&[u8]> = modules.iter().map(Vec::as_slice).collect();
                self.write_script(f, &modules)
            }
            Err(dangling) => writeln!(f, ";; does not encode: {dangling}"),
        }
    }
}

/// The text of the program: what `cargo fuzz fmt` shows.
impl fmt::Debug for Program {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
