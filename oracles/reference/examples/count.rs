//! Instantiates a module, calls it, and counts which of its objects are still live.
//!
//! Run with `cargo run -p gcrucible-reference --example count`.

use std::rc::Rc;

use gcrucible_reference::execution::{Extern, Store, StoreLimits, Value};
use gcrucible_reference::reach::Frames;
use gcrucible_reference::syntax::Module;

/// ```wat
/// (module
///   (type $box (struct (field i32)))
///   (global $last (mut (ref null $box)) (ref.null $box))
///   (func (export "put") (param i32) (result i32)
///     (global.set $last (struct.new $box (local.get 0)))
///     (struct.get $box 0 (global.get $last))))
/// ```
const WASM: &[u8] = b"\0asm\x01\0\0\0\
    \x01\x0a\x02\x5f\x01\x7f\0\x60\x01\x7f\x01\x7f\
    \x03\x02\x01\x01\
    \x06\x07\x01\x63\0\x01\xd0\0\x0b\
    \x07\x07\x01\x03put\0\0\
    \x0a\x11\x01\x0f\0\x20\0\xfb\0\0\x24\0\x23\0\xfb\x02\0\0\x0b";

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let module = Rc::new(Module::decode(WASM)?.validate()?);
    let mut store = Store::new(StoreLimits::default());
    let instance = store.instantiate(&module, &[])?;
    let Some(Extern::Func(put)) = store.export(instance, "put") else {
        return Err("no such function".into());
    };
    for i in 1..=10 {
        let results = store.invoke(put, &[Value::from(i)])?;
        println!("put({i}) = {}", results[0]);
    }
    let live = store.reach(Frames::Without).objects();
    println!("{} objects made, {live} live", store.objects_made());
    println!("{} rules applied", store.coverage().reached().count());
    Ok(())
}
