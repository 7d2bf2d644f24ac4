import type { Device, HashName } from "@cryptodev/core";
import { equalInConstantTime } from "@cryptodev/core/host";
import {
  type Described,
  describe,
  hashOf,
  lackOfAlgorithm,
  membersOf,
  ourKeys,
  ours,
  type Parameters,
  stringOf,
} from "./algorithms.ts";
import { type Bytes, bufferOf, copied } from "./bytes.ts";
import { cipherWork } from "./ciphers.ts";
import { Doubt, Lack, notSupported, Refusal } from "./errors.ts";
import {
  exported,
  type JsonWebKey,
  jwkOf,
  keyFormats,
  listed,
  parsed,
  rawFormats,
  requireSupported,
  requireUsage,
  requireUsages,
} from "./keys.ts";
import {
  isKey,
  type Key,
  native,
  type PlatformSubtle,
  platformSupports,
  prototype,
  type Subtle,
  type Supports,
} from "./platform.ts";
import { Sessions, type ThreadedDevice } from "./sessions.ts";
import { namesFor } from "./supports.ts";
import { type DigestSession, transferred, type Work } from "./work.ts";

/** Options of {@link subtleOf}. */
export interface SubtleOptions {
  /**
   * Whether the runtime's own `crypto.subtle` takes over what the device does not support: other algorithms, and
   * parameters beyond its limits. Defaults to `false`: these reject with a `NotSupportedError`.
   */
  readonly fallback?: boolean | undefined;
  /**
   * The device for large data, of the same kind as the other one: what `openAsync()` opens. Up to 8 operations of a key
   * then run at the same time. A function is called when it is first needed, and returns `undefined` if there is none.
   * Defaults to none: all operations block the event loop.
   */
  readonly threads?: ThreadedDevice | (() => Promise<ThreadedDevice | undefined>) | undefined;
}

/**
 * Returns WebCrypto's `subtle` over a device. The device computes AES-CBC, AES-CTR, AES-GCM, HMAC, and digests, with
 * SHA-1, SHA-256, SHA-384 and SHA-512. Keys are `CryptoKey` objects of the runtime.
 *
 * GCM accepts an iv of 12 bytes, and at most 4096 bytes of `additionalData`. Everything else that the specification has
 * rejects with a `NotSupportedError`, or the runtime's own `subtle` takes over if {@link SubtleOptions.fallback} allows
 * it. Errors are those of the runtime; errors of the device itself, such as `ClosedError`, reject as they are.
 *
 * A key starts a session when it is used first. The session is closed when the key is collected or the device is
 * closed. A key that is not extractable works with the `subtle` that made it, and with no other.
 *
 * Data of up to 64 KiB is processed before the method returns. Larger data is left to {@link SubtleOptions.threads},
 * unless it has at most 1 MiB and the device, at its last pace, takes at most 2 ms for it: then this thread processes it
 * in a later turn of the event loop, if no other data is being processed so.
 *
 * @param device - the caller closes it. A function is called whenever the device is needed, and returns the same each time
 * @returns an instance of the runtime's `SubtleCrypto`, whose methods do not depend on `this`. If the runtime has the
 * static method `supports()`, the object has it too
 * @example
 * ```ts
 * import { open } from "cryptodev";
 * import { subtleOf } from "cryptodev/webcrypto";
 *
 * const device = open({ backend: "auto" });
 * const digest = await subtleOf(device).digest("SHA-256", new TextEncoder().encode("abc"));
 * console.log(digest.byteLength); // 32
 * device.close();
 * ```
 */
export function subtleOf(device: Device | (() => Device), options: SubtleOptions = {}): PlatformSubtle {
  const { fallback = false, threads } = options;
  const sessions = new Sessions(
    typeof device === "function" ? device : () => device,
    typeof threads === "function" ? threads : async () => threads,
  );
  return new DeviceSubtle(sessions, fallback).toSubtle() as unknown as PlatformSubtle;
}

type Args = readonly unknown[];

/** Closes the sessions of what a program dropped. There is no warning: `crypto.subtle` cannot be closed. */
const collected = new FinalizationRegistry<Sessions>((sessions) => sessions.close());

class DeviceSubtle {
  readonly #isAllowed: boolean;
  readonly #sessions: Sessions;

  constructor(sessions: Sessions, isAllowed: boolean) {
    this.#isAllowed = isAllowed;
    this.#sessions = sessions;
    collected.register(this, sessions);
  }

