//! An adapter in a child process, under bounds of time, memory and output.
//!
//! Always: a process that broke is dead before [`Process::ask`] returns, and the next question
//! starts another. Requests and answers go through pipes that never block this side. So a child
//! that neither reads nor writes only costs its time limit.

use std::collections::VecDeque;
use std::io::{self, Read, Write};
use std::os::fd::AsFd;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use gcrucible_protocol::{Answer, Request};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::{OFlags, fcntl_getfl, fcntl_setfl};
use rustix::process::{Pid, Signal, kill_process_group};

use super::catalog::Launch;
use super::spawn::spawn;
use super::transport::{Broken, Transport};

/// What a child may use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bounds {
    /// Time for one answer.
    pub time: Duration,
    /// Processor time for one answer. It is less than `time`, and is not used up by a process that
    /// waits for a processor.
    pub work: Duration,
    /// Resident memory, in bytes.
    pub memory: u64,
    /// Length of one answer, in bytes.
    pub answer: usize,
    /// After this many questions, the next session gets a new process.
    pub questions: u64,
}

impl Default for Bounds {
    fn default() -> Self {
        Bounds {
            time: Duration::from_secs(20),
            work: Duration::from_secs(5),
            memory: 4 << 30,
            answer: 64 << 20,
            questions: 2_000,
        }
    }
}

/// The interval at which the memory of a child is looked at while it works.
const TICK: Duration = Duration::from_millis(50);

/// How many bytes of a child's standard error are kept.
const STDERR_KEPT: usize = 16 << 10;

/// An adapter's command, and its process from the first question on.
#[derive(Debug)]
pub struct Process {
    launch: Launch,
    bounds: Bounds,
    running: Option<Running>,
}

#[derive(Debug)]
struct Running {
    child: Child,
    /// What came after the last complete line.
    rest: Vec<u8>,
    stderr: VecDeque<u8>,
    answered: u64,
    /// Whether it holds ended sessions that are still to be counted.
    keeps: bool,
}

impl Process {
    /// Makes an adapter that is started in this way at the first question.
    pub fn new(launch: Launch, bounds: Bounds) -> Process {
        Process {
            launch,
            bounds,
            running: None,
        }
    }

    /// Returns the command in one line.
    pub fn command(&self) -> String {
        self.launch.line()
    }

    fn start(&self) -> Result<Running, Broken> {
        let fail = |cause: String| Broken::Start {
            command: self.command(),
            cause,
        };
        let (program, args) = self
            .launch
            .command
            .split_first()
            .ok_or_else(|| fail("the command is empty".to_owned()))?;
        let mut command = Command::new(program);
        command
            .args(args)
            // A backtrace takes long to write, and its words depend on the machine.
            .env("RUST_BACKTRACE", "0")
            .envs(&self.launch.variables)
            .process_group(0);
        command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let child = spawn(command).map_err(|cause| fail(cause.to_string()))?;
        let running = Running {
            child,
            rest: Vec::new(),
            stderr: VecDeque::new(),
            answered: 0,
            keeps: false,
        };
        running
            .never_blocks()
            .map_err(|cause| fail(cause.to_string()))?;
        Ok(running)
    }
}

impl Transport for Process {
    fn ask(&mut self, request: &Request) -> Result<Answer, Broken> {
        let is_old =
            |running: &Running| running.answered >= self.bounds.questions && !running.keeps;
        // Within a session the process holds the session's instances.
        if begins_session(request) && self.running.as_ref().is_some_and(is_old) {
            self.running = None;
        }
        let mut running = match self.running.take() {
            Some(running) => running,
            None => self.start()?,
        };
        running.keeps = keeps_session(request, running.keeps);
        let line = serde_json::to_string(request).map_err(|cause| Broken::Garbage {
            line: String::new(),
            cause: cause.to_string(),
        })?;
        let line = in_ascii(&line);
        // On an error `running` is dropped here, which kills the process.
        let mut answer = running.exchange(&line, &self.bounds)?;
        running.answered += 1;
        if let (Answer::Hello(hello), Some(begins)) = (&mut answer, &self.launch.version_library) {
            let library = loaded_library(running.child.id(), begins);
            hello.version = library.unwrap_or_else(|| hello.version.clone());
        }
        self.running = Some(running);
        Ok(answer)
    }
}

