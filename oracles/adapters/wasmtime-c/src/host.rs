//! Functions of the host. Each is an operation of the C interface.

use gcrucible_protocol::request::TableOperation;
use gcrucible_protocol::{Failed, HostFunction};

use crate::library::Opaque;
use crate::session::{Extern, Halt, HostEnv, Session, extern_kind};
use crate::value::{Values, kind, kind_of, unsigned};

/// The numbers that the module of traps knows.
const UNREACHABLE: u64 = 0;
const CAST_FAILURE: u64 = 1;
const TABLE_BOUNDS: u64 = 2;
const UNDEFINED_ELEMENT: u64 = 3;
const NULL_REFERENCE: u64 = 4;

/// Returns the C function behind every function of the host. The environment says which one it is.
///
/// # Safety
///
/// Called by the library only, with the environment that the function was made with.
pub unsafe extern "C" fn callback(
    env: Opaque,
    _caller: Opaque,
    args: *const u64,
    arg_count: usize,
    results: *mut u64,
    result_count: usize,
) -> Opaque {
    // SAFETY: the environment was made by `answers`, and lives as long as the session.
    let env = unsafe { &*env.cast::<HostEnv>() };
    // SAFETY: the session outlives its store's functions, and nobody borrows it exclusively.
    let session = unsafe { &*env.session };
    let stride = session.library.value_words();
    let mut given = Values::zeros(0, stride);
    if arg_count > 0 {
        // SAFETY: the library gives so many arguments of that size (W3).
        let words = unsafe { std::slice::from_raw_parts(args, arg_count * stride) };
        words.chunks(stride).for_each(|value| given.push(value));
    }
    let is_probing = matches!(
        env.function,
        HostFunction::ExternIdOrNone | HostFunction::FuncId | HostFunction::Rethrow
    );
    if !is_probing {
        session.point();
    }
    let ended = env.perform(session, &env.function, &given);
    if !is_probing {
        session.point();
    }
    if !session.library.owns_values_of_calls() {
        session.free(given);
    }
    match ended {
        Ok(values) => {
            if result_count > 0 {
                // SAFETY: the library has room for so many results of that size (W3).
                let room =
                    unsafe { std::slice::from_raw_parts_mut(results, result_count * stride) };
                for (at, result) in room.chunks_mut(stride).enumerate().take(values.len()) {
                    result.copy_from_slice(values.get(at));
                }
            }
            if !session.library.owns_values_of_calls() {
                session.pending.borrow_mut().push(values);
            }
            std::ptr::null_mut()
        }
        Err(Halt::Trap(trap)) => trap,
        Err(Halt::Error(error)) => pass_on(session, error),
    }
}

/// Returns a trap for the caller of a host function whose own call failed with `error`. It carries
/// the exception that ended the call, or the error's words.
fn pass_on(session: &Session, error: Opaque) -> Opaque {
    let text = session.error_text(error);
    if let (Some(exception), Some(set)) = (
        session.take_exception(),
        session.library.varying.set_exception,
    ) {
        // SAFETY: W1, W2.
        let trap = unsafe { set(session.context, exception.get(0)[1..].as_ptr()) };
        session.free(exception);
        return trap;
    }
    session.new_trap(&text)
}

impl HostEnv {
    fn exported(&self, session: &Session, name: &str, kind: u64) -> Result<Extern, Halt> {
        let found = session.export_of(self.importer, name);
        found
            .filter(|found| found[0] & 0xff == kind)
            .ok_or_else(|| session.trap(UNREACHABLE))
    }

    fn table(&self, session: &Session, name: &str) -> Result<Table, Halt> {
        let found = self.exported(session, name, extern_kind::TABLE)?;
        Ok(Table([found[1], found[2], found[3]]))
    }

    fn func(&self, session: &Session, name: &str) -> Result<[u64; 2], Halt> {
        let found = self.exported(session, name, extern_kind::FUNC)?;
        Ok([found[1], found[2]])
    }

    /// Performs a function of which a failure is a result.
    fn attempt(
        &self,
        session: &Session,
        function: &HostFunction,
        args: &Values,
    ) -> Result<Values, Halt> {
        let code = |code: u32| Ok(session.plain(kind::I32, code.into()));
        let halt = match self.perform(session, function, args) {
            Ok(results) => {
                session.free(results);
                return code(Failed::RETURNED);
            }
            Err(halt) => halt,
        };
        let failed = session.failed(halt)?;
        if failed == Failed::Threw {
            let exception = session.take_exception();
            session.free(exception.ok_or_else(|| session.unsupported())?);
        }
        code(failed.code())
    }

