;;! guards = "return_call_indirect traps for the same reasons as call_indirect"
;;! source = "zwasm #357"
;;! planted = "tail-call-traps-alike"

(module
  (type $f (func (result i32)))
  (type $g (func (param i32) (result i32)))
  (table $empty 0 funcref)
  (table $t 3 funcref)
  (elem (table $t) (i32.const 0) func $seven $id)
  (func $seven (type $f) (i32.const 7))
  (func $id (type $g) (local.get 0))
  (func (export "call") (param i32) (result i32) (call_indirect $t (type $f) (local.get 0)))
  (func (export "tail") (param i32) (result i32) (return_call_indirect $t (type $f) (local.get 0)))
  (func (export "tail empty") (param i32) (result i32) (return_call_indirect $empty (type $f) (local.get 0))))

(assert_return (invoke "tail" (i32.const 0)) (i32.const 7))
(assert_trap (invoke "tail" (i32.const 1)) "indirect call type mismatch")
(assert_trap (invoke "tail" (i32.const 2)) "uninitialized element")
(assert_trap (invoke "tail" (i32.const 99)) "undefined element")
(assert_trap (invoke "tail empty" (i32.const 0)) "undefined element")
(assert_trap (invoke "call" (i32.const 99)) "undefined element")
