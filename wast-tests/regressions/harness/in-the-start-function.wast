;;! guards = "the harness works on an instance whose start function is still running"
;;! schedule = "every"

(module
  (type $box (struct (field i32)))
  (import "harness" "gc" (func $gc))
  (import "harness" "table.grow:t" (func $grow (param (ref null $box) i32) (result i32)))
  (import "harness" "call:note" (func $note (param i32)))
  (table (export "t") 1 (ref null $box) (struct.new $box (i32.const 1)))
  (global $noted (export "noted") (mut i32) (i32.const 0))
  (func (export "note") (param i32) (global.set $noted (local.get 0)))
  (func $start
    (call $note (call $grow (struct.new $box (i32.const 2)) (i32.const 3)))
    (call $gc)
    (global.set $noted (i32.add (global.get $noted) (table.size))))
  (start $start)
  (func (export "at") (param i32) (result i32) (struct.get $box 0 (table.get (local.get 0)))))

(assert_return (get "noted") (i32.const 5))
(assert_return (invoke "at" (i32.const 0)) (i32.const 1))
(assert_return (invoke "at" (i32.const 3)) (i32.const 2))
