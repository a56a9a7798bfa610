;;! guards = "what fails because of its size uses up no steps of the reference"
;;! source = "found by the survey: 6% of the programs of a run ended early"

(module
  (memory 1 2)
  (memory $wide i64 1 2)
  (table $t 1 2 funcref)
  (table $u i64 1 2 funcref)
  (func (export "memory") (param i32) (result i32) (memory.grow (local.get 0)))
  (func (export "wide") (param i64) (result i64) (memory.grow $wide (local.get 0)))
  (func (export "table") (param i64) (result i64)
    (table.grow $u (ref.null func) (local.get 0)))
  (func (export "copy") (param i64) (table.copy $u $u (i64.const 0) (i64.const 0) (local.get 0))))

(assert_return (invoke "memory" (i32.const 0x7fff_ffff)) (i32.const -1))
(assert_return (invoke "wide" (i64.const -1)) (i64.const -1))
(assert_return (invoke "table" (i64.const 0x7fff_ffff_ffff_ffff)) (i64.const -1))
(assert_trap (invoke "copy" (i64.const -1)) "out of bounds table access")
(assert_return (invoke "memory" (i32.const 1)) (i32.const 1))
