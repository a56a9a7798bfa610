;;! guards = "the embedder keeps its arguments alive until the call returns"
;;! source = "found by the target differential: the reference counted one object less"

(module
  (import "harness" "live" (func $live (result i32)))
  (import "harness" "call:inner" (func $inner (param externref) (result i32)))
  (func (export "run") (param externref) (result i32)
    (local.set 0 (ref.null extern))
    (call $live))
  (func (export "inner") (param externref) (result i32)
    (local.set 0 (ref.null extern))
    (call $live))
  (func (export "through") (param externref) (result i32)
    (call $inner (local.get 0))
    (local.set 0 (ref.null extern))))

(assert_return (invoke "run" (ref.extern 1)) (i32.const 1))
(invoke "through" (ref.extern 2))
