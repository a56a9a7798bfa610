;;! guards = "br_on_null and br_on_non_null keep the operands below the reference"
;;! source = "WebKit #21692 (bug 266167)"
;;! schedule = "every"
;;! planted = "br-on-null-keeps-the-reference"

(module
  (func (export "run") (param $null i32) (result i32) (local $r i31ref)
    (if (i32.eqz (local.get $null)) (then (local.set $r (ref.i31 (i32.const 5)))))
    (block $null (result i32)
      (i32.const 100)
      (local.get $r)
      (br_on_null $null)
      (i31.get_s)
      (i32.add)))
  (func (export "non-null") (param $null i32) (result i32) (local $r i31ref)
    (if (i32.eqz (local.get $null)) (then (local.set $r (ref.i31 (i32.const 5)))))
    (block $some (result i32 (ref i31))
      (i32.const 100)
      (local.get $r)
      (br_on_non_null $some)
      (return))
    (i31.get_s)
    (i32.sub)))

(assert_return (invoke "run" (i32.const 1)) (i32.const 100))
(assert_return (invoke "run" (i32.const 0)) (i32.const 105))
(assert_return (invoke "non-null" (i32.const 1)) (i32.const 100))
(assert_return (invoke "non-null" (i32.const 0)) (i32.const 95))
