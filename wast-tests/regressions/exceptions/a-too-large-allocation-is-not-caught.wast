;;! guards = "catch_all does not catch an allocation that is too large for any heap"
;;! source = "SpiderMonkey, regress-1884767.js"
;;! planted = "large-allocation-caught"

(module
  (type $bytes (array i8))
  (type $refs (array anyref))
  (tag $t)
  (func (export "bytes") (result i32)
    (block $caught
      (try_table (catch_all $caught)
        (drop (array.new_default $bytes (i32.const -1)))))
    (i32.const 1))
  (func $inner (drop (array.new_default $refs (i32.const 999999999))))
  (func (export "refs") (result i32)
    (block $caught
      (try_table (catch $t $caught) (catch_all $caught)
        (call $inner)))
    (i32.const 1))
  (func (export "caught") (result i32)
    (block $caught
      (try_table (catch_all $caught) (throw $t)))
    (i32.const 2)))

(assert_return (invoke "caught") (i32.const 2))
(assert_exhaustion (invoke "bytes") "heap exhausted")
(assert_exhaustion (invoke "refs") "heap exhausted")
(assert_return (invoke "caught") (i32.const 2))
