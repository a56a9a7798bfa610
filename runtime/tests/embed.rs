//! The embedder's API, end to end.

use gcrucible_runtime::embed::*;

/// A module in the text format to bytes.
fn wat(text: &str) -> Vec<u8> {
    let buffer = wast::parser::ParseBuffer::new(text).expect("text");
    let mut module = wast::parser::parse::<wast::Wat<'_>>(&buffer).expect("module");
    module.encode().expect("encodes")
}

/// Every collector with schedules that collect never, now and then, and always.
fn each_store(check: impl Fn(&mut Store<()>)) {
    for collector in CollectorKind::ALL {
        for schedule in [Schedule::At(vec![]), Schedule::EveryNth(3), Schedule::Every] {
            let mut config = Config::fuzzing(collector);
            config.schedule = schedule;
            check(&mut Store::new(&Engine::new(&config).expect("engine"), ()));
        }
        let mut config = Config::optimised();
        config.collector = collector;
        check(&mut Store::new(&Engine::new(&config).expect("engine"), ()));
    }
}

fn instantiate(store: &mut Store<()>, text: &str) -> Instance {
    let module = Module::new(&store.engine(), wat(text)).expect("module");
    Instance::new(store, &module, &[]).expect("instance")
}

#[test]
fn numbers() {
    each_store(|store| {
        let instance = instantiate(
            store,
            r#"(module (memory (export "m") 1) (func (export "add") (param i32 i64) (result i64)
                 (i64.add (i64.extend_i32_s (local.get 0)) (local.get 1))))"#,
        );
        let add = instance
            .get_typed_func::<(i32, i64), i64>(&*store, "add")
            .unwrap();
        assert_eq!(add.call(&mut *store, (-3, 10)).unwrap(), 7);
        let memory = instance.get_memory(&*store, "m").unwrap();
        memory.write(&mut *store, 65535, &[7]).unwrap();
        assert!(memory.write(&mut *store, 65535, &[7, 8]).is_err());
        assert_eq!(memory.grow(&mut *store, 1).unwrap(), 1);
        assert_eq!(memory.data(store).unwrap()[65535], 7);
    });
}

#[test]
fn objects_survive_collections() {
    each_store(|store| {
        let instance = instantiate(
            store,
            r#"(module
                 (type $node (struct (field $next (mut (ref null $node))) (field $value i32)))
                 (table (export "t") 4 (ref null $node))
                 (global $first (export "g") (ref $node) (struct.new $node (ref.null $node) (i32.const 41)))
                 (func (export "chain") (param $n i32) (result (ref null $node)) (local $list (ref null $node))
                   (loop $again
                     (local.set $list (struct.new $node (local.get $list) (local.get $n)))
                     (br_if $again (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))
                   (table.set (i32.const 0) (local.get $list))
                   (table.get (i32.const 0)))
                 (func (export "sum") (param $list (ref null $node)) (result i32) (local $sum i32)
                   (block $end
                     (loop $again
                       (br_if $end (ref.is_null (local.get $list)))
                       (local.set $sum (i32.add (local.get $sum) (struct.get $node $value (local.get $list))))
                       (local.set $list (struct.get $node $next (local.get $list)))
                       (br $again)))
                   (local.get $sum)))"#,
        );
        let chain = instance.get_func(&*store, "chain").unwrap();
        let sum = instance.get_func(&*store, "sum").unwrap();
        let mut list = [Val::I32(0)];
        chain
            .call(&mut *store, &[Val::I32(100)], &mut list)
            .unwrap();
        store.gc().unwrap();
        store.verify_heap().unwrap();
        store.audit().unwrap();
        let mut total = [Val::I32(0)];
        sum.call(&mut *store, &list, &mut total).unwrap();
        assert_eq!(total[0].i32(), Some(5050));
        let reclaims = store.engine().collector_traits().reclaims;
        let census = store.census().unwrap();
        assert_eq!(
            census.of_kind(ObjectKind::Struct),
            101,
            "100 of the chain, 1 of the global"
        );
        let table = instance.get_table(&*store, "t").unwrap();
        table
            .set(&mut *store, 0, Val::null(HeapTopType::Any))
            .unwrap();
        assert_eq!(
            store.census().unwrap().total(),
            101,
            "the handle still holds the chain"
        );
        drop(reclaims);
    });
}

#[test]
fn scopes_release_what_they_root() {
    each_store(|store| {
        let engine = store.engine();
        let ty = StructType::new(
            &engine,
            [FieldType::new(
                Mutability::Var,
                StorageType::ValType(ValType::ANYREF),
            )],
        )
        .unwrap();
        let kept;
        let stale;
        {
            let mut scope = RootScope::new(&mut *store);
            let inner = StructRef::new(&mut scope, &ty, &[Val::null(HeapTopType::Any)]).unwrap();
            let outer = StructRef::new(&mut scope, &ty, &[inner.to_anyref().into()]).unwrap();
            kept = outer.to_owned_rooted(&mut scope).unwrap();
            stale = StructRef::new(&mut scope, &ty, &[outer.to_anyref().into()]).unwrap();
        }
        assert!(matches!(
            stale.field(&mut *store, 0),
            Err(Error::Misuse(Misuse::Stale))
        ));
        let reclaims = engine.collector_traits().reclaims;
        let live = |store: &mut Store<()>| store.census().unwrap().total();
        assert_eq!(live(store), if reclaims { 2 } else { 3 });
        let Val::AnyRef(Some(inner)) = kept.field(&mut *store, 0).unwrap() else {
            panic!("a structure");
        };
        assert!(inner.as_struct(&mut *store).unwrap().is_some());
        drop(kept);
        assert_eq!(
            live(store),
            if reclaims { 1 } else { 3 },
            "only `inner` is rooted"
        );
    });
}
