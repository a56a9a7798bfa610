//! The `harness` module: functions of the host that a `.wast` script can import. Each instance gets
//! its own, resolved by name.
//!
//! Collection and live objects:
//!
//! - `gc : [] -> []` collects everything
//! - `live : [] -> [i32]` collects everything, and returns the number of live objects of every kind
//! - `live.extern : [] -> [i32]` does the same for host objects
//!
//! Host objects and handles:
//!
//! - `extern : [i32] -> [externref]` makes a host object that carries the number
//! - `extern.id : [externref] -> [i32]` returns that number, and traps for anything else
//! - `hold : [ref] -> [i32]` makes a host handle, which is a root of the embedder. Handles count
//!   from 0 and are never reused
//! - `held : [i32] -> [ref]` returns the reference of a handle
//! - `release : [i32] -> []` ends a handle
//! - `hold.extern`, `hold.exn`, `hold.func`, and these forms of `held` and `release`, are for other
//!   hierarchies
//!
//! The embedder's operations on exports of the instance, by name. `i` is `i32` or `i64`, whichever
//! the import says:
//!
//! - `table.get:T : [i] -> [ref]` and `table.set:T : [i, ref] -> []`
//! - `table.size:T : [] -> [i]` and `table.grow:T : [ref, i] -> [i]`
//! - `table.fill:T : [i, ref, i] -> []` and `table.copy:T:U : [i, i, i] -> []` (to T from U)
//! - `global.get:G : [] -> [t]` and `global.set:G : [t] -> []`
//! - `call:F` calls the export F. The import has the signature of F
//! - `call.gc:F` does the same and collects everything before it returns, or passes on a trap or
//!   exception, so that only the host holds the results
//!
//! The embedder's allocation of the type that the result names. A packed field is given as `i32`:
//!
//! - `struct.new : [t*] -> [ref]`
//! - `array.new : [t, i32] -> [ref]`
//!
//! The embedder errs, and goes on:
//!
//! - `try:F : [t*] -> [i32]` does what `F` does, and drops its results. It returns 0 if `F`
//!   returned, 1 if it trapped, and 2 if it ended by an exception. `F` is one of `table.set:T`,
//!   `table.grow:T`, `table.fill:T`, `table.copy:T:U`, `global.set:G`, `release`, `call:F` and
//!   `call.gc:F`
//! - `try:struct.new` and `try:array.new` return null if the allocation traps
//!
//! A resource that runs out ends the call of `try:F` as well.
//!
//! Misuse that shows only when the function is called traps with the same trap on every engine:
//!
//! - `unreachable` if the export does not exist, the global is immutable, or the instance is not
//!   complete (in its own start function)
//! - a cast failure if a reference has the wrong type
//! - an out-of-bounds table access if an index is out of bounds
//! - an undefined element if a handle is not held

pub use gcrucible_protocol::Failed;

use super::{Covers, RefTy, Sig, Ty};
use crate::outcome::Trap;
use crate::value::HeapTop;

/// The module name.
pub const MODULE: &str = "harness";

/// How the name of a function begins that the embedder calls and whose failure it survives.
pub const TRY: &str = "try:";

/// Returns the name without `try:`: that of the function that the embedder calls.
pub fn untried(name: &str) -> &str {
    name.strip_prefix(TRY).unwrap_or(name)
}

/// Returns true if an import belongs to the harness. Scripts of Wasmtime import the function `gc`
/// from the module `wasmtime`. It is the same function.
pub fn offers(module: &str, name: &str) -> bool {
    module == MODULE || (module, name) == ("wasmtime", "gc")
}

/// A function of the harness.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "named after the functions listed above")]
pub enum HarnessFunc {
    Gc,
    Live,
    LiveExtern,
    Extern,
    ExternId,
    Hold(HeapTop),
    Held(HeapTop),
    Release,
    TableGet(String),
    TableSet(String),
    TableGrow(String),
    TableFill(String),
    TableSize(String),
    TableCopy { to: String, from: String },
    GlobalGet(String),
    GlobalSet(String),
    StructNew,
    ArrayNew,
    Call(String),
    CallGc(String),
    Try(Box<HarnessFunc>),
}

/// Why an import from `harness` does not link.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unresolved {
    /// There is no such function.
    #[error("`harness` has no function {0:?}")]
    Unknown(String),
    /// There is, with another signature.
    #[error("`harness` {0:?} has another signature")]
    Signature(String),
}

