;;! guards = "references that live over table.get and table.set are in the stack maps"
;;! source = "CVE-2022-31146"
;;! schedule = "every"
;;! planted = "locals-undeclared"

(module
  (import "harness" "gc" (func $gc))
  (type $node (struct (field $n i32) (field $next (mut (ref null $node)))))
  (func $new (param i32) (result (ref $node)) (struct.new $node (local.get 0) (ref.null $node)))
  (table $t 4 (ref null $node))
  (func (export "run") (result i32)
    (local $x (ref null $node)) (local $y (ref null $node)) (local $z (ref null $node))
    (local.set $x (call $new (i32.const 1)))
    (local.set $y (call $new (i32.const 10)))
    (table.set $t (i32.const 1) (local.get $x))
    (local.set $z (table.get $t (i32.const 1)))
    (call $gc)
    (table.set $t (i32.const 1) (local.get $y))
    (table.set $t (i32.const 2) (table.get $t (i32.const 1)))
    (call $gc)
    (i32.add
      (i32.add (struct.get $node $n (local.get $x)) (struct.get $node $n (local.get $y)))
      (i32.add
        (i32.mul (i32.const 100) (ref.eq (local.get $z) (local.get $x)))
        (i32.mul (i32.const 1000) (ref.eq (table.get $t (i32.const 2)) (local.get $y)))))))

(assert_return (invoke "run") (i32.const 1111))
