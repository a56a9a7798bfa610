;;! guards = "a handle belongs to one store, also while another store of the engine lives"
;;! collectors = ["drc"]
;;! planted = ["stores-share-their-identity", "handles-dropped-in-any-store"]

;; Two stores take the first four steps in turn on `runtime:...:paired`. The other one takes each of
;; them first.
(module
  (type $box (struct (field i32)))
  (import "harness" "live" (func $live (result i32)))
  (import "harness" "hold" (func $hold (param anyref) (result i32)))
  (import "harness" "held" (func $held (param i32) (result (ref $box))))
  (import "harness" "release" (func $release (param i32)))
  (export "live" (func $live))
  (export "release" (func $release))
  (func (export "hold") (param i32) (result i32)
    (call $hold (struct.new $box (local.get 0))))
  (func (export "held") (param i32) (result i32)
    (struct.get $box 0 (call $held (local.get 0)))))

(assert_return (invoke "hold" (i32.const 40)) (i32.const 0))
(assert_return (invoke "release" (i32.const 0)))
(assert_return (invoke "hold" (i32.const 41)) (i32.const 1))
(assert_return (invoke "live") (i32.const 1))
(assert_return (invoke "held" (i32.const 1)) (i32.const 41))
