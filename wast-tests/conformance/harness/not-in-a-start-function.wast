;;! guards = "operations of the harness on an instance trap while its start function runs"
;;! source = "found by the differential target: one adapter knew the instance, the other did not"

(assert_trap (module
  (import "harness" "global.set:g" (func $set (param i32)))
  (global (export "g") (mut i32) (i32.const 0))
  (start $start)
  (func $start (call $set (i32.const 1)))) "unreachable")

(assert_trap (module
  (type $set (func (param i32)))
  (import "harness" "global.set:g" (func $set (type $set)))
  (global (export "g") (mut i32) (i32.const 0))
  (elem declare func $set)
  (start $start)
  (func $start (call_ref $set (i32.const 1) (ref.func $set)))) "unreachable")

(module
  (import "harness" "global.set:g" (func $set (param i32)))
  (global $g (export "g") (mut i32) (i32.const 0))
  (func (export "run") (result i32) (call $set (i32.const 7)) (global.get $g)))
(assert_return (invoke "run") (i32.const 7))