/// Finds the function that an import asks for.
///
/// # Errors
///
/// There is none by this name with this signature.
pub fn resolve(name: &str, sig: &Sig) -> Result<HarnessFunc, Unresolved> {
    let found = by_name(name).ok_or_else(|| Unresolved::Unknown(name.to_owned()))?;
    if accepts(&found, sig) {
        Ok(found)
    } else {
        Err(Unresolved::Signature(name.to_owned()))
    }
}

fn by_name(name: &str) -> Option<HarnessFunc> {
    if let Some(tried) = name.strip_prefix(TRY) {
        return by_name(tried).map(|func| HarnessFunc::Try(Box::new(func)));
    }
    if let Some((what, argument)) = name.split_once(':') {
        let argument = argument.to_owned();
        return Some(match what {
            "table.get" => HarnessFunc::TableGet(argument),
            "table.set" => HarnessFunc::TableSet(argument),
            "table.grow" => HarnessFunc::TableGrow(argument),
            "table.fill" => HarnessFunc::TableFill(argument),
            "table.size" => HarnessFunc::TableSize(argument),
            "table.copy" => {
                let (to, from) = argument.split_once(':')?;
                let (to, from) = (to.to_owned(), from.to_owned());
                HarnessFunc::TableCopy { to, from }
            }
            "global.get" => HarnessFunc::GlobalGet(argument),
            "global.set" => HarnessFunc::GlobalSet(argument),
            "call" => HarnessFunc::Call(argument),
            "call.gc" => HarnessFunc::CallGc(argument),
            _ => return None,
        });
    }
    if let Some((what, top)) = form(name) {
        return Some(match what {
            "hold" => HarnessFunc::Hold(top),
            "held" => HarnessFunc::Held(top),
            _ => HarnessFunc::Release,
        });
    }
    Some(match name {
        "gc" => HarnessFunc::Gc,
        "live" => HarnessFunc::Live,
        "live.extern" => HarnessFunc::LiveExtern,
        "extern" => HarnessFunc::Extern,
        "extern.id" => HarnessFunc::ExternId,
        "struct.new" => HarnessFunc::StructNew,
        "array.new" => HarnessFunc::ArrayNew,
        _ => return None,
    })
}

/// `hold`, `held.extern`, `release.func`, ...: the word before the dot and the hierarchy.
fn form(name: &str) -> Option<(&str, HeapTop)> {
    let (what, top) = match name.split_once('.') {
        None => (name, HeapTop::Any),
        Some((what, "extern")) => (what, HeapTop::Extern),
        Some((what, "exn")) => (what, HeapTop::Exn),
        Some((what, "func")) => (what, HeapTop::Func),
        Some(_) => return None,
    };
    matches!(what, "hold" | "held" | "release").then_some((what, top))
}

fn accepts(func: &HarnessFunc, sig: &Sig) -> bool {
    let index = |ty: &Ty| matches!(ty, Ty::I32 | Ty::I64);
    let reference = |ty: &Ty| matches!(ty, Ty::Ref(_));
    let of = |ty: &Ty, top: HeapTop| matches!(ty, Ty::Ref(found) if found.top == top);
    match (func, sig.params.as_slice(), sig.results.as_slice()) {
        (HarnessFunc::Gc, [], []) => true,
        (HarnessFunc::Live | HarnessFunc::LiveExtern, [], [Ty::I32]) => true,
        (HarnessFunc::Extern, [Ty::I32], [ty]) => of(ty, HeapTop::Extern),
        (HarnessFunc::ExternId, [ty], [Ty::I32]) => of(ty, HeapTop::Extern),
        (HarnessFunc::Hold(top), [ty], [Ty::I32]) => of(ty, *top),
        (HarnessFunc::Held(top), [Ty::I32], [ty]) => of(ty, *top),
        (HarnessFunc::Release, [Ty::I32], []) => true,
        (HarnessFunc::TableGet(_), [i], [ty]) => index(i) && reference(ty),
        (HarnessFunc::TableSet(_), [i, ty], []) => index(i) && reference(ty),
        (HarnessFunc::TableGrow(_), [ty, i], [j]) => index(i) && i == j && reference(ty),
        (HarnessFunc::TableFill(_), [i, ty, n], []) => index(i) && i == n && reference(ty),
        (HarnessFunc::TableSize(_), [], [i]) => index(i),
        (HarnessFunc::TableCopy { .. }, [d, s, n], []) => index(d) && index(s) && index(n),
        (HarnessFunc::GlobalGet(_), [], [_]) => true,
        (HarnessFunc::GlobalSet(_), [_], []) => true,
        (HarnessFunc::StructNew, _, [Ty::Ref(RefTy { covers, .. })]) => *covers == Covers::Struct,
        (HarnessFunc::ArrayNew, [_, Ty::I32], [Ty::Ref(RefTy { covers, .. })]) => {
            *covers == Covers::Array
        }
        (HarnessFunc::Call(_) | HarnessFunc::CallGc(_), _, _) => true,
        (HarnessFunc::Try(func), _, _) => tried(func, sig).is_some_and(|sig| accepts(func, &sig)),
        _ => false,
    }
}

