;;! guards = "an exception that leaves wasm uncaught, and its payload, are released"
;;! source = "Wasmtime #13306, #13316"
;;! schedule = "every"
;;! collectors = ["drc", "drc-cycles", "copying"]
;;! planted = "pending-exception-uncounted"

(module
  (import "harness" "live" (func $live (result i32)))
  (export "live" (func $live))
  (type $node (struct (field $n i32) (field $next (mut (ref null $node)))))
  (func $new (param i32) (result (ref $node)) (struct.new $node (local.get 0) (ref.null $node)))
  (tag $t (param (ref $node)))
  (func (export "throw") (param i32) (throw $t (call $new (local.get 0)))))

(assert_exception (invoke "throw" (i32.const 1)))
(assert_return (invoke "live") (i32.const 0))
(assert_exception (invoke "throw" (i32.const 2)))
(assert_exception (invoke "throw" (i32.const 3)))
(assert_return (invoke "live") (i32.const 0))
