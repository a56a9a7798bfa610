;;! guards = "ref.test of an internalised host reference is false for every structure type"
;;! source = "Wasmtime #14301"
;;! schedule = "every"
;;! planted = "host-object-has-a-type"

(module
  (type $s (struct (field i32)))
  (import "harness" "extern" (func $extern (param i32) (result externref)))
  (func (export "struct") (result i32) (ref.test (ref null $s) (any.convert_extern (call $extern (i32.const 1)))))
  (func (export "eq") (result i32) (ref.test eqref (any.convert_extern (call $extern (i32.const 1)))))
  (func (export "any") (result i32) (ref.test anyref (any.convert_extern (call $extern (i32.const 1))))))

(assert_return (invoke "struct") (i32.const 0))
(assert_return (invoke "eq") (i32.const 0))
(assert_return (invoke "any") (i32.const 1))
