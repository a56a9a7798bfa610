;;! guards = "access to a packed field reads and writes only its own bytes"
;;! source = "Wasmtime #10463, relatives"
;;! planted = "packed-store-too-wide"

(module
  (type $s (struct (field $a (mut i8)) (field $b (mut i8)) (field $c (mut i16)) (field $d (mut i8))))
  (func (export "run") (result i32) (local $s (ref $s))
    (local.set $s (struct.new $s (i32.const 1) (i32.const 2) (i32.const 3) (i32.const 4)))
    (struct.set $s $a (local.get $s) (i32.const 0x1ff))
    (struct.set $s $c (local.get $s) (i32.const 0x1fffe))
    (i32.add (i32.add (struct.get_u $s $a (local.get $s)) (struct.get_s $s $b (local.get $s)))
      (i32.add (struct.get_s $s $c (local.get $s)) (struct.get_u $s $d (local.get $s))))))

(assert_return (invoke "run") (i32.const 259))
