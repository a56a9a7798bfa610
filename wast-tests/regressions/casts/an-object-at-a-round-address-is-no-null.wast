;;! guards = "a cast to a nullable i31 refuses every object, wherever it lies"
;;! source = "Wasmtime issue #10171"
;;! planted = "null-test-of-low-bits"

(module
  (type $bytes (array i8))
  (type $box (struct (field i32)))
  (type $row (array (mut anyref)))
  (global $ballast (mut (ref null $bytes)) (ref.null $bytes))
  (global $row (ref $row) (array.new_default $row (i32.const 300)))
  ;; Objects on both sides of the first 64 KiB of the heap; how many of them pass for null or i31.
  (func (export "count") (param $ballast i32) (result i32)
    (local $i i32) (local $count i32)
    (global.set $ballast (array.new_default $bytes (local.get $ballast)))
    (loop $again
      (array.set $row (global.get $row) (local.get $i) (struct.new $box (local.get $i)))
      (local.set $count (i32.add (local.get $count)
        (ref.test (ref null i31) (array.get $row (global.get $row) (local.get $i)))))
      (br_if $again (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 1))) (i32.const 300))))
    (local.get $count)))

(assert_return (invoke "count" (i32.const 62000)) (i32.const 0))
(assert_return (invoke "count" (i32.const 65000)) (i32.const 0))
(assert_return (invoke "count" (i32.const 63001)) (i32.const 0))
