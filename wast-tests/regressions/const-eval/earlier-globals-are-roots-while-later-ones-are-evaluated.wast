;;! guards = "an initialised global is a root while the next one is evaluated"
;;! source = "Wasmtime PR #11416"
;;! schedule = "every"
;;! collectors = ["drc", "drc-cycles", "copying"]
;;! planted = "globals-are-no-roots"

(module
  (import "harness" "live" (func $live (result i32)))
  (export "live" (func $live))
  (type $node (struct (field $n i32) (field $next (mut (ref null $node)))))
  (func $n (param (ref null $node)) (result i32) (struct.get $node $n (local.get 0)))
  (global $a (ref $node) (struct.new $node (i32.const 1) (ref.null $node)))
  (global $b (ref $node) (struct.new $node (i32.const 2) (global.get $a)))
  (global $c (ref $node) (struct.new $node (i32.const 3) (global.get $b)))
  (global $d (ref $node) (struct.new $node (i32.const 4) (global.get $a)))
  (func (export "sum") (result i32)
    (i32.add (call $n (struct.get $node $next (struct.get $node $next (global.get $c))))
      (i32.mul (i32.const 10) (call $n (struct.get $node $next (global.get $d)))))))

(assert_return (invoke "sum") (i32.const 11))
(assert_return (invoke "live") (i32.const 4))
