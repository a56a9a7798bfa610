// An adapter of gcrucible's engine protocol (version 2) for JavaScript engines: V8 (node, d8),
// JavaScriptCore (bun, jsc) and SpiderMonkey (js). The protocol: `oracles/protocol/README.md`.
//
//   node --expose-gc driver.mjs        bun driver.mjs        jsc -m driver.mjs
//
// Reading order: the shell (what differs between engines), words (an engine's messages to the
// protocol's), the session, host functions, requests, the loop.
//
// Two rules keep live counts exact. No object of the session stays in a variable of an asynchronous
// function, and a collection is counted only in a job of its own, because `WeakRef` keeps what it
// was asked for until the job ends.

// ---- The shell ---------------------------------------------------------------------------------

const VERSION = 2;

const isBun = typeof Bun !== 'undefined';
const isNode = typeof process !== 'undefined' && !!process.versions?.node && !isBun;
const hasProcess = isBun || isNode;
const isJsc = !hasProcess && typeof globalThis.fullGC === 'function';
const isSpiderMonkey = !hasProcess && typeof globalThis.drainJobQueue === 'function';

/** Returns the name and version of the engine. */
function engineName() {
  if (isNode) return ['v8', process.versions.v8];
  if (isBun) return ['jsc', `Bun ${Bun.version}, WebKit ${process.versions.webkit ?? 'unknown'}`];
  if (isJsc) return ['jsc', 'shell'];
  if (isSpiderMonkey) return ['spidermonkey', String(globalThis.version?.() ?? 'unknown')];
  return ['v8', String(globalThis.version?.() ?? 'unknown')];
}

const fs = hasProcess ? await import('node:fs') : null;

/** Returns two functions: one reads a line, or null at the end; the other writes a line. */
function lines() {
  if (!hasProcess) {
    return {
      // JavaScriptCore's shell gives an empty line at the end, for ever.
      read: () => globalThis.readline() || null,
      write: (line) => globalThis.print(line),
    };
  }
  let kept = Buffer.alloc(0);
  let isOver = false;
  const chunk = Buffer.alloc(1 << 20);
  const fill = () => {
    try {
      const count = fs.readSync(0, chunk, 0, chunk.length, null);
      if (count === 0) isOver = true;
      else kept = Buffer.concat([kept, chunk.subarray(0, count)]);
    } catch (error) {
      if (error.code === 'EOF') isOver = true;
      else if (error.code !== 'EAGAIN') throw error;
    }
  };
  const read = () => {
    for (let searched = 0; ; ) {
      const end = kept.indexOf(10, searched);
      if (end >= 0) {
        const line = kept.toString('utf8', 0, end);
        kept = kept.subarray(end + 1);
        return line;
      }
      if (isOver) return null;
      searched = kept.length;
      fill();
    }
  };
  const write = (line) => {
    const bytes = Buffer.from(`${line}\n`);
    for (let at = 0; at < bytes.length; ) {
      try {
        at += fs.writeSync(1, bytes, at);
      } catch (error) {
        if (error.code !== 'EAGAIN') throw error;
      }
    }
  };
  return { read, write };
}

/** Collects all garbage before it returns. */
const collectNow = isBun
  ? () => Bun.gc(true)
  : isJsc
    ? () => globalThis.fullGC()
    : () => globalThis.gc();

/** A collection of young objects, where the engine has such a thing: many times cheaper. */
const collectYoung = isNode
  ? () => globalThis.gc({ type: 'minor' })
  : isJsc && typeof globalThis.edenGC === 'function'
    ? () => globalThis.edenGC()
    : typeof globalThis.minorgc === 'function'
      ? () => globalThis.minorgc()
      : collectNow;

/** Ends the current job, after which no `WeakRef` keeps its object alive any more. */
const turn = isNode || isBun
  ? () => new Promise((resolve) => setImmediate(resolve))
  : typeof globalThis.setTimeout === 'function'
    ? () => new Promise((resolve) => setTimeout(resolve, 0))
    : () => Promise.resolve();

const BASE64 = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/';

