;; n swaps of references in a table of 1,024, at places without a short period.
(module
  (type $cell (struct (field $value i32)))
  (table $cells 1024 1024 (ref null $cell))
  (func (export "run") (param $n i32) (result i64)
    (local $i i32) (local $j i32) (local $seed i32) (local $kept (ref null $cell)) (local $sum i64)
    (loop $fill
      (table.set $cells (local.get $i) (struct.new $cell (local.get $i)))
      (br_if $fill
        (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 1))) (i32.const 1024))))
    (local.set $seed (i32.const 1))
    (loop $swaps
      (local.set $seed
        (i32.add (i32.mul (local.get $seed) (i32.const 1664525)) (i32.const 1013904223)))
      (local.set $i (i32.shr_u (local.get $seed) (i32.const 22)))
      (local.set $j (i32.and (i32.shr_u (local.get $seed) (i32.const 10)) (i32.const 1023)))
      (local.set $kept (table.get $cells (local.get $i)))
      (table.set $cells (local.get $i) (table.get $cells (local.get $j)))
      (table.set $cells (local.get $j) (local.get $kept))
      (br_if $swaps (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))
    (local.set $i (i32.const 0))
    (loop $check
      (local.set $sum
        (i64.add (i64.mul (local.get $sum) (i64.const 31))
          (i64.extend_i32_u (struct.get $cell $value (table.get $cells (local.get $i))))))
      (br_if $check
        (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 1))) (i32.const 1024))))
    (local.get $sum)))
