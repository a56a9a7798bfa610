//! Activations of functions made by hand. They need only Cranelift, the arena, the trampolines and
//! this room.

use std::cell::Cell;
use std::ffi::c_void;
use std::mem::offset_of;
use std::ptr;
use std::sync::Arc;

use cranelift_codegen::ir::{AbiParam, InstBuilder, MemFlagsData, Signature, Value, types};
use cranelift_codegen::isa::{CallConv, OwnedTargetIsa};
use cranelift_frontend::FunctionBuilder;

use super::call::Callee;
use super::landing::to_landing;
use super::raise::{Raised, guard};
use super::{Ended, Execution, call, math, resume};
use crate::abi::libcalls::LibCall;
use crate::abi::signature::{AbiTy, Lowered};
use crate::abi::vmctx::{ValRaw, VmContext, VmHostFunc, VmStore};
use crate::compile::arena::Arena;
use crate::compile::emitted::{FuncCode, Target, trap_code};
use crate::compile::image::Image;
use crate::compile::isa;
use crate::compile::stubs::{self, HostCode, Maker, Stubs};
use crate::compile::trampoline::{Trampolines, tail_signature};
use crate::config::{CollectorKind, Config, StoreConfig};
use crate::error::{Exhausted, Trap};
use crate::heap::HeapFault;
use crate::index::DefinedFuncIdx;
use crate::module::Module;
use crate::types::registry::TypeRegistry;

/// The host's half of every libcall of these tests: traps with the code it is given.
unsafe extern "C" fn raise_trap(vmctx: *mut VmContext, code: u32) -> u64 {
    // SAFETY: V2.
    let vm = unsafe { (*vmctx).store };
    // SAFETY: V1; `World` put its execution there.
    let execution = unsafe { (*vm).host.cast::<Execution>() };
    let why = Raised::Trap(Trap::from_code(code as u8).expect("a trap"));
    // SAFETY: called from a stub inside of an activation.
    unsafe { to_landing(vm, execution, why) };
    crate::abi::libcalls::RAISED
}

fn host_code() -> HostCode {
    HostCode {
        libcall: |_| (raise_trap as unsafe extern "C" fn(_, _) -> _ as *const ()).addr(),
        resume: (resume::resume as unsafe extern "sysv64" fn(_) -> _ as *const ()).addr(),
        math: math::address,
    }
}

/// A store without a heap and an instance without anything.
struct World {
    isa: OwnedTargetIsa,
    arena: Arc<Arena>,
    stubs: Stubs,
    trampolines: Trampolines,
    module: Arc<Module>,
    vm: Box<VmStore>,
    context: Box<VmContext>,
    execution: Box<Execution>,
}

impl World {
    fn new(config: &Config) -> World {
        World::with_store(config, &StoreConfig::default())
    }

    fn with_store(config: &Config, store: &StoreConfig) -> World {
        let isa = isa::target(config).expect("a target");
        let arena = Arena::new().expect("address space");
        let registry = TypeRegistry::new().expect("address space");
        let module = Module::validate(&registry, b"\0asm\x01\0\0\0").expect("a module");
        // SAFETY: numbers and raw pointers only.
        let mut vm: Box<VmStore> = Box::new(unsafe { std::mem::zeroed() });
        let mut execution = Box::new(Execution::new(config.trap_mode, store));
        vm.host = ptr::from_mut(&mut *execution).cast::<c_void>();
        let context = Box::new(VmContext {
            magic: VmContext::MAGIC,
            store: &raw mut *vm,
            host: ptr::null_mut(),
            heap_base: ptr::null_mut(),
        });
        World {
            stubs: Stubs::new(&arena, host_code()).expect("stubs"),
            trampolines: Trampolines::new(isa.clone(), Arc::clone(&arena), host_code()),
            isa,
            arena,
            module: Arc::new(module),
            vm,
            context,
            execution,
        }
    }

    fn link(&mut self, funcs: &[FuncCode]) -> Arc<Image> {
        let image = Arc::new(Image::link(&self.arena, &self.stubs, funcs, &[]).expect("links"));
        self.execution.code.insert(&image, &self.module);
        image
    }

