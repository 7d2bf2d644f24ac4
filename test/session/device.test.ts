import { Device, type DeviceOptions } from "@cryptodev/core";
import {
  CIOCFSESSION,
  CIOCGSESSINFO,
  CIOCGSESSION,
  CRIOGET,
  errnos,
  FIOCLEX,
  LP64,
  requestNumber,
} from "@cryptodev/core/abi";
import { type Argument, traced } from "@cryptodev/core/host";
import { SoftwareHost } from "@cryptodev/soft";
import { describe, expect, test } from "vitest";
import { backends } from "../backends.ts";
import { fromHex, pattern } from "../bytes.ts";
import { RecordingHost } from "../recording_host.ts";
import { realHost } from "../runtime.ts";
import { ways } from "../software.ts";

const key = fromHex("c0ffee00c0ffee11c0ffee22c0ffee33");

describe.each(backends)("Device on the $name", (backend) => {
  test("clone() returns a device that stays open when the original is closed", () => {
    const device = backend.open();
    const [one, other] = [device.clone(), device.clone()];
    device.close();
    const aes = one.cipher("aes-cbc", key);
    other.close();
    expect(aes.encrypt(pattern(16), pattern(16))).toHaveLength(16);
    one.close();
    expect(() => aes.encrypt(pattern(16), pattern(16))).toThrow(expect.objectContaining({ name: "ClosedError" }));
  });

  test("capabilities() reports which algorithms it has, and by which driver", () => {
    const device = backend.open();
    const capabilities = device.capabilities();
    expect(capabilities.map(({ name, kind }) => `${kind} ${name}`)).toEqual(
      [
        ...["cipher 3des-cbc", "cipher aes-cbc", "aead aes-ccm", "cipher aes-cfb", "cipher aes-ctr", "cipher aes-ecb"],
        ...["aead aes-gcm", "cipher aes-ofb", "cipher aes-xts", "cipher blowfish-cbc", "cipher camellia-cbc"],
        ...["cipher des-cbc", "hash md5", "hmac md5", "cipher null", "hash ripemd160", "hmac ripemd160", "hash sha1"],
        ...["hmac sha1", "hash sha224", "hmac sha224", "hash sha256", "hmac sha256", "hash sha384", "hmac sha384"],
        ...["hash sha512", "hmac sha512"],
      ].map((line) => expect.stringMatching(new RegExp(`^(${line.split(" ")[0]}|hash|hmac) ${line.split(" ")[1]}$`))),
    );
    const cbc = capabilities.find(({ name }) => name === "aes-cbc");
    expect(cbc).toMatchObject({
      available: true,
      keySizes: [16, 24, 32],
      blockSize: 16,
      ivSize: 16,
      driver: expect.stringMatching(/\S/),
    });
    expect(cbc).not.toHaveProperty("digestSize");
    expect(JSON.parse(JSON.stringify(capabilities))).toHaveLength(27);
    device.close();
  });
});

describe.each(ways)("Device.capabilities(), $name,", ({ reach }) => {
  test("lists an algorithm that the device does not have as unavailable, with the reason and without a driver", async () => {
    const { host, path } = await reach({ lacks: ["aes-gcm", "hmac-sha1"] });
    const device = Device.open(host, { path });
    const missing = device.capabilities().filter((capability) => !capability.available);
    expect(missing).toEqual([
      expect.objectContaining({ kind: "aead", name: "aes-gcm", available: false, reason: "no-driver" }),
      expect.objectContaining({ kind: "hmac", name: "sha1", available: false, reason: "no-driver" }),
    ]);
    for (const capability of missing) expect(capability).not.toHaveProperty("driver");
    device.close();
  });

  test('lists only the algorithms that hardware runs with `hardware: "require"`, and those first with `"prefer"`', async () => {
    const engine = await reach({ hardware: true, alignmask: 15, lacks: ["aes-cbc"] });
    const hardware = Device.open(engine.host, { path: engine.path });
    const required = hardware.capabilities({ hardware: "require" });
    expect(required.every((capability) => capability.available && capability.hardware)).toBe(true);
    expect(required).toHaveLength(26);
    expect(required[0]).toMatchObject({ hardware: true, alignmask: 15 });
    expect(hardware.capabilities({ hardware: "prefer" }).at(-1)?.name).toBe("aes-cbc");
    const { host, path } = await reach();
    const software = Device.open(host, { path });
    expect(software.capabilities({ hardware: "require" })).toEqual([]);
    expect(() => software.capabilities({ hardware: "requier" as "require" })).toThrow(
      new RangeError('hardware: expected "allow", "require" or "prefer", got "requier"'),
    );
    for (const device of [hardware, software]) device.close();
  });
});

