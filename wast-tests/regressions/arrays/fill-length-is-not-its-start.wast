;;! guards = "array.fill fills n elements from its start"
;;! source = "Wasmtime #10467, #10470"
;;! planted = "array-fill-from-start"

(module
  (type $a (array (mut i16)))
  (func (export "run") (param $at i32) (param $n i32) (result i32) (local $a (ref $a)) (local $i i32) (local $s i32)
    (local.set $a (array.new_default $a (i32.const 8)))
    (array.fill $a (local.get $a) (local.get $at) (i32.const 1) (local.get $n))
    (loop $again
      (local.set $s (i32.or (i32.shl (local.get $s) (i32.const 1)) (array.get_u $a (local.get $a) (local.get $i))))
      (local.set $i (i32.add (local.get $i) (i32.const 1)))
      (br_if $again (i32.lt_u (local.get $i) (i32.const 8))))
    (local.get $s)))

(assert_return (invoke "run" (i32.const 0) (i32.const 1)) (i32.const 0x80))
(assert_return (invoke "run" (i32.const 2) (i32.const 3)) (i32.const 0x38))
(assert_return (invoke "run" (i32.const 0) (i32.const 8)) (i32.const 0xff))
(assert_return (invoke "run" (i32.const 8) (i32.const 0)) (i32.const 0))
(assert_trap (invoke "run" (i32.const 8) (i32.const 1)) "out of bounds array access")
