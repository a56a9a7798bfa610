//! Objects, roots and collections.

use gcrucible_runtime::embed::*;

use crate::{each_store, instantiate};

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

/// A message about two things that do not fit names both.
#[test]
fn messages_name_what_was_expected_and_what_was_found() {
    let mut store = Store::new(&Engine::new(&Config::optimised()).unwrap(), ());
    let engine = store.engine();
    let field = |ty| FieldType::new(Mutability::Const, StorageType::ValType(ty));
    let open = StructType::with_finality_and_supertype(&engine, false, None, [field(ValType::I32)]);
    let open = open.unwrap();
    let fields = [field(ValType::I64)];
    let wrong = StructType::with_finality_and_supertype(&engine, true, Some(&open), fields.clone());
    assert_eq!(
        wrong.unwrap_err().to_string(),
        "type mismatch: expected a subtype of (struct (field i32)), found (struct (field i64))"
    );
    let last = StructType::new(&engine, fields.clone()).unwrap();
    let wrong = StructType::with_finality_and_supertype(&engine, true, Some(&last), fields);
    assert_eq!(
        wrong.unwrap_err().to_string(),
        "type mismatch: expected no subtype of the final type (struct (field i64)), \
         found (struct (field i64))"
    );
    let ty = TableType::new(RefType::new(true, HeapType::Extern), 5, Some(3));
    let wrong = Table::new(&mut store, &ty, Val::null(HeapTopType::Extern));
    assert_eq!(
        wrong.unwrap_err().to_string(),
        "type mismatch: expected limits in ascending order and of at most 4294967295, \
         found a minimum of 5 and a maximum of 3"
    );
}
