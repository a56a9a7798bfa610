//! Modules that ask for too much are refused, trap or run out of a resource, within a moment.
//! Afterwards the store is usable and the process unharmed.

use gcrucible_runtime::embed::*;

use crate::{call, checked, instantiate, module, store, wat};

/// Stores with heaps of 64 MiB, one for each trap mode, collector that frees, and size of
/// reservations.
fn each_store(check: impl Fn(&mut Store<()>)) {
    for (collector, trap_mode, reservation) in [
        (CollectorKind::Drc, TrapMode::Signals, 4 << 30),
        (CollectorKind::Copying, TrapMode::Explicit, 1 << 20),
        (CollectorKind::DrcCycles, TrapMode::Signals, 1 << 16),
    ] {
        let mut config = Config::fuzzing(collector);
        (config.trap_mode, config.memory_reservation) = (trap_mode, reservation);
        check(&mut checked(&Engine::new(&config).expect("engine"), ()));
    }
}

/// An unsigned number in LEB128.
fn leb(mut value: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    loop {
        let low = (value & 0x7f) as u8;
        value >>= 7;
        if value == 0 {
            bytes.push(low);
            return bytes;
        }
        bytes.push(low | 0x80);
    }
}

fn section(id: u8, content: &[u8]) -> Vec<u8> {
    let mut bytes = vec![id];
    bytes.extend(leb(content.len() as u64));
    bytes.extend(content);
    bytes
}

/// A vector of `count` equal items.
fn repeated(count: u64, item: &[u8]) -> Vec<u8> {
    let mut bytes = leb(count);
    bytes.extend(item.repeat(count as usize));
    bytes
}

fn binary(sections: &[Vec<u8>]) -> Vec<u8> {
    let mut bytes = b"\0asm\x01\0\0\0".to_vec();
    bytes.extend(sections.concat());
    bytes
}

/// One function `f : [] -> []`, exported, with this body (locals and instructions without the final
/// `end`).
fn one_function(body: &[u8]) -> Vec<u8> {
    let mut code = vec![1];
    code.extend(leb(body.len() as u64 + 1));
    code.extend(body);
    code.push(0x0b);
    binary(&[
        section(1, &[1, 0x60, 0, 0]),
        section(3, &[1, 0]),
        section(7, &[1, 1, b'f', 0, 0]),
        section(10, &code),
    ])
}

fn is_limit(result: Result<Module, Error>) -> bool {
    // A limit of the decoder is reported as the decoder reports everything.
    matches!(result, Err(Error::Rejected(_)))
}

#[test]
fn arrays_of_all_lengths() {
    each_store(|store| {
        let instance = instantiate(
            store,
            r#"(module (type $b (array (mut i8))) (type $v (array (mut v128))) (type $r (array (mut anyref)))
                 (elem $e anyref (ref.null any))
                 (data $d "x")
                 (func (export "bytes") (param i32) (drop (array.new_default $b (local.get 0))))
                 (func (export "vectors") (param i32) (drop (array.new $v (v128.const i64x2 1 2) (local.get 0))))
                 (func (export "refs") (param i32) (drop (array.new $r (ref.i31 (i32.const 1)) (local.get 0))))
                 (func (export "data") (param i32) (drop (array.new_data $b $d (i32.const 0) (local.get 0))))
                 (func (export "elem") (param i32) (drop (array.new_elem $r $e (i32.const 0) (local.get 0)))))"#,
        );
        for len in [-1, i32::MIN, i32::MAX, i32::MAX / 4, i32::MAX / 16 + 1] {
            for name in ["bytes", "vectors", "refs", "data", "elem"] {
                let ended = call(store, instance, name, &[Val::I32(len)]);
                let expected = match &ended {
                    Err(Error::Exhausted(Exhausted::GcHeap)) => true,
                    Err(error) => error.trap().is_some(),
                    Ok(_) => false,
                };
                assert!(expected, "{name} of {len}: {ended:?}");
            }
        }
        let engine = store.engine();
        let storage = StorageType::ValType(ValType::I64);
        let ty = ArrayType::new(&engine, FieldType::new(Mutability::Var, storage)).unwrap();
        assert!(ArrayRef::new(&mut *store, &ty, &Val::I64(1), u32::MAX).is_err());
        call(store, instance, "bytes", &[Val::I32(10)]).unwrap();
        store.verify_heap().unwrap();
        store.audit().unwrap();
    });
}

