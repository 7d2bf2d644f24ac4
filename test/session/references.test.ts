import { Device } from "@cryptodev/core";
import { CIOCAUTHCRYPT, type crypt_auth_op, type crypt_op } from "@cryptodev/core/abi";
import { type Argument, updateCreating } from "@cryptodev/core/host";
import { SoftwareHost, type SoftwareHostOptions } from "@cryptodev/soft";
import { describe, expect, test } from "vitest";
import { pattern, toHex } from "../bytes.ts";
import { resizable } from "../memory.ts";

/*
 * Which memory of the program the arguments of calls refer to, during a call and after it: memory that they still refer
 * to is not collected, and an address that is looked up costs more than the rest of a short call.
 */

/** The software device, with every argument that it got, and a count of the addresses that were looked up. */
class ArgumentHost extends SoftwareHost {
  readonly arguments = new Set<Argument>();
  lookups = 0;
  /** What the pointers of the last call referred to. */
  last: readonly (Uint8Array | null)[] = [];

  override ioctl(fd: number, request: number, argument: Argument | null): number {
    if (argument !== null) {
      this.arguments.add(argument);
      this.last = [...argument.pointees];
    }
    return super.ioctl(fd, request, argument);
  }

  override addressOf(bytes: Uint8Array, argument?: Argument): number {
    this.lookups += 1;
    return super.addressOf(bytes, argument);
  }

  /** Whether an argument refers to this memory. */
  refersTo(memory: Uint8Array): boolean {
    return [...this.arguments].some(({ pointees }) => pointees.some((view) => view?.buffer === memory.buffer));
  }

  /** Whether the last call referred to this memory. */
  hadReferredTo(memory: Uint8Array): boolean {
    return this.last.some((view) => view?.buffer === memory.buffer);
  }
}

/** A host whose device cannot pass on memory, as that of a kernel. */
class KernelLikeHost extends ArgumentHost {
  override readonly resultAddress = undefined as unknown as number;
}

const key = pattern(16);
const iv = pattern(16, 7);
const large = 5000;

function reach(options: SoftwareHostOptions = {}, chunkSize = 2 ** 20) {
  const host = new KernelLikeHost(options);
  return { host, device: Device.open(host, { chunkSize }) };
}

describe("large data is processed where it is, and not referred to after that,", () => {
  test("by Cipher.encryptInto(), also if that fails", () => {
    const { host, device } = reach();
    const ctr = device.cipher("aes-ctr", key);
    const [source, destination] = [pattern(large), new Uint8Array(large)];
    ctr.encryptInto(source, destination, iv);
    expect([host.hadReferredTo(source), host.hadReferredTo(destination)]).toEqual([true, true]);
    expect([host.refersTo(source), host.refersTo(destination)]).toEqual([false, false]);
    host.device.failNext("ENOMEM", "CIOCCRYPT");
    const other = pattern(large);
    expect(() => ctr.encryptInto(other, destination, iv)).toThrow(expect.objectContaining({ code: "ENOMEM" }));
    expect(host.refersTo(other)).toBe(false);
  });

  test("by Cipher.encrypt() on a device that creates the result", () => {
    const host = new ArgumentHost();
    const cbc = Device.open(host).cipher("aes-cbc", key);
    const source = pattern(4992);
    const result = cbc.encrypt(source, iv);
    expect([host.hadReferredTo(source), host.hadReferredTo(result)]).toEqual([true, false]);
    expect(host.refersTo(source)).toBe(false);
    for (const size of [16, 4992, 32]) {
      const expected = Device.open(new KernelLikeHost()).cipher("aes-cbc", key).encrypt(pattern(size), iv);
      expect(toHex(cbc.encrypt(pattern(size), iv))).toBe(toHex(expected));
    }
    const encryptor = cbc.encryptor(iv);
    expect(toHex(encryptor.update(source))).toBe(toHex(result));
    expect(host.hadReferredTo(result)).toBe(false);
  });

  test("by Hash.digest()", () => {
    const { host, device } = reach();
    const data = pattern(large);
    device.hash("sha1").digest(data);
    expect(host.hadReferredTo(data)).toBe(true);
    expect(host.refersTo(data)).toBe(false);
  });

  test.each(["aes-gcm", "aes-ccm"] as const)("by Aead.sealInto() and openInto() of %s, also if they fail", (name) => {
    const { host, device } = reach();
    const aead = device.aead(name, key);
    const [plaintext, sealed, opened] = [pattern(large), new Uint8Array(large + 16), new Uint8Array(large + 16)];
    const message = { nonce: pattern(12), aad: pattern(20) };
    aead.sealInto(plaintext, sealed, message);
    aead.openInto(sealed, opened, message);
    expect(host.hadReferredTo(opened)).toBe(true);
    expect([plaintext, sealed, opened].map((memory) => host.refersTo(memory))).toEqual([false, false, false]);
    (sealed[0] as number) ^= 1;
    expect(() => aead.openInto(sealed, opened, message)).toThrow(
      expect.objectContaining({ name: "AuthenticationError" }),
    );
    expect([sealed, opened].map((memory) => host.refersTo(memory))).toEqual([false, false]);
    // Small data after that goes through the library's own memory again.
    expect(toHex(aead.open(aead.seal(pattern(9), message), message))).toBe(toHex(pattern(9)));
  });

  test("by TlsCipher.sealInto() and SrtpCipher.sealInto()", () => {
    const { host, device } = reach();
    const tls = device.tls({ cipher: "aes-cbc", key, mac: "sha1", macKey: pattern(20) });
    const fragment = pattern(large + 100);
    tls.sealInto(fragment.subarray(0, large), fragment, { header: pattern(13), iv });
    expect(host.hadReferredTo(fragment)).toBe(true);
    expect(host.refersTo(fragment)).toBe(false);
    const srtp = device.srtp({ cipher: "aes-ctr", key, mac: "sha1", macKey: pattern(20) });
    const packet = pattern(large + 20);
    srtp.sealInto(packet.subarray(0, large), packet, { headerSize: 12, iv });
    expect(host.hadReferredTo(packet)).toBe(true);
    expect(host.refersTo(packet)).toBe(false);
    const small = srtp.seal(pattern(100), { headerSize: 12, iv });
    expect(toHex(srtp.open(small, { headerSize: 12, iv }))).toBe(toHex(pattern(100)));
  });
});

