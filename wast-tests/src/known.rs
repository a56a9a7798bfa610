//! Assertions of the official suite that are expected to fail, each with its authority. It is an
//! error if one of them holds, so the table cannot become stale.
//!
//! Always: a row names lines of one file of the pinned suite. The rows are assertions of proposals
//! that refuse modules which later features of release 3.0 made valid. Faults of our own engines
//! have no rows: they are fixed.
//! Those of other engines, by version, are rows of `wast-tests/expected-failures.toml`.

use std::sync::LazyLock;

use gcrucible_oracles::engine::Engine;
use serde::Deserialize;

use crate::runner::{Failure, Report};

/// Assertions of one file that 3.0 contradicts.
#[derive(Clone, Copy, Debug)]
pub struct Superseded {
    /// The file, with its group.
    pub file: &'static str,
    /// The lines of the assertions.
    pub lines: &'static [usize],
    /// Why they do not hold any more.
    pub because: &'static str,
}

const MEMORY_INDEX: &str = "multi-memory: the byte that had to be zero in memory.size and \
                            memory.grow is an index in LEB128 (specification, grammar Binstr)";
const MANY_MEMORIES: &str =
    "multi-memory: a module may have several memories (specification, rule Module_ok)";
const WIDE_LIMITS: &str = "memory64: limits are u64 (specification, grammar Blimits)";
const SEGMENTS_IN_ORDER: &str = "bulk-memory: table.init and memory.init write active segments one \
                                 after the other. One that is out of bounds traps, and the \
                                 segments before it stay written (specification, rules \
                                 Step_read/table.init-oob and \
                                 Step_read/memory.init-oob)";
const WIDE_OFFSET: &str =
    "memory64: the offset of a memory argument is u64 (specification, grammar Bmemarg)";

/// The table, sorted by file.
pub const SUPERSEDED: &[Superseded] = &[
    Superseded {
        file: "function-references/binary.wast",
        lines: &[145, 165, 184, 203, 242, 261, 279, 297],
        because: MEMORY_INDEX,
    },
    Superseded {
        file: "memory64/binary.wast",
        lines: &[876, 896, 915, 934, 973, 992, 1010, 1028],
        because: MEMORY_INDEX,
    },
    Superseded {
        file: "memory64/memory.wast",
        lines: &[10, 11],
        because: MANY_MEMORIES,
    },
    Superseded {
        file: "memory64/memory64.wast",
        lines: &[8, 9],
        because: MANY_MEMORIES,
    },
    Superseded {
        file: "multi-value/binary.wast",
        lines: &[162, 182, 201, 220, 259, 278, 296, 314],
        because: MEMORY_INDEX,
    },
    Superseded {
        file: "mutable-global/linking.wast",
        lines: &[206, 227, 236, 238, 248, 298, 334, 342, 344, 354],
        because: SEGMENTS_IN_ORDER,
    },
    Superseded {
        file: "reference-types/binary-leb128.wast",
        lines: &[217, 225],
        because: WIDE_LIMITS,
    },
    Superseded {
        file: "reference-types/binary-leb128.wast",
        lines: &[404, 461],
        because: WIDE_OFFSET,
    },
    Superseded {
        file: "reference-types/binary.wast",
        lines: &[157, 354],
        because: WIDE_LIMITS,
    },
    Superseded {
        file: "reference-types/binary.wast",
        lines: &[362, 419],
        because: WIDE_OFFSET,
    },
    Superseded {
        file: "reference-types/binary.wast",
        lines: &[756, 776, 795, 814, 853, 872, 890, 908],
        because: MEMORY_INDEX,
    },
    Superseded {
        file: "reference-types/imports.wast",
        lines: &[416, 420, 424],
        because: MANY_MEMORIES,
    },
    Superseded {
        file: "reference-types/unreached-invalid.wast",
        lines: &[539],
        because: "function-references: operands of unreachable code have the bottom type, which \
                  matches every label of br_table (specification, rule Instr_ok/br_table)",
    },
];

/// Assertions of one file that fail on an engine that is not ours.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Expected {
    /// First words of the names of engines on which they fail.
    pub engines: Vec<String>,
    /// A part of the engine's description ([`Engine::describe`]), which has its version.
    pub version: String,
    /// The file, with its group.
    pub file: String,
    /// The lines of the assertions.
    pub lines: Vec<usize>,
    /// Why they fail.
    pub because: String,
}