/// Returns the signature of a function that `try:` calls, from that of the import. `None` if the
/// function cannot be tried with these results.
fn tried(func: &HarnessFunc, sig: &Sig) -> Option<Sig> {
    let results = match (func, sig.results.as_slice()) {
        (HarnessFunc::StructNew | HarnessFunc::ArrayNew, results) => results.to_vec(),
        (HarnessFunc::TableGrow(_), [Ty::I32]) => vec![*sig.params.get(1)?],
        (
            HarnessFunc::TableSet(_)
            | HarnessFunc::TableFill(_)
            | HarnessFunc::TableCopy { .. }
            | HarnessFunc::GlobalSet(_)
            | HarnessFunc::Release
            | HarnessFunc::Call(_)
            | HarnessFunc::CallGc(_),
            [Ty::I32],
        ) => Vec::new(),
        _ => return None,
    };
    let params = sig.params.clone();
    Some(Sig { params, results })
}

/// The primitives that an adapter supplies. Each is the engine's own operation for embedders, on
/// the store and the instance that imported the function.
pub trait Host {
    /// The engine's value.
    type Val: Clone;
    /// How a host function of the engine ends if it does not return: by a trap, an exception,
    /// exhaustion or a fault.
    type Halt;

    /// Returns the end of a host function by a trap.
    fn trap(&self, trap: Trap) -> Self::Halt;
    /// Returns how a function failed, if the embedder can go on after it. Lets go of the exception
    /// by which it ended.
    ///
    /// # Errors
    ///
    /// A resource ran out, or the engine is at fault: that is given back.
    fn failed(&mut self, halt: Self::Halt) -> Result<Failed, Self::Halt>;
    /// Returns the null reference of the hierarchy of objects.
    fn null(&self) -> Self::Val;
    /// A full collection.
    fn collect(&mut self) -> Result<(), Self::Halt>;
    /// Collects everything and returns the number of live objects, or of host objects only. Records
    /// the answer as a sample.
    fn live(&mut self, only_hosts: bool) -> Result<u32, Self::Halt>;
    /// Makes a new host object.
    fn new_host_object(&mut self, number: u32) -> Result<Self::Val, Self::Halt>;
    /// Returns the number of a host object. None for null and for other objects.
    fn host_number(&mut self, value: &Self::Val) -> Option<u32>;
    /// Keeps a reference alive under the next handle.
    fn hold(&mut self, value: &Self::Val, top: HeapTop) -> Result<u32, Self::Halt>;
    /// Returns the reference under a handle, if it is held and of the hierarchy.
    fn held(&mut self, handle: u32, top: HeapTop) -> Result<Option<Self::Val>, Self::Halt>;
    /// Ends a handle. Returns false if it is not held.
    fn release(&mut self, handle: u32) -> bool;
    /// Returns the size of an exported table.
    fn table_size(&mut self, table: &str) -> Result<u64, Self::Halt>;
    /// Returns an element, or `None` out of bounds.
    fn table_get(&mut self, table: &str, index: u64) -> Result<Option<Self::Val>, Self::Halt>;
    /// Sets an element. Returns false out of bounds.
    fn table_set(&mut self, table: &str, index: u64, value: &Self::Val)
    -> Result<bool, Self::Halt>;
    /// Grows a table. Returns the old size, or `None` if it cannot grow.
    fn table_grow(
        &mut self,
        table: &str,
        value: &Self::Val,
        by: u64,
    ) -> Result<Option<u64>, Self::Halt>;
    /// Fills a range. Returns false out of bounds.
    fn table_fill(
        &mut self,
        table: &str,
        from: u64,
        value: &Self::Val,
        count: u64,
    ) -> Result<bool, Self::Halt>;
    /// Copies a range. Returns false out of bounds.
    fn table_copy(
        &mut self,
        to: (&str, u64),
        from: (&str, u64),
        count: u64,
    ) -> Result<bool, Self::Halt>;
    /// Returns the value of an exported global.
    fn global_get(&mut self, global: &str) -> Result<Self::Val, Self::Halt>;
    /// Sets an exported global.
    fn global_set(&mut self, global: &str, value: &Self::Val) -> Result<(), Self::Halt>;
    /// Allocates a structure of the type the import's result names.
    fn struct_new(&mut self, fields: &[Self::Val]) -> Result<Self::Val, Self::Halt>;
    /// Allocates an array of the type the import's result names.
    fn array_new(&mut self, element: &Self::Val, length: u32) -> Result<Self::Val, Self::Halt>;
    /// Calls an exported function.
    fn call(&mut self, export: &str, args: &[Self::Val]) -> Result<Vec<Self::Val>, Self::Halt>;
    /// Returns the unsigned number in an `i32` or `i64`.
    fn unsigned(&self, value: &Self::Val) -> Option<u64>;
    /// Returns an `i32`, or an `i64` if `wide` is true. A value out of range wraps.
    fn integer(&self, value: u64, wide: bool) -> Self::Val;
}

