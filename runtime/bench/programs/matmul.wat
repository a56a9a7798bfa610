;; Product of two n by n matrices of f64, the textbook way.
(module
  (memory 64)
  (func $at (param $base i32) (param $n i32) (param $i i32) (param $j i32) (result i32)
    (i32.add (local.get $base)
      (i32.shl (i32.add (i32.mul (local.get $i) (local.get $n)) (local.get $j)) (i32.const 3))))
  (func (export "run") (param $n i32) (result i64)
    (local $i i32) (local $j i32) (local $k i32) (local $bytes i32) (local $sum f64) (local $a i32) (local $b i32)
    (local.set $bytes (i32.shl (i32.mul (local.get $n) (local.get $n)) (i32.const 3)))
    (loop $fill
      (f64.store (local.get $i) (f64.convert_i32_u (i32.and (local.get $i) (i32.const 127))))
      (f64.store (i32.add (local.get $bytes) (local.get $i)) (f64.convert_i32_u (i32.and (local.get $i) (i32.const 63))))
      (br_if $fill
        (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 8))) (local.get $bytes))))
    (local.set $i (i32.const 0))
    (loop $rows
      (local.set $j (i32.const 0))
      (loop $columns
        (local.set $sum (f64.const 0))
        (local.set $k (i32.const 0))
        (local.set $a (call $at (i32.const 0) (local.get $n) (local.get $i) (i32.const 0)))
        (local.set $b (call $at (local.get $bytes) (local.get $n) (i32.const 0) (local.get $j)))
        (loop $dot
          (local.set $sum
            (f64.add (local.get $sum) (f64.mul (f64.load (local.get $a)) (f64.load (local.get $b)))))
          (local.set $a (i32.add (local.get $a) (i32.const 8)))
          (local.set $b (i32.add (local.get $b) (i32.shl (local.get $n) (i32.const 3))))
          (br_if $dot
            (i32.lt_u (local.tee $k (i32.add (local.get $k) (i32.const 1))) (local.get $n))))
        (f64.store
          (call $at (i32.shl (local.get $bytes) (i32.const 1)) (local.get $n) (local.get $i) (local.get $j))
          (local.get $sum))
        (br_if $columns
          (i32.lt_u (local.tee $j (i32.add (local.get $j) (i32.const 1))) (local.get $n))))
      (br_if $rows
        (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 1))) (local.get $n))))
    (local.set $sum (f64.const 0))
    (local.set $i (i32.const 0))
    (loop $check
      (local.set $sum
        (f64.add (local.get $sum)
          (f64.load (i32.add (i32.shl (local.get $bytes) (i32.const 1)) (local.get $i)))))
      (br_if $check
        (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 8))) (local.get $bytes))))
    (i64.reinterpret_f64 (local.get $sum))))
