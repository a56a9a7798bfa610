;; Closures: a function and what it needs in a structure, called n times through call_ref, four of
;; them in turn.
(module
  (rec
    (type $code (func (param (ref $closure)) (param i32) (result i32)))
    (type $closure (struct (field $code (ref $code)) (field $by i32))))
  (type $closures (array (mut (ref null $closure))))
  (elem declare func $add $xor $mul $rot)
  (func $add (type $code) (i32.add (local.get 1) (struct.get $closure $by (local.get 0))))
  (func $xor (type $code) (i32.xor (local.get 1) (struct.get $closure $by (local.get 0))))
  (func $mul (type $code) (i32.mul (local.get 1) (struct.get $closure $by (local.get 0))))
  (func $rot (type $code) (i32.rotl (local.get 1) (struct.get $closure $by (local.get 0))))
  (func (export "run") (param $n i32) (result i64)
    (local $all (ref $closures)) (local $it (ref null $closure)) (local $x i32)
    (local.set $all
      (array.new_fixed $closures 4
        (struct.new $closure (ref.func $add) (i32.const 7))
        (struct.new $closure (ref.func $xor) (i32.const 0x5555))
        (struct.new $closure (ref.func $mul) (i32.const 3))
        (struct.new $closure (ref.func $rot) (i32.const 5))))
    (local.set $x (i32.const 1))
    (loop $calls
      (local.set $it
        (array.get $closures (local.get $all)
          (i32.and (i32.add (local.get $n) (i32.shr_u (local.get $n) (i32.const 3))) (i32.const 3))))
      (local.set $x
        (call_ref $code (ref.as_non_null (local.get $it)) (local.get $x)
          (struct.get $closure $code (local.get $it))))
      (br_if $calls (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))
    (i64.extend_i32_u (local.get $x))))