/** Returns the bytes of a text in base64. */
function decode(text) {
  if (hasProcess) return Buffer.from(text, 'base64');
  const codes = new Uint8Array(128);
  for (let i = 0; i < 64; i++) codes[BASE64.charCodeAt(i)] = i;
  const padding = text.endsWith('==') ? 2 : text.endsWith('=') ? 1 : 0;
  const bytes = new Uint8Array((text.length / 4) * 3 - padding);
  for (let from = 0, to = 0; from < text.length; from += 4) {
    let word = 0;
    for (let i = 0; i < 4; i++) word = (word << 6) | codes[text.charCodeAt(from + i) & 127];
    for (let i = 2; i >= 0 && to < bytes.length; i--) bytes[to++] = (word >> (8 * i)) & 255;
  }
  return bytes;
}

/** Returns bytes as a text in base64. */
function encode(bytes) {
  if (hasProcess) {
    return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('base64');
  }
  const parts = [];
  for (let at = 0; at < bytes.length; at += 3) {
    const rest = bytes.length - at;
    const word = (bytes[at] << 16) | ((bytes[at + 1] ?? 0) << 8) | (bytes[at + 2] ?? 0);
    parts.push(
      BASE64[word >> 18],
      BASE64[(word >> 12) & 63],
      rest > 1 ? BASE64[(word >> 6) & 63] : '=',
      rest > 2 ? BASE64[word & 63] : '=',
    );
  }
  return parts.join('');
}

// ---- Words -------------------------------------------------------------------------------------

const OUT_OF_MEMORY = 'out of bounds memory access';
const OUT_OF_TABLE = 'out of bounds table access';
const OUT_OF_ARRAY = 'out of bounds array access';
const NULL = 'null reference';
const CAST = 'cast failure';
const EMPTY = 'uninitialized element';
const INDIRECT = ['undefined element', 'uninitialized element', 'indirect call type mismatch'];

const isJavaScriptCore = isBun || isJsc;

/**
 * What the engines say when code traps, and the traps that it can mean. The first row that matches
 * counts. V8's words are in its `message-template.h`, JavaScriptCore's in `WasmExceptionType.h`,
 * SpiderMonkey's in `js.msg`. An operation with a segment and an array has
 * one message, whichever was out of bounds. A call of an empty element is told as a wrong signature
 * or as a use of null. JavaScriptCore tells a failed cast of null as a use of null as well.
 */
const TRAPS = [
  [/unreachable/i, ['unreachable']],
  [/divide result unrepresentable|integer overflow/i, ['integer overflow']],
  [/by zero/i, ['integer divide by zero']],
  [
    /float unrepresentable|out of bounds trunc|integer conversion|invalid conversion/i,
    ['integer overflow', 'invalid conversion to integer'],
  ],
  [/data segment/i, [OUT_OF_MEMORY, OUT_OF_ARRAY]],
  [/element segment/i, [OUT_OF_TABLE, OUT_OF_ARRAY]],
  [/illegal cast|bad cast|ref\.cast|cast/i, [CAST]],
  [/null function or function signature mismatch/i, [...INDIRECT, NULL]],
  [/signature/i, ['indirect call type mismatch', EMPTY]],
  [/null table entry|indirect call to null/i, ['uninitialized element']],
  [/out of bounds call_indirect/i, ['undefined element']],
  [/null/i, isJavaScriptCore ? [NULL, CAST, EMPTY] : [NULL, EMPTY]],
  [/table index|table access|table.*bounds|bounds.*table/i, [OUT_OF_TABLE, 'undefined element']],
  [
    /array.*bounds|bounds.*array|array\./i,
    [OUT_OF_ARRAY, OUT_OF_MEMORY, OUT_OF_TABLE],
  ],
  [/index out of bounds/i, [OUT_OF_TABLE, OUT_OF_MEMORY, OUT_OF_ARRAY, 'undefined element']],
  [/memory.*bounds|bounds.*memory/i, [OUT_OF_MEMORY]],
];

