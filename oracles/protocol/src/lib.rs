//! The messages between gcrucible and an engine in a process of its own: an *adapter*.
//!
//! An adapter reads one [`Request`] a line from standard input and writes one [`Answer`] a line to
//! standard output, both as JSON. It knows nothing about cases, expectations or object graphs. It
//! instantiates modules, calls exports, collects garbage, counts host objects and copies bytes out
//! of a memory. Everything else, such as reading objects, is done by modules that gcrucible makes
//! and sends.
//!
//! These types are the only definition of the protocol. The page beside this crate (`README.md`)
//! shows an example of every message. A test reads the examples with these types.
//!
//! Reading order: `value`, `request`, `answer`, `serve`, `schedule`.

pub mod value;

pub mod request;

pub mod answer;

pub mod serve;

pub mod schedule;

pub use answer::{
    Answer, Capabilities, CollectorKind, Counting, Ended, Failed, Hello, HostObjects,
};
pub use request::{Call, HostFunction, Import, Limits, Request, Source};
pub use value::{Top, Value};

/// The version of the protocol. An adapter that speaks another one says so in its answer to
/// [`Request::Hello`], and is then not used.
pub const VERSION: u32 = 2;

/// Every example of the page beside this crate is a message.
#[test]
fn the_examples_of_the_page_are_messages() {
    let page = include_str!("../README.md");
    let (mut requests, mut answers) = (0, 0);
    for line in page.lines().filter(|line| line.starts_with('{')) {
        if line.starts_with("{\"op\"") {
            let request: Request = serde_json::from_str(line).expect(line);
            assert_eq!(serde_json::to_string(&request).expect("JSON"), line);
            requests += 1;
        } else {
            let answer: Answer = serde_json::from_str(line).expect(line);
            assert_eq!(serde_json::to_string(&answer).expect("JSON"), line);
            answers += 1;
        }
    }
    assert!(requests > 8 && answers > 10, "{requests} {answers}");
}
