;;! guards = "objects of an instantiation that traps die, unless it wrote them to a table"
;;! source = "Wasmtime PR #11416"
;;! schedule = "every"
;;! collectors = ["drc", "drc-cycles", "copying"]
;;! planted = "passive-segment-uncounted"

(module $owner
  (import "harness" "live" (func $live (result i32)))
  (export "live" (func $live))
  (type $node (struct (field $n i32) (field $next (mut (ref null $node)))))
  (table $t (export "t") 2 (ref null $node)))
(register "owner" $owner)

(assert_trap (module
  (type $node (struct (field $n i32) (field $next (mut (ref null $node)))))
  (import "owner" "t" (table $t 2 (ref null $node)))
  (elem (table $t) (i32.const 0) (ref null $node) (item (struct.new $node (i32.const 1) (ref.null $node))))
  (elem (table $t) (i32.const 5) (ref null $node) (item (struct.new $node (i32.const 2) (ref.null $node))))) "out of bounds table access")
(assert_return (invoke $owner "live") (i32.const 2))
