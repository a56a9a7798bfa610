;; fill, copy, init and grow in turn, n times, on tables of references.
(module
  (type $cell (struct (field $value i32)))
  (table $a 256 (ref null $cell))
  (table $b 0 100000 (ref null $cell))
  (elem $cells (ref null $cell)
    (struct.new $cell (i32.const 1)) (struct.new $cell (i32.const 2))
    (struct.new $cell (i32.const 3)) (struct.new $cell (i32.const 4))
    (struct.new $cell (i32.const 5)) (struct.new $cell (i32.const 6))
    (struct.new $cell (i32.const 7)) (struct.new $cell (i32.const 8)))
  (func (export "run") (param $n i32) (result i64)
    (local $i i32) (local $sum i64) (local $kept (ref null $cell))
    (local.set $kept (struct.new $cell (i32.const 9)))
    (loop $rounds
      (table.fill $a (i32.const 0) (local.get $kept) (i32.const 64))
      (table.init $a $cells (i32.and (local.get $n) (i32.const 63)) (i32.const 0) (i32.const 8))
      (table.copy $a $a (i32.const 128) (i32.const 16) (i32.const 64))
      (table.copy $a $a (i32.const 132) (i32.const 128) (i32.const 60))
      (drop (table.grow $b (table.get $a (i32.const 140)) (i32.const 2)))
      (br_if $rounds (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))
    (loop $check
      (if (i32.eqz (ref.is_null (table.get $a (local.get $i))))
        (then
          (local.set $sum
            (i64.add (i64.mul (local.get $sum) (i64.const 31))
              (i64.extend_i32_u (struct.get $cell $value (table.get $a (local.get $i))))))))
      (br_if $check
        (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 1))) (i32.const 256))))
    (i64.add (local.get $sum) (i64.extend_i32_u (table.size $b)))))
