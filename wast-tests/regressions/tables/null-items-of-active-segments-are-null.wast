;;! guards = "an active segment writes real nulls"
;;! source = "WAMR #5060, #5096"
;;! planted = "null-item-is-not-null"

(module
  (table $t 3 funcref)
  (func $f)
  (elem (table $t) (i32.const 0) funcref (item (ref.func $f)) (item (ref.null func)) (item (ref.func $f)))
  (func (export "null") (param i32) (result i32) (ref.is_null (table.get $t (local.get 0)))))

(assert_return (invoke "null" (i32.const 0)) (i32.const 0))
(assert_return (invoke "null" (i32.const 1)) (i32.const 1))
(assert_return (invoke "null" (i32.const 2)) (i32.const 0))
