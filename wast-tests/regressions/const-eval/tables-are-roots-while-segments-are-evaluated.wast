;;! guards = "every table is a root while a segment is evaluated"
;;! source = "Wasmtime PR #11416"
;;! schedule = "every"
;;! collectors = ["drc", "drc-cycles", "copying"]
;;! planted = "tables-are-no-roots"

(module
  (import "harness" "live" (func $live (result i32)))
  (export "live" (func $live))
  (type $node (struct (field $n i32) (field $next (mut (ref null $node)))))
  (func $n (param (ref null $node)) (result i32) (struct.get $node $n (local.get 0)))
  (table $t 3 (ref null $node) (struct.new $node (i32.const 7) (ref.null $node)))
  (table $u 1 (ref null $node) (struct.new $node (i32.const 8) (ref.null $node)))
  (elem (table $t) (i32.const 1) (ref null $node) (item (struct.new $node (i32.const 9) (struct.new $node (i32.const 10) (ref.null $node)))))
  (func (export "sum") (result i32)
    (i32.add (call $n (table.get $t (i32.const 0)))
      (i32.add (i32.mul (i32.const 100) (call $n (struct.get $node $next (table.get $t (i32.const 1)))))
        (i32.mul (i32.const 10000) (call $n (table.get $u (i32.const 0))))))))

(assert_return (invoke "sum") (i32.const 81007))
(assert_return (invoke "live") (i32.const 4))
