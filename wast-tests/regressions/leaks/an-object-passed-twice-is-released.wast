;;! guards = "an object that two frames hold is released when the last holder lets go"
;;! source = "Wasmtime #13037, #13166"
;;! schedule = "at:"
;;! collectors = ["drc", "drc-cycles", "copying"]
;;! planted = "stack-counts-again"

(module
  (import "harness" "extern" (func $extern (param i32) (result externref)))
  (import "harness" "live.extern" (func $live (result i32)))
  (export "live" (func $live))
  (import "harness" "hold.extern" (func $hold (param externref) (result i32)))
  (import "harness" "held.extern" (func $held (param i32) (result externref)))
  (import "harness" "release.extern" (func $release (param i32)))
  (import "harness" "gc" (func $gc))
  (func (export "hold") (param i32) (result i32) (call $hold (call $extern (local.get 0))))
  (func $inner (param externref) (result i32) (call $gc) (ref.is_null (local.get 0)))
  (func (export "twice") (param i32) (local $o externref)
    (local.set $o (call $held (local.get 0)))
    (drop (call $held (local.get 0)))
    (drop (call $inner (local.get $o)))
    (drop (ref.is_null (local.get $o))))
  (func (export "release") (param i32) (call $release (local.get 0))))

(assert_return (invoke "hold" (i32.const 1)) (i32.const 0))
(assert_return (invoke "twice" (i32.const 0)))
(assert_return (invoke "live") (i32.const 1))
(assert_return (invoke "release" (i32.const 0)))
(assert_return (invoke "live") (i32.const 0))