const STACK = /call stack|too much recursion|stack overflow/i;
const HEAP = /array is too large|too large|out of memory|could not allocate|allocation failed/i;
const LIMIT = /exceed|maximum|too many|too large|limit|> max/i;

/** Returns the protocol's word for the end of a request that threw `error`. */
function ended(error) {
  const text = String(error?.message ?? error);
  if (error instanceof WebAssembly.Exception) return 'threw';
  if (error instanceof WebAssembly.CompileError) {
    const stage = LIMIT.test(text) ? 'limit' : 'refused';
    return { rejected: { stage, text } };
  }
  if (error instanceof WebAssembly.LinkError) return { rejected: { stage: 'unlinkable', text } };
  if (STACK.test(text) && (error instanceof RangeError || error?.name === 'InternalError')) {
    return { exhausted: { resource: 'call_stack', text } };
  }
  if (error instanceof WebAssembly.RuntimeError) {
    if (HEAP.test(text)) return { exhausted: { resource: 'heap', text } };
    const row = TRAPS.find(([words]) => words.test(text));
    return { trapped: { kinds: row ? row[1] : [], text } };
  }
  if (error instanceof RangeError && HEAP.test(text)) {
    return { exhausted: { resource: /memory/i.test(text) ? 'memory' : 'heap', text } };
  }
  return { crashed: { text: `${error?.name}: ${text}` } };
}

// ---- The session -------------------------------------------------------------------------------

/** A host object. A program can learn nothing but its number. */
class HostObject {
  constructor(number) {
    this.number = number;
  }
}

/** How many full collections a program can cause, under a schedule that names very few points. */
const FULL_WITHIN = 1;
const FEW_POINTS = 2;

/** How many collections of young objects a program causes before only one in four happens. */
const YOUNG_WITHIN = 12;

/** At how many points a program can cause a collection of young objects. */
const YOUNG_POINTS = 60;

/** How many ended sessions wait for one full collection, after which all are counted. */
const KEPT_SESSIONS = 16;

class Session {
  constructor(open) {
    this.modules = new Map();
    this.instances = new Map();
    this.answers = open.answers;
    this.answered = 0;
    this.collections = 0;
    this.hosts = [];
    this.created = 0;
    this.handles = [];
    this.functions = new Map();
    this.exception = undefined;
    this.points = 0;
    const isAt = open.schedule.startsWith('at:');
    this.full = isAt && open.schedule.split(',').length <= FEW_POINTS ? FULL_WITHIN : 0;
    this.young = 0;
    this.collectsAt = schedule(open.schedule);
    const traps = new WebAssembly.Module(decode(open.traps));
    this.traps = new WebAssembly.Instance(traps, {}).exports;
  }

  collect() {
    this.collections += 1;
    collectNow();
  }

  /**
   * A collection while the program runs. Full ones cost as much as a hundred of young objects, so
   * they happen in few programs, and first.
   */
  collectWithin() {
    if (this.full > 0) {
      this.full -= 1;
      this.collect();
    } else if (this.young < YOUNG_POINTS) {
      const beyond = this.young - YOUNG_WITHIN;
      this.young += 1;
      if (beyond >= 0 && beyond % 4 !== 0) return;
      this.collections += 1;
      collectYoung();
    }
  }

  /** A point at which the schedule may ask for a collection. */
  point() {
    if (this.collectsAt(this.points++)) this.collectWithin();
  }

  newHost(number) {
    const host = new HostObject(number);
    this.created += 1;
    this.hosts.push(new WeakRef(host));
    return host;
  }

  /**
   * Counts after a full collection, in a job in which no host object was made or looked up. Host
   * objects that are gone are forgotten.
   */
  counting() {
    this.hosts = this.hosts.filter((host) => host.deref() !== undefined);
    return { created: this.created, alive: this.hosts.length, collections: this.collections };
  }
}

/** Returns a function from the number of a collection point to whether to collect there. */
function schedule(text) {
  if (text === 'pressure') return () => false;
  if (text === 'every') return () => true;
  const numbers = text.slice(text.indexOf(':') + 1).split(',').map(Number);
  if (text.startsWith('every:')) return (point) => (point + 1) % numbers[0] === 0;
  const points = new Set(numbers);
  return (point) => points.has(point);
}

