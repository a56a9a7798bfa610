;;! guards = "the host allocates and calls back while wasm frames hold references"
;;! schedule = "every"
;;! planted = "host-arguments-unrooted"

(module
  (type $pair (struct (field $byte (mut i8)) (field $next (ref null $pair)) (field $f f64)))
  (type $row (array (mut (ref null $pair))))
  (type $shorts (array i16))
  (import "harness" "struct.new" (func $pair.new (param i32 (ref null $pair) f64) (result (ref $pair))))
  (import "harness" "array.new" (func $row.new (param (ref null $pair) i32) (result (ref $row))))
  (import "harness" "array.new" (func $shorts.new (param i32 i32) (result (ref null $shorts))))
  (import "harness" "global.get:g" (func $g.get (result (ref null $pair))))
  (import "harness" "global.set:g" (func $g.set (param (ref null $pair))))
  (import "harness" "call:inner" (func $call-inner (param (ref $pair) i32) (result (ref $pair))))
  (import "harness" "call:outer" (func $call-outer (param i32) (result i32)))
  (import "harness" "call:trap" (func $call-trap))
  (import "harness" "call:throw" (func $call-throw))
  (tag $e (param (ref $pair)))
  (global (export "g") (mut (ref null $pair)) (ref.null $pair))

  (func (export "inner") (param $p (ref $pair)) (param $n i32) (result (ref $pair))
    (if (result (ref $pair)) (local.get $n)
      (then (call $call-inner
        (call $pair.new (local.get $n) (local.get $p) (f64.const 0.5))
        (i32.sub (local.get $n) (i32.const 1))))
      (else (local.get $p))))

  ;; n frames of wasm and n of the host hold one node of the list each
  (func $outer (export "outer") (param $n i32) (result i32)
    (local $p (ref null $pair)) (local $sum i32)
    (local.set $p (call $call-inner
      (call $pair.new (i32.const 0x1ff) (ref.null $pair) (f64.const 1)) (local.get $n)))
    (call $g.set (local.get $p))
    (local.set $p (call $g.get))
    (block $end (loop $again
      (br_if $end (ref.is_null (local.get $p)))
      (local.set $sum (i32.add (local.get $sum) (struct.get_u $pair $byte (local.get $p))))
      (local.set $p (struct.get $pair $next (local.get $p)))
      (br $again)))
    (local.get $sum))
  (func (export "twice") (param i32) (result i32)
    (i32.add (call $call-outer (local.get 0)) (call $outer (local.get 0))))

  (func (export "row") (param i32) (result i32)
    (local $row (ref $row))
    (local.set $row (call $row.new (call $pair.new (i32.const 3) (ref.null $pair) (f64.const 2)) (local.get 0)))
    (i32.add
      (array.len (local.get $row))
      (ref.eq (array.get $row (local.get $row) (i32.const 0)) (array.get $row (local.get $row) (i32.const 1)))))
  (func (export "shorts") (result i32)
    (array.get_s $shorts (call $shorts.new (i32.const 0x1_8000) (i32.const 4)) (i32.const 3)))

  (func (export "trap") (unreachable))
  (func (export "trap-inside") (call $call-trap))
  (func (export "throw") (throw $e (call $pair.new (i32.const 9) (ref.null $pair) (f64.const 3))))
  (func (export "throw-inside") (result i32)
    (block $caught (result (ref $pair))
      (try_table (catch $e $caught) (call $call-throw))
      (unreachable))
    (struct.get_u $pair $byte))
  (func (export "throw-through") (call $call-throw)))

(assert_return (invoke "outer" (i32.const 5)) (i32.const 270))
(assert_return (invoke "twice" (i32.const 2)) (i32.const 516))
(assert_return (get "g") (ref.struct))
(assert_return (invoke "row" (i32.const 4)) (i32.const 5))
(assert_return (invoke "shorts") (i32.const -32768))
(assert_trap (invoke "trap-inside") "unreachable")
(assert_return (invoke "throw-inside") (i32.const 9))
(assert_exception (invoke "throw-through"))
(assert_return (invoke "outer" (i32.const 1)) (i32.const 256))
