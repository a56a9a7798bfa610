;;! guards = "a stack slot that held a reference and now holds a number is no root"
;;! source = "WAMR #5070"
;;! schedule = "every"
;;! planted = "stack-map-other"

(module
  (import "harness" "gc" (func $gc))
  (type $node (struct (field $n i32) (field $next (mut (ref null $node)))))
  (func $new (param i32) (result (ref $node)) (struct.new $node (local.get 0) (ref.null $node)))
  (func $number (result i32) (i32.const 0x7ffffff8))
  (func (export "run") (result i32)
    (local $a i32) (local $b i32)
    (struct.get $node $n (call $new (i32.const 1)))
    (local.set $a)
    (call $number) (call $number) (call $gc) (i32.sub)
    (local.set $b)
    (block $h (result (ref null $node))
      (call $new (i32.const 5)) (call $gc))
    (struct.get $node $n)
    (call $number) (call $number) (call $gc) (i32.xor)
    (i32.add) (i32.add (local.get $a)) (i32.add (local.get $b)))
  (func (export "alternating") (param $n i32) (result i32)
    (local $x (ref null $node)) (local $sum i32)
    (loop $again
      (if (i32.and (local.get $n) (i32.const 1))
        (then
          (local.set $x (call $new (local.get $n)))
          (call $gc)
          (local.set $sum (i32.add (local.get $sum) (struct.get $node $n (local.get $x)))))
        (else
          (i32.or (call $number) (i32.const 1)) (call $gc) (drop)))
      (br_if $again (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))
    (local.get $sum)))

(assert_return (invoke "run") (i32.const 6))
(assert_return (invoke "alternating" (i32.const 5)) (i32.const 9))
