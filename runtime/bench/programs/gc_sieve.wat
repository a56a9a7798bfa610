;; Sieve of Eratosthenes over an array of bytes; counts the primes below n.
(module
  (type $bytes (array (mut i8)))
  (func (export "run") (param $n i32) (result i64)
    (local $bytes (ref $bytes)) (local $i i32) (local $j i32) (local $found i64)
    (local.set $bytes (array.new_default $bytes (local.get $n)))
    (local.set $i (i32.const 2))
    (loop $outer
      (if (i32.eqz (array.get_u $bytes (local.get $bytes) (local.get $i)))
        (then
          (local.set $found (i64.add (local.get $found) (i64.const 1)))
          (local.set $j (i32.shl (local.get $i) (i32.const 1)))
          (block $done
            (loop $inner
              (br_if $done (i32.ge_u (local.get $j) (local.get $n)))
              (array.set $bytes (local.get $bytes) (local.get $j) (i32.const 1))
              (local.set $j (i32.add (local.get $j) (local.get $i)))
              (br $inner)))))
      (br_if $outer
        (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 1))) (local.get $n))))
    (local.get $found)))
