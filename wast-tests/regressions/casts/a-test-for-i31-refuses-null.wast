;;! guards = "ref.test of a non-nullable i31 is false for null"
;;! source = "Wasmtime #10171, #10221"
;;! schedule = "every"
;;! planted = "null-passes-for-i31"

(module
  (type $s (sub (struct (field i32))))
  (type $t (sub $s (struct (field i32) (field i32))))
  (func $value (param i32) (result anyref)
    (if (result anyref) (i32.eqz (local.get 0)) (then (ref.null any))
      (else (if (result anyref) (i32.eq (local.get 0) (i32.const 1)) (then (ref.i31 (i32.const 2)))
        (else (if (result anyref) (i32.eq (local.get 0) (i32.const 2)) (then (struct.new_default $s)) (else (struct.new_default $t))))))))
  (func (export "nullable") (param i32) (result i32) (ref.test (ref null $t) (call $value (local.get 0))))
  (func (export "exact") (param i32) (result i32) (ref.test (ref $t) (call $value (local.get 0))))
  (func (export "i31") (param i32) (result i32) (ref.test (ref i31) (call $value (local.get 0))))
  (func (export "nullable-i31") (param i32) (result i32) (ref.test i31ref (call $value (local.get 0)))))

(assert_return (invoke "nullable" (i32.const 0)) (i32.const 1))
(assert_return (invoke "nullable" (i32.const 1)) (i32.const 0))
(assert_return (invoke "nullable" (i32.const 2)) (i32.const 0))
(assert_return (invoke "nullable" (i32.const 3)) (i32.const 1))
(assert_return (invoke "exact" (i32.const 0)) (i32.const 0))
(assert_return (invoke "exact" (i32.const 3)) (i32.const 1))
(assert_return (invoke "i31" (i32.const 0)) (i32.const 0))
(assert_return (invoke "i31" (i32.const 1)) (i32.const 1))
(assert_return (invoke "i31" (i32.const 2)) (i32.const 0))
(assert_return (invoke "nullable-i31" (i32.const 0)) (i32.const 1))
