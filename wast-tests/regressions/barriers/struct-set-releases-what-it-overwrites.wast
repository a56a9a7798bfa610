;;! guards = "struct.set counts the reference it writes and releases the one it overwrites"
;;! source = "WebKit #21484 (bug 266043)"
;;! schedule = "every"
;;! collectors = ["drc", "drc-cycles", "copying"]
;;! planted = "inline-write-no-barrier"

(module
  (import "harness" "live" (func $live (result i32)))
  (export "live" (func $live))
  (type $node (struct (field $n i32) (field $next (mut (ref null $node)))))
  (func $new (param i32) (result (ref $node)) (struct.new $node (local.get 0) (ref.null $node)))
  (global $head (mut (ref null $node)) (ref.null $node))
  (func (export "make") (global.set $head (struct.new $node (i32.const 0) (call $new (i32.const 1)))))
  (func (export "replace") (param i32) (struct.set $node $next (global.get $head) (call $new (local.get 0))))
  (func (export "read") (result i32) (struct.get $node $n (struct.get $node $next (global.get $head))))
  (func (export "clear") (struct.set $node $next (global.get $head) (ref.null $node))))

(assert_return (invoke "make"))
(assert_return (invoke "live") (i32.const 2))
(assert_return (invoke "replace" (i32.const 7)))
(assert_return (invoke "live") (i32.const 2))
(assert_return (invoke "read") (i32.const 7))
(assert_return (invoke "clear"))
(assert_return (invoke "live") (i32.const 1))