describe("Device.capabilities()", () => {
  test("starts one session after the other, and ends each one", () => {
    const host = new RecordingHost();
    const device = Device.open(host);
    const available = device.capabilities().filter((capability) => capability.available).length;
    const requests = host.calls.map(({ request }) => request);
    const cycle = [CIOCGSESSION, CIOCGSESSINFO, CIOCFSESSION].map((ioctl) => requestNumber(ioctl, LP64));
    expect(requests).toEqual(Array.from({ length: available }, () => cycle).flat());
    device.close();
  });

  test("throws any error other than that of a missing algorithm", () => {
    const host = new SoftwareHost({ enableStats: true });
    const device = Device.open(host);
    host.device.failNext("ENOMEM", "CIOCGSESSION");
    expect(() => device.capabilities()).toThrow(expect.objectContaining({ code: "ENOMEM" }));
    device.close();
    expect(() => device.capabilities()).toThrow(expect.objectContaining({ name: "ClosedError" }));
  });
});

describe('a device that was opened with `hardware: "require"`', () => {
  test("refuses sessions that software runs, and leaves none open", () => {
    let ended = 0;
    const host = new SoftwareHost({ enableStats: true, onUsage: () => (ended += 1) });
    const device = Device.open(host, { hardware: "require" });
    expect(() => device.cipher("aes-cbc", key)).toThrow(
      expect.objectContaining({
        name: "HardwareRequiredError",
        algorithm: "aes-cbc",
        driver: "cbc(aes)-software",
        message: 'aes-cbc is served by cbc(aes)-software, which is software, but hardware: "require" was requested',
      }),
    );
    expect(() => device.hash("sha1")).toThrow(/sha1 is served by sha1-software, which is software/);
    expect(() => device.cipherWithMac({ cipher: "aes-cbc", key, mac: "sha1" })).toThrow(
      /with sha1 is served by cbc\(aes\)-software, which/,
    );
    expect(ended).toBe(3);
    const reasons = device.capabilities().map((capability) => (capability.available ? "" : capability.reason));
    expect(new Set(reasons)).toEqual(new Set(["no-hardware"]));
    device.close();
  });

  test.each(ways)("starts sessions that hardware runs, $name", async ({ reach }) => {
    const { host, path } = await reach({ hardware: true });
    const device = Device.open(host, { path, hardware: "require" });
    expect(device.cipher("aes-cbc", key).info().hardware).toBe(true);
    device.close();
    expect(() => Device.open(host, { path, hardware: "prefer" as "allow" })).toThrow(RangeError);
  });
});

describe("Device.allocate()", () => {
  test("returns memory at the addresses that a driver asks for, on any host", async () => {
    for (const host of [new SoftwareHost(), await realHost()]) {
      const device = Device.open({
        backend: "kernel",
        machine: host.machine,
        open: () => 99,
        close: () => 0,
        ioctl: () => 0,
        poll: () => 0,
        addressOf: (bytes) => host.addressOf(bytes),
        warn: () => {},
      });
      for (const [size, alignmask] of [
        [1, 63],
        [100, 15],
        [4096, 4095],
        [0, 63],
        [7, 0],
      ] as const) {
        const memory = device.allocate(size, alignmask);
        expect(memory).toHaveLength(size);
        if (size > 0) expect(Number(host.addressOf(memory)) % (alignmask + 1)).toBe(0);
      }
      for (const [size, alignmask] of [
        [-1, 63],
        [1.5, 63],
        [1, 62],
        [1, -1],
      ] as const) {
        expect(() => device.allocate(size, alignmask)).toThrow(RangeError);
      }
      device.close();
    }
  });

  test.each(ways)(
    "returns memory that the driver does not copy, unlike memory that is not aligned, $name",
    async ({ reach }) => {
      const { host, path } = await reach({ alignmask: 15 });
      const device = Device.open(host, { path, statistics: true });
      const aes = device.cipher("aes-cbc", key);
      // Small data is copied to memory of the library, which is aligned.
      const size = 65536;
      const aligned = device.allocate(size, aes.info().alignmask);
      aes.encryptInto(aligned, aligned, pattern(16));
      expect(aes.statistics).toMatchObject({ operations: 1, bytes: size, copied: 0 });
      const memory = device.allocate(size + 1).subarray(1);
      aes.encryptInto(memory, memory, pattern(16));
      expect(aes.statistics).toMatchObject({ operations: 2, bytes: 2 * size, copied: 1 });
      device.close();
    },
  );
});

