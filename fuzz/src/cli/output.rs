//! Files that the program writes where the user wants them.
//!
//! What always holds:
//!
//! - `-` is standard output;
//! - a regular file is replaced, so it has either the old content or the whole new content;
//! - a device, a pipe or a socket is opened and written to;
//! - a symbolic link stays, and the file it points to is written;
//! - a new file gets the permissions that the umask allows, and an old file keeps its own.
//!
//! A command that runs for long tries its outputs before it starts, so that a wrong name is noticed
//! at once.

use std::fs::{self, File, OpenOptions, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::{FileTypeExt, PermissionsExt};
use std::path::{Path, PathBuf};

use super::failure::Failure;

/// Returns true if the path stands for standard output.
pub fn is_standard(path: &Path) -> bool {
    path.as_os_str() == "-"
}

/// Checks that a file can be written, and changes nothing.
///
/// # Errors
///
/// What the system says.
pub fn try_file(path: &Path) -> Result<(), Failure> {
    let attempt = || match Destination::of(path)? {
        Destination::Standard => Ok(()),
        Destination::AsItIs(path) => {
            use rustix::fs::{Access, Mode, OFlags, access, open};
            access(&path, Access::WRITE_OK)?;
            if fs::metadata(&path)?.file_type().is_fifo() {
                // To open it for writing would wait for a reader, perhaps for ever.
                let opened = open(&path, OFlags::WRONLY | OFlags::NONBLOCK, Mode::empty());
                let nobody = |_| io::Error::other("nobody reads from this pipe");
                opened.map(drop).map_err(nobody)?;
            }
            Ok(())
        }
        Destination::Replaced { path, .. } => match tempfile::tempfile_in(folder_of(&path)) {
            Ok(_) => Ok(()),
            // A file can be writable in a folder that is not.
            Err(_) if path.exists() => OpenOptions::new().write(true).open(&path).map(drop),
            Err(error) => Err(error),
        },
    };
    attempt().map_err(|error| Failure::output(path.display(), error))
}

/// Checks that files can be made in a folder, which need not exist yet. Changes nothing.
///
/// # Errors
///
/// What the system says.
pub fn try_folder(path: &Path) -> Result<(), Failure> {
    let mut there = path;
    while !there.exists() {
        there = folder_of(there);
    }
    let made = tempfile::tempfile_in(there);
    made.map(drop)
        .map_err(|error| Failure::output(path.display(), error))
}

/// Writes a file.
///
/// # Errors
///
/// When the folder cannot be written to or the disk is full. A regular file then keeps its old
/// content.
pub fn write(path: &Path, content: &[u8]) -> Result<(), Failure> {
    let attempt = || match Destination::of(path)? {
        Destination::Standard => {
            let mut out = io::stdout().lock();
            out.write_all(content).and_then(|()| out.flush())
        }
        Destination::AsItIs(path) => OpenOptions::new()
            .write(true)
            .open(path)?
            .write_all(content),
        Destination::Replaced { path, permissions } => match temporary(&path, &permissions) {
            Ok(mut file) => {
                file.write_all(content)?;
                file.as_file().sync_all()?;
                file.persist(&path).map(drop).map_err(|e| e.error)
            }
            Err(_) if path.exists() => File::create(&path)?.write_all(content),
            Err(error) => Err(error),
        },
    };
    attempt().map_err(|error| Failure::output(path.display(), error))
}

/// A new file that will take the place of `path`.
fn temporary(path: &Path, permissions: &Permissions) -> io::Result<tempfile::NamedTempFile> {
    let mut builder = tempfile::Builder::new();
    let file = builder
        .permissions(permissions.clone())
        .tempfile_in(folder_of(path))?;
    if path.exists() {
        // The umask applies to new files only.
        file.as_file().set_permissions(permissions.clone())?;
    }
    Ok(file)
}

/// How a path is written.
enum Destination {
    Standard,
    /// It exists and is no regular file.
    AsItIs(PathBuf),
    /// A regular file, or none yet. The path does not end in a symbolic link.
    Replaced {
        path: PathBuf,
        permissions: Permissions,
    },
}

impl Destination {
    fn of(path: &Path) -> io::Result<Destination> {
        if is_standard(path) {
            return Ok(Destination::Standard);
        }
        match fs::metadata(path) {
            Ok(found) if found.is_dir() => Err(io::ErrorKind::IsADirectory.into()),
            Ok(found) if !found.is_file() => Ok(Destination::AsItIs(path.to_owned())),
            Ok(found) => Ok(Destination::Replaced {
                path: fs::canonicalize(path)?,
                permissions: found.permissions(),
            }),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Destination::Replaced {
                path: end_of_links(path)?,
                permissions: Permissions::from_mode(0o666),
            }),
            Err(error) => Err(error),
        }
    }
}

