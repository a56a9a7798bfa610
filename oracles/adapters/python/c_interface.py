"""Wasmtime's C interface, as far as `driver.py` uses it: the library (what differs between
versions), words (an engine's messages to the protocol's), values.
"""

import ctypes
import json
import os
import re

HERE = os.path.dirname(os.path.abspath(__file__))
with open(os.path.join(HERE, '../wasmtime-c/words.json')) as words:
    WORDS = json.load(words)

# ---- The library -------------------------------------------------------------------------------

# The functions that are used: their result, then their parameters. p is a pointer, w a pointer to
# words, n a size, q and l are 64 bits without and with a sign, i is 32 bits, B a byte, b a bool.
FUNCTIONS = """
wasm_config_new p: | wasm_engine_new_with_config p:p
wasmtime_config_wasm_gc_set -:pb | wasmtime_config_wasm_function_references_set -:pb
wasmtime_config_wasm_memory64_set -:pb | wasmtime_config_wasm_multi_memory_set -:pb
wasmtime_config_wasm_tail_call_set -:pb | wasmtime_config_wasm_relaxed_simd_deterministic_set -:pb
wasmtime_config_wasm_exceptions_set -:pb | wasmtime_config_cranelift_nan_canonicalization_set -:pb
wasmtime_config_parallel_compilation_set -:pb | wasmtime_config_cranelift_opt_level_set -:pB
wasmtime_config_cranelift_flag_set -:pss
wasmtime_store_new p:ppp | wasmtime_store_delete -:p | wasmtime_store_context p:p
wasmtime_store_limiter -:plllll | wasmtime_context_gc p:p
wasmtime_module_new p:psnp | wasmtime_module_delete -:p | wasmtime_module_imports -:pp
wasmtime_module_serialize p:pp | wasm_importtype_vec_delete -:p | wasm_importtype_type p:p
wasm_importtype_module p:p | wasm_importtype_name p:p | wasm_externtype_as_functype_const p:p
wasm_functype_results p:p | wasm_functype_delete -:p
wasmtime_func_new -:ppppp w | wasmtime_func_type p:pw | wasmtime_func_to_raw p:pw
wasmtime_func_call p:pwwnwnp | wasmtime_instance_new p:ppwnwp
wasmtime_instance_export_get b:pwsnw | wasmtime_externref_new b:pppw
wasmtime_externref_data p:pw | wasmtime_anyref_from_i31 -:piw
wasmtime_table_get b:pwqw | wasmtime_table_set p:pwqw | wasmtime_table_size q:pw
wasmtime_table_grow p:pwqwp | wasmtime_global_get -:pww | wasmtime_global_set p:pww
wasmtime_memory_data p:pw | wasmtime_memory_data_size n:pw
wasmtime_trap_new p:sn | wasmtime_trap_code b:pp | wasm_trap_message -:pp | wasm_trap_delete -:p
wasmtime_error_message -:pp | wasmtime_error_delete -:p | wasm_byte_vec_delete -:p
wasmtime_context_take_exception b:pw | wasmtime_context_set_exception p:pw
"""

C_TYPES = {
    'p': ctypes.c_void_p, 'w': ctypes.c_void_p, 's': ctypes.c_char_p, 'n': ctypes.c_size_t,
    'q': ctypes.c_uint64, 'l': ctypes.c_int64, 'i': ctypes.c_uint32, 'B': ctypes.c_uint8,
    'b': ctypes.c_bool, '-': None,
}

CALLBACK = ctypes.CFUNCTYPE(
    ctypes.c_void_p, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_size_t,
    ctypes.c_void_p, ctypes.c_size_t,
)
FINALIZER = ctypes.CFUNCTYPE(None, ctypes.c_void_p)


class Vector(ctypes.Structure):
    """A vector that the library owns."""

    _fields_ = [('size', ctypes.c_size_t), ('data', ctypes.c_void_p)]

    def bytes(self):
        """Returns the elements, which are bytes."""
        return ctypes.string_at(self.data, self.size) if self.size else b''


