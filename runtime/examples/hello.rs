//! A module that calls a function of the host.
//!
//! Run it with `cargo run -p gcrucible-runtime --example hello`.

use gcrucible_runtime::embed::{Caller, Config, Engine, Error, Extern, Linker, Module, Store};

/// The module: it asks the host to print a string that is in its memory.
const TEXT: &str = r#"
    (module
      (import "host" "print" (func $print (param i32 i32)))
      (memory (export "memory") 1)
      (data (i32.const 16) "Hello from WebAssembly!")
      (func (export "greet")
        (call $print (i32.const 16) (i32.const 23))))
"#;

/// The data of the store: the lines that the module printed.
#[derive(Default)]
struct Printed(Vec<String>);

/// The function of the host. It reads `len` bytes of the caller's memory.
fn print(mut caller: Caller<'_, Printed>, at: u32, len: u32) -> Result<(), Error> {
    let Some(Extern::Memory(memory)) = caller.get_export("memory") else {
        return Err(Error::host("the caller exports no memory"));
    };
    let mut bytes = vec![0; len as usize];
    memory.read(&caller, at as usize, &mut bytes)?;
    let line = String::from_utf8(bytes).map_err(Error::host)?;
    println!("{line}");
    caller.data_mut().0.push(line);
    Ok(())
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    // An engine has the configuration and the compiled code. A store has everything else.
    let engine = Engine::new(&Config::optimised())?;
    let module = Module::new(&engine, wat(TEXT)?)?;

    // A linker maps the names of imports to functions of the host.
    let mut linker = Linker::new(&engine);
    linker.func_wrap("host", "print", print)?;

    let mut store = Store::new(&engine, Printed::default());
    let instance = linker.instantiate(&mut store, &module)?;
    let greet = instance.get_typed_func::<(), ()>(&store, "greet")?;
    greet.call(&mut store, ())?;
    assert_eq!(store.data().0, ["Hello from WebAssembly!"]);
    Ok(())
}

/// The binary format of a module in the text format.
fn wat(text: &str) -> Result<Vec<u8>, wast::Error> {
    let buffer = wast::parser::ParseBuffer::new(text)?;
    wast::parser::parse::<wast::Wat<'_>>(&buffer)?.encode()
}

#[test]
fn runs() {
    main().expect("the program succeeds");
}
