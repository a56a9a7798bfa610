;;! guards = "a reference loaded from a field survives the death of the object it was loaded from"
;;! source = "Wasmtime #9669, relatives"
;;! schedule = "every"
;;! collectors = ["drc", "drc-cycles", "copying"]
;;! planted = "struct-get-result-undeclared"

(module
  (import "harness" "gc" (func $gc))
  (type $node (struct (field $n i32) (field $next (mut (ref null $node)))))
  (func $new (param i32) (result (ref $node)) (struct.new $node (local.get 0) (ref.null $node)))
  (func $n (param (ref null $node)) (result i32) (struct.get $node $n (local.get 0)))
  (func $pair (result (ref $node)) (struct.new $node (i32.const 1) (call $new (i32.const 33))))
  (func (export "run") (result i32)
    (struct.get $node $next (call $pair))
    (call $gc)
    (drop (call $new (i32.const 99)))
    (drop (call $new (i32.const 98)))
    (call $n)))

(assert_return (invoke "run") (i32.const 33))
