;;! guards = "an exception that nothing in wasm catches reaches the embedder with its payload"
;;! source = "the other side of SpiderMonkey's regress-1884767.js: one end taken for another"
;;! planted = "uncaught-exception-exhausts"

(module
  (type $box (struct (field i32)))
  (tag $t (param (ref $box)))
  (func $throw (param i32)
    (throw $t (struct.new $box (local.get 0))))
  (func (export "uncaught") (param i32) (call $throw (local.get 0)))
  (func (export "caught") (param i32) (result i32)
    (block $h (result (ref $box))
      (try_table (catch $t $h) (call $throw (local.get 0)))
      (unreachable))
    (struct.get $box 0)))

(assert_exception (invoke "uncaught" (i32.const 3)))
(assert_return (invoke "caught" (i32.const 4)) (i32.const 4))