  /** Returns an object of the runtime's class, with the methods that the runtime has. */
  toSubtle(): Subtle {
    const own: { readonly [name: string]: (args: Args) => Promise<unknown> } = {
      encrypt: (args) => this.#crypt("encrypt", args),
      decrypt: (args) => this.#crypt("decrypt", args),
      sign: (args) => this.#sign(args),
      verify: (args) => this.#verify(args),
      digest: (args) => this.#digest(args),
      generateKey: (args) => this.#generateKey(args),
      deriveKey: (args) => this.#deriveKey(args),
      importKey: (args) => this.#importKey(args),
      exportKey: (args) => this.#exportKey(args),
      wrapKey: (args) => this.#wrapKey(args),
      unwrapKey: (args) => this.#unwrapKey(args),
    };
    const methods: Record<string, unknown> = Object.create(prototype);
    const add = (name: string, value: unknown, enumerable: boolean) =>
      Object.defineProperty(methods, name, { value, configurable: true, enumerable, writable: true });
    for (const name of Object.keys(native)) {
      const run = Object.hasOwn(own, name) ? own[name] : undefined;
      const method = (args: Args): Promise<unknown> =>
        run === undefined || args.length < lengthOf(name) ? this.#leave(name, args) : run(args);
      add(name, promising(name, method), true);
    }
    // The runtime's is a static method: whoever lists the methods of `subtle` does not expect it.
    if (platformSupports !== undefined) add("supports", this.#supports(platformSupports), false);
    return methods as unknown as Subtle;
  }

  #supports(platforms: Supports): Supports {
    return (...args) => {
      // It throws if there are too few arguments.
      const isPlatforms = platforms(...args);
      const [operation, algorithm, extra] = args;
      const isOurs = namesFor(operation, algorithm, extra)?.every((name) => this.#sessions.has(name)) ?? false;
      return this.#isAllowed ? isPlatforms || isOurs : isPlatforms && isOurs;
    };
  }

  /** Leaves a method to the runtime's own subtle, if that is allowed. It refuses a call with too few arguments. */
  #leave(name: string, args: Args): Promise<unknown> {
    return this.#orNative(
      () => {
        if (args.length < lengthOf(name)) throw new Doubt(`these are too few arguments for ${name}`);
        throw new Lack(`the device does not support ${name}`);
      },
      () => native[name]?.(...args) as Promise<unknown>,
    );
  }

  /**
   * Uses the device. If it lacks something, uses the runtime's own subtle if that is allowed. If arguments are in doubt,
   * the runtime's own subtle judges them, so that errors are the runtime's; what it accepts is another lack.
   */
  #orNative<T>(own: () => Promise<T>, natives: () => Promise<T>): Promise<T> {
    const recover = (error: unknown): Promise<T> => {
      if (!(error instanceof Lack)) return Promise.reject(error);
      // The runtime's promise itself: the specification rejects it at once for some errors.
      if (this.#isAllowed || error instanceof Refusal) return natives();
      const refusal = notSupported(error.message, error.cause);
      return error instanceof Doubt ? natives().then(() => Promise.reject(refusal)) : Promise.reject(refusal);
    };
    try {
      return own().catch(recover);
    } catch (error) {
      return recover(error);
    }
  }

  #digest([given, data]: Args): Promise<ArrayBuffer> {
    const algorithm = describe(given, membersOf.digest);
    const bytes = copied(data);
    return this.#orNative(
      () => {
        if (bytes === undefined) throw new Doubt("the data is not a BufferSource");
        const { name } = ours(algorithm);
        return this.#sessions.digest(hashOf(name) as HashName, bytes).then(bufferOf);
      },
      () => native.digest(algorithm?.value ?? given, bytes ?? data),
    );
  }

  #crypt(operation: "encrypt" | "decrypt", [given, key, data]: Args): Promise<ArrayBuffer> {
    const algorithm = describe(given, membersOf.cipher);
    const bytes = dataFor(algorithm, data, operation === "encrypt");
    return this.#orNative(
      () => this.#cryptWith(algorithm, key, bytes, operation, operation === "encrypt"),
      () => native[operation](algorithm?.value ?? given, key, bytes ?? data),
    );
  }

  /** Encrypts or decrypts in the memory of `bytes`, with a key that has the usage. */
  #cryptWith(
    algorithm: Described | undefined,
    key: unknown,
    bytes: Bytes | undefined,
    usage: string,
    isEncryption: boolean,
  ): Promise<ArrayBuffer> {
    // What has the wrong type is refused before the algorithm is looked up.
    if (bytes === undefined || !isKey(key)) throw new Doubt("this is not a BufferSource or a CryptoKey");
    const parameters = ours(algorithm);
    requireUsage(key, parameters.name, usage);
    const work = cipherWork(parameters);
    work.check(bytes.length, isEncryption);
    return this.#sessions.use(key, bytes.length, (session) => work.run(session, bytes, isEncryption));
  }

  #sign([given, key, data]: Args): Promise<ArrayBuffer> {
    const algorithm = describe(given, membersOf.mac);
    const bytes = copied(data);
    return this.#orNative(
      () => this.#mac(algorithm, key, bytes, "sign").then(bufferOf),
      () => native.sign(algorithm?.value ?? given, key, bytes ?? data),
    );
  }

  #verify([given, key, signature, data]: Args): Promise<boolean> {
    const algorithm = describe(given, membersOf.mac);
    const expected = copied(signature);
    const bytes = copied(data);
    return this.#orNative(
      () => {
        if (expected === undefined) throw new Doubt("the signature is not a BufferSource");
        return this.#mac(algorithm, key, bytes, "verify").then(
          (mac) => expected.length === mac.length && equalInConstantTime(expected, mac),
        );
      },
      () => native.verify(algorithm?.value ?? given, key, expected ?? signature, bytes ?? data),
    );
  }

  #mac(algorithm: Described | undefined, key: unknown, bytes: Bytes | undefined, usage: string): Promise<Bytes> {
    if (bytes === undefined || !isKey(key)) throw new Doubt("this is not a BufferSource or a CryptoKey");
    const { name } = ours(algorithm);
    requireUsage(key, name, usage);
    return this.#sessions.use(key, bytes.length, (session) => digesting(session as DigestSession, bytes));
  }

  #importKey([kind, data, given, extractable, usages]: Args): Promise<unknown> {
    const format = stringOf(kind);
    const algorithm = describe(given, membersOf.import);
    const bytes = rawFormats.includes(format) ? copied(data) : undefined;
    const jwk = format === "jwk" ? jwkOf(data, algorithm) : undefined;
    const args = [format, bytes ?? jwk ?? data, algorithm?.value ?? given, Boolean(extractable), listed(usages)];
    const imported = this.#orNative(
      () => {
        requireUsages(args[4]);
        ourKeys(algorithm);
        return this.#imported(args, bytes, jwk);
      },
      () => native.importKey(...args),
    );
    // Beside the result, which would be later otherwise.
    const wipe = () => bytes?.fill(0);
    imported.then(wipe, wipe);
    return imported;
  }

  /** Has the runtime import a key. */
  async #imported(args: Args, bytes: Bytes | undefined, jwk: JsonWebKey | undefined): Promise<unknown> {
    const key = await native.importKey(...args);
    requireSupported(key);
    if (key.extractable) return key;
    if (bytes !== undefined) this.#keep(key, bytes);
    // The runtime decodes the key, so that it is the same one whatever it accepts as base64url.
    else if (jwk !== undefined) {
      const open = native.importKey("jwk", { kty: jwk.kty, k: jwk.k }, key.algorithm, true, key.usages);
      this.#keep(key, await exported((await open) as Key));
    }
    return key;
  }

  /**
   * Keeps a key that is not extractable. If the device lacks what that takes, the runtime's own subtle can still use the
   * key, if that is allowed.
   */
  #keep(key: Key, bytes: Bytes): void {
    try {
      this.#sessions.keep(key, bytes);
    } catch (error) {
      if (!(error instanceof Lack && this.#isAllowed)) throw error;
    }
  }

  #exportKey([format, key]: Args): Promise<unknown> {
    return this.#orNative(
      () => {
        requireSupported(key);
        return native.exportKey(format, key);
      },
      () => native.exportKey(format, key),
    );
  }

  #generateKey([given, extractable, usages]: Args): Promise<unknown> {
    const algorithm = describe(given, membersOf.generate);
    const args = [algorithm?.value ?? given, Boolean(extractable), listed(usages)];
    return this.#orNative(
      () => {
        requireUsages(args[2]);
        ourKeys(algorithm);
        return this.#made((isExtractable) => native.generateKey(args[0], isExtractable, args[2]), Boolean(extractable));
      },
      () => native.generateKey(...args),
    );
  }

  /** Has the runtime make a secret key. One that is not to be extractable is made so that its bytes can be kept. */
  async #made(make: (isExtractable: boolean) => Promise<unknown>, isExtractable: boolean): Promise<unknown> {
    const key = await make(true);
    requireSupported(key);
    if (isExtractable) return key;
    const bytes = await exported(key);
    try {
      const kept = (await native.importKey("raw", bytes, key.algorithm, false, key.usages)) as Key;
      this.#keep(kept, bytes);
      return kept;
    } finally {
      bytes.fill(0);
    }
  }

  /** The device does not derive keys, but it can use those that the runtime derives. */
  #deriveKey([given, base, target, extractable, usages]: Args): Promise<unknown> {
    const algorithm = describe(given, new Map());
    const derived = describe(target, membersOf.generate);
    const from = [algorithm?.value ?? given, base, derived?.value ?? target];
    const list = listed(usages);
    const derive = (isExtractable: boolean): Promise<unknown> => native.deriveKey(...from, isExtractable, list);
    return this.#orNative<unknown>(
      () => {
        requireUsages(list);
        if (algorithm === undefined) throw new Refusal("this is not an algorithm");
        if (!this.#isAllowed || derived?.isOurs !== true) {
          throw lackOfAlgorithm(algorithm);
        }
        return this.#made(derive, Boolean(extractable));
      },
      () => derive(Boolean(extractable)),
    );
  }

  #wrapKey([kind, key, wrappingKey, given]: Args): Promise<ArrayBuffer> {
    const format = stringOf(kind);
    const algorithm = describe(given, membersOf.cipher);
    return this.#orNative(
      async () => {
        if (!isKey(key) || !isKey(wrappingKey)) throw new Doubt("this is not a CryptoKey");
        const parameters = ours(algorithm);
        requireUsage(wrappingKey, parameters.name, "wrapKey");
        // Before the key is exported, because its size does not matter.
        cipherWork(parameters).check(0, true);
        if (!this.#isAllowed) requireSupported(key);
        // The runtime refuses a key that is not extractable here, as it would in its own wrapKey.
        const exported = await native.exportKey(format, key);
        const bytes = format === "jwk" ? new TextEncoder().encode(JSON.stringify(exported)) : (exported as ArrayBuffer);
        const plaintext = dataFor(algorithm, bytes, true);
        (ArrayBuffer.isView(bytes) ? bytes : new Uint8Array(bytes)).fill(0);
        let wrapped: ArrayBuffer | undefined;
        try {
          wrapped = await this.#cryptWith(algorithm, wrappingKey, plaintext, "wrapKey", true);
          return wrapped;
        } finally {
          // Unless it was encrypted in place, or by a thread that has its memory.
          if (plaintext !== undefined && plaintext.buffer !== wrapped && plaintext.length > 0) plaintext.fill(0);
        }
      },
      () => native.wrapKey(format, key, wrappingKey, algorithm?.value ?? given),
    );
  }

  #unwrapKey([kind, data, unwrappingKey, given, target, extractable, usages]: Args): Promise<unknown> {
    const format = stringOf(kind);
    const algorithm = describe(given, membersOf.cipher);
    const unwrapped = describe(target, membersOf.import);
    const bytes = copied(data);
    const rest = [unwrapped?.value ?? target, Boolean(extractable), listed(usages)];
    return this.#orNative(
      async () => {
        if (bytes === undefined || !isKey(unwrappingKey)) throw new Doubt("this is not a BufferSource or a CryptoKey");
        // The runtime refuses it before it decrypts anything.
        if (unwrapped === undefined || !keyFormats.includes(format))
          throw new Doubt("this is not an algorithm or a format");
        if (!unwrapped.isOurs && !this.#isAllowed) throw lackOfAlgorithm(unwrapped);
        const result = await this.#cryptWith(algorithm, unwrappingKey, bytes, "unwrapKey", false);
        try {
          return await this.#importKey([format, format === "jwk" ? parsed(result) : result, ...rest]);
        } finally {
          new Uint8Array(result).fill(0);
        }
      },
      () => native.unwrapKey(format, bytes ?? data, unwrappingKey, algorithm?.value ?? given, ...rest),
    );
  }
}

/**
 * Makes a method of one that returns a promise: it never throws. It has the name and the length of the runtime's, and
 * cannot be constructed.
 */
function promising(name: string, run: (args: Args) => Promise<unknown>): (...args: Args) => Promise<unknown> {
  const method = (...args: Args): Promise<unknown> => {
    try {
      return run(args);
    } catch (error) {
      return Promise.reject(error);
    }
  };
  return Object.defineProperties(method, {
    name: { value: name, configurable: true },
    length: { value: lengthOf(name), configurable: true },
  });
}

/** Returns how many arguments a method of the runtime requires. */
function lengthOf(name: string): number {
  return native[name]?.length ?? 0;
}

function* digesting(session: DigestSession, data: Bytes): Work<Bytes> {
  return yield session.digest(data, transferred);
}

/** Copies data to memory in which the work of an algorithm has room for its result. */
function dataFor(algorithm: Described | undefined, data: unknown, isEncryption: boolean): Bytes | undefined {
  if (!isEncryption || algorithm?.isOurs !== true) return copied(data);
  const work = cipherWork(algorithm.value as Parameters);
  return copied(data, work.room);
}
