//! Short runs of `gcrucible fuzz`, each disturbed in one way, and what must hold afterwards:
//!
//! - the exit status is one that the disturbance allows;
//! - healthy engines have no finding;
//! - the summary is written as JSON, unless nobody could write it;
//! - no process stays behind, and no folder that the next run does not remove.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant, SystemTime};

use rustix::process::{Pid, Signal, kill_process};

/// What happens to a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Disturbance {
    /// Nothing.
    None,
    /// Somebody kills a worker.
    WorkerKilled,
    /// A worker stands still until it is taken for hung.
    WorkerStopped,
    /// The run gets this signal.
    Signal(Signal),
    /// Somebody kills the run itself.
    Killed,
    /// Nobody reads standard output and standard error.
    Closed,
    /// There is no room for the summary.
    Full,
    /// The program's file is gone.
    Removed,
    /// A worker has hardly any address space, so that no engine starts.
    Tiny,
}

impl Disturbance {
    /// All of them.
    pub const ALL: [Disturbance; 11] = [
        Disturbance::None,
        Disturbance::WorkerKilled,
        Disturbance::Signal(Signal::INT),
        Disturbance::Signal(Signal::TERM),
        Disturbance::Signal(Signal::HUP),
        Disturbance::Killed,
        Disturbance::Closed,
        Disturbance::Full,
        Disturbance::Removed,
        Disturbance::Tiny,
        Disturbance::WorkerStopped,
    ];

    /// The exit statuses that it allows. None if the run is killed.
    fn statuses(self) -> &'static [i32] {
        match self {
            Disturbance::Killed => &[],
            Disturbance::Full | Disturbance::Tiny => &[3],
            _ => &[0],
        }
    }
}

/// A run that has begun, in a folder of its own.
struct Run {
    child: Child,
    place: tempfile::TempDir,
    program: PathBuf,
}

/// Runs `program` for a moment with one disturbance, `delay` after its beginning.
///
/// # Panics
///
/// Something does not hold that must.
pub fn disturbed(program: &Path, disturbance: Disturbance, delay: Duration) {
    let mut run = Run::begin(program, disturbance);
    std::thread::sleep(delay);
    run.disturb(disturbance);
    let status = run.child.wait().expect("the run ends");
    run.check(disturbance, status);
}

impl Run {
    fn begin(program: &Path, disturbance: Disturbance) -> Run {
        let place = tempfile::tempdir().expect("a temporary folder");
        let copy = place.path().join("gcrucible");
        fs::copy(program, &copy).expect("a copy of the program");
        fs::create_dir(place.path().join("scratch")).expect("a folder");
        let json = match disturbance {
            Disturbance::Full => PathBuf::from("/dev/full"),
            _ => place.path().join("json"),
        };
        let mut command = Command::new("sh");
        let limit = match disturbance {
            Disturbance::Tiny => "ulimit -v 400000; exec \"$@\"",
            _ => "exec \"$@\"",
        };
        command.args(["-c", limit, "sh"]).arg(&copy);
        let hang = if disturbance == Disturbance::WorkerStopped {
            "3"
        } else {
            "60"
        };
        command
            .args(["fuzz", "--target", "types", "--target", "table_ops"])
            .args(["--jobs", "2", "--time", "4", "--hang", hang, "--json"])
            .arg(json)
            .arg("--out")
            .arg(place.path().join("findings"))
            .env("TMPDIR", place.path().join("scratch"))
            .stdin(Stdio::null());
        if disturbance == Disturbance::Closed {
            let (reader, writer) = std::io::pipe().expect("a pipe");
            drop(reader);
            command.stdout(writer.try_clone().expect("a pipe"));
            command.stderr(writer);
        } else {
            command.stdout(Stdio::null()).stderr(Stdio::null());
        }
        Run {
            child: command.spawn().expect("the run starts"),
            place,
            program: copy,
        }
    }

    fn disturb(&mut self, disturbance: Disturbance) {
        let own = Pid::from_child(&self.child);
        match disturbance {
            Disturbance::WorkerKilled => self.signal_a_worker(Signal::KILL),
            Disturbance::WorkerStopped => self.signal_a_worker(Signal::STOP),
            Disturbance::Signal(signal) => kill_process(own, signal).expect("a signal"),
            Disturbance::Killed => self.child.kill().expect("a signal"),
            Disturbance::Removed => fs::remove_file(&self.program).expect("the file goes"),
            Disturbance::None | Disturbance::Closed | Disturbance::Full | Disturbance::Tiny => {}
        }
    }

    fn signal_a_worker(&self, signal: Signal) {
        let started = Instant::now();
        while started.elapsed() < Duration::from_secs(10) {
            if let Some(&worker) = self.workers().first() {
                // It may have ended meanwhile.
                let _ = kill_process(worker, signal);
                return;
            }
        }
    }

    /// The workers that run, known by the folder that their records are in.
    fn workers(&self) -> Vec<Pid> {
        let scratch = self.place.path().join("scratch");
        let scratch = scratch.to_string_lossy();
        let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
        let of_this_run = entries.filter_map(|entry| {
            let pid: i32 = entry.file_name().to_str()?.parse().ok()?;
            let line = fs::read(entry.path().join("cmdline")).ok()?;
            let line = String::from_utf8_lossy(&line).into_owned();
            let is_worker = line.contains("worker") && line.contains(&*scratch);
            is_worker.then(|| Pid::from_raw(pid)).flatten()
        });
        of_this_run.collect()
    }

    fn check(&self, disturbance: Disturbance, status: ExitStatus) {
        let place = self.place.path();
        let allowed = disturbance.statuses();
        let is_allowed = match status.code() {
            Some(code) => allowed.contains(&code),
            None => allowed.is_empty(),
        };
        assert!(is_allowed, "{disturbance:?} ends with {status}");
        assert!(
            !place.join("findings").exists(),
            "{disturbance:?}: a finding"
        );
        if allowed == [0] {
            let text = fs::read(place.join("json"));
            let text = text.unwrap_or_else(|why| panic!("{disturbance:?}: no summary: {why}"));
            let json: serde_json::Value = serde_json::from_slice(&text).expect("JSON");
            assert_eq!(
                json["findings"].as_u64(),
                Some(0),
                "{disturbance:?}: {json}"
            );
        }
        let started = Instant::now();
        while !self.workers().is_empty() {
            let patient = started.elapsed() < Duration::from_secs(20);
            assert!(patient, "{disturbance:?}: a worker stays behind");
            std::thread::sleep(Duration::from_millis(20));
        }
        if disturbance == Disturbance::Killed {
            self.clean();
        }
        let left = fs::read_dir(place.join("scratch"))
            .expect("a folder")
            .count();
        assert_eq!(left, 0, "{disturbance:?}: a folder stays behind");
    }

    /// Lets another run remove what this one has left.
    fn clean(&self) {
        let old = SystemTime::now() - Duration::from_secs(60);
        for entry in fs::read_dir(self.place.path().join("scratch")).expect("a folder") {
            let path = entry.expect("an entry").path();
            let folder = fs::File::open(path).expect("a folder");
            folder.set_modified(old).expect("its owner can do that");
        }
        let status = Command::new(&self.program)
            .args(["fuzz", "--target", "types", "--runs", "1", "--jobs", "1"])
            .env("TMPDIR", self.place.path().join("scratch"))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status();
        assert!(status.expect("the next run").success());
    }
}
