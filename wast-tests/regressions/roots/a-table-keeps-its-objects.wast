;;! guards = "elements of a table are roots, also if no module exports the table"
;;! source = "Wasmtime PR #11416"
;;! schedule = "every"
;;! collectors = ["drc", "drc-cycles", "copying"]
;;! planted = "tables-are-no-roots"

(module
  (import "harness" "live" (func $live (result i32)))
  (export "live" (func $live))
  (type $node (struct (field $n i32) (field $next (mut (ref null $node)))))
  (func $new (param i32) (result (ref $node)) (struct.new $node (local.get 0) (ref.null $node)))
  (table $t 3 (ref null $node))
  (func (export "set") (param i32) (table.set $t (local.get 0) (call $new (local.get 0))))
  (func (export "churn") (param i32) (loop $again (drop (call $new (i32.const 0))) (local.set 0 (i32.sub (local.get 0) (i32.const 1))) (br_if $again (local.get 0))))
  (func (export "read") (param i32) (result i32) (struct.get $node $n (table.get $t (local.get 0)))))

(assert_return (invoke "set" (i32.const 1)))
(assert_return (invoke "set" (i32.const 2)))
(assert_return (invoke "churn" (i32.const 20)))
(assert_return (invoke "read" (i32.const 1)) (i32.const 1))
(assert_return (invoke "read" (i32.const 2)) (i32.const 2))
(assert_return (invoke "live") (i32.const 2))
