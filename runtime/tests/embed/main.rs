//! The embedder's API, end to end.
//!
//! Reading order: `objects`, `calls`, `link`, `tables`, `stack`, `limits`, `failures`, `threads`,
//! `hostile`, `planted`.

mod calls;
mod failures;
mod hostile;
mod limits;
mod link;
mod objects;
#[cfg(feature = "planted")]
mod planted;
mod stack;
mod tables;
mod threads;

use gcrucible_runtime::embed::*;

/// A module in the text format to bytes.
fn wat(text: &str) -> Vec<u8> {
    let buffer = wast::parser::ParseBuffer::new(text).expect("text");
    let mut module = wast::parser::parse::<wast::Wat<'_>>(&buffer).expect("module");
    module.encode().expect("encodes")
}

/// Stores with every collector, under schedules that collect never, now and then, and always, in
/// both trap modes.
fn each_store(check: impl Fn(&mut Store<()>)) {
    for collector in CollectorKind::ALL {
        for schedule in [Schedule::At(vec![]), Schedule::EveryNth(3), Schedule::Every] {
            let engine = Engine::new(&Config::fuzzing(collector)).expect("engine");
            check(&mut under(&engine, schedule, ()));
        }
        let mut config = Config::optimised();
        config.collector = collector;
        config.trap_mode = TrapMode::Explicit;
        config.memory_reservation = 1 << 16;
        check(&mut Store::new(&Engine::new(&config).expect("engine"), ()));
    }
}

/// A store of the fuzzing configuration that collects at every point.
fn store() -> Store<()> {
    let engine = Engine::new(&Config::fuzzing(CollectorKind::Copying)).expect("engine");
    under(&engine, Schedule::Every, ())
}

/// A store with every check on, under a schedule.
fn under<T>(engine: &Engine, schedule: Schedule, data: T) -> Store<T> {
    let config = StoreConfig {
        schedule,
        ..StoreConfig::fuzzing()
    };
    Store::with_config(engine, &config, data).expect("the schedule fits")
}

/// A store with every check on.
fn checked<T>(engine: &Engine, data: T) -> Store<T> {
    under(engine, Schedule::OnPressure, data)
}

fn module<T>(store: &Store<T>, text: &str) -> Module {
    Module::new(&store.engine(), wat(text)).expect("module")
}

fn instantiate<T>(store: &mut Store<T>, text: &str) -> Instance {
    let module = module(store, text);
    Instance::new(store, &module, &[]).expect("instance")
}

/// Calls an export.
fn call<T>(
    store: &mut Store<T>,
    instance: Instance,
    name: &str,
    params: &[Val],
) -> Result<Vec<Val>, Error> {
    let func = instance
        .get_func(&*store, name)
        .expect("an exported function");
    let count = func.ty(&*store)?.results().len();
    let mut results = vec![Val::I32(0); count];
    func.call(store, params, &mut results)?;
    Ok(results)
}
