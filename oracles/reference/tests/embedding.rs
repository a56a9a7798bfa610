//! What the embedder may do, and how it is refused what it may not.

mod common;

use common::*;
use gcrucible_reference::execution::*;
use gcrucible_reference::syntax::*;

fn store() -> Store {
    Store::new(StoreLimits::default())
}

fn field(mutable: bool, storage: StorageType) -> FieldType {
    FieldType { mutable, storage }
}

#[test]
fn structures_are_made_read_and_written_by_type() {
    let mut store = store();
    let fields = [
        field(true, StorageType::I8),
        field(false, StorageType::Val(V128)),
        field(true, StorageType::Val(EXTERN)),
    ];
    let ty = store.define(CompositeType::Struct(Box::new(fields)));
    let outside = Ref::Extern(Internal::I31(3));
    let values = [Value::I32(0x1ff), Value::from(1u128 << 100), outside.into()];
    let a = store.new_struct(ty, &values).unwrap();
    let expected = vec![Value::I32(0xff), values[1], values[2]];
    let object = Object::Struct {
        ty,
        fields: expected,
    };
    assert_eq!(store.object(Ref::Struct(a)), Ok(Some(object.clone())));
    assert_eq!(
        store.object(Ref::Extern(Internal::Struct(a))),
        Ok(Some(object))
    );

    assert_eq!(store.struct_set(a, 0, 5.into()), Ok(()));
    assert_eq!(store.struct_get(a, 0), Ok(5.into()));
    assert_eq!(
        store.struct_set(a, 1, 0u128.into()),
        Err(Misuse::Immutable.into())
    );
    assert_eq!(
        store.struct_set(a, 2, 0.into()),
        Err(Misuse::ValueType.into())
    );
    assert_eq!(store.struct_get(a, 3), Err(Misuse::NoSuchField.into()));
    assert_eq!(
        store.struct_get(StructAddr(1), 0),
        Err(Misuse::NoSuchAddress.into())
    );
    assert_eq!(
        store.new_struct(ty, &values[..2]),
        Err(Misuse::NoSuchField.into())
    );
    assert_eq!(store.new_array(ty, &values), Err(Misuse::WrongType.into()));
    assert_eq!(
        store.new_struct(DefTypeId(99), &[]),
        Err(Misuse::WrongType.into())
    );
}

#[test]
fn arrays_check_bounds_as_wasm_does() {
    let mut store = store();
    let ty = store.define(CompositeType::Array(field(true, StorageType::I16)));
    let a = store.new_array(ty, &[1.into(), (-1).into()]).unwrap();
    assert_eq!(store.array_len(a), Ok(2));
    assert_eq!(store.array_get(a, 1), Ok(0xffff.into()));
    assert_eq!(store.array_set(a, 1, 0x1_0002.into()), Ok(()));
    assert_eq!(store.array_get(a, 1), Ok(2.into()));
    assert_eq!(
        store.array_get(a, 2),
        Err(Trap::OutOfBoundsArrayAccess.into())
    );
    assert_eq!(
        store.array_set(a, 2, 0.into()),
        Err(Trap::OutOfBoundsArrayAccess.into())
    );
    let filled = store.new_array_filled(ty, 9.into(), 3).unwrap();
    assert_eq!(
        (store.array_type(filled), store.array_len(filled)),
        (Ok(ty), Ok(3))
    );
    let frozen = store.define(CompositeType::Array(field(false, StorageType::Val(I32))));
    let frozen = store.new_array(frozen, &[0.into()]).unwrap();
    assert_eq!(
        store.array_set(frozen, 0, 0.into()),
        Err(Misuse::Immutable.into())
    );
}

#[test]
fn tables_keep_their_element_type() {
    let mut store = store();
    let array = store.define(CompositeType::Array(field(true, StorageType::I8)));
    let nothing = store.new_array(array, &[]).unwrap();
    let ty = |elem| TableType {
        addr: AddrType::I64,
        limits: Limits { min: 3, max: None },
        elem,
    };
    let any = store.add_table(ty(RefType::ANYREF), Ref::Null).unwrap();
    let outside = store.add_table(ty(RefType::EXTERNREF), Ref::Null).unwrap();
    assert_eq!(store.table_fill(any, 1, Ref::Array(nothing), 2), Ok(()));
    assert_eq!(store.table_get(any, 2), Ok(Ref::Array(nothing)));
    assert_eq!(
        store.table_set(outside, 0, Ref::Array(nothing)),
        Err(Misuse::ValueType.into())
    );
    assert_eq!(
        store.table_set(any, 3, Ref::Null),
        Err(Trap::OutOfBoundsTableAccess.into())
    );
    assert_eq!(
        store.table_copy((outside, 0), (any, 0), 1),
        Err(Misuse::ValueType.into())
    );
    assert_eq!(store.table_copy((any, 0), (any, 1), 2), Ok(()));
    assert_eq!(store.table_get(any, 0), Ok(Ref::Array(nothing)));
    assert_eq!(
        store.table_copy((any, 2), (any, 0), 2),
        Err(Trap::OutOfBoundsTableAccess.into())
    );
    assert_eq!(
        store.table_grow(any, 1, Ref::Host(HostAddr(4))),
        Ok(Some(3))
    );
    assert_eq!(store.table_size(any), Ok(4));
    let least = TableType {
        limits: Limits {
            min: 2,
            max: Some(1),
        },
        ..ty(RefType::ANYREF)
    };
    assert_eq!(
        store.add_table(least, Ref::Null),
        Err(Misuse::InvalidType.into())
    );
}