/// Performs a function of the harness. `sig` is the import's own signature. The engine checks the
/// arguments before and the results afterwards.
///
/// # Errors
///
/// The engine's own, and the traps listed at the top of this file.
pub fn perform<H: Host>(
    host: &mut H,
    func: &HarnessFunc,
    sig: &Sig,
    args: &[H::Val],
) -> Result<Vec<H::Val>, H::Halt> {
    let wide = sig.results.first() == Some(&Ty::I64);
    match (func, args) {
        (HarnessFunc::Gc, []) => host.collect().map(|()| Vec::new()),
        (HarnessFunc::Live, []) => {
            let count = host.live(false)?;
            Ok(vec![host.integer(u64::from(count), false)])
        }
        (HarnessFunc::LiveExtern, []) => {
            let count = host.live(true)?;
            Ok(vec![host.integer(u64::from(count), false)])
        }
        (HarnessFunc::Extern, [number]) => {
            let number = narrow(host, number)?;
            Ok(vec![host.new_host_object(number)?])
        }
        (HarnessFunc::ExternId, [object]) => {
            let number = host.host_number(object);
            let number = number.ok_or_else(|| host.trap(Trap::NullReference))?;
            Ok(vec![host.integer(u64::from(number), false)])
        }
        (HarnessFunc::Hold(top), [value]) => {
            let handle = host.hold(value, *top)?;
            Ok(vec![host.integer(u64::from(handle), false)])
        }
        (HarnessFunc::Held(top), [handle]) => {
            let handle = narrow(host, handle)?;
            let value = host.held(handle, *top)?;
            Ok(vec![
                value.ok_or_else(|| host.trap(Trap::UndefinedElement))?,
            ])
        }
        (HarnessFunc::Release, [handle]) => {
            let handle = narrow(host, handle)?;
            if host.release(handle) {
                return Ok(Vec::new());
            }
            Err(host.trap(Trap::UndefinedElement))
        }
        (HarnessFunc::GlobalGet(global), []) => Ok(vec![host.global_get(global)?]),
        (HarnessFunc::GlobalSet(global), [value]) => {
            host.global_set(global, value).map(|()| Vec::new())
        }
        (HarnessFunc::StructNew, fields) => Ok(vec![host.struct_new(fields)?]),
        (HarnessFunc::ArrayNew, [element, length]) => {
            let length = narrow(host, length)?;
            Ok(vec![host.array_new(element, length)?])
        }
        (HarnessFunc::Call(export), args) => host.call(export, args),
        (HarnessFunc::CallGc(export), args) => {
            let results = host.call(export, args);
            host.collect()?;
            results
        }
        (HarnessFunc::Try(func), args) => attempt(host, func, sig, args),
        _ => table_operation(host, func, wide, args),
    }
}

