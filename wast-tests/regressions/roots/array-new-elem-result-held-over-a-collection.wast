;;! guards = "the result of array.new_elem is in the stack map of a later call"
;;! source = "Wasmtime #12936"
;;! schedule = "every"
;;! collectors = ["drc", "drc-cycles", "copying"]
;;! planted = "array-new-elem-undeclared"

(module
  (import "harness" "gc" (func $gc))
  (type $node (struct (field $n i32) (field $next (mut (ref null $node)))))
  (type $nodes (array (mut (ref null $node))))
  (func $n (param (ref null $node)) (result i32) (struct.get $node $n (local.get 0)))
  (elem $e (ref null $node) (item (struct.new $node (i32.const 5) (ref.null $node))) (item (struct.new $node (i32.const 6) (ref.null $node))))
  (func (export "run") (result i32)
    (array.new_elem $nodes $e (i32.const 0) (i32.const 2))
    (call $gc)
    (drop (array.new_default $nodes (i32.const 2)))
    (call $n (array.get $nodes (i32.const 1)))))

(assert_return (invoke "run") (i32.const 6))
