//! The shared library: its functions, its version, and what depends on the version.

use std::ffi::{c_char, c_void};
use std::path::{Path, PathBuf};

/// A pointer to something that only the library looks into.
pub type Opaque = *mut c_void;

/// A finaliser that the library calls when it drops a host object.
pub type Finalizer = unsafe extern "C" fn(Opaque);

/// A host function. It gets environment, caller, arguments and results, and returns a trap or null.
pub type Callback =
    unsafe extern "C" fn(Opaque, Opaque, *const u64, usize, *mut u64, usize) -> Opaque;

/// A vector of bytes that the library owns.
#[derive(Debug)]
#[repr(C)]
pub struct ByteVec {
    /// How many.
    pub size: usize,
    /// Where.
    pub data: *mut u8,
}

/// A vector of pointers that the library owns.
#[derive(Debug)]
#[repr(C)]
pub struct PointerVec {
    /// How many.
    pub size: usize,
    /// Where.
    pub data: *mut Opaque,
}

macro_rules! symbols {
    ($( $name:ident : fn($($arg:ty),*) $(-> $result:ty)?; )*) => {
        /// Functions of the C interface, under their own names.
        #[derive(Clone, Copy)]
        #[allow(missing_docs, reason = "named after the functions of the C interface")]
        pub struct Symbols { $(pub $name: unsafe extern "C" fn($($arg),*) $(-> $result)?,)* }

        impl Symbols {
            /// # Safety
            ///
            /// The library must be Wasmtime's, in a version whose functions have these types.
            unsafe fn find(library: &libloading::Library) -> Result<Symbols, libloading::Error> {
                Ok(Symbols { $(
                    // SAFETY: the caller's promise.
                    $name: unsafe {
                        *library.get(concat!(stringify!($name), "\0"))?
                    },
                )* })
            }
        }
    };
}

symbols! {
    wasm_config_new: fn() -> Opaque;
    wasm_engine_new_with_config: fn(Opaque) -> Opaque;
    wasmtime_config_wasm_gc_set: fn(Opaque, bool);
    wasmtime_config_wasm_function_references_set: fn(Opaque, bool);
    wasmtime_config_wasm_memory64_set: fn(Opaque, bool);
    wasmtime_config_wasm_multi_memory_set: fn(Opaque, bool);
    wasmtime_config_wasm_tail_call_set: fn(Opaque, bool);
    wasmtime_config_wasm_relaxed_simd_deterministic_set: fn(Opaque, bool);
    wasmtime_config_cranelift_opt_level_set: fn(Opaque, u8);
    wasmtime_config_cranelift_flag_set: fn(Opaque, *const c_char, *const c_char);
    wasmtime_config_cranelift_nan_canonicalization_set: fn(Opaque, bool);
    wasmtime_config_parallel_compilation_set: fn(Opaque, bool);
    wasmtime_store_new: fn(Opaque, Opaque, Option<Finalizer>) -> Opaque;
    wasmtime_store_delete: fn(Opaque);
    wasmtime_store_context: fn(Opaque) -> Opaque;
    wasmtime_store_limiter: fn(Opaque, i64, i64, i64, i64, i64);
    wasmtime_module_new: fn(Opaque, *const u8, usize, *mut Opaque) -> Opaque;
    wasmtime_module_delete: fn(Opaque);
    wasmtime_module_imports: fn(Opaque, *mut PointerVec);
    wasmtime_module_serialize: fn(Opaque, *mut ByteVec) -> Opaque;
    wasm_importtype_vec_delete: fn(*mut PointerVec);
    wasm_importtype_module: fn(Opaque) -> *const ByteVec;
    wasm_importtype_name: fn(Opaque) -> *const ByteVec;
    wasm_importtype_type: fn(Opaque) -> Opaque;
    wasm_externtype_as_functype_const: fn(Opaque) -> Opaque;
    wasm_functype_results: fn(Opaque) -> *const PointerVec;
    wasm_functype_delete: fn(Opaque);
    wasmtime_func_new: fn(Opaque, Opaque, Callback, Opaque, Option<Finalizer>, *mut [u64; 2]);
    wasmtime_func_type: fn(Opaque, *const [u64; 2]) -> Opaque;
    wasmtime_func_call: fn(Opaque, *const [u64; 2], *const u64, usize, *mut u64, usize, *mut Opaque) -> Opaque;
    wasmtime_func_to_raw: fn(Opaque, *const [u64; 2]) -> Opaque;
    wasmtime_instance_new: fn(Opaque, Opaque, *const [u64; 4], usize, *mut [u64; 2], *mut Opaque) -> Opaque;
    wasmtime_instance_export_get: fn(Opaque, *const [u64; 2], *const u8, usize, *mut [u64; 4]) -> bool;
    wasmtime_externref_new: fn(Opaque, Opaque, Option<Finalizer>, *mut u64) -> bool;
    wasmtime_externref_data: fn(Opaque, *const u64) -> Opaque;
    wasmtime_anyref_from_i31: fn(Opaque, u32, *mut u64);
    wasmtime_table_get: fn(Opaque, *const u64, u64, *mut u64) -> bool;
    wasmtime_table_set: fn(Opaque, *const u64, u64, *const u64) -> Opaque;
    wasmtime_table_size: fn(Opaque, *const u64) -> u64;
    wasmtime_table_grow: fn(Opaque, *const u64, u64, *const u64, *mut u64) -> Opaque;
    wasmtime_global_get: fn(Opaque, *const u64, *mut u64);
    wasmtime_global_set: fn(Opaque, *const u64, *const u64) -> Opaque;
    wasmtime_memory_data: fn(Opaque, *const u64) -> *const u8;
    wasmtime_memory_data_size: fn(Opaque, *const u64) -> usize;
    wasmtime_trap_new: fn(*const u8, usize) -> Opaque;
    wasmtime_trap_code: fn(Opaque, *mut u8) -> bool;
    wasm_trap_message: fn(Opaque, *mut ByteVec);
    wasm_trap_delete: fn(Opaque);
    wasmtime_error_message: fn(Opaque, *mut ByteVec);
    wasmtime_error_delete: fn(Opaque);
    wasm_byte_vec_delete: fn(*mut ByteVec);
}

