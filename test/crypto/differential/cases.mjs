/*
 * Generates thousands of calls of node:crypto: every argument with every type, every encoding, every order of calls,
 * every kind of constructor and of stream. Plain JavaScript, because Node.js 20 also runs it, as the reference.
 */
import real from "node:crypto";
import { inherits, inspect } from "node:util";

const bytes = (size, first = 1) => Buffer.from(Array.from({ length: size }, (_, index) => (first + index * 7) & 255));
const memory = (size) => new Uint8Array(bytes(size)).buffer;
const [key, iv, nonce, tag] = [bytes(16), bytes(16, 3), bytes(12, 5), bytes(16, 9)];

function detached(make) {
  const buffer = new ArrayBuffer(16);
  const value = make(buffer);
  structuredClone(buffer, { transfer: [buffer] });
  return value;
}

const pair = real.generateKeyPairSync("ed25519");
const cryptoKey = await real.webcrypto.subtle.importKey("raw", key, "AES-CBC", true, ["encrypt"]);
const publicCryptoKey = await real.webcrypto.subtle
  .generateKey({ name: "ECDSA", namedCurve: "P-256" }, true, ["sign", "verify"])
  .then(({ publicKey }) => publicKey);

class Named {}
const shared = new Uint8Array(new SharedArrayBuffer(16)).fill(5);

/** Values of every type, by name. Functions, so that each case gets a value of its own. */
const values = {
  undefined: () => undefined,
  null: () => null,
  0: () => 0,
  "-0": () => -0,
  1: () => 1,
  4: () => 4,
  16: () => 16,
  20: () => 20,
  32: () => 32,
  "-1": () => -1,
  1.5: () => 1.5,
  NaN: () => NaN,
  Infinity: () => Number.POSITIVE_INFINITY,
  "2^32": () => 2 ** 32,
  "2^40": () => 2 ** 40,
  true: () => true,
  false: () => false,
  "Symbol()": () => Symbol("s"),
  "{}": () => ({}),
  "[]": () => [],
  "[1]": () => [1],
  "new Named": () => new Named(),
  "without a prototype": () => Object.create(null),
  "a Date": () => new Date(0),
  "a named function": () => function named() {},
  "an anonymous function": () => (() => () => {})(),
  "new String": () => new String("sixteen bytes ok"),
  '""': () => "",
  '"abc"': () => "abc",
  '"16"': () => "16",
  '"0g"': () => "0g",
  "text of 16 bytes": () => "sixteen bytes ok",
  "text of 12 bytes": () => "twelve bytes",
  "text beyond ASCII": () => "\u00e9\u{1f525} \u0142",
  "a lone surrogate": () => "\ud800a",
  "32 hex digits": () => "0f".repeat(16),
  "a Buffer of 16": () => bytes(16),
  "a Buffer of 12": () => bytes(12),
  "a Buffer of 15": () => bytes(15),
  "a Buffer of 32": () => bytes(32),
  "an empty Buffer": () => Buffer.alloc(0),
  "a Uint8Array": () => new Uint8Array(memory(16)),
  "a Uint8ClampedArray": () => new Uint8ClampedArray(memory(16)),
  "an Int16Array": () => new Int16Array(memory(16)),
  "a Float64Array": () => new Float64Array(memory(16)),
  "a BigInt64Array": () => new BigInt64Array(memory(16)),
  "a DataView": () => new DataView(memory(20), 2, 16),
  "an ArrayBuffer": () => memory(16),
  "a SharedArrayBuffer": () => shared.buffer,
  "a shared Uint8Array": () => shared,
  "a detached Uint8Array": () => detached((buffer) => new Uint8Array(buffer)),
  "a detached DataView": () => detached((buffer) => new DataView(buffer)),
  "a detached ArrayBuffer": () => detached((buffer) => buffer),
  "a view that tracks its buffer": () => new Uint8Array(new ArrayBuffer(16, { maxByteLength: 64 })),
  "a Uint8Array that claims another size": () =>
    Object.defineProperties(new Uint8Array(memory(16)), { byteLength: { value: 3 }, length: { value: 3 } }),
  "a KeyObject": () => real.createSecretKey(key),
  "a public KeyObject": () => pair.publicKey,
  "a private KeyObject": () => pair.privateKey,
  "a CryptoKey": () => cryptoKey,
  "a public CryptoKey": () => publicCryptoKey,
  "what claims to be a CryptoKey": () => ({ [Symbol.toStringTag]: "CryptoKey", type: "secret" }),
};

