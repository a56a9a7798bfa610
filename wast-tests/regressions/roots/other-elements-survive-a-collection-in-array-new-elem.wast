;;! guards = "tables, globals, arrays and segments are roots in array.new_elem and init_elem"
;;! source = "Wasmtime PR #11416"
;;! schedule = "every"
;;! planted = ["tables-are-no-roots", "segments-are-no-roots", "globals-are-no-roots"]

(module
  (type $node (struct (field $n i32) (field $next (mut (ref null $node)))))
  (type $row (array (mut (ref null $node))))
  (func $new (param i32) (result (ref $node)) (struct.new $node (local.get 0) (ref.null $node)))
  (func $n (param (ref null $node)) (result i32) (struct.get $node $n (local.get 0)))
  (table $t 2 (ref null $node))
  (global $g (mut (ref null $row)) (ref.null $row))
  (elem $e (ref null $node)
    (item (struct.new $node (i32.const 1) (ref.null $node)))
    (item (struct.new $node (i32.const 2) (ref.null $node))))
  (elem $other (ref null $node) (item (struct.new $node (i32.const 3) (ref.null $node))))
  (func (export "run") (result i32) (local $row (ref null $row))
    (table.set $t (i32.const 1) (call $new (i32.const 10)))
    (global.set $g (array.new $row (call $new (i32.const 100)) (i32.const 3)))
    (local.set $row (array.new_elem $row $e (i32.const 0) (i32.const 2)))
    (array.init_elem $row $e (global.get $g) (i32.const 1) (i32.const 0) (i32.const 2))
    (array.init_elem $row $other (local.get $row) (i32.const 0) (i32.const 0) (i32.const 1))
    (array.init_elem $row $other (local.get $row) (i32.const 1) (i32.const 1) (i32.const 0))
    (i32.add
      (i32.add (call $n (table.get $t (i32.const 1))) (call $n (array.get $row (global.get $g) (i32.const 0))))
      (i32.add
        (i32.add (call $n (array.get $row (global.get $g) (i32.const 1))) (call $n (array.get $row (global.get $g) (i32.const 2))))
        (i32.add (call $n (array.get $row (local.get $row) (i32.const 0))) (call $n (array.get $row (local.get $row) (i32.const 1))))))))

(assert_return (invoke "run") (i32.const 118))
(assert_return (invoke "run") (i32.const 118))
