//! The embedder's operations on tables and globals. Each releases and keeps exactly what it should.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use gcrucible_runtime::embed::*;

use crate::each_store;

/// A host object that counts drops.
struct Noisy(Arc<AtomicUsize>);

impl Drop for Noisy {
    fn drop(&mut self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

fn externs(store: &mut Store<()>, max: Option<u64>) -> Table {
    let ty = TableType::new(RefType::new(true, HeapType::Extern), 2, max);
    Table::new(store, &ty, Val::null(HeapTopType::Extern)).unwrap()
}

#[test]
fn every_operation_counts() {
    each_store(|store| {
        let drops = Arc::new(AtomicUsize::new(0));
        let dropped = |store: &mut Store<()>| {
            store.gc().unwrap();
            store.verify_heap().unwrap();
            store.audit().unwrap();
            drops.load(Ordering::Relaxed)
        };
        let table = externs(store, Some(8));
        let other = externs(store, None);
        {
            let mut scope = RootScope::new(&mut *store);
            let host = ExternRef::new(&mut scope, Noisy(Arc::clone(&drops))).unwrap();
            table.set(&mut scope, 0, host).unwrap();
            assert_eq!(table.grow(&mut scope, 3, host).unwrap(), 2);
            assert!(table.grow(&mut scope, 100, host).is_err());
            table.fill(&mut scope, 1, host, 2).unwrap();
            assert!(table.fill(&mut scope, 4, host, 2).is_err());
            Table::copy(&mut scope, &other, 0, &table, 0, 2).unwrap();
            Table::copy(&mut scope, &table, 1, &table, 0, 4).unwrap();
        }
        assert_eq!(dropped(store), 0);
        let null = Val::null(HeapTopType::Extern);
        other.fill(&mut *store, 0, null, 2).unwrap();
        table.fill(&mut *store, 0, null, 4).unwrap();
        assert_eq!(dropped(store), 0, "one element still refers to it");
        {
            let mut scope = RootScope::new(&mut *store);
            let last = table.get(&mut scope, 4).unwrap();
            assert!(matches!(last, Some(Ref::Extern(Some(_)))));
            assert!(table.get(&mut scope, 5).unwrap().is_none());
        }
        table.set(&mut *store, 4, null).unwrap();
        let reclaims = store.engine().collector_traits().reclaims;
        assert_eq!(dropped(store), usize::from(reclaims));
    });
}

#[test]
fn a_refused_growth_keeps_nothing() {
    each_store(|store| {
        let drops = Arc::new(AtomicUsize::new(0));
        let table = externs(store, Some(3));
        {
            let mut scope = RootScope::new(&mut *store);
            let host = ExternRef::new(&mut scope, Noisy(Arc::clone(&drops))).unwrap();
            assert!(matches!(
                table.grow(&mut scope, 2, host),
                Err(Error::Exhausted(Exhausted::Table))
            ));
        }
        store.gc().unwrap();
        let reclaims = store.engine().collector_traits().reclaims;
        assert_eq!(drops.load(Ordering::Relaxed), usize::from(reclaims));
    });
}

#[test]
fn host_objects_die_with_their_store() {
    let drops = Arc::new(AtomicUsize::new(0));
    each_store(|store| {
        let before = drops.load(Ordering::Relaxed);
        let host = ExternRef::new(&mut *store, Noisy(Arc::clone(&drops))).unwrap();
        let number = ExternRef::new(&mut *store, 7u32).unwrap();
        assert_eq!(number.get::<u32>(&mut *store).unwrap(), 7);
        assert!(host.get::<u32>(&mut *store).is_err());
        assert_eq!(drops.load(Ordering::Relaxed), before);
        assert_eq!(store.stats().hosts_created, 2);
    });
    assert_eq!(drops.load(Ordering::Relaxed), 16, "one for each store");
}

#[test]
fn conversions_keep_identity() {
    each_store(|store| {
        let host = ExternRef::new(&mut *store, 1u32).unwrap();
        let internal = AnyRef::convert_extern(&mut *store, &host).unwrap();
        let back = ExternRef::convert_any(&mut *store, &internal).unwrap();
        store.gc().unwrap();
        assert!(Rooted::<ExternRef>::ref_eq(&*store, &*host, &*back).unwrap());
        assert_eq!(back.get::<u32>(&mut *store).unwrap(), 1);
        assert!(internal.as_eqref(&mut *store).unwrap().is_none());
        assert!(matches!(internal.ty(&mut *store).unwrap(), HeapType::Any));
        let one = AnyRef::from_i31(&mut *store, I31::wrapping_u32(u32::MAX)).unwrap();
        let external = ExternRef::convert_any(&mut *store, &one).unwrap();
        assert!(external.data(store).unwrap().is_none());
        assert_eq!(one.as_i31(&*store).unwrap().unwrap().get_i32(), -1);
    });
}

#[test]
fn tables_of_functions_need_no_heap() {
    let engine = Engine::new(&Config::optimised()).unwrap();
    let mut store = Store::new(&engine, ());
    let f = Func::wrap(&mut store, |n: i32| n + 1).unwrap();
    let ty = TableType::new(RefType::new(true, HeapType::Func), 1, None);
    let table = Table::new(&mut store, &ty, f).unwrap();
    table
        .grow(&mut store, 5, Val::null(HeapTopType::Func))
        .unwrap();
    table.fill(&mut store, 2, f, 2).unwrap();
    let Some(Ref::Func(Some(found))) = table.get(&mut store, 3).unwrap() else {
        panic!("a function")
    };
    assert_eq!(found.origin(&store).unwrap(), f.origin(&store).unwrap());
    let found = found.typed::<i32, i32>(&store).unwrap();
    assert_eq!(found.call(&mut store, 1).unwrap(), 2);
    assert_eq!(store.stats().collection_points, 0);
    assert_eq!(store.census().unwrap().bytes, 0);
}
