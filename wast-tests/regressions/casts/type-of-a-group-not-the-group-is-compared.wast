;;! guards = "two types of one recursion group are different types"
;;! source = "Wasmtime #9714, #10091"
;;! planted = "group-taken-for-type"

(module
  (rec (type $a (sub (struct (field i32)))) (type $b (sub (struct (field i32)))))
  (func (export "a-is-b") (result i32) (ref.test (ref $b) (struct.new $a (i32.const 1))))
  (func (export "a-is-a") (result i32) (ref.test (ref $a) (struct.new $a (i32.const 1)))))

(assert_return (invoke "a-is-b") (i32.const 0))
(assert_return (invoke "a-is-a") (i32.const 1))
