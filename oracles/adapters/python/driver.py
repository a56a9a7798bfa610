"""An adapter of gcrucible's engine protocol (version 2) for Wasmtime's C interface.

    python3 driver.py /path/to/libwasmtime.so [speed] [backtracking]

It does what `../wasmtime-c` does in Rust, so that a reproduction needs nothing but Python and
the library. Reading order: `c_interface.py`; then the session, host functions, requests, the loop.

Two rules keep live counts exact. Each value with a root is freed once, or belongs to the library.
Nothing of a store is used after the store is deleted.
"""

import base64
import collections
import ctypes
import json
import sys

from c_interface import *

VERSION = 2

# ---- The session -------------------------------------------------------------------------------


def schedule(text):
    """Returns a function from the number of a collection point to whether to collect there."""
    if text == 'pressure':
        return lambda point: False
    if text == 'every':
        return lambda point: True
    numbers = [int(number) for number in text.split(':')[1].split(',') if number]
    if text.startswith('every:'):
        return lambda point: (point + 1) % numbers[0] == 0
    points = set(numbers)
    return lambda point: point in points


class Session:
    """A store and what belongs to it."""

    def __init__(self, library, request):
        self.library = library
        self.modules, self.instances, self.functions = {}, {}, {}
        self.answers = collections.deque(request['answers'])
        self.kept_alive, self.pending, self.handles = [], [], []
        self.exception = self.end = None
        self.points = self.collections = self.created = self.dropped = 0
        self.collects_at = schedule(request['schedule'])
        self.is_broken = False
        self.finalizer = FINALIZER(self.drop_host)
        limits = request['limits']
        self.store = library.store_new(library.engine, None, None)
        # The heap of objects counts as a memory.
        heap = limits['heap_bytes'] if limits['heap_bytes'] < limits['memory_bytes'] else -1
        elements = min(limits['table_elements'], 2**63 - 1)
        library.store_limiter(self.store, heap, elements, -1, -1, -1)
        self.context = library.store_context(self.store)
        traps = self.instantiate(self.compile(request['traps']), [])
        self.traps = self.export(traps, 'trap')[1]

    def drop_host(self, _number):
        self.dropped += 1

    def close(self):
        if self.is_broken:
            return
        self.free_pending()
        for kept in self.handles:
            if kept is not None:
                self.free(kept[1])
        if self.exception is not None:
            self.free(self.exception)
        self.library.store_delete(self.store)
        for module in self.kept_alive:
            if isinstance(module, ctypes.c_void_p):
                self.library.module_delete(module)

    def compile(self, wasm):
        library, module, wasm = self.library, ctypes.c_void_p(), base64.b64decode(wasm)
        error = library.module_new(library.engine, wasm, len(wasm), ctypes.addressof(module))
        if error:
            raise End(refused(library.error_text(error)))
        self.kept_alive.append(module)
        return module

    def instantiate(self, module, imports):
        linked = words_of(*[word for found in imports for word in found])
        instance, trap = words_of(0, 0), ctypes.c_void_p()
        error = self.library.instance_new(
            self.context, module, at(linked, 0), len(imports), at(instance, 0),
            ctypes.addressof(trap),
        )
        self.free_pending()
        self.halt(error, trap)
        return instance

    def halt(self, error, trap):
        if trap.value or error:
            raise Halt(trap.value, error)

    def export(self, instance, name):
        """Returns an export's kind and its words, or None."""
        found, name = words_of(0, 0, 0, 0), name.encode()
        get, here = self.library.instance_export_get, instance is not None
        if not here or not get(self.context, at(instance, 0), name, len(name), at(found, 0)):
            return None
        return found[0] & 0xff, words_of(*found[1:])

    def export_of(self, call):
        return self.export(self.instances.get(call['instance']), call['export'])

    def func_of(self, call):
        found = self.export_of(call)
        return found[1] if found is not None and found[0] == FUNC else None

    def func(self, call):
        found = self.func_of(call)
        if found is None:
            raise End('skipped')
        return found

    def call(self, func, args):
        """Calls a function. The results have roots of their own."""
        library = self.library
        ty = library.func_type(self.context, at(func, 0))
        count = Vector.from_address(library.wasm_functype_results(ty)).size
        library.wasm_functype_delete(ty)
        results, trap = self.values(count), ctypes.c_void_p()
        error = library.func_call(
            self.context, at(func, 0), at(args, 0), self.count(args), at(results, 0), count,
            ctypes.addressof(trap),
        )
        self.halt(error, trap)
        return results

    def values(self, count):
        return (ctypes.c_uint64 * (count * self.library.stride))()

    def count(self, values):
        return len(values) // self.library.stride

    def plain(self, kind, low, high=0):
        value = self.values(1)
        value[0], value[1], value[2] = kind, low & (2**64 - 1), high
        return value

    def number(self, value):
        return self.plain(I32, value & 0xffff_ffff)

    def joined(self, values):
        return words_of(*[word for value in values for word in value])

    def one(self, values, index):
        stride = self.library.stride
        return words_of(*values[index * stride:(index + 1) * stride])

    def free(self, values):
        """Frees the roots of values."""
        for start in range(0, len(values), self.library.stride):
            if values[start] & 0xff in (EXTERNREF, ANYREF, EXNREF) and values[start + 1] != 0:
                if self.library.major <= 37:
                    self.library.val_unroot(self.context, at(values, start))
                else:
                    self.library.val_unroot(at(values, start))

    def free_pending(self):
        """Frees what host functions returned, once no call runs."""
        pending, self.pending = self.pending, []
        for values in pending:
            self.free(values)

    def copy(self, value):
        copy = self.values(1)
        if self.library.major <= 37:
            self.library.val_clone(self.context, at(value, 0), at(copy, 0))
        else:
            self.library.val_clone(at(value, 0), at(copy, 0))
        return copy

    def new_host(self, number):
        """Returns a new host object, which is its number and one, because null is nothing."""
        self.created += 1
        value = self.plain(EXTERNREF, 0)
        self.library.externref_new(self.context, number + 1, self.finalizer, at(value, 1))
        return value

    def host_number(self, value):
        if value[1] == 0:
            return None
        data = self.library.externref_data(self.context, at(value, 1))
        return None if data is None else data - 1

    def collect(self):
        self.collections += 1
        error = self.library.context_gc(self.context)
        if self.library.major >= 42 and error:
            self.library.error_text(error)

    def point(self):
        """A point at which the schedule may ask for a collection."""
        self.points += 1
        if self.collects_at(self.points - 1):
            self.collect()

    def trap(self, kind):
        """Raises a trap of one of the kinds of the module of traps."""
        self.call(self.traps, self.plain(I32, kind))
        raise End({'crashed': {'text': 'a function that has to trap returned'}})

    def take_exception(self):
        value = self.plain(EXNREF, 0)
        take = self.library.context_take_exception
        return value if take is not None and take(self.context, at(value, 1)) else None

    def ended(self, halt):
        """Returns what a halt means, in the protocol's words. Frees it."""
        library = self.library
        if halt.trap:
            code = ctypes.c_uint8()
            has_code = library.trap_code(halt.trap, ctypes.addressof(code))
            ended = ended_by(library.message(library.wasm_trap_message, halt.trap), True, has_code)
            library.wasm_trap_delete(halt.trap)
        else:
            ended = ended_by(library.error_text(halt.error), False, False)
        if 'crashed' in ended:
            self.is_broken = True
        return ended

    def thrown(self, halt, caught):
        """Returns how a call ended. Passes an exception to `caught` first."""
        ended = self.ended(halt)
        if ended != 'threw':
            return ended
        exception = self.take_exception()
        caught = None if caught is None else self.func_of(caught)
        if exception is None or caught is None:
            return ended
        self.exception = exception
        try:
            self.free(self.call(caught, self.values(0)))
        except Halt as halt:
            return self.ended(halt)
        finally:
            self.free_pending()
            left, self.exception = self.exception, None
            if left is not None:
                self.free(left)
        return ended


