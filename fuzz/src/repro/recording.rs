//! The requests of a case, and what a healthy engine answers.

use std::sync::{Arc, Mutex, PoisonError};

use gcrucible_oracles::case::Case;
use gcrucible_oracles::engine::Engine;
use gcrucible_oracles::engine::runtime::{RuntimeConfig, Served};
use gcrucible_oracles::foreign::{Broken, Foreign, Transport};
use gcrucible_protocol::serve::answered;
use gcrucible_protocol::{Answer, Capabilities, Request};
use serde::Serialize;

/// A request and its answer.
#[derive(Clone, Debug, Serialize)]
pub struct Exchange(pub Request, pub Answer);

/// The configuration of our runtime that answers.
const HEALTHY: &str = "runtime:copying";

/// Our runtime behind the protocol. It writes down what it is asked.
struct Recorder {
    served: Served,
    log: Arc<Mutex<Vec<Exchange>>>,
}

impl Transport for Recorder {
    fn ask(&mut self, request: &Request) -> Result<Answer, Broken> {
        let answer = answered(&mut self.served, request.clone());
        let mut log = self.log.lock().unwrap_or_else(PoisonError::into_inner);
        note(&mut log, request, &answer);
        Ok(answer)
    }
}

/// Adds an exchange. A batch is taken apart. A session that begins makes what came before void.
fn note(log: &mut Vec<Exchange>, request: &Request, answer: &Answer) {
    match (request, answer) {
        (Request::Batch { requests }, Answer::Batch(answers)) => {
            let pairs = requests.iter().zip(answers);
            pairs.for_each(|(request, answer)| note(log, request, answer));
        }
        (Request::Hello { .. } | Request::Close, _) => {}
        _ => {
            if matches!(request, Request::Open { .. }) {
                log.clear();
            }
            log.push(Exchange(request.clone(), answer.clone()));
        }
    }
}

/// Returns the exchanges of a case with an engine that can do `claims`. `answers` are those that
/// the program got when it asked for the number of live objects.
///
/// # Errors
///
/// The runtime cannot be opened.
pub fn record(
    case: &Case,
    claims: &Capabilities,
    answers: &[u32],
) -> Result<Vec<Exchange>, Broken> {
    let log = Arc::default();
    let served = Served::new(RuntimeConfig::named(HEALTHY).expect("its name is in the catalogue"));
    let recorder = Recorder {
        served: served.claiming(|can| can.clone_from(claims)),
        log: Arc::clone(&log),
    };
    let healthy = Foreign::greet("runtime", Box::new(recorder))?;
    healthy.run(case, answers);
    let mut log = log.lock().unwrap_or_else(PoisonError::into_inner);
    Ok(std::mem::take(&mut log))
}