/// Functions whose type, or presence, depends on the version.
#[derive(Clone, Copy, Debug)]
pub struct Varying {
    /// Frees the root in a value. Up to version 37 it takes the store first.
    unroot: *const c_void,
    /// Copies a value with a root of its own. Likewise.
    clone: *const c_void,
    /// Collects. From version 42 on it returns an error or null.
    collect: *const c_void,
    /// Switches exceptions on, from version 45 on. The interface has it since 39, but 42 and 43
    /// panic at an exported tag, and 44 refuses the exceptions that it has given.
    pub exceptions: Option<unsafe extern "C" fn(Opaque, bool)>,
    /// Takes the exception by which a call ended, from version 44 on.
    pub take_exception: Option<unsafe extern "C" fn(Opaque, *mut u64) -> bool>,
    /// Throws an exception. Returns the trap that a host function has to return.
    pub set_exception: Option<unsafe extern "C" fn(Opaque, *const u64) -> Opaque>,
}

/// Why a file is not usable.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// It cannot be loaded, or lacks a function.
    #[error("{}: {cause}", path.display())]
    Open {
        /// The file.
        path: PathBuf,
        /// The loader's words.
        cause: libloading::Error,
    },
    /// It does not have its version at the place at which all known versions have it.
    #[error("{}: no version of Wasmtime can be read from it", path.display())]
    NoVersion {
        /// The file.
        path: PathBuf,
    },
    /// It is older than what this adapter knows.
    #[error("{}: Wasmtime {found}, but this adapter knows versions from 36 on", path.display())]
    TooOld {
        /// The file.
        path: PathBuf,
        /// Its version.
        found: u32,
    },
}

/// A version of Wasmtime, loaded.
pub struct Library {
    /// The functions that are the same in every version.
    pub symbols: Symbols,
    /// Those that are not.
    pub varying: Varying,
    /// The version as the library prints it.
    pub version: String,
    /// The first number of the version.
    pub major: u32,
    /// Keeps the library open (W1).
    _open: libloading::Library,
}

impl Library {
    /// Loads a file.
    ///
    /// # Errors
    ///
    /// It is no library, lacks a function, or is too old.
    pub fn open(path: &Path) -> Result<Library, LoadError> {
        let fail = |cause| LoadError::Open {
            path: path.to_owned(),
            cause,
        };
        // SAFETY: the user names the file as Wasmtime's; its initialisers are its own business.
        let open = unsafe { libloading::Library::new(path) }.map_err(fail)?;
        // SAFETY: as above; the types are those of the C interface from version 36 on.
        let symbols = unsafe { Symbols::find(&open) }.map_err(fail)?;
        let version = version(&symbols).ok_or_else(|| LoadError::NoVersion {
            path: path.to_owned(),
        })?;
        let digits = version.split('.').next().unwrap_or_default();
        let major = digits.parse().unwrap_or(0);
        if major < 36 {
            return Err(LoadError::TooOld {
                path: path.to_owned(),
                found: major,
            });
        }
        let mut varying = varying(&open).map_err(fail)?;
        if major < 45 {
            varying.exceptions = None;
        }
        Ok(Library {
            symbols,
            varying,
            version,
            major,
            _open: open,
        })
    }

