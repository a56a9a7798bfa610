;;! guards = "a write to a slot is seen through every other name of that slot"
;;! source = "after Wasmtime PR #13610"
;;! collectors = ["drc", "drc-cycles", "copying"]
;;! planted = "slots-told-apart"

(module
  (type $box (struct (field i32)))
  (global (export "g") (mut (ref null $box)) (struct.new $box (i32.const 1)))
  (table (export "t") 2 (ref null $box) (struct.new $box (i32.const 1))))
(register "m")
(module
  (type $box (struct (field i32)))
  (type $pair (struct (field $a (mut (ref $box))) (field $b (mut (ref $box)))))
  (type $row (array (mut (ref null $box))))
  (import "m" "g" (global $g (mut (ref null $box))))
  (import "m" "g" (global $h (mut (ref null $box))))
  (import "m" "t" (table $t 2 (ref null $box)))
  (import "m" "t" (table $u 2 (ref null $box)))
  (import "harness" "live" (func $live (result i32)))
  (export "live" (func $live))

  (func $fields (param $x (ref $pair)) (param $y (ref $pair)) (result i32)
    (drop (struct.get $pair $a (local.get $y)))
    (struct.set $pair $a (local.get $x) (struct.new $box (i32.const 2)))
    (drop (struct.get $pair $a (local.get $y)))
    (struct.set $pair $a (local.get $x) (struct.get $pair $b (local.get $x)))
    (struct.set $pair $b (local.get $y) (struct.get $pair $a (local.get $y)))
    (struct.get $box 0 (struct.get $pair $a (local.get $y))))
  (func (export "fields") (result i32) (local $x (ref $pair))
    (local.set $x (struct.new $pair (struct.new $box (i32.const 1)) (struct.new $box (i32.const 3))))
    (call $fields (local.get $x) (local.get $x)))

  (func $elements (param $x (ref $row)) (param $y (ref $row)) (param $i i32) (param $j i32) (result i32)
    (drop (array.get $row (local.get $y) (local.get $j)))
    (drop (array.get $row (local.get $x) (local.get $i)))
    (drop (array.get $row (local.get $x) (i32.const 1)))
    (array.set $row (local.get $x) (local.get $i) (array.get $row (local.get $x) (i32.const 1)))
    (struct.get $box 0 (array.get $row (local.get $y) (local.get $j))))
  (func (export "elements") (result i32) (local $x (ref $row))
    (local.set $x
      (array.new_fixed $row 2 (struct.new $box (i32.const 1)) (struct.new $box (i32.const 4))))
    (call $elements (local.get $x) (local.get $x) (i32.const 0) (i32.const 0)))

  (func $entries (param $i i32) (param $j i32) (result i32)
    (drop (table.get $t (local.get $i)))
    (drop (table.get $u (local.get $j)))
    (drop (table.get $u (i32.const 1)))
    (table.set $t (local.get $i) (table.get $u (i32.const 1)))
    (struct.get $box 0 (table.get $u (local.get $j))))
  (func (export "entries") (result i32)
    (table.set $t (i32.const 1) (struct.new $box (i32.const 5)))
    (call $entries (i32.const 0) (i32.const 0)))

  (func (export "globals") (result i32) (local $new (ref $box))
    (local.set $new (struct.new $box (i32.const 6)))
    (drop (global.get $h))
    (global.set $g (local.get $new))
    (struct.get $box 0 (global.get $h))))

(assert_return (invoke "fields") (i32.const 3))
(assert_return (invoke "elements") (i32.const 4))
(assert_return (invoke "entries") (i32.const 5))
(assert_return (invoke "globals") (i32.const 6))
(assert_return (invoke "live") (i32.const 2))
