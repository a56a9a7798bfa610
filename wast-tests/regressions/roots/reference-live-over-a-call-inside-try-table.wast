;;! guards = "a call inside try_table keeps its stack map"
;;! source = "Wasmtime #11753, #12934"
;;! schedule = "every"
;;! collectors = ["drc", "drc-cycles", "copying"]
;;! planted = "stack-map-try-lost"

(module
  (import "harness" "gc" (func $gc))
  (type $node (struct (field $n i32) (field $next (mut (ref null $node)))))
  (func $new (param i32) (result (ref $node)) (struct.new $node (local.get 0) (ref.null $node)))
  (func $n (param (ref null $node)) (result i32) (struct.get $node $n (local.get 0)))
  (tag $t)
  (func $collects (call $gc) (drop (call $new (i32.const 99))) (call $gc))
  (func (export "run") (result i32) (local $x (ref null $node))
    (local.set $x (call $new (i32.const 8)))
    (block $h
      (try_table (catch $t $h) (call $collects)))
    (call $n (local.get $x))))

(assert_return (invoke "run") (i32.const 8))
