;;! guards = "a constant expression that finds the heap full collects and goes on"
;;! source = "Wasmtime PR #11416, #11469"
;;! heap = 262144
;;! collectors = ["drc", "drc-cycles", "copying"]
;;! planted = "const-eval-cannot-collect"

(module
  (type $bytes (array (mut i8)))
  (global $last (mut (ref null $bytes)) (ref.null $bytes))
  (func (export "fill") (param $times i32)
    (loop $again
      (global.set $last (array.new_default $bytes (i32.const 20000)))
      (br_if $again (local.tee $times (i32.sub (local.get $times) (i32.const 1)))))
    (global.set $last (ref.null $bytes))))

(assert_return (invoke "fill" (i32.const 4)))
(module $a
  (type $bytes (array (mut i8)))
  (type $pair (struct (field (ref $bytes)) (field (ref $bytes))))
  (global $g (ref $pair)
    (struct.new $pair (array.new $bytes (i32.const 1) (i32.const 20000)) (array.new $bytes (i32.const 2) (i32.const 20000))))
  (elem $e (ref $bytes) (array.new $bytes (i32.const 3) (i32.const 20000)))
  (func (export "sum") (result i32)
    (i32.add
      (array.get_u $bytes (struct.get $pair 0 (global.get $g)) (i32.const 19999))
      (array.get_u $bytes (struct.get $pair 1 (global.get $g)) (i32.const 0)))))
(assert_return (invoke $a "sum") (i32.const 3))
