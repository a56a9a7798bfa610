;;! guards = "a call without live references does not use the stack map of another call"
;;! source = "CVE-2021-39218"
;;! schedule = "every"
;;! collectors = ["drc", "drc-cycles", "copying"]
;;! planted = "locals-undeclared"

(module
  (import "harness" "gc" (func $gc))
  (import "harness" "live" (func $live (result i32)))
  (export "live" (func $live))
  (type $node (struct (field $n i32) (field $next (mut (ref null $node)))))
  (func $new (param i32) (result (ref $node)) (struct.new $node (local.get 0) (ref.null $node)))
  (func $n (param (ref null $node)) (result i32) (struct.get $node $n (local.get 0)))
  (global $sink (mut i32) (i32.const 0))
  ;; In the second call the frame still has the reference of the first call, in the slot that only
  ;; the first branch uses.
  (func (export "run") (param $holds i32) (result i32)
    (local $x (ref null $node))
    (if (result i32) (local.get $holds)
      (then
        (local.set $x (call $new (i32.const 1)))
        (call $gc)
        (call $n (local.get $x)))
      (else
        (call $gc)
        (global.get $sink)))))

(assert_return (invoke "run" (i32.const 1)) (i32.const 1))
(assert_return (invoke "live") (i32.const 0))
(assert_return (invoke "run" (i32.const 0)) (i32.const 0))
(assert_return (invoke "run" (i32.const 1)) (i32.const 1))
(assert_return (invoke "run" (i32.const 0)) (i32.const 0))