impl Running {
    fn never_blocks(&self) -> io::Result<()> {
        let pipes = [
            self.child.stdin.as_ref().map(AsFd::as_fd),
            self.child.stdout.as_ref().map(AsFd::as_fd),
            self.child.stderr.as_ref().map(AsFd::as_fd),
        ];
        for pipe in pipes.into_iter().flatten() {
            fcntl_setfl(pipe, fcntl_getfl(pipe)? | OFlags::NONBLOCK)?;
        }
        Ok(())
    }

    /// Writes a line and reads one.
    fn exchange(&mut self, line: &[u8], bounds: &Bounds) -> Result<Answer, Broken> {
        let started = Instant::now();
        let deadline = started + bounds.time;
        let work = self.worked();
        let mut written = 0;
        loop {
            if let Some(end) = self.rest.iter().position(|&byte| byte == b'\n') {
                let line: Vec<u8> = self.rest.drain(..=end).collect();
                return parsed(&line);
            }
            if self.rest.len() > bounds.answer {
                return Err(Broken::Output {
                    limit: bounds.answer,
                });
            }
            let now = Instant::now();
            // Reading processor time costs more than most answers take.
            let is_long = now - started >= bounds.work && self.worked() - work >= bounds.work;
            if now >= deadline || is_long {
                let time = if is_long { bounds.work } else { bounds.time };
                return Err(Broken::Hung {
                    milliseconds: time.as_millis() as u64,
                    stderr: self.stderr_text(),
                });
            }
            self.within_memory(bounds.memory)?;
            self.wait((deadline - now).min(TICK), written < line.len());
            written += self.write_some(&line[written..]);
            self.read_stderr();
            if self.read_some()? {
                return Err(self.died());
            }
        }
    }

    /// Waits until a pipe has something to do, or the time is over.
    fn wait(&self, time: Duration, has_more: bool) {
        let mut waiting = Vec::new();
        let (stdin, stdout, stderr) = (&self.child.stdin, &self.child.stdout, &self.child.stderr);
        if let (Some(stdin), true) = (stdin, has_more) {
            waiting.push(PollFd::new(stdin, PollFlags::OUT));
        }
        waiting.extend(stdout.as_ref().map(|pipe| PollFd::new(pipe, PollFlags::IN)));
        waiting.extend(stderr.as_ref().map(|pipe| PollFd::new(pipe, PollFlags::IN)));
        let time = Timespec {
            tv_sec: time.as_secs() as i64,
            tv_nsec: i64::from(time.subsec_nanos()),
        };
        // An interrupted wait is a short one.
        let _ = poll(&mut waiting, Some(&time));
    }

    fn write_some(&mut self, bytes: &[u8]) -> usize {
        let Some(stdin) = self.child.stdin.as_mut().filter(|_| !bytes.is_empty()) else {
            return 0;
        };
        // If nobody reads this pipe any more, the other one ends, which is noticed there.
        stdin.write(bytes).unwrap_or(0)
    }

    /// Reads the available bytes. Returns true if the other side closed the pipe.
    fn read_some(&mut self) -> Result<bool, Broken> {
        let Some(stdout) = self.child.stdout.as_mut() else {
            return Ok(true);
        };
        let mut bytes = [0; 64 << 10];
        match stdout.read(&mut bytes) {
            Ok(0) => Ok(true),
            Ok(count) => {
                self.rest.extend_from_slice(&bytes[..count]);
                Ok(false)
            }
            Err(error) if is_nothing(&error) => Ok(false),
            Err(_) => Ok(true),
        }
    }

