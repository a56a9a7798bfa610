;; Quicksort of an array of n references to structures, by a field.
(module
  (type $item (struct (field $key i32) (field $seq i32)))
  (type $items (array (mut (ref null $item))))
  (func $key (param $items (ref $items)) (param $at i32) (result i32)
    (struct.get $item $key (array.get $items (local.get $items) (local.get $at))))
  (func $sort (param $items (ref $items)) (param $low i32) (param $high i32)
    (local $i i32) (local $j i32) (local $pivot i32) (local $kept (ref null $item))
    (if (i32.ge_s (local.get $low) (local.get $high)) (then (return)))
    (local.set $pivot
      (call $key (local.get $items) (i32.shr_u (i32.add (local.get $low) (local.get $high)) (i32.const 1))))
    (local.set $i (local.get $low))
    (local.set $j (local.get $high))
    (loop $partition
      (block $left
        (loop $up
          (br_if $left (i32.ge_u (call $key (local.get $items) (local.get $i)) (local.get $pivot)))
          (local.set $i (i32.add (local.get $i) (i32.const 1)))
          (br $up)))
      (block $right
        (loop $down
          (br_if $right (i32.le_u (call $key (local.get $items) (local.get $j)) (local.get $pivot)))
          (local.set $j (i32.sub (local.get $j) (i32.const 1)))
          (br $down)))
      (if (i32.le_s (local.get $i) (local.get $j))
        (then
          (local.set $kept (array.get $items (local.get $items) (local.get $i)))
          (array.set $items (local.get $items) (local.get $i)
            (array.get $items (local.get $items) (local.get $j)))
          (array.set $items (local.get $items) (local.get $j) (local.get $kept))
          (local.set $i (i32.add (local.get $i) (i32.const 1)))
          (local.set $j (i32.sub (local.get $j) (i32.const 1)))))
      (br_if $partition (i32.le_s (local.get $i) (local.get $j))))
    (call $sort (local.get $items) (local.get $low) (local.get $j))
    (call $sort (local.get $items) (local.get $i) (local.get $high)))
  (func (export "run") (param $n i32) (result i64)
    (local $items (ref $items)) (local $i i32) (local $key i32) (local $sum i64)
    (local.set $items (array.new_default $items (local.get $n)))
    (local.set $key (i32.const 12345))
    (loop $fill
      (local.set $key
        (i32.add (i32.mul (local.get $key) (i32.const 1664525)) (i32.const 1013904223)))
      (array.set $items (local.get $items) (local.get $i)
        (struct.new $item (i32.shr_u (local.get $key) (i32.const 4)) (local.get $i)))
      (br_if $fill
        (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 1))) (local.get $n))))
    (call $sort (local.get $items) (i32.const 0) (i32.sub (local.get $n) (i32.const 1)))
    (local.set $i (i32.const 0))
    (loop $check
      (local.set $sum
        (i64.add (i64.mul (local.get $sum) (i64.const 31))
          (i64.extend_i32_u
            (struct.get $item $seq (array.get $items (local.get $items) (local.get $i))))))
      (br_if $check
        (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 1))) (local.get $n))))
    (local.get $sum)))
