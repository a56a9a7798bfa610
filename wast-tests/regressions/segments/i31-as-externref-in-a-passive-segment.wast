;;! guards = "an externref segment may hold an internal i31"
;;! source = "Wasmtime #13464"
;;! schedule = "every"
;;! collectors = ["drc", "drc-cycles", "copying"]
;;! planted = "i31-item-lost"

(module
  (table $t (export "t") 2 externref)
  (elem $e externref (item (extern.convert_any (ref.i31 (i32.const 7)))) (item (ref.null extern)))
  (func (export "init") (table.init $t $e (i32.const 0) (i32.const 0) (i32.const 2)))
  (func (export "get") (result i32) (i31.get_s (ref.cast i31ref (any.convert_extern (table.get $t (i32.const 0)))))))

(assert_return (invoke "init"))
(assert_return (invoke "get") (i32.const 7))
(assert_return (invoke "init"))
(assert_return (invoke "get") (i32.const 7))