    fn perform(
        &self,
        session: &Session,
        function: &HostFunction,
        args: &Values,
    ) -> Result<Values, Halt> {
        let nothing = || Ok(session.values(0));
        let number = |value: i64| Ok(session.plain(kind::I32, value as u64 & 0xffff_ffff));
        match function {
            HostFunction::Gc => {
                session.collect();
                nothing()
            }
            HostFunction::Live => {
                session.collect();
                let answer = session.answers.borrow_mut().pop_front();
                number(i64::from(answer.unwrap_or(0)))
            }
            HostFunction::Extern => Ok(session.new_host(unsigned(args.get(0)) as u32)),
            HostFunction::ExternId => match session.host_number(args.get(0)) {
                Some(found) => number(i64::from(found)),
                None => Err(session.trap(NULL_REFERENCE)),
            },
            HostFunction::ExternIdOrNone => {
                number(session.host_number(args.get(0)).map_or(-1, i64::from))
            }
            HostFunction::FuncId => number(i64::from(func_id(session, args.get(0)))),
            HostFunction::Hold(hierarchy) => {
                let kept = session.copy(args.get(0));
                let mut handles = session.handles.borrow_mut();
                handles.push(Some((hierarchy.top, kept)));
                number(handles.len() as i64 - 1)
            }
            HostFunction::Held(hierarchy) => {
                let at = unsigned(args.get(0)) as usize;
                let handles = session.handles.borrow();
                match handles.get(at).and_then(Option::as_ref) {
                    Some((top, kept)) if *top == hierarchy.top => Ok(session.copy(kept.get(0))),
                    _ => {
                        drop(handles);
                        Err(session.trap(UNDEFINED_ELEMENT))
                    }
                }
            }
            HostFunction::Release => {
                let at = unsigned(args.get(0)) as usize;
                let kept = session
                    .handles
                    .borrow_mut()
                    .get_mut(at)
                    .and_then(Option::take);
                let (_, kept) = kept.ok_or_else(|| session.trap(UNDEFINED_ELEMENT))?;
                session.free(kept);
                nothing()
            }
            HostFunction::GlobalGet(named) => {
                let global = self.exported(session, &named.global, extern_kind::GLOBAL)?;
                let mut value = session.values(1);
                // SAFETY: W1, W2, W3.
                unsafe {
                    (session.library.symbols.wasmtime_global_get)(
                        session.context,
                        global[1..].as_ptr(),
                        value.as_mut_ptr(),
                    );
                }
                Ok(value)
            }
            HostFunction::GlobalSet(named) => {
                let global = self.exported(session, &named.global, extern_kind::GLOBAL)?;
                // SAFETY: W1, W2, W3.
                let error = unsafe {
                    (session.library.symbols.wasmtime_global_set)(
                        session.context,
                        global[1..].as_ptr(),
                        args.as_ptr(),
                    )
                };
                fitting(session, error)
            }
            HostFunction::Call(named) => session.call(self.func(session, &named.function)?, args),
            HostFunction::CallGc(named) => {
                let ended = session.call(self.func(session, &named.function)?, args);
                session.collect();
                ended
            }
            HostFunction::Try(tried) => self.attempt(session, &tried.function, args),
            HostFunction::Rethrow => Err(rethrow(session)),
            HostFunction::StructNew | HostFunction::ArrayNew => Err(session.trap(UNREACHABLE)),
            HostFunction::TableGet(of)
            | HostFunction::TableSet(of)
            | HostFunction::TableGrow(of)
            | HostFunction::TableFill(of)
            | HostFunction::TableSize(of) => self.table_operation(session, (function, of), args),
            HostFunction::TableCopy(of) => {
                let to = self.table(session, &of.to)?;
                let from = self.table(session, &of.from)?;
                let [d, s, n] = [0, 1, 2].map(|at| unsigned(args.get(at)));
                from.within(session, s, n)?;
                to.within(session, d, n)?;
                for i in 0..n {
                    let at = if d <= s { i } else { n - 1 - i };
                    let element = from.get(session, s + at)?;
                    let ended = to.set(session, d + at, element.get(0));
                    session.free(element);
                    ended?;
                }
                nothing()
            }
        }
    }

