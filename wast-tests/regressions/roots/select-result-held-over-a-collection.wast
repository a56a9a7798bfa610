;;! guards = "the result of select is in the stack map of a later call"
;;! source = "Wasmtime #12862"
;;! schedule = "every"
;;! collectors = ["drc", "drc-cycles", "copying"]
;;! planted = "select-result-undeclared"

(module
  (import "harness" "gc" (func $gc))
  (type $node (struct (field $n i32) (field $next (mut (ref null $node)))))
  (func $new (param i32) (result (ref $node)) (struct.new $node (local.get 0) (ref.null $node)))
  (func $n (param (ref null $node)) (result i32) (struct.get $node $n (local.get 0)))
  (func (export "run") (param $which i32) (result i32)
    (select (result (ref null $node)) (call $new (i32.const 10)) (call $new (i32.const 20)) (local.get $which))
    (call $gc)
    (drop (call $new (i32.const 99)))
    (call $n)))

(assert_return (invoke "run" (i32.const 1)) (i32.const 10))
(assert_return (invoke "run" (i32.const 0)) (i32.const 20))
