;;! guards = "Table::set of the host releases what it overwrites"
;;! source = "Wasmtime PR #11416"
;;! schedule = "every"
;;! collectors = ["drc", "drc-cycles", "copying"]
;;! planted = "table-set-host-no-barrier"

(module
  (import "harness" "extern" (func $extern (param i32) (result externref)))
  (import "harness" "live.extern" (func $live (result i32)))
  (export "live" (func $live))
  (import "harness" "table.set:t" (func $host_set (param i32 externref)))
  (table (export "t") 2 externref)
  (func (export "set") (param $at i32) (param $n i32)
    (call $host_set (local.get $at) (call $extern (local.get $n))))
  (func (export "clear") (param $at i32) (call $host_set (local.get $at) (ref.null extern))))

(assert_return (invoke "set" (i32.const 0) (i32.const 1)))
(assert_return (invoke "set" (i32.const 0) (i32.const 2)))
(assert_return (invoke "set" (i32.const 1) (i32.const 3)))
(assert_return (invoke "live") (i32.const 2))
(assert_return (invoke "clear" (i32.const 0)))
(assert_return (invoke "live") (i32.const 1))
