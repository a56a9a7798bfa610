//! The record of a worker's current input, in a file that outlives the worker: position, target and
//! bytes. The worker writes it before each input. The supervisor reads it when the worker has died.
//!
//! This costs one `pwrite` for each input. What has reached the page cache survives the process.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;

/// A worker's current input.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Position {
    /// Number of the input in the whole run.
    pub number: u64,
    /// Its target, as a position in the list of targets of the run.
    pub target: u64,
    /// Its bytes.
    pub bytes: Vec<u8>,
}

/// The file, open for writing.
#[derive(Debug)]
pub struct Record {
    file: File,
}

impl Record {
    /// Creates the file, or empties it.
    ///
    /// # Errors
    ///
    /// What the system says.
    pub fn create(path: &Path) -> io::Result<Record> {
        let file = OpenOptions::new()
            .create(true)
            .truncate(true)
            .write(true)
            .open(path)?;
        Ok(Record { file })
    }

    /// Writes the current input.
    ///
    /// # Errors
    ///
    /// What the system says, for example that the disk is full.
    pub fn write(&self, at: &Position) -> io::Result<()> {
        let head = [at.number, at.target, at.bytes.len() as u64];
        let mut bytes: Vec<u8> = head.iter().flat_map(|word| word.to_le_bytes()).collect();
        bytes.extend(&at.bytes);
        self.file.write_all_at(&bytes, 0)
    }

    /// Reads the last input that was written. Returns `None` if there was none.
    #[must_use]
    pub fn read(path: &Path) -> Option<Position> {
        let bytes = std::fs::read(path).ok()?;
        let word = |at: usize| Some(u64::from_le_bytes(bytes.get(at..at + 8)?.try_into().ok()?));
        let length = usize::try_from(word(16)?).ok()?;
        // Behind the input there may be the end of a longer one.
        let input = bytes.get(24..)?.get(..length)?;
        Some(Position {
            number: word(0)?,
            target: word(8)?,
            bytes: input.to_vec(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_written_last_is_read() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("record");
        assert_eq!(Record::read(&path), None);
        let record = Record::create(&path).unwrap();
        assert_eq!(Record::read(&path), None);
        for (number, length) in [(3, 900), (7, 9)] {
            let position = Position {
                number,
                target: 1,
                bytes: vec![number as u8; length],
            };
            record.write(&position).unwrap();
            assert_eq!(Record::read(&path), Some(position));
        }
    }
}