#[test]
fn references_have_the_types_of_the_specification() {
    let mut store = store();
    let ty = store.define(CompositeType::Struct(Box::new([])));
    let other = store.define(CompositeType::Array(field(true, StorageType::I8)));
    let a = Ref::Struct(store.new_struct(ty, &[]).unwrap());
    let abs = |heap| RefType::abs(false, heap);
    let rows = [
        (a, RefType::def(false, ty), true),
        (a, RefType::def(true, other), false),
        (a, abs(AbsHeapType::Eq), true),
        (a, abs(AbsHeapType::Extern), false),
        (Ref::Null, RefType::def(true, ty), true),
        (Ref::Null, abs(AbsHeapType::Any), false),
        (Ref::I31(0), abs(AbsHeapType::Eq), true),
        (Ref::I31(1 << 31), abs(AbsHeapType::Eq), false),
        (Ref::Host(HostAddr(0)), abs(AbsHeapType::Any), true),
        (Ref::Host(HostAddr(0)), abs(AbsHeapType::Eq), false),
        (
            Ref::Extern(Internal::Host(HostAddr(0))),
            abs(AbsHeapType::Extern),
            true,
        ),
        (
            Ref::Extern(Internal::Host(HostAddr(0))),
            abs(AbsHeapType::Any),
            false,
        ),
        (Ref::Struct(StructAddr(7)), abs(AbsHeapType::Any), false),
        (a, RefType::def(true, DefTypeId(77)), false),
    ];
    for (r, rt, expected) in rows {
        assert_eq!(store.ref_matches(r, rt), expected, "{r:?}: {rt:?}");
    }
    assert_eq!(store.ref_type(a), Ok(RefType::def(false, ty)));
    assert_eq!(
        store.ref_type(Ref::Exn(ExnAddr(0))),
        Err(Misuse::NoSuchAddress.into())
    );
}

#[test]
fn globals_are_set_only_if_mutable_and_matching() {
    let mut store = store();
    let ty = |mutable| GlobalType { mutable, val: I64 };
    assert_eq!(
        store.add_global(ty(true), 0.into()),
        Err(Misuse::ValueType.into())
    );
    let fixed = store.add_global(ty(false), 1u64.into()).unwrap();
    let free = store.add_global(ty(true), 1u64.into()).unwrap();
    assert_eq!(
        store.global_set(fixed, 2u64.into()),
        Err(Misuse::Immutable.into())
    );
    assert_eq!(
        store.global_set(free, 2.into()),
        Err(Misuse::ValueType.into())
    );
    assert_eq!(store.global_set(free, 2u64.into()), Ok(()));
    assert_eq!(
        (store.global_get(free), store.global_get(fixed)),
        (Ok(2u64.into()), Ok(1u64.into()))
    );
    let extern_type = store.extern_type(Extern::Global(free));
    assert_eq!(extern_type, Some(ExternType::Global(ty(true))));
}

#[test]
fn memories_are_plain_bytes() {
    let mut store = store();
    let ty = MemType {
        addr: AddrType::I32,
        limits: Limits {
            min: 1,
            max: Some(2),
        },
    };
    let a = store.add_memory(ty).unwrap();
    store.memory_bytes_mut(a).unwrap()[65535] = 9;
    assert_eq!(store.memory_grow(a, 1), Ok(Some(1)));
    assert_eq!(store.memory_grow(a, 1), Ok(None));
    assert_eq!(
        (store.memory_size(a), store.memory_bytes(a).unwrap()[65535]),
        (Ok(2), 9)
    );
    assert_eq!(
        store.memory_bytes(MemAddr(1)),
        Err(Misuse::NoSuchAddress.into())
    );
    let huge = MemType {
        addr: AddrType::I32,
        limits: Limits {
            min: 65537,
            max: None,
        },
    };
    assert_eq!(store.add_memory(huge), Err(Misuse::InvalidType.into()));
}

#[test]
fn exceptions_and_tags_are_typed() {
    let mut store = store();
    let ty = host_ty(&mut store, &[I32], &[]);
    let with_result = host_ty(&mut store, &[], &[I32]);
    assert_eq!(store.add_tag(with_result), Err(Misuse::WrongType.into()));
    let tag = store.add_tag(ty).unwrap();
    assert_eq!(store.new_exception(tag, &[]), Err(Misuse::Arguments.into()));
    assert_eq!(
        store.new_exception(tag, &[0u64.into()]),
        Err(Misuse::ValueType.into())
    );
    assert!(store.new_exception(tag, &[0.into()]).is_ok());
    assert_eq!((store.objects_made(), store.tag_type(tag)), (1, Ok(ty)));
}
