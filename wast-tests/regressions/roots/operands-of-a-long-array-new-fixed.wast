;;! guards = "operands of array.new_fixed are roots until the array is made"
;;! source = "WebKit #39721 (bug 285580)"
;;! schedule = "every"
;;! planted = ["call-result-undeclared"]

(module
  (type $node (struct (field $n i32)))
  (type $row (array (ref $node)))
  (func $new (param i32) (result (ref $node)) (struct.new $node (local.get 0)))
  (func (export "sum") (result i32) (local $row (ref $row)) (local $i i32) (local $sum i32)
    (local.set $row (array.new_fixed $row 10
      (call $new (i32.const 1)) (struct.new $node (i32.const 2)) (call $new (i32.const 3)) (struct.new $node (i32.const 4))
      (call $new (i32.const 5)) (struct.new $node (i32.const 6)) (call $new (i32.const 7)) (struct.new $node (i32.const 8))
      (call $new (i32.const 9)) (struct.new $node (i32.const 10))))
    (loop $again
      (local.set $sum (i32.add (i32.mul (local.get $sum) (i32.const 2)) (struct.get $node $n (array.get $row (local.get $row) (local.get $i)))))
      (br_if $again (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 1))) (i32.const 10))))
    (local.get $sum)))

(assert_return (invoke "sum") (i32.const 2036))
