//! Cases, engines, observations, comparisons and verdicts: everything that decides whether two
//! engines agree.
//!
//! A file may use only what stands earlier in the reading order.
//!
//! Reading order: `nearest`, `value`, `outcome`, `schedule`, `case`, `header`, `observe`, `host`,
//! `leak`, `coverage`, `engine`, `foreign`, `nondeterminism`, `operation`, `finding`, `cause`,
//! `known_faults`, `version_pairs`, `verdict`, `compare`, `judge`, `report`.
//!
//! | file | what it says |
//! |---|---|
//! | `nearest` | the known name that somebody meant |
//! | `value`, `outcome` | engine-neutral words for what goes in and comes out |
//! | `schedule`, `case`, `header` | what an engine is given, and the header of a case on disk |
//! | `observe` | what counts as visible: results, globals, tables, memories, one object graph |
//! | `host` | the modules `harness` and `spectest`, engine-neutrally |
//! | `leak` | live objects, counted and bounded |
//! | `coverage` | which rules of the specification a run applied |
//! | `engine` | the session that every engine offers, and the adapters |
//! | `foreign` | engines in processes of their own, through the engine protocol |
//! | `nondeterminism` | permitted differences, each with its authority |
//! | `operation` | how much an operation says about what is wrong |
//! | `finding` | what went wrong, where and how: one type from comparison to folder |
//! | `cause` | what findings with one cause have in common |
//! | `known_faults` | faults of engines that are known, which are counted and not reported |
//! | `version_pairs` | faults that one version of an engine has and another has not |
//! | `verdict` | what a comparison says, and counters |
//! | `compare` | two runs: equal, permitted, or the first difference with its path |
//! | `judge` | a case, the reference and an engine: one verdict |
//! | `report` | a verdict for people |
//!
//! Nothing here knows how programs are generated or reduced, and no engine's type appears outside
//! its adapter.

pub mod nearest;

pub mod value;

pub mod outcome;

pub mod schedule;

pub mod case;

pub mod header;

pub mod observe;

pub mod host;

pub mod leak;

pub mod coverage;

pub mod engine;

pub mod foreign;

pub mod nondeterminism;

pub mod operation;

pub mod finding;

pub mod cause;

pub mod known_faults;

pub mod version_pairs;

pub mod verdict;

pub mod compare;

pub mod judge;

pub mod report;
