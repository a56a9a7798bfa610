;;! guards = "equal i31 are the same reference, whether constant or computed"
;;! source = "WebKit #45736 (bug 293207); V8 regress-328499555"
;;! planted = "folded-i31-loses-its-sign"

(module
  (global $g i31ref (ref.i31 (i32.const 0xc000_0000)))
  (func (export "eq") (param i32) (result i32) (ref.eq (ref.i31 (local.get 0)) (ref.i31 (i32.const 0x4000_0000))))
  (func (export "global") (param i32) (result i32) (ref.eq (ref.i31 (local.get 0)) (global.get $g)))
  (func (export "get") (result i32) (i31.get_s (global.get $g))))

(assert_return (invoke "eq" (i32.const 0x4000_0000)) (i32.const 1))
(assert_return (invoke "eq" (i32.const 0xc000_0000)) (i32.const 1))
(assert_return (invoke "global" (i32.const 0x4000_0000)) (i32.const 1))
(assert_return (invoke "get") (i32.const 0xc000_0000))
