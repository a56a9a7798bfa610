;;! guards = "the objects of a passive segment live until it is dropped"
;;! source = "Wasmtime #13066, #13183"
;;! schedule = "every"
;;! collectors = ["drc", "drc-cycles", "copying"]
;;! planted = "segments-are-no-roots"

(module
  (import "harness" "live" (func $live (result i32)))
  (export "live" (func $live))
  (type $node (struct (field $n i32) (field $next (mut (ref null $node)))))
  (table $t 1 (ref null $node))
  (elem $e (ref null $node) (item (struct.new $node (i32.const 41) (ref.null $node))))
  (func (export "init") (table.init $t $e (i32.const 0) (i32.const 0) (i32.const 1)))
  (func (export "clear") (table.set $t (i32.const 0) (ref.null $node)))
  (func (export "read") (result i32) (struct.get $node $n (table.get $t (i32.const 0)))))

(assert_return (invoke "live") (i32.const 1))
(assert_return (invoke "init"))
(assert_return (invoke "live") (i32.const 1))
(assert_return (invoke "clear"))
(assert_return (invoke "live") (i32.const 1))
(assert_return (invoke "init"))
(assert_return (invoke "read") (i32.const 41))
