;;! guards = "lists and arrays of references are freed whole, however long they are"
;;! source = "Wasmtime #9701, #12958, #13192"
;;! schedule = "every:50"
;;! collectors = ["drc", "drc-cycles", "copying"]
;;! planted = "release-is-shallow"

(module
  (import "harness" "live" (func $live (result i32)))
  (export "live" (func $live))
  (type $node (struct (field $next (ref null $node))))
  (type $row (array (mut (ref null $node))))
  (global $g (mut anyref) (ref.null any))
  (func (export "list") (param $n i32) (local $l (ref null $node))
    (loop $again
      (local.set $l (struct.new $node (local.get $l)))
      (br_if $again (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))
    (global.set $g (local.get $l)))
  (func (export "row") (param $n i32) (local $row (ref null $row))
    (local.set $row (array.new_default $row (local.get $n)))
    (loop $again
      (local.set $n (i32.sub (local.get $n) (i32.const 1)))
      (array.set $row (local.get $row) (local.get $n) (struct.new $node (ref.null $node)))
      (br_if $again (local.get $n)))
    (global.set $g (local.get $row)))
  (func (export "clear") (global.set $g (ref.null any))))

(assert_return (invoke "list" (i32.const 400)))
(assert_return (invoke "live") (i32.const 400))
(assert_return (invoke "clear"))
(assert_return (invoke "live") (i32.const 0))
(assert_return (invoke "row" (i32.const 300)))
(assert_return (invoke "live") (i32.const 301))
(assert_return (invoke "clear"))
(assert_return (invoke "live") (i32.const 0))
