;;! guards = "a live count taken while frames are on the stack counts what those frames still use"
;;! collectors = ["drc", "drc-cycles", "copying"]
;;! planted = "locals-undeclared"

(module
  (type $node (struct (field $next (mut (ref null $node)))))
  (import "harness" "live" (func $live (result i32)))
  (export "live" (func $live))

  ;; Every reference held at the count is used afterwards, so the count is determined.
  (func (export "held") (result i32 i32)
    (local $a (ref null $node)) (local $n i32)
    (local.set $a (struct.new $node (struct.new $node (ref.null $node))))
    (local.set $n (call $live))
    (local.get $n)
    (ref.is_null (struct.get $node $next (local.get $a))))

  ;; A reference that is only on the operand stack, in every frame of a recursion.
  (func $deep (export "deep") (param $n i32) (result i32)
    (if (result i32) (local.get $n)
      (then (call $both
        (struct.new $node (ref.null $node))
        (call $deep (i32.sub (local.get $n) (i32.const 1)))))
      (else (call $live))))
  (func $both (param $p (ref $node)) (param $count i32) (result i32)
    (i32.add (local.get $count) (i32.shl (ref.is_null (struct.get $node $next (local.get $p))) (i32.const 8)))))

(assert_return (invoke "held") (i32.const 2) (i32.const 0))
(assert_return (invoke "live") (i32.const 0))
(assert_return (invoke "deep" (i32.const 5)) (i32.const 0x505))
(assert_return (invoke "live") (i32.const 0))
