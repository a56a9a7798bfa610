;;! guards = "the items of a passive segment are evaluated once: every use gives the same objects"
;;! source = "Wasmtime #12985"
;;! schedule = "every"
;;! collectors = ["drc", "drc-cycles", "copying"]
;;! planted = "segment-evaluated-at-each-use"

(module
  (type $node (struct (field $n i32) (field $next (mut (ref null $node)))))
  (type $nodes (array (mut (ref null $node))))
  (elem $e (ref null $node) (item (struct.new $node (i32.const 1) (ref.null $node))))
  (func (export "same") (result i32)
    (ref.eq
      (array.get $nodes (array.new_elem $nodes $e (i32.const 0) (i32.const 1)) (i32.const 0))
      (array.get $nodes (array.new_elem $nodes $e (i32.const 0) (i32.const 1)) (i32.const 0)))))

(assert_return (invoke "same") (i32.const 1))
