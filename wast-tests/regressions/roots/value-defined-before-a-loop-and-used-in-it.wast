;;! guards = "a value defined before a loop is a root in every iteration"
;;! source = "Wasmtime #9071, #13461, #13480"
;;! schedule = "every"
;;! collectors = ["drc", "drc-cycles", "copying"]
;;! planted = "locals-undeclared"

(module
  (import "harness" "gc" (func $gc))
  (type $node (struct (field $n i32) (field $next (mut (ref null $node)))))
  (func $new (param i32) (result (ref $node)) (struct.new $node (local.get 0) (ref.null $node)))
  (func $n (param (ref null $node)) (result i32) (struct.get $node $n (local.get 0)))
  (func (export "run") (param $i i32) (result i32) (local $outer (ref null $node)) (local $inner (ref null $node)) (local $sum i32)
    (local.set $outer (call $new (i32.const 100)))
    (loop $again
      (local.set $inner (call $new (local.get $i)))
      (call $gc)
      (local.set $sum (i32.add (local.get $sum) (i32.add (call $n (local.get $outer)) (call $n (local.get $inner)))))
      (call $gc)
      (local.set $sum (i32.add (local.get $sum) (call $n (local.get $outer))))
      (local.set $i (i32.sub (local.get $i) (i32.const 1)))
      (br_if $again (local.get $i)))
    (local.get $sum)))

(assert_return (invoke "run" (i32.const 4)) (i32.const 810))