describe("memory that operations use again", () => {
  test("is referred to from the second operation on, without a look-up, until the session is closed", () => {
    const { host, device } = reach();
    const ctr = device.cipher("aes-ctr", key);
    const [source, destination, own] = [pattern(100), new Uint8Array(100), iv.slice()];
    for (let times = 0; times < 3; times += 1) ctr.encryptInto(source, destination, own);
    const before = host.lookups;
    for (let times = 0; times < 3; times += 1) ctr.decryptInto(source, destination, own);
    expect(host.lookups).toBe(before);
    for (const memory of [source, destination, own]) expect(host.hadReferredTo(memory)).toBe(true);
    ctr.close();
    for (const memory of [source, destination, own]) expect(host.refersTo(memory)).toBe(false);
  });

  test("is referred to by a hash in the same way", () => {
    const { host, device } = reach();
    const sha = device.hash("sha1");
    const [data, digest] = [pattern(100), new Uint8Array(20)];
    for (let times = 0; times < 3; times += 1) sha.digestInto(digest, data);
    const before = host.lookups;
    sha.digestInto(digest, data);
    expect(host.lookups).toBe(before);
    expect(host.hadReferredTo(data)).toBe(true);
    sha.close();
    expect([host.refersTo(data), host.refersTo(digest)]).toEqual([false, false]);
  });

  test("is referred to up to the chunk size, and not beyond it", () => {
    for (const [size, isKept] of [
      [64, true],
      [80, false],
    ] as const) {
      const { host, device } = reach({}, 64);
      const ctr = device.cipher("aes-ctr", key);
      const memory = pattern(size);
      for (let times = 0; times < 3; times += 1) ctr.encryptInto(memory, memory, iv);
      expect(host.refersTo(memory)).toBe(isKept);
    }
  });

  test("is referred to up to a page by XTS, which otherwise has to find out each time how the driver worked", () => {
    for (const [size, isKept] of [
      [4096, true],
      [4112, false],
    ] as const) {
      const { host, device } = reach();
      const xts = device.cipher("aes-xts", pattern(32));
      const memory = pattern(size);
      for (let times = 0; times < 3; times += 1) xts.encryptInto(memory, memory, iv);
      expect(host.refersTo(memory)).toBe(isKept);
    }
  });

  test("is not referred to if it is different each time", () => {
    const { host, device } = reach();
    const ctr = device.cipher("aes-ctr", key);
    for (let times = 0; times < 40; times += 1) {
      const memory = pattern(100);
      ctr.encryptInto(memory, memory, iv.slice());
      expect(host.refersTo(memory)).toBe(false);
    }
    const sha = device.hash("sha1");
    for (let times = 0; times < 40; times += 1) {
      const memory = pattern(100);
      sha.digestInto(new Uint8Array(20), memory);
      expect(host.refersTo(memory)).toBe(false);
    }
  });

  test.each(["source", "destination", "iv"] as const)("is measured each time if the %s can be resized", (role) => {
    const { host, device } = reach();
    const ctr = device.cipher("aes-ctr", key);
    const size = role === "iv" ? 16 : 32;
    const changing = new Uint8Array(resizable(size, 64));
    const memory = { source: pattern(32), destination: new Uint8Array(32), iv: iv.slice(), [role]: changing };
    for (let times = 0; times < 4; times += 1) ctr.encryptInto(memory.source, memory.destination, memory.iv);
    expect(Object.values(memory).map((view) => host.refersTo(view))).toEqual([false, false, false]);
  });

  test.each(["source", "destination", "iv"] as const)("is recognized if only the %s is different", (role) => {
    const { device } = reach();
    const cbc = device.cipher("aes-cbc", key);
    const expected = (source: Uint8Array, from: Uint8Array) =>
      toHex(Device.open(new SoftwareHost()).cipher("aes-cbc", key).encrypt(source, from));
    const memory = { source: pattern(32), destination: new Uint8Array(32), iv: pattern(16) };
    const others = { ...memory, [role]: pattern(role === "iv" ? 16 : 32, 99) };
    for (const use of [memory, others, memory, memory, others, memory, others, others, memory]) {
      use.destination.fill(0);
      cbc.encryptInto(use.source, use.destination, use.iv);
      expect(toHex(use.destination)).toBe(expected(use.source, use.iv));
    }
  });
});

