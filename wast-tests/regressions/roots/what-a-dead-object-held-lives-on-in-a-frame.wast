;;! guards = "a reference loaded into a frame lives on after the object it came from died"
;;! source = "after Wasmtime #13316"
;;! collectors = ["drc", "drc-cycles", "copying"]
;;! planted = "release-ignores-stack"

(module
  (type $leaf (struct (field i32)))
  (type $link (struct (field $next (ref null $link)) (field $leaf (ref null $leaf))))
  (import "harness" "live" (func $live (result i32)))
  (import "harness" "gc" (func $gc))
  (export "live" (func $live))
  (global $g (mut (ref null $link)) (ref.null $link))
  (table $t 1 (ref null $link))
  (func (export "make")
    (global.set $g
      (struct.new $link
        (struct.new $link (ref.null $link) (struct.new $leaf (i32.const 5)))
        (struct.new $leaf (i32.const 6))))
    (table.set $t (i32.const 0) (struct.new $link (ref.null $link) (struct.new $leaf (i32.const 7)))))

  ;; From the object that dies first, from one that dies with it, and from one in a table.
  (func (export "child") (result i32) (local $leaf (ref null $leaf))
    (local.set $leaf (struct.get $link $leaf (global.get $g)))
    (global.set $g (ref.null $link))
    (call $gc)
    (struct.get $leaf 0 (local.get $leaf)))
  (func (export "grandchild") (result i32) (local $leaf (ref null $leaf))
    (local.set $leaf (struct.get $link $leaf (struct.get $link $next (global.get $g))))
    (global.set $g (ref.null $link))
    (call $gc)
    (struct.get $leaf 0 (local.get $leaf)))
  (func (export "of a table") (result i32) (local $leaf (ref null $leaf))
    (local.set $leaf (struct.get $link $leaf (table.get $t (i32.const 0))))
    (table.fill $t (i32.const 0) (ref.null $link) (i32.const 1))
    (call $gc)
    (call $gc)
    (struct.get $leaf 0 (local.get $leaf))))

(invoke "make")
(assert_return (invoke "live") (i32.const 6))
(assert_return (invoke "child") (i32.const 6))
(assert_return (invoke "live") (i32.const 2))
(invoke "make")
(assert_return (invoke "grandchild") (i32.const 5))
(assert_return (invoke "live") (i32.const 2))
(assert_return (invoke "of a table") (i32.const 7))
(assert_return (invoke "live") (i32.const 0))
