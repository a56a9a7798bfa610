;;! guards = "table.size and table.grow of a 64-bit table give 64 bits"
;;! source = "Wasmtime #13009"
;;! planted = "table-grow-failure-truncated"

(module
  (table $t i64 3 10 externref)
  (func (export "size") (result i64) (table.size $t))
  (func (export "grow") (param i64) (result i64) (table.grow $t (ref.null extern) (local.get 0))))

(assert_return (invoke "size") (i64.const 3))
(assert_return (invoke "grow" (i64.const 8)) (i64.const -1))
(assert_return (invoke "grow" (i64.const 0x1_0000_0000)) (i64.const -1))
(assert_return (invoke "grow" (i64.const 7)) (i64.const 3))
(assert_return (invoke "size") (i64.const 10))
