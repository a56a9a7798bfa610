;;! guards = "a host handle is a root, and follows its object when that moves"
;;! source = "Wasmtime #10374"
;;! schedule = "every"
;;! collectors = ["drc", "drc-cycles", "copying"]
;;! planted = "handles-are-no-roots"

(module
  (import "harness" "hold" (func $hold (param anyref) (result i32)))
  (import "harness" "held" (func $held (param i32) (result anyref)))
  (import "harness" "gc" (func $gc))
  (import "harness" "live" (func $live (result i32)))
  (export "live" (func $live))
  (type $node (struct (field $n i32) (field $next (mut (ref null $node)))))
  (func $new (param i32) (result (ref $node)) (struct.new $node (local.get 0) (ref.null $node)))
  (func (export "hold") (param i32) (result i32) (call $hold (struct.new $node (local.get 0) (call $new (i32.const 9)))))
  (func (export "read") (param i32) (result i32) (local $r (ref null $node))
    (call $gc)
    (local.set $r (ref.cast (ref $node) (call $held (local.get 0))))
    (call $gc)
    (i32.add (struct.get $node $n (local.get $r)) (struct.get $node $n (struct.get $node $next (local.get $r))))))

(assert_return (invoke "hold" (i32.const 1)) (i32.const 0))
(assert_return (invoke "live") (i32.const 2))
(assert_return (invoke "read" (i32.const 0)) (i32.const 10))
