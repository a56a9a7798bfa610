;;! guards = "the embedder's array.new with an element of a wrong type leaves no array"
;;! source = "Wasmtime 50.0.1, ArrayRef::new"
;;! planted = "failed-host-array-stays"
;;! collectors = ["drc", "drc-cycles", "copying"]

(module
  (type $a (struct (field i32)))
  (type $row (array (ref null $a)))
  (import "harness" "live" (func $live (result i32)))
  (import "harness" "try:array.new" (func $new (param anyref i32) (result (ref null $row))))
  (func (export "run") (result i32 i32)
    (ref.is_null (call $new (ref.i31 (i32.const 1)) (i32.const 3)))
    (call $live)))

(assert_return (invoke "run") (i32.const 1) (i32.const 0))
