//! Calls in both directions: host functions, re-entrancy, exceptions, panics, traps.

use std::panic::{AssertUnwindSafe, catch_unwind};

use gcrucible_runtime::embed::*;

use crate::{call, checked, each_store, instantiate, module, store};

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
fn host_functions_see_their_caller_and_call_back() {
    let engine = Engine::new(&Config::fuzzing(CollectorKind::Copying)).unwrap();
    let mut store = checked(&engine, 0u32);
    let mut linker = Linker::new(&engine);
    linker
        .func_wrap(
            "h",
            "again",
            |mut caller: Caller<'_, u32>, n: i32, held: Option<Rooted<AnyRef>>| {
                *caller.data_mut() += 1;
                caller.gc()?;
                let Some(Extern::Func(run)) = caller.get_export("run") else {
                    return Err(Error::host("no export"));
                };
                let run = run.typed::<(i32, Option<Rooted<AnyRef>>), i32>(&caller)?;
                run.call(&mut caller, (n - 1, held))
            },
        )
        .unwrap();
    let module = module(
        &store,
        r#"(module
             (type $s (struct (field i32)))
             (import "h" "again" (func $again (param i32 anyref) (result i32)))
             (func (export "run") (param $n i32) (param $held anyref) (result i32) (local $own (ref $s))
               (if (i32.eqz (local.get $n))
                 (then (return (struct.get $s 0 (ref.cast (ref $s) (local.get $held))))))
               (local.set $own (struct.new $s (local.get $n)))
               (i32.add
                 (call $again (local.get $n) (local.get $own))
                 (struct.get $s 0 (local.get $own)))))"#,
    );
    let instance = linker.instantiate(&mut store, &module).unwrap();
    let run = instance
        .get_typed_func::<(i32, Option<Rooted<AnyRef>>), i32>(&store, "run")
        .unwrap();
    assert_eq!(run.call(&mut store, (10, None)).unwrap(), 55 + 1);
    assert_eq!(*store.data(), 10);
    assert_eq!(store.stats().scoped_roots, 0, "scopes of host calls end");
}

#[test]
fn errors_of_host_functions_arrive_as_they_were() {
    let engine = Engine::new(&Config::optimised()).unwrap();
    let mut store = Store::new(&engine, ());
    let module = module(
        &store,
        r#"(module (import "h" "fail" (func $fail (param i32))) (func (export "run") (param i32) (call $fail (local.get 0))))"#,
    );
    let mut linker: Linker<()> = Linker::new(&engine);
    linker
        .func_wrap(
            "h",
            "fail",
            |mut caller: Caller<'_, ()>, which: i32| -> Result<(), Error> {
                match which {
                    0 => Err(Error::host("mine")),
                    1 => Err(Trap::Unreachable.into()),
                    2 => Err(Error::Exhausted(Exhausted::Fuel)),
                    3 => Err(Error::Misuse(Misuse::Immutable)),
                    _ => {
                        AnyRef::from_i31(&mut caller, I31::wrapping_u32(1))?;
                        panic!("as asked")
                    }
                }
            },
        )
        .unwrap();
    let instance = linker.instantiate(&mut store, &module).unwrap();
    let mut run = |which| call(&mut store, instance, "run", &[Val::I32(which)]).unwrap_err();
    assert!(matches!(run(0), Error::Host(e) if e.to_string() == "mine"));
    assert_eq!(run(1).trap(), Some(Trap::Unreachable));
    assert!(matches!(run(2), Error::Exhausted(Exhausted::Fuel)));
    assert!(matches!(run(3), Error::Misuse(Misuse::Immutable)));
    let panicked = catch_unwind(AssertUnwindSafe(|| run(4)));
    assert_eq!(
        panicked.unwrap_err().downcast_ref::<&str>(),
        Some(&"as asked")
    );
    assert!(matches!(run(0), Error::Host(_)), "still usable");
    assert_eq!(store.stats().scoped_roots, 0);
}

