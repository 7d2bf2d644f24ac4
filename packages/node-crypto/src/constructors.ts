import { Transform, type TransformOptions } from "node:stream";

/*
 * Constructors like node:crypto's: functions, not classes, whose objects become streams only when they are used as
 * streams.
 */

/**
 * Keeps something with an object, in a property as node:crypto does: unlike a WeakMap's, it is also that of a proxy, and
 * of an object that inherits from this one. It is not enumerable, so it is neither printed nor copied.
 */
export function keep(object: object, key: symbol, value: unknown): void {
  Object.defineProperty(object, key, { value, configurable: true });
}

const streamOptions = Symbol("stream options");

/** Turns an object into a stream with these options when the program first uses it as one. */
export function streamLater(object: object, options: unknown): void {
  if (options !== undefined) keep(object, streamOptions, options);
}

const lazyTransform = Object.create(Transform.prototype) as Transform;
for (const name of ["_readableState", "_writableState"]) {
  Object.defineProperty(lazyTransform, name, {
    configurable: true,
    get(this: { _writableState: { decodeStrings: boolean }; [streamOptions]?: TransformOptions }): unknown {
      // Transform is also a function, not a class; calling it defines both properties.
      (Transform as unknown as (this: object, options: unknown) => void).call(this, this[streamOptions]);
      // Text is decoded like other data, so the stream must not decode it first, whatever its options say.
      this._writableState.decodeStrings = false;
      return Reflect.get(this, name);
    },
    set(this: object, value: unknown) {
      Object.defineProperty(this, name, { value, configurable: true, enumerable: true, writable: true });
    },
  });
}

/** The default of `instanceof`, which compares prototypes. */
const isInstance = Function.prototype[Symbol.hasInstance] as (this: object, value: unknown) => boolean;

/** A constructor whose objects are streams. */
export type Constructor<Arguments extends readonly unknown[]> = new (...args: Arguments) => Transform;

/** Parameters of {@link constructorOf}. */
export interface Construction<Arguments extends readonly unknown[]> {
  readonly name: string;
  /** The constructor's `length`. */
  readonly length: number;
  /** The methods of its objects, in addition to those of a stream. */
  readonly methods: object;
  /** Initialises a new object. Afterwards, `isOne` returns `true` for it. */
  readonly begin: (object: object, ...args: Arguments) => void;
  /** Whether an object was initialised, even by the constructor of another device. */
  readonly isOne: (object: object) => boolean;
  /** Members in addition to node:crypto's. Its own prototype has the same names as node:crypto's, and theirs has these. */
  readonly extras?: PropertyDescriptorMap;
}

/**
 * Creates a constructor that can also be called without `new`, be extended by a class, and be applied to an existing
 * object (`Hash.call(this, ...)`), as node:crypto's can.
 */
export function constructorOf<Arguments extends readonly unknown[]>(
  construction: Construction<Arguments>,
): Constructor<Arguments> {
  const { name, length, methods, begin, isOne, extras = {} } = construction;
  function construct(this: unknown, ...args: Arguments): unknown {
    // An object that is already initialised is left alone, and a new one is returned.
    const isNew = new.target !== undefined || (isInstance.call(construct, this) && !isOne(this as object));
    const object: object = isNew ? (this as object) : Object.create(prototype);
    begin(object, ...args);
    return object;
  }
  const prototype: object = Object.assign(Object.create(Object.create(lazyTransform, extras)), methods);
  Object.defineProperty(prototype, "constructor", { value: construct, configurable: true, writable: true });
  Object.setPrototypeOf(construct, Transform);
  Object.defineProperties(construct, {
    name: { value: name, configurable: true },
    length: { value: length, configurable: true },
    prototype: { value: prototype },
    [Symbol.hasInstance]: {
      value(this: unknown, object: unknown): boolean {
        if (this === construct && typeof object === "object" && object !== null && isOne(object)) return true;
        return isInstance.call(this as object, object);
      },
      configurable: true,
    },
  });
  return construct as unknown as Constructor<Arguments>;
}
