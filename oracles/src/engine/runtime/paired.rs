//! Two stores of one engine that do the same in turn: the choice `paired` of a configuration.
//!
//! The other store is opened before the main one, and takes each step before it. After [`STEPS`]
//! steps it is dropped while the main one goes on. In a shorter case it is dropped last. Until then
//! the session shows in turn what the one and the other store show. The main store has to refuse a
//! handle of the other one.
//!
//! This finds what belongs to a store and is kept for the engine, the thread or the process.

use gcrucible_runtime::embed::{AnyRef, Error, I31, Misuse, RootScope, Store};

use super::errors::text;
use super::host::Data;
use super::{Names, Runtime, RuntimeSession};
use crate::case::Step;
use crate::coverage::RuleMap;
use crate::engine::{Session, Setup, Totals, Watch};
use crate::leak::{Live, Sample};
use crate::observe::Observation;
use crate::outcome::Outcome;

/// The number of steps that the other store takes.
const STEPS: usize = 4;

/// A session of two stores.
pub(super) struct Paired {
    main: Box<RuntimeSession>,
    /// Until it is dropped.
    other: Option<Box<RuntimeSession>>,
    taken: usize,
}

impl Paired {
    pub(super) fn new(runtime: &Runtime, setup: &Setup) -> Result<Paired, Error> {
        let other = Some(Box::new(RuntimeSession::new(runtime, setup)?));
        Ok(Paired {
            main: Box::new(RuntimeSession::new(runtime, setup)?),
            other,
            taken: 0,
        })
    }
}

/// Checks that a store refuses a handle of another one. The handle is of a scalar, because an
/// object would change what the other store counts.
fn refuses(store: &Store<Data>, other: &mut Store<Data>) -> Result<(), String> {
    let said = |error: &Error| text(error, &Names::default());
    let mut theirs = RootScope::new(other);
    let handle = AnyRef::from_i31(&mut theirs, I31::wrapping_u32(7)).map_err(|why| said(&why))?;
    match handle.as_i31(store) {
        Err(Error::Misuse(Misuse::WrongStore)) => Ok(()),
        Err(error) => Err(format!(
            "a handle of another store is refused as {}",
            said(&error)
        )),
        Ok(_) => Err("a handle of another store is accepted".to_owned()),
    }
}

impl Session for Paired {
    fn load(&mut self, wasm: &[u8]) -> Outcome {
        if let Some(other) = &mut self.other {
            other.load(wasm);
        }
        self.main.load(wasm)
    }

    fn step(&mut self, step: &Step, watch: Watch) -> Observation {
        let Some(other) = &mut self.other else {
            return self.main.step(step, watch);
        };
        let theirs = other.step(step, watch);
        let ours = self.main.step(step, watch);
        self.taken += 1;
        let shown = if self.taken % 2 == 1 { theirs } else { ours };
        if matches!(shown.outcome, Outcome::Crashed(_) | Outcome::Exhausted(_)) {
            return shown;
        }
        let mut checked = match self.taken {
            1 => refuses(&self.main.store, &mut other.store),
            _ => Ok(()),
        };
        if self.taken == STEPS
            && let Some(other) = self.other.take()
        {
            checked = checked.and(other.close());
        }
        match checked {
            Ok(()) => shown,
            Err(why) => Observation::bare(Outcome::Crashed(why)),
        }
    }

    fn live(&mut self) -> Result<Live, String> {
        if let Some(other) = &mut self.other {
            other.live()?;
        }
        self.main.live()
    }

    fn samples(&self) -> Vec<Sample> {
        self.main.samples()
    }

    fn totals(&self) -> Totals {
        self.main.totals()
    }

    fn backtrace(&self) -> Option<String> {
        self.main.backtrace()
    }

    fn refuel(&mut self) {
        if let Some(other) = &mut self.other {
            other.refuel();
        }
        self.main.refuel();
    }

    fn close(self: Box<Self>) -> Result<(), String> {
        let Paired { main, other, .. } = *self;
        main.close()?;
        other.map_or(Ok(()), |other| other.close())
    }

    fn rules(&self) -> RuleMap {
        self.main.rules()
    }
}
