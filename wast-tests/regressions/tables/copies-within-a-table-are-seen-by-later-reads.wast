;;! guards = "a table.get after a table.copy reads the copied value"
;;! source = "Wasmtime #13610, #13712"
;;! schedule = "every"
;;! collectors = ["drc", "drc-cycles", "copying"]
;;! planted = "table-copy-forgotten"

(module
  (table $t 8 i31ref)
  (func (export "run") (result i32)
    (table.set $t (i32.const 4) (ref.i31 (i32.const 44)))
    (table.copy $t $t (i32.const 0) (i32.const 4) (i32.const 1))
    (table.set $t (i32.const 4) (ref.i31 (i32.const 55)))
    (table.copy $t $t (i32.const 2) (i32.const 0) (i32.const 1))
    (i31.get_s (table.get $t (i32.const 2)))))

(assert_return (invoke "run") (i32.const 44))