#[test]
fn memories_of_all_sizes() {
    each_store(|store| {
        for (text, fits) in [
            ("(module (memory i64 0x1_0000_0000_0000))", false),
            ("(module (memory i64 0x1_0000_0000))", false),
            ("(module (memory i64 0 0x1_0000_0000_0000))", true),
            ("(module (memory 0x10000))", true),
        ] {
            let module = module(store, text);
            let ended = Instance::new(&mut *store, &module, &[]);
            match (&ended, fits) {
                (Ok(_), true) | (Err(Error::Exhausted(Exhausted::Memory)), false) => {}
                _ => panic!("{text}: {ended:?}"),
            }
        }
        let instance = instantiate(
            store,
            r#"(module (memory $m 1) (memory $l i64 1)
                 (func (export "grow") (param i32) (result i32) (memory.grow $m (local.get 0)))
                 (func (export "last") (result i32) (i32.store $m (i32.const -4) (i32.const 9)) (i32.load $m (i32.const -4)))
                 (func (export "grow64") (param i64) (result i64) (memory.grow $l (local.get 0)))
                 (func (export "load64") (param i64) (result i32) (i32.load $l (local.get 0)))
                 (func (export "offset64") (param i64) (result i32) (i32.load $l offset=0xffff_ffff_ffff_fff0 (local.get 0))))"#,
        );
        let run = |store: &mut Store<()>, name, arg| {
            let results = call(store, instance, name, &[arg]);
            results.map(|results| match results[0] {
                Val::I32(value) => i64::from(value),
                Val::I64(value) => value,
                _ => panic!("a number"),
            })
        };
        assert_eq!(run(store, "grow", Val::I32(65536)).unwrap(), -1);
        assert_eq!(run(store, "grow", Val::I32(65535)).unwrap(), 1, "4 GiB");
        assert_eq!(
            call(store, instance, "last", &[]).unwrap()[0].i32(),
            Some(9)
        );
        assert_eq!(run(store, "grow", Val::I32(1)).unwrap(), -1);
        for delta in [i64::MAX, -1, 1 << 32, 1 << 47, (1 << 48) - 1] {
            assert_eq!(run(store, "grow64", Val::I64(delta)).unwrap(), -1);
        }
        for address in [65536, i64::MAX, -1, -65536, 1 << 32, 1 << 47] {
            for name in ["load64", "offset64"] {
                let error = run(store, name, Val::I64(address)).unwrap_err();
                assert_eq!(
                    error.trap(),
                    Some(Trap::MemoryOutOfBounds),
                    "{name} {address}"
                );
            }
        }
        assert_eq!(run(store, "load64", Val::I64(65532)).unwrap(), 0);
    });
}

#[test]
fn tables_of_all_sizes() {
    each_store(|store| {
        for (text, fits) in [
            ("(module (table 10_000_000 funcref))", true),
            ("(module (table 10_000_001 funcref))", false),
            ("(module (table 0xffff_ffff anyref))", false),
            ("(module (table i64 0xffff_ffff_ffff_ffff anyref))", false),
            (
                "(module (table 10_000_000 anyref (ref.i31 (i32.const 1))))",
                true,
            ),
        ] {
            let module = module(store, text);
            let ended = Instance::new(&mut *store, &module, &[]);
            match (&ended, fits) {
                (Ok(_), true) | (Err(Error::Exhausted(Exhausted::Table)), false) => {}
                _ => panic!("{text}: {ended:?}"),
            }
        }
        let instance = instantiate(
            store,
            r#"(module (table $t 1 anyref) (table $l i64 1 funcref)
                 (func (export "grow") (param i32) (result i32) (table.grow $t (ref.null any) (local.get 0)))
                 (func (export "grow64") (param i64) (result i64) (table.grow $l (ref.null func) (local.get 0)))
                 (func (export "call64") (param i64) (call_indirect $l (local.get 0))))"#,
        );
        for delta in [-1, i32::MAX, 10_000_000] {
            let old = call(store, instance, "grow", &[Val::I32(delta)]).unwrap();
            assert_eq!(old[0].i32(), Some(-1));
        }
        let old = call(store, instance, "grow", &[Val::I32(9_999_999)]).unwrap();
        assert_eq!(old[0].i32(), Some(1));
        for delta in [-1, i64::MAX, 1 << 32, 10_000_000] {
            let old = call(store, instance, "grow64", &[Val::I64(delta)]).unwrap();
            assert_eq!(old[0].i64(), Some(-1));
        }
        for at in [1, 1 << 32, 1 << 61, -1] {
            let error = call(store, instance, "call64", &[Val::I64(at)]).unwrap_err();
            assert_eq!(error.trap(), Some(Trap::UndefinedElement));
        }
    });
}

