;;! guards = "a tracing collector frees a garbage cycle and everything it reaches"
;;! collectors = ["drc-cycles", "copying"]
;;! schedule = "every:3"
;;! planted = "cycles-are-kept"

(module
  (type $node (struct (field $next (mut (ref null $node))) (field $tail (ref null extern))))
  (import "harness" "extern" (func $extern (param i32) (result externref)))
  (import "harness" "live" (func $live (result i32)))
  (import "harness" "live.extern" (func $live.extern (result i32)))
  (export "live" (func $live))
  (export "live.extern" (func $live.extern))
  (global $kept (mut (ref null $node)) (ref.null $node))
  (func (export "cycle") (param $keep i32) (local $a (ref $node))
    (local.set $a (struct.new $node (ref.null $node) (call $extern (i32.const 1))))
    (struct.set $node $next (local.get $a) (struct.new $node (local.get $a) (call $extern (i32.const 2))))
    (if (local.get $keep) (then (global.set $kept (local.get $a)))))
  (func (export "forget") (global.set $kept (ref.null $node))))

(invoke "cycle" (i32.const 0))
(assert_return (invoke "live") (i32.const 0))
(invoke "cycle" (i32.const 1))
(assert_return (invoke "live") (i32.const 4))
(assert_return (invoke "live.extern") (i32.const 2))
(invoke "forget")
(assert_return (invoke "live") (i32.const 0))
(assert_return (invoke "live.extern") (i32.const 0))
