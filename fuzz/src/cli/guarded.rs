//! Subcommands that run engines in their own process, guarded by another process, so that an engine
//! that takes its process with it does not take the answer as well.
//!
//! `main` starts the same program again with the same arguments, and waits. The second process
//! notes what it runs and what it has done. If it dies, the first one knows what ran. A command
//! that can resume is started again: it takes from the notes what was done before, and the rest
//! runs.
//!
//! Notes are files in a folder. `done` has a line of JSON for each piece of work. Each piece that
//! runs has a file `running.N`: three numbers (line, column, directives that held), then its name.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::FileExt;
use std::os::unix::process::{CommandExt, ExitStatusExt, parent_id};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitCode, ExitStatus};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use gcrucible_oracles::foreign::spawn::spawn;
use gcrucible_wast_tests::directive::Location;
use rustix::process::{Pid, Signal, kill_process};
use serde::{Deserialize, Serialize};

use super::failure::{ENVIRONMENT, Ending, Failure};
use super::fuzz::worker::describe;
use super::interrupt::Interrupted;
use super::scratch::Scratch;
use super::terminal::{BAD, warn_line};
use super::tool::THIS_PROGRAM;

/// The variable that names the folder of notes to the second process.
const FOLDER: &str = "GCRUCIBLE_NOTES";
/// The variable that says who waits. Processes that the second one starts have another parent, so
/// they do not take these notes for theirs.
const WAITS: &str = "GCRUCIBLE_WAITS";
/// The variable that says that the second process may do one thing at a time only.
const ONE_AT_A_TIME: &str = "GCRUCIBLE_ONE_AT_A_TIME";
const DONE: &str = "done";
const RUNNING: &str = "running.";
const NUMBERS: usize = 3 * size_of::<u64>();

/// What is known of a piece of work from an earlier process.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum Known {
    /// Its result.
    Done(serde_json::Value),
    /// The process died while it ran.
    Died(Death),
}

/// How far a piece of work was when its process died.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Death {
    /// The line of the directive that ran. 0 if none did.
    pub line: usize,
    /// Its column.
    pub column: usize,
    /// How many directives had held.
    pub passed: u64,
    /// How the process died.
    pub how: String,
}

/// What a command notes for the process that waits for it.
#[derive(Debug)]
pub struct Notes {
    folder: Option<PathBuf>,
    known: Vec<(String, Known)>,
    next: AtomicUsize,
    done: Mutex<Option<File>>,
}

/// A piece of work that runs.
#[derive(Debug)]
pub struct Running(Option<(PathBuf, File)>);

impl Notes {
    /// Opens the notes of this process. Without a process that waits, nothing is noted.
    ///
    /// # Errors
    ///
    /// The notes cannot be read.
    pub fn open() -> Result<Notes, Failure> {
        let folder = has_guard().then(|| std::env::var_os(FOLDER)).flatten();
        let folder = folder.map(PathBuf::from);
        let mut known = Vec::new();
        let mut done = None;
        if let Some(folder) = &folder {
            let path = folder.join(DONE);
            let failed = |error| Failure::output(path.display(), error);
            known = read(&path).map_err(failed)?;
            done = Some(appending(&path).map_err(failed)?);
        }
        Ok(Notes {
            folder,
            known,
            next: AtomicUsize::new(0),
            done: Mutex::new(done),
        })
    }

    /// Returns true if only one thing may run at a time.
    #[must_use]
    pub fn is_one_at_a_time(&self) -> bool {
        has_guard() && std::env::var_os(ONE_AT_A_TIME).is_some()
    }

    /// Returns what an earlier process left about the work with this name.
    #[must_use]
    pub fn known(&self, name: &str) -> Option<&Known> {
        let mut known = self.known.iter();
        known.find(|(of, _)| of == name).map(|(_, known)| known)
    }

    /// Notes that the work with this name begins.
    ///
    /// # Errors
    ///
    /// What the system says.
    pub fn begin(&self, name: &str) -> io::Result<Running> {
        let Some(folder) = &self.folder else {
            return Ok(Running(None));
        };
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let path = folder.join(format!("{RUNNING}{number}"));
        let file = File::create(&path)?;
        file.write_all_at(&[0; NUMBERS], 0)?;
        file.write_all_at(name.as_bytes(), NUMBERS as u64)?;
        Ok(Running(Some((path, file))))
    }

    /// Notes the result of the work with this name. If that fails, the work is done again after a
    /// death.
    pub fn done(&self, name: &str, result: &impl Serialize) {
        let mut done = self.done.lock().unwrap_or_else(PoisonError::into_inner);
        if let (Some(file), Ok(result)) = (done.as_mut(), serde_json::to_value(result)) {
            let _ = append(file, &(name.to_owned(), Known::Done(result)));
        }
    }
}

impl Running {
    /// Notes which directive runs, and how many have held. It is only a help for the user, so an
    /// error is nobody's.
    pub fn at(&self, at: Location, passed: u64) {
        let Some((_, file)) = &self.0 else {
            return;
        };
        let numbers = [at.line as u64, at.column as u64, passed];
        let bytes: Vec<u8> = numbers.iter().flat_map(|n| n.to_le_bytes()).collect();
        let _ = file.write_all_at(&bytes, 0);
    }
}

impl Drop for Running {
    /// Notes that it ended.
    fn drop(&mut self) {
        if let Some((path, _)) = &self.0 {
            let _ = fs::remove_file(path);
        }
    }
}

/// Whether the parent of this process waits for it and reads its notes.
fn has_guard() -> bool {
    let waits = std::env::var(WAITS).ok();
    waits.is_some_and(|id| id == parent_id().to_string())
}

