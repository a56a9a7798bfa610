;;! guards = "table.fill with null, by wasm and by the host, releases what it overwrites"
;;! source = "Wasmtime #14325"
;;! collectors = ["drc", "drc-cycles", "copying"]
;;! planted = "table-fill-null-memset"

(module
  (type $box (struct (field i32)))
  (import "harness" "live" (func $live (result i32)))
  (import "harness" "table.fill:t" (func $host.fill (param i32 (ref null $box) i32)))
  (export "live" (func $live))
  (table $t (export "t") 5 (ref null $box))
  (func (export "objects") (local $i i32)
    (loop $again
      (table.set $t (local.get $i) (struct.new $box (local.get $i)))
      (br_if $again (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 1))) (i32.const 5)))))
  (func (export "fill") (param i32 i32) (table.fill $t (local.get 0) (ref.null $box) (local.get 1)))
  (func (export "host.fill") (param i32 i32) (call $host.fill (local.get 0) (ref.null $box) (local.get 1)))
  (func (export "grow") (result i32) (table.grow $t (struct.new $box (i32.const 9)) (i32.const 3))))

(invoke "objects")
(assert_return (invoke "live") (i32.const 5))
(invoke "fill" (i32.const 1) (i32.const 3))
(assert_return (invoke "live") (i32.const 2))
(invoke "objects")
(invoke "host.fill" (i32.const 0) (i32.const 4))
(assert_return (invoke "live") (i32.const 1))
(assert_return (invoke "grow") (i32.const 5))
(assert_return (invoke "live") (i32.const 2))
(invoke "fill" (i32.const 0) (i32.const 8))
(assert_return (invoke "live") (i32.const 0))
