;;! guards = "every element of an array of references is traced, however many there are"
;;! source = "Wasmtime PR #10453"
;;! schedule = "every:3"
;;! collectors = ["drc", "drc-cycles", "copying"]
;;! planted = ["array-edges-miscounted", "release-is-shallow", "inline-write-no-barrier"]

(module
  (type $box (struct (field i32)))
  (type $row (array (mut (ref null $box))))
  (import "harness" "live" (func $live (result i32)))
  (export "live" (func $live))
  (global $row (export "row") (mut (ref null $row)) (ref.null $row))
  (func (export "make") (param $n i32)
    (local $i i32)
    (global.set $row (array.new_default $row (local.get $n)))
    (loop $again
      (array.set $row (global.get $row) (local.get $i) (struct.new $box (local.get $i)))
      (br_if $again (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 1))) (local.get $n)))))
  (func (export "sum") (result i32)
    (local $i i32) (local $sum i32)
    (loop $again
      (local.set $sum (i32.add (local.get $sum)
        (struct.get $box 0 (array.get $row (global.get $row) (local.get $i)))))
      (br_if $again (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 1))) (array.len (global.get $row)))))
    (local.get $sum))
  (func (export "forget") (global.set $row (ref.null $row))))

(invoke "make" (i32.const 100))
(assert_return (invoke "live") (i32.const 101))
(assert_return (invoke "sum") (i32.const 4950))
(invoke "make" (i32.const 7))
(assert_return (invoke "live") (i32.const 8))
(assert_return (invoke "sum") (i32.const 21))
(invoke "forget")
(assert_return (invoke "live") (i32.const 0))