/// Follows the symbolic links of a path to a file that does not exist yet.
fn end_of_links(path: &Path) -> io::Result<PathBuf> {
    const LINKS_MAX: usize = 40;
    let mut path = path.to_owned();
    for _ in 0..LINKS_MAX {
        match fs::read_link(&path) {
            Ok(target) => path = folder_of(&path).join(target),
            Err(_) => return Ok(path),
        }
    }
    Err(io::Error::other("too many symbolic links"))
}

fn folder_of(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        Some(_) => Path::new("."),
        None => path,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    #[test]
    fn a_file_is_replaced_and_keeps_its_permissions() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("a.json");
        write(&file, b"1").unwrap();
        let new = fs::metadata(&file).unwrap().permissions().mode();
        assert_eq!(new & 0o600, 0o600);
        // As any other program's new file.
        let other = folder.path().join("other");
        fs::write(&other, b"").unwrap();
        assert_eq!(new, fs::metadata(&other).unwrap().permissions().mode());
        fs::set_permissions(&file, Permissions::from_mode(0o640)).unwrap();
        write(&file, b"22").unwrap();
        assert_eq!(fs::read(&file).unwrap(), b"22");
        let kept = fs::metadata(&file).unwrap().permissions().mode();
        assert_eq!(kept & 0o777, 0o640);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 2);
    }

    #[test]
    fn a_device_stays_a_device() {
        let null = Path::new("/dev/null");
        try_file(null).unwrap();
        write(null, b"{}").unwrap();
        assert!(fs::metadata(null).unwrap().file_type().is_char_device());
        let full = write(Path::new("/dev/full"), b"{}").unwrap_err();
        assert_eq!(full.status(), crate::cli::failure::ENVIRONMENT);
        assert!(full.to_string().contains("/dev/full"), "{full}");
    }

    #[test]
    fn a_pipe_needs_a_reader() {
        use rustix::fs::{CWD, FileType, Mode, mknodat};
        let folder = tempfile::tempdir().unwrap();
        let pipe = folder.path().join("pipe");
        mknodat(CWD, &pipe, FileType::Fifo, Mode::RWXU, 0).unwrap();
        assert!(try_file(&pipe).is_err());
        let reader = OpenOptions::new().read(true).write(true).open(&pipe);
        try_file(&pipe).unwrap();
        drop(reader);
    }

    #[test]
    fn a_link_stays_a_link() {
        let folder = tempfile::tempdir().unwrap();
        let (link, file) = (folder.path().join("link"), folder.path().join("file"));
        symlink("file", &link).unwrap();
        for content in [b"1", b"2"] {
            try_file(&link).unwrap();
            write(&link, content).unwrap();
            assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
            assert_eq!(fs::read(&file).unwrap(), content);
        }
    }

    #[test]
    fn what_cannot_be_written_is_known_before() {
        let folder = tempfile::tempdir().unwrap();
        assert!(try_file(folder.path()).is_err());
        assert!(try_file(&folder.path().join("no/such/file")).is_err());
        assert!(try_folder(Path::new("/dev/null/findings")).is_err());
        try_folder(&folder.path().join("not/there/yet")).unwrap();
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    }
}
