;; Rotations, exclusive ors and additions on eight words in locals, as hash functions do.
(module
  (func (export "run") (param $n i32) (result i64)
    (local $a i32) (local $b i32) (local $c i32) (local $d i32) (local $e i32) (local $f i32) (local $g i32) (local $h i32)
    (local $t i32) (local $u i32)
    (local.set $a (i32.const 0x6a09e667)) (local.set $b (i32.const 0x3b67ae85))
    (local.set $c (i32.const 0x3c6ef372)) (local.set $d (i32.const 0x254ff53a))
    (local.set $e (i32.const 0x510e527f)) (local.set $f (i32.const 0x1b05688c))
    (local.set $g (i32.const 0x1f83d9ab)) (local.set $h (i32.const 0x5be0cd19))
    (loop $rounds
      (local.set $t
        (i32.add (local.get $h)
          (i32.add
            (i32.xor (i32.rotr (local.get $e) (i32.const 6))
              (i32.xor (i32.rotr (local.get $e) (i32.const 11)) (i32.rotr (local.get $e) (i32.const 25))))
            (i32.add
              (i32.xor (i32.and (local.get $e) (local.get $f))
                (i32.and (i32.xor (local.get $e) (i32.const -1)) (local.get $g)))
              (local.get $n)))))
      (local.set $u
        (i32.add
          (i32.xor (i32.rotr (local.get $a) (i32.const 2))
            (i32.xor (i32.rotr (local.get $a) (i32.const 13)) (i32.rotr (local.get $a) (i32.const 22))))
          (i32.xor (i32.and (local.get $a) (local.get $b))
            (i32.xor (i32.and (local.get $a) (local.get $c)) (i32.and (local.get $b) (local.get $c))))))
      (local.set $h (local.get $g)) (local.set $g (local.get $f)) (local.set $f (local.get $e))
      (local.set $e (i32.add (local.get $d) (local.get $t)))
      (local.set $d (local.get $c)) (local.set $c (local.get $b)) (local.set $b (local.get $a))
      (local.set $a (i32.add (local.get $t) (local.get $u)))
      (br_if $rounds (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))
    (i64.or (i64.shl (i64.extend_i32_u (local.get $a)) (i64.const 32)) (i64.extend_i32_u (local.get $e)))))
