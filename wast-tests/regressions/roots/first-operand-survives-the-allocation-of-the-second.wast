;;! guards = "operands on the stack are roots while later operands are allocated"
;;! source = "WebKit #39721 (bug 285580)"
;;! schedule = "every"
;;! collectors = ["drc", "drc-cycles", "copying"]
;;! planted = "struct-new-result-undeclared"

(module
  (type $node (struct (field $n i32) (field $next (mut (ref null $node)))))
  (type $nodes (array (mut (ref null $node))))
  (func $new (param i32) (result (ref $node)) (struct.new $node (local.get 0) (ref.null $node)))
  (func $n (param (ref null $node)) (result i32) (struct.get $node $n (local.get 0)))
  (func (export "run") (result i32) (local $a (ref null $nodes))
    (local.set $a (array.new_fixed $nodes 3
      (struct.new $node (i32.const 1) (ref.null $node))
      (struct.new $node (i32.const 2) (ref.null $node))
      (struct.new $node (i32.const 4) (ref.null $node))))
    (i32.add (call $n (array.get $nodes (local.get $a) (i32.const 0)))
      (i32.add (call $n (array.get $nodes (local.get $a) (i32.const 1))) (call $n (array.get $nodes (local.get $a) (i32.const 2)))))))

(assert_return (invoke "run") (i32.const 7))
