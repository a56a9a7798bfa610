;;! guards = "an instantiation that finds the heap full leaves no objects behind"
;;! source = "Wasmtime #11469, #13371, PR #11416"
;;! full = 3
;;! collectors = ["drc", "drc-cycles", "copying"]
;;! planted = "failed-instance-keeps-objects"

(module $owner
  (import "harness" "live" (func $live (result i32)))
  (export "live" (func $live))
  (type $node (struct (field $n i32) (field $next (mut (ref null $node)))))
  (global (export "mine") (mut (ref null $node)) (struct.new $node (i32.const 7) (ref.null $node))))
(register "owner" $owner)

;; The objects of both modules are numbered 0, 1, 2, ...: the item of the segment is the one that
;; fails.
(module definition $allocating
  (type $node (struct (field $n i32) (field $next (mut (ref null $node)))))
  (import "owner" "mine" (global $mine (mut (ref null $node))))
  (global $g (export "g") (ref $node) (struct.new $node (i32.const 1) (ref.null $node)))
  (table $t (export "t") 3 (ref null $node) (struct.new $node (i32.const 2) (ref.null $node)))
  (elem $e (ref null $node) (item (struct.new $node (i32.const 3) (global.get $g))))
  (func (export "sum") (result i32)
    (i32.add (struct.get $node $n (global.get $g)) (struct.get $node $n (table.get $t (i32.const 2))))))

(assert_trap (module
  (type $node (struct (field $n i32) (field $next (mut (ref null $node)))))
  (global $g (export "g") (ref $node) (struct.new $node (i32.const 1) (ref.null $node)))
  (table $t (export "t") 3 (ref null $node) (struct.new $node (i32.const 2) (ref.null $node)))
  (elem $e (ref null $node) (item (struct.new $node (i32.const 3) (global.get $g))))) "heap exhausted")
(assert_return (invoke $owner "live") (i32.const 1))
(module instance $again $allocating)
(assert_return (invoke $again "sum") (i32.const 3))
(assert_return (invoke $owner "live") (i32.const 4))
