;;! guards = "a value read from a local lives on after the local is set again"
;;! source = "Wasmtime #13449"
;;! schedule = "every"
;;! collectors = ["drc", "drc-cycles", "copying"]
;;! planted = "locals-undeclared"

(module
  (import "harness" "gc" (func $gc))
  (type $node (struct (field $n i32) (field $next (mut (ref null $node)))))
  (func $new (param i32) (result (ref $node)) (struct.new $node (local.get 0) (ref.null $node)))
  (func $n (param (ref null $node)) (result i32) (struct.get $node $n (local.get 0)))
  (func (export "run") (result i32) (local $x (ref null $node))
    (local.set $x (call $new (i32.const 1)))
    (local.get $x)
    (local.set $x (call $new (i32.const 2)))
    (call $gc)
    (drop (call $new (i32.const 99)))
    (i32.add (call $n) (i32.mul (i32.const 10) (call $n (local.get $x))))))

(assert_return (invoke "run") (i32.const 21))
