;;! guards = "an exception that crosses the host is a root until it is caught"
;;! source = "Wasmtime #13316, #13330"
;;! schedule = "every"
;;! collectors = ["drc", "drc-cycles", "copying"]
;;! planted = "exceptions-not-traced"

(module
  (import "harness" "call:thrower" (func $host))
  (import "harness" "gc" (func $gc))
  (import "harness" "live" (func $live (result i32)))
  (export "live" (func $live))
  (type $node (struct (field $n i32) (field $next (mut (ref null $node)))))
  (func $new (param i32) (result (ref $node)) (struct.new $node (local.get 0) (ref.null $node)))
  (func $n (param (ref null $node)) (result i32) (struct.get $node $n (local.get 0)))
  (tag $t (param (ref $node)))
  (func (export "thrower") (throw $t (call $new (i32.const 5))))
  (func (export "run") (result i32)
    (block $h (result (ref $node))
      (try_table (catch $t $h) (call $host))
      (unreachable))
    (call $gc)
    (drop (call $new (i32.const 99)))
    (call $n)))

(assert_return (invoke "run") (i32.const 5))
(assert_return (invoke "live") (i32.const 0))
(assert_return (invoke "run") (i32.const 5))
(assert_return (invoke "live") (i32.const 0))
