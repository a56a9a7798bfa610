;; Calls of small functions through a table, their number taken from a sequence without a short
;; period.
(module
  (type $op (func (param i32) (result i32)))
  (table funcref (elem $a $b $c $d))
  (func $a (type $op) (i32.add (local.get 0) (i32.const 7)))
  (func $b (type $op) (i32.xor (local.get 0) (i32.const 0x5555)))
  (func $c (type $op) (i32.mul (local.get 0) (i32.const 3)))
  (func $d (type $op) (i32.rotl (local.get 0) (i32.const 5)))
  (func (export "run") (param $n i32) (result i64)
    (local $x i32)
    (local.set $x (i32.const 1))
    (loop $calls
      (local.set $x
        (call_indirect (type $op) (local.get $x)
          (i32.and (i32.add (local.get $n) (i32.shr_u (local.get $n) (i32.const 3))) (i32.const 3))))
      (br_if $calls (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))
    (i64.extend_i32_u (local.get $x))))