// ---- Host functions ----------------------------------------------------------------------------

const UNREACHABLE = 0;
const CAST_FAILURE = 1;
const TABLE_BOUNDS = 2;
const UNDEFINED_ELEMENT = 3;
const NULL_REFERENCE = 4;

/** Returns an index or size of a program, which is a signed number or BigInt, as a BigInt from 0. */
function unsigned(index) {
  return typeof index === 'bigint' ? BigInt.asUintN(64, index) : BigInt(index >>> 0);
}

/** Returns a size as the program's import expects it: a BigInt if `wide`, or a signed number. */
function sized(size, wide) {
  return wide ? BigInt.asIntN(64, BigInt(size)) : Number(BigInt.asIntN(32, BigInt(size)));
}

const addressed = (table, index) =>
  typeof table.length === 'bigint' ? index : Number(index);

/**
 * Makes the function of an import. `self` is the number of the instance that imports it.
 * A function that fails traps inside of WebAssembly, because what JavaScript throws can be caught
 * there and a trap cannot.
 */
function hostFunction(session, self, what) {
  const trap = (kind) => session.traps.trap(kind);
  const exported = (name, kind) => {
    const found = session.instances.get(self)?.exports[name];
    return found instanceof kind ? found : trap(UNREACHABLE);
  };
  const table = (name) => exported(name, WebAssembly.Table);
  const within = (table, from, count) => {
    if (from + count > BigInt(table.length)) trap(TABLE_BOUNDS);
  };
  const fitting = (set) => {
    try {
      set();
    } catch (error) {
      if (error instanceof TypeError) trap(CAST_FAILURE);
      throw error;
    }
  };
  const call = (args) => {
    const called = exported(what.function, Function);
    let results;
    fitting(() => {
      results = called(...args);
    });
    return results;
  };
  const handle = (number, top) => {
    const kept = session.handles[number >>> 0];
    return kept === undefined || kept.top !== top ? trap(UNDEFINED_ELEMENT) : kept;
  };
  switch (what.do) {
    case 'gc':
      return () => session.collectWithin();
    case 'live':
      return () => {
        session.collectWithin();
        return session.answers[session.answered++] ?? 0;
      };
    case 'extern':
      return (number) => session.newHost(number >>> 0);
    case 'extern_id':
      return (host) => (host instanceof HostObject ? host.number | 0 : trap(NULL_REFERENCE));
    case 'extern_id_or_none':
      return (host) => (host instanceof HostObject ? host.number | 0 : -1);
    case 'func_id':
      return (func) => {
        const known = session.functions.get(func);
        if (known !== undefined) return known;
        session.functions.set(func, session.functions.size);
        return session.functions.size - 1;
      };
    case 'hold':
      return (reference) => session.handles.push({ top: what.top, reference }) - 1;
    case 'held':
      return (number) => handle(number, what.top).reference;
    case 'release':
      return (number) => {
        if (session.handles[number >>> 0] === undefined) trap(UNDEFINED_ELEMENT);
        session.handles[number >>> 0] = undefined;
      };
    case 'table_size':
      return () => sized(table(what.table).length, what.wide);
    case 'table_get':
      return (index) => {
        const found = table(what.table);
        within(found, unsigned(index), 1n);
        return found.get(addressed(found, unsigned(index)));
      };
    case 'table_set':
      return (index, reference) => {
        const found = table(what.table);
        within(found, unsigned(index), 1n);
        fitting(() => found.set(addressed(found, unsigned(index)), reference));
      };
    case 'table_grow':
      return (reference, by) => tableGrow(table(what.table), reference, unsigned(by), what.wide, trap);
    case 'table_fill':
      return (from, reference, count) => {
        const found = table(what.table);
        const [start, length] = [unsigned(from), unsigned(count)];
        within(found, start, length);
        for (let at = start; at < start + length; at++) {
          fitting(() => found.set(addressed(found, at), reference));
        }
      };
    case 'table_copy':
      return (to, from, count) => {
        const [target, source] = [table(what.to), table(what.from)];
        const [d, s, n] = [unsigned(to), unsigned(from), unsigned(count)];
        within(source, s, n);
        within(target, d, n);
        for (let i = 0n; i < n; i++) {
          const at = d <= s ? i : n - 1n - i;
          const element = source.get(addressed(source, s + at));
          fitting(() => target.set(addressed(target, d + at), element));
        }
      };
    case 'global_get':
      return () => exported(what.global, WebAssembly.Global).value;
    case 'global_set':
      return (value) => globalSet(exported(what.global, WebAssembly.Global), value, trap);
    case 'call':
      return (...args) => call(args);
    case 'call_gc':
      return (...args) => {
        try {
          return call(args);
        } finally {
          session.collectWithin();
        }
      };
    case 'try':
      return attempt(hostFunction(session, self, what.function));
    case 'rethrow':
      return () => {
        throw session.exception;
      };
    default:
      return null;
  }
}