const names =
  "utf8 UTF8 utf-8 Utf-8 hex HEX Hex base64 BASE64 base64url BASE64URL latin1 LATIN1 binary Binary ascii ASCII ucs2 UCS2 ucs-2 Ucs-2 utf16le UTF16LE utf-16le UTF-16LE buffer BUFFER Buffer nope null 16";
/** Names of encodings, and values that are not names. */
const encodings = {
  ...Object.fromEntries([...names.split(" "), "", " hex"].map((name) => [`"${name}"`, () => name])),
  "new String of hex": () => new String("hex"),
  "what becomes hex": () => ({ toString: () => "hex" }),
  "an array of hex": () => ["hex"],
};
const anything = { ...values, ...encodings };
/**
 * Node.js itself aborts with a failed assertion for a length of -0. How the other two are shown depends on the engine.
 */
const { "-0": _fatal, "a detached DataView": _hidden, "a lone surrogate": _shown, ...lengths } = values;

const cases = new Map();
/** Adds a case. `run` gets the implementation; what it returns or throws is compared. */
const add = (what, run) => cases.set(what, run);
const each = (set, what, run) => {
  for (const [name, make] of Object.entries(set)) add(what.replace("*", name), (from) => run(from, make()));
};

/* Arguments of each function and method. */

const ciphers = [
  ["aes-128-cbc", 16, 16],
  ["aes-128-ctr", 16, 16],
  ["aes-128-ecb", 16, 0],
  ["aes-128-gcm", 16, 12],
  ["aes-128-ccm", 16, 13],
  ["aes-256-xts", 64, 16],
  ["des-ede3-cbc", 24, 8],
  // The device does not have these.
  ["chacha20-poly1305", 32, 12],
  ["aes-128-ocb", 16, 12],
  ["aes-128-cfb8", 16, 16],
  ["des-ede3-ecb", 24, 0],
].map(([name, keySize, ivSize]) => {
  const options = /ccm|ocb/.test(name) ? { authTagLength: 16 } : undefined;
  const start = (from, how = "createCipheriv", more = {}) =>
    from[how](name, bytes(keySize), ivSize === 0 ? null : bytes(ivSize, 3), { ...options, ...more });
  return { name, keySize, ivSize, options, start };
});
const whole = (cipher, data = "text") => [cipher.update(data), cipher.final()];

each(anything, "createHash(*)", (from, value) => from.createHash(value).update("a").digest("hex"));
each(anything, 'createHash("sha256", *)', (from, value) => from.createHash("sha256", value).update("a").digest("hex"));
each(anything, 'new Hash("sha256", *)', (from, value) => new from.Hash("sha256", value).update("a").digest("hex"));
each(lengths, "outputLength of *", (from, value) =>
  from.createHash("sha256", { outputLength: value }).update("a").digest("hex"),
);
each(lengths, "outputLength of * with shake256", (from, value) =>
  from.createHash("shake256", { outputLength: value }).update("a").digest("hex"),
);
each(values, "copy(*)", (from, value) => from.createHash("sha1").update("a").copy(value).digest("hex"));
each(lengths, "copy({ outputLength: * })", (from, value) =>
  from.createHash("sha1").update("a").copy({ outputLength: value }).digest("hex"),
);
for (const kind of ["createHash", "createHmac"]) {
  const start = (from) => from[kind]("sha1", "key");
  each(anything, `${kind}.update(*)`, (from, value) => start(from).update(value).digest("hex"));
  for (const text of ["abc", "6162", "YWJj+/-_", "\u00e9\u{1f525}"]) {
    each(anything, `${kind}.update("${text}", *)`, (from, value) => start(from).update(text, value).digest("hex"));
  }
  each(anything, `${kind}.digest(*)`, (from, value) => start(from).update("a").digest(value));
  each(anything, `${kind}.digest(*), the second time`, (from, value) => {
    const hash = start(from);
    hash.digest();
    return hash.digest(value);
  });
  each(anything, `${kind}.digest(*), after the stream's end`, (from, value) => start(from).end("a").digest(value));
}
each(anything, "hash(*, data)", (from, value) => from.hash(value, "a"));
each(anything, 'hash("sha1", *)', (from, value) => from.hash("sha1", value));
each(anything, 'hash("sha1", data, *)', (from, value) => from.hash("sha1", "a", value));
each(anything, "hash() with outputEncoding *", (from, value) => from.hash("sha1", "a", { outputEncoding: value }));
each(lengths, "hash() with outputLength *", (from, value) => from.hash("sha1", "a", { outputLength: value }));
each(anything, "createHmac(*, key)", (from, value) => from.createHmac(value, "key").update("a").digest("hex"));
each(anything, 'createHmac("sha1", *)', (from, value) => from.createHmac("sha1", value).update("a").digest("hex"));
each(anything, 'createHmac("sha1", "6b6579", *)', (from, value) =>
  from.createHmac("sha1", "6b6579", value).update("a").digest("hex"),
);
each(anything, "createHmac() with encoding *", (from, value) =>
  from.createHmac("sha1", "6b6579", { encoding: value }).update("a").digest("hex"),
);

