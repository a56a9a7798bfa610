;;! guards = "Table::fill of the host releases what it overwrites"
;;! source = "Wasmtime PR #11416, relatives"
;;! schedule = "every"
;;! collectors = ["drc", "drc-cycles", "copying"]
;;! planted = "table-fill-host-no-barrier"

(module
  (import "harness" "extern" (func $extern (param i32) (result externref)))
  (import "harness" "live.extern" (func $live (result i32)))
  (export "live" (func $live))
  (import "harness" "table.fill:t" (func $host_fill (param i32 externref i32)))
  (table (export "t") 3 externref)
  (func (export "fill") (param $n i32) (call $host_fill (i32.const 0) (call $extern (local.get $n)) (i32.const 3)))
  (func (export "clear") (call $host_fill (i32.const 0) (ref.null extern) (i32.const 2))))

(assert_return (invoke "fill" (i32.const 1)))
(assert_return (invoke "fill" (i32.const 2)))
(assert_return (invoke "live") (i32.const 1))
(assert_return (invoke "clear"))
(assert_return (invoke "live") (i32.const 1))
(assert_return (invoke "fill" (i32.const 3)))
(assert_return (invoke "live") (i32.const 1))
