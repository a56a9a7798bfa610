;;! guards = "an active segment of new objects releases the elements it overwrites"
;;! source = "Wasmtime #8016"
;;! schedule = "every"
;;! collectors = ["drc", "drc-cycles", "copying"]
;;! planted = "table-init-no-barrier"

(module $owner
  (import "harness" "live" (func $live (result i32)))
  (export "live" (func $live))
  (type $node (struct (field $n i32) (field $next (mut (ref null $node)))))
  (func $new (param i32) (result (ref $node)) (struct.new $node (local.get 0) (ref.null $node)))
  (table $t (export "t") 2 (ref null $node))
  (func (export "fill") (table.set $t (i32.const 0) (call $new (i32.const 1))) (table.set $t (i32.const 1) (call $new (i32.const 2)))))
(register "owner" $owner)

(assert_return (invoke $owner "fill"))
(assert_return (invoke $owner "live") (i32.const 2))
(module
  (type $node (struct (field $n i32) (field $next (mut (ref null $node)))))
  (import "owner" "t" (table $t 2 (ref null $node)))
  (elem (table $t) (i32.const 0) (ref null $node) (item (struct.new $node (i32.const 3) (ref.null $node)))))
(assert_return (invoke $owner "live") (i32.const 2))
