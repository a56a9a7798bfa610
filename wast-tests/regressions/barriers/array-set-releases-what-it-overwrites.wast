;;! guards = "array.set counts the element it writes and releases the one it overwrites"
;;! source = "WebKit #22630 (bug 267381)"
;;! schedule = "every"
;;! collectors = ["drc", "drc-cycles", "copying"]
;;! planted = "inline-write-no-barrier"

(module
  (import "harness" "live" (func $live (result i32)))
  (export "live" (func $live))
  (type $node (struct (field $n i32) (field $next (mut (ref null $node)))))
  (type $nodes (array (mut (ref null $node))))
  (func $new (param i32) (result (ref $node)) (struct.new $node (local.get 0) (ref.null $node)))
  (global $a (ref $nodes) (array.new_default $nodes (i32.const 3)))
  (func (export "set") (param $at i32) (array.set $nodes (global.get $a) (local.get $at) (call $new (local.get $at))))
  (func (export "get") (param $at i32) (result i32) (struct.get $node $n (array.get $nodes (global.get $a) (local.get $at))))
  (func (export "clear") (param $at i32) (array.set $nodes (global.get $a) (local.get $at) (ref.null $node))))

(assert_return (invoke "set" (i32.const 0)))
(assert_return (invoke "set" (i32.const 2)))
(assert_return (invoke "set" (i32.const 2)))
(assert_return (invoke "live") (i32.const 3))
(assert_return (invoke "get" (i32.const 2)) (i32.const 2))
(assert_return (invoke "clear" (i32.const 2)))
(assert_return (invoke "live") (i32.const 2))
