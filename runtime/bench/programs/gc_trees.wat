;; Binary trees: n trees of depth 12 are made and walked; one of depth 14 lives all the time.
(module
  (type $node (struct (field $left (ref null $node)) (field $right (ref null $node))))
  (func $make (param $depth i32) (result (ref $node))
    (if (result (ref $node)) (i32.eqz (local.get $depth))
      (then (struct.new $node (ref.null $node) (ref.null $node)))
      (else
        (struct.new $node
          (call $make (i32.sub (local.get $depth) (i32.const 1)))
          (call $make (i32.sub (local.get $depth) (i32.const 1)))))))
  (func $count (param $tree (ref $node)) (result i32)
    (local $left (ref null $node))
    (local.set $left (struct.get $node $left (local.get $tree)))
    (if (result i32) (ref.is_null (local.get $left))
      (then (i32.const 1))
      (else
        (i32.add (i32.const 1)
          (i32.add
            (call $count (ref.as_non_null (local.get $left)))
            (call $count (ref.as_non_null (struct.get $node $right (local.get $tree)))))))))
  (func (export "run") (param $n i32) (result i64)
    (local $long (ref null $node)) (local $sum i64)
    (local.set $long (call $make (i32.const 14)))
    (loop $trees
      (local.set $sum
        (i64.add (local.get $sum) (i64.extend_i32_u (call $count (call $make (i32.const 12))))))
      (br_if $trees (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))
    (i64.add (local.get $sum)
      (i64.extend_i32_u (call $count (ref.as_non_null (local.get $long)))))))
