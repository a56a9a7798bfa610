;;! guards = "a host handle that is released no longer keeps its object"
;;! source = "Wasmtime #11799"
;;! schedule = "every"
;;! collectors = ["drc", "drc-cycles", "copying"]
;;! planted = "handle-release-keeps-count"

(module
  (import "harness" "live" (func $live (result i32)))
  (export "live" (func $live))
  (import "harness" "hold" (func $hold (param anyref) (result i32)))
  (import "harness" "release" (func $release (param i32)))
  (type $node (struct (field $n i32) (field $next (mut (ref null $node)))))
  (func $new (param i32) (result (ref $node)) (struct.new $node (local.get 0) (ref.null $node)))
  (func (export "hold") (param i32) (result i32) (call $hold (call $new (local.get 0))))
  (func (export "release") (param i32) (call $release (local.get 0))))

(assert_return (invoke "hold" (i32.const 1)) (i32.const 0))
(assert_return (invoke "hold" (i32.const 2)) (i32.const 1))
(assert_return (invoke "live") (i32.const 2))
(assert_return (invoke "release" (i32.const 0)))
(assert_return (invoke "live") (i32.const 1))
(assert_return (invoke "release" (i32.const 1)))
(assert_return (invoke "live") (i32.const 0))
