;;! guards = "a cast looks at the right entry of the supertype display, at every depth"
;;! source = "Wasmtime #10435"
;;! planted = "display-off-by-one"

(module
  (type $t0 (sub (struct)))
  (type $t1 (sub $t0 (struct (field i32))))
  (type $t2 (sub $t1 (struct (field i32) (field i32))))
  (type $other (sub $t0 (struct (field i64))))
  (func (export "up") (result i32) (i32.add (ref.test (ref $t0) (struct.new_default $t2)) (ref.test (ref $t1) (struct.new_default $t2))))
  (func (export "down") (result i32) (i32.add (ref.test (ref $t2) (struct.new_default $t1)) (ref.test (ref $t1) (struct.new_default $t0))))
  (func (export "across") (result i32) (i32.add (ref.test (ref $t1) (struct.new_default $other)) (ref.test (ref $other) (struct.new_default $t2)))))

(assert_return (invoke "up") (i32.const 2))
(assert_return (invoke "down") (i32.const 0))
(assert_return (invoke "across") (i32.const 0))
