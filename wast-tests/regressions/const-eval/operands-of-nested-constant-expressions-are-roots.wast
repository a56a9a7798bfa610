;;! guards = "operands of a constant expression are roots while later ones are evaluated"
;;! source = "Wasmtime #9282, PR #11416"
;;! schedule = "every"
;;! collectors = ["drc", "drc-cycles", "copying"]
;;! planted = "const-eval-operands-unrooted"

(module
  (import "harness" "live" (func $live (result i32)))
  (export "live" (func $live))
  (type $node (struct (field $n i32) (field $next (mut (ref null $node)))))
  (type $nodes (array (mut (ref null $node))))
  (func $n (param (ref null $node)) (result i32) (struct.get $node $n (local.get 0)))
  (global $a (ref $nodes) (array.new_fixed $nodes 4
    (struct.new $node (i32.const 1) (ref.null $node))
    (struct.new $node (i32.const 2) (struct.new $node (i32.const 3) (ref.null $node)))
    (struct.new $node (i32.const 4) (ref.null $node))
    (struct.new $node (i32.const 5) (ref.null $node))))
  (func (export "sum") (result i32) (local $i i32) (local $s i32)
    (loop $again
      (local.set $s (i32.add (i32.mul (local.get $s) (i32.const 10)) (call $n (array.get $nodes (global.get $a) (local.get $i)))))
      (local.set $i (i32.add (local.get $i) (i32.const 1)))
      (br_if $again (i32.lt_u (local.get $i) (i32.const 4))))
    (local.get $s)))

(assert_return (invoke "sum") (i32.const 1245))
(assert_return (invoke "live") (i32.const 6))
