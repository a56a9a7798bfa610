//! Where a trap happened: the newest wasm frames, as functions. Names are looked up only when the
//! backtrace is shown.

use std::fmt;
use std::sync::Arc;

use super::code_map::CodeMap;
use crate::index::FuncIdx;
use crate::module::Module;

/// Most frames that are recorded, newest first.
pub const FRAMES_MAX: usize = 64;

/// Code addresses recorded at a trap. This is plain memory, because the signal handler fills it.
#[derive(Clone, Copy, Debug)]
pub struct Recorded {
    pcs: [usize; FRAMES_MAX],
    len: usize,
}

impl Recorded {
    /// No frames.
    pub const NONE: Recorded = Recorded {
        pcs: [0; FRAMES_MAX],
        len: 0,
    };

    /// Adds a frame. Returns true if there is room for more.
    pub fn push(&mut self, pc: usize) -> bool {
        if self.len < FRAMES_MAX {
            self.pcs[self.len] = pc;
            self.len += 1;
        }
        self.len < FRAMES_MAX
    }

    /// Returns the addresses, newest first.
    #[must_use]
    pub fn pcs(&self) -> &[usize] {
        &self.pcs[..self.len]
    }
}

/// One wasm frame.
#[derive(Clone)]
pub struct Frame {
    module: Arc<Module>,
    func: Option<FuncIdx>,
}

impl Frame {
    /// Returns the function's index in its module, or `None` for the compiled initialiser of an
    /// instance.
    #[must_use]
    pub fn func(&self) -> Option<FuncIdx> {
        self.func
    }

    /// Returns the function's name, from its module's name section or else from an export.
    #[must_use]
    pub fn name(&self) -> Option<&str> {
        let func = self.func?;
        let decls = self.module.decls();
        let named = decls.func_names.iter().find(|(f, _)| *f == func);
        let exported = || {
            decls
                .exports
                .iter()
                .find(|e| e.entity == crate::module::EntityIdx::Func(func))
        };
        named
            .map(|(_, name)| &**name)
            .or_else(|| exported().map(|e| &*e.name))
    }
}

impl fmt::Debug for Frame {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl fmt::Display for Frame {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.func, self.name()) {
            (Some(FuncIdx(at)), Some(name)) => write!(f, "{name} (function {at})"),
            (Some(FuncIdx(at)), None) => write!(f, "function {at}"),
            (None, _) => f.write_str("initialiser"),
        }
    }
}

/// The wasm frames at some moment, newest first, at most 64.
#[derive(Clone, Debug, Default)]
pub struct Backtrace {
    frames: Vec<Frame>,
}

impl Backtrace {
    /// Looks up the functions of recorded addresses.
    #[must_use]
    pub fn new(recorded: &Recorded, code: &CodeMap) -> Backtrace {
        let frame = |&pc: &usize| {
            let entry = code.get(pc)?;
            Some(Frame {
                module: Arc::clone(entry.module()),
                func: entry.function(pc),
            })
        };
        Backtrace {
            frames: recorded.pcs().iter().filter_map(frame).collect(),
        }
    }

    /// Returns the frames.
    #[must_use]
    pub fn frames(&self) -> &[Frame] {
        &self.frames
    }
}

impl fmt::Display for Backtrace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, frame) in self.frames.iter().enumerate() {
            writeln!(f, "  {at}: {frame}")?;
        }
        Ok(())
    }
}
