;;! guards = "every element of an array of references counts as a reference"
;;! source = "Wasmtime #10453"
;;! schedule = "every"
;;! collectors = ["drc", "drc-cycles", "copying"]
;;! planted = "array-edges-miscounted"

(module
  (import "harness" "live" (func $live (result i32)))
  (export "live" (func $live))
  (type $node (struct (field $n i32) (field $next (mut (ref null $node)))))
  (type $nodes (array (mut (ref null $node))))
  (func $new (param i32) (result (ref $node)) (struct.new $node (local.get 0) (ref.null $node)))
  (global $a (mut (ref null $nodes)) (ref.null $nodes))
  (func (export "make") (param $n i32) (local $i i32)
    (global.set $a (array.new_default $nodes (local.get $n)))
    (loop $again
      (array.set $nodes (global.get $a) (local.get $i) (call $new (local.get $i)))
      (local.set $i (i32.add (local.get $i) (i32.const 1)))
      (br_if $again (i32.lt_u (local.get $i) (local.get $n)))))
  (func (export "last") (param $n i32) (result i32)
    (struct.get $node $n (array.get $nodes (global.get $a) (i32.sub (local.get $n) (i32.const 1)))))
  (func (export "clear") (global.set $a (ref.null $nodes))))

(assert_return (invoke "make" (i32.const 9)))
(assert_return (invoke "live") (i32.const 10))
(assert_return (invoke "last" (i32.const 9)) (i32.const 8))
(assert_return (invoke "clear"))
(assert_return (invoke "live") (i32.const 0))
(assert_return (invoke "make" (i32.const 1)))
(assert_return (invoke "live") (i32.const 2))
(assert_return (invoke "clear"))
(assert_return (invoke "live") (i32.const 0))