    /// Words of 8 bytes in a value: in version 36 roots are two words long, later three.
    pub fn value_words(&self) -> usize {
        if self.major == 36 { 3 } else { 4 }
    }

    /// Returns true if the library frees the roots of a host function's arguments and results
    /// itself. Up to version 36 it does not.
    pub fn owns_values_of_calls(&self) -> bool {
        self.major >= 37
    }

    /// Returns true if Cranelift can allocate registers in one pass.
    pub fn has_single_pass(&self) -> bool {
        self.major >= 37
    }

    /// Frees the root in a value.
    ///
    /// # Safety
    ///
    /// `context` is a store's, `value` a value of it that is not used again.
    pub unsafe fn unroot(&self, context: Opaque, value: *mut u64) {
        if self.major <= 37 {
            // SAFETY: this is its type up to version 37 (W1).
            let unroot: unsafe extern "C" fn(Opaque, *mut u64) =
                unsafe { std::mem::transmute(self.varying.unroot) };
            // SAFETY: the caller's promise.
            unsafe { unroot(context, value) }
        } else {
            // SAFETY: this is its type from version 38 on (W1).
            let unroot: unsafe extern "C" fn(*mut u64) =
                unsafe { std::mem::transmute(self.varying.unroot) };
            // SAFETY: the caller's promise.
            unsafe { unroot(value) }
        }
    }

    /// Copies a value, with a root of its own.
    ///
    /// # Safety
    ///
    /// `context` is a store's, `value` a value of it, `copy` has room for one.
    pub unsafe fn clone_value(&self, context: Opaque, value: *const u64, copy: *mut u64) {
        if self.major <= 37 {
            // SAFETY: this is its type up to version 37 (W1).
            let clone: unsafe extern "C" fn(Opaque, *const u64, *mut u64) =
                unsafe { std::mem::transmute(self.varying.clone) };
            // SAFETY: the caller's promise.
            unsafe { clone(context, value, copy) }
        } else {
            // SAFETY: this is its type from version 38 on (W1).
            let clone: unsafe extern "C" fn(*const u64, *mut u64) =
                unsafe { std::mem::transmute(self.varying.clone) };
            // SAFETY: the caller's promise.
            unsafe { clone(value, copy) }
        }
    }

    /// Runs a full collection. Returns an error of the library, or null.
    ///
    /// # Safety
    ///
    /// `context` is a store's.
    pub unsafe fn collect(&self, context: Opaque) -> Opaque {
        if self.major < 42 {
            // SAFETY: this is its type before version 42 (W1).
            let collect: unsafe extern "C" fn(Opaque) =
                unsafe { std::mem::transmute(self.varying.collect) };
            // SAFETY: the caller's promise.
            unsafe { collect(context) };
            std::ptr::null_mut()
        } else {
            // SAFETY: this is its type from version 42 on (W1).
            let collect: unsafe extern "C" fn(Opaque) -> Opaque =
                unsafe { std::mem::transmute(self.varying.collect) };
            // SAFETY: the caller's promise.
            unsafe { collect(context) }
        }
    }

    /// Returns the words of an error. Who owns the error frees it later.
    pub fn error_words(&self, error: Opaque) -> String {
        // SAFETY: W1; the error is freed only afterwards.
        let fill = |bytes| unsafe { (self.symbols.wasmtime_error_message)(error, bytes) };
        // SAFETY: `fill` fills the vector in the library's way.
        unsafe { self.text(fill) }
    }

    /// Returns the words of an error, which is freed.
    pub fn error_text(&self, error: Opaque) -> String {
        let text = self.error_words(error);
        // SAFETY: it is not used again.
        unsafe { (self.symbols.wasmtime_error_delete)(error) };
        text
    }

    /// Takes a message out of a vector that the library filled.
    ///
    /// # Safety
    ///
    /// `fill` fills the vector in the library's way.
    pub unsafe fn text(&self, fill: impl FnOnce(*mut ByteVec)) -> String {
        let mut bytes = ByteVec {
            size: 0,
            data: std::ptr::null_mut(),
        };
        fill(&raw mut bytes);
        // SAFETY: the library filled it, so that `data` points to `size` bytes, or to none.
        let slice = unsafe { slice_of(&bytes) };
        let text = String::from_utf8_lossy(slice)
            .trim_end_matches('\0')
            .to_owned();
        // SAFETY: the library filled it and frees it (W1).
        unsafe { (self.symbols.wasm_byte_vec_delete)(&raw mut bytes) };
        text
    }
}