#[test]
fn exceptions_cross_the_host() {
    each_store(|store| {
        let engine = store.engine();
        let ty = FuncType::new(&engine, [ValType::I32, ValType::ANYREF], []).unwrap();
        let tag = Tag::new(&mut *store, &ty).unwrap();
        let throw = Func::wrap(
            &mut *store,
            move |mut caller: Caller<'_, ()>,
                  n: i32,
                  held: Option<Rooted<AnyRef>>|
                  -> Result<(), Error> {
                let exception = ExnRef::new(&mut caller, &tag, &[Val::I32(n), held.into()])?;
                Err(Error::Thrown(exception.to_owned_rooted(&mut caller)?))
            },
        )
        .unwrap();
        let module = module(
            store,
            r#"(module
                 (type $s (struct (field i32)))
                 (import "" "tag" (tag $tag (param i32 anyref)))
                 (import "" "throw" (func $throw (param i32 anyref)))
                 (func (export "caught") (param i32) (result i32) (local i32)
                   (block $h (result i32 anyref)
                     (try_table (catch $tag $h)
                       (call $throw (local.get 0) (struct.new $s (i32.const 30))))
                     (unreachable))
                   (struct.get $s 0 (ref.cast (ref $s)))
                   (local.set 1)
                   (i32.add (local.get 1)))
                 (func (export "uncaught") (param i32)
                   (throw $tag (local.get 0) (struct.new $s (i32.const 7)))))"#,
        );
        let imports = [tag.into(), throw.into()];
        let instance = Instance::new(&mut *store, &module, &imports).unwrap();
        let caught = call(store, instance, "caught", &[Val::I32(12)]).unwrap();
        assert_eq!(caught[0].i32(), Some(42));
        let error = call(store, instance, "uncaught", &[Val::I32(5)]).unwrap_err();
        let Error::Thrown(exception) = error else {
            panic!("{error}")
        };
        store.gc().unwrap();
        assert_eq!(exception.tag(&mut *store).unwrap(), tag);
        let fields = exception.fields(&mut *store).unwrap();
        assert_eq!(fields[0].i32(), Some(5));
        let Val::AnyRef(Some(payload)) = fields[1] else {
            panic!("a structure")
        };
        let payload = payload.as_struct(&mut *store).unwrap().unwrap();
        assert_eq!(payload.field(&mut *store, 0).unwrap().i32(), Some(7));
        store.verify_heap().unwrap();
        store.audit().unwrap();
    });
}

#[test]
fn traps_have_backtraces_with_names() {
    each_store(|store| {
        let instance = instantiate(
            store,
            r#"(module (func $inner (param i32) (drop (i32.div_s (i32.const 1) (local.get 0))))
                       (func $outer (export "run") (call $inner (i32.const 0))))"#,
        );
        let error = call(store, instance, "run", &[]).unwrap_err();
        let Error::Trap(info) = error else {
            panic!("{error}")
        };
        assert_eq!(info.trap, Trap::IntegerDivideByZero);
        let names: Vec<_> = (info.backtrace.frames().iter())
            .map(|frame| frame.name().map(str::to_owned))
            .collect();
        assert_eq!(names, [Some("inner".to_owned()), Some("outer".to_owned())]);
    });
}

#[test]
fn endless_recursion_is_exhaustion() {
    each_store(|store| {
        let instance = instantiate(
            store,
            r#"(module (func $f (export "run") (param i32) (result i32)
                 (i32.add (i32.const 1) (call $f (local.get 0)))))"#,
        );
        let error = call(store, instance, "run", &[Val::I32(1)]).unwrap_err();
        assert!(
            matches!(error, Error::Exhausted(Exhausted::CallStack)),
            "{error}"
        );
    });
}

#[test]
fn values_must_fit() {
    let mut store = store();
    let instance = instantiate(
        &mut store,
        r#"(module (func (export "f") (param i32 (ref i31)) (result i32) (local.get 0)))"#,
    );
    let f = instance.get_func(&store, "f").unwrap();
    let one = AnyRef::from_i31(&mut store, I31::wrapping_u32(1)).unwrap();
    let null = Val::null(HeapTopType::Any);
    let mut misuse = |params: &[Val], results: usize| {
        let mut results = vec![Val::I32(0); results];
        matches!(
            f.call(&mut store, params, &mut results),
            Err(Error::Misuse(_))
        )
    };
    assert!(misuse(&[], 1));
    assert!(misuse(&[Val::I64(0), one.into()], 1));
    assert!(misuse(&[Val::I32(0), null], 1));
    assert!(misuse(&[Val::I32(0), one.into()], 0));
    assert!(!misuse(&[Val::I32(0), one.into()], 1));
    assert!(
        instance
            .get_typed_func::<(i32, i64), i32>(&store, "f")
            .is_err()
    );
    assert!(
        instance
            .get_typed_func::<(i32, I31), i32>(&store, "f")
            .is_ok()
    );
}
