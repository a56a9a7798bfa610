;;! guards = "two imports of one host function are the same function when tables are compared"
;;! source = "found by the target types: one adapter numbered functions by import"

(module $a
  (import "harness" "gc" (func $gc))
  (import "harness" "gc" (func $again))
  (table (export "t") 3 funcref)
  (elem (table 0) (i32.const 0) funcref (ref.func $gc) (ref.func $again)))
(register "a" $a)
(module
  (import "harness" "gc" (func $gc))
  (import "a" "t" (table 3 funcref))
  (elem (table 0) (i32.const 2) funcref (ref.func $gc))
  (func (export "null") (result i32) (ref.is_null (table.get (i32.const 2)))))
(assert_return (invoke "null") (i32.const 0))
