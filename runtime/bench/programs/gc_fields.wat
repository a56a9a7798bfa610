;; References are rotated among the fields of a structure, n times.
(module
  (type $cell (struct (field $value i32)))
  (type $three (struct
    (field $a (mut (ref $cell))) (field $b (mut (ref $cell))) (field $c (mut (ref $cell))) (field $count (mut i32))))
  (func (export "run") (param $n i32) (result i64)
    (local $three (ref $three)) (local $kept (ref $cell))
    (local.set $three
      (struct.new $three
        (struct.new $cell (i32.const 1)) (struct.new $cell (i32.const 2)) (struct.new $cell (i32.const 3))
        (i32.const 0)))
    (loop $turns
      (local.set $kept (struct.get $three $a (local.get $three)))
      (struct.set $three $a (local.get $three) (struct.get $three $b (local.get $three)))
      (struct.set $three $b (local.get $three) (struct.get $three $c (local.get $three)))
      (struct.set $three $c (local.get $three) (local.get $kept))
      (struct.set $three $count (local.get $three)
        (i32.add (struct.get $three $count (local.get $three))
          (struct.get $cell $value (local.get $kept))))
      (br_if $turns (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))
    (i64.extend_i32_u (struct.get $three $count (local.get $three)))))
