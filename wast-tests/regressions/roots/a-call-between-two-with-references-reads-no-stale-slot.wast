;;! guards = "a slot that an earlier call used is no root at a call without references"
;;! source = "CVE-2021-39218"
;;! schedule = "every"
;;! collectors = ["drc", "drc-cycles", "copying"]
;;! planted = "stack-map-nearest"

(module
  (import "harness" "gc" (func $gc))
  (type $node (struct (field $n i32) (field $next (mut (ref null $node)))))
  (func $new (param i32) (result (ref $node)) (struct.new $node (local.get 0) (ref.null $node)))
  (func $n (param (ref null $node)) (result i32) (struct.get $node $n (local.get 0)))
  ;; The code has a call with two live references, then one without any, then one with one. The
  ;; last two run in the opposite order. The object that the first call left in its second slot is
  ;; dead when the call without references runs.
  (func (export "run") (result i32)
    (local $round i32) (local $sum i32)
    (local $x (ref null $node)) (local $y (ref null $node)) (local $z (ref null $node))
    (loop $again
      (if (i32.eqz (local.get $round))
        (then
          (local.set $x (call $new (i32.const 1)))
          (local.set $y (call $new (i32.const 10)))
          (call $gc)
          (local.set $sum (i32.add (call $n (local.get $x)) (call $n (local.get $y)))))
        (else
          (if (i32.eq (local.get $round) (i32.const 2))
            (then
              (call $gc)
              (local.set $sum (i32.add (local.get $sum) (i32.const 1000))))
            (else
              (local.set $z (call $new (i32.const 100)))
              (call $gc)
              (call $gc)
              (local.set $sum (i32.add (local.get $sum) (call $n (local.get $z))))))))
      (br_if $again (i32.lt_u (local.tee $round (i32.add (local.get $round) (i32.const 1))) (i32.const 3))))
    (local.get $sum)))

(assert_return (invoke "run") (i32.const 1111))
(assert_return (invoke "run") (i32.const 1111))
