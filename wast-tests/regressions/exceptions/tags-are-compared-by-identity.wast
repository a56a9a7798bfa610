;;! guards = "a handler catches the tag itself, not one of the same type"
;;! source = "Wasmtime #14009, #14012"
;;! schedule = "every"
;;! planted = "tags-compared-by-type"

(module
  (tag $a (param i32))
  (tag $b (param i32))
  (func (export "run") (param $which i32) (result i32)
    (block $on-b (result i32)
      (block $on-a (result i32)
        (try_table (result i32) (catch $a $on-a) (catch $b $on-b)
          (if (local.get $which) (then (throw $a (i32.const 1))))
          (throw $b (i32.const 2))))
      (i32.add (i32.const 10))
      (return))
    (i32.add (i32.const 20))))

(assert_return (invoke "run" (i32.const 1)) (i32.const 11))
(assert_return (invoke "run" (i32.const 0)) (i32.const 22))