/// The rows of the data file.
pub static EXPECTED: LazyLock<Vec<Expected>> = LazyLock::new(|| {
    #[derive(Deserialize)]
    struct File {
        expected: Vec<Expected>,
    }
    let text = include_str!("../expected-failures.toml");
    let file: File = toml::from_str(text).expect("expected-failures.toml is read by a test");
    file.expected
});

impl Expected {
    fn is_for(&self, engine: &dyn Engine) -> bool {
        let name = engine.name();
        let word = name.split(':').next().unwrap_or_default();
        self.engines.iter().any(|known| known == word) && engine.describe().contains(&self.version)
    }
}

/// A report after the tables were applied to it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Judged {
    /// Failures that are in no table.
    pub unexpected: Vec<Failure>,
    /// Failures that 3.0 has superseded.
    pub superseded: usize,
    /// Rows of that table whose assertion held, by line.
    pub stale: Vec<usize>,
    /// Failures that are expected of the engine.
    pub expected: usize,
    /// Lines at which the engine was expected to fail, and did not.
    pub held: Vec<usize>,
}

/// Holds a report against the tables.
pub fn judge(report: &Report, engine: &dyn Engine) -> Judged {
    let rows = SUPERSEDED.iter().filter(|row| row.file == report.file);
    let superseded: Vec<usize> = rows.flat_map(|row| row.lines).copied().collect();
    let rows = EXPECTED.iter().filter(|row| row.file == report.file);
    let rows = rows.filter(|row| row.is_for(engine));
    let expected: Vec<usize> = rows.flat_map(|row| &row.lines).copied().collect();
    sorted(report, &superseded, &expected)
}

/// Sorts the failures of a report by the lines of the tables.
fn sorted(report: &Report, superseded: &[usize], expected: &[usize]) -> Judged {
    let failed = |line: &usize| {
        report
            .failures
            .iter()
            .any(|failure| failure.at.line == *line)
    };
    let holds = |lines: &[usize]| lines.iter().copied().filter(|line| !failed(line)).collect();
    let mut judged = Judged {
        stale: holds(superseded),
        held: holds(expected),
        ..Judged::default()
    };
    for failure in &report.failures {
        if superseded.contains(&failure.at.line) {
            judged.superseded += 1;
        } else if expected.contains(&failure.at.line) {
            judged.expected += 1;
        } else {
            judged.unexpected.push(failure.clone());
        }
    }
    judged
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::directive::Location;
    use crate::suite;

    #[test]
    fn rows_name_files_of_the_suite_in_order() {
        let files = suite::files();
        for row in SUPERSEDED {
            let file = files.iter().find(|file| file.name == row.file);
            assert!(
                file.is_some_and(|file| file.standing.is_required()),
                "{}",
                row.file
            );
        }
        let order = |row: &Superseded| (row.file, row.lines[0]);
        assert!(SUPERSEDED.is_sorted_by(|a, b| order(a) < order(b)));
    }

    #[test]
    fn an_unexpected_pass_is_seen() {
        let failure = |line| Failure {
            at: Location { line, column: 2 },
            message: String::new(),
        };
        let report = Report {
            file: "memory64/memory.wast".into(),
            failures: vec![failure(10), failure(12)],
            ..Report::default()
        };
        let judged = sorted(&report, &[10, 11], &[12, 13]);
        assert_eq!((judged.superseded, judged.stale), (1, vec![11]));
        assert_eq!((judged.expected, judged.held), (1, vec![13]));
        assert_eq!(judged.unexpected, []);
        assert_eq!(sorted(&report, &[10], &[]).unexpected, [failure(12)]);
    }

    #[test]
    fn rows_of_other_engines_name_files_of_the_suite_and_say_why() {
        let files = suite::files();
        for row in EXPECTED.iter() {
            assert!(
                files.iter().any(|file| file.name == row.file),
                "{}",
                row.file
            );
            assert!(
                !row.because.is_empty() && !row.version.is_empty(),
                "{}",
                row.file
            );
            assert!(row.lines.is_sorted(), "{}", row.file);
        }
    }
}
