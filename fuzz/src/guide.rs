//! A guide for users. There is nothing here but this text.
//!
//! A test runs every command, in order and in one folder, and compares what it says. `...` stands
//! for lines and `[..]` for words that are different each time. `?` is an exit status that is not
//! 0. In a checkout, `gcrucible` is `cargo run --release --`.
//!
//! # The first run
//!
//! `fuzz` generates programs full of references, runs them on the reference interpreter and on the
//! runtime, and compares results and live objects. Without options it runs all targets on all cores
//! for a minute. This is a short run of one target:
//!
//! ```console
//! $ gcrucible fuzz --target types --runs 50 --jobs 1 --run-seed 1
//! build         [..]
//! targets       types; --run-seed 0x1, 1 workers, [..]
//! programs      50 ([..] per second)
//! compared      [..]
//! ...
//! findings      0 in 0 groups
//! ```
//!
//! The status is 0, because nothing was found. What a run with this seed does is the same on every
//! machine. `gcrucible list targets` says what each target hunts.
//!
//! # A finding, from start to end
//!
//! A build with the feature `planted` has faults that can be switched on, such as a write barrier
//! that `table.init` forgets:
//!
//! ```console planted
//! $ gcrucible fuzz --planted table-init-no-barrier --target table_ops --run-seed 1 --jobs 1 --stop
//! ...
//! findings      [..] in 1 groups
//!   [..]
//!     shows   table_ops: runtime: [..]
//!     in      findings/table_ops-[..]
//!     replay  cargo run --release --features planted -- replay --target table_ops --seed [..]
//! ? 1
//! ```
//!
//! The folder has the program as a script, the verdict, and the input as bytes. `explain` says what
//! the words after `shows` mean.
//!
//! ```console planted
//! $ ls findings/table_ops-*
//! ...
//! reduced.wast
//! verdict.txt
//! $ gcrucible explain table_ops: runtime: crash: root table element refers to no live object
//! target      table_ops: [..]
//! engine      runtime
//! found       the engine broke: [..]
//! words       root table element refers to no live object
//! authority   the engine's own rules. [..]
//! ```
//!
//! `replay` runs the input again and explains the verdict. The run has made the program smaller
//! already; `reduce` goes on for longer.
//!
//! ```console planted
//! $ gcrucible replay findings/table_ops-* --trace 0
//! ...
//! engine      runtime:[..]
//! schedule    [..]
//! ...
//! ? 1
//! $ gcrucible reduce findings/table_ops-* --planted table-init-no-barrier --attempts 200
//! findings/table_ops-[..]/reduced.wast
//! ? 1
//! ```
//!
//! The script checks itself: it fails on the engine with the fault, and passes on others. So it is
//! a regression test as it is.
//!
//! ```console planted
//! $ gcrucible wast findings/table_ops-*/reduced.wast
//! ...
//! 1 files on runtime:copying: [..] failed, [..]
//! ? 1
//! $ gcrucible wast findings/table_ops-*/reduced.wast --engine runtime:drc
//! 1 files on runtime:drc: [..] passed, 0 failed, [..]
//! ```
//!
//! # A leak that stays fixed
//!
//! Somebody reports that `array.copy` over a reference leaks what it overwrites. The script says
//! how many objects there are to be: `gc` collects, and `live` counts.
//!
//! ```console
//! $ cat > overwritten-by-array-copy.wast <<'END'
//! > ;;! schedule = "every"
//! > (module
//! >   (type $box (struct (field i32)))
//! >   (type $boxes (array (mut (ref null $box))))
//! >   (import "harness" "gc" (func $gc))
//! >   (import "harness" "live" (func $live (result i32)))
//! >   (global $to (ref $boxes)
//! >     (array.new_fixed $boxes 1 (struct.new $box (i32.const 1))))
//! >   (global $from (ref $boxes)
//! >     (array.new_fixed $boxes 1 (struct.new $box (i32.const 2))))
//! >   (func (export "copy") (result i32)
//! >     (array.copy $boxes $boxes (global.get $to) (i32.const 0)
//! >       (global.get $from) (i32.const 0) (i32.const 1))
//! >     (call $gc)
//! >     (call $live)))
//! > (assert_return (invoke "copy") (i32.const 3))
//! > END
//! $ gcrucible wast overwritten-by-array-copy.wast --engine reference
//! 1 files on reference: 2 passed, 0 failed, [..]
//! $ gcrucible wast overwritten-by-array-copy.wast --engine runtime:drc --check
//! 1 files on runtime:drc: 2 passed, 0 failed, [..]
//! ```
//!
//! Two arrays and one box are left. With `--check`, the heap is verified after the script, the live
//! objects are compared with those that the reference can reach, and at last no host object may be
//! left. The script belongs to `wast-tests/regressions`, where every collector runs it.
//!
//! # Another engine
//!
//! An engine runs in a process of its own, behind a program that speaks the engine protocol
//! (`oracles/protocol`). `check` says which rules of the protocol an adapter keeps. Our runtime can
//! be served in this way too, so here it stands for the other engine:
//!
//! ```console
//! $ gcrucible engine check 'adapter:gcrucible engine serve runtime'
//! ...
//!   kept    `count` counts the host objects of each session that is kept
//! next: gcrucible fuzz --engine 'adapter:gcrucible engine serve runtime' shows whether [..]
//! $ gcrucible fuzz --engine 'adapter:gcrucible engine serve runtime' --runs 20 --jobs 1
//! ...
//! findings      0 in 0 groups
//! ```
//!
//! # Every night
//!
//! A corpus keeps inputs that exercise something new, from night to night. `gcrucible.toml` holds
//! the arguments.
//!
//! ```console
//! $ mkdir night
//! $ cat > gcrucible.toml <<'END'
//! > [fuzz]
//! > corpus = "corpus"
//! > out = "night/findings"
//! > json = "night/fuzz.json"
//! > runs = 200
//! > END
//! $ gcrucible fuzz --target types --target table_ops
//! ...
//! corpus        [..] inputs in corpus, [..] of them added by this run
//! ...
//! findings      0 in 0 groups
//! $ gcrucible corpus stats corpus
//! target             inputs      bytes [..]
//! table_ops        [..]
//! types            [..]
//! ```
//!
//! `survey` counts what the generator makes and what programs execute, and its status is 1 if
//! something has become too rare. `report` makes one page of the folder, for people.
//!
//! ```console
//! $ gcrucible survey --json night/survey.json
//! ...
//! 1000 programs from seed 0x0: [..]
//! $ gcrucible report night --into night.html
//! night.html
//! ```
//!
//! Where one machine is not enough, the same targets run on OSS-Fuzz and ClusterFuzz: see
//! `fuzz/oss-fuzz`.