#[test]
fn a_hundred_thousand_functions() {
    let count = 100_000;
    let bytes = binary(&[
        section(1, &[1, 0x60, 0, 0]),
        section(3, &repeated(count, &[0])),
        section(10, &repeated(count, &[2, 0, 0x0b])),
    ]);
    let engine = Engine::new(&Config::fuzzing(CollectorKind::Null)).unwrap();
    let module = Module::new(&engine, bytes).unwrap();
    Instance::new(&mut checked(&engine, ()), &module, &[]).unwrap();
    drop(module);
    let too_many = binary(&[
        section(1, &[1, 0x60, 0, 0]),
        section(3, &repeated(1_000_001, &[0])),
        section(10, &repeated(1_000_001, &[2, 0, 0x0b])),
    ]);
    assert!(is_limit(Module::new(&engine, too_many)));
}

#[test]
fn jump_tables_and_nesting() {
    let engine = Engine::new(&Config::optimised()).unwrap();
    let mut store = Store::new(&engine, ());
    let table = |targets: u64| {
        // block; i32.const 0; br_table 0 ... 0; end
        let mut body = vec![0, 0x02, 0x40, 0x41, 0, 0x0e];
        body.extend(repeated(targets, &[0]));
        body.extend([0, 0x0b]);
        one_function(&body)
    };
    let module = Module::new(&engine, table(1_000_000)).unwrap();
    let instance = Instance::new(&mut store, &module, &[]).unwrap();
    call(&mut store, instance, "f", &[]).unwrap();
    let longer_than_a_function = table(8_000_000);
    assert!(is_limit(Module::new(&engine, longer_than_a_function)));
    for (open, depth) in [
        (vec![0x02, 0x40], 100_000),
        (vec![0x03, 0x40], 50_000),
        (vec![0x41, 1, 0x04, 0x40], 20_000),
        (vec![0x1f, 0x40, 0], 20_000),
    ] {
        let mut body = vec![0];
        body.extend(open.repeat(depth));
        body.extend([0x0b].repeat(depth));
        let module = Module::new(&engine, one_function(&body)).unwrap();
        let instance = Instance::new(&mut store, &module, &[]).unwrap();
        call(&mut store, instance, "f", &[]).unwrap();
    }
}

/// A frame that is larger than the rest of the stack, or than any guard, is noticed before it is
/// touched.
#[test]
fn frames_larger_than_the_stack() {
    for trap_mode in [TrapMode::Signals, TrapMode::Explicit] {
        for opt_level in [OptLevel::None, OptLevel::Speed] {
            let mut config = Config::optimised();
            (config.trap_mode, config.opt_level) = (trap_mode, opt_level);
            config.reg_alloc = RegAlloc::SinglePass;
            let engine = Engine::new(&config).unwrap();
            let small = StoreConfig {
                stack_size: 128 << 10,
                ..StoreConfig::default()
            };
            let mut store = Store::with_config(&engine, &small, ()).unwrap();
            // Locals that are alive across a call, so that each has its place in the frame.
            let mut text =
                "(module IMPORT (memory 5) (global $g (mut i32) (i32.const 0)) (func (export \"f\")"
                    .to_owned();
            for local in 0..5_000 {
                text += &format!("(local $l{local} v128)");
            }
            for local in 0..5_000 {
                let address = local * 16;
                text += &format!("(local.set $l{local} (v128.load (i32.const {address})))");
            }
            text += "(call $h)";
            for local in 0..5_000 {
                text += &format!("(global.set $g (i32x4.extract_lane 0 (local.get $l{local})))");
            }
            text += ") (func (export \"ok\")))";
            let instance = instantiate(&mut store, &text.replace("IMPORT", "(func $h)"));
            // 80 KB of the 128 KB.
            call(&mut store, instance, "f", &[]).unwrap();
            let twice = Func::wrap(&mut store, move |mut caller: Caller<'_, ()>| {
                let f = instance.get_func(&caller, "f").ok_or(Misuse::Stale)?;
                f.call(&mut caller, &[], &mut [])
            });
            let import = r#"(import "" "h" (func $h))"#;
            let again = module(&store, &text.replace("IMPORT", import));
            let again = Instance::new(&mut store, &again, &[twice.unwrap().into()]).unwrap();
            let error = call(&mut store, again, "f", &[]).unwrap_err();
            assert!(
                matches!(error, Error::Exhausted(Exhausted::CallStack)),
                "{error}"
            );
            call(&mut store, again, "ok", &[]).unwrap();
        }
    }
    let mut locals = vec![1];
    locals.extend(leb(50_001));
    locals.push(0x7b);
    let engine = Engine::new(&Config::optimised()).unwrap();
    assert!(is_limit(Module::new(&engine, one_function(&locals))));
}