const RETURNED = 0;
const TRAPPED = 1;
const THREW = 2;

/** Returns a function of which a failure is a result. */
function attempt(plain) {
  if (plain === null) return null;
  return (...args) => {
    try {
      plain(...args);
      return RETURNED;
    } catch (error) {
      if (error instanceof WebAssembly.Exception) return THREW;
      if (ended(error).trapped !== undefined) return TRAPPED;
      throw error;
    }
  };
}

function tableGrow(table, reference, by, wide, trap) {
  try {
    return sized(table.grow(addressed(table, by), reference), wide);
  } catch (error) {
    if (error instanceof RangeError) return sized(-1, wide);
    // A size that does not fit the table's index type is a TypeError, and so is a wrong element.
    if (error instanceof TypeError) {
      if (typeof table.length !== 'bigint' && by > 0xffff_ffffn) return sized(-1, wide);
      return trap(CAST_FAILURE);
    }
    throw error;
  }
}

function globalSet(global, value, trap) {
  try {
    global.value = value;
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    try {
      global.value = global.value;
    } catch {
      trap(UNREACHABLE);
    }
    trap(CAST_FAILURE);
  }
}

// ---- Requests ----------------------------------------------------------------------------------

let session = null;

/** Sessions that have ended and are still to be counted, by their numbers. */
let kept = new Map();

function argument(value) {
  if ('null' in value) return null;
  if ('i32' in value) return value.i32;
  if ('i64' in value) return BigInt(value.i64);
  if ('i31' in value) return value.i31;
  if ('host' in value) return session.newHost(value.host);
  const bits = new DataView(new ArrayBuffer(8));
  if ('f32' in value) {
    bits.setUint32(0, value.f32);
    return bits.getFloat32(0);
  }
  if ('f64' in value) {
    bits.setBigUint64(0, BigInt(value.f64));
    return bits.getFloat64(0);
  }
  throw new TypeError(`the host cannot pass ${JSON.stringify(value)}`);
}

function load({ module, wasm }) {
  session.modules.set(module, new WebAssembly.Module(decode(wasm)));
}

/** The names of modules that a module imports from. JavaScriptCore cannot describe every import. */
function modulesNamed(compiled) {
  try {
    return WebAssembly.Module.imports(compiled).map((entry) => entry.module);
  } catch {
    return [];
  }
}

/** Returns whether the module and every instance it imports from are there. */
function instantiate({ module, instance, imports, caught }) {
  const compiled = session.modules.get(module);
  if (compiled === undefined) return false;
  const linked = {};
  for (const from of modulesNamed(compiled)) linked[from] ??= {};
  for (const { module: from, name, from: source } of imports) {
    linked[from] ??= {};
    if (source.export !== undefined) {
      const exporter = session.instances.get(source.export.instance);
      if (exporter === undefined) return false;
      linked[from][name] = exporter.exports[source.export.export];
    } else {
      const plain = hostFunction(session, instance, source.host);
      if (plain === null) throw new Unsupported(`host function ${source.host.do}`);
      linked[from][name] = scheduled(session, source.host.do, plain);
    }
  }
  const made = observed(caught, () => linkedInstance(compiled, linked));
  session.instances.set(instance, made);
  return true;
}

