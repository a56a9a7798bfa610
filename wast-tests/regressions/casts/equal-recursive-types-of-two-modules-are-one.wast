;;! guards = "equal recursion groups of two modules define the same types"
;;! source = "WebKit, webkitweekly 2026-W18"
;;! schedule = "every"
;;! planted = "groups-not-canonical"

(module $maker
  (rec (type $a (struct (field (ref null $b)))) (type $b (struct (field (ref null $a)))))
  (func (export "make") (result anyref) (struct.new $a (struct.new $b (ref.null $a)))))
(register "maker" $maker)
(module
  (type $unrelated (struct (field f64)))
  (rec (type $a (struct (field (ref null $b)))) (type $b (struct (field (ref null $a)))))
  (import "maker" "make" (func $make (result anyref)))
  (func (export "is-a") (result i32) (ref.test (ref $a) (call $make)))
  (func (export "is-b") (result i32) (ref.test (ref $b) (call $make))))

(assert_return (invoke "is-a") (i32.const 1))
(assert_return (invoke "is-b") (i32.const 0))
