import { createCipheriv } from "node:crypto";
import { type AeadName, AuthenticationError, Device } from "@cryptodev/core";
import { SoftwareHost } from "@cryptodev/soft";
import { describe, expect, test } from "vitest";
import { backends } from "../backends.ts";
import { fromHex, pattern, toHex } from "../bytes.ts";
import { testOn } from "../device_fixture.ts";
import { detach } from "../memory.ts";
import { vectors } from "../vectors/aeads.ts";

const nameOf = (id: number): AeadName => (id === 50 ? "aes-gcm" : "aes-ccm");
const names = ["aes-gcm", "aes-ccm"] as const;
const [key, nonce, aad] = [pattern(16), pattern(12), pattern(20)];

/** Changes one bit. */
const changed = (bytes: Uint8Array, at: number): Uint8Array =>
  bytes.map((byte, index) => (index === at ? byte ^ 1 : byte));

describe.each(backends)("on the $name,", (backend) => {
  const test = testOn(backend);

  test.for(vectors)("Aead.seal() and open() return the known answer of $source", (vector, { device }) => {
    const { id, key, nonce, aad, plaintext, ciphertext, tag } = vector;
    const session = device.aead(nameOf(id), fromHex(key), { tagSize: tag.length / 2 });
    const message = { nonce: fromHex(nonce), ...(aad === "" ? {} : { aad: fromHex(aad) }) };
    expect(toHex(session.seal(fromHex(plaintext), message))).toBe(ciphertext + tag);
    expect(toHex(session.open(fromHex(ciphertext + tag), message))).toBe(plaintext);
    const detached = session.seal(fromHex(plaintext), { ...message, detached: true });
    expect([toHex(detached.ciphertext), toHex(detached.tag)]).toEqual([ciphertext, tag]);
    expect(toHex(session.open(detached.ciphertext, { ...message, tag: detached.tag }))).toBe(plaintext);
  });

  test("Aead.seal() seals an empty message to a tag, with or without aad", ({ device }) => {
    const session = device.aead("aes-128-gcm", new Uint8Array(16));
    // GCM test case 1.
    const sealed = session.seal(new Uint8Array(), { nonce: new Uint8Array(12) });
    expect(toHex(sealed)).toBe("58e2fccefa7e3061367f1d57a4e7455a");
    expect(session.open(sealed, { nonce: new Uint8Array(12) })).toHaveLength(0);
    expect(session.seal(new Uint8Array(), { nonce: new Uint8Array(12), aad: new Uint8Array(8) })).toHaveLength(16);
    expect(session.seal(new Uint8Array(), { nonce: new Uint8Array(12), aad: new Uint8Array() })).toEqual(sealed);
    expect(session.seal(new Uint8Array(), { nonce: new Uint8Array(12), aad: undefined })).toEqual(sealed);
  });

  test.for(names)("Aead.sealInto() and openInto() of %s write in place and to separate memory", (name, { device }) => {
    const session = device.aead(name, key);
    const expected = session.seal(pattern(100), { nonce, aad });

    const place = new Uint8Array(120).fill(0xee);
    place.set(pattern(100));
    expect(session.sealInto(place.subarray(0, 100), place, { nonce, aad })).toBe(116);
    expect(toHex(place)).toBe(`${toHex(expected)}eeeeeeee`);
    expect(session.openInto(place.subarray(0, 116), place, { nonce, aad })).toBe(100);
    expect(place.subarray(0, 100)).toEqual(pattern(100));

    const separate = new Uint8Array(120).fill(0xee);
    expect(session.sealInto(pattern(100), separate, { nonce, aad })).toBe(116);
    expect(toHex(separate)).toBe(`${toHex(expected)}eeeeeeee`);

    const packet = new Uint8Array(20 + 116);
    packet.set(aad);
    packet.set(pattern(100), 20);
    session.sealInto(packet.subarray(20, 120), packet.subarray(20), { nonce, aad: packet.subarray(0, 20) });
    expect(toHex(packet.subarray(20))).toBe(toHex(expected));
  });

  test("Aead.sealInto() reads aad that is in the destination before it writes there", ({ device }) => {
    for (const managedNonce of [false, true]) {
      const session = device.aead("aes-gcm", key, { managedNonce });
      const message = managedNonce ? {} : { nonce };
      const memory = pattern(64);
      const size = session.sealInto(pattern(16), memory, { ...message, aad: memory.subarray(8, 16) });
      const opened = session.open(memory.subarray(0, size), { ...message, aad: pattern(64).subarray(8, 16) });
      expect(opened).toEqual(pattern(16));
    }
  });

  test.for(names)(
    "Aead.sealInto() and openInto() of %s notice what has changed since the last operation over the same memory",
    (name, { device }) => {
      const session = device.aead(name, pattern(16));
      const [message, nonce, aad] = [pattern(40), pattern(12), pattern(9)];
      const [sealed, opened] = [new Uint8Array(56), new Uint8Array(56)];
      for (let round = 0; round < 3; round += 1) {
        for (let times = 0; times < 2; times += 1) {
          expect(session.sealInto(message, sealed, { nonce, aad })).toBe(56);
          expect(sealed).toEqual(device.aead(name, pattern(16)).seal(message, { nonce, aad }));
        }
        for (let times = 0; times < 2; times += 1) {
          expect(session.openInto(sealed, opened, { nonce, aad })).toBe(40);
          expect(opened.subarray(0, 40)).toEqual(message);
        }
        for (const forged of [sealed, nonce, aad]) {
          (forged[0] as number) ^= 1;
          expect(() => session.openInto(sealed, opened, { nonce, aad })).toThrow(AuthenticationError);
          expect(opened).toEqual(new Uint8Array(56));
          (forged[0] as number) ^= 1;
          session.openInto(sealed, opened, { nonce, aad });
        }
        // The same memory without aad, and in the other direction.
        expect(() => session.openInto(sealed, opened, { nonce })).toThrow(AuthenticationError);
        const wide = new Uint8Array(72);
        session.openInto(sealed, wide, { nonce, aad });
        expect(session.sealInto(sealed, wide, { nonce, aad })).toBe(72);
        expect(wide).toEqual(device.aead(name, pattern(16)).seal(sealed, { nonce, aad }));
        for (const changed of [message, nonce, aad]) changed[round] = 0xee;
      }
      session.sealInto(message, sealed, { nonce, aad });
      detach(aad);
      expect(() => session.sealInto(message, sealed, { nonce, aad })).toThrow(/^aad for aes-.cm: its memory is gone/);
    },
  );

  test.for(names)(
    "Aead.open() and openInto() of %s refuse every forgery with an AuthenticationError and leave no plaintext",
    (name, { device }) => {
      const session = device.aead(name, key);
      const sealed = session.seal(pattern(64), { nonce, aad });
      const destination = new Uint8Array(100);
      const refused = (message: Uint8Array, more: { nonce: Uint8Array; aad?: Uint8Array }) => {
        destination.fill(0xee);
        expect(() => session.openInto(message, destination, more)).toThrow(AuthenticationError);
        expect(toHex(destination)).toBe("00".repeat(80) + "ee".repeat(20));
        expect(() => session.open(message, more)).toThrow(AuthenticationError);
        const [ciphertext, tag] = [message.subarray(0, 64), message.subarray(64)];
        expect(() => session.open(ciphertext, { ...more, tag })).toThrow(AuthenticationError);
      };
      for (const at of [0, 63, 64, 79]) refused(changed(sealed, at), { nonce, aad });
      refused(sealed, { nonce: pattern(12, 4), aad });
      refused(sealed, { nonce, aad: pattern(20, 4) });
      refused(sealed, { nonce });
      const place = changed(sealed, 0);
      expect(() => session.openInto(place, place, { nonce, aad })).toThrow(AuthenticationError);
      expect(place).toEqual(new Uint8Array(80));
      expect(session.open(sealed, { nonce, aad })).toEqual(pattern(64));
    },
  );

  test.for(names)(
    "Aead.seal() with `detached` returns the parts of what it returns without, with %s",
    (name, { device }) => {
      for (const size of [0, 1, 100, 5000]) {
        const session = device.aead(name, key, { tagSize: 8 });
        const { ciphertext, tag } = session.seal(pattern(size), { nonce, aad, detached: true });
        expect([ciphertext.length, tag.length]).toEqual([size, 8]);
        expect(toHex(ciphertext) + toHex(tag)).toBe(
          toHex(session.seal(pattern(size), { nonce, aad, detached: false })),
        );
        expect(session.open(ciphertext, { nonce, aad, tag })).toEqual(pattern(size));
        // Neither argument is changed.
        expect(toHex(session.open(ciphertext, { nonce, aad, tag }))).toBe(toHex(pattern(size)));
        for (let at = 0; at < 8; at += 1) {
          expect(() => session.open(ciphertext, { nonce, aad, tag: changed(tag, at) })).toThrow(AuthenticationError);
        }
      }
    },
  );

  test("Aead.seal() of CCM accepts nonces of 7 to 13 bytes", ({ device }) => {
    const session = device.aead("aes-ccm", key);
    for (let size = 7; size <= 13; size += 1) {
      const sealed = session.seal(pattern(50), { nonce: pattern(size) });
      expect(session.open(sealed, { nonce: pattern(size) })).toEqual(pattern(50));
    }
    expect(session.seal(new Uint8Array(65535), { nonce: pattern(13) })).toHaveLength(65535 + 16);
    expect(session.nonceSize).toEqual({ min: 7, max: 13 });
  });

  // The software device processes so much in slices, between which it serves others.
  test.for(names)(
    "Aead.openInto() of %s opens a message of 300,000 bytes, and refuses a forgery",
    (name, { device }) => {
      const session = device.aead(name, key);
      const sealed = session.seal(pattern(300_000), { nonce, aad });
      const opened = new Uint8Array(sealed.length);
      expect(session.openInto(sealed, opened, { nonce, aad })).toBe(300_000);
      expect(Buffer.compare(opened.subarray(0, 300_000), pattern(300_000))).toBe(0);
      for (const at of [0, sealed.length - 17, sealed.length - 1]) {
        expect(() => session.openInto(changed(sealed, at), opened, { nonce, aad })).toThrow(AuthenticationError);
      }
    },
  );

  test("Aead.seal() of GCM seals more than 2 ** 24 bytes, too long for the same nonce in CCM", ({ device }) => {
    const session = device.aead("aes-128-gcm", key);
    const data = new Uint8Array(2 ** 24);
    const sealed = session.seal(data, { nonce });
    expect(sealed).toHaveLength(2 ** 24 + 16);
    const direct = createCipheriv("aes-128-gcm", key, nonce);
    direct.update(data);
    direct.final();
    expect(toHex(sealed.subarray(-16))).toBe(direct.getAuthTag().toString("hex"));
  });

  test("Aead has its name, its sizes and its driver", ({ device }) => {
    const session = device.aead("aes-256-gcm", pattern(32), { tagSize: 12 });
    expect(session).toMatchObject({
      name: "aes-256-gcm",
      tagSize: 12,
      overhead: 12,
      nonceSize: { min: 12, max: 12 },
    });
    expect(session.info().cipher?.name).toBe("gcm(aes)");
    expect(session.info().mac).toBeUndefined();
  });

  test("Aead refuses arguments of the wrong size", ({ device }) => {
    const gcm = device.aead("aes-gcm", key);
    const ccm = device.aead("aes-ccm", key);
    const refusals: readonly (readonly [() => unknown, string])[] = [
      [() => device.aead("aes-gcm", pattern(15)), "key for aes-gcm: expected 16, 24 or 32 bytes, got 15"],
      [
        () => device.aead("aes-gcm", key, { tagSize: 5 }),
        "tag size for aes-gcm: expected 4, 8, 12, 13, 14, 15 or 16 bytes, got 5",
      ],
      [
        () => device.aead("aes-ccm", key, { tagSize: 7 }),
        "tag size for aes-ccm: expected 4, 6, 8, 10, 12, 14 or 16 bytes, got 7",
      ],
      [
        () => device.aead("aes-cbc" as AeadName, key),
        'aead: expected one of aes-gcm, aes-ccm; got "aes-cbc", which is a cipher: use device.cipher()',
      ],
      [() => gcm.seal(pattern(1), { nonce: pattern(11) }), "nonce for aes-gcm: expected 12 bytes, got 11"],
      [() => ccm.seal(pattern(1), { nonce: pattern(14) }), "nonce for aes-ccm: expected 7 to 13 bytes, got 14"],
      [
        () => ccm.seal(new Uint8Array(65536), { nonce: pattern(13) }),
        "source for aes-ccm: expected at most 65535 bytes with a nonce of 13 bytes, got 65536",
      ],
      [
        () => gcm.seal(pattern(1), { nonce, aad: new Uint8Array(4097) }),
        "aad for aes-gcm: expected at most 4096 bytes, got 4097",
      ],
      [
        () => gcm.sealInto(pattern(16), new Uint8Array(31), { nonce }),
        "destination for aes-gcm: expected at least 32 bytes, got 31",
      ],
      [
        () => gcm.openInto(pattern(32), new Uint8Array(16), { nonce }),
        "destination for aes-gcm: expected at least 32 bytes, got 16",
      ],
      [() => gcm.open(pattern(15), { nonce }), "source for aes-gcm: expected at least the tag's 16 bytes, got 15"],
      [() => gcm.open(pattern(16), { nonce, tag: pattern(15) }), "tag for aes-gcm: expected 16 bytes, got 15"],
      [() => gcm.open(pattern(16), { nonce, tag: pattern(17) }), "tag for aes-gcm: expected 16 bytes, got 17"],
    ];
    for (const [call, message] of refusals) expect(call).toThrow(new RangeError(message));
    for (const call of [() => gcm.seal(pattern(1)), () => gcm.seal(pattern(1), {}), () => gcm.open(pattern(16), {})]) {
      expect(call).toThrow(
        new TypeError("nonce for aes-gcm: expected a Uint8Array, got none; pass it by name: { nonce }"),
      );
    }
  });

  test("Aead.sealInto() and openInto() refuse a destination that partly overlaps the source", ({ device }) => {
    const gcm = device.aead("aes-gcm", key);
    const memory = pattern(64);
    const overlap = "destination for aes-gcm: expected the source itself or memory apart from it, got an overlap";
    for (const call of [
      () => gcm.sealInto(memory.subarray(1, 17), memory, { nonce }),
      () => gcm.sealInto(memory.subarray(0, 16), memory.subarray(15), { nonce }),
      // The tag would overwrite the source, although the data would not.
      () => gcm.sealInto(memory.subarray(20, 36), memory.subarray(0, 32), { nonce }),
      () => gcm.openInto(memory.subarray(0, 32), memory.subarray(1), { nonce }),
      () => gcm.openInto(memory.subarray(31), memory.subarray(0, 33), { nonce }),
    ]) {
      expect(call).toThrow(new RangeError(overlap));
    }
    expect(memory).toEqual(pattern(64));
  });

  describe("with managedNonce,", () => {
    test.for(names)(
      "Aead.seal() of %s returns nonce, ciphertext and tag, with a new nonce each time",
      (name, { device }) => {
        const session = device.aead(name, key, { managedNonce: true, tagSize: 8 });
        expect(session).toMatchObject({ overhead: 20, tagSize: 8, nonceSize: { min: 12, max: 12 } });
        const unmanaged = device.aead(name, key, { tagSize: 8 });
        const seen = new Set<string>();
        // More than one pool of random bytes.
        for (let count = 0; count < 200; count += 1) {
          const sealed = session.seal(pattern(count), { aad });
          expect(sealed).toHaveLength(count + 20);
          const nonce = sealed.slice(0, 12);
          seen.add(toHex(nonce));
          expect(toHex(sealed.subarray(12))).toBe(toHex(unmanaged.seal(pattern(count), { nonce, aad })));
          expect(unmanaged.open(sealed.subarray(12), { nonce, aad })).toEqual(pattern(count));
          expect(session.open(sealed, { aad })).toEqual(pattern(count));
        }
        expect(seen.size).toBe(200);
      },
    );

    test("two sessions with one key do not use the same nonces", ({ device }) => {
      const nonceOf = () =>
        toHex(device.aead("aes-gcm", key, { managedNonce: true }).seal(new Uint8Array()).subarray(0, 12));
      expect(new Set(Array.from({ length: 20 }, nonceOf)).size).toBe(20);
    });

    test.for(names)("Aead.open() of %s opens what a session without it has sealed", (name, { device }) => {
      const sealed = device.aead(name, key).seal(pattern(5000), { nonce, aad });
      const session = device.aead(name, key, { managedNonce: true });
      expect(session.open(Uint8Array.from([...nonce, ...sealed]), { aad })).toEqual(pattern(5000));
    });

    // The larger size does not go through the arena.
    test.for([0, 100, 5000])(
      "Aead.sealInto() and openInto() work in place if the plaintext is at offset 12, with %i bytes",
      (size, { device }) => {
        const session = device.aead("aes-gcm", key, { managedNonce: true });
        const memory = new Uint8Array(size + 28 + 4).fill(0xee);
        memory.set(pattern(size), 12);
        expect(session.sealInto(memory.subarray(12, 12 + size), memory, { aad })).toBe(size + 28);
        const sealed = memory.slice(0, size + 28);
        expect(toHex(memory.subarray(size + 28))).toBe("eeeeeeee");
        expect(toHex(session.open(sealed, { aad }))).toBe(toHex(pattern(size)));
        expect(session.openInto(memory.subarray(0, size + 28), memory.subarray(12), { aad })).toBe(size);
        expect(toHex(memory.subarray(12, 12 + size))).toBe(toHex(pattern(size)));
        expect(toHex(memory.subarray(0, 12))).toBe(toHex(sealed.subarray(0, 12)));

        const [separate, opened] = [new Uint8Array(size + 28), new Uint8Array(size + 16)];
        expect(session.sealInto(pattern(size), separate, { aad })).toBe(size + 28);
        expect(session.openInto(separate, opened, { aad })).toBe(size);
        expect(toHex(opened.subarray(0, size))).toBe(toHex(pattern(size)));
      },
    );

    test("Aead.sealInto() and openInto() refuse memory that overlaps in any other way", ({ device }) => {
      const session = device.aead("aes-gcm", key, { managedNonce: true });
      const overlap = "destination for aes-gcm: expected the source itself or memory apart from it, got an overlap";
      const memory = pattern(128);
      for (const call of [
        () => session.sealInto(memory.subarray(0, 50), memory),
        () => session.sealInto(memory.subarray(13, 50), memory),
        () => session.sealInto(memory.subarray(11, 50), memory),
        // Only the nonce would overwrite it.
        () => session.sealInto(memory.subarray(0, 12), memory),
        () => session.sealInto(memory.subarray(20, 41), memory.subarray(40)),
        () => session.openInto(memory.subarray(0, 60), memory),
        () => session.openInto(memory.subarray(0, 60), memory.subarray(11)),
      ]) {
        expect(call).toThrow(new RangeError(overlap));
      }
      expect(memory).toEqual(pattern(128));
    });

    test("Aead refuses a nonce, `detached`, a tag, and messages that are too short", ({ device }) => {
      const session = device.aead("aes-gcm", key, { managedNonce: true });
      const sealed = session.seal(pattern(9));
      for (const [call, message] of [
        [
          () => session.seal(pattern(9), { nonce }),
          "nonce for aes-gcm: expected none, because the session manages nonces",
        ],
        [
          () => session.sealInto(pattern(9), new Uint8Array(99), { nonce }),
          "nonce for aes-gcm: expected none, because the session manages nonces",
        ],
        [() => session.open(sealed, { nonce }), "nonce for aes-gcm: expected none, because the session manages nonces"],
        [
          () => session.openInto(sealed, new Uint8Array(99), { nonce }),
          "nonce for aes-gcm: expected none, because the session manages nonces",
        ],
        [
          () => session.seal(pattern(9), { detached: true }),
          "detached for aes-gcm: expected false, because the session manages nonces",
        ],
        [
          () => session.open(sealed, { tag: pattern(16) }),
          "tag for aes-gcm: expected none, because the session manages nonces",
        ],
        [
          () => device.aead("aes-gcm", key, { managedNonce: 1 as unknown as boolean }),
          "managedNonce for aes-gcm: expected true or false, got 1",
        ],
      ] as const) {
        expect(call).toThrow(new TypeError(message));
      }
      for (const size of [0, 11, 12, 27]) {
        const message = `source for aes-gcm: expected at least 28 bytes of nonce and tag, got ${size}`;
        expect(() => session.open(sealed.subarray(0, size))).toThrow(new RangeError(message));
        expect(() => session.openInto(sealed.subarray(0, size), new Uint8Array(99))).toThrow(new RangeError(message));
      }
      expect(() => session.open(sealed.subarray(0, 28))).toThrow(AuthenticationError);
      expect(() => session.sealInto(pattern(9), new Uint8Array(36))).toThrow(
        new RangeError("destination for aes-gcm: expected at least 37 bytes, got 36"),
      );
      expect(() => session.openInto(sealed, new Uint8Array(24))).toThrow(
        new RangeError("destination for aes-gcm: expected at least 25 bytes, got 24"),
      );
      session.close();
      for (const call of [() => session.seal(pattern(9)), () => session.open(sealed)]) {
        expect(call).toThrow(expect.objectContaining({ name: "ClosedError" }));
      }
    });

    test("Aead.open() refuses every forgery, of the nonce too, and leaves no plaintext", ({ device }) => {
      const session = device.aead("aes-gcm", key, { managedNonce: true });
      const sealed = session.seal(pattern(64), { aad });
      for (const at of [0, 11, 12, 75, 76, 91]) {
        const destination = new Uint8Array(100).fill(0xee);
        expect(() => session.openInto(changed(sealed, at), destination, { aad })).toThrow(AuthenticationError);
        expect(toHex(destination)).toBe("00".repeat(80) + "ee".repeat(20));
        expect(() => session.open(changed(sealed, at), { aad })).toThrow(AuthenticationError);
      }
      expect(() => session.open(sealed)).toThrow(AuthenticationError);
    });
  });
});

test("Device.aead() never sends a tag size that would crash the kernel", () => {
  const device = Device.open(new SoftwareHost());
  for (const tagSize of [0, 1, 3, 5, 7, 17, -4, 4.5, Number.NaN, "16" as unknown as number]) {
    expect(() => device.aead("aes-gcm", pattern(16), { tagSize })).toThrow(RangeError);
  }
  device.close();
});
