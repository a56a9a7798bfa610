;;! guards = "the references in an exception's payload are traced"
;;! source = "Wasmtime #13326"
;;! schedule = "every"
;;! collectors = ["drc", "drc-cycles", "copying"]
;;! planted = "exceptions-not-traced"

(module
  (import "harness" "gc" (func $gc))
  (import "harness" "live" (func $live (result i32)))
  (export "live" (func $live))
  (type $node (struct (field $n i32) (field $next (mut (ref null $node)))))
  (func $new (param i32) (result (ref $node)) (struct.new $node (local.get 0) (ref.null $node)))
  (func $n (param (ref null $node)) (result i32) (struct.get $node $n (local.get 0)))
  (tag $t (param (ref $node)))
  (global $e (mut exnref) (ref.null exn))
  (func (export "throw") (param i32)
    (block $h (result (ref $node) (ref exn))
      (try_table (catch_ref $t $h) (throw $t (call $new (local.get 0))))
      (unreachable))
    (global.set $e)
    (drop))
  (func (export "payload") (result i32)
    (call $gc)
    (block $h (result (ref $node))
      (try_table (catch $t $h) (throw_ref (global.get $e)))
      (unreachable))
    (call $n))
  (func (export "clear") (global.set $e (ref.null exn))))

(assert_return (invoke "throw" (i32.const 12)))
(assert_return (invoke "live") (i32.const 2))
(assert_return (invoke "payload") (i32.const 12))
(assert_return (invoke "clear"))
(assert_return (invoke "live") (i32.const 0))