describe("Session.statistics", () => {
  test("counts the operations of a session, and not those that were refused", () => {
    const host = new RecordingHost();
    const device = Device.open(host, { statistics: true });
    const aes = device.cipher("aes-ctr", key);
    expect(aes.statistics).toMatchObject({ operations: 0, bytes: 0, largest: 0, average: 0, copied: 0 });
    aes.encrypt(pattern(10), pattern(16));
    aes.encrypt(pattern(20), pattern(16));
    expect(() => aes.encrypt(pattern(99), pattern(15))).toThrow();
    host.answers.push(-12);
    expect(() => aes.encrypt(pattern(99), pattern(16))).toThrow();
    expect(aes.statistics).toMatchObject({ operations: 2, bytes: 30, largest: 20, average: 15 });
    const gcm = device.aead("aes-gcm", key);
    gcm.seal(pattern(7), { nonce: pattern(12) });
    expect(gcm.statistics).toMatchObject({ operations: 1, bytes: 7 });
    device.close();
  });

  test("is undefined unless the device was opened with `statistics`", () => {
    const device = Device.open(new SoftwareHost());
    expect(device.hash("sha1").statistics).toBeUndefined();
    device.close();
  });
});

describe("Device.clone()", () => {
  test("shares the descriptor of a device that another process serves, which cannot create one here", () => {
    const host = new RecordingHost();
    const device = Device.open(host);
    host.answers.push(-errnos.EOPNOTSUPP);
    const clone = device.clone();
    expect(host.calls.at(-1)?.request).toBe(requestNumber(CRIOGET, LP64));
    device.close();
    device.close();
    expect(host.closed).toEqual([]);
    expect(clone.cipher("aes-cbc", key).encrypt(pattern(16), pattern(16))).toHaveLength(16);
    clone.close();
    expect(host.closed).toHaveLength(1);
  });

  test("throws the driver's error, which is in the value if no descriptor is free", () => {
    const host = new RecordingHost({ descriptors: 2 });
    const device = Device.open(host);
    host.answers.push(-errnos.ENOMEM);
    expect(() => device.clone()).toThrow(expect.objectContaining({ code: "ENOMEM", ioctl: "CRIOGET" }));
    const other = Device.open(host);
    expect(() => device.clone()).toThrow(
      expect.objectContaining({
        code: "EMFILE",
        ioctl: "CRIOGET",
        hint: expect.stringContaining("no descriptor left"),
      }),
    );
    // The number that is free now is 0.
    device.close();
    expect(other.clone().cipher("aes-cbc", key).encrypt(pattern(16), pattern(16))).toHaveLength(16);
  });

  test("closes the descriptor if it cannot be set to close-on-exec", () => {
    const host = new (class extends RecordingHost {
      override ioctl(fd: number, request: number, argument: Argument | null): number {
        return request === FIOCLEX[LP64.requests] ? -errnos.EIO : super.ioctl(fd, request, argument);
      }
    })();
    const device = Device.open(host);
    expect(() => device.clone()).toThrow(expect.objectContaining({ code: "EIO", ioctl: "FIOCLEX" }));
    expect(host.closed).toEqual([1]);
  });
});

test("a trace that uses the device that it reports on gets an error that says so", () => {
  let use = () => {};
  const messages: unknown[] = [];
  const host = traced(new SoftwareHost(), () => {
    try {
      use();
    } catch (error) {
      messages.push((error as Error).message);
    }
  });
  const device = Device.open(host);
  const aes = device.cipher("aes-cbc", key);
  use = () => void device.hash("sha1");
  aes.encrypt(pattern(16), pattern(16));
  expect(messages).toEqual([
    "/dev/crypto: another call of this device is in progress; a trace or a log must not use the device that it reports on",
  ]);
});

test.each([
  ["chunkSize", { chunkSize: 8 }, RangeError, "chunkSize: expected a multiple of 16 bytes, at most 134217728, got 8"],
  ["hardware", { hardware: "requires" }, RangeError, 'hardware: expected "allow" or "require", got "requires"'],
  ["hardware", { hardware: "alow" }, RangeError, 'hardware: expected "allow" or "require", got "alow"'],
  ["statistics", { statistics: 1 }, TypeError, "statistics: expected true or false, got 1"],
] as const)("Device.open() refuses a wrong %s", (_option, options, error, message) => {
  const host = new RecordingHost();
  expect(() => Device.open(host, options as DeviceOptions)).toThrow(new error(message));
  expect(host.opened).toEqual([]);
});