describe("small data in new memory each time goes through memory of the library, without a look-up,", () => {
  const plain = new KernelLikeHost();
  const creating = new ArgumentHost();
  const nonce = pattern(12);
  const operations: readonly (readonly [string, ArgumentHost, (device: Device) => () => void])[] = [
    [
      "by Cipher.encryptInto()",
      plain,
      (device) => {
        const ctr = device.cipher("aes-ctr", key);
        return () => ctr.encryptInto(pattern(100), new Uint8Array(100), iv.slice());
      },
    ],
    [
      "by Cipher.encrypt() on a device that creates the result",
      creating,
      (device) => {
        const ctr = device.cipher("aes-ctr", key);
        return () => ctr.encrypt(pattern(100), iv.slice());
      },
    ],
    [
      "by CipherChunks.update() on such a device",
      creating,
      (device) => {
        const encryptor = device.cipher("aes-cbc", key).encryptor(iv);
        return () => encryptor.update(pattern(64));
      },
    ],
    [
      "by Aead.sealInto()",
      plain,
      (device) => {
        const gcm = device.aead("aes-gcm", key);
        return () => gcm.sealInto(pattern(100), new Uint8Array(116), { nonce, aad: pattern(9) });
      },
    ],
    [
      "by Hash.digest()",
      plain,
      (device) => {
        const sha = device.hash("sha1");
        return () => sha.digest(pattern(100));
      },
    ],
  ];

  test.each(operations)("%s", (_what, host, start) => {
    const device = Device.open(host);
    const operate = start(device);
    operate();
    operate();
    const before = host.lookups;
    for (let times = 0; times < 3; times += 1) operate();
    expect(host.lookups).toBe(before);
    device.close();
  });

  test("which starts at a page, so that the driver gets one page", () => {
    const { host, device } = reach();
    device.hash("sha1").digest(pattern(100));
    const [call] = [...host.arguments].filter(({ offset }) => "mac" in offset && "src" in offset) as Argument<
      typeof crypt_op
    >[];
    expect((call?.addresses[call.offset.src / call.pointerSize] as number) % 4096).toBe(0);
  });
});

