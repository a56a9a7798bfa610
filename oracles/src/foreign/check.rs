//! Checks that an adapter keeps the protocol. There is one check for each promise, in the order in
//! which an author would write an adapter.
//!
//! Not here: faults of the engine. Programs find them, through [`Foreign`](super::Foreign).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use gcrucible_protocol::request::{NamedFunction, Tried};
use gcrucible_protocol::{
    Answer, Call, CollectorKind, Counting, Ended, Hello, HostFunction, HostObjects, Import, Limits,
    Request, Source, VERSION,
};

use super::probe::helper;
use super::transport::{Broken, Transport};

/// A promise of the protocol, and how an adapter keeps it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Check {
    /// The promise.
    pub promise: &'static str,
    /// What is wrong, if it is not kept.
    pub kept: Result<(), String>,
}

/// Asks an adapter for everything that the protocol promises. Ends early if it gives no answer.
pub fn check(transport: &mut dyn Transport) -> Vec<Check> {
    let mut checks = Checks {
        transport,
        done: Vec::new(),
    };
    // The broken pipe is in the last check.
    let _ = checks.all();
    checks.done
}

struct Checks<'a> {
    transport: &'a mut dyn Transport,
    done: Vec<Check>,
}

/// The adapter gave no answer: nothing more can be asked.
struct Silent;

const NONE: u32 = 99;

fn call(instance: u32, export: &str) -> Call {
    Call {
        instance,
        export: export.to_owned(),
    }
}

fn invoke(export: &str) -> Request {
    Request::Invoke {
        call: call(0, export),
        args: Vec::new(),
        then: None,
        caught: None,
    }
}

fn load(module: u32, wasm: &[u8]) -> Request {
    Request::Load {
        module,
        wasm: BASE64.encode(wasm),
    }
}

fn instantiate(instance: u32, imports: Vec<Import>) -> Request {
    Request::Instantiate {
        module: 0,
        instance,
        imports,
        caught: None,
    }
}

fn open() -> Request {
    Request::Open {
        limits: Limits {
            heap_bytes: 16 << 20,
            memory_bytes: 8 << 20,
            table_elements: 20_000,
            milliseconds: 10_000,
        },
        schedule: "pressure".to_owned(),
        answers: Vec::new(),
        traps: BASE64.encode(helper::traps()),
    }
}

fn host_functions() -> Vec<Import> {
    let function = "trap".to_owned();
    let tried = HostFunction::Call(NamedFunction { function });
    let attempt = HostFunction::Try(Tried {
        function: Box::new(tried),
    });
    [("extern", HostFunction::Extern), ("try", attempt)]
        .into_iter()
        .map(|(name, function)| Import {
            module: "h".to_owned(),
            name: name.to_owned(),
            from: Source::Host(function),
        })
        .collect()
}

fn returned(answer: &Answer) -> bool {
    *answer == Answer::Ended(Ended::Returned)
}

fn rejected(answer: &Answer, at: &[&str]) -> bool {
    matches!(answer, Answer::Ended(Ended::Rejected { stage, .. }) if at.contains(&stage.as_str()))
}