/// Returns the bytes of a vector.
///
/// # Safety
///
/// `data` points to `size` bytes that stay as long as the vector is borrowed.
pub unsafe fn slice_of(bytes: &ByteVec) -> &[u8] {
    if bytes.size == 0 {
        return &[];
    }
    // SAFETY: the caller's promise.
    unsafe { std::slice::from_raw_parts(bytes.data, bytes.size) }
}

fn varying(open: &libloading::Library) -> Result<Varying, libloading::Error> {
    // SAFETY: only the address is taken; `Library` gives it its type when it is called.
    let address = |name: &str| unsafe { open.get::<*const c_void>(name) }.map(|found| *found);
    // SAFETY: these have one type in every version that has them.
    let exceptions = unsafe { open.get("wasmtime_config_wasm_exceptions_set") };
    // SAFETY: as above.
    let take_exception = unsafe { open.get("wasmtime_context_take_exception") };
    // SAFETY: as above.
    let set_exception = unsafe { open.get("wasmtime_context_set_exception") };
    Ok(Varying {
        unroot: address("wasmtime_val_unroot")?,
        clone: address("wasmtime_val_clone")?,
        collect: address("wasmtime_context_gc")?,
        exceptions: exceptions.ok().map(|found| *found),
        take_exception: take_exception.ok().map(|found| *found),
        set_exception: set_exception.ok().map(|found| *found),
    })
}

/// Returns the version from the header of a compiled module, which has a length, the version, a
/// length and the target. No function of the C interface returns the version.
fn version(symbols: &Symbols) -> Option<String> {
    const EMPTY: [u8; 8] = *b"\0asm\x01\0\0\0";
    let mut bytes = ByteVec {
        size: 0,
        data: std::ptr::null_mut(),
    };
    let mut module = std::ptr::null_mut();
    // SAFETY: W1.
    let config = unsafe { (symbols.wasm_config_new)() };
    // SAFETY: W1; the engine is never freed, once in a process.
    let engine = unsafe { (symbols.wasm_engine_new_with_config)(config) };
    // SAFETY: W1, and the bytes are a module.
    let refused = unsafe {
        (symbols.wasmtime_module_new)(engine, EMPTY.as_ptr(), EMPTY.len(), &raw mut module)
    };
    if !refused.is_null() {
        return None;
    }
    // SAFETY: W1, and the module was made above.
    if !unsafe { (symbols.wasmtime_module_serialize)(module, &raw mut bytes) }.is_null() {
        return None;
    }
    // SAFETY: the library filled the vector.
    let version = version_in(unsafe { slice_of(&bytes) });
    // SAFETY: the library filled the vector; it is not used again.
    unsafe { (symbols.wasm_byte_vec_delete)(&raw mut bytes) };
    // SAFETY: the module is not used again.
    unsafe { (symbols.wasmtime_module_delete)(module) };
    version
}

fn version_in(header: &[u8]) -> Option<String> {
    const TARGETS: [&[u8]; 2] = [b"x86_64-", b"aarch64-"];
    let found = |target: &[u8]| header.windows(target.len()).position(|part| part == target);
    let target = TARGETS.into_iter().find_map(found)?;
    let before = &header[..target.checked_sub(1)?];
    let is_part = |byte: &&u8| byte.is_ascii_digit() || **byte == b'.';
    let length = before.iter().rev().take_while(is_part).count();
    let version = std::str::from_utf8(&before[before.len() - length..]).ok()?;
    (!version.is_empty()).then(|| version.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_version_stands_before_the_target() {
        let old = b"\x0b\0\n\0\0\x0636.0.0\x18x86_64-unknown-linux-gnu";
        assert_eq!(version_in(old).as_deref(), Some("36.0.0"));
        let new = b"\x0c\0\x0b\0\0\x0250\x18x86_64-unknown-linux-gnu";
        assert_eq!(version_in(new).as_deref(), Some("50"));
        assert_eq!(version_in(b"nothing of the kind"), None);
        assert_eq!(version_in(b"x86_64-"), None);
    }

    #[test]
    fn a_file_that_is_no_library_is_named() {
        let Err(error) = Library::open(Path::new("Cargo.toml")) else {
            panic!("Cargo.toml is no library");
        };
        assert!(error.to_string().starts_with("Cargo.toml: "), "{error}");
    }
}
