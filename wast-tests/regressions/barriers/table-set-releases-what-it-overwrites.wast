;;! guards = "table.set releases the reference it overwrites"
;;! source = "Wasmtime #1969"
;;! schedule = "every"
;;! collectors = ["drc", "drc-cycles", "copying"]
;;! planted = "table-set-no-barrier"

(module
  (import "harness" "live" (func $live (result i32)))
  (export "live" (func $live))
  (type $node (struct (field $n i32) (field $next (mut (ref null $node)))))
  (func $new (param i32) (result (ref $node)) (struct.new $node (local.get 0) (ref.null $node)))
  (table $t 2 (ref null $node))
  (func (export "set") (param $at i32) (table.set $t (local.get $at) (call $new (local.get $at))))
  (func (export "clear") (param $at i32) (table.set $t (local.get $at) (ref.null $node))))

(assert_return (invoke "set" (i32.const 0)))
(assert_return (invoke "set" (i32.const 0)))
(assert_return (invoke "set" (i32.const 1)))
(assert_return (invoke "live") (i32.const 2))
(assert_return (invoke "clear" (i32.const 0)))
(assert_return (invoke "live") (i32.const 1))
