//! Import matching, order of initialisation, isolation of stores.

use gcrucible_runtime::embed::*;

use crate::{call, each_store, instantiate, module, store};

/// Checks if a module that imports `import` can be given what `export` exports as "x".
#[track_caller]
fn check(export: &str, import: &str, expected: bool) {
    let mut store = store();
    let exporter = instantiate(&mut store, export);
    let importer = module(&store, import);
    let item = exporter.get_export(&store, "x").expect("an export");
    let linked = Instance::new(&mut store, &importer, &[item]);
    match (linked, expected) {
        (Ok(_), true) => {}
        (Err(Error::Link(error)), false) => {
            assert_eq!((error.import, &*error.module, &*error.name), (0, "m", "x"));
            assert!(error.found.is_some());
        }
        (other, _) => panic!("{other:?}"),
    }
}

#[test]
fn limits_match() {
    let memory = r#"(module (memory (export "x") 2 5))"#;
    check(memory, r#"(module (import "m" "x" (memory 1 6)))"#, true);
    check(memory, r#"(module (import "m" "x" (memory 2)))"#, true);
    check(memory, r#"(module (import "m" "x" (memory 3)))"#, false);
    check(memory, r#"(module (import "m" "x" (memory 2 4)))"#, false);
    check(memory, r#"(module (import "m" "x" (memory i64 2)))"#, false);
    let table = r#"(module (table (export "x") 2 (ref null i31)))"#;
    check(
        table,
        r#"(module (import "m" "x" (table 2 (ref null i31))))"#,
        true,
    );
    check(
        table,
        r#"(module (import "m" "x" (table 2 3 (ref null i31))))"#,
        false,
    );
    check(
        table,
        r#"(module (import "m" "x" (table 2 (ref null eq))))"#,
        false,
    );
}

#[test]
fn globals_match() {
    let constant = r#"(module (global (export "x") i31ref (ref.null i31)))"#;
    check(
        constant,
        r#"(module (import "m" "x" (global anyref)))"#,
        true,
    );
    check(
        constant,
        r#"(module (import "m" "x" (global (mut i31ref))))"#,
        false,
    );
    check(
        constant,
        r#"(module (import "m" "x" (global structref)))"#,
        false,
    );
    let variable = r#"(module (global (export "x") (mut i31ref) (ref.null i31)))"#;
    check(
        variable,
        r#"(module (import "m" "x" (global (mut i31ref))))"#,
        true,
    );
    check(
        variable,
        r#"(module (import "m" "x" (global (mut anyref))))"#,
        false,
    );
}

#[test]
fn functions_and_tags_match() {
    let sub = r#"(module (type $a (sub (func (result anyref)))) (type $b (sub $a (func (result i31ref))))
                   (func (export "x") (type $b) (ref.null i31)))"#;
    let sup =
        r#"(module (type $a (sub (func (result anyref)))) (import "m" "x" (func (type $a))))"#;
    check(sub, sup, true);
    check(
        sub,
        r#"(module (import "m" "x" (func (result anyref))))"#,
        false,
    );
    check(sub, r#"(module (import "m" "x" (memory 0)))"#, false);
    let tag = r#"(module (tag (export "x") (param i32)))"#;
    check(tag, r#"(module (import "m" "x" (tag (param i32))))"#, true);
    check(tag, r#"(module (import "m" "x" (tag (param i64))))"#, false);
}

#[test]
fn a_missing_import_is_named() {
    let mut store = store();
    let module = module(&store, r#"(module (import "m" "x" (func)))"#);
    let linker: Linker<()> = Linker::new(&store.engine());
    let error = linker.instantiate(&mut store, &module).unwrap_err();
    assert_eq!(
        error.to_string(),
        r#"unknown import "m" "x": expected (func)"#
    );
}

#[test]
fn types_are_shared_between_modules_and_die_with_them() {
    let mut store = store();
    let text = r#"(module (rec (type $s (struct (field (ref null $s)))) (type $f (func (param (ref $s)))))
                    (func (export "f") (type $f)))"#;
    let (a, b) = (instantiate(&mut store, text), instantiate(&mut store, text));
    let ty = |store: &Store<()>, i: Instance| i.get_func(store, "f").unwrap().ty(store).unwrap();
    assert_eq!(ty(&store, a), ty(&store, b));
    let engine = store.engine();
    assert_eq!(engine.live_types(), 2);
    drop(store);
    assert_eq!(engine.live_types(), 0);
}

#[test]
fn what_a_failed_instance_wrote_stays() {
    each_store(|store| {
        let owner = instantiate(
            store,
            r#"(module (type $f (func (result i32))) (table (export "t") 4 funcref)
                 (func (export "run") (result i32) (call_indirect (type $f) (i32.const 0))))"#,
        );
        let table = owner.get_table(&*store, "t").unwrap();
        let failing = module(
            store,
            r#"(module (import "" "t" (table 4 funcref)) (memory 1)
                 (func $f (result i32) (i32.load8_u (i32.const 3)))
                 (elem (i32.const 0) $f) (data (i32.const 3) "\2a") (elem (i32.const 3) $f $f))"#,
        );
        let error = Instance::new(&mut *store, &failing, &[table.into()]).unwrap_err();
        assert_eq!(error.trap(), Some(Trap::TableOutOfBounds));
        let answer = call(store, owner, "run", &[]).unwrap();
        // Element segments come before data segments, so that the second one trapped before the
        // data was there.
        assert_eq!(answer[0].i32(), Some(0));
    });
}

#[test]
fn constant_expressions_may_allocate_and_collect() {
    each_store(|store| {
        let instance = instantiate(
            store,
            r#"(module
                 (type $s (struct (field i32) (field anyref)))
                 (type $a (array anyref))
                 (global $g (export "g") (ref $a)
                   (array.new_fixed $a 3
                     (struct.new $s (i32.const 1) (ref.i31 (i32.const 9)))
                     (struct.new $s (i32.const 2) (struct.new_default $s))
                     (array.new $a (struct.new $s (i32.const 3) (ref.null any)) (i32.const 2))))
                 (table $t (export "t") 3 anyref (struct.new $s (i32.const 4) (ref.null any)))
                 (elem (table $t) (i32.const 1) anyref
                   (item (struct.new $s (i32.const 5) (ref.null any))) (item (global.get $g)))
                 (elem $passive anyref (item (struct.new $s (i32.const 6) (global.get $g))))
                 (func (export "init") (table.init $t $passive (i32.const 0) (i32.const 0) (i32.const 1)))
                 (func (export "value") (param i32) (result i32)
                   (struct.get $s 0 (ref.cast (ref $s) (table.get $t (local.get 0))))))"#,
        );
        let value = |store: &mut Store<()>, at| {
            let value = call(store, instance, "value", &[Val::I32(at)]);
            value.map(|v| v[0].i32().unwrap_or(-1))
        };
        assert_eq!(value(store, 0).unwrap(), 4);
        assert_eq!(value(store, 1).unwrap(), 5);
        assert_eq!(value(store, 2).unwrap_err().trap(), Some(Trap::CastFailure));
        call(store, instance, "init", &[]).unwrap();
        assert_eq!(value(store, 0).unwrap(), 6);
        store.verify_heap().unwrap();
        store.audit().unwrap();
        let reclaims = store.engine().collector_traits().reclaims;
        let total = store.census().unwrap().total();
        // 2 arrays and 4 structures of the global, item 5, item 6. What the table began with is
        // garbage.
        assert_eq!(total, 8 + u64::from(!reclaims));
    });
}

#[test]
fn handles_of_another_store_are_refused() {
    let engine = Engine::new(&Config::optimised()).unwrap();
    let (mut one, mut two) = (Store::new(&engine, ()), Store::new(&engine, ()));
    let text = r#"(module (memory (export "m") 1) (table (export "t") 1 anyref) (tag (export "e"))
                    (global (export "g") (mut i32) (i32.const 0)) (func (export "f")))"#;
    let instance = instantiate(&mut one, text);
    let other = |error: Error| matches!(error, Error::Misuse(Misuse::WrongStore));
    let f = instance.get_func(&one, "f").unwrap();
    assert!(other(f.call(&mut two, &[], &mut []).unwrap_err()));
    assert!(other(
        instance
            .get_table(&one, "t")
            .unwrap()
            .size(&two)
            .unwrap_err()
    ));
    assert!(other(
        instance
            .get_memory(&one, "m")
            .unwrap()
            .data(&two)
            .unwrap_err()
    ));
    let global = instance.get_global(&one, "g").unwrap();
    assert!(other(global.set(&mut two, 1i32).unwrap_err()));
    assert!(other(
        instance.get_tag(&one, "e").unwrap().ty(&two).unwrap_err()
    ));
    assert!(instance.get_func(&two, "f").is_none());
    let rooted = AnyRef::from_i31(&mut one, I31::wrapping_u32(0)).unwrap();
    assert!(other(rooted.ty(&mut two).unwrap_err()));
    let import = module(&two, r#"(module (import "" "f" (func)))"#);
    assert!(other(
        Instance::new(&mut two, &import, &[f.into()]).unwrap_err()
    ));
    let foreign = Engine::new(&Config::optimised()).unwrap();
    let module = Module::new(&foreign, crate::wat("(module)")).unwrap();
    let error = Instance::new(&mut one, &module, &[]).unwrap_err();
    assert!(matches!(error, Error::Misuse(Misuse::WrongEngine)));
}
