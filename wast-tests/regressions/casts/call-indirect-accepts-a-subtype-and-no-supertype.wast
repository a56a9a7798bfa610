;;! guards = "call_indirect accepts a function of a subtype, and none of a supertype"
;;! source = "Wasmtime #9448; WebAssembly/gc #569"
;;! planted = "call-indirect-by-equality"

(module
  (type $super (sub (func (result anyref))))
  (type $sub (sub $super (func (result i31ref))))
  (table $t funcref (elem $as-super $as-sub))
  (func $as-super (type $super) (ref.i31 (i32.const 1)))
  (func $as-sub (type $sub) (ref.i31 (i32.const 2)))
  (func (export "by-super") (param i32) (result i32) (i31.get_s (ref.cast i31ref (call_indirect $t (type $super) (local.get 0)))))
  (func (export "by-sub") (param i32) (result i32) (i31.get_s (call_indirect $t (type $sub) (local.get 0)))))

(assert_return (invoke "by-super" (i32.const 0)) (i32.const 1))
(assert_return (invoke "by-super" (i32.const 1)) (i32.const 2))
(assert_return (invoke "by-sub" (i32.const 1)) (i32.const 2))
(assert_trap (invoke "by-sub" (i32.const 0)) "indirect call type mismatch")
