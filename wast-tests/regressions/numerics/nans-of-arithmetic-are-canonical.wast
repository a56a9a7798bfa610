;;! guards = "arithmetic gives the positive canonical NaN on every engine"
;;! source = "found by the target differential: the reference gave -nan for sqrt of -1"
;;! planted = "nans-of-hardware"

(module
  (func (export "sqrt") (param f32) (result i32) (i32.reinterpret_f32 (f32.sqrt (local.get 0))))
  (func (export "neg-sqrt") (param f64) (result i64) (i64.reinterpret_f64 (f64.neg (f64.sqrt (local.get 0)))))
  (func (export "div") (param f32 f32) (result i32) (i32.reinterpret_f32 (f32.div (local.get 0) (local.get 1))))
  (func (export "sub") (param f64 f64) (result i64) (i64.reinterpret_f64 (f64.sub (local.get 0) (local.get 1))))
  (func (export "min") (param f32 f32) (result i32) (i32.reinterpret_f32 (f32.min (local.get 0) (local.get 1))))
  (func (export "demote") (param f64) (result i32) (i32.reinterpret_f32 (f32.demote_f64 (local.get 0))))
  (func (export "lanes") (param f32) (result i32)
    (i32x4.extract_lane 2 (f32x4.sqrt (f32x4.splat (local.get 0))))))

(assert_return (invoke "sqrt" (f32.const -1)) (i32.const 0x7fc0_0000))
(assert_return (invoke "sqrt" (f32.const -nan:0x200000)) (i32.const 0x7fc0_0000))
(assert_return (invoke "neg-sqrt" (f64.const -1)) (i64.const 0xfff8_0000_0000_0000))
(assert_return (invoke "div" (f32.const 0) (f32.const 0)) (i32.const 0x7fc0_0000))
(assert_return (invoke "div" (f32.const -inf) (f32.const inf)) (i32.const 0x7fc0_0000))
(assert_return (invoke "sub" (f64.const inf) (f64.const inf)) (i64.const 0x7ff8_0000_0000_0000))
(assert_return (invoke "min" (f32.const -nan) (f32.const 1)) (i32.const 0x7fc0_0000))
(assert_return (invoke "demote" (f64.const -nan)) (i32.const 0x7fc0_0000))
(assert_return (invoke "lanes" (f32.const -1)) (i32.const 0x7fc0_0000))
