;;! guards = "an exception caught earlier lives on while others are thrown and caught"
;;! source = "wazero #2522"
;;! schedule = "every"
;;! collectors = ["drc", "drc-cycles", "copying"]
;;! planted = "locals-undeclared"

(module
  (import "harness" "gc" (func $gc))
  (type $node (struct (field $n i32) (field $next (mut (ref null $node)))))
  (func $new (param i32) (result (ref $node)) (struct.new $node (local.get 0) (ref.null $node)))
  (func $n (param (ref null $node)) (result i32) (struct.get $node $n (local.get 0)))
  (tag $t (param (ref $node)))
  (func (export "run") (result i32) (local $first exnref) (local $i i32)
    (local.set $first (call $second (i32.const 1)))
    (loop $again
      (drop (call $second (i32.const 2)))
      (local.set $i (i32.add (local.get $i) (i32.const 1)))
      (br_if $again (i32.lt_u (local.get $i) (i32.const 10))))
    (call $gc)
    (block $h (result (ref $node))
      (try_table (catch $t $h) (throw_ref (local.get $first)))
      (unreachable))
    (call $n))
  (func $second (param i32) (result exnref) (local $e exnref)
    (block $h (result (ref $node) (ref exn))
      (try_table (catch_ref $t $h) (throw $t (call $new (local.get 0))))
      (unreachable))
    (local.set $e)
    (drop)
    (local.get $e)))

(assert_return (invoke "run") (i32.const 1))
