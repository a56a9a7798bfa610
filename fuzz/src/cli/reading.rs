//! Files that the user names, read with care: nothing that has no end, and nothing that is too
//! large.

use std::fs;
use std::path::Path;

use wast::token::Span;

use super::failure::Failure;

/// The largest file that is read. The largest script of the official suite has 2 MB.
pub const BYTES_MAX: u64 = 64 << 20;

/// Returns the content of a file, or why it is not read.
///
/// # Errors
///
/// A sentence for the user.
pub fn bytes(path: &Path) -> Result<Vec<u8>, String> {
    let metadata = fs::metadata(path).map_err(|e| e.to_string())?;
    if !metadata.is_file() {
        return Err("this is not a regular file".to_owned());
    }
    if metadata.len() > BYTES_MAX {
        return Err(format!(
            "the file has {} bytes, and {BYTES_MAX} are the most",
            metadata.len()
        ));
    }
    fs::read(path).map_err(|e| e.to_string())
}

/// Returns the content of a file that the command cannot do without.
///
/// # Errors
///
/// [`Failure::Input`] if there is no such file, [`Failure::Content`] if it is not read.
pub fn named(path: &Path) -> Result<Vec<u8>, Failure> {
    if let Err(error) = fs::metadata(path) {
        return Err(Failure::input(path.display(), error));
    }
    bytes(path).map_err(|message| Failure::Content {
        path: path.display().to_string(),
        message,
    })
}

/// Returns a message about a place in a text, an offset in bytes, with the line and a mark below
/// it.
#[must_use]
pub fn pointed(path: &Path, text: &str, offset: usize, message: String) -> String {
    let mut error = wast::Error::new(Span::from_offset(offset), message);
    error.set_path(path);
    error.set_text(text);
    error.to_string()
}
