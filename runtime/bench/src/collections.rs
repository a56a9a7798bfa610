//! What a collection costs, by the number of live objects if they are moved, and by the number of
//! dead ones if they are counted.

use gcrucible_runtime::embed::{Error, Instance, Module, ObjectKind, Store};
use serde::Serialize;

use crate::engine::Collector;
use crate::measure::Moment;
use crate::ours;
use crate::shapes;

/// Makes a list of nodes that a global holds, and drops it.
const LIST: &str = r#"(module
  (type $node (struct (field i32) (field (ref null $node))))
  (global $list (mut (ref null $node)) (ref.null $node))
  (func (export "run") (param $n i32) (result i64)
    (loop $build
      (global.set $list (struct.new $node (local.get $n) (global.get $list)))
      (br_if $build (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))
    (i64.const 0))
  (func (export "drop") (global.set $list (ref.null $node))))"#;

/// One series of the plot.
#[derive(Debug, Serialize)]
pub struct Series {
    /// What is varied and measured.
    pub name: &'static str,
    /// Objects and seconds.
    pub points: Vec<(u32, f64)>,
}

/// Collections of 10^3 to 10^7 objects.
pub fn measure(quick: bool) -> Result<Vec<Series>, String> {
    let largest = if quick { 6 } else { 7 };
    let mut copying = Series {
        name: "copying: a full collection, by live objects",
        points: Vec::new(),
    };
    let mut counting = Series {
        name: "drc: dropping a list and collecting, by garbage",
        points: Vec::new(),
    };
    for power in 3..=largest {
        let count = 10u32.pow(power);
        let live = best_of(|| collect_live(count)).map_err(|e| e.to_string())?;
        copying.points.push((count, live));
        let garbage = best_of(|| collect_garbage(count)).map_err(|e| e.to_string())?;
        counting.points.push((count, garbage));
    }
    Ok(vec![copying, counting])
}

fn best_of(mut act: impl FnMut() -> Result<f64, Error>) -> Result<f64, Error> {
    let mut best = f64::INFINITY;
    for _ in 0..5 {
        best = best.min(act()?);
    }
    Ok(best)
}

fn list(collector: Collector, count: u32) -> Result<(Store<()>, Instance), Error> {
    let engine = ours::engine(collector, true).expect("an engine");
    let mut store = Store::new(&engine, ());
    let module = Module::new(&engine, shapes::binary(LIST))?;
    let instance = Instance::new(&mut store, &module, &[])?;
    let run = instance.get_typed_func::<i32, i64>(&store, "run")?;
    run.call(&mut store, count as i32)?;
    Ok((store, instance))
}

fn collect_live(count: u32) -> Result<f64, Error> {
    let (mut store, _) = list(Collector::Copying, count)?;
    store.gc()?;
    let start = Moment::now();
    store.gc()?;
    let took = start.elapsed().as_secs_f64();
    assert_eq!(live(&mut store)?, u64::from(count));
    Ok(took)
}

fn collect_garbage(count: u32) -> Result<f64, Error> {
    let (mut store, instance) = list(Collector::Drc, count)?;
    store.gc()?;
    let drop = instance.get_typed_func::<(), ()>(&store, "drop")?;
    let start = Moment::now();
    // The store into the global lets everything die: a chain of `count` objects, which is freed
    // without recursion.
    drop.call(&mut store, ())?;
    store.gc()?;
    let took = start.elapsed().as_secs_f64();
    assert_eq!(live(&mut store)?, 0);
    Ok(took)
}

fn live(store: &mut Store<()>) -> Result<u64, Error> {
    Ok(store.census()?.of_kind(ObjectKind::Struct))
}