test("what is not an object of options is refused, by the name of what it is for", () => {
  const device = Device.open(new SoftwareHost());
  const [gcm, managed] = [false, true].map((managedNonce) => device.aead("aes-gcm", key, { managedNonce }));
  const secret = { key, macKey: pattern(20) };
  const withMac = device.cipherWithMac({ cipher: "aes-ctr", mac: "hmac-sha1", ...secret });
  const wrong = (value: unknown) => value as never;
  for (const [call, message] of [
    [() => Device.open(new SoftwareHost(), wrong("text")), "options for device: expected an object, got a string"],
    [() => device.cipherWithMac(wrong("text")), "options for cipherWithMac: expected an object, got a string"],
    [() => device.tls(wrong("text")), "options for tls: expected an object, got a string"],
    [() => device.srtp(wrong(7)), "options for srtp: expected an object, got 7"],
    [
      () => gcm?.seal(pattern(1), { nonce: pattern(12), detached: wrong("yes") }),
      "detached for aes-gcm: expected true or false, got a string",
    ],
    [() => managed?.seal(wrong(7)), "source for aes-gcm: expected a Uint8Array, got 7"],
    [() => managed?.sealInto(wrong(7), new Uint8Array(64)), "source for aes-gcm: expected a Uint8Array, got 7"],
    [
      () => withMac.decryptInto(pattern(16), new Uint8Array(15), { iv: pattern(16), mac: pattern(20) }),
      "destination for aes-ctr: expected at least 16 bytes, got 15",
    ],
  ] as const) {
    expect(call).toThrow(new (/at least/.test(message) ? RangeError : TypeError)(message));
  }
  device.close();
});

describe("traced()", () => {
  const lines: string[] = [];
  const host = new RecordingHost();
  const device = Device.open(traced(host, (line) => lines.push(line)));

  test("decodes every call, and what the kernel changed", () => {
    const aes = device.cipher("aes-cbc", key);
    aes.encrypt(pattern(32), pattern(16));
    aes.info();
    aes.close();
    device.clone().close();
    host.answers.push(-22);
    expect(() => device.hash("sha1")).toThrow();
    expect(lines).toEqual([
      'open("/dev/crypto", 0x80002) = 0',
      expect.stringMatching(
        /^ioctl\(0, CIOCGSESSION, \{cipher=CRYPTO_AES_CBC, mac=0, keylen=16, key=\[16 bytes\], mackeylen=0, mackey=NULL, ses=0\} => \{ses=\d+\}\) = 0$/,
      ),
      expect.stringMatching(
        /^ioctl\(0, CIOCCRYPT, \{ses=\d+, op=COP_ENCRYPT, flags=0, len=32, src=\[32 bytes\], dst=\[32 bytes\], mac=NULL, iv=\[16 bytes\]\}\) = 0$/,
      ),
      expect.stringMatching(
        /^ioctl\(0, CIOCGSESSINFO, \{ses=\d+, cipher_info=\{cra_name="", cra_driver_name=""\}, .*\} => \{cipher_info=\{cra_name="cbc\(aes\)", cra_driver_name="[^"]+"\}\}\) = 0$/,
      ),
      expect.stringMatching(/^ioctl\(0, CIOCFSESSION, \{value=\d+\}\) = 0$/),
      "ioctl(0, CRIOGET, {value=0} => {value=1}) = 0",
      "ioctl(1, FIOCLEX) = 0",
      "close(1) = 0",
      expect.stringMatching(/^ioctl\(0, CIOCGSESSION, \{cipher=0, mac=CRYPTO_SHA1, .*\) = -1 EINVAL$/),
    ]);
  });

  test("prints flags by name, and prints neither keys nor data", () => {
    lines.length = 0;
    const hash = device.hmac("sha256", key);
    hash.update(key).update(key).digest();
    expect(lines.join("\n")).toMatch(
      /flags=COP_FLAG_UPDATE\|COP_FLAG_RESET,[\s\S]*flags=COP_FLAG_UPDATE,[\s\S]*flags=COP_FLAG_FINAL,/,
    );
    device.close();
    expect(lines.at(-1)).toBe("close(0) = 0");
    expect(lines.join("\n")).not.toMatch(/192, ?255|c0ffee/i);
  });
});
