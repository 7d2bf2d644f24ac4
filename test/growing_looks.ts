/*
 * Imported before anything else: replaces the getters that measure memory by getters after which shared memory has
 * grown, as if another thread had waited for exactly that. Code that measures the same memory twice gets two results,
 * each time and on every machine, while a real thread would have to be lucky.
 */

type Growable = SharedArrayBuffer & { grow(size: number): void };

/** The memory that grows, and by how much. */
let watched: { readonly memory: Growable; readonly step: number; readonly most: number } | undefined;

const size = Object.getOwnPropertyDescriptor(SharedArrayBuffer.prototype, "byteLength")?.get as () => number;
const { apply } = Reflect;

function grow(): void {
  if (watched === undefined) return;
  const { memory, step, most } = watched;
  const now = apply(size, memory, []) as number;
  if (now + step <= most) memory.grow(now + step);
}

function growAfter(prototype: object, name: string): void {
  const descriptor = Object.getOwnPropertyDescriptor(prototype, name);
  const get = descriptor?.get;
  if (get === undefined) return;
  Object.defineProperty(prototype, name, {
    ...descriptor,
    get() {
      const value = apply(get, this, []);
      grow();
      return value;
    },
  });
}

const typedArray: object = Object.getPrototypeOf(Uint8Array.prototype);
for (const name of ["length", "byteLength", "byteOffset", "buffer", Symbol.toStringTag])
  growAfter(typedArray, name as string);
for (const name of ["byteLength", "growable", "maxByteLength"]) growAfter(SharedArrayBuffer.prototype, name);

/** Runs `run` while memory grows by `step` bytes, up to `most`, each time that a size of any memory is read. */
export function growingWith(memory: SharedArrayBuffer, step: number, most: number, run: () => void): void {
  watched = { memory: memory as Growable, step, most };
  try {
    run();
  } finally {
    watched = undefined;
  }
}

/** Suspends the growth while `run` runs. */
export function still<T>(run: () => T): T {
  const before = watched;
  watched = undefined;
  try {
    return run();
  } finally {
    watched = before;
  }
}