for (const how of ["createCipheriv", "createDecipheriv"]) {
  each(anything, `${how}(*, key, iv)`, (from, value) => whole(from[how](value, key, iv), iv));
  for (const { name, ivSize, options, keySize, start } of ciphers) {
    const ownIv = ivSize === 0 ? null : bytes(ivSize, 3);
    const data = bytes(32);
    each(values, `${how}("${name}", *, iv)`, (from, value) => from[how](name, value, ownIv, options).update(data));
    each(values, `${how}("${name}", key, *)`, (from, value) =>
      from[how](name, bytes(keySize), value, options).update(data),
    );
    each(values, `${how}("${name}", key, iv, *)`, (from, value) =>
      from[how](name, bytes(keySize), ownIv, value).update(data),
    );
    each(lengths, `${how}("${name}") with authTagLength *`, (from, value) =>
      start(from, how, { authTagLength: value }).update(data),
    );
    each(values, `${how}("${name}").update(*)`, (from, value) => start(from, how).update(value));
    each(values, `${how}("${name}").setAutoPadding(*)`, (from, value) => {
      const cipher = start(from, how);
      return [cipher.setAutoPadding(value) === cipher, cipher.update(data), cipher.final()];
    });
    each(values, `${how}("${name}").setAAD(*)`, (from, value) => start(from, how).setAAD(value).update(data));
    each(values, `${how}("${name}").setAAD("61", *)`, (from, value) =>
      start(from, how).setAAD("61", value).update(data),
    );
    each(anything, `${how}("${name}").setAAD() with encoding *`, (from, value) =>
      start(from, how).setAAD("6162", { encoding: value, plaintextLength: 32 }).update(data),
    );
    each(lengths, `${how}("${name}").setAAD() with plaintextLength *`, (from, value) =>
      start(from, how).setAAD(iv, { plaintextLength: value }).update(data),
    );
    if (how === "createDecipheriv") {
      each(values, `"${name}".setAuthTag(*)`, (from, value) => {
        const decipher = start(from, how);
        return [decipher.setAuthTag(value) === decipher, attempt(() => decipher.update(data)), decipher.final()];
      });
      each(anything, `"${name}".setAuthTag("0f...", *)`, (from, value) => {
        start(from, how).setAuthTag("0f".repeat(16), value);
      });
    }
  }
  const ctr = (from) => from[how]("aes-128-ctr", key, iv);
  each(anything, `${how}() with encoding *`, (from, value) =>
    from[how]("aes-128-ctr", "0f".repeat(16), iv, { encoding: value }).update("a"),
  );
  for (const text of ["abc", "6162", "YWJj+/-_", "\u00e9\u{1f525}"]) {
    each(anything, `${how}.update("${text}", *)`, (from, value) => ctr(from).update(text, value));
  }
  each(anything, `${how}.update(data, undefined, *)`, (from, value) => {
    const cipher = ctr(from);
    return [attempt(() => cipher.update("\u00e9\u{1f525}", undefined, value)), cipher.update("next"), cipher.final()];
  });
  each(anything, `${how}.final(*)`, (from, value) => {
    const cipher = from[how]("aes-128-ctr", key, iv);
    cipher.update("abc");
    return [attempt(() => cipher.final(value)), attempt(() => cipher.final(value))];
  });
}
// Sizes of keys, ivs and tags, with each cipher.
for (const { name, keySize, ivSize, options } of ciphers) {
  for (const size of [0, 1, 7, 8, 11, 12, 13, 14, 15, 16, 17, 24, 31, 32, 33, 48, 64, 65]) {
    add(`"${name}" with a key of ${size}`, (from) =>
      from.createCipheriv(name, bytes(size), ivSize === 0 ? null : bytes(ivSize), options).update(bytes(32)),
    );
    add(`"${name}" with an iv of ${size}`, (from) =>
      from.createCipheriv(name, bytes(keySize), bytes(size), options).update(bytes(32)),
    );
    add(
      `"${name}" with a tag of ${size}`,
      (from) =>
        from.createDecipheriv(name, bytes(keySize), bytes(ivSize), options).setAuthTag(bytes(size)) && undefined,
    );
    add(
      `"${name}" with authTagLength ${size}`,
      (from) =>
        from.createCipheriv(name, bytes(keySize), ivSize === 0 ? null : bytes(ivSize), { authTagLength: size }) &&
        undefined,
    );
  }
}
for (const name of "sha1 SHA1 Sha1 sha-1 RSA-SHA1 rsa-sha1 RSA-SHA1-2 sha1WithRSAEncryption ssl3-sha1 ssl3-md5 md5 RSA-MD5 sha2-256 sha-256 sha512 sha224 ripemd RIPEMD160 rmd160 ripemd-160 sha1-2 md-5 nope constructor __proto__ toString".split(
  " ",
)) {
  add(`the hash ${name}`, (from) => [
    attempt(() => from.createHash(name).update("a").digest("hex")),
    attempt(() => from.createHmac(name, "a").update("a").digest("hex")),
    attempt(() => from.hash(name, "a")),
  ]);
}
for (const name of "aes-128-cbc AES-128-CBC aes128 AES128 id-aes128-GCM id-aes128-CCM aes-128-cfb128 nope constructor __proto__ toString aes".split(
  " ",
)) {
  add(`the cipher ${name}`, (from) => whole(from.createCipheriv(name, key, name.endsWith("M") ? nonce : iv)));
}
add(
  "XTS with equal halves of the key",
  (from) => from.createCipheriv("aes-128-xts", Buffer.alloc(32, 1), iv) && undefined,
);
add("XTS with equal halves of the key, to decrypt", (from) =>
  from.createDecipheriv("aes-128-xts", Buffer.alloc(32, 1), iv).update(iv),
);
for (const size of [2 ** 31 - 1, 2 ** 31]) {
  for (const name of ["aes-128-cbc", "aes-128-ctr", "aes-128-gcm"]) {
    add(`update() of ${size} bytes with ${name}`, (from) =>
      from.createCipheriv(name, key, name.endsWith("gcm") ? nonce : iv).update(Buffer.allocUnsafeSlow(size)),
    );
  }
}
for (const size of [65535, 65536, 70000]) {
  add(`CCM with ${size} bytes after a nonce of 13`, (from) => {
    const cipher = from.createCipheriv("aes-128-ccm", key, bytes(13), { authTagLength: 16 });
    return real
      .createHash("sha1")
      .update(cipher.update(Buffer.alloc(size)))
      .digest("hex");
  });
  add(`CCM with ${size} bytes announced after a nonce of 13`, (from) => {
    from.createCipheriv("aes-128-ccm", key, bytes(13), { authTagLength: 16 }).setAAD(key, { plaintextLength: size });
  });
}

