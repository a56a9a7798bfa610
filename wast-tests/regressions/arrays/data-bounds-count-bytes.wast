;;! guards = "array.new_data and array.init_data check element size times length"
;;! source = "WebAssembly/spec #1880"
;;! planted = "array-data-bounds-in-elements"

(module
  (type $a (array (mut i32)))
  (data $d "\01\00\00\00\02\00\00")
  (func (export "new") (param i32 i32) (result i32) (array.len (array.new_data $a $d (local.get 0) (local.get 1))))
  (func (export "init") (param i32) (array.init_data $a $d (array.new_default $a (i32.const 4)) (i32.const 0) (i32.const 0) (local.get 0))))

(assert_return (invoke "new" (i32.const 0) (i32.const 1)) (i32.const 1))
(assert_return (invoke "new" (i32.const 3) (i32.const 1)) (i32.const 1))
(assert_trap (invoke "new" (i32.const 4) (i32.const 1)) "out of bounds memory access")
(assert_trap (invoke "new" (i32.const 0) (i32.const 2)) "out of bounds memory access")
(assert_return (invoke "init" (i32.const 1)))
(assert_trap (invoke "init" (i32.const 2)) "out of bounds memory access")
