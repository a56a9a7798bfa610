;; Copies a memory of n bytes eight bytes at a time, ten times over, then sums some of it.
(module
  (memory 256)
  (func (export "run") (param $n i32) (result i64)
    (local $i i32) (local $round i32) (local $sum i64)
    (loop $fill
      (i64.store (local.get $i) (i64.extend_i32_u (i32.mul (local.get $i) (i32.const 0x9e3779b1))))
      (br_if $fill (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 8))) (local.get $n))))
    (loop $rounds
      (local.set $i (i32.const 0))
      (loop $copy
        (i64.store offset=0x800000 (local.get $i) (i64.load (local.get $i)))
        (br_if $copy (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 8))) (local.get $n))))
      (br_if $rounds (i32.lt_u (local.tee $round (i32.add (local.get $round) (i32.const 1))) (i32.const 10))))
    (local.set $i (i32.const 0))
    (loop $check
      (local.set $sum (i64.add (local.get $sum) (i64.load offset=0x800000 (local.get $i))))
      (br_if $check (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 512))) (local.get $n))))
    (local.get $sum)))
