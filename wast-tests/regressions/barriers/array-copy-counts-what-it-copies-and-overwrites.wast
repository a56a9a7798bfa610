;;! guards = "array.copy counts what it writes and releases what it overwrites"
;;! source = "Wasmtime #13450, WebKit #39721"
;;! schedule = "every"
;;! collectors = ["drc", "drc-cycles", "copying"]
;;! planted = "array-copy-no-barrier"

(module
  (import "harness" "live" (func $live (result i32)))
  (export "live" (func $live))
  (type $node (struct (field $n i32) (field $next (mut (ref null $node)))))
  (type $nodes (array (mut (ref null $node))))
  (func $new (param i32) (result (ref $node)) (struct.new $node (local.get 0) (ref.null $node)))
  (global $a (ref $nodes) (array.new_default $nodes (i32.const 4)))
  (global $b (ref $nodes) (array.new_default $nodes (i32.const 4)))
  (func (export "set") (param $at i32) (array.set $nodes (global.get $a) (local.get $at) (call $new (local.get $at))))
  (func (export "shift") (array.copy $nodes $nodes (global.get $a) (i32.const 1) (global.get $a) (i32.const 0) (i32.const 3)))
  (func (export "copy") (array.copy $nodes $nodes (global.get $b) (i32.const 0) (global.get $a) (i32.const 0) (i32.const 4)))
  (func (export "clear") (array.fill $nodes (global.get $a) (i32.const 0) (ref.null $node) (i32.const 4)))
  (func (export "get") (param $at i32) (result i32) (struct.get $node $n (array.get $nodes (global.get $b) (local.get $at)))))

(assert_return (invoke "set" (i32.const 0)))
(assert_return (invoke "set" (i32.const 1)))
(assert_return (invoke "set" (i32.const 3)))
(assert_return (invoke "live") (i32.const 5))
(assert_return (invoke "shift"))
(assert_return (invoke "live") (i32.const 4))
(assert_return (invoke "copy"))
(assert_return (invoke "clear"))
(assert_return (invoke "live") (i32.const 4))
(assert_return (invoke "get" (i32.const 0)) (i32.const 0))
(assert_return (invoke "get" (i32.const 1)) (i32.const 0))
(assert_return (invoke "get" (i32.const 2)) (i32.const 1))