/// Locals of every type in a function with more of them than variables, set in branches, alive over
/// a collection.
#[test]
fn thousands_of_locals_keep_their_values() {
    const COUNT: u64 = 3_000;
    let types = [
        "i32",
        "i64",
        "f32",
        "f64",
        "v128",
        "i31ref",
        "(ref null $s)",
    ];
    let mut text = r#"(module (type $s (struct (field i64))) (import "" "gc" (func $gc))
        (func (export "f") (param $on i32) (result i64)"#
        .to_owned();
    for local in 0..COUNT {
        text += &format!("(local $l{local} {})", types[local as usize % types.len()]);
    }
    for local in 0..COUNT {
        let value = match local % 7 {
            0 => format!("(i32.const {local})"),
            1 => format!("(i64.const {local})"),
            2 => format!("(f32.const {local})"),
            3 => format!("(f64.const {local})"),
            4 => format!("(i64x2.splat (i64.const {local}))"),
            5 => format!("(ref.i31 (i32.const {local}))"),
            _ => format!("(struct.new $s (i64.const {local}))"),
        };
        text += &format!("(if (local.get $on) (then (local.set $l{local} {value})))");
    }
    text += "(call $gc) (i64.const 0)";
    for local in 0..COUNT {
        let get = format!("(local.get $l{local})");
        let number = match local % 7 {
            0 => format!("(i64.extend_i32_u {get})"),
            1 => get,
            2 => format!("(i64.trunc_f32_u {get})"),
            3 => format!("(i64.trunc_f64_u {get})"),
            4 => format!("(i64x2.extract_lane 1 {get})"),
            5 => format!("(i64.extend_i32_u (i31.get_u {get}))"),
            _ => format!("(struct.get $s 0 {get})"),
        };
        text += &format!(
            "(if (result i64) (local.get $on) (then {number}) (else (i64.const 0))) i64.add"
        );
    }
    text += "))";
    for opt_level in [OptLevel::None, OptLevel::Speed] {
        each_store(|store| {
            let mut config = store.engine().config().clone();
            config.opt_level = opt_level;
            let mut store = checked(&Engine::new(&config).unwrap(), ());
            let collect = Func::wrap(&mut store, |mut caller: Caller<'_, ()>| caller.gc());
            let module = module(&store, &text);
            let instance = Instance::new(&mut store, &module, &[collect.unwrap().into()]).unwrap();
            for (on, sum) in [(1, COUNT * (COUNT - 1) / 2), (0, 0)] {
                let got = call(&mut store, instance, "f", &[Val::I32(on)]).unwrap();
                assert_eq!(got[0].i64(), Some(sum as i64));
            }
        });
    }
}

/// Many operands that are held over many checks take time by their number, not by its square. Many
/// references that are held over many calls would need stack maps of quadratic size, and are
/// refused.
#[test]
fn much_held_over_much() {
    let loads = format!(
        "(module (memory 1) (func {} {}))",
        "(i32.load (i32.const 0))".repeat(20_000),
        "drop ".repeat(20_000)
    );
    let objects = format!(
        "(module (type $s (struct (field i32))) (func {} {}))",
        "(struct.new_default $s)".repeat(4_000),
        "(drop (struct.get $s 0)) ".repeat(4_000)
    );
    for trap_mode in [TrapMode::Signals, TrapMode::Explicit] {
        let mut config = Config::optimised();
        config.trap_mode = trap_mode;
        let engine = Engine::new(&config).unwrap();
        Module::new(&engine, wat(&loads)).unwrap();
        assert!(is_limit(Module::new(&engine, wat(&objects))));
    }
}

/// Nothing walks structures by recursion on the host's stack.
#[test]
fn long_lists_and_chains_of_types() {
    for collector in CollectorKind::ALL {
        let mut config = Config::optimised();
        config.collector = collector;
        let engine = Engine::new(&config).unwrap();
        let mut store = Store::new(&engine, ());
        let instance = instantiate(
            &mut store,
            r#"(module (type $n (struct (field anyref))) (global $g (mut anyref) (ref.null any))
                 (func (export "make") (param $n i32)
                   (loop $l
                     (global.set $g (struct.new $n (global.get $g)))
                     (br_if $l (local.tee $n (i32.sub (local.get $n) (i32.const 1))))))
                 (func (export "drop") (global.set $g (ref.null any))))"#,
        );
        call(&mut store, instance, "make", &[Val::I32(1_000_000)]).unwrap();
        assert_eq!(store.census().unwrap().total(), 1_000_000);
        store.verify_heap().unwrap();
        call(&mut store, instance, "drop", &[]).unwrap();
        let left = store.census().unwrap().total();
        assert_eq!(left == 0, engine.collector_traits().reclaims);
        store.audit().unwrap();
    }
    let engine = Engine::new(&Config::optimised()).unwrap();
    // Each type refers to the one before it, and is a group of its own.
    let count = 50_000;
    let mut types = leb(count);
    types.extend([0x5f, 0]);
    for at in 1..count {
        types.extend([0x5f, 1, 0x63]);
        types.extend(leb(at - 1));
        // A position in the signed form needs bit 6 clear in its last byte.
        if types.last().is_some_and(|last| last & 0x40 != 0) {
            let last = types.len() - 1;
            types[last] |= 0x80;
            types.push(0);
        }
        types.push(0);
    }
    let module = Module::new(&engine, binary(&[section(1, &types)])).unwrap();
    assert_eq!(engine.live_types(), count as usize);
    drop(module);
    assert_eq!(engine.live_types(), 0);
}

#[test]
fn many_parameters_and_results() {
    let mut store = store();
    let (params, results) = (1000, 1000);
    let text = format!(
        "(module (type $t (func (param {}) (result {})))
           (func $f (export \"f\") (type $t) {})
           (func (export \"g\") (type $t) {} (call $f)))",
        "i64 ".repeat(params),
        "i64 ".repeat(results),
        (0..results)
            .map(|at| format!("(local.get {at})"))
            .collect::<String>(),
        (0..params)
            .map(|at| format!("(local.get {at})"))
            .collect::<String>(),
    );
    let instance = instantiate(&mut store, &text);
    let args: Vec<_> = (0..params as i64).map(Val::I64).collect();
    let got = call(&mut store, instance, "g", &args).unwrap();
    let got: Vec<_> = got.iter().map(|value| value.i64().unwrap()).collect();
    assert_eq!(got, (0..params as i64).collect::<Vec<_>>());
    let engine = store.engine();
    let text = format!("(module (type (func (param {}))))", "i64 ".repeat(1001));
    assert!(is_limit(Module::new(&engine, wat(&text))));
}

#[test]
fn a_store_has_so_many_instances() {
    let engine = Engine::new(&Config::optimised()).unwrap();
    let mut store = Store::new(&engine, ());
    let module = module(&store, "(module (memory 1))");
    let mut made = 0;
    let error = loop {
        match Instance::new(&mut store, &module, &[]) {
            Ok(_) => made += 1,
            Err(error) => break error,
        }
    };
    assert!(
        matches!(
            error,
            Error::Exhausted(Exhausted::Count | Exhausted::Memory)
        ),
        "{error}"
    );
    assert!(made >= 1000, "{made}");
}
