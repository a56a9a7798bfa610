;;! guards = "Table::copy of the host counts what it writes and releases what it overwrites"
;;! source = "Wasmtime #13072"
;;! schedule = "every"
;;! collectors = ["drc", "drc-cycles", "copying"]
;;! planted = "table-copy-host-no-barrier"

(module
  (import "harness" "extern" (func $extern (param i32) (result externref)))
  (import "harness" "live.extern" (func $live (result i32)))
  (export "live" (func $live))
  (import "harness" "table.copy:a:b" (func $host_copy (param i32 i32 i32)))
  (table $a (export "a") 2 externref)
  (table $b (export "b") 2 externref)
  (func (export "set") (table.set $a (i32.const 0) (call $extern (i32.const 1))) (table.set $b (i32.const 0) (call $extern (i32.const 2))))
  (func (export "copy") (call $host_copy (i32.const 0) (i32.const 0) (i32.const 2)))
  (func (export "clear-source") (table.set $b (i32.const 0) (ref.null extern)))
  (func (export "clear") (table.set $a (i32.const 0) (ref.null extern))))

(assert_return (invoke "set"))
(assert_return (invoke "live") (i32.const 2))
(assert_return (invoke "copy"))
(assert_return (invoke "live") (i32.const 1))
(assert_return (invoke "clear-source"))
(assert_return (invoke "live") (i32.const 1))
(assert_return (invoke "clear"))
(assert_return (invoke "live") (i32.const 0))
