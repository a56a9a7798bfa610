;; A list of n nodes is built, summed and dropped.
(module
  (type $node (struct (field $value i32) (field $next (ref null $node))))
  (func (export "run") (param $n i32) (result i64)
    (local $list (ref null $node)) (local $sum i64)
    (loop $build
      (local.set $list (struct.new $node (local.get $n) (local.get $list)))
      (br_if $build (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))
    (block $done
      (loop $walk
        (br_if $done (ref.is_null (local.get $list)))
        (local.set $sum
          (i64.add (local.get $sum) (i64.extend_i32_u (struct.get $node $value (local.get $list)))))
        (local.set $list (struct.get $node $next (local.get $list)))
        (br $walk)))
    (local.get $sum)))
