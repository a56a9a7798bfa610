;;! guards = "the initial value of table.grow is a root while the table grows"
;;! source = "WasmEdge #4156"
;;! schedule = "every"
;;! collectors = ["drc", "drc-cycles", "copying"]
;;! planted = "table-grow-init-unrooted"

(module
  (type $node (struct (field $n i32) (field $next (mut (ref null $node)))))
  (func $new (param i32) (result (ref $node)) (struct.new $node (local.get 0) (ref.null $node)))
  (func $n (param (ref null $node)) (result i32) (struct.get $node $n (local.get 0)))
  (table $t 0 100 (ref null $node))
  (func (export "run") (result i32)
    (drop (table.grow $t (call $new (i32.const 6)) (i32.const 50)))
    (drop (call $new (i32.const 99)))
    (i32.add (call $n (table.get $t (i32.const 0))) (call $n (table.get $t (i32.const 49))))))

(assert_return (invoke "run") (i32.const 12))
