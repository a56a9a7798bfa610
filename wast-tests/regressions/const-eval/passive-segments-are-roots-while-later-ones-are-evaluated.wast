;;! guards = "evaluated items of a segment are roots while the next item is evaluated"
;;! source = "Wasmtime PR #11416, #13066"
;;! schedule = "every"
;;! collectors = ["drc", "drc-cycles", "copying"]
;;! planted = "segments-are-no-roots"

(module
  (import "harness" "live" (func $live (result i32)))
  (export "live" (func $live))
  (type $node (struct (field $n i32) (field $next (mut (ref null $node)))))
  (type $nodes (array (mut (ref null $node))))
  (func $n (param (ref null $node)) (result i32) (struct.get $node $n (local.get 0)))
  (elem $a (ref null $node) (item (struct.new $node (i32.const 1) (ref.null $node))) (item (struct.new $node (i32.const 2) (ref.null $node))))
  (elem $b (ref null $node) (item (struct.new $node (i32.const 3) (struct.new $node (i32.const 4) (ref.null $node)))))
  (func (export "sum") (result i32)
    (i32.add (call $n (array.get $nodes (array.new_elem $nodes $a (i32.const 0) (i32.const 2)) (i32.const 0)))
      (i32.mul (i32.const 10) (call $n (struct.get $node $next (array.get $nodes (array.new_elem $nodes $b (i32.const 0) (i32.const 1)) (i32.const 0))))))))

(assert_return (invoke "sum") (i32.const 41))
(assert_return (invoke "live") (i32.const 4))
