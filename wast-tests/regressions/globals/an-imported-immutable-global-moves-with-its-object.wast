;;! guards = "an immutable global is read again after a collection moved its object"
;;! source = "Wasmtime #13381"
;;! schedule = "every"
;;! planted = "globals-are-no-roots"

(module $owner
  (type $node (struct (field $n (mut i32))))
  (global (export "g") (ref $node) (struct.new $node (i32.const 1))))
(register "owner" $owner)

(module $user
  (import "harness" "gc" (func $gc))
  (type $node (struct (field $n (mut i32))))
  (import "owner" "g" (global $g (ref $node)))
  (global $own (ref $node) (struct.new $node (i32.const 10)))
  (func (export "loop") (param $times i32) (result i32)
    (local $sum i32) (local $garbage (ref null $node))
    (loop $again
      (local.set $garbage (struct.new $node (local.get $times)))
      (struct.set $node $n (global.get $g) (i32.add (struct.get $node $n (global.get $g)) (i32.const 1)))
      (call $gc)
      (local.set $sum (i32.add (local.get $sum)
        (i32.add (struct.get $node $n (global.get $g)) (struct.get $node $n (global.get $own)))))
      (br_if $again (local.tee $times (i32.sub (local.get $times) (i32.const 1)))))
    (local.get $sum)))

(assert_return (invoke $user "loop" (i32.const 3)) (i32.const 39))
