;;! guards = "freeing an object releases what its fields hold, transitively"
;;! source = "Wasmtime #9701, #10401"
;;! schedule = "every"
;;! collectors = ["drc", "drc-cycles", "copying"]
;;! planted = "release-is-shallow"

(module
  (import "harness" "live" (func $live (result i32)))
  (export "live" (func $live))
  (type $node (struct (field $n i32) (field $next (mut (ref null $node)))))
  (global $head (mut (ref null $node)) (ref.null $node))
  (func (export "push") (param i32) (global.set $head (struct.new $node (local.get 0) (global.get $head))))
  (func (export "clear") (global.set $head (ref.null $node))))

(assert_return (invoke "push" (i32.const 1)))
(assert_return (invoke "push" (i32.const 2)))
(assert_return (invoke "push" (i32.const 3)))
(assert_return (invoke "live") (i32.const 3))
(assert_return (invoke "clear"))
(assert_return (invoke "live") (i32.const 0))
