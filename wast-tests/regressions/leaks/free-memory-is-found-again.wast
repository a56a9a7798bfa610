;;! guards = "memory of dead objects is used again, also the rest of a split block"
;;! source = "Wasmtime #10349"
;;! heap = 262144
;;! collectors = ["drc", "drc-cycles", "copying"]
;;! planted = "free-remainder-lost"

(module
  (type $bytes (array i8))
  (global $kept (mut (ref null $bytes)) (ref.null $bytes))
  ;; Sizes that leave remainders of every size in blocks freed before.
  (func (export "churn") (param $n i32) (result i32)
    (local $size i32)
    (loop $again
      (local.set $size (i32.rem_u (i32.mul (local.get $n) (i32.const 73)) (i32.const 1021)))
      (global.set $kept (array.new_default $bytes (local.get $size)))
      (drop (array.new_default $bytes (i32.rem_u (i32.mul (local.get $n) (i32.const 37)) (i32.const 509))))
      (br_if $again (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))
    (array.len (global.get $kept))))

(assert_return (invoke "churn" (i32.const 1)) (i32.const 73))
(assert_return (invoke "churn" (i32.const 6000)) (i32.const 73))