    /// Reads the available bytes of standard error, and keeps the last ones.
    fn read_stderr(&mut self) {
        let Some(stderr) = self.child.stderr.as_mut() else {
            return;
        };
        let mut bytes = [0; 16 << 10];
        match stderr.read(&mut bytes) {
            Ok(0) => self.child.stderr = None,
            Ok(count) => {
                self.stderr.extend(&bytes[..count]);
                let over = self.stderr.len().saturating_sub(STDERR_KEPT);
                self.stderr.drain(..over);
            }
            Err(error) if is_nothing(&error) => {}
            Err(_) => self.child.stderr = None,
        }
    }

    fn stderr_text(&self) -> String {
        let bytes: Vec<u8> = self.stderr.iter().copied().collect();
        String::from_utf8_lossy(&bytes).into_owned()
    }

    /// The processor time of the process so far.
    fn worked(&self) -> Duration {
        processor_time(self.child.id()).unwrap_or_default()
    }

    /// # Errors
    ///
    /// The process has more memory than it may.
    fn within_memory(&self, limit: u64) -> Result<(), Broken> {
        // After the process has ended, there is no limit to check.
        let bytes = resident_bytes(self.child.id()).unwrap_or(0);
        if bytes > limit {
            return Err(Broken::Memory { bytes, limit });
        }
        Ok(())
    }

