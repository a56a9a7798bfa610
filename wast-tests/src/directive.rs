//! The directives of a `.wast` script as data, with modules in binary form.
//!
//! Not here: reading them from text (`script`), and running them (`runner`).

use std::fmt;

use gcrucible_oracles::value::Value;

use crate::expect::Expect;

/// A place in the text of a script. Line and column are counted from 1.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Location {
    /// Line.
    pub line: usize,
    /// Column, in bytes.
    pub column: usize,
}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.line, self.column)
    }
}

/// A module of a script.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source {
    /// Its binary, or the words with which the text parser refuses it.
    pub binary: Result<Vec<u8>, String>,
}

/// What an assertion does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// Call an export.
    Invoke {
        /// The instance's name, or `None` for the last instance.
        instance: Option<String>,
        /// The export.
        export: String,
        /// The arguments.
        args: Vec<Value>,
    },
    /// Read a global.
    Get {
        /// The instance's name, or `None` for the last instance.
        instance: Option<String>,
        /// The export.
        global: String,
    },
    /// Instantiate a module that gets no name.
    Module(Source),
    /// Instantiate a defined module. The instance gets no name.
    Instantiate {
        /// The definition's name, or `None` for the last definition.
        module: Option<String>,
    },
}

/// A directive of the official script grammar.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Directive {
    /// `module`: define and instantiate.
    Module {
        /// Its name.
        name: Option<String>,
        /// The module.
        source: Source,
    },
    /// `module definition`: define only.
    Definition {
        /// Its name.
        name: Option<String>,
        /// The module.
        source: Source,
    },
    /// `module instance`: instantiate a defined module.
    Instance {
        /// The instance's name.
        name: Option<String>,
        /// The definition's name, or `None` for the last definition.
        module: Option<String>,
    },
    /// `register`.
    Register {
        /// The module name for importers.
        name: String,
        /// The instance's name, or `None` for the last instance.
        instance: Option<String>,
    },
    /// An action alone. It must not fail.
    Action(Action),
    /// `assert_return`.
    Return(Action, Vec<Expect>),
    /// `assert_trap`, with the words.
    Trap(Action, String),
    /// `assert_exception`.
    Exception(Action),
    /// `assert_exhaustion`, with the words.
    Exhaustion(Action, String),
    /// `assert_malformed`, with the words.
    Malformed(Source, String),
    /// `assert_invalid`, with the words.
    Invalid(Source, String),
    /// `assert_unlinkable`, with the words.
    Unlinkable(Action, String),
    /// A directive, or a part of one, that is not part of WebAssembly 3.0. The text names it.
    Unsupported(String),
    /// A form that cannot be read, and why. It always fails.
    Unread(String),
}