/// What happens after a death.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Then {
    /// The command is started again. It takes from the notes what is done.
    Resume,
    /// The user is told what ran.
    Tell,
}

/// Runs the program again with the same arguments, if this process has no other that waits for it.
/// Returns the exit status, or `None` if the work is for this process.
pub fn run(then: Then) -> Option<ExitCode> {
    if has_guard() {
        return None;
    }
    // Without a folder for notes there is no guard, but there is an answer.
    let scratch = Scratch::temporary().ok()?;
    let ended = guard(scratch.path(), then);
    Some(ended.unwrap_or_else(|error| {
        let failure = Failure::System {
            what: "the process that does the work",
            error,
        };
        warn_line!("{BAD}gcrucible:{BAD:#} {failure}");
        ExitCode::from(failure.status())
    }))
}

/// Signals to this process, which the process that does the work must hear as well.
struct Signals {
    worker: Arc<Mutex<Option<Pid>>>,
    interrupted: Interrupted,
}

impl Signals {
    fn listen() -> Signals {
        let worker = Arc::new(Mutex::new(None));
        let told = Arc::clone(&worker);
        let interrupted = Interrupted::listen_and(move || tell(&told));
        Signals {
            worker,
            interrupted,
        }
    }

    /// Waits for the end of the process that does the work.
    fn wait(&self, mut child: Child) -> io::Result<ExitStatus> {
        *self.worker() = Some(Pid::from_child(&child));
        if self.interrupted.is() {
            // The signal came before there was a process.
            tell(&self.worker);
        }
        let status = child.wait();
        *self.worker() = None;
        status
    }

    fn worker(&self) -> MutexGuard<'_, Option<Pid>> {
        self.worker.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Asks the process that does the work to end. If it has ended, there is nobody to ask.
fn tell(worker: &Mutex<Option<Pid>>) {
    let worker = worker.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(worker) = *worker {
        let _ = kill_process(worker, Signal::TERM);
    }
}

fn guard(folder: &Path, then: Then) -> io::Result<ExitCode> {
    let mut is_one_at_a_time = false;
    let mut known = 0;
    let signals = Signals::listen();
    loop {
        let mut command = Command::new(THIS_PROGRAM);
        let mut words = std::env::args_os();
        command.arg0(words.next().unwrap_or_default());
        command.args(words).env(FOLDER, folder);
        command.env(WAITS, std::process::id().to_string());
        if is_one_at_a_time {
            command.env(ONE_AT_A_TIME, "1");
        }
        let status = signals.wait(spawn(command)?)?;
        if let Some(code) = status.code() {
            return Ok(ExitCode::from(u8::try_from(code).unwrap_or(u8::MAX)));
        }
        if signals.interrupted.is() {
            warn_line!("{BAD}gcrucible:{BAD:#} interrupted");
            return Ok(ExitCode::from(ENVIRONMENT));
        }
        let how = format!("the process died: {}", describe(status));
        let is_engine = status.signal().is_some_and(is_of_an_engine);
        if !is_engine {
            warn_line!("{BAD}gcrucible:{BAD:#} {how}");
            return Ok(ExitCode::from(ENVIRONMENT));
        }
        if then == Then::Tell {
            warn_line!("{BAD}gcrucible:{BAD:#} {how} while an engine in it ran the program");
            return Ok(Ending::Found.into());
        }
        let running = running(folder)?;
        if let [(name, numbers)] = running.as_slice() {
            let death = Death {
                line: numbers[0] as usize,
                column: numbers[1] as usize,
                passed: numbers[2],
                how,
            };
            let mut done = appending(&folder.join(DONE))?;
            append(&mut done, &(name.clone(), Known::Died(death)))?;
        } else {
            // Which of several it was shows when they run one after the other.
            let before = known;
            known = read(&folder.join(DONE))?.len();
            if is_one_at_a_time && known == before {
                warn_line!("{BAD}gcrucible:{BAD:#} {how}, and nothing ran");
                return Ok(Ending::Found.into());
            }
            is_one_at_a_time = true;
        }
    }
}

/// Returns true for signals that the process's own code causes.
fn is_of_an_engine(signal: i32) -> bool {
    let own = [
        Signal::SEGV,
        Signal::BUS,
        Signal::ILL,
        Signal::ABORT,
        Signal::FPE,
        Signal::TRAP,
    ];
    own.iter().any(|own| own.as_raw() == signal)
}

/// Takes the notes of what ran when the process died.
fn running(folder: &Path) -> io::Result<Vec<(String, [u64; 3])>> {
    let mut running = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        if !name.starts_with(RUNNING) {
            continue;
        }
        let bytes = fs::read(&path)?;
        fs::remove_file(&path)?;
        // Shorter if the process died while it wrote the numbers: nothing ran yet.
        let Some((numbers, name)) = bytes.split_at_checked(NUMBERS) else {
            continue;
        };
        let (numbers, _) = numbers.as_chunks::<8>();
        let number = |at: usize| u64::from_le_bytes(numbers[at]);
        let name = String::from_utf8_lossy(name).into_owned();
        running.push((name, [number(0), number(1), number(2)]));
    }
    Ok(running)
}

fn appending(path: &Path) -> io::Result<File> {
    OpenOptions::new().append(true).create(true).open(path)
}

fn append(file: &mut File, line: &(String, Known)) -> io::Result<()> {
    let mut text = serde_json::to_vec(line)?;
    text.push(b'\n');
    file.write_all(&text)
}

/// Reads what is done. The last line may be cut off.
fn read(path: &Path) -> io::Result<Vec<(String, Known)>> {
    let text = match fs::read(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        text => text?,
    };
    let lines = text.split(|&byte| byte == b'\n');
    Ok(lines
        .filter_map(|line| serde_json::from_slice(line).ok())
        .collect())
}
