;; ref.test and ref.cast over a chain of six subtypes, n rounds over objects of each depth.
(module
  (type $t1 (sub (struct (field $a i32))))
  (type $t2 (sub $t1 (struct (field $a i32) (field i32))))
  (type $t3 (sub $t2 (struct (field $a i32) (field i32) (field i32))))
  (type $t4 (sub $t3 (struct (field $a i32) (field i32) (field i32) (field i32))))
  (type $t5 (sub $t4 (struct (field $a i32) (field i32) (field i32) (field i32) (field i32))))
  (type $t6 (sub $t5 (struct (field $a i32) (field i32) (field i32) (field i32) (field i32) (field i32))))
  (type $objects (array (mut anyref)))
  (func (export "run") (param $n i32) (result i64)
    (local $objects (ref $objects)) (local $it anyref) (local $sum i64)
    (local.set $objects
      (array.new_fixed $objects 8
        (struct.new $t1 (i32.const 1))
        (struct.new $t2 (i32.const 2) (i32.const 0))
        (struct.new $t3 (i32.const 3) (i32.const 0) (i32.const 0))
        (struct.new $t4 (i32.const 4) (i32.const 0) (i32.const 0) (i32.const 0))
        (struct.new $t5 (i32.const 5) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0))
        (struct.new $t6 (i32.const 6) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0))
        (struct.new $t6 (i32.const 7) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0))
        (struct.new $t5 (i32.const 8) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0))))
    (loop $rounds
      (local.set $it
        (array.get $objects (local.get $objects) (i32.and (local.get $n) (i32.const 7))))
      (local.set $sum
        (i64.add (local.get $sum)
          (i64.extend_i32_u
            (i32.add
              (i32.add
                (i32.add (ref.test (ref $t2) (local.get $it)) (ref.test (ref $t3) (local.get $it)))
                (i32.add (ref.test (ref $t4) (local.get $it)) (ref.test (ref $t5) (local.get $it))))
              (i32.add (ref.test (ref $t6) (local.get $it))
                (struct.get $t1 $a (ref.cast (ref $t1) (local.get $it))))))))
      (br_if $rounds (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))
    (local.get $sum)))