    /// The process closed its output: it has ended, or it is about to.
    fn died(&mut self) -> Broken {
        let deadline = Instant::now() + Duration::from_secs(2);
        let status = loop {
            self.read_stderr();
            match self.child.try_wait() {
                Ok(Some(status)) => break Some(status),
                Ok(None) if Instant::now() < deadline => std::thread::sleep(TICK / 10),
                Ok(None) | Err(_) => break None,
            }
        };
        self.read_stderr();
        Broken::Died {
            how: status.map_or_else(|| "closing its output".to_owned(), how),
            stderr: self.stderr_text(),
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // Kills the whole group, which includes the children of a launcher. It is no error if a
        // process has ended already.
        if let Some(group) = Pid::from_raw(self.child.id() as i32) {
            let _ = kill_process_group(group, Signal::KILL);
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Returns the resident memory of a process in bytes. `None` if there is no such process.
pub fn resident_bytes(pid: u32) -> Option<u64> {
    let statm = std::fs::read_to_string(format!("/proc/{pid}/statm")).ok()?;
    let pages: u64 = statm.split(' ').nth(1)?.parse().ok()?;
    Some(pages * rustix::param::page_size() as u64)
}

/// Returns the processor time of a process. `None` if there is no such process.
pub fn processor_time(pid: u32) -> Option<Duration> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // Before the closing parenthesis stands the name of the program, which may have spaces.
    let (_, fields) = stat.rsplit_once(") ")?;
    let mut times = fields.split(' ').skip(11).map(str::parse::<u64>);
    let ticks = times.next()?.ok()? + times.next()?.ok()?;
    let per_second = rustix::param::clock_ticks_per_second();
    Some(Duration::from_millis(ticks * 1000 / per_second))
}

/// Returns the file name of a library that a process has loaded and whose name begins like this.
fn loaded_library(pid: u32, begins: &str) -> Option<String> {
    let maps = std::fs::read_to_string(format!("/proc/{pid}/maps")).ok()?;
    let mut files = maps.lines().filter_map(|line| line.rsplit_once('/'));
    let (_, name) = files.find(|(_, name)| name.starts_with(begins))?;
    Some(name.to_owned())
}

/// Returns true if the answer needs nothing that an earlier request made.
fn begins_session(request: &Request) -> bool {
    match request {
        Request::Hello { .. } | Request::Open { .. } => true,
        Request::Batch { requests } => requests.first().is_some_and(begins_session),
        Request::Load { .. }
        | Request::Instantiate { .. }
        | Request::Invoke { .. }
        | Request::Observe { .. }
        | Request::Live
        | Request::Close
        | Request::Keep { .. }
        | Request::Count => false,
    }
}

/// Returns whether an adapter that was asked this holds ended sessions.
fn keeps_session(request: &Request, before: bool) -> bool {
    match request {
        Request::Keep { .. } => true,
        Request::Count => false,
        Request::Batch { requests } => requests
            .iter()
            .fold(before, |before, request| keeps_session(request, before)),
        _ => before,
    }
}

/// Returns a line of JSON in ASCII, because the shells of some engines read bytes and not
/// characters. Other characters occur in strings only, where JSON can write them as escapes.
fn in_ascii(json: &str) -> Vec<u8> {
    let mut line = Vec::with_capacity(json.len() + 1);
    for c in json.chars() {
        if c.is_ascii() {
            line.push(c as u8);
            continue;
        }
        for unit in c.encode_utf16(&mut [0; 2]) {
            line.extend_from_slice(format!("\\u{unit:04x}").as_bytes());
        }
    }
    line.push(b'\n');
    line
}

fn is_nothing(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted
    )
}

fn how(status: ExitStatus) -> String {
    match (status.code(), status.signal()) {
        (Some(code), _) => format!("exit status {code}"),
        (None, Some(signal)) => format!("signal {signal}"),
        (None, None) => "an unknown way".to_owned(),
    }
}

fn parsed(line: &[u8]) -> Result<Answer, Broken> {
    serde_json::from_slice(line).map_err(|cause| {
        let text = String::from_utf8_lossy(&line[..line.len().min(200)]);
        Broken::Garbage {
            line: text.trim_end().to_owned(),
            cause: cause.to_string(),
        }
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use gcrucible_protocol::Ended;

    use super::*;

    fn start(command: &[&str], bounds: Bounds) -> Process {
        let launch = Launch {
            command: command.iter().map(Into::into).collect(),
            variables: BTreeMap::from([("KIND".to_owned(), "test".to_owned())]),
            version_library: None,
        };
        Process::new(launch, bounds)
    }

    fn shell(script: &str, bounds: Bounds) -> Process {
        start(&["/bin/sh", "-c", script], bounds)
    }

    fn quick() -> Bounds {
        Bounds {
            time: Duration::from_millis(400),
            work: Duration::from_secs(1),
            memory: 1 << 30,
            answer: 1 << 16,
            questions: 3,
        }
    }

    const ECHO: &str = "while read line; do echo '{\"ended\":\"returned\"}'; done";

    const HELLO: Request = Request::Hello {
        protocol: gcrucible_protocol::VERSION,
    };

    fn returned() -> Result<Answer, Broken> {
        Ok(Answer::Ended(Ended::Returned))
    }

    fn answered(process: &Process) -> Option<u64> {
        process.running.as_ref().map(|running| running.answered)
    }

    #[test]
    fn the_version_is_the_name_of_a_loaded_library() {
        let own = std::process::id();
        let library = loaded_library(own, "libc.so").expect("every program here loads it");
        assert!(library.starts_with("libc.so"));
        assert_eq!(loaded_library(own, "no library"), None);
    }

    #[test]
    fn requests_are_ascii() {
        assert_eq!(
            in_ascii("{\"a\":\"é𝄞\"}"),
            b"{\"a\":\"\\u00e9\\ud834\\udd1e\"}\n"
        );
    }

    #[test]
    fn a_process_that_only_works_has_less_time_than_one_that_waits() {
        let bounds = Bounds {
            time: Duration::from_secs(60),
            work: Duration::from_millis(300),
            ..quick()
        };
        let broken = shell("read line; while :; do :; done", bounds).ask(&HELLO);
        let is_hung = matches!(
            broken,
            Err(Broken::Hung {
                milliseconds: 300,
                ..
            })
        );
        assert!(is_hung, "{broken:?}");
    }

    #[test]
    fn a_process_serves_many_questions_and_is_replaced() {
        let mut process = shell(
            ECHO,
            Bounds {
                time: Duration::from_secs(20),
                ..quick()
            },
        );
        for expected in [1, 2, 3, 1] {
            assert_eq!(process.ask(&HELLO), returned());
            assert_eq!(answered(&process), Some(expected));
        }
    }

    #[test]
    fn a_process_is_not_replaced_within_a_session() {
        let patient = Bounds {
            time: Duration::from_secs(20),
            ..quick()
        };
        let batch = |first: Request| Request::Batch {
            requests: vec![first, Request::Live],
        };
        let mut process = shell(ECHO, patient);
        for (request, expected) in [
            (HELLO, 1),
            (batch(Request::Close), 2),
            (Request::Close, 3),
            (Request::Live, 4),
            (batch(Request::Live), 5),
            (batch(HELLO), 1),
        ] {
            assert_eq!(process.ask(&request), returned());
            assert_eq!(answered(&process), Some(expected), "{request:?}");
        }
    }

    #[test]
    fn each_way_to_break_has_a_name() {
        let ask = |script: &str| shell(script, quick()).ask(&Request::Live);
        let died = |result: Result<Answer, Broken>| match result {
            Err(Broken::Died { how, stderr }) => (how, stderr),
            other => panic!("{other:?}"),
        };
        assert_eq!(died(ask("read l; kill -9 $$")).0, "signal 9");
        let (how, stderr) = died(ask("read l; echo oh no >&2; exit 7"));
        assert_eq!(
            (how.as_str(), stderr.as_str()),
            ("exit status 7", "oh no\n")
        );
        assert!(matches!(ask("sleep 60"), Err(Broken::Hung { .. })));
        assert!(matches!(
            ask("read l; echo hello"),
            Err(Broken::Garbage { .. })
        ));
        let endless = "read l; while :; do printf '%01000d' 0; done";
        assert!(matches!(ask(endless), Err(Broken::Output { .. })));
        let chatty = "read l; while :; do echo no >&2; done";
        assert!(matches!(ask(chatty), Err(Broken::Hung { .. })));
        let missing = start(&["/nonexistent/engine"], quick()).ask(&Request::Live);
        assert!(
            matches!(&missing, Err(broken) if !broken.is_finding()),
            "{missing:?}"
        );
    }

    #[test]
    fn memory_is_bounded() {
        let bounds = Bounds {
            memory: 4096,
            ..quick()
        };
        let broken = shell("sleep 60", bounds).ask(&Request::Live);
        assert!(
            matches!(broken, Err(Broken::Memory { limit: 4096, .. })),
            "{broken:?}"
        );
    }

    #[test]
    fn a_question_larger_than_a_pipe_arrives_though_the_child_writes_first() {
        // The shell reads a line byte by byte.
        let bounds = Bounds {
            time: Duration::from_secs(60),
            work: Duration::from_secs(60),
            ..quick()
        };
        let script = format!("printf '%030000d' 0 >&2; {ECHO}");
        let mut process = shell(&script, bounds);
        let big = Request::Load {
            module: 0,
            wasm: "A".repeat(1 << 20),
        };
        assert_eq!(process.ask(&big), returned());
        process.running = None;
        assert_eq!(process.ask(&big), returned());
    }

    #[test]
    fn after_a_break_the_next_question_goes_to_a_new_process() {
        let folder = tempfile::tempdir().expect("a folder");
        let mark = folder.path().join("mark");
        let script = format!(
            "if [ -e {0} ]; then {ECHO}; else touch {0}; exit 1; fi",
            mark.display()
        );
        let mut process = shell(
            &script,
            Bounds {
                time: Duration::from_secs(20),
                ..quick()
            },
        );
        assert!(matches!(
            process.ask(&Request::Live),
            Err(Broken::Died { .. })
        ));
        assert_eq!(process.ask(&Request::Live), returned());
    }
}
