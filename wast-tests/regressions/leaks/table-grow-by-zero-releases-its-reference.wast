;;! guards = "table.grow releases its initial value when nothing grows, and when it fails"
;;! source = "Wasmtime PR #11416"
;;! schedule = "every"
;;! collectors = ["drc", "drc-cycles", "copying"]
;;! planted = "table-grow-keeps-count"

(module
  (import "harness" "extern" (func $extern (param i32) (result externref)))
  (import "harness" "live.extern" (func $live (result i32)))
  (export "live" (func $live))
  (table $t 1 4 externref)
  (func (export "grow") (param $by i32) (result i32)
    (table.grow $t (call $extern (i32.const 9)) (local.get $by)))
  (func (export "clear") (table.fill $t (i32.const 0) (ref.null extern) (table.size $t))))

(assert_return (invoke "grow" (i32.const 0)) (i32.const 1))
(assert_return (invoke "live") (i32.const 0))
(assert_return (invoke "grow" (i32.const 100)) (i32.const -1))
(assert_return (invoke "live") (i32.const 0))
(assert_return (invoke "grow" (i32.const 2)) (i32.const 1))
(assert_return (invoke "live") (i32.const 1))
(assert_return (invoke "clear"))
(assert_return (invoke "live") (i32.const 0))
