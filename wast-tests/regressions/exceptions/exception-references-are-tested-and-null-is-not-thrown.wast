;;! guards = "throw_ref of null traps, and casts tell an exception from null"
;;! planted = "null-passes-for-exception"

(module
  (tag $e)
  (func $caught (result exnref)
    (block $h (result exnref)
      (try_table (catch_all_ref $h) (throw $e))
      (unreachable)))
  (func (export "throw-null") (throw_ref (ref.null exn)))
  (func (export "is-exception") (result i32) (ref.test (ref exn) (call $caught)))
  (func (export "is-null") (result i32) (ref.test (ref null noexn) (call $caught)))
  (func (export "null-is-exception") (result i32) (ref.test (ref exn) (ref.null exn)))
  (func (export "null-is-null") (result i32) (ref.test (ref null noexn) (ref.null exn)))
  (func (export "throw-again") (throw_ref (ref.cast (ref exn) (call $caught)))))

(assert_trap (invoke "throw-null") "null exception reference")
(assert_return (invoke "is-exception") (i32.const 1))
(assert_return (invoke "is-null") (i32.const 0))
(assert_return (invoke "null-is-exception") (i32.const 0))
(assert_return (invoke "null-is-null") (i32.const 1))
(assert_exception (invoke "throw-again"))
