;;! guards = "all tables and their other elements are roots in table.init"
;;! source = "Wasmtime PR #11416"
;;! schedule = "every"
;;! planted = ["tables-are-no-roots", "segments-are-no-roots"]

(module
  (type $node (struct (field $n i32) (field $next (mut (ref null $node)))))
  (func $new (param i32) (result (ref $node)) (struct.new $node (local.get 0) (ref.null $node)))
  (table $t 4 (ref null $node))
  (table $u 1 (ref null $node))
  (elem $e (ref null $node)
    (item (struct.new $node (i32.const 1) (ref.null $node)))
    (item (struct.new $node (i32.const 2) (struct.new $node (i32.const 20) (ref.null $node)))))
  (func (export "set up")
    (table.set $t (i32.const 0) (call $new (i32.const 100)))
    (table.set $t (i32.const 3) (call $new (i32.const 200)))
    (table.set $u (i32.const 0) (call $new (i32.const 300))))
  (func (export "init") (table.init $t $e (i32.const 1) (i32.const 0) (i32.const 2)))
  (func (export "get") (param i32) (result i32) (struct.get $node $n (table.get $t (local.get 0))))
  (func (export "next") (param i32) (result i32)
    (struct.get $node $n (struct.get $node $next (table.get $t (local.get 0)))))
  (func (export "other") (result i32) (struct.get $node $n (table.get $u (i32.const 0)))))

(assert_return (invoke "set up"))
(assert_return (invoke "init"))
(assert_return (invoke "init"))
(assert_return (invoke "get" (i32.const 0)) (i32.const 100))
(assert_return (invoke "get" (i32.const 1)) (i32.const 1))
(assert_return (invoke "get" (i32.const 2)) (i32.const 2))
(assert_return (invoke "next" (i32.const 2)) (i32.const 20))
(assert_return (invoke "get" (i32.const 3)) (i32.const 200))
(assert_return (invoke "other") (i32.const 300))
