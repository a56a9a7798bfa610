;;! guards = "an exception that the embedder has taken and dropped does not live on"
;;! source = "Wasmtime 50.0.1, wasmtime_context_take_exception"
;;! planted = "taken-exception-keeps-count"
;;! collectors = ["drc", "drc-cycles", "copying"]

(module
  (type $a (struct (field i32)))
  (tag $oops (param (ref $a)))
  (import "harness" "live" (func $live (result i32)))
  (import "harness" "try:call:throws" (func $try (result i32)))
  (func (export "throws") (throw $oops (struct.new $a (i32.const 1))))
  (func (export "run") (result i32 i32)
    (call $try)
    (call $live)))

(assert_return (invoke "run") (i32.const 2) (i32.const 0))
