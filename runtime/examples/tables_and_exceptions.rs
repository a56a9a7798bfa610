//! The host shares a table and a tag with a module, catches its exceptions, and limits its growth.
//!
//! Run it with `cargo run -p gcrucible-runtime --example tables_and_exceptions`.

use gcrucible_runtime::embed::{
    Config, Engine, Error, ExternRef, FuncType, HeapTopType, HeapType, Instance, Module, RefType,
    Store, StoreLimits, Table, TableType, Tag, Val, ValType,
};

const TEXT: &str = r#"
    (module
      (import "host" "names" (table $names 0 externref))
      (import "host" "absent" (tag $absent (param i32)))

      ;; Returns the name at an index, or throws if there is none.
      (func (export "name") (param $at i32) (result externref)
        (local $name externref)
        (local.set $name (table.get $names (local.get $at)))
        (if (ref.is_null (local.get $name))
          (then (throw $absent (local.get $at))))
        (local.get $name))

      ;; Appends null elements. Returns the old size, or -1.
      (func (export "reserve") (param $count i32) (result i32)
        (table.grow $names (ref.null extern) (local.get $count))))
"#;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let engine = Engine::new(&Config::optimised())?;

    // The limits are the data of the store. The limiter is asked before anything grows.
    let limits = StoreLimits {
        table_elements: 8,
        ..StoreLimits::default()
    };
    let mut store = Store::new(&engine, limits);
    store.limiter(|limits| limits);

    // A table of references of the host. Its elements are objects of the collected heap, which hold
    // Rust values.
    let ty = TableType::new(RefType::new(true, HeapType::Extern), 4, None);
    let names = Table::new(&mut store, &ty, Val::null(HeapTopType::Extern))?;
    let ada = ExternRef::new(&mut store, "Ada".to_owned())?;
    names.set(&mut store, 1, ada)?;

    // A tag, whose exceptions have an integer as their payload.
    let payload = FuncType::new(&engine, [ValType::I32], [])?;
    let absent = Tag::new(&mut store, &payload)?;

    let module = Module::new(&engine, wat(TEXT)?)?;
    let imports = [names.into(), absent.into()];
    let instance = Instance::new(&mut store, &module, &imports)?;
    let name = instance.get_func(&store, "name").expect("an export");

    // The module returns the reference that the host stored.
    let mut results = [Val::null(HeapTopType::Extern)];
    name.call(&mut store, &[Val::I32(1)], &mut results)?;
    let Val::ExternRef(Some(found)) = results[0] else {
        return Err("null".into());
    };
    assert_eq!(found.get::<String>(&mut store)?, "Ada");

    // An exception that the module does not catch is an error of the call.
    match name.call(&mut store, &[Val::I32(2)], &mut results) {
        Err(Error::Thrown(exception)) => {
            assert_eq!(exception.tag(&mut store)?, absent);
            assert_eq!(exception.field(&mut store, 0)?.i32(), Some(2));
        }
        other => panic!("expected an exception, found {other:?}"),
    }

    // The limiter allows 8 elements. Growth beyond that fails in the module, without a trap.
    let reserve = instance.get_typed_func::<i32, i32>(&store, "reserve")?;
    assert_eq!(reserve.call(&mut store, 4)?, 4);
    assert_eq!(reserve.call(&mut store, 1)?, -1);
    assert_eq!(names.size(&store)?, 8);
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
