# ---- The comparison ----------------------------------------------------------------------------


def is_expected(expected, actual):
    """Returns whether the engine did what was expected of it. Words of messages may differ."""
    if 'live' in expected:
        found = actual.get('live', {})
        return all(found.get(name) == expected['live'][name] for name in ('created', 'alive'))
    if 'bytes' in expected:
        return expected == actual
    wanted, found = expected['ended'], actual.get('ended')
    if isinstance(wanted, str) or isinstance(found, str):
        return wanted == found
    kind = next(iter(wanted))
    if kind not in (found or {}):
        return False
    kinds = found[kind].get('kinds', []) if kind == 'trapped' else []
    return not kinds or any(one in kinds for one in wanted[kind]['kinds'])


def described(request):
    """Returns a request in few words."""
    if request['op'] in ('load', 'instantiate'):
        return f'{request["op"]} module {request["module"]}'
    if request['op'] == 'invoke':
        return f'invoke "{request["call"]["export"]}" {json.dumps(request["args"])}'
    if request['op'] == 'observe':
        return 'read results, globals, tables and memories, with all they reach'
    return 'collect, then count host objects' if request['op'] == 'live' else request['op']


def installed_library():
    """Returns the library in the package `wasmtime`."""
    found = importlib.util.find_spec('wasmtime')
    folder = os.path.dirname(found.origin) if found is not None else ''
    libraries = glob.glob(os.path.join(folder, '*', '*libwasmtime.*')) if folder else []
    if not libraries:
        sys.exit('no library: `pip install wasmtime`, or name the path of libwasmtime.so')
    return libraries[0]


def compare():
    library = Library(sys.argv[1] if len(sys.argv) > 1 else installed_library(), FLAGS)
    print(f'Wasmtime {library.version}', flush=True)
    differences = 0
    for _ in range(TIMES):
        adapter = Adapter(library)
        for request, expected in CASE:
            actual = adapter.answer(request)
            if is_expected(expected, actual):
                continue
            differences += 1
            print(described(request))
            print(f'  expected {json.dumps(expected)}')
            print(f'  actual   {json.dumps(actual)}', flush=True)
        if differences:
            break
        adapter.answer({'op': 'close'})
    print(f'{differences} answers are not as expected' if differences else 'all is as expected')
    sys.stdout.flush()
    # Without the destructors of an engine that may be broken.
    os._exit(2 if differences else 0)


compare()