    fn make(
        &self,
        lowered: &Lowered,
        body: impl FnOnce(&mut FunctionBuilder<'_>, &[Value]),
    ) -> FuncCode {
        Maker::new(&*self.isa)
            .make(tail_signature(lowered), body)
            .expect("compiles")
    }

    fn call(
        &mut self,
        lowered: &Lowered,
        code: *const u8,
        args: &[u64],
    ) -> Result<Vec<u64>, Ended> {
        let vmctx = (&raw mut *self.context).cast::<c_void>();
        self.call_with(lowered, code, vmctx, args)
    }

    fn call_with(
        &mut self,
        lowered: &Lowered,
        code: *const u8,
        vmctx: *mut c_void,
        args: &[u64],
    ) -> Result<Vec<u64>, Ended> {
        let trampoline = self.trampolines.entry(lowered).expect("a trampoline");
        let mut buffer = vec![ValRaw([0; 16]); lowered.slots()];
        for (slot, arg) in buffer.iter_mut().zip(args) {
            slot.0[..8].copy_from_slice(&arg.to_le_bytes());
        }
        let callee = Callee {
            trampoline: trampoline.code(),
            vmctx,
            code,
        };
        // SAFETY: one store, the callee made for that signature, a buffer with its slots.
        unsafe {
            call::enter(
                &raw mut *self.vm,
                &raw mut *self.execution,
                &callee,
                buffer.as_mut_ptr(),
            )
        }?;
        let low = |slot: &ValRaw| u64::from_le_bytes(std::array::from_fn(|at| slot.0[at]));
        Ok(buffer[..lowered.results.len()].iter().map(low).collect())
    }
}

fn lowered(params: &[AbiTy], results: &[AbiTy], return_area: bool) -> Lowered {
    Lowered {
        params: params.into(),
        results: results.into(),
        return_area,
    }
}

fn configs() -> [Config; 2] {
    [Config::optimised(), Config::fuzzing(CollectorKind::Null)]
}

#[test]
fn a_function_returns_its_sum() {
    for config in configs() {
        let mut world = World::new(&config);
        let binary = lowered(&[AbiTy::I64, AbiTy::I64], &[AbiTy::I64], false);
        let code = world.make(&binary, |b, params| {
            let sum = b.ins().iadd(params[1], params[2]);
            b.ins().return_(&[sum]);
        });
        let image = world.link(&[code]);
        let code = image.func(DefinedFuncIdx(0));
        let got = world.call(&binary, code, &[40, 2]).expect("returns");
        assert_eq!(got, [42]);
        assert_eq!(world.vm.landing_fp, 0, "the activation is over");
        assert!(world.execution.saved.is_empty());
    }
}

#[test]
fn many_values_pass_both_ways() {
    let types = [AbiTy::I32, AbiTy::I64, AbiTy::F32, AbiTy::F64, AbiTy::V128];
    for count in [3, 5, 20, 100] {
        let all: Vec<_> = types.iter().copied().cycle().take(count).collect();
        let in_registers = count <= 10;
        let same = lowered(&all, &all, !in_registers);
        let mut world = World::new(&Config::optimised());
        let code = world.make(&same, |b, params| {
            if in_registers {
                b.ins().return_(&params[1..]);
                return;
            }
            let area = params[params.len() - 1];
            for (at, &value) in params[1..=count].iter().enumerate() {
                let flags = MemFlagsData::trusted();
                b.ins().store(flags, value, area, 16 * at as i32);
            }
            b.ins().return_(&[]);
        });
        let image = world.link(&[code]);
        let args: Vec<u64> = (0..count as u64).map(|k| k + 1).collect();
        let code = image.func(DefinedFuncIdx(0));
        assert_eq!(world.call(&same, code, &args).expect("returns"), args);
    }
}

/// `f(n)` traps when n is 0, else returns `g(n - 1)` where `g` is `f` by an ordinary call.
fn countdown(world: &mut World, trap: impl Fn(&mut FunctionBuilder<'_>, Value)) -> Arc<Image> {
    let unary = lowered(&[AbiTy::I32], &[AbiTy::I32], false);
    let code = world.make(&unary, |b, params| {
        let (zero, more) = (b.create_block(), b.create_block());
        b.ins().brif(params[1], more, &[], zero, &[]);
        b.switch_to_block(zero);
        trap(b, params[0]);
        b.switch_to_block(more);
        let callee = import(b, Target::Func(DefinedFuncIdx(0)), tail_signature(&unary));
        let less = b.ins().iadd_imm_s(params[1], -1);
        let inst = b.ins().call(callee, &[params[0], less]);
        let result = b.inst_results(inst)[0];
        let more = b.ins().iadd_imm_s(result, 1);
        b.ins().return_(&[more]);
    });
    world.link(&[code])
}

fn import(
    b: &mut FunctionBuilder<'_>,
    target: Target,
    signature: Signature,
) -> cranelift_codegen::ir::FuncRef {
    use cranelift_codegen::ir::{ExtFuncData, ExternalName};
    let signature = b.import_signature(signature);
    let name = b.func.declare_imported_user_function(target.name());
    b.import_function(ExtFuncData {
        name: ExternalName::user(name),
        signature,
        colocated: true,
        patchable: false,
    })
}

#[test]
fn traps_land_from_any_depth() {
    let unary = lowered(&[AbiTy::I32], &[AbiTy::I32], false);
    for config in configs() {
        let mut world = World::new(&config);
        let by_signal = countdown(&mut world, |b, _| {
            b.ins().trap(trap_code(Trap::CastFailure));
        });
        let by_libcall = countdown(&mut world, |b, context| {
            let signature = stubs::signature(LibCall::raise_trap, CallConv::Tail);
            let stub = import(b, Target::LibCall(LibCall::raise_trap), signature);
            let code = i64::from(Trap::CastFailure.code());
            let code = b.ins().iconst(types::I32, code);
            b.ins().call(stub, &[context, code]);
            b.ins().trap(trap_code(Trap::Unreachable));
        });
        for image in [by_signal, by_libcall] {
            for depth in [0, 1, 30, 1000] {
                let code = image.func(DefinedFuncIdx(0));
                let ended = world.call(&unary, code, &[depth]).expect_err("traps");
                assert!(matches!(ended.why, Raised::Trap(Trap::CastFailure)));
                // The functions are not the module's, so they only count.
                assert_eq!(ended.backtrace.frames().len() as u64, (depth + 1).min(64));
            }
        }
        assert_eq!(world.vm.landing_fp, 0, "the activations are over");
    }
}

#[test]
fn hosts_are_called_panic_and_fail() {
    thread_local! {
        static SEEN: Cell<u32> = const { Cell::new(0) };
    }
    unsafe extern "C" fn host(context: *mut VmHostFunc, buffer: *mut ValRaw) -> u64 {
        // SAFETY: the trampoline's buffer has one slot.
        let slot = unsafe { &mut *buffer };
        // SAFETY: the context that the test passes.
        let vm = unsafe { (*context).store };
        let arg = u32::from_le_bytes([slot.0[0], slot.0[1], slot.0[2], slot.0[3]]);
        let body = || {
            SEEN.set(arg);
            match arg {
                1 => panic!("a host function panics"),
                2 => Err(Raised::Host("a host function fails".into())),
                _ => {
                    slot.0[..4].copy_from_slice(&(arg * 2).to_le_bytes());
                    Ok(())
                }
            }
        };
        match guard(body) {
            Ok(()) => 0,
            Err(why) => {
                // SAFETY: V1.
                let execution = unsafe { (*vm).host.cast::<Execution>() };
                // SAFETY: called from a trampoline inside of an activation.
                unsafe { to_landing(vm, execution, why) };
                1
            }
        }
    }
    let unary = lowered(&[AbiTy::I32], &[AbiTy::I32], false);
    for config in configs() {
        let mut world = World::new(&config);
        let mut context = VmHostFunc {
            store: &raw mut *world.vm,
            call: host,
            data: ptr::null_mut(),
            caller: ptr::null_mut(),
        };
        let context = (&raw mut context).cast::<c_void>();
        let code = world.trampolines.host_call(&unary).expect("one").code();
        let got = world.call_with(&unary, code, context, &[21]);
        assert_eq!(got.expect("returns"), [42]);
        let ended = world
            .call_with(&unary, code, context, &[2])
            .expect_err("fails");
        assert!(matches!(ended.why, Raised::Host(_)));
        let panics = std::panic::AssertUnwindSafe(|| {
            let _ = world.call_with(&unary, code, context, &[1]);
        });
        assert!(std::panic::catch_unwind(panics).is_err());
        assert_eq!(SEEN.get(), 1);
        assert_eq!(world.vm.landing_fp, 0, "the activations are over");
    }
}

#[test]
fn the_stack_ends_at_its_limit() {
    let store = StoreConfig {
        stack_size: 64 << 10,
        ..StoreConfig::default()
    };
    let mut world = World::with_store(&Config::fuzzing(CollectorKind::Null), &store);
    let nullary = lowered(&[], &[], false);
    let code = world.make(&nullary, |b, params| {
        use cranelift_codegen::ir::{GlobalValueData, MemFlagsData};
        let context = b.create_global_value(GlobalValueData::VMContext);
        b.func.signature.params[0] = AbiParam::special(
            types::I64,
            cranelift_codegen::ir::ArgumentPurpose::VMContext,
        );
        let flags = b
            .func
            .dfg
            .mem_flags
            .insert(MemFlagsData::trusted())
            .expect("room");
        let store = b.create_global_value(GlobalValueData::Load {
            base: context,
            offset: (offset_of!(VmContext, store) as i32).into(),
            global_type: types::I64,
            flags,
        });
        let limit = b.create_global_value(GlobalValueData::Load {
            base: store,
            offset: (offset_of!(VmStore, stack_limit) as i32).into(),
            global_type: types::I64,
            flags,
        });
        b.func.stack_limit = Some(limit);
        let callee = import(b, Target::Func(DefinedFuncIdx(0)), tail_signature(&nullary));
        b.ins().call(callee, &[params[0]]);
        b.ins().return_(&[]);
    });
    let image = world.link(&[code]);
    for _ in 0..3 {
        let code = image.func(DefinedFuncIdx(0));
        let ended = world
            .call(&nullary, code, &[])
            .expect_err("exhausts the stack");
        assert!(matches!(ended.why, Raised::Exhausted(Exhausted::CallStack)));
    }
}

#[test]
fn wild_accesses_in_the_heap_are_faults_not_crashes() {
    use rustix::mm::{MapFlags, ProtFlags};
    let mut world = World::new(&Config::optimised());
    // SAFETY: a new mapping at an address the system chooses.
    let base = unsafe {
        rustix::mm::mmap_anonymous(
            ptr::null_mut(),
            1 << 20,
            ProtFlags::empty(),
            MapFlags::PRIVATE,
        )
    };
    world.vm.heap_base = base.expect("address space").cast::<u8>();
    let unary = lowered(&[AbiTy::I64], &[AbiTy::I32], false);
    let code = world.make(&unary, |b, params| {
        let flags = MemFlagsData::trusted();
        let loaded = b.ins().load(types::I32, flags, params[1], 0x10);
        b.ins().return_(&[loaded]);
    });
    let image = world.link(&[code]);
    let code = image.func(DefinedFuncIdx(0));
    let wild = world.vm.heap_base.addr() as u64 + 0x1234;
    let ended = world.call(&unary, code, &[wild]).expect_err("faults");
    let expected = HeapFault::WildAccess { offset: 0x1244 };
    assert!(matches!(ended.why, Raised::Fault(fault) if fault == expected));
    assert_eq!(world.vm.landing_fp, 0, "the activation is over");
}

#[test]
fn threads_trap_independently() {
    let unary = lowered(&[AbiTy::I32], &[AbiTy::I32], false);
    let work = || {
        let mut world = World::new(&Config::optimised());
        let image = countdown(&mut world, |b, _| {
            b.ins().trap(trap_code(Trap::Unreachable));
        });
        for depth in 0..200 {
            let code = image.func(DefinedFuncIdx(0));
            let ended = world.call(&unary, code, &[depth]).expect_err("traps");
            assert!(matches!(ended.why, Raised::Trap(Trap::Unreachable)));
        }
    };
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(work);
        }
    });
}
