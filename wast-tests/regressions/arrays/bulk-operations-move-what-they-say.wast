;;! guards = "bulk array operations touch exactly the range that they are given"
;;! source = "Wasmtime #10467, #13034; JSC bug 285580; WAMR #5113; WebAssembly/spec #1880"
;;! planted = [
;;!   "globals-are-no-roots", "array-fill-from-start", "array-copy-forward",
;;!   "array-init-elem-wide", "array-data-bounds-in-elements", "array-fill-len-from-index",
;;!   "array-empty-unchecked",
;;! ]

(module
  (type $refs (array (mut (ref null eq))))
  (type $bytes (array (mut i8)))
  (type $longs (array (mut i64)))
  (data $data "\01\02\03\04\05\06\07\08\09\0a")
  (elem $elem (ref null eq)
    (item (ref.i31 (i32.const 50))) (item (ref.i31 (i32.const 51))) (item (ref.i31 (i32.const 52)))
    (item (ref.i31 (i32.const 53))) (item (array.new $bytes (i32.const 54) (i32.const 1))))
  (global $refs (export "refs") (ref $refs) (array.new $refs (ref.i31 (i32.const 0)) (i32.const 12)))
  (global $bytes (export "bytes") (ref $bytes) (array.new $bytes (i32.const 0) (i32.const 12)))
  (global $longs (export "longs") (ref $longs) (array.new $longs (i64.const 0) (i32.const 3)))

  (func (export "number")
    (local $i i32)
    (loop $again
      (array.set $refs (global.get $refs) (local.get $i) (ref.i31 (local.get $i)))
      (array.set $bytes (global.get $bytes) (local.get $i) (local.get $i))
      (br_if $again (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 1))) (i32.const 12)))))
  ;; the i31 or byte at an index
  (func (export "ref") (param i32) (result i32)
    (i31.get_u (ref.cast (ref i31) (array.get $refs (global.get $refs) (local.get 0)))))
  (func (export "byte") (param i32) (result i32) (array.get_u $bytes (global.get $bytes) (local.get 0)))
  (func (export "long") (param i32) (result i64) (array.get $longs (global.get $longs) (local.get 0)))

  (func (export "fill") (param i32 i32)
    (array.fill $refs (global.get $refs) (local.get 0) (ref.i31 (i32.const 99)) (local.get 1))
    (array.fill $bytes (global.get $bytes) (local.get 0) (i32.const 99) (local.get 1)))
  (func (export "copy") (param i32 i32 i32)
    (array.copy $refs $refs (global.get $refs) (local.get 0) (global.get $refs) (local.get 1) (local.get 2))
    (array.copy $bytes $bytes (global.get $bytes) (local.get 0) (global.get $bytes) (local.get 1) (local.get 2)))
  (func (export "init_elem") (param i32 i32 i32)
    (array.init_elem $refs $elem (global.get $refs) (local.get 0) (local.get 1) (local.get 2)))
  (func (export "init_bytes") (param i32 i32 i32)
    (array.init_data $bytes $data (global.get $bytes) (local.get 0) (local.get 1) (local.get 2)))
  (func (export "init_longs") (param i32 i32 i32)
    (array.init_data $longs $data (global.get $longs) (local.get 0) (local.get 1) (local.get 2)))
  (func (export "new_longs") (param i32 i32) (result i32)
    (array.len (array.new_data $longs $data (local.get 0) (local.get 1))))
  (func (export "new_refs") (param i32 i32) (result i32)
    (local $new (ref $refs))
    (local.set $new (array.new_elem $refs $elem (local.get 0) (local.get 1)))
    (i32.add (i32.mul (array.len (local.get $new)) (i32.const 100))
      (i31.get_u (ref.cast (ref i31) (array.get $refs (local.get $new) (i32.const 1)))))))

(invoke "number")
;; three elements from the seventh
(invoke "fill" (i32.const 7) (i32.const 3))
(assert_return (invoke "ref" (i32.const 6)) (i32.const 6))
(assert_return (invoke "ref" (i32.const 7)) (i32.const 99))
(assert_return (invoke "ref" (i32.const 9)) (i32.const 99))
(assert_return (invoke "ref" (i32.const 10)) (i32.const 10))
(assert_return (invoke "byte" (i32.const 9)) (i32.const 99))
(assert_return (invoke "byte" (i32.const 10)) (i32.const 10))

