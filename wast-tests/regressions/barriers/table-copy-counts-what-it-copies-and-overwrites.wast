;;! guards = "table.copy counts what it writes and releases what it overwrites"
;;! source = "Wasmtime #13072"
;;! schedule = "every"
;;! collectors = ["drc", "drc-cycles", "copying"]
;;! planted = "table-copy-no-barrier"

(module
  (import "harness" "live" (func $live (result i32)))
  (export "live" (func $live))
  (type $node (struct (field $n i32) (field $next (mut (ref null $node)))))
  (func $new (param i32) (result (ref $node)) (struct.new $node (local.get 0) (ref.null $node)))
  (table $t (export "t") 6 (ref null $node))
  (table $u (export "u") 2 (ref null $node))
  (func (export "fill") (local $i i32)
    (loop $again
      (table.set $t (local.get $i) (call $new (local.get $i)))
      (local.set $i (i32.add (local.get $i) (i32.const 1)))
      (br_if $again (i32.lt_u (local.get $i) (i32.const 6)))))
  (func (export "down") (table.copy $t $t (i32.const 0) (i32.const 2) (i32.const 4)))
  (func (export "up") (table.copy $t $t (i32.const 2) (i32.const 0) (i32.const 4)))
  (func (export "across") (table.copy $t $u (i32.const 0) (i32.const 0) (i32.const 2)))
  (func (export "get") (param i32) (result i32) (struct.get $node $n (table.get $t (local.get 0)))))

(assert_return (invoke "fill"))
(assert_return (invoke "live") (i32.const 6))
(assert_return (invoke "down"))
(assert_return (invoke "live") (i32.const 4))
(assert_return (invoke "get" (i32.const 0)) (i32.const 2))
(assert_return (invoke "get" (i32.const 3)) (i32.const 5))
(assert_return (invoke "up"))
(assert_return (invoke "live") (i32.const 4))
(assert_return (invoke "get" (i32.const 5)) (i32.const 5))
(assert_return (invoke "across"))
(assert_return (invoke "live") (i32.const 4))
(assert_trap (invoke "get" (i32.const 0)) "null structure")
