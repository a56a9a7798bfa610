;;! guards = "a function reference may be a field of a constant structure"
;;! source = "Wasmtime #9454"
;;! schedule = "every"
;;! collectors = ["null", "drc", "drc-cycles", "copying"]
;;! planted = "func-field-lost"

(module
  (type $f (func (result i32)))
  (type $s (struct (field $f (ref null $f)) (field $n i32)))
  (func $seven (type $f) (i32.const 7))
  (elem declare func $seven)
  (global $s (ref $s) (struct.new $s (ref.func $seven) (i32.const 1)))
  (func (export "call") (result i32) (call_ref $f (struct.get $s $f (global.get $s)))))

(assert_return (invoke "call") (i32.const 7))
