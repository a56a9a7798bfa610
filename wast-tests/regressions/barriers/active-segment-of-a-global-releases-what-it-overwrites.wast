;;! guards = "an active segment of global.get releases the elements it overwrites"
;;! source = "Wasmtime #8016, #8018"
;;! schedule = "every"
;;! collectors = ["drc", "drc-cycles", "copying"]
;;! planted = "table-init-no-barrier"

(module $owner
  (import "harness" "extern" (func $extern (param i32) (result externref)))
  (import "harness" "live.extern" (func $live (result i32)))
  (export "live" (func $live))
  (table $t (export "t") 1 externref)
  (global $g (export "g") (mut externref) (ref.null extern))
  (func (export "fill") (table.set $t (i32.const 0) (call $extern (i32.const 1)))))
(register "owner" $owner)
(module $constant
  (import "harness" "extern" (func $extern (param i32) (result externref)))
  (global (export "g") externref (ref.null extern)))
(register "constant" $constant)

(assert_return (invoke $owner "fill"))
(assert_return (invoke $owner "live") (i32.const 1))
(module
  (import "owner" "t" (table $t 1 externref))
  (import "constant" "g" (global $g externref))
  (elem (table $t) (i32.const 0) externref (item (global.get $g))))
(assert_return (invoke $owner "live") (i32.const 0))