# ---- Host functions ----------------------------------------------------------------------------

UNREACHABLE, CAST_FAILURE, TABLE_BOUNDS, UNDEFINED_ELEMENT, NULL_REFERENCE = range(5)

# Functions of the host that probes call: they are no part of the program.
PROBING = ('extern_id_or_none', 'func_id', 'rethrow')


def unsigned(value):
    return value[1] & 0xffff_ffff if value[0] & 0xff == I32 else value[1]


class HostFunctions:
    """What the functions of the host do for the instance that imports them."""

    def __init__(self, session, importer):
        self.session, self.importer = session, importer

    def perform(self, what, args):
        return getattr(self, 'do_' + what['do'])(what, *args)

    def exported(self, name, kind):
        found = self.session.export(self.session.instances.get(self.importer), name)
        if found is None or found[0] != kind:
            self.session.trap(UNREACHABLE)
        return found[1]

    def fitting(self, error):
        if error:
            text = self.session.library.error_text(error)
            self.session.trap(UNREACHABLE if 'immutable' in text else CAST_FAILURE)
        return self.session.values(0)

    def do_gc(self, _what):
        self.session.collect()
        return self.session.values(0)

    def do_live(self, _what):
        self.session.collect()
        answers = self.session.answers
        return self.session.number(answers.popleft() if answers else 0)

    def do_extern(self, _what, number):
        return self.session.new_host(unsigned(number))

    def do_extern_id(self, _what, host):
        number = self.session.host_number(host)
        return self.session.trap(NULL_REFERENCE) if number is None else self.session.number(number)

    def do_extern_id_or_none(self, _what, host):
        number = self.session.host_number(host)
        return self.session.number(-1 if number is None else number)

    def do_func_id(self, _what, func):
        if func[0] & 0xff != FUNCREF:
            return self.session.number(-1)
        address = self.session.library.func_to_raw(self.session.context, at(func, 1))
        functions = self.session.functions
        return self.session.number(functions.setdefault(address, len(functions)))

    def do_hold(self, what, reference):
        self.session.handles.append((what['top'], self.session.copy(reference)))
        return self.session.number(len(self.session.handles) - 1)

    def handle(self, number):
        handles, index = self.session.handles, unsigned(number)
        return handles[index] if index < len(handles) else None

    def do_held(self, what, number):
        kept = self.handle(number)
        if kept is None or kept[0] != what['top']:
            self.session.trap(UNDEFINED_ELEMENT)
        return self.session.copy(kept[1])

    def do_release(self, _what, number):
        kept = self.handle(number)
        if kept is None:
            self.session.trap(UNDEFINED_ELEMENT)
        self.session.handles[unsigned(number)] = None
        self.session.free(kept[1])
        return self.session.values(0)

    def do_global_get(self, what):
        found, value = self.exported(what['global'], GLOBAL), self.session.values(1)
        self.session.library.global_get(self.session.context, at(found, 0), at(value, 0))
        return value

    def do_global_set(self, what, value):
        found = self.exported(what['global'], GLOBAL)
        set_global = self.session.library.global_set
        return self.fitting(set_global(self.session.context, at(found, 0), at(value, 0)))

    def do_call(self, what, *args):
        func = self.exported(what['function'], FUNC)
        return self.session.call(func, self.session.joined(args))

    def do_call_gc(self, what, *args):
        func = self.exported(what['function'], FUNC)
        try:
            return self.session.call(func, self.session.joined(args))
        finally:
            self.session.collect()

    def do_try(self, what, *args):
        session = self.session
        try:
            session.free(self.perform(what['function'], args))
            return session.number(0)
        except Halt as halt:
            ended = session.ended(halt)
        if ended == 'threw':
            exception = session.take_exception()
            if exception is None:
                raise End(unsupported('an exception that the host takes'))
            session.free(exception)
            return session.number(2)
        if 'trapped' in ended or 'unsupported' in ended:
            return session.number(1)
        raise End(ended)

    def do_rethrow(self, _what):
        exception, self.session.exception = self.session.exception, None
        set_exception = self.session.library.context_set_exception
        if exception is None or set_exception is None:
            self.session.trap(UNREACHABLE)
        trap = set_exception(self.session.context, at(exception, 1))
        self.session.free(exception)
        raise Halt(trap)

    def table_size(self, table):
        return self.session.library.table_size(self.session.context, at(table, 0))

    def within(self, table, start, count):
        if start + count > self.table_size(table):
            self.session.trap(TABLE_BOUNDS)

    def element(self, table, index):
        value = self.session.values(1)
        get = self.session.library.table_get
        if not get(self.session.context, at(table, 0), index, at(value, 0)):
            self.session.trap(TABLE_BOUNDS)
        return value

    def set_element(self, table, index, value):
        set_table = self.session.library.table_set
        return self.fitting(set_table(self.session.context, at(table, 0), index, at(value, 0)))

    def sized(self, what, size):
        return self.session.plain(I64, size) if what['wide'] else self.session.number(size)

    def do_table_size(self, what):
        return self.sized(what, self.table_size(self.exported(what['table'], TABLE)))

    def do_table_get(self, what, index):
        table = self.exported(what['table'], TABLE)
        self.within(table, unsigned(index), 1)
        return self.element(table, unsigned(index))

    def do_table_set(self, what, index, value):
        table = self.exported(what['table'], TABLE)
        self.within(table, unsigned(index), 1)
        return self.set_element(table, unsigned(index), value)

    def do_table_fill(self, what, start, value, count):
        table = self.exported(what['table'], TABLE)
        self.within(table, unsigned(start), unsigned(count))
        for index in range(unsigned(start), unsigned(start) + unsigned(count)):
            self.set_element(table, index, value)
        return self.session.values(0)

    def do_table_grow(self, what, value, by):
        table, old = self.exported(what['table'], TABLE), ctypes.c_uint64()
        library = self.session.library
        error = library.table_grow(
            self.session.context, at(table, 0), unsigned(by), at(value, 0), ctypes.addressof(old),
        )
        if not error:
            return self.sized(what, old.value)
        if 'type mismatch' in library.error_text(error):
            self.session.trap(CAST_FAILURE)
        return self.sized(what, -1)

    def do_table_copy(self, what, target, source, count):
        to, start = self.exported(what['to'], TABLE), self.exported(what['from'], TABLE)
        d, s, n = unsigned(target), unsigned(source), unsigned(count)
        self.within(start, s, n)
        self.within(to, d, n)
        for i in range(n) if d <= s else reversed(range(n)):
            element = self.element(start, s + i)
            try:
                self.set_element(to, d + i, element)
            finally:
                self.session.free(element)
        return self.session.values(0)


