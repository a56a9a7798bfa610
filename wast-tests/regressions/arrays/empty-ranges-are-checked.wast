;;! guards = "bulk array operations of length 0 trap when they begin beyond the end"
;;! source = "WAMR #5113"
;;! planted = "array-empty-unchecked"

(module
  (type $a (array (mut i8)))
  (data $d "abc")
  (global $a (ref $a) (array.new_default $a (i32.const 4)))
  (func (export "fill") (param i32) (array.fill $a (global.get $a) (local.get 0) (i32.const 1) (i32.const 0)))
  (func (export "copy") (param i32 i32) (array.copy $a $a (global.get $a) (local.get 0) (global.get $a) (local.get 1) (i32.const 0)))
  (func (export "init") (param i32 i32) (array.init_data $a $d (global.get $a) (local.get 0) (local.get 1) (i32.const 0))))

(assert_return (invoke "fill" (i32.const 4)))
(assert_trap (invoke "fill" (i32.const 5)) "out of bounds array access")
(assert_return (invoke "copy" (i32.const 4) (i32.const 4)))
(assert_trap (invoke "copy" (i32.const 5) (i32.const 0)) "out of bounds array access")
(assert_trap (invoke "copy" (i32.const 0) (i32.const 5)) "out of bounds array access")
(assert_return (invoke "init" (i32.const 4) (i32.const 3)))
(assert_trap (invoke "init" (i32.const 5) (i32.const 0)) "out of bounds array access")
(assert_trap (invoke "init" (i32.const 0) (i32.const 4)) "out of bounds memory access")
