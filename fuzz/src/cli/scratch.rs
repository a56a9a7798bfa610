//! Folders that are gone when their process is: also after `kill -9`, once the next process comes.
//!
//! Always: the process that made a folder holds a lock on it, which the system gives up when the
//! process ends. So a folder with no lock has no owner.

use std::fs::File;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::fs::{FlockOperation, flock};
use tempfile::TempDir;

use super::failure::Failure;

/// Younger folders are left alone: their owner may be about to lock them.
const SETTLED: Duration = Duration::from_secs(10);

/// A folder of this process.
#[derive(Debug)]
pub struct Scratch {
    folder: TempDir,
    _lock: File,
}

impl Scratch {
    /// Makes a folder in the folder `place`, with a name that begins with `prefix`. Removes the
    /// folders of processes that have ended.
    ///
    /// # Errors
    ///
    /// What the system says.
    pub fn new(place: &Path, prefix: &str) -> io::Result<Scratch> {
        clean(place, prefix, SETTLED);
        let folder = tempfile::Builder::new()
            .prefix(prefix)
            .permissions(PermissionsExt::from_mode(0o777))
            .tempdir_in(place)?;
        let lock = File::open(folder.path())?;
        flock(&lock, FlockOperation::NonBlockingLockExclusive)?;
        Ok(Scratch {
            folder,
            _lock: lock,
        })
    }

    /// Makes a folder in the folder for temporary files.
    ///
    /// # Errors
    ///
    /// It cannot be made.
    pub fn temporary() -> Result<Scratch, Failure> {
        let made = Scratch::new(&std::env::temp_dir(), "gcrucible-");
        made.map_err(|error| Failure::System {
            what: "temporary folder",
            error,
        })
    }

    /// Returns the folder.
    #[must_use]
    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Leaves the folder where it is.
    #[must_use]
    pub fn keep(self) -> PathBuf {
        self.folder.keep()
    }
}

/// Removes the folders in `place` whose names begin with `prefix`, that have no owner and are at
/// least so old. What cannot be removed stays for the next time.
fn clean(place: &Path, prefix: &str, age: Duration) {
    for entry in std::fs::read_dir(place).into_iter().flatten().flatten() {
        let name = entry.file_name();
        if name.to_str().is_some_and(|name| name.starts_with(prefix)) {
            let _ = remove_if_left(&entry.path(), age);
        }
    }
}

fn remove_if_left(folder: &Path, age: Duration) -> io::Result<()> {
    let metadata = std::fs::symlink_metadata(folder)?;
    let old = metadata.modified()?.elapsed().is_ok_and(|old| old >= age);
    if !metadata.is_dir() || !old {
        return Ok(());
    }
    let lock = File::open(folder)?;
    flock(&lock, FlockOperation::NonBlockingLockExclusive)?;
    std::fs::remove_dir_all(folder)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_folders_without_an_owner_are_removed() {
        let place = tempfile::tempdir().unwrap();
        let left = place.path().join("x-left");
        std::fs::create_dir(&left).unwrap();
        std::fs::write(left.join("record"), b"1").unwrap();
        let other = place.path().join("y-other");
        std::fs::create_dir(&other).unwrap();
        let owned = Scratch::new(place.path(), "x-").unwrap();
        assert!(left.exists(), "it may be about to be locked");
        clean(place.path(), "x-", Duration::ZERO);
        assert!(!left.exists() && other.exists() && owned.path().exists());
        let path = owned.path().to_owned();
        drop(owned);
        assert!(!path.exists());
        let kept = Scratch::new(place.path(), "x-").unwrap().keep();
        assert!(kept.exists());
    }
}
