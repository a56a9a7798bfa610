;;! guards = "an array whose size does not fit in 32 bits exhausts the heap"
;;! source = "Wasmtime #13034; SpiderMonkey regress-1884767.js"
;;! planted = "array-size-wraps"

(module
  (type $longs (array (mut i64)))
  (type $vectors (array (mut v128)))
  (func (export "longs") (param i32) (result i32)
    (array.len (array.new $longs (i64.const 1) (local.get 0))))
  (func (export "vectors") (param i32) (result i32)
    (array.len (array.new_default $vectors (local.get 0))))
  (func (export "caught") (param i32) (result i32)
    (block $caught
      (try_table (catch_all $caught)
        (return (array.len (array.new_default $longs (local.get 0)))))
      (unreachable))
    (i32.const -1)))

(assert_return (invoke "longs" (i32.const 3)) (i32.const 3))
(assert_exhaustion (invoke "longs" (i32.const 0x2000_0001)) "heap exhausted")
(assert_exhaustion (invoke "longs" (i32.const -1)) "heap exhausted")
(assert_exhaustion (invoke "vectors" (i32.const 0x1000_0001)) "heap exhausted")
(assert_exhaustion (invoke "vectors" (i32.const 0x0fff_fffe)) "heap exhausted")
(assert_exhaustion (invoke "caught" (i32.const 0x7fff_ffff)) "heap exhausted")
(assert_exhaustion (invoke "caught" (i32.const 0x0fff_ffff)) "heap exhausted")
(assert_return (invoke "longs" (i32.const 4)) (i32.const 4))
