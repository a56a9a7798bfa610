;; Small integers as references: made, kept in an array of 256, read and added, n times.
(module
  (type $boxes (array (mut i31ref)))
  (func (export "run") (param $n i32) (result i64)
    (local $boxes (ref $boxes)) (local $sum i64)
    (local.set $boxes (array.new $boxes (ref.i31 (i32.const 1)) (i32.const 256)))
    (loop $rounds
      (array.set $boxes (local.get $boxes) (i32.and (local.get $n) (i32.const 255))
        (ref.i31 (i32.add (local.get $n)
          (i31.get_s (array.get $boxes (local.get $boxes)
            (i32.and (i32.mul (local.get $n) (i32.const 7)) (i32.const 255)))))))
      (local.set $sum
        (i64.add (local.get $sum)
          (i64.extend_i32_s (i31.get_s (array.get $boxes (local.get $boxes)
            (i32.and (i32.mul (local.get $n) (i32.const 13)) (i32.const 255)))))))
      (br_if $rounds (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))
    (local.get $sum)))
