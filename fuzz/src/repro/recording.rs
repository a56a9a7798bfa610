//! The requests of a case, and what a healthy engine answers.

use std::sync::{Arc, Mutex, PoisonError};

use gcrucible_oracles::case::Case;
use gcrucible_oracles::engine::Engine;
use gcrucible_oracles::engine::runtime::{RuntimeConfig, Served};
use gcrucible_oracles::foreign::{Broken, Foreign, Transport};
use gcrucible_protocol::serve::answered;
use gcrucible_protocol::{Answer, Capabilities, Ended, Request};
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
        let answer = answered(&mut self.served, with_room(request.clone()));
        let mut log = self.log.lock().unwrap_or_else(PoisonError::into_inner);
        note(&mut log, request, &answer);
        Ok(answer)
    }
}

/// Returns the same request with a larger heap. Collectors differ in what they need. A healthy
/// engine that counts references does not run out where one that copies does.
fn with_room(mut request: Request) -> Request {
    give_room(&mut request);
    request
}

fn give_room(request: &mut Request) {
    const TIMES: u64 = 4;
    match request {
        Request::Open { limits, .. } => limits.heap_bytes = limits.heap_bytes.saturating_mul(TIMES),
        Request::Batch { requests } => requests.iter_mut().for_each(give_room),
        _ => {}
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
/// the program got when it asked for the number of live objects. `None` if the runtime runs out of
/// something, so that what it answers is not what others should answer.
///
/// # Errors
///
/// The runtime cannot be opened.
pub fn record(
    case: &Case,
    claims: &Capabilities,
    answers: &[u32],
) -> Result<Option<Vec<Exchange>>, Broken> {
    let log = Arc::default();
    let served = Served::new(RuntimeConfig::named(HEALTHY).expect("its name is in the catalogue"));
    let recorder = Recorder {
        served: served.claiming(|can| can.clone_from(claims)),
        log: Arc::clone(&log),
    };
    let healthy = Foreign::greet("runtime", Box::new(recorder))?;
    healthy.run(case, answers);
    let mut log = log.lock().unwrap_or_else(PoisonError::into_inner);
    let log = std::mem::take(&mut *log);
    let runs_out =
        |Exchange(_, answer): &Exchange| matches!(answer, Answer::Ended(Ended::Exhausted { .. }));
    Ok((!log.iter().any(runs_out)).then_some(log))
}

#[cfg(test)]
mod tests {
    use gcrucible_protocol::Limits;

    use super::*;

    #[test]
    fn a_healthy_engine_has_more_room_than_the_file_says() {
        let open = |heap_bytes| Request::Open {
            limits: Limits {
                heap_bytes,
                memory_bytes: 1,
                table_elements: 2,
                milliseconds: 3,
            },
            schedule: "every".to_owned(),
            answers: vec![4],
            traps: String::new(),
        };
        let batch = |first| Request::Batch {
            requests: vec![first, Request::Live],
        };
        assert_eq!(with_room(batch(open(100))), batch(open(400)));
        assert_eq!(with_room(open(u64::MAX)), open(u64::MAX));
    }
}
