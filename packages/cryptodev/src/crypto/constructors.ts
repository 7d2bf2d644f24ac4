import { Transform, type TransformOptions } from "node:stream";

/* Constructors as those of node:crypto are: functions of the old style, whose streams begin when they are first used. */

const streamOptions = new WeakMap<object, TransformOptions | undefined>();

/** Makes an object a stream with these options, once the program uses it as one. */
export function streamLater(object: object, options: unknown): void {
  streamOptions.set(object, options as TransformOptions | undefined);
}

const lazyTransform = Object.create(Transform.prototype) as Transform;
for (const name of ["_readableState", "_writableState"]) {
  Object.defineProperty(lazyTransform, name, {
    configurable: true,
    get(this: { _writableState: { decodeStrings: boolean } }): unknown {
      // The constructor of streams is a function too, which defines both.
      (Transform as unknown as (this: object, options: unknown) => void).call(this, streamOptions.get(this));
      // Text is decoded with the rest of the data, so that the stream's own option for it does not matter.
      this._writableState.decodeStrings = false;
      return Reflect.get(this, name);
    },
    set(this: object, value: unknown) {
      Object.defineProperty(this, name, { value, configurable: true, enumerable: true, writable: true });
    },
  });
}

/** What `instanceof` asks by default: prototypes. */
const isInstance = Function.prototype[Symbol.hasInstance] as (this: object, value: unknown) => boolean;

/** A constructor of streams. */
export type Constructor<Arguments extends readonly unknown[]> = new (...args: Arguments) => Transform;

/** What makes a constructor. */
export interface Construction<Arguments extends readonly unknown[]> {
  readonly name: string;
  /** How many parameters it has. */
  readonly length: number;
  /** The methods of its objects, in addition to those of a stream. */
  readonly methods: object;
  /** Begins the work of a new object, by which it becomes one of these. */
  readonly begin: (object: object, ...args: Arguments) => void;
  /** Whether an object is one, even of another device's constructor. */
  readonly isOne: (object: object) => boolean;
}

/**
 * Makes a constructor that can be called without `new` too, extended by a class, and called on an object of its own by a
 * constructor of the old style.
 */
export function constructorOf<Arguments extends readonly unknown[]>(
  construction: Construction<Arguments>,
): Constructor<Arguments> {
  const { name, length, methods, begin, isOne } = construction;
  function construct(this: unknown, ...args: Arguments): unknown {
    // An object that has begun already is not begun again.
    const isNew = new.target !== undefined || (isInstance.call(construct, this) && !isOne(this as object));
    const object: object = isNew ? (this as object) : Object.create(prototype);
    begin(object, ...args);
    return object;
  }
  const prototype: object = Object.assign(Object.create(lazyTransform), methods);
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
