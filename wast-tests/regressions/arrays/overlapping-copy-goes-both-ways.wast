;;! guards = "array.copy within one array reads before it overwrites, in both directions"
;;! source = "WebKit #39721"
;;! planted = "array-copy-forward"

(module
  (type $a (array (mut i32)))
  (func (export "run") (param $to i32) (param $from i32) (result i32) (local $a (ref $a)) (local $i i32) (local $s i32)
    (local.set $a (array.new_fixed $a 5 (i32.const 1) (i32.const 2) (i32.const 3) (i32.const 4) (i32.const 5)))
    (array.copy $a $a (local.get $a) (local.get $to) (local.get $a) (local.get $from) (i32.const 4))
    (loop $again
      (local.set $s (i32.add (i32.mul (local.get $s) (i32.const 10)) (array.get $a (local.get $a) (local.get $i))))
      (local.set $i (i32.add (local.get $i) (i32.const 1)))
      (br_if $again (i32.lt_u (local.get $i) (i32.const 5))))
    (local.get $s)))

(assert_return (invoke "run" (i32.const 1) (i32.const 0)) (i32.const 11234))
(assert_return (invoke "run" (i32.const 0) (i32.const 1)) (i32.const 23455))
