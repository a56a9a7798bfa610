;;! guards = "what a host function roots is released when it returns, not when the step ends"
;;! source = "Wasmtime #8374"
;;! schedule = "every"
;;! collectors = ["null", "drc", "drc-cycles", "copying"]
;;! planted = "host-call-keeps-roots"

(module
  (import "harness" "gc" (func $gc))
  (import "harness" "extern" (func $extern (param i32) (result externref)))
  (import "harness" "extern.id" (func $id (param externref) (result i32)))
  (func (export "twice") (result i32)
    (call $gc)
    (drop (call $extern (i32.const 1)))
    (call $gc)
    (call $id (call $extern (i32.const 2)))))

(assert_return (invoke "twice") (i32.const 2))