describe("updateCreating() of chunks", () => {
  const sizes = [16, 5, 27, 0, 64, 100, 28];
  const expected = Device.open(new SoftwareHost())
    .cipher("aes-ctr", key)
    .encrypt(new Uint8Array(sizes.reduce((sum, size) => sum + size)), iv);

  test.each([
    ["writes to memory of the caller", KernelLikeHost, false],
    ["returns memory of the device for blocks that follow whole blocks", ArgumentHost, true],
  ])("%s", (_what, Host, creates) => {
    for (const name of ["aes-cbc", "aes-ctr"] as const) {
      const device = Device.open(new Host());
      const plain = Device.open(new SoftwareHost()).cipher<"aes-cbc" | "aes-ctr">(name, key).encryptor(iv, {});
      const chunks = device.cipher<"aes-cbc" | "aes-ctr">(name, key).encryptor(iv, {});
      let held = 0;
      for (const size of sizes) {
        const allocated: Uint8Array[] = [];
        const allocate = (bytes: number) => {
          allocated.push(new Uint8Array(bytes));
          return allocated.at(-1) as Uint8Array;
        };
        const result = updateCreating(chunks, new Uint8Array(size), allocate);
        expect(toHex(result)).toBe(toHex(plain.update(new Uint8Array(size))));
        const isFirst = held === 0 && (size === 0 || size >= 16);
        expect(allocated).toHaveLength(creates && isFirst ? 0 : 1);
        if (allocated.length > 0) expect(allocated[0]).toBe(result);
        held = (held + size) % 16;
      }
      expect(() => updateCreating(chunks, "text" as unknown as Uint8Array, () => new Uint8Array())).toThrow(
        new RegExp(`^data for ${name}: expected a Uint8Array`),
      );
      device.close();
    }
  });

  test("returns as many bytes as it gets if the chunks are eager", () => {
    for (const Host of [KernelLikeHost, ArgumentHost]) {
      const chunks = Device.open(new Host()).cipher("aes-ctr", key).encryptor(iv, { eager: true });
      const results = sizes.map((size) =>
        updateCreating(chunks, new Uint8Array(size), (bytes) => new Uint8Array(bytes)),
      );
      expect(results.map(({ length }) => length)).toEqual(sizes);
      expect(results.map(toHex).join("")).toBe(toHex(expected));
    }
  });
});

test("a long mac key does not overwrite the key that is passed with it", () => {
  const { device } = reach();
  const [macKey, data] = [pattern(200, 3), pattern(32)];
  const both = device.cipherWithMac({ cipher: "aes-cbc", key, mac: "hmac-sha1", macKey }).encrypt(data, { iv });
  expect(toHex(both.ciphertext)).toBe(toHex(device.cipher("aes-cbc", key).encrypt(data, iv)));
  expect(toHex(both.mac)).toBe(toHex(device.hmac("sha1", macKey).digest(data)));
});

test("XTS works in aligned memory where it is, and in a copy of other memory", () => {
  const { host, device } = reach({ alignmask: 15 });
  const xts = device.cipher("aes-xts", pattern(32));
  for (const [offset, isCopied] of [
    [0, false],
    [16, false],
    [8, true],
  ] as const) {
    const memory = new Uint8Array(8192 + offset).subarray(offset);
    xts.encryptInto(memory, memory, iv);
    expect(host.hadReferredTo(memory)).toBe(!isCopied);
    // The copy is wiped.
    if (isCopied) {
      const copies = host.last.filter((view) => view?.length === 8192);
      expect(copies.some((view) => view?.some(Boolean))).toBe(false);
    }
  }
});

test("Device.close() wipes the memory of the library, which contains the last data", () => {
  const { host, device } = reach();
  device.hash("sha1").digest(pattern(100));
  const views = host.last.filter((view) => view !== null);
  expect(views.some((view) => view.some(Boolean))).toBe(true);
  device.close();
  expect(views.some((view) => view.some(Boolean))).toBe(false);
});

test.each(["aes-gcm", "srtp"] as const)(
  "large data of %s is unchanged if the operation fails before the device begins to process it",
  (name) => {
    const { host, device } = reach();
    const before = pattern(large);
    const memory = before.slice();
    host.device.failNext("EINVAL", CIOCAUTHCRYPT.name);
    const open =
      name === "aes-gcm"
        ? () => device.aead(name, key).openInto(memory, memory, { nonce: pattern(12) })
        : () =>
            device
              .srtp({ cipher: "aes-ctr", key, mac: "sha1", macKey: pattern(20) })
              .openInto(memory, memory, { headerSize: 12, iv });
    expect(open).toThrow(expect.objectContaining({ code: "EINVAL" }));
    expect(toHex(memory)).toBe(toHex(before));
  },
);

test("an operation without aad has no pointer to any, also after one that had some", () => {
  const { host, device } = reach();
  const gcm = device.aead("aes-gcm", key);
  const pointer = () => {
    const [call] = [...host.arguments].filter(({ offset }) => "auth_src" in offset) as Argument<typeof crypt_auth_op>[];
    return call === undefined ? undefined : call.getPointer(call.offset.auth_src);
  };
  for (const aad of [pattern(5), undefined, pattern(5), undefined]) {
    gcm.seal(pattern(10), { nonce: pattern(12), aad });
    expect(pointer() === 0).toBe(aad === undefined);
  }
});
