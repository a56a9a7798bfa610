;;! guards = "a parameter of a block or loop that is a reference is in later stack maps"
;;! source = "Wasmtime #13461, #13469"
;;! schedule = "every"
;;! collectors = ["drc", "drc-cycles", "copying"]
;;! planted = "block-parameter-undeclared"

(module
  (import "harness" "gc" (func $gc))
  (type $node (struct (field $n i32) (field $next (mut (ref null $node)))))
  (func $new (param i32) (result (ref $node)) (struct.new $node (local.get 0) (ref.null $node)))
  (func $n (param (ref null $node)) (result i32) (struct.get $node $n (local.get 0)))
  (func (export "run") (param $i i32) (result i32)
    (call $new (i32.const 5))
    (loop $again (param (ref $node)) (result (ref $node))
      (call $gc)
      (drop (call $new (i32.const 99)))
      (local.set $i (i32.sub (local.get $i) (i32.const 1)))
      (br_if $again (local.get $i)))
    (call $n)))

(assert_return (invoke "run" (i32.const 3)) (i32.const 5))
