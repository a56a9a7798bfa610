;;! guards = "global.set of an imported global goes through the barrier in every instance"
;;! source = "WebKit #10314 (bug 252513)"
;;! schedule = "every"
;;! collectors = ["drc", "drc-cycles", "copying"]
;;! planted = "global-set-no-barrier"

(module $owner
  (import "harness" "live" (func $live (result i32)))
  (export "live" (func $live))
  (type $node (struct (field $n i32)))
  (global (export "g") (mut (ref null $node)) (struct.new $node (i32.const 1)))
  (func (export "n") (result i32) (struct.get $node $n (global.get 0))))
(register "owner" $owner)

(module $user
  (type $node (struct (field $n i32)))
  (import "owner" "g" (global $g (mut (ref null $node))))
  (func (export "set") (param i32) (global.set $g (struct.new $node (local.get 0))))
  (func (export "clear") (global.set $g (ref.null $node))))

(assert_return (invoke $owner "live") (i32.const 1))
(assert_return (invoke $user "set" (i32.const 2)))
(assert_return (invoke $owner "n") (i32.const 2))
(assert_return (invoke $owner "live") (i32.const 1))
(assert_return (invoke $user "set" (i32.const 3)))
(assert_return (invoke $owner "live") (i32.const 1))
(assert_return (invoke $user "clear"))
(assert_return (invoke $owner "live") (i32.const 0))
