;;! guards = "every reference handed to the host is a root before anything may collect"
;;! source = "CVE-2021-39216"
;;! schedule = "every"
;;! collectors = ["drc", "drc-cycles", "copying"]
;;! planted = "host-arguments-unrooted"

(module
  (type $pair (struct (field $a anyref) (field $b anyref)))
  (import "harness" "struct.new" (func $pair (param anyref anyref) (result (ref $pair))))
  (import "harness" "gc" (func $gc))
  (type $node (struct (field $n i32) (field $next (mut (ref null $node)))))
  (func $new (param i32) (result (ref $node)) (struct.new $node (local.get 0) (ref.null $node)))
  (func $n (param (ref null $node)) (result i32) (struct.get $node $n (local.get 0)))
  (func (export "run") (result i32) (local $p (ref $pair))
    (local.set $p (call $pair (call $new (i32.const 3)) (call $new (i32.const 4))))
    (call $gc)
    (i32.add
      (i32.mul (i32.const 10) (call $n (ref.cast (ref $node) (struct.get $pair $a (local.get $p)))))
      (call $n (ref.cast (ref $node) (struct.get $pair $b (local.get $p)))))))

(assert_return (invoke "run") (i32.const 34))
