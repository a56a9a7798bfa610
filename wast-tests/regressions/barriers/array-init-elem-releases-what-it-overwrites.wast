;;! guards = "array.init_elem counts what it writes and releases what it overwrites"
;;! source = "Wasmtime #13066, relatives"
;;! schedule = "every"
;;! collectors = ["drc", "drc-cycles", "copying"]
;;! planted = "array-init-elem-no-barrier"

(module
  (import "harness" "live" (func $live (result i32)))
  (export "live" (func $live))
  (type $node (struct (field $n i32) (field $next (mut (ref null $node)))))
  (type $nodes (array (mut (ref null $node))))
  (func $new (param i32) (result (ref $node)) (struct.new $node (local.get 0) (ref.null $node)))
  (elem $e (ref null $node) (item (struct.new $node (i32.const 10) (ref.null $node))) (item (ref.null $node)))
  (global $a (ref $nodes) (array.new_default $nodes (i32.const 2)))
  (func (export "set") (param $at i32) (array.set $nodes (global.get $a) (local.get $at) (call $new (local.get $at))))
  (func (export "init") (array.init_elem $nodes $e (global.get $a) (i32.const 0) (i32.const 0) (i32.const 2)))
  (func (export "drop") (elem.drop $e))
  (func (export "get") (param $at i32) (result i32) (struct.get $node $n (array.get $nodes (global.get $a) (local.get $at)))))

(assert_return (invoke "set" (i32.const 0)))
(assert_return (invoke "set" (i32.const 1)))
(assert_return (invoke "live") (i32.const 4))
(assert_return (invoke "init"))
(assert_return (invoke "live") (i32.const 2))
(assert_return (invoke "drop"))
(assert_return (invoke "live") (i32.const 2))
(assert_return (invoke "get" (i32.const 0)) (i32.const 10))
