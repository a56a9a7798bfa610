//! Large memories cost what is used of them. These tests have a process of their own, since they
//! look at how much memory it has.

#![cfg(all(target_os = "linux", not(miri)))]

mod common;

use common::*;
use gcrucible_reference::execution::*;
use gcrucible_reference::syntax::*;

/// Pages of the largest memory with 32-bit addresses.
const MOST: u64 = 65_536;

/// Bytes of this process that are in memory.
fn resident() -> u64 {
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap();
    let pages: u64 = statm.split(' ').nth(1).unwrap().parse().unwrap();
    pages * 4096
}

#[test]
fn a_memory_of_4_gib_costs_what_is_used_of_it() {
    let before = resident();
    let mut build = Build::default();
    build.mem(AddrType::I32, 1);
    let store = |address: i32| {
        let op = StoreOp::I32;
        let (align, mem, offset) = (0, MemIdx(0), 0);
        let store = Instr::Store {
            op,
            align,
            mem,
            offset,
        };
        [int(address), int(7), store]
    };
    let (op, align, mem, offset) = (LoadOp::I32, 0, MemIdx(0), 0);
    let load = |address: i32| {
        [
            int(address),
            Instr::Load {
                op,
                align,
                mem,
                offset,
            },
        ]
    };
    let grow = [
        int(MOST as i32 - 1),
        Instr::MemoryGrow(MemIdx(0)),
        Instr::Drop,
    ];
    // At both ends, before and after the memory has grown.
    let body = [
        &store(8)[..],
        &grow,
        &store(-4),
        &load(8),
        &load(-4),
        &load(1 << 30),
    ]
    .concat();
    build.func(&[], &[I32, I32, I32], &[], &body);
    let limits = StoreLimits {
        memory_bytes: 8 << 30,
        ..StoreLimits::default()
    };
    let (result, mut store) = build.run_within(limits, 0, &[]);
    assert_eq!(result, Ok(vec![7.into(), 7.into(), 0.into()]));

    let limits = Limits {
        min: MOST,
        max: None,
    };
    let second = store.add_memory(MemType {
        addr: AddrType::I32,
        limits,
    });
    assert!(second.is_ok());
    let added = resident().saturating_sub(before);
    assert!(added < 64 << 20, "{added} bytes were added");
}
