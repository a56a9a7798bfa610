//! Modules put together in memory, for tests of execution: no text format, no bytes.

#![allow(dead_code, reason = "each test file uses a part of this")]

use std::rc::Rc;

use gcrucible_reference::execution::{
    Extern, FuncAddr, Halt, InstanceAddr, Store, StoreLimits, Value,
};
use gcrucible_reference::syntax::*;

pub const I32: ValType = ValType::I32;
pub const I64: ValType = ValType::I64;
pub const V128: ValType = ValType::V128;
pub const EXN: ValType = ValType::Ref(RefType::EXNREF);
pub const EXTERN: ValType = ValType::Ref(RefType::EXTERNREF);
pub const ANY: ValType = ValType::Ref(RefType::ANYREF);

pub const ADD: Instr = Instr::I32Binop(IBinop::Add);
pub const SUB: Instr = Instr::I32Binop(IBinop::Sub);

pub fn int(i: i32) -> Instr {
    Instr::I32Const(i as u32)
}

pub fn get(x: u32) -> Instr {
    Instr::LocalGet(LocalIdx(x))
}

pub fn set(x: u32) -> Instr {
    Instr::LocalSet(LocalIdx(x))
}

pub fn call(x: u32) -> Instr {
    Instr::Call(FuncIdx(x))
}

pub fn br_if(l: u32) -> Instr {
    Instr::BrIf(LabelIdx(l))
}

/// A nullable or non-null reference to the module's type `x`.
pub fn ref_to(nullable: bool, x: u32) -> RefType {
    RefType {
        nullable,
        heap: HeapType::Use(TypeUse::Idx(TypeIdx(x))),
    }
}

/// A module that grows.
#[derive(Default)]
pub struct Build(pub Module);

impl Build {
    /// A type in a group of its own, final.
    pub fn ty(&mut self, composite: CompositeType) -> TypeIdx {
        let sub = SubType {
            is_final: true,
            supers: Box::new([]),
            composite,
        };
        self.0.types.push(RecType(Box::new([sub])));
        let count: usize = self.0.types.iter().map(|rec| rec.0.len()).sum();
        TypeIdx(count as u32 - 1)
    }

    pub fn func_ty(&mut self, params: &[ValType], results: &[ValType]) -> TypeIdx {
        self.ty(CompositeType::Func(FuncType {
            params: params.into(),
            results: results.into(),
        }))
    }

    /// A structure of mutable fields.
    pub fn struct_ty(&mut self, fields: &[StorageType]) -> TypeIdx {
        let field = |storage: &StorageType| FieldType {
            mutable: true,
            storage: *storage,
        };
        let fields = fields.iter().map(field).collect();
        self.ty(CompositeType::Struct(fields))
    }

    /// A memory of at least `min` pages.
    pub fn mem(&mut self, addr: AddrType, min: u64) {
        let limits = Limits { min, max: None };
        self.0.mems.push(MemType { addr, limits });
    }

    /// An imported function. Imports come before all functions.
    pub fn import(&mut self, name: &str, params: &[ValType], results: &[ValType]) -> u32 {
        assert!(self.0.funcs.is_empty());
        let ty = self.func_ty(params, results);
        self.0.imports.push(Import {
            module: "host".into(),
            name: name.into(),
            ty: ExternType::Func(TypeUse::Idx(ty)),
        });
        self.0.imports.len() as u32 - 1
    }

    /// A function, exported under its index in decimal. `body` needs no final `End`.
    pub fn func(
        &mut self,
        params: &[ValType],
        results: &[ValType],
        locals: &[ValType],
        body: &[Instr],
    ) -> u32 {
        let ty = self.func_ty(params, results);
        let index = (self.0.imports.len() + self.0.funcs.len()) as u32;
        let locals = locals.iter().map(|ty| Locals { count: 1, ty: *ty });
        let mut body = body.to_vec();
        body.push(Instr::End);
        self.0.funcs.push(Func {
            ty,
            locals: locals.collect(),
            body,
        });
        self.0.exports.push(Export {
            name: index.to_string(),
            item: ExternIdx::Func(FuncIdx(index)),
        });
        index
    }

    /// An instance in `store`, its imports satisfied by `imports`.
    #[track_caller]
    pub fn instantiate(self, store: &mut Store, imports: &[Extern]) -> InstanceAddr {
        let module = Rc::new(self.0.validate().expect("the module is valid"));
        store.instantiate(&module, imports).expect("it links")
    }

    /// The results of calling the function `x` of an instance of this module alone, in a store with
    /// these limits.
    #[track_caller]
    pub fn run_within(
        self,
        limits: StoreLimits,
        x: u32,
        arguments: &[Value],
    ) -> (Result<Vec<Value>, Halt>, Store) {
        let mut store = Store::new(limits);
        let instance = self.instantiate(&mut store, &[]);
        let func = func(&store, instance, x);
        (store.invoke(func, arguments), store)
    }

    /// As [`Build::run_within`] with default limits.
    #[track_caller]
    pub fn run(self, x: u32, arguments: &[Value]) -> Result<Vec<Value>, Halt> {
        self.run_within(StoreLimits::default(), x, arguments).0
    }
}

/// The function that an instance exports under an index.
#[track_caller]
pub fn func(store: &Store, instance: InstanceAddr, x: u32) -> FuncAddr {
    match store.export(instance, &x.to_string()) {
        Some(Extern::Func(a)) => a,
        other => panic!("function {x} is {other:?}"),
    }
}

/// The type of host functions with these parameters and results.
pub fn host_ty(store: &mut Store, params: &[ValType], results: &[ValType]) -> DefTypeId {
    store.define_func(FuncType {
        params: params.into(),
        results: results.into(),
    })
}

/// The names of the rules a store has applied.
pub fn reached(store: &Store) -> Vec<&'static str> {
    let rules = store.coverage().reached();
    rules.map(gcrucible_reference::Rule::name).collect()
}
