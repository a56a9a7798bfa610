;;! guards = "functions among the arguments of a host call are no roots, the others are"
;;! source = "Wasmtime #8355"
;;! schedule = "every"
;;! planted = "host-arguments-unrooted"

(module
  (import "harness" "extern" (func $extern (param i32) (result externref)))
  (import "harness" "extern.id" (func $id (param externref) (result i32)))
  (import "harness" "hold.func" (func $hold.func (param funcref) (result i32)))
  (import "harness" "held.func" (func $held.func (param i32) (result funcref)))
  (import "harness" "hold.extern" (func $hold.extern (param externref) (result i32)))
  (import "harness" "held.extern" (func $held.extern (param i32) (result externref)))
  (import "harness" "hold" (func $hold (param anyref) (result i32)))
  (import "harness" "held" (func $held (param i32) (result anyref)))
  (type $f (func (result i32)))
  (type $node (struct (field $n i32)))
  (func $seven (type $f) (i32.const 7))
  (elem declare func $seven)
  (func (export "run") (result i32) (local $e externref) (local $handle i32)
    (local.set $e (call $extern (i32.const 30)))
    (local.set $handle (call $hold.func (ref.func $seven)))
    (i32.add
      (call_ref $f (ref.cast (ref $f) (call $held.func (local.get $handle))))
      (i32.add
        (call $id (call $held.extern (call $hold.extern (local.get $e))))
        (struct.get $node $n (ref.cast (ref $node) (call $held (call $hold (struct.new $node (i32.const 500))))))))))

(assert_return (invoke "run") (i32.const 537))
(assert_return (invoke "run") (i32.const 537))