def host_function(session, importer, what, ty):
    """Returns a function of the host, as an import."""
    if what['do'] in ('struct_new', 'array_new'):
        raise End(unsupported('allocation by the host'))
    functions, library = HostFunctions(session, importer), session.library

    def perform(args, count, results, result_count):
        given = [
            words_of(*(ctypes.c_uint64 * library.stride).from_address(args + 8 * index))
            for index in range(0, count * library.stride, library.stride)
        ]
        is_probing = what['do'] in PROBING
        if not is_probing:
            session.point()
        try:
            values = functions.perform(what, given)
        finally:
            if not is_probing:
                session.point()
            if not library.owns_values_of_calls:
                session.free(session.joined(given))
        if result_count:
            ctypes.memmove(results, values, 8 * library.stride * result_count)
        if not library.owns_values_of_calls:
            session.pending.append(values)

    def callback(_env, _caller, args, count, results, result_count):
        try:
            return perform(args, count, results, result_count)
        except Halt as halt:
            return halt.trap or pass_on(session, halt.error)
        except End as end:
            session.end = end.ended
        except BaseException as error:
            session.end = {'crashed': {'text': f'the driver failed: {error!r}'}}
        return new_trap(library, 'the host ends the request')

    kept, func = CALLBACK(callback), words_of(0, 0)
    session.kept_alive.append(kept)
    library.func_new(
        session.context, ty, ctypes.cast(kept, ctypes.c_void_p), None, None, at(func, 0),
    )
    return [FUNC, *func, 0]


