;;! guards = "table.fill with a constant null releases the references it overwrites"
;;! source = "Wasmtime #14325"
;;! schedule = "every"
;;! collectors = ["drc", "drc-cycles", "copying"]
;;! planted = "table-fill-null-memset"

(module
  (import "harness" "live" (func $live (result i32)))
  (export "live" (func $live))
  (type $node (struct (field $n i32) (field $next (mut (ref null $node)))))
  (func $new (param i32) (result (ref $node)) (struct.new $node (local.get 0) (ref.null $node)))
  (table $t 4 (ref null $node))
  (func (export "fill") (table.fill $t (i32.const 0) (call $new (i32.const 1)) (i32.const 4)))
  (func (export "set") (param $at i32) (table.set $t (local.get $at) (call $new (local.get $at))))
  (func (export "clear") (param $from i32) (param $n i32)
    (table.fill $t (local.get $from) (ref.null $node) (local.get $n))))

(assert_return (invoke "set" (i32.const 0)))
(assert_return (invoke "set" (i32.const 1)))
(assert_return (invoke "set" (i32.const 2)))
(assert_return (invoke "live") (i32.const 3))
(assert_return (invoke "clear" (i32.const 1) (i32.const 2)))
(assert_return (invoke "live") (i32.const 1))
(assert_return (invoke "fill"))
(assert_return (invoke "live") (i32.const 1))
(assert_return (invoke "clear" (i32.const 0) (i32.const 4)))
(assert_return (invoke "live") (i32.const 0))