/// Performs a function of which a failure is a result. `sig` is that of the import.
fn attempt<H: Host>(
    host: &mut H,
    func: &HarnessFunc,
    sig: &Sig,
    args: &[H::Val],
) -> Result<Vec<H::Val>, H::Halt> {
    let allocates = matches!(func, HarnessFunc::StructNew | HarnessFunc::ArrayNew);
    // `resolve` saw that the function can be tried.
    let inner = tried(func, sig).unwrap_or_default();
    match perform(host, func, &inner, args) {
        Ok(made) if allocates => Ok(made),
        Ok(_) => Ok(vec![host.integer(Failed::RETURNED.into(), false)]),
        Err(halt) => {
            let failed = host.failed(halt)?;
            Ok(vec![if allocates {
                host.null()
            } else {
                host.integer(failed.code().into(), false)
            }])
        }
    }
}

fn table_operation<H: Host>(
    host: &mut H,
    func: &HarnessFunc,
    wide: bool,
    args: &[H::Val],
) -> Result<Vec<H::Val>, H::Halt> {
    let out_of_bounds = Trap::OutOfBoundsTableAccess;
    let within = match (func, args) {
        (HarnessFunc::TableSize(table), []) => {
            let size = host.table_size(table)?;
            return Ok(vec![host.integer(size, wide)]);
        }
        (HarnessFunc::TableGet(table), [index]) => {
            let index = unsigned(host, index)?;
            let value = host.table_get(table, index)?;
            return Ok(vec![value.ok_or_else(|| host.trap(out_of_bounds))?]);
        }
        (HarnessFunc::TableGrow(table), [value, by]) => {
            let by = unsigned(host, by)?;
            let old = host.table_grow(table, value, by)?;
            return Ok(vec![host.integer(old.unwrap_or(u64::MAX), wide)]);
        }
        (HarnessFunc::TableSet(table), [index, value]) => {
            let index = unsigned(host, index)?;
            host.table_set(table, index, value)?
        }
        (HarnessFunc::TableFill(table), [from, value, count]) => {
            let (from, count) = (unsigned(host, from)?, unsigned(host, count)?);
            host.table_fill(table, from, value, count)?
        }
        (HarnessFunc::TableCopy { to, from }, [d, s, n]) => {
            let (d, s, n) = (unsigned(host, d)?, unsigned(host, s)?, unsigned(host, n)?);
            host.table_copy((to, d), (from, s), n)?
        }
        // `resolve` fixed the number of arguments, and the engine checked them.
        _ => return Err(host.trap(Trap::Unreachable)),
    };
    if within {
        Ok(Vec::new())
    } else {
        Err(host.trap(out_of_bounds))
    }
}

fn unsigned<H: Host>(host: &H, value: &H::Val) -> Result<u64, H::Halt> {
    host.unsigned(value)
        .ok_or_else(|| host.trap(Trap::Unreachable))
}

fn narrow<H: Host>(host: &H, value: &H::Val) -> Result<u32, H::Halt> {
    unsigned(host, value).map(|value| value as u32)
}

/// Host handles and the references they keep alive. Handles count from 0 and are never reused, so
/// they are the same on every engine.
#[derive(Debug)]
pub struct Handles<R> {
    kept: Vec<Option<(HeapTop, R)>>,
}

impl<R> Default for Handles<R> {
    fn default() -> Self {
        Handles { kept: Vec::new() }
    }
}

impl<R> Handles<R> {
    /// Keeps a reference under the next handle.
    pub fn hold(&mut self, top: HeapTop, reference: R) -> u32 {
        self.kept.push(Some((top, reference)));
        (self.kept.len() - 1) as u32
    }

    /// Returns the reference under a handle, if it is held and of the hierarchy.
    pub fn held(&self, handle: u32, top: HeapTop) -> Option<&R> {
        let kept = self.kept.get(handle as usize)?.as_ref();
        kept.filter(|(held, _)| *held == top)
            .map(|(_, reference)| reference)
    }

    /// What is under the handles that are held.
    pub fn references(&self) -> impl Iterator<Item = &R> {
        self.kept.iter().flatten().map(|(_, reference)| reference)
    }

