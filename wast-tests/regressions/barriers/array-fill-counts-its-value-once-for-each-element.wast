;;! guards = "array.fill counts its value once for each element that it writes"
;;! source = "Wasmtime #10467, relatives"
;;! schedule = "every"
;;! collectors = ["drc", "drc-cycles", "copying"]
;;! planted = "array-fill-no-barrier"

(module
  (import "harness" "live" (func $live (result i32)))
  (export "live" (func $live))
  (type $node (struct (field $n i32) (field $next (mut (ref null $node)))))
  (type $nodes (array (mut (ref null $node))))
  (func $new (param i32) (result (ref $node)) (struct.new $node (local.get 0) (ref.null $node)))
  (global $a (ref $nodes) (array.new_default $nodes (i32.const 5)))
  (func (export "fill") (param $from i32) (param $n i32)
    (array.fill $nodes (global.get $a) (local.get $from) (call $new (local.get $from)) (local.get $n)))
  (func (export "get") (param $at i32) (result i32) (struct.get $node $n (array.get $nodes (global.get $a) (local.get $at))))
  (func (export "clear") (array.fill $nodes (global.get $a) (i32.const 0) (ref.null $node) (i32.const 5))))

(assert_return (invoke "fill" (i32.const 0) (i32.const 5)))
(assert_return (invoke "live") (i32.const 2))
(assert_return (invoke "fill" (i32.const 1) (i32.const 3)))
(assert_return (invoke "live") (i32.const 3))
(assert_return (invoke "get" (i32.const 4)) (i32.const 0))
(assert_return (invoke "get" (i32.const 3)) (i32.const 1))
(assert_return (invoke "clear"))
(assert_return (invoke "live") (i32.const 1))
