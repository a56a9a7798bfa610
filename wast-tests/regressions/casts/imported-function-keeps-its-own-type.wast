;;! guards = "an imported function keeps the type of its definition"
;;! source = "Wasmtime #13095, #13161"
;;! planted = "import-type-wins"

(module $definer
  (type $super (sub (func (result anyref))))
  (type $sub (sub $super (func (result i31ref))))
  (func (export "f") (type $sub) (ref.i31 (i32.const 3))))
(register "definer" $definer)
(module
  (type $super (sub (func (result anyref))))
  (type $sub (sub $super (func (result i31ref))))
  (import "definer" "f" (func $f (type $super)))
  (table $t 1 funcref)
  (elem declare func $f)
  (func (export "test") (result i32) (ref.test (ref $sub) (ref.func $f)))
  (func (export "call") (result i32)
    (table.set $t (i32.const 0) (ref.func $f))
    (i31.get_s (call_indirect $t (type $sub) (i32.const 0)))))

(assert_return (invoke "test") (i32.const 1))
(assert_return (invoke "call") (i32.const 3))