    /// Ends a handle and gives back what it kept.
    pub fn release(&mut self, handle: u32) -> Option<R> {
        let kept = self.kept.get_mut(handle as usize)?.take();
        kept.map(|(_, reference)| reference)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reference(top: HeapTop, covers: Covers) -> Ty {
        Ty::Ref(RefTy { top, covers })
    }

    #[test]
    fn imports_resolve_by_name_and_signature() {
        let any = reference(HeapTop::Any, Covers::All);
        let ext = reference(HeapTop::Extern, Covers::All);
        let exn = reference(HeapTop::Exn, Covers::All);
        let structure = reference(HeapTop::Any, Covers::Struct);
        let array = reference(HeapTop::Any, Covers::Array);
        let good: &[(&str, &[Ty], &[Ty])] = &[
            ("gc", &[], &[]),
            ("live", &[], &[Ty::I32]),
            ("live.extern", &[], &[Ty::I32]),
            ("extern", &[Ty::I32], &[ext]),
            ("extern.id", &[ext], &[Ty::I32]),
            ("hold", &[any], &[Ty::I32]),
            ("hold", &[structure], &[Ty::I32]),
            ("held", &[Ty::I32], &[structure]),
            ("release", &[Ty::I32], &[]),
            ("hold.exn", &[exn], &[Ty::I32]),
            ("held.extern", &[Ty::I32], &[ext]),
            ("release.func", &[Ty::I32], &[]),
            ("table.get:t", &[Ty::I32], &[any]),
            ("table.set:t", &[Ty::I64, ext], &[]),
            ("table.grow:t", &[ext, Ty::I32], &[Ty::I32]),
            ("table.fill:t", &[Ty::I32, any, Ty::I32], &[]),
            ("table.size:t", &[], &[Ty::I64]),
            ("table.copy:t:u", &[Ty::I32, Ty::I64, Ty::I32], &[]),
            ("global.get:g", &[], &[Ty::F32]),
            ("global.set:g", &[any], &[]),
            ("struct.new", &[Ty::I32, any], &[structure]),
            ("array.new", &[Ty::F64, Ty::I32], &[array]),
            ("call:f", &[Ty::I32, any], &[Ty::V128]),
            ("call.gc:f", &[], &[any]),
            ("try:table.set:t", &[Ty::I32, any], &[Ty::I32]),
            ("try:table.grow:t", &[any, Ty::I64], &[Ty::I32]),
            ("try:global.set:g", &[any], &[Ty::I32]),
            ("try:release.exn", &[Ty::I32], &[Ty::I32]),
            ("try:call:f", &[Ty::V128], &[Ty::I32]),
            ("try:struct.new", &[any], &[structure]),
        ];
        let sig = |params: &[Ty], results: &[Ty]| Sig {
            params: params.to_vec(),
            results: results.to_vec(),
        };
        for (name, params, results) in good {
            assert!(resolve(name, &sig(params, results)).is_ok(), "{name}");
        }
        let bad: &[(&str, &[Ty], &[Ty])] = &[
            ("gc", &[Ty::I32], &[]),
            ("live", &[], &[]),
            ("hold.extern", &[any], &[Ty::I32]),
            ("held", &[Ty::I32], &[ext]),
            ("table.copy:t", &[Ty::I32, Ty::I32, Ty::I32], &[]),
            ("table.grow:t", &[ext, Ty::I32], &[Ty::I64]),
            ("struct.new", &[], &[array]),
            ("struct.new", &[], &[any]),
            ("array.new", &[Ty::I32], &[array]),
            ("", &[], &[]),
            ("free:x", &[], &[]),
            ("try:table.set:t", &[Ty::I32, any], &[]),
            ("try:call:f", &[], &[Ty::I64]),
            ("try:gc", &[], &[Ty::I32]),
            ("try:struct.new", &[any], &[Ty::I32]),
            ("try:try:call:f", &[], &[Ty::I32]),
        ];
        for (name, params, results) in bad {
            assert!(resolve(name, &sig(params, results)).is_err(), "{name}");
        }
    }

    #[test]
    fn handles_are_never_reused() {
        let mut handles = Handles::default();
        assert_eq!(handles.hold(HeapTop::Any, 'a'), 0);
        assert_eq!(handles.release(0), Some('a'));
        assert_eq!(handles.release(0), None);
        assert_eq!(handles.hold(HeapTop::Extern, 'b'), 1);
        assert_eq!(handles.held(1, HeapTop::Any), None);
        assert_eq!(handles.held(1, HeapTop::Extern), Some(&'b'));
        assert_eq!(handles.held(9, HeapTop::Any), None);
    }
}
