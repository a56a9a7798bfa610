;;! guards = "the fields of a supertype stand at the same offsets in a subtype"
;;! source = "Wasmtime #10459, #10463"
;;! schedule = "every"
;;! planted = "layout-references-first"

(module
  (type $super (sub (struct (field $a i32) (field $b i64))))
  (type $sub (sub $super (struct (field $a i32) (field $b i64) (field $c (ref null any)) (field $d i8))))
  (func $read (param (ref $super)) (result i64)
    (i64.add (i64.extend_i32_u (struct.get $super $a (local.get 0))) (struct.get $super $b (local.get 0))))
  (func (export "run") (result i64)
    (call $read (struct.new $sub (i32.const 3) (i64.const 40) (ref.i31 (i32.const 5)) (i32.const 6)))))

(assert_return (invoke "run") (i64.const 43))
