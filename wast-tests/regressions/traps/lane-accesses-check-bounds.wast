;;! guards = "a load or store of one lane checks bounds of the lane, not of the vector"
;;! planted = "lane-bounds-of-vector"

(module
  (memory 1)
  (func (export "load8") (param i32) (result i32)
    (i8x16.extract_lane_u 3 (v128.load8_lane 3 (local.get 0) (v128.const i64x2 0 0))))
  (func (export "load64") (param i32) (result i64)
    (i64x2.extract_lane 1 (v128.load64_lane 1 (local.get 0) (v128.const i64x2 0 0))))
  (func (export "store16") (param i32)
    (v128.store16_lane 2 (local.get 0) (v128.const i16x8 1 2 0x1234 4 5 6 7 8)))
  (func (export "store32") (param i32)
    (v128.store32_lane offset=65533 0 (local.get 0) (v128.const i64x2 -1 -1))))

(invoke "store16" (i32.const 65534))
(assert_return (invoke "load8" (i32.const 65535)) (i32.const 0x12))
(assert_return (invoke "load64" (i32.const 65528)) (i64.const 0x1234000000000000))
(assert_trap (invoke "load8" (i32.const 65536)) "out of bounds memory access")
(assert_trap (invoke "load8" (i32.const -1)) "out of bounds memory access")
(assert_trap (invoke "load64" (i32.const 65529)) "out of bounds memory access")
(assert_trap (invoke "store16" (i32.const 65535)) "out of bounds memory access")
(assert_trap (invoke "store32" (i32.const 0)) "out of bounds memory access")
;; Nothing was written by those that trapped.
(assert_return (invoke "load64" (i32.const 65528)) (i64.const 0x1234000000000000))
