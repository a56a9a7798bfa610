;;! guards = "a dropped segment keeps nothing alive, one that is not dropped keeps its objects"
;;! source = "Wasmtime #8281, #13066; WAMR #2772"
;;! collectors = ["drc", "drc-cycles", "copying"]
;;! schedule = "every"
;;! planted = [
;;!   "passive-segment-uncounted", "elem-drop-becomes-funcs", "elem-drop-ignored",
;;!   "data-drop-ignored", "segments-are-no-roots",
;;! ]

(module
  (type $box (struct (field i32)))
  (type $row (array (mut (ref null $box))))
  (type $bytes (array (mut i8)))
  (import "harness" "live" (func $live (result i32)))
  (export "live" (func $live))
  (table $t (export "t") 4 (ref null $box))
  (memory 1)
  (elem $e (ref null $box) (item (struct.new $box (i32.const 1))) (item (struct.new $box (i32.const 2))))
  (data $d "\01\02")
  (func (export "table.init") (param i32 i32) (table.init $t $e (i32.const 1) (local.get 0) (local.get 1)))
  (func (export "memory.init") (param i32 i32) (memory.init $d (i32.const 1) (local.get 0) (local.get 1)))
  (func (export "array.new_elem") (param i32 i32) (result i32)
    (array.len (array.new_elem $row $e (local.get 0) (local.get 1))))
  (func (export "array.new_data") (param i32 i32) (result i32)
    (array.len (array.new_data $bytes $d (local.get 0) (local.get 1))))
  (func (export "clear") (table.fill $t (i32.const 0) (ref.null $box) (i32.const 4)))
  (func (export "at") (param i32) (result i32) (struct.get $box 0 (table.get $t (local.get 0))))
  (func (export "drop") (elem.drop $e) (data.drop $d)))

(assert_return (invoke "live") (i32.const 2))
(invoke "table.init" (i32.const 0) (i32.const 2))
(assert_return (invoke "at" (i32.const 2)) (i32.const 2))
(invoke "clear")
;; the segment still has them
(assert_return (invoke "live") (i32.const 2))
(assert_return (invoke "array.new_elem" (i32.const 0) (i32.const 2)) (i32.const 2))
(invoke "table.init" (i32.const 1) (i32.const 1))
(invoke "memory.init" (i32.const 0) (i32.const 2))
(invoke "drop")
(assert_return (invoke "live") (i32.const 1))
(assert_trap (invoke "table.init" (i32.const 0) (i32.const 1)) "out of bounds table access")
(assert_return (invoke "table.init" (i32.const 0) (i32.const 0)))
(assert_trap (invoke "array.new_elem" (i32.const 0) (i32.const 1)) "out of bounds table access")
(assert_return (invoke "array.new_elem" (i32.const 0) (i32.const 0)) (i32.const 0))
(assert_trap (invoke "memory.init" (i32.const 0) (i32.const 1)) "out of bounds memory access")
(assert_return (invoke "memory.init" (i32.const 0) (i32.const 0)))
(assert_trap (invoke "array.new_data" (i32.const 0) (i32.const 1)) "out of bounds memory access")
(assert_return (invoke "at" (i32.const 1)) (i32.const 2))
(invoke "drop")
(invoke "clear")
(assert_return (invoke "live") (i32.const 0))
