//! The loop of an adapter that is written in Rust: lines in, lines out.

use std::io::{self, BufRead, Write};

use crate::answer::Answer;
use crate::request::Request;

/// An engine behind the protocol.
pub trait Adapter {
    /// Answers a request. A [`Request::Batch`] never arrives here: [`serve`] takes it apart.
    fn answer(&mut self, request: Request) -> Answer;
}

/// Why [`serve`] ended before its input did.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// Standard input or output failed.
    #[error("the pipe failed: {0}")]
    Pipe(#[from] io::Error),
    /// A line is no request.
    #[error("line {line} is no request: {cause}")]
    Line {
        /// The number of the line, from 1.
        line: u64,
        /// What is wrong with it.
        cause: serde_json::Error,
    },
}

/// Answers one request a line until the input ends.
///
/// # Errors
///
/// The input holds a line that is no request, or cannot be read, or the output cannot be written.
pub fn serve(
    adapter: &mut impl Adapter,
    mut input: impl BufRead,
    mut output: impl Write,
) -> Result<(), ServeError> {
    let mut text = String::new();
    for line in 1.. {
        text.clear();
        if input.read_line(&mut text)? == 0 {
            break;
        }
        let request =
            serde_json::from_str(&text).map_err(|cause| ServeError::Line { line, cause })?;
        let mut answer =
            serde_json::to_vec(&answered(adapter, request)).map_err(io::Error::from)?;
        answer.push(b'\n');
        output.write_all(&answer)?;
        output.flush()?;
    }
    Ok(())
}

/// Answers a request, or each request of a batch.
pub fn answered(adapter: &mut impl Adapter, request: Request) -> Answer {
    match request {
        Request::Batch { requests } => {
            let answers = requests.into_iter();
            Answer::Batch(answers.map(|inner| answered(adapter, inner)).collect())
        }
        request => adapter.answer(request),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::answer::Ended;

    struct Yes;

    impl Adapter for Yes {
        fn answer(&mut self, _request: Request) -> Answer {
            Answer::Ended(Ended::Returned)
        }
    }

    #[test]
    fn a_batch_is_answered_one_by_one_and_a_broken_line_is_named() {
        let input =
            "{\"op\":\"batch\",\"requests\":[{\"op\":\"close\"},{\"op\":\"live\"}]}\n{\"op\":1}\n";
        let mut output = Vec::new();
        let error = serve(&mut Yes, input.as_bytes(), &mut output).expect_err("line 2");
        assert!(
            error.to_string().starts_with("line 2 is no request"),
            "{error}"
        );
        let answer: Answer = serde_json::from_slice(&output).expect("an answer");
        let yes = || Answer::Ended(Ended::Returned);
        assert_eq!(answer, Answer::Batch(vec![yes(), yes()]));
    }
}
