;;! guards = "global.set releases the reference it overwrites, also through an imported global"
;;! source = "WebKit #10314 (bug 252513)"
;;! schedule = "every"
;;! collectors = ["drc", "drc-cycles", "copying"]
;;! planted = "global-set-no-barrier"

(module $owner
  (import "harness" "live" (func $live (result i32)))
  (export "live" (func $live))
  (type $node (struct (field $n i32) (field $next (mut (ref null $node)))))
  (func $new (param i32) (result (ref $node)) (struct.new $node (local.get 0) (ref.null $node)))
  (global $g (export "g") (mut (ref null $node)) (ref.null $node))
  (func (export "set") (param i32) (global.set $g (call $new (local.get 0)))))
(register "owner" $owner)
(module $other
  (type $node (struct (field $n i32) (field $next (mut (ref null $node)))))
  (import "owner" "g" (global $g (mut (ref null $node))))
  (func (export "set") (param i32) (global.set $g (struct.new $node (local.get 0) (ref.null $node))))
  (func (export "clear") (global.set $g (ref.null $node))))

(assert_return (invoke $owner "set" (i32.const 1)))
(assert_return (invoke $owner "set" (i32.const 2)))
(assert_return (invoke $owner "live") (i32.const 1))
(assert_return (invoke $other "set" (i32.const 3)))
(assert_return (invoke $owner "live") (i32.const 1))
(assert_return (invoke $other "clear"))
(assert_return (invoke $owner "live") (i32.const 0))
