;;! guards = "the default value of a table or local of a concrete type is an ordinary null"
;;! source = "WasmEdge #4757, #4768, #5343"
;;! planted = "null-passes-for-i31"

(module
  (type $s (struct (field i32)))
  (type $u (struct (field i32) (field i32)))
  (table $t 3 (ref null $s))
  (func (export "test") (result i32) (ref.test (ref $s) (table.get $t (i32.const 1))))
  (func (export "test null") (result i32) (ref.test (ref null $s) (table.get $t (i32.const 1))))
  (func (export "test other") (result i32) (ref.test (ref null none) (table.get $t (i32.const 1))))
  (func (export "test i31") (result i32) (local $x anyref)
    (local.set $x (table.get $t (i32.const 2)))
    (ref.test (ref i31) (local.get $x)))
  (func (export "local") (result i32) (local $x structref)
    (i32.add (ref.test (ref null $u) (local.get $x)) (ref.test (ref $u) (local.get $x))))
  (func (export "cast") (ref.cast (ref $s) (table.get $t (i32.const 0))) (drop))
  (func (export "cast null") (ref.cast (ref null $s) (table.get $t (i32.const 0))) (drop)))

(assert_return (invoke "test") (i32.const 0))
(assert_return (invoke "test null") (i32.const 1))
(assert_return (invoke "test other") (i32.const 1))
(assert_return (invoke "test i31") (i32.const 0))
(assert_return (invoke "local") (i32.const 1))
(assert_trap (invoke "cast") "cast failure")
(assert_return (invoke "cast null"))
