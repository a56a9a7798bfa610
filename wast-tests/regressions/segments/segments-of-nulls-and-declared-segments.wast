;;! guards = "segments of nulls instantiate, and functions of declared segments can be called"
;;! source = "Wasmtime #2392, #2850"
;;! planted = "func-reference-lost"

(module
  (import "harness" "hold.func" (func $hold (param funcref) (result i32)))
  (import "harness" "held.func" (func $held (param i32) (result funcref)))
  (type $f (func (param i32) (result i32)))
  (type $row (array (mut externref)))
  (table $t 2 externref)
  (elem $nulls externref (ref.null extern) (ref.null extern))
  (elem (table $t) (i32.const 0) externref (ref.null extern))
  (elem declare func $twice)
  (func $twice (type $f) (i32.mul (local.get 0) (i32.const 2)))
  (func (export "init") (result i32)
    (table.init $t $nulls (i32.const 0) (i32.const 0) (i32.const 2))
    (i32.add
      (ref.is_null (table.get $t (i32.const 1)))
      (ref.is_null (array.get $row (array.new_elem $row $nulls (i32.const 1) (i32.const 1)) (i32.const 0)))))
  (func (export "call") (param i32) (result i32)
    (call_ref $f (local.get 0) (ref.func $twice)))
  (func (export "through the host") (param i32) (result i32)
    (call_ref $f (local.get 0) (ref.cast (ref $f) (call $held (call $hold (ref.func $twice)))))))

(assert_return (invoke "init") (i32.const 2))
(assert_return (invoke "call" (i32.const 21)) (i32.const 42))
(assert_return (invoke "through the host" (i32.const 4)) (i32.const 8))
