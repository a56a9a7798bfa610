;;! guards = "an i31 in a table, global, field or element is no object, also as externref"
;;! source = "Wasmtime #10371, #13307"
;;! schedule = "every"
;;! collectors = ["drc", "drc-cycles", "copying"]
;;! planted = "inline-barrier-counts-i31"

(module
  (import "harness" "live" (func $live (result i32)))
  (export "live" (func $live))
  (type $s (struct (field $f (mut anyref))))
  (type $a (array (mut anyref)))
  (table $t (export "t") 2 externref)
  (global $g (export "g") (mut externref) (ref.null extern))
  (global $s (ref $s) (struct.new $s (ref.i31 (i32.const 1))))
  (global $a (ref $a) (array.new $a (ref.i31 (i32.const 2)) (i32.const 4)))
  (func (export "run") (param i32)
    (table.set $t (i32.const 0) (extern.convert_any (ref.i31 (local.get 0))))
    (table.fill $t (i32.const 0) (extern.convert_any (ref.i31 (local.get 0))) (i32.const 2))
    (global.set $g (extern.convert_any (ref.i31 (local.get 0))))
    (struct.set $s $f (global.get $s) (ref.i31 (local.get 0)))
    (array.set $a (global.get $a) (i32.const 1) (ref.i31 (local.get 0)))
    (array.fill $a (global.get $a) (i32.const 2) (ref.i31 (local.get 0)) (i32.const 2))
    (array.copy $a $a (global.get $a) (i32.const 0) (global.get $a) (i32.const 1) (i32.const 3)))
  (func (export "read") (result i32)
    (i32.add (i31.get_s (ref.cast i31ref (any.convert_extern (global.get $g))))
      (i32.add (i31.get_s (ref.cast i31ref (struct.get $s $f (global.get $s))))
        (i31.get_s (ref.cast i31ref (array.get $a (global.get $a) (i32.const 0))))))))

(assert_return (invoke "run" (i32.const 8)))
(assert_return (invoke "run" (i32.const 16)))
(assert_return (invoke "read") (i32.const 48))
(assert_return (invoke "live") (i32.const 2))
