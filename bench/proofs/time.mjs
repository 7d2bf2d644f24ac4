/**
 * Prints how long one operation takes: the best of many short rounds. Each operation gets a loop that is compiled only for it.
 *
 * @returns the time in nanoseconds
 */
export function time(what, body, scope, count = 5000) {
  const names = Object.keys(scope);
  const make = new Function(...names, "kept", `return (count) => { for (let i = 0; i < count; i += 1) { ${body} } };`);
  // Results stay in use, so that no compiler removes their computation.
  const run = make(...names.map((name) => scope[name]), { result: undefined });
  let best = Number.POSITIVE_INFINITY;
  for (let round = 0; round < 60; round += 1) {
    const begin = performance.now();
    run(count);
    if (round >= 20) best = Math.min(best, ((performance.now() - begin) * 1e6) / count);
  }
  console.log(`${best.toFixed(0).padStart(7)} ns  ${what}`);
  return best;
}
