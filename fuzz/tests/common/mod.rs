//! What tests of the program as a user runs it have in common.

use std::process::Output;

/// Expects an exit status. Returns standard output and standard error.
#[track_caller]
pub fn ended(output: &Output, arguments: &[&str], status: i32) -> (String, String) {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let (out, err) = (text(&output.stdout), text(&output.stderr));
    assert_eq!(
        output.status.code(),
        Some(status),
        "{arguments:?}\n{out}\n{err}"
    );
    (out, err)
}