/**
 * Instantiates. A module name that nothing stands for is a TypeError, not a LinkError, where the
 * names of a module's imports are unknown.
 */
function linkedInstance(compiled, linked) {
  try {
    return new WebAssembly.Instance(compiled, linked);
  } catch (error) {
    if (error instanceof TypeError && /must be an object/.test(error.message)) {
      throw new WebAssembly.LinkError(error.message);
    }
    throw error;
  }
}

/** Returns what `run` returns. An exception is given to the function `caught` first. */
function observed(caught, run) {
  session.exception = undefined;
  try {
    return run();
  } catch (error) {
    if (error instanceof WebAssembly.Exception && caught) {
      session.exception = error;
      try {
        exportOf(caught)?.();
      } finally {
        session.exception = undefined;
      }
    }
    throw error;
  }
}

/** Functions of the host that probes call: they are no part of the program. */
const PROBING = new Set(['extern_id_or_none', 'func_id', 'rethrow']);

/** A call of the host is a collection point, when it begins and when it ends. */
function scheduled(session, name, plain) {
  if (PROBING.has(name)) return plain;
  return (...args) => {
    session.point();
    const result = plain(...args);
    session.point();
    return result;
  };
}

class Unsupported extends Error {}

const exportOf = ({ instance, export: name }) => session.instances.get(instance)?.exports[name];

function invoke({ call, args, then, caught }) {
  const called = exportOf(call);
  if (called === undefined) return false;
  const results = observed(caught, () => called(...args.map(argument)));
  if (then) exportOf(then)(...(Array.isArray(results) ? results : [results]));
  return true;
}

const BLOCK = 256;

function memory(call) {
  const bytes = new Uint8Array(exportOf(call).buffer);
  const words = new Int32Array(bytes.buffer);
  const blocks = {};
  for (let at = 0; at < words.length; at++) {
    if (words[at] === 0) continue;
    const number = Math.floor((at * 4) / BLOCK);
    blocks[number] = encode(bytes.subarray(number * BLOCK, (number + 1) * BLOCK));
    at = ((number + 1) * BLOCK) / 4 - 1;
  }
  return { length: bytes.length, blocks };
}

function observe({ calls, length, memories }) {
  const named = [...calls, length, ...memories];
  if (named.some((call) => exportOf(call) === undefined)) return { ended: 'skipped' };
  for (const call of calls) exportOf(call)();
  const count = exportOf(length)() >>> 0;
  const out = session.instances.get(length.instance).exports.out;
  const bytes = encode(new Uint8Array(out.buffer, 0, count));
  return { bytes: { bytes, memories: memories.map(memory) } };
}

function hello() {
  const [engine, version] = engineName();
  const isPrecise = engine !== 'jsc';
  return {
    hello: {
      protocol: VERSION,
      engine,
      version,
      capabilities: {
        lacks: lacks(),
        host_objects: isPrecise ? 'exact' : 'at_least',
        reclaims: 'everything',
        schedules: true,
        canonical_nans: false,
        crosses_v128: false,
        crosses_exnref: false,
        crosses_nan_bits: false,
        names_functions: namesFunctions(),
        host_allocates: false,
        keeps_failed_instances: false,
        keeps_sessions: KEPT_SESSIONS,
      },
    },
  };
}

/** Returns whether a function is the same object wherever JavaScript meets it. */
function namesFunctions() {
  // (module (func) (table (export "t") funcref (elem 0)) (global (export "g") funcref (ref.func 0)))
  const body = [
    1, 4, 1, 0x60, 0, 0, 3, 2, 1, 0, 4, 4, 1, 0x70, 0, 1, 6, 6, 1, 0x70, 0, 0xd2, 0, 0x0b,
    7, 9, 2, 1, 0x74, 1, 0, 1, 0x67, 3, 0, 9, 7, 1, 0, 0x41, 0, 0x0b, 1, 0, 10, 4, 1, 2, 0, 0x0b,
  ];
  const module = new WebAssembly.Module(new Uint8Array([...HEADER, ...body]));
  const { t, g } = new WebAssembly.Instance(module, {}).exports;
  return t.get(0) === g.value;
}

