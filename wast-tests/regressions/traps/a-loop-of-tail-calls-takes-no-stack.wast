;;! guards = "each tail call gives the caller's place on the stack back, in every form"
;;! source = "the class of stacks that leak: a loop of tail calls that ends with a full stack"
;;! planted = "tail-call-keeps-its-place"

(module
  (type $f (func (param i32) (result i32)))
  (table funcref (elem $direct $indirect $reference))
  (func $direct (export "direct") (type $f)
    (if (i32.eqz (local.get 0)) (then (return (i32.const 1))))
    (return_call $direct (i32.sub (local.get 0) (i32.const 1))))
  (func $indirect (export "indirect") (type $f)
    (if (i32.eqz (local.get 0)) (then (return (i32.const 2))))
    (return_call_indirect (type $f) (i32.sub (local.get 0) (i32.const 1)) (i32.const 1)))
  (func $reference (export "reference") (type $f)
    (if (i32.eqz (local.get 0)) (then (return (i32.const 3))))
    (return_call_ref $f (i32.sub (local.get 0) (i32.const 1)) (ref.func $reference))))

(assert_return (invoke "direct" (i32.const 100000)) (i32.const 1))
(assert_return (invoke "indirect" (i32.const 100000)) (i32.const 2))
(assert_return (invoke "reference" (i32.const 100000)) (i32.const 3))
