;;! guards = "what the grammar of 3.0 does not have is refused, and refusing it breaks nothing"

;; A continuation type.
(assert_malformed
  (module binary "\00asm\01\00\00\00" "\01\06\02" "\60\00\00" "\5d\00")
  "malformed composite type")
;; The same in a group, open.
(assert_malformed
  (module binary "\00asm\01\00\00\00" "\01\0a\01" "\4e\02" "\60\00\00" "\50\00\5d\00")
  "malformed composite type")
;; A shared structure.
(assert_malformed
  (module binary "\00asm\01\00\00\00" "\01\04\01" "\65\5f\00")
  "malformed composite type")