impl Checks<'_> {
    fn all(&mut self) -> Result<(), Silent> {
        let Some(hello) = self.greeting()? else {
            return Ok(());
        };
        self.ask("`open` begins a session", &open(), returned)?;
        let early: &[&str] = &["malformed", "invalid", "refused"];
        self.ask(
            "`load` refuses what is no module",
            &load(7, b"\0asm?"),
            |answer| rejected(answer, early),
        )?;
        self.ask(
            "`load` takes a module",
            &load(0, &helper::checked()),
            returned,
        )?;
        let skipped = |answer: &Answer| *answer == Answer::Ended(Ended::Skipped);
        let unknown = Request::Instantiate {
            module: NONE,
            instance: 1,
            imports: Vec::new(),
            caught: None,
        };
        self.ask("`instantiate` skips an unknown module", &unknown, skipped)?;
        self.ask(
            "`instantiate` refuses if an import is missing",
            &instantiate(5, Vec::new()),
            |answer| rejected(answer, &["unlinkable"]),
        )?;
        self.ask(
            "`instantiate` makes an instance",
            &instantiate(0, host_functions()),
            returned,
        )?;
        self.ask("`invoke` calls", &invoke("write"), returned)?;
        let trap = |answer: &Answer| match answer {
            Answer::Ended(Ended::Trapped { kinds, .. }) => {
                kinds.iter().any(|kind| kind == "unreachable")
            }
            _ => false,
        };
        self.ask("`invoke` tells a trap and its kind", &invoke("trap"), trap)?;
        self.ask(
            "`try` returns 1 for a trap, and the program goes on",
            &invoke("survive"),
            returned,
        )?;
        let absent = Request::Invoke {
            call: call(NONE, "write"),
            args: Vec::new(),
            then: None,
            caught: None,
        };
        self.ask("`invoke` skips an unknown instance", &absent, skipped)?;
        self.observing()?;
        self.counting(&hello)?;
        self.batch()?;
        self.ask("`close` ends the session", &Request::Close, returned)?;
        self.keeping(&hello)
    }

    fn greeting(&mut self) -> Result<Option<Hello>, Silent> {
        const PROMISE: &str = "`hello` is answered with this version of the protocol";
        let request = Request::Hello { protocol: VERSION };
        let mut hello = None;
        self.ask(PROMISE, &request, |answer| match answer {
            Answer::Hello(theirs) if theirs.protocol == VERSION => {
                hello = Some(theirs.clone());
                true
            }
            _ => false,
        })?;
        Ok(hello)
    }

    fn observing(&mut self) -> Result<(), Silent> {
        let skipped = |answer: &Answer| *answer == Answer::Ended(Ended::Skipped);
        let absent = Request::Observe {
            calls: vec![call(0, "trap"), call(NONE, "write")],
            length: call(0, "length"),
            memories: Vec::new(),
        };
        self.ask(
            "`observe` calls nothing if something is unknown",
            &absent,
            skipped,
        )?;
        let observe = Request::Observe {
            calls: vec![call(0, "write")],
            length: call(0, "length"),
            memories: vec![call(0, "out")],
        };
        self.ask(
            "`observe` reads bytes and memories",
            &observe,
            |answer| match answer {
                Answer::Bytes { bytes, memories } => {
                    let block = memories.first().and_then(|memory| memory.blocks.get(&0));
                    let first = block.and_then(|block| BASE64.decode(block).ok());
                    *bytes == BASE64.encode([42])
                        && first.is_some_and(|block| block.first() == Some(&42))
                        && memories
                            .first()
                            .is_some_and(|memory| memory.length == 65_536)
                }
                _ => false,
            },
        )
    }

    /// A host object that is kept, and ten that are dropped.
    fn counting(&mut self, hello: &Hello) -> Result<(), Silent> {
        const PROMISE: &str = "`live` counts the host objects that are left";
        let counts = hello.capabilities.host_objects;
        let frees = hello.capabilities.reclaims != CollectorKind::Nothing;
        if counts == HostObjects::Unknown {
            return Ok(());
        }
        for export in ["waste", "keep"].into_iter().cycle().take(20) {
            self.transport
                .ask(&invoke(export))
                .map_err(|broken| self.broke(PROMISE, &broken))?;
        }
        self.ask(PROMISE, &Request::Live, |answer| match answer {
            Answer::Live(Counting { created, alive, .. }) => {
                let exact = if frees { 1 } else { 20 };
                let fits = match counts {
                    HostObjects::AtLeast => *alive >= exact,
                    _ => *alive == exact,
                };
                *created == 20 && fits
            }
            _ => false,
        })
    }

    /// Two sessions, each with a host object that is kept and one that is dropped.
    fn keeping(&mut self, hello: &Hello) -> Result<(), Silent> {
        const PROMISE: &str = "`count` counts the host objects of each session that is kept";
        if hello.capabilities.keeps_sessions == 0 {
            return Ok(());
        }
        let (made, numbers) = (helper::checked(), [3, 4]);
        for number in numbers {
            let mut requests = vec![open(), load(0, &made), instantiate(0, host_functions())];
            requests.extend(["waste", "keep"].map(invoke));
            requests.push(Request::Keep { session: number });
            self.transport
                .ask(&Request::Batch { requests })
                .map_err(|broken| self.broke(PROMISE, &broken))?;
        }
        let exact = hello.capabilities.host_objects == HostObjects::Exact;
        let right = |counting: &Counting| {
            counting.created == 2 && counting.alive >= 1 && (counting.alive == 1 || !exact)
        };
        self.ask(PROMISE, &Request::Count, |answer| match answer {
            Answer::Counts(counts) => {
                counts.keys().copied().eq(numbers) && counts.values().all(right)
            }
            _ => false,
        })
    }

    fn batch(&mut self) -> Result<(), Silent> {
        let requests = vec![Request::Live, invoke("trap"), invoke("write")];
        let request = Request::Batch { requests };
        self.ask(
            "`batch` is answered one by one, in order",
            &request,
            |answer| match answer {
                Answer::Batch(answers) => matches!(
                    answers.as_slice(),
                    [
                        Answer::Live(_) | Answer::Ended(_),
                        Answer::Ended(Ended::Trapped { .. }),
                        Answer::Ended(Ended::Returned)
                    ]
                ),
                _ => false,
            },
        )
    }

    fn ask(
        &mut self,
        promise: &'static str,
        request: &Request,
        mut keeps: impl FnMut(&Answer) -> bool,
    ) -> Result<(), Silent> {
        let answer = self
            .transport
            .ask(request)
            .map_err(|broken| self.broke(promise, &broken))?;
        let kept = if keeps(&answer) {
            Ok(())
        } else {
            let asked = serde_json::to_string(request).unwrap_or_default();
            let given = serde_json::to_string(&answer).unwrap_or_default();
            Err(format!(
                "{} was answered with {}",
                short(&asked),
                short(&given)
            ))
        };
        self.done.push(Check { promise, kept });
        Ok(())
    }

    fn broke(&mut self, promise: &'static str, broken: &Broken) -> Silent {
        let kept = Err(broken.to_string());
        self.done.push(Check { promise, kept });
        Silent
    }
}

/// The beginning of a text.
fn short(text: &str) -> String {
    const MOST: usize = 300;
    if text.chars().count() <= MOST {
        return text.to_owned();
    }
    let start: String = text.chars().take(MOST).collect();
    format!("{start}...")
}
