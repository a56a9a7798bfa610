;;! guards = "the result of a call is in the stack map of a later call"
;;! source = "Wasmtime #10322"
;;! schedule = "every"
;;! collectors = ["drc", "drc-cycles", "copying"]
;;! planted = "call-result-undeclared"

(module
  (import "harness" "gc" (func $gc))
  (type $node (struct (field $n i32) (field $next (mut (ref null $node)))))
  (func $new (param i32) (result (ref $node)) (struct.new $node (local.get 0) (ref.null $node)))
  (func $n (param (ref null $node)) (result i32) (struct.get $node $n (local.get 0)))
  (func (export "run") (result i32)
    (call $new (i32.const 3))
    (call $gc)
    (drop (call $new (i32.const 99)))
    (call $n)))

(assert_return (invoke "run") (i32.const 3))