class Library:
    """A version of Wasmtime, loaded. Its functions are attributes, without `wasmtime_`."""

    def __init__(self, path, flags):
        self.open = ctypes.CDLL(path)
        for entry in FUNCTIONS.replace('\n', '|').split('|'):
            if entry.strip():
                name, types = entry.strip().split(' ', 1)
                result, params = types.replace(' ', '').split(':')
                self.find(name, C_TYPES[result], [C_TYPES[param] for param in params])
        self.version = self.read_version()
        self.major = int(self.version.split('.')[0])
        self.stride = 3 if self.major == 36 else 4
        self.owns_values_of_calls = self.major >= 37
        one_or_two = [ctypes.c_void_p] * (2 if self.major <= 37 else 1)
        self.find('wasmtime_val_unroot', None, one_or_two)
        self.find('wasmtime_val_clone', None, one_or_two + [ctypes.c_void_p])
        self.engine = self.new_engine(flags)

    def find(self, name, result, params):
        function = getattr(self.open, name, None)
        if function is not None:
            function.restype, function.argtypes = result, params
        setattr(self, name.removeprefix('wasmtime_'), function)

    def read_version(self):
        """Returns the version. It stands in the header of a compiled module, before the target."""
        engine = self.wasm_engine_new_with_config(self.wasm_config_new())
        module, compiled = ctypes.c_void_p(), Vector()
        self.module_new(engine, b'\0asm\1\0\0\0', 8, ctypes.addressof(module))
        self.module_serialize(module, ctypes.addressof(compiled))
        found = re.search(rb'([0-9.]+).(?:x86_64|aarch64)-', compiled.bytes(), re.DOTALL)
        return found.group(1).decode()

    def new_engine(self, flags):
        config = self.wasm_config_new()
        # Before 45 there are versions that panic at an exported tag.
        exceptions = ['wasm_exceptions'] if self.major >= 45 else []
        for name in [
            'wasm_gc', 'wasm_function_references', 'wasm_memory64', 'wasm_multi_memory',
            'wasm_tail_call', 'wasm_relaxed_simd_deterministic', 'cranelift_nan_canonicalization',
            *exceptions,
        ]:
            getattr(self, f'config_{name}_set')(config, True)
        self.config_parallel_compilation_set(config, False)
        self.config_cranelift_opt_level_set(config, 1 if 'speed' in flags else 0)
        for name in (b'heap', b'table'):
            flag = b'enable_' + name + b'_access_spectre_mitigation'
            self.config_cranelift_flag_set(config, flag, b'false')
        is_quick = 'speed' not in flags and 'backtracking' not in flags
        if self.major >= 37 and (is_quick or 'single-pass' in flags):
            self.config_cranelift_flag_set(config, b'regalloc_algorithm', b'single_pass')
        return self.wasm_engine_new_with_config(config)

    def message(self, fill, subject):
        """Returns the words of an error or trap."""
        text = Vector()
        fill(subject, ctypes.addressof(text))
        words = text.bytes().rstrip(b'\0').decode('utf8', 'replace')
        self.wasm_byte_vec_delete(ctypes.addressof(text))
        return words

    def error_text(self, error):
        """Returns the words of an error, which is freed."""
        words = self.message(self.error_message, error)
        self.error_delete(error)
        return words


# ---- Words -------------------------------------------------------------------------------------


def ended_by(text, is_trap, has_code):
    """Returns the protocol's word for the end of a call whose trap or error has this text."""
    if WORDS['thrown'] in text:
        return 'threw'
    for words, resource in WORDS['exhausted']:
        if words in text:
            return {'exhausted': {'resource': resource, 'text': text}}
    if is_trap:
        kinds = next((kinds for words, kinds in WORDS['traps'] if words in text), [])
        if kinds or has_code:
            return {'trapped': {'kinds': kinds, 'text': text}}
        return {'crashed': {'text': text}}
    if any(words in text for words in WORDS['unlinkable']):
        return {'rejected': {'stage': 'unlinkable', 'text': text}}
    if WORDS['other_type'] in text:
        return unsupported('an argument of this type')
    return {'crashed': {'text': text}}


def refused(text):
    stage = 'limit' if any(words in text for words in WORDS['limits']) else 'refused'
    return {'rejected': {'stage': stage, 'text': text}}


def unsupported(feature):
    return {'unsupported': {'feature': feature}}


# ---- Values ------------------------------------------------------------------------------------

I32, I64, F32, F64, V128, FUNCREF, EXTERNREF, ANYREF, EXNREF = range(9)
TOPS = {'any': ANYREF, 'extern': EXTERNREF, 'func': FUNCREF, 'exn': EXNREF}
FUNC, GLOBAL, TABLE, MEMORY = range(4)


def words_of(*words):
    return (ctypes.c_uint64 * len(words))(*words)


def at(words, index):
    """Returns the address of a word."""
    return ctypes.addressof(words) + 8 * index


class End(Exception):
    """A request that ended otherwise than by returning."""

    def __init__(self, ended):
        super().__init__(ended)
        self.ended = ended


class Halt(Exception):
    """A trap or an error of the library, not yet freed."""

    def __init__(self, trap, error=None):
        super().__init__(trap, error)
        self.trap, self.error = trap, error