def new_trap(library, text):
    return library.trap_new(text.encode(), len(text.encode()))


def pass_on(session, error):
    """Returns a trap for the caller of a host function whose own call failed with an error."""
    text = session.library.error_text(error)
    exception = session.take_exception()
    if exception is None or session.library.context_set_exception is None:
        return new_trap(session.library, text)
    trap = session.library.context_set_exception(session.context, at(exception, 1))
    session.free(exception)
    return trap


# ---- Requests ----------------------------------------------------------------------------------


class Adapter:
    """The library, and one session at a time."""

    def __init__(self, library):
        self.library, self.session = library, None

    def answer(self, request):
        if request['op'] == 'batch':
            return {'batch': [self.answer(inner) for inner in request['requests']]}
        session = self.session
        if session is None and request['op'] not in ('hello', 'open', 'close'):
            return {'ended': 'skipped'}
        try:
            answer = getattr(self, 'do_' + request['op'])(request)
        except End as end:
            answer = {'ended': end.ended}
        except Halt as halt:
            answer = {'ended': session.ended(halt)}
        # What a function of the host wanted to say, past the code that called it.
        if session is not None and session.end is not None:
            answer, session.end = {'ended': session.end}, None
        return answer

    def do_open(self, request):
        self.do_close(request)
        self.session = Session(self.library, request)
        return {'ended': 'returned'}

    def do_close(self, _request):
        if self.session is not None:
            self.session.close()
        self.session = None
        return {'ended': 'returned'}

    def do_load(self, request):
        self.session.modules[request['module']] = self.session.compile(request['wasm'])
        return {'ended': 'returned'}

    def do_instantiate(self, request):
        session = self.session
        module = session.modules.get(request['module'])
        if module is None:
            return {'ended': 'skipped'}
        linked = self.linked(module, request['instance'], request['imports'])
        try:
            session.instances[request['instance']] = session.instantiate(module, linked)
        except Halt as halt:
            return {'ended': session.thrown(halt, request.get('caught'))}
        return {'ended': 'returned'}

    def linked(self, module, importer, imports):
        """Returns the imports of a module, in its order."""
        library, wanted = self.library, Vector()
        library.module_imports(module, ctypes.addressof(wanted))
        types = (ctypes.c_void_p * wanted.size).from_address(wanted.data) if wanted.size else []
        try:
            return [self.link(ty, importer, imports) for ty in types]
        finally:
            library.wasm_importtype_vec_delete(ctypes.addressof(wanted))

    def link(self, ty, importer, imports):
        library, session = self.library, self.session
        module = Vector.from_address(library.wasm_importtype_module(ty)).bytes().decode()
        name = Vector.from_address(library.wasm_importtype_name(ty)).bytes().decode()
        unlinkable = End({'rejected': {'stage': 'unlinkable', 'text': f'no {module}::{name}'}})
        named = (one['from'] for one in imports if (one['module'], one['name']) == (module, name))
        source = next(named, None)
        if source is None:
            raise unlinkable
        if 'export' in source:
            if source['export']['instance'] not in session.instances:
                raise End('skipped')
            found = session.export_of(source['export'])
            if found is None:
                raise unlinkable
            return [found[0], *found[1]]
        func_type = library.wasm_externtype_as_functype_const(library.wasm_importtype_type(ty))
        if not func_type:
            raise unlinkable
        return host_function(session, importer, source['host'], func_type)

    def do_invoke(self, request):
        session = self.session
        func = session.func(request['call'])
        args = session.joined([self.argument(arg) for arg in request['args']])
        try:
            results = session.call(func, args)
        except Halt as halt:
            return {'ended': session.thrown(halt, request.get('caught'))}
        finally:
            session.free(args)
            session.free_pending()
        then = None if request.get('then') is None else session.func_of(request['then'])
        try:
            if then is not None:
                session.free(session.call(then, results))
        finally:
            session.free(results)
            session.free_pending()
        return {'ended': 'returned'}

    def argument(self, value):
        session = self.session
        (kind, content), = value.items()
        if kind in ('i32', 'i64', 'f32', 'f64'):
            number = {'i32': I32, 'i64': I64, 'f32': F32, 'f64': F64}[kind]
            bits = int(content) & (0xffff_ffff if kind.endswith('32') else 2**64 - 1)
            return session.plain(number, bits)
        if kind == 'v128':
            bits = int(content, 16)
            return session.plain(V128, bits & (2**64 - 1), bits >> 64)
        if kind == 'null':
            return session.plain(TOPS[content], 0)
        if kind == 'host':
            return session.new_host(content)
        result = session.plain(ANYREF, 0)
        self.library.anyref_from_i31(session.context, content & 0x7fff_ffff, at(result, 1))
        return result

    def do_observe(self, request):
        session = self.session
        length, nothing = session.func(request['length']), session.values(0)
        observers = [session.func(call) for call in request['calls']]
        for call in request['memories']:
            self.memory(call)
        for observer in observers:
            session.free(session.call(observer, nothing))
            session.free_pending()
        count = session.call(length, nothing)[1] & 0xffff_ffff
        session.free_pending()
        out = self.memory({'instance': request['length']['instance'], 'export': 'out'})
        memories = [self.blocks(self.memory(call)) for call in request['memories']]
        return {'bytes': {'bytes': encoded(out[:count]), 'memories': memories}}

    def memory(self, call):
        found = self.session.export_of(call)
        if found is None or found[0] != MEMORY:
            raise End('skipped')
        size = self.library.memory_data_size(self.session.context, at(found[1], 0))
        data = self.library.memory_data(self.session.context, at(found[1], 0))
        return ctypes.string_at(data, size) if size else b''

    def blocks(self, data):
        starts = range(0, len(data), 256)
        blocks = {str(start // 256): data[start:start + 256] for start in starts}
        blocks = {number: encoded(block) for number, block in blocks.items() if any(block)}
        return {'length': len(data), 'blocks': blocks}

    def do_live(self, _request):
        session = self.session
        session.collect()
        alive = session.created - session.dropped
        return {
            'live': {'created': session.created, 'alive': alive, 'collections': session.collections}
        }


def encoded(data):
    return base64.b64encode(data).decode()


# ---- The loop ----------------------------------------------------------------------------------


def hello(library):
    capabilities = {
        'lacks': [] if library.major >= 45 else ['exceptions'],
        'host_objects': 'exact',
        'reclaims': 'acyclic',
        'schedules': True,
        'canonical_nans': True,
        'crosses_v128': True,
        'crosses_exnref': library.context_set_exception is not None,
        'crosses_nan_bits': True,
        'names_functions': False,
        'host_allocates': False,
        'keeps_failed_instances': True,
    }
    return {
        'hello': {
            'protocol': VERSION, 'engine': 'wasmtime-c', 'version': library.version,
            'capabilities': capabilities,
        }
    }


def main():
    adapter = Adapter(Library(sys.argv[1], sys.argv[2:]))
    for line in sys.stdin:
        request = json.loads(line)
        is_greeting = request['op'] == 'hello'
        answer = hello(adapter.library) if is_greeting else adapter.answer(request)
        print(json.dumps(answer), flush=True)


main()
