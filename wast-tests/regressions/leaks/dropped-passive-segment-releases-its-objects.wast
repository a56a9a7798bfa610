;;! guards = "elem.drop releases the objects of a passive segment"
;;! source = "Wasmtime #13066, #13179"
;;! schedule = "every"
;;! collectors = ["drc", "drc-cycles", "copying"]
;;! planted = "passive-segment-uncounted"

(module
  (import "harness" "live" (func $live (result i32)))
  (export "live" (func $live))
  (type $node (struct (field $n i32) (field $next (mut (ref null $node)))))
  (elem $e (ref null $node) (item (struct.new $node (i32.const 1) (ref.null $node))) (item (struct.new $node (i32.const 2) (ref.null $node))))
  (func (export "drop") (elem.drop $e)))

(assert_return (invoke "live") (i32.const 2))
(assert_return (invoke "drop"))
(assert_return (invoke "live") (i32.const 0))
(assert_return (invoke "drop"))
(assert_return (invoke "live") (i32.const 0))
