;;! guards = "Global::set of the host releases what it overwrites"
;;! source = "Wasmtime #1969"
;;! schedule = "every"
;;! collectors = ["drc", "drc-cycles", "copying"]
;;! planted = "global-set-host-no-barrier"

(module
  (import "harness" "extern" (func $extern (param i32) (result externref)))
  (import "harness" "live.extern" (func $live (result i32)))
  (export "live" (func $live))
  (import "harness" "global.set:g" (func $host_set (param externref)))
  (global (export "g") (mut externref) (ref.null extern))
  (func (export "set") (param i32) (call $host_set (call $extern (local.get 0))))
  (func (export "clear") (call $host_set (ref.null extern))))

(assert_return (invoke "set" (i32.const 1)))
(assert_return (invoke "set" (i32.const 2)))
(assert_return (invoke "live") (i32.const 1))
(assert_return (invoke "clear"))
(assert_return (invoke "live") (i32.const 0))
