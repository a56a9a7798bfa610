;;! guards = "i31.get_s and i31.get_u of null trap"
;;! source = "Wasmtime #9165"
;;! planted = "i31-get-null-unchecked"

(module
  (func (export "s") (result i32) (i31.get_s (ref.null i31)))
  (func (export "u") (param $n i32) (result i32)
    (i31.get_u (if (result i31ref) (local.get $n) (then (ref.i31 (i32.const -1))) (else (ref.null i31))))))

(assert_trap (invoke "s") "null i31 reference")
(assert_trap (invoke "u" (i32.const 0)) "null i31 reference")
(assert_return (invoke "u" (i32.const 1)) (i32.const 0x7fffffff))