    fn table_operation(
        &self,
        session: &Session,
        (function, of): (&HostFunction, &TableOperation),
        args: &Values,
    ) -> Result<Values, Halt> {
        let table = self.table(session, &of.table)?;
        let size_kind = if of.wide { kind::I64 } else { kind::I32 };
        let sized = |size: u64| {
            let bits = if of.wide { size } else { size & 0xffff_ffff };
            session.plain(size_kind, bits)
        };
        match function {
            HostFunction::TableSize(_) => Ok(sized(table.size(session))),
            HostFunction::TableGet(_) => {
                let at = unsigned(args.get(0));
                table.within(session, at, 1)?;
                table.get(session, at)
            }
            HostFunction::TableSet(_) => {
                let at = unsigned(args.get(0));
                table.within(session, at, 1)?;
                table.set(session, at, args.get(1))?;
                Ok(session.values(0))
            }
            HostFunction::TableFill(_) => {
                let (from, count) = (unsigned(args.get(0)), unsigned(args.get(2)));
                table.within(session, from, count)?;
                for at in from..from + count {
                    table.set(session, at, args.get(1))?;
                }
                Ok(session.values(0))
            }
            _ => {
                let mut old = 0;
                // SAFETY: W1, W2, W3.
                let error = unsafe {
                    (session.library.symbols.wasmtime_table_grow)(
                        session.context,
                        table.0.as_ptr(),
                        unsigned(args.get(1)),
                        args.as_ptr(),
                        &raw mut old,
                    )
                };
                if error.is_null() {
                    return Ok(sized(old));
                }
                if session.error_text(error).contains("type mismatch") {
                    return Err(session.trap(CAST_FAILURE));
                }
                Ok(sized(u64::MAX))
            }
        }
    }
}

/// An exported table.
struct Table([u64; 3]);

impl Table {
    fn size(&self, session: &Session) -> u64 {
        // SAFETY: W1, W2.
        unsafe { (session.library.symbols.wasmtime_table_size)(session.context, self.0.as_ptr()) }
    }

    fn within(&self, session: &Session, from: u64, count: u64) -> Result<(), Halt> {
        match from.checked_add(count) {
            Some(end) if end <= self.size(session) => Ok(()),
            _ => Err(session.trap(TABLE_BOUNDS)),
        }
    }

    fn get(&self, session: &Session, at: u64) -> Result<Values, Halt> {
        let mut value = session.values(1);
        // SAFETY: W1, W2, W3.
        let is_there = unsafe {
            (session.library.symbols.wasmtime_table_get)(
                session.context,
                self.0.as_ptr(),
                at,
                value.as_mut_ptr(),
            )
        };
        if is_there {
            Ok(value)
        } else {
            Err(session.trap(TABLE_BOUNDS))
        }
    }

    fn set(&self, session: &Session, at: u64, value: &[u64]) -> Result<(), Halt> {
        // SAFETY: W1, W2, W3.
        let error = unsafe {
            (session.library.symbols.wasmtime_table_set)(
                session.context,
                self.0.as_ptr(),
                at,
                value.as_ptr(),
            )
        };
        fitting(session, error).map(drop)
    }
}

/// Returns nothing, or the trap for the error of an operation that writes a value. The error is
/// null if the value was written.
fn fitting(session: &Session, error: Opaque) -> Result<Values, Halt> {
    if error.is_null() {
        return Ok(session.values(0));
    }
    let text = session.error_text(error);
    let is_immutable = text.contains("immutable");
    Err(session.trap(if is_immutable {
        UNREACHABLE
    } else {
        CAST_FAILURE
    }))
}

fn func_id(session: &Session, value: &[u64]) -> i32 {
    if kind_of(value) != kind::FUNCREF {
        return -1;
    }
    let func = [value[1], value[2]];
    // SAFETY: W1, W2; a reference to a function that is not null.
    let address =
        unsafe { (session.library.symbols.wasmtime_func_to_raw)(session.context, &raw const func) };
    let mut known = session.functions.borrow_mut();
    let next = known.len() as i32;
    *known.entry(address as usize).or_insert(next)
}

fn rethrow(session: &Session) -> Halt {
    let exception = session.exception.borrow_mut().take();
    let (Some(exception), Some(set)) = (exception, session.library.varying.set_exception) else {
        return session.trap(UNREACHABLE);
    };
    // SAFETY: W1, W2.
    let trap = unsafe { set(session.context, exception.get(0)[1..].as_ptr()) };
    session.free(exception);
    Halt::Trap(trap)
}