;; five elements from the third
(invoke "number")
(invoke "fill" (i32.const 2) (i32.const 5))
(assert_return (invoke "ref" (i32.const 1)) (i32.const 1))
(assert_return (invoke "ref" (i32.const 6)) (i32.const 99))
(assert_return (invoke "ref" (i32.const 7)) (i32.const 7))
(assert_return (invoke "byte" (i32.const 6)) (i32.const 99))
(assert_return (invoke "byte" (i32.const 7)) (i32.const 7))

;; overlapping, upwards and downwards
(invoke "number")
(invoke "copy" (i32.const 2) (i32.const 0) (i32.const 8))
(assert_return (invoke "ref" (i32.const 1)) (i32.const 1))
(assert_return (invoke "ref" (i32.const 2)) (i32.const 0))
(assert_return (invoke "ref" (i32.const 5)) (i32.const 3))
(assert_return (invoke "ref" (i32.const 9)) (i32.const 7))
(assert_return (invoke "byte" (i32.const 5)) (i32.const 3))
(assert_return (invoke "byte" (i32.const 9)) (i32.const 7))
(invoke "number")
(invoke "copy" (i32.const 0) (i32.const 2) (i32.const 8))
(assert_return (invoke "ref" (i32.const 0)) (i32.const 2))
(assert_return (invoke "ref" (i32.const 7)) (i32.const 9))
(assert_return (invoke "byte" (i32.const 7)) (i32.const 9))
(assert_return (invoke "byte" (i32.const 8)) (i32.const 8))

(invoke "number")
(invoke "init_elem" (i32.const 3) (i32.const 1) (i32.const 3))
(assert_return (invoke "ref" (i32.const 2)) (i32.const 2))
(assert_return (invoke "ref" (i32.const 3)) (i32.const 51))
(assert_return (invoke "ref" (i32.const 4)) (i32.const 52))
(assert_return (invoke "ref" (i32.const 5)) (i32.const 53))
(assert_return (invoke "ref" (i32.const 6)) (i32.const 6))
(assert_return (invoke "new_refs" (i32.const 1) (i32.const 3)) (i32.const 352))
(invoke "init_bytes" (i32.const 3) (i32.const 1) (i32.const 3))
(assert_return (invoke "byte" (i32.const 3)) (i32.const 2))
(assert_return (invoke "byte" (i32.const 5)) (i32.const 4))
(assert_return (invoke "byte" (i32.const 6)) (i32.const 6))
(invoke "init_longs" (i32.const 2) (i32.const 2) (i32.const 1))
(assert_return (invoke "long" (i32.const 2)) (i64.const 0x0a09080706050403))

;; bounds, counted in bytes of the segment and in elements of the array
(assert_trap (invoke "init_longs" (i32.const 0) (i32.const 3) (i32.const 1)) "out of bounds memory access")
(assert_trap (invoke "init_longs" (i32.const 0) (i32.const 0) (i32.const 2)) "out of bounds memory access")
(assert_return (invoke "new_longs" (i32.const 2) (i32.const 1)) (i32.const 1))
(assert_trap (invoke "new_longs" (i32.const 3) (i32.const 1)) "out of bounds memory access")
(assert_trap (invoke "new_longs" (i32.const 0) (i32.const 10)) "out of bounds memory access")
(assert_trap (invoke "new_longs" (i32.const 0) (i32.const 0x2000_0001)) "out of bounds memory access")

;; empty ranges at the end and behind it
(assert_return (invoke "fill" (i32.const 12) (i32.const 0)))
(assert_trap (invoke "fill" (i32.const 13) (i32.const 0)) "out of bounds array access")
(assert_return (invoke "copy" (i32.const 12) (i32.const 12) (i32.const 0)))
(assert_trap (invoke "copy" (i32.const 13) (i32.const 0) (i32.const 0)) "out of bounds array access")
(assert_trap (invoke "copy" (i32.const 0) (i32.const 13) (i32.const 0)) "out of bounds array access")
(assert_return (invoke "init_elem" (i32.const 12) (i32.const 5) (i32.const 0)))
(assert_trap (invoke "init_elem" (i32.const 13) (i32.const 0) (i32.const 0)) "out of bounds array access")
(assert_trap (invoke "init_elem" (i32.const 0) (i32.const 6) (i32.const 0)) "out of bounds table access")
(assert_trap (invoke "init_bytes" (i32.const 13) (i32.const 0) (i32.const 0)) "out of bounds array access")
(assert_trap (invoke "init_bytes" (i32.const 0) (i32.const 11) (i32.const 0)) "out of bounds memory access")
