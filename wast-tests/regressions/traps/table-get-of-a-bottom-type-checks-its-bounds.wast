;;! guards = "table.get out of bounds traps also where only null can be loaded"
;;! source = "Wasmtime #10353, #10372"
;;! planted = "table-get-bounds-unchecked"

(module
  (table $t 10 (ref null none))
  (func (export "get") (param i32) (drop (table.get $t (local.get 0)))))

(assert_return (invoke "get" (i32.const 9)))
(assert_trap (invoke "get" (i32.const 10)) "out of bounds table access")
(assert_trap (invoke "get" (i32.const -1)) "out of bounds table access")