const HEADER = [0, 0x61, 0x73, 0x6d, 1, 0, 0, 0];

/** (v128.const i64x2 0 0) */
const ZERO_VECTOR = [0xfd, 12, ...new Array(16).fill(0)];

/** One tiny module for each proposal, which an engine that lacks it refuses. */
const PROPOSALS = {
  // (module (memory i64 1))
  memory64: [5, 3, 1, 4, 1],
  // (module (memory 0) (memory 0))
  multi_memory: [5, 5, 2, 0, 0, 0, 0],
  // (module (table i64 0 funcref))
  table64: [4, 4, 1, 0x70, 4, 0],
  // (module (type (func)) (tag (type 0)) (table 0 exnref))
  exceptions: [1, 4, 1, 0x60, 0, 0, 4, 4, 1, 0x69, 0, 0, 13, 3, 1, 0, 0],
  // (module (type (struct)))
  gc: [1, 3, 1, 0x5f, 0],
  // (module (func (result v128) (i8x16.relaxed_swizzle (v128.const i64x2 0 0) (v128.const ...))))
  relaxed_simd: [
    1, 5, 1, 0x60, 0, 1, 0x7b, 3, 2, 1, 0,
    10, 43, 1, 41, 0, ...ZERO_VECTOR, ...ZERO_VECTOR, 0xfd, 0x80, 2, 0x0b,
  ],
  // (module (global i32 (i32.add (i32.const 0) (i32.const 0))))
  extended_const: [6, 9, 1, 0x7f, 0, 0x41, 0, 0x41, 0, 0x6a, 0x0b],
};

function lacks() {
  const has = (body) => WebAssembly.validate(new Uint8Array([...HEADER, ...body]));
  return Object.keys(PROPOSALS).filter((name) => !has(PROPOSALS[name]));
}

/** Runs one request that needs no turn of the event loop. */
function perform(request) {
  try {
    switch (request.op) {
      case 'hello':
        return hello();
      case 'open':
        session = new Session(request);
        return { ended: 'returned' };
      case 'load':
        load(request);
        return { ended: 'returned' };
      case 'instantiate':
        return { ended: instantiate(request) ? 'returned' : 'skipped' };
      case 'invoke':
        return { ended: invoke(request) ? 'returned' : 'skipped' };
      case 'observe':
        return observe(request);
      case 'close':
        session = null;
        return { ended: 'returned' };
      case 'keep':
        if (session === null) return { ended: 'skipped' };
        kept.set(request.session, session);
        session = null;
        return { ended: 'returned' };
      default:
        return { ended: { unsupported: { feature: `the request ${request.op}` } } };
    }
  } catch (error) {
    if (error instanceof Unsupported) return { ended: { unsupported: { feature: error.message } } };
    return { ended: ended(error) };
  }
}

function live() {
  session.collect();
  return { live: session.counting() };
}

function count() {
  collectNow();
  const counts = {};
  for (const [number, ended] of kept) {
    ended.collections += 1;
    counts[number] = ended.counting();
  }
  kept = new Map();
  return { counts };
}

async function answer(request) {
  if (request.op === 'batch') {
    const answers = [];
    for (const inner of request.requests) answers.push(await answer(inner));
    return { batch: answers };
  }
  if (request.op !== 'live' && request.op !== 'count') return perform(request);
  if (request.op === 'live' && session === null) return { ended: 'skipped' };
  await turn();
  return request.op === 'live' ? live() : count();
}

// ---- The loop ----------------------------------------------------------------------------------

const { read, write } = lines();
for (let line = read(); line !== null; line = read()) {
  write(JSON.stringify(await answer(JSON.parse(line))));
}
