;; Forms of the script grammar that are newer than the parser we use: an instance in an assertion,
;; the pattern (ref), a script in a script, and words that are only a beginning.
(module definition $d
  (func (export "f") (result anyref) (ref.i31 (i32.const 1)))
  (func (export "g") (result funcref externref) (ref.func 0) (extern.convert_any (call 0)))
  (func (export "u") (unreachable)))
(module instance $i $d)
(assert_return (invoke $i "f") (ref))
(assert_return (invoke "g") (ref) (ref.extern))
(assert_trap (invoke "u") "")
(assert_trap (invoke "u") "unreach")
(script $inner
  (assert_return (invoke "f") (ref.i31))
  (assert_trap (invoke $i "u") "un"))

(module definition $unlinkable (import "no" "no" (func)))
(assert_unlinkable (module instance $x $unlinkable) "unknown import")
(module definition $traps (func $s unreachable) (start $s))
(assert_trap (module instance $y $traps) "unreachable")
(module definition $throws (tag $t) (func $s (throw $t)) (start $s))
(assert_exception (module instance $z $throws))
(assert_return (invoke "f") (ref))
