;;! guards = "a mutable global is a root after it was set"
;;! source = "Samsung Walrus #502"
;;! schedule = "every"
;;! collectors = ["drc", "drc-cycles", "copying"]
;;! planted = "globals-are-no-roots"

(module
  (import "harness" "live" (func $live (result i32)))
  (export "live" (func $live))
  (type $node (struct (field $n i32) (field $next (mut (ref null $node)))))
  (func $new (param i32) (result (ref $node)) (struct.new $node (local.get 0) (ref.null $node)))
  (global $g (mut (ref null $node)) (ref.null $node))
  (func (export "set") (param i32) (global.set $g (call $new (local.get 0))))
  (func (export "churn") (param i32) (loop $again (drop (call $new (i32.const 0))) (local.set 0 (i32.sub (local.get 0) (i32.const 1))) (br_if $again (local.get 0))))
  (func (export "read") (result i32) (struct.get $node $n (global.get $g))))

(assert_return (invoke "set" (i32.const 77)))
(assert_return (invoke "churn" (i32.const 20)))
(assert_return (invoke "read") (i32.const 77))
(assert_return (invoke "live") (i32.const 1))
