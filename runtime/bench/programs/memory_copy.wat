;; memory.copy of 32 KiB, n times, overlapping.
(module
  (memory 2)
  (func (export "run") (param $n i32) (result i64)
    (local $i i32)
    (loop $fill
      (i32.store (local.get $i) (i32.mul (local.get $i) (i32.const 0x9e3779b1)))
      (br_if $fill (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 4))) (i32.const 65536))))
    (loop $copies
      (memory.copy
        (i32.and (i32.mul (local.get $n) (i32.const 8)) (i32.const 0x7ff8))
        (i32.and (i32.mul (local.get $n) (i32.const 24)) (i32.const 0x7ff8))
        (i32.const 32768))
      (br_if $copies (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))
    (i64.load (i32.const 4096))))
