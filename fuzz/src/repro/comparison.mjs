// ---- The comparison ----------------------------------------------------------------------------

/** Returns whether the engine did what was expected of it. Words of messages may differ. */
function isExpected(expected, actual) {
  if (expected.live !== undefined) {
    const isEnough = isJavaScriptCore
      ? actual.live?.alive >= expected.live.alive
      : actual.live?.alive === expected.live.alive;
    return isEnough && actual.live.created === expected.live.created;
  }
  if (expected.bytes !== undefined) {
    return JSON.stringify(expected.bytes) === JSON.stringify(actual.bytes);
  }
  const [wanted, found] = [expected.ended, actual.ended];
  if (typeof wanted === 'string') return wanted === found;
  const kind = Object.keys(wanted)[0];
  if (found?.[kind] === undefined) return false;
  if (kind !== 'trapped') return true;
  const { kinds } = found.trapped;
  return kinds.length === 0 || wanted.trapped.kinds.some((one) => kinds.includes(one));
}

/** Returns a request in few words. */
function described(request) {
  const { op, module, call, args } = request;
  if (op === 'load') return `load module ${module}`;
  if (op === 'instantiate') return `instantiate module ${module}`;
  if (op === 'invoke') return `invoke "${call.export}" ${JSON.stringify(args)}`;
  if (op === 'observe') return 'read results, globals, tables and memories, with all they reach';
  if (op === 'live') return 'collect, then count host objects';
  return op;
}

const say = globalThis.print ?? ((line) => console.log(line));
let differences = 0;
for (let time = 0; time < TIMES && differences === 0; time++) {
  for (const [request, expected] of CASE) {
    const actual = await answer(request);
    if (isExpected(expected, actual)) continue;
    differences += 1;
    say(described(request));
    say(`  expected ${JSON.stringify(expected)}`);
    say(`  actual   ${JSON.stringify(actual)}`);
  }
}
if (differences > 0) throw new Error(`${differences} answers are not as expected`);
say('everything is as expected');
