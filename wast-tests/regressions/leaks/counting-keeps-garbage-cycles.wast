;;! guards = "reference counting keeps a garbage cycle and what it reaches, nothing else"
;;! collectors = ["drc"]
;;! planted = "release-is-shallow"

(module
  (type $node (struct (field $next (mut (ref null $node))) (field $tail (mut (ref null $node)))))
  (import "harness" "live" (func $live (result i32)))
  (export "live" (func $live))
  (func $node (result (ref $node)) (struct.new $node (ref.null $node) (ref.null $node)))
  (func (export "cycle-with-tail") (local $a (ref $node))
    (local.set $a (call $node))
    (struct.set $node $next (local.get $a) (local.get $a))
    (struct.set $node $tail (local.get $a) (call $node)))
  ;; What leads to the cycle is no part of it.
  (func (export "chain") (drop (struct.new $node (call $node) (ref.null $node)))))

(invoke "chain")
(invoke "cycle-with-tail")
