//! A leak in a program, found by counting live objects.
//!
//! The program handles requests. It registers a listener for each of them, and forgets to remove
//! it. Run it with `cargo run -p gcrucible-runtime --example leak_hunt`.

use gcrucible_runtime::embed::{
    CollectorKind, Config, Engine, Instance, Module, ObjectKind, Schedule, Store, StoreConfig,
};

const TEXT: &str = r#"
    (module
      (type $request (struct (field i32)))
      (type $listener (struct (field (ref $request)) (field (ref null $listener))))
      (global $listeners (mut (ref null $listener)) (ref.null $listener))

      ;; Handles a request. Registers a listener at the front of a list.
      (func (export "handle") (param $id i32) (result i32)
        (local $request (ref null $request))
        (local.set $request (struct.new $request (local.get $id)))
        (global.set $listeners
          (struct.new $listener
            (ref.as_non_null (local.get $request))
            (global.get $listeners)))
        (struct.get $request 0 (local.get $request)))

      ;; What the program forgets to call after a request.
      (func (export "unregister")
        (global.set $listeners
          (struct.get $listener 1 (global.get $listeners)))))
"#;

/// Handles `requests` requests, with or without the missing call. Returns the number of structures
/// that are live after that, and prints them by type.
fn live_after(
    store: &mut Store<()>,
    instance: Instance,
    requests: i32,
    unregister: bool,
) -> Result<u64, Box<dyn std::error::Error>> {
    let handle = instance.get_typed_func::<i32, i32>(&*store, "handle")?;
    let remove = instance.get_typed_func::<(), ()>(&*store, "unregister")?;
    for id in 0..requests {
        assert_eq!(handle.call(&mut *store, id)?, id);
        if unregister {
            remove.call(&mut *store, ())?;
        }
    }
    // A census collects first, so it counts only what is reachable.
    let census = store.census()?;
    println!("after {requests} requests: {census}");
    Ok(census.of_kind(ObjectKind::Struct))
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    // The configuration for fuzzing compiles collection points into the code, so that the schedule
    // of a store can choose when to collect. This collector moves every object at every collection.
    let engine = Engine::new(&Config::fuzzing(CollectorKind::Copying))?;
    let module = Module::new(&engine, wat(TEXT)?)?;
    let config = StoreConfig {
        schedule: Schedule::Every,
        ..StoreConfig::fuzzing()
    };

    let mut leaking = Store::with_config(&engine, &config, ())?;
    let instance = Instance::new(&mut leaking, &module, &[])?;
    let few = live_after(&mut leaking, instance, 10, false)?;
    let more = live_after(&mut leaking, instance, 10, false)?;
    // Live objects grow with the number of requests: two for each.
    assert_eq!((few, more), (20, 40));

    let mut correct = Store::with_config(&engine, &config, ())?;
    let instance = Instance::new(&mut correct, &module, &[])?;
    let few = live_after(&mut correct, instance, 10, true)?;
    let more = live_after(&mut correct, instance, 10, true)?;
    assert_eq!((few, more), (0, 0));

    // Every allocation was a collection point, and the store collected at all of them.
    let stats = correct.stats();
    assert!(stats.collection_points >= 40 && stats.collections >= stats.collection_points);
    // The heap is intact.
    correct.verify_heap()?;
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
