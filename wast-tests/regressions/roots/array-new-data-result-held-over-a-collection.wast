;;! guards = "the result of array.new_data is in the stack map of a later call"
;;! source = "Wasmtime #12935"
;;! schedule = "every"
;;! collectors = ["drc", "drc-cycles", "copying"]
;;! planted = "array-new-data-undeclared"

(module
  (import "harness" "gc" (func $gc))
  (type $bytes (array (mut i8)))
  (data $d "abcdef")
  (func $junk (result i32) (array.len (array.new $bytes (i32.const 0xff) (i32.const 6))))
  (func (export "run") (result i32)
    (array.new_data $bytes $d (i32.const 1) (i32.const 4))
    (call $gc)
    (drop (call $junk))
    (array.get_u $bytes (i32.const 3))))

(assert_return (invoke "run") (i32.const 101))
