;;! guards = "the frames between a throw and its handler give their places on the stack back"
;;! source = "the class of stacks that leak: an exception caught again and again fills the stack"
;;! planted = "left-frames-keep-their-places"

(module
  (tag $t)
  (func $throw (param i32)
    (if (i32.eqz (local.get 0)) (then (throw $t)))
    (call $throw (i32.sub (local.get 0) (i32.const 1))))
  (func (export "caught") (param i32)
    (loop $again
      (block $h
        (try_table (catch $t $h) (call $throw (i32.const 100)))
        (unreachable))
      (br_if $again (local.tee 0 (i32.sub (local.get 0) (i32.const 1)))))))

(assert_return (invoke "caught" (i32.const 1000)))
