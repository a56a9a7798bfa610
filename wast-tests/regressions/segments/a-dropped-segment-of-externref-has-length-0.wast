;;! guards = "a dropped segment of externref has length 0 for table.init and array.new_elem"
;;! source = "Wasmtime #8281, #8283; WAMR #2772"
;;! schedule = "every"
;;! collectors = ["drc", "drc-cycles", "copying"]
;;! planted = "elem-drop-ignored"

(module
  (type $a (array (mut externref)))
  (table $t 2 externref)
  (elem $e externref (ref.null extern))
  (func (export "init") (param $n i32) (table.init $t $e (i32.const 0) (i32.const 0) (local.get $n)))
  (func (export "new") (param $n i32) (drop (array.new_elem $a $e (i32.const 0) (local.get $n))))
  (func (export "drop") (elem.drop $e)))

(assert_return (invoke "init" (i32.const 1)))
(assert_return (invoke "drop"))
(assert_return (invoke "init" (i32.const 0)))
(assert_trap (invoke "init" (i32.const 1)) "out of bounds table access")
(assert_return (invoke "new" (i32.const 0)))
(assert_trap (invoke "new" (i32.const 1)) "out of bounds table access")
