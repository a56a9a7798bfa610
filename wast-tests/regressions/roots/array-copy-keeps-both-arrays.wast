;;! guards = "source and destination of array.copy are roots while it runs"
;;! source = "Wasmtime #13450"
;;! schedule = "every"
;;! collectors = ["drc", "drc-cycles", "copying"]
;;! planted = "array-copy-operands-unrooted"

(module
  (type $node (struct (field $n i32) (field $next (mut (ref null $node)))))
  (type $nodes (array (mut (ref null $node))))
  (func $new (param i32) (result (ref $node)) (struct.new $node (local.get 0) (ref.null $node)))
  (func $n (param (ref null $node)) (result i32) (struct.get $node $n (local.get 0)))
  (func $filled (param $n i32) (result (ref $nodes)) (array.new $nodes (call $new (local.get $n)) (i32.const 4)))
  (func (export "run") (result i32) (local $to (ref null $nodes))
    (local.set $to (array.new_default $nodes (i32.const 4)))
    (array.copy $nodes $nodes (local.get $to) (i32.const 0) (call $filled (i32.const 21)) (i32.const 0) (i32.const 4))
    (drop (call $filled (i32.const 99)))
    (i32.add (call $n (array.get $nodes (local.get $to) (i32.const 0))) (call $n (array.get $nodes (local.get $to) (i32.const 3))))))

(assert_return (invoke "run") (i32.const 42))
