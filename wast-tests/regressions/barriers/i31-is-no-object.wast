;;! guards = "barriers do not count an i31, neither the old value nor the new one"
;;! source = "Wasmtime #10371, #13307"
;;! collectors = ["drc", "drc-cycles", "copying"]
;;! schedule = "every:3"
;;! planted = ["inline-barrier-counts-i31", "array-copy-releases-i31"]

(module
  (type $cell (struct (field $v (mut eqref))))
  (type $row (array (mut eqref)))
  (import "harness" "live" (func $live (result i32)))
  (export "live" (func $live))
  (table $t (export "t") 4 eqref)
  (global $g (export "g") (mut eqref) (ref.i31 (i32.const 0x2aaa_aaa1)))
  (global $cell (export "cell") (ref $cell) (struct.new $cell (ref.null eq)))
  (global $row (export "row") (ref $row) (array.new_default $row (i32.const 4)))
  ;; i31s that look like the references of the first objects
  (func (export "scalars") (local $i i32)
    (global.set $g (ref.i31 (i32.const 8)))
    (struct.set $cell $v (global.get $cell) (ref.i31 (i32.const 16)))
    (loop $again
      (table.set $t (local.get $i) (ref.i31 (i32.shl (local.get $i) (i32.const 3))))
      (array.set $row (global.get $row) (local.get $i) (ref.i31 (i32.shl (local.get $i) (i32.const 4))))
      (br_if $again (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 1))) (i32.const 4)))))
  (func $new (result (ref $cell)) (struct.new $cell (ref.i31 (i32.const 24))))
  (func (export "objects") (local $i i32)
    (global.set $g (call $new))
    (struct.set $cell $v (global.get $cell) (call $new))
    (loop $again
      (table.set $t (local.get $i) (call $new))
      (array.set $row (global.get $row) (local.get $i) (call $new))
      (br_if $again (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 1))) (i32.const 4)))))
  (func (export "mixed")
    (table.set $t (i32.const 1) (ref.i31 (i32.const 1)))
    (array.set $row (global.get $row) (i32.const 1) (ref.i31 (i32.const 1)))
    (table.set $t (i32.const 2) (call $new))
    (array.set $row (global.get $row) (i32.const 2) (call $new)))
  (func (export "move") (param i32 i32 i32)
    (table.copy $t $t (local.get 0) (local.get 1) (local.get 2))
    (array.copy $row $row (global.get $row) (local.get 0) (global.get $row) (local.get 1) (local.get 2)))
  (func (export "fill")
    (table.fill $t (i32.const 0) (ref.i31 (i32.const 32)) (i32.const 4))
    (array.fill $row (global.get $row) (i32.const 0) (ref.i31 (i32.const 32)) (i32.const 4))))

(assert_return (invoke "live") (i32.const 2))
(invoke "scalars")
(assert_return (invoke "live") (i32.const 2))
(invoke "objects")
(assert_return (invoke "live") (i32.const 12))
(invoke "mixed")
(assert_return (invoke "live") (i32.const 10))
(invoke "move" (i32.const 1) (i32.const 0) (i32.const 3))
(assert_return (invoke "live") (i32.const 8))
(invoke "move" (i32.const 0) (i32.const 2) (i32.const 2))
(invoke "scalars")
(assert_return (invoke "live") (i32.const 2))
(invoke "move" (i32.const 1) (i32.const 0) (i32.const 3))
(invoke "objects")
(invoke "fill")
(assert_return (invoke "live") (i32.const 4))
