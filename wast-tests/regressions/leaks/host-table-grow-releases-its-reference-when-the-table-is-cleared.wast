;;! guards = "Table::grow of the host counts its initial value once for each new element"
;;! source = "Wasmtime PR #11416"
;;! schedule = "every"
;;! collectors = ["drc", "drc-cycles", "copying"]
;;! planted = "table-grow-host-keeps-count"

(module
  (import "harness" "extern" (func $extern (param i32) (result externref)))
  (import "harness" "live.extern" (func $live (result i32)))
  (export "live" (func $live))
  (import "harness" "table.grow:t" (func $host_grow (param externref i32) (result i32)))
  (table $t (export "t") 0 8 externref)
  (func (export "grow") (param $by i32) (result i32)
    (call $host_grow (call $extern (i32.const 5)) (local.get $by)))
  (func (export "clear") (table.fill $t (i32.const 0) (ref.null extern) (table.size $t))))

(assert_return (invoke "grow" (i32.const 3)) (i32.const 0))
(assert_return (invoke "live") (i32.const 1))
(assert_return (invoke "clear"))
(assert_return (invoke "live") (i32.const 0))