/* The order of calls. */

/** Pseudorandom numbers, the same in every run. */
function randomOf(seed) {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

const cipherSteps = {
  'update("")': (it) => it.update(""),
  'update("abc")': (it) => it.update("abc"),
  "update(16)": (it) => it.update(bytes(16)),
  "update(33)": (it) => it.update(bytes(33)),
  'update("abc", "utf8", "hex")': (it) => it.update("abc", "utf8", "hex"),
  'update("abc", "utf8", "nope")': (it) => it.update("abc", "utf8", "nope"),
  "update(5)": (it) => it.update(5),
  "final()": (it) => it.final(),
  'final("hex")': (it) => it.final("hex"),
  "setAutoPadding()": (it) => it.setAutoPadding() === it,
  "setAutoPadding(false)": (it) => it.setAutoPadding(false) === it,
  "setAutoPadding(true)": (it) => it.setAutoPadding(true) === it,
};
const aeadSteps = {
  ...cipherSteps,
  "setAAD(20)": (it) => it.setAAD(bytes(20)) === it,
  'setAAD("")': (it) => it.setAAD("") === it,
  "setAAD(20, 3)": (it) => it.setAAD(bytes(20), { plaintextLength: 3 }) === it,
  "setAAD(20, 16)": (it) => it.setAAD(bytes(20), { plaintextLength: 16 }) === it,
};
const sealSteps = { ...aeadSteps, "getAuthTag()": (it) => it.getAuthTag() };
const openSteps = {
  ...aeadSteps,
  "setAuthTag(16)": (it) => it.setAuthTag(tag) === it,
  "setAuthTag(12)": (it) => it.setAuthTag(bytes(12)) === it,
  "setAuthTag(3)": (it) => it.setAuthTag(bytes(3)) === it,
};
const hashSteps = {
  'update("abc")': (it) => it.update("abc") === it,
  "update(100)": (it) => it.update(bytes(100)) === it,
  "update(5)": (it) => it.update(5),
  'update("abc", "hex")': (it) => it.update("abc", "hex"),
  "digest()": (it) => it.digest(),
  'digest("hex")': (it) => it.digest("hex"),
  "digest() with an encoding that throws": (it) =>
    it.digest({
      toString() {
        throw new Error("no encoding");
      },
    }),
  "copy().digest()": (it) => it.copy().digest("hex"),
};

const kinds = [
  ...ciphers.flatMap(({ name, start }) => {
    const isAead = /gcm|ccm|poly|ocb/.test(name);
    return [
      [`"${name}" to encrypt`, (from) => start(from), isAead ? sealSteps : { ...cipherSteps, ...pick(sealSteps) }],
      [
        `"${name}" to decrypt`,
        (from) => start(from, "createDecipheriv"),
        isAead ? openSteps : { ...cipherSteps, ...pick(openSteps) },
      ],
    ];
  }),
  ["a hash", (from) => from.createHash("sha256"), hashSteps],
  ["an HMAC", (from) => from.createHmac("sha256", "key"), hashSteps],
  ["a hash sha3-256", (from) => from.createHash("sha3-256"), hashSteps],
  ["an HMAC sha3-256", (from) => from.createHmac("sha3-256", "key"), hashSteps],
  ["an XOF shake128", (from) => from.createHash("shake128", { outputLength: 5 }), hashSteps],
];
/** Selects a few steps of authenticated ciphers to try with other ciphers. */
function pick(steps) {
  return Object.fromEntries(
    Object.entries(steps).filter(([name]) => /^(setAAD\(20\)|getAuthTag|setAuthTag\(16)/.test(name)),
  );
}

/**
 * Removes steps for which Node.js itself is wrong with CCM: the end without a message (it then accepts any tag, and
 * returns uninitialised memory as its own), aad after the message, and a second message.
 */
function asCcmGoes(order) {
  let hasMessage = false;
  let announced = "";
  return order.filter((step) => {
    const size = /^setAAD\(20, (\d+)/.exec(step)?.[1];
    if (size !== undefined) announced = announced === "" || announced === size ? size : "two sizes";
    if (step === "update(5)" || /^(set(AuthTag|AutoPadding)|getAuthTag)/.test(step)) return true;
    if (!step.startsWith("update")) return step.startsWith("final") === hasMessage;
    if (hasMessage || step === 'update("")' || !step.includes(announced === "3" ? "abc" : announced)) return false;
    hasMessage = true;
    return true;
  });
}

const random = randomOf(16);
for (const [what, start, steps] of kinds) {
  const all = Object.keys(steps);
  const orders = all.flatMap((first) => all.map((second) => [first, second]));
  for (let count = 0; count < 300; count += 1) {
    orders.push(Array.from({ length: 3 + random(5) }, () => all[random(all.length)]));
  }
  for (const whole of orders) {
    const order = what.includes("ccm") ? asCcmGoes(whole) : whole;
    add(`${what}: ${order.join(", ")}`, (from) => {
      const object = start(from);
      return order.map((step) => attempt(() => steps[step](object)));
    });
  }
}
// Correct tags of every size, announced or not, set before or after the data.
for (const name of ["aes-128-gcm", "aes-256-gcm", "aes-192-ccm"]) {
  for (const size of [4, 6, 8, 12, 13, 14, 15, 16]) {
    for (const isAnnounced of [true, false]) {
      for (const isLate of [true, false]) {
        const what = `${name} with a tag of ${size} bytes, ${isAnnounced ? "" : "not "}announced, ${isLate ? "after" : "before"} the data`;
        add(what, (from) => {
          const isCcm = name.endsWith("ccm");
          const options = isCcm || isAnnounced ? { authTagLength: size } : {};
          const args = [name, bytes(Number(name.slice(4, 7)) / 8), nonce];
          const cipher = from.createCipheriv(...args, options).setAAD(key, { plaintextLength: 40 });
          const sealed = Buffer.concat([cipher.update(bytes(40)), cipher.final()]);
          const right = cipher.getAuthTag().subarray(0, size);
          return [right, Buffer.from(right).fill(right[0] ^ 1, 0, 1)].map((given) =>
            attempt(() => {
              const decipher = from.createDecipheriv(...args, options).setAAD(key, { plaintextLength: 40 });
              if (!isLate) decipher.setAuthTag(given);
              const data = decipher.update(sealed);
              if (isLate) decipher.setAuthTag(given);
              return [data, decipher.final()];
            }),
          );
        });
      }
    }
  }
}

/* Constructors. */

const constructors = {
  Hash: [["sha1"], (it) => it.update("a").digest("hex")],
  Hmac: [["sha1", "key"], (it) => it.update("a").digest("hex")],
  Cipheriv: [["aes-128-cbc", key, iv], (it) => it.update("a", "utf8", "hex") + it.final("hex")],
  Decipheriv: [["aes-128-ctr", key, iv], (it) => it.update("a", "utf8", "hex") + it.final("hex")],
};
for (const [name, [args, use]] of Object.entries(constructors)) {
  add(`new ${name}()`, (from) => use(new from[name](...args)));
  add(`${name}()`, (from) => use(from[name](...args)));
  add(`${name}() by itself`, (from) => {
    const Own = from[name];
    return use(Own(...args));
  });
  add(`Reflect.construct(${name})`, (from) => use(Reflect.construct(from[name], args)));
  add(`new ${name}() without arguments`, (from) => new from[name]());
  add(`${name}() without arguments`, (from) => from[name]());
  add(`a class that extends ${name}`, (from) => {
    class Own extends from[name] {
      update(...rest) {
        this.count = (this.count ?? 0) + 1;
        return super.update(...rest);
      }
    }
    const it = new Own(...args);
    const isOne = [it instanceof Own, it instanceof from[name], from[name](...args) instanceof Own];
    return [use(it), it.count, isOne, Object.getPrototypeOf(it) === Own.prototype, it.constructor === Own];
  });
  add(`a class with arguments of its own that extends ${name}`, (from) => {
    const Base = from[name];
    class Own extends Base {
      constructor() {
        super(...args);
      }
    }
    return use(new Own());
  });
  if (name !== "Hash") {
    add(`a function that inherits ${name}`, (from) => {
      function Own() {
        from[name].call(this, ...args);
      }
      inherits(Own, from[name]);
      const it = new Own();
      return [use(it), it instanceof from[name], it instanceof Own];
    });
  }
  add(`what create${name} makes`, (from) => {
    const it = from[`create${name}`](...args);
    return [
      it instanceof from[name],
      it.constructor === from[name],
      Object.getPrototypeOf(it) === from[name].prototype,
      it instanceof from.Hash,
      it instanceof from.Cipheriv,
      typeof it.pipe,
      typeof it._transform,
    ];
  });
  add(`a method of ${name} that was replaced`, (from) => {
    const { update } = from[name].prototype;
    const seen = [];
    from[name].prototype.update = function (...rest) {
      seen.push(rest.length);
      return update.apply(this, rest);
    };
    try {
      return [use(from[`create${name}`](...args)), seen];
    } finally {
      from[name].prototype.update = update;
    }
  });
  add(`${name}'s own names`, (from) => [
    from[name].name,
    from[name].length,
    typeof from[name],
    Object.getOwnPropertyNames(from[name].prototype)
      .filter((method) => method !== "_destroy")
      .sort()
      .map((method) => [method, from[name].prototype[method].length]),
    Object.keys(from[name].prototype)
      .filter((method) => method !== "_destroy")
      .sort(),
  ]);
}
for (const name of ["createHash", "createHmac", "createCipheriv", "createDecipheriv", "hash", "getCipherInfo"]) {
  add(`the name of ${name}`, (from) => [from[name].name, from[name].length, typeof from[name]]);
}
for (const name of ["getHashes", "getCiphers"]) {
  add(`what ${name} gives`, (from) => {
    const list = from[name]();
    list.push("changed");
    return [Array.isArray(list), from[name]().includes("changed")];
  });
}
add("copy() of a subclass", (from) => {
  class Own extends from.Hash {}
  const copy = new Own("sha1").copy();
  return [copy instanceof Own, copy instanceof from.Hash, copy.digest("hex")];
});
each(lengths, "getCipherInfo(*)", (from, value) => from.getCipherInfo(value));
each(values, 'getCipherInfo("aes-128-cbc", *)', (from, value) => from.getCipherInfo("aes-128-cbc", value));
for (const { name } of ciphers) {
  add(`getCipherInfo("${name}")`, (from) => from.getCipherInfo(name));
  for (const ivLength of [0, 7, 12, 13, 14, 16]) {
    add(`getCipherInfo("${name}") with ivLength ${ivLength}`, (from) => from.getCipherInfo(name, { ivLength }));
  }
}

/* Streams. */

const streamOptions = {
  "no options": undefined,
  "decodeStrings: false": { decodeStrings: false },
  "decodeStrings: true": { decodeStrings: true },
  objectMode: { objectMode: true },
  readableObjectMode: { readableObjectMode: true },
  writableObjectMode: { writableObjectMode: true },
  'encoding: "hex"': { encoding: "hex" },
  'encoding: "nope"': { encoding: "nope" },
  'encoding: "buffer"': { encoding: "buffer" },
  'defaultEncoding: "hex"': { defaultEncoding: "hex" },
  'defaultEncoding: "latin1"': { defaultEncoding: "latin1" },
  "highWaterMark: 1": { highWaterMark: 1 },
  "highWaterMark: -1": { highWaterMark: -1 },
  "autoDestroy: false": { autoDestroy: false },
  "emitClose: false": { emitClose: false },
  "a flush of its own": { flush: (done) => done(null, "flushed") },
  "a number": 5,
};
const use = { "a hash": (it) => it.digest("hex"), "an HMAC": (it) => it.digest("hex") };
const streams = {
  "a hash": (from, options) => from.createHash("sha1", options),
  "an HMAC": (from, options) => from.createHmac("sha1", "6b6579", options),
  "a cipher": (from, options) => from.createCipheriv("aes-128-cbc", key, iv, options),
  "a GCM cipher": (from, options) => from.createCipheriv("aes-128-gcm", key, nonce, options),
  "a decipher": (from, options) => from.createDecipheriv("aes-128-cbc", key, iv, options),
  "a GCM decipher": (from, options) => from.createDecipheriv("aes-128-gcm", key, nonce, options),
};
// Only texts with an even number of hexadecimal digits: Node.js itself aborts with a failed assertion for others.
const courses = {
  "write and end": (it) => [it.write("abcd"), it.end("6162", "hex") === it],
  "text beyond ASCII": (it) => [it.write("\u00e9\u{1f525}", "latin1"), it.end("\u00e9", "ucs2") === it],
  "an encoding that does not exist": (it) => it.write("abcd", "nope"),
  nothing: (it) => it.end() === it,
  "views of other types": (it) => [it.write(new Uint8Array(memory(16))), it.end(new Uint8Array(memory(16))) === it],
  null: (it) => it.write(null),
  "update and end": (it) => [it.update("abcd") !== undefined, it.end("ef01") === it],
  "its result, and then end": (it, end) => [it.update("abcd") && undefined, end(it), it.end() === it],
  "its result, and then write": (it, end) => [it.update("abcd") && undefined, end(it), attempt(() => it.write("aa"))],
  "end, and then its result": (it, end) => [it.end("abcd") === it, attempt(() => end(it)), attempt(() => end(it))],
  "end, and then update": (it) => [it.end("abcd") === it, attempt(() => it.update("aa") && undefined)],
  "end, and then write": (it) => [it.end("abcd") === it, attempt(() => it.write("aa"))],
  "end, and then end": (it) => [it.end("abcd") === it, attempt(() => it.end("aa") === it)],
  "setEncoding() and read()": (it) => [it.setEncoding("hex") === it, it.end("abcd") === it, it.read()],
  "setDefaultEncoding()": (it) => [it.setDefaultEncoding("hex") === it, it.end("6162") === it],
  "read() before the end": (it) => [it.write(bytes(40)), it.read(), it.end() === it],
};
for (const [optionsName, options] of Object.entries(streamOptions)) {
  for (const [what, start] of Object.entries(streams)) {
    for (const [course, run] of Object.entries(courses)) {
      add(`${what} as a stream with ${optionsName}: ${course}`, async (from) => {
        const it = start(from, options);
        const events = [];
        const calls = attempt(() => {
          it.on("error", (error) => events.push(["error", shown(error)]));
          if (!/read\(\)/.test(course)) it.on("data", (data) => events.push(["data", shown(data)]));
          it.on("end", () => events.push(["end"]));
          it.on("close", () => events.push(["close"]));
          return run(it, use[what] ?? ((cipher) => cipher.final("hex")));
        });
        await new Promise((resolve) => setImmediate(() => setImmediate(resolve)));
        const tag = what === "a GCM cipher" ? attempt(() => it.getAuthTag()) : undefined;
        return [calls, ...events.map((event) => event.join(" ")), tag];
      });
    }
  }
}

/* The results that are compared. */

/** Describes the outcome of a call as text. */
export function shown(value) {
  if (value instanceof Error) {
    // Node.js shows a misplaced text, which may be a secret; this library does not.
    const message = value.message
      .replace(/(Public|Private|Secret)KeyObject/, "KeyObject")
      .replace(/Received type string \(.*\)$/s, "Received type string")
      .replace(
        /^(The property '.*' is invalid\. Received) (?!(?:'.*'|-?\d+|\d\.\d|NaN|Infinity|true|false)$).*$/s,
        "$1 an object",
      );
    const [name] = value.name.split(" ");
    if (value.code === "ERR_UNKNOWN_ENCODING") return `${name} ${value.code} ${isName(message) ? message : ""}`;
    // The engine's own error for a value that cannot be converted to text or a number.
    return `${name} ${value.code} ${name === "TypeError" && value.code === undefined ? "" : message}`;
  }
  if (Buffer.isBuffer(value)) return `Buffer ${value.length > 100 ? `${value.length}` : value.toString("hex")}`;
  if (Array.isArray(value)) return `[${value.map(shown).join(", ")}]`;
  if (typeof value === "object" && value !== null && typeof value.pipe === "function") return "a stream";
  return typeof value === "string" ? JSON.stringify(value) : inspect(value, { breakLength: Number.POSITIVE_INFINITY });
}

function isName(message) {
  return [" hex", ...names.split(" ")].includes(message.slice("Unknown encoding: ".length));
}

function attempt(compute) {
  try {
    return compute();
  } catch (error) {
    return error;
  }
}

/** Runs every case. Returns the outcomes, by the names of the cases. */
export async function outcomesOf(from) {
  const outcomes = new Map();
  for (const [what, run] of cases) {
    let outcome;
    try {
      outcome = shown(await run(from));
    } catch (error) {
      outcome = shown(error);
    }
    outcomes.set(what, outcome);
  }
  return outcomes;
}
