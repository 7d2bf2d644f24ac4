import {
  AuthenticationError,
  BusyError,
  ClosedError,
  CryptodevError,
  Device,
  HardwareRequiredError,
  type Submitter,
  type UnsupportedCode,
  UnsupportedError,
} from "@cryptodev/core";
import { errnos } from "@cryptodev/core/abi";
import { describe, expect, test } from "vitest";
import { pattern } from "../bytes.ts";
import { RecordingHost } from "../recording_host.ts";

const [key, iv, nonce, header] = [pattern(16), pattern(16), pattern(12), pattern(13)];

/** Returns what a call throws. */
function thrown(call: () => unknown): Error {
  try {
    call();
  } catch (error) {
    return error as Error;
  }
  throw new Error("expected an error, got none");
}

describe("CryptodevError", () => {
  test("of an ioctl has its parts as properties, and its hint is the end of the message", () => {
    const host = new RecordingHost();
    const device = Device.open(host, { path: "/dev/crypto" });
    const aes = device.cipher("aes-cbc", key);
    host.answers.push(-errnos.ENOMEM);
    const error = thrown(() => aes.encrypt(pattern(16), iv)) as CryptodevError;
    expect(error).toBeInstanceOf(CryptodevError);
    expect(error).toMatchObject({
      name: "CryptodevError",
      code: "ENOMEM",
      errno: 12,
      syscall: "ioctl",
      ioctl: "CIOCCRYPT",
      path: "/dev/crypto",
      hint: "the kernel is out of memory",
      message: "CIOCCRYPT /dev/crypto: ENOMEM, the kernel is out of memory",
    });
    device.close();
  });

  test.each(["ENOENT", "ENXIO", "EACCES", "EPERM", "EMFILE", "ENFILE", "EIO"] as const)(
    "of open(2) with %s has no ioctl, and its hint is the end of the message",
    (code) => {
      const host = new RecordingHost();
      host.open = () => -errnos[code];
      const error = thrown(() => Device.open(host)) as CryptodevError;
      expect(error).toMatchObject({
        name: "CryptodevError",
        code,
        errno: errnos[code],
        syscall: "open",
        ioctl: undefined,
      });
      expect(error.hint.length).toBeGreaterThan(10);
      expect(error.message).toBe(`open /dev/crypto: ${code}, ${error.hint}`);
    },
  );
});

describe("AuthenticationError", () => {
  test("is the same for a wrong tag, mac, padding, and a TLS record that is too short", () => {
    const device = Device.open(new RecordingHost());
    const [aes, gcm] = [device.cipher("aes-cbc", key), device.aead("aes-gcm", key)];
    const ccm = device.aead("aes-ccm", key, { managedNonce: true });
    const both = { key, mac: "hmac-sha1", macKey: key } as const;
    const [tls, srtp] = [device.tls({ cipher: "aes-cbc", ...both }), device.srtp({ cipher: "aes-ctr", ...both })];
    const withMac = device.cipherWithMac({ cipher: "aes-cbc", ...both });
    /** A TLS record whose plaintext is the given blocks: padding and mac are what they happen to be. */
    const recordOf = (plaintext: Uint8Array) => aes.encrypt(plaintext, iv);
    const errors = [
      () => gcm.open(pattern(40), { nonce }),
      () => gcm.open(pattern(40), { nonce, tag: pattern(16) }),
      () => gcm.openInto(pattern(40), pattern(40), { nonce }),
      () => ccm.open(pattern(60)),
      () => withMac.decrypt(pattern(32), { mac: pattern(20), iv }),
      () => srtp.open(pattern(80), { headerSize: 12, iv }),
      // The mac is wrong.
      () => tls.open(recordOf(new Uint8Array(64)), { header, iv }),
      // The padding is wrong.
      () => tls.open(recordOf(pattern(64).fill(7, 63)), { header, iv }),
      // There is no room for the mac after the padding was removed.
      () => tls.open(recordOf(new Uint8Array(16).fill(15)), { header, iv }),
      () => {
        const decryptor = aes.decryptor(iv, { padding: true });
        decryptor.update(pattern(32));
        decryptor.final();
      },
    ].map(thrown);
    for (const [index, error] of errors.entries()) {
      expect(error, `${index}`).toBeInstanceOf(AuthenticationError);
      expect(error, `${index}`).not.toBeInstanceOf(CryptodevError);
      expect(error.name).toBe("AuthenticationError");
      expect(error.message).toBe(
        "authentication failed: the data, its tag, mac or padding, the iv, nonce or aad, or a key is wrong",
      );
      // Nothing else tells them apart.
      expect(
        Object.getOwnPropertyNames(error).filter(
          (name) => !/^(stack|message|line|column|sourceURL)$|original/.test(name),
        ),
      ).toEqual([]);
      expect(error.cause).toBeUndefined();
    }
    device.close();
  });
});

describe("BusyError", () => {
  test("is thrown by Device.close() while asynchronous operations are in flight", async () => {
    const device = Device.open(new RecordingHost({ async: true }));
    const submitter = device.submitter(() => new Promise((resolve) => setTimeout(resolve, 1))) as Submitter;
    const running = submitter.hash("sha1").digest(pattern(16));
    const error = thrown(() => device.close());
    expect(error).toBeInstanceOf(BusyError);
    expect(error).not.toBeInstanceOf(CryptodevError);
    expect(error).toMatchObject({
      name: "BusyError",
      message: "/dev/crypto: 1 asynchronous operations are in flight; await them first",
    });
    expect(device.closed).toBe(false);
    expect(await running).toEqual(device.hash("sha1").digest(pattern(16)));
    device.close();
    expect(device.closed).toBe(true);
  });

  test("is thrown for a call that is made during another call of the device", () => {
    const host = new RecordingHost();
    const device = Device.open(host);
    const aes = device.cipher("aes-cbc", key);
    const ioctl = host.ioctl.bind(host);
    const errors: unknown[] = [];
    host.ioctl = (...call) => {
      host.ioctl = ioctl;
      errors.push(
        thrown(() => aes.encrypt(pattern(16), iv)),
        thrown(() => device.close()),
        thrown(() => aes.close()),
      );
      return ioctl(...call);
    };
    expect(aes.encrypt(pattern(16), iv)).toHaveLength(16);
    expect(errors).toEqual([expect.any(BusyError), expect.any(BusyError), expect.any(BusyError)]);
    device.close();
  });
});

describe("HardwareRequiredError", () => {
  test("has the algorithm and its driver, and the session is ended", () => {
    const host = new RecordingHost();
    const device = Device.open(host, { hardware: "require" });
    const error = thrown(() => device.cipher("aes-128-cbc", key)) as HardwareRequiredError;
    expect(error).toBeInstanceOf(HardwareRequiredError);
    expect(error).not.toBeInstanceOf(CryptodevError);
    expect(error).toMatchObject({ name: "HardwareRequiredError", algorithm: "aes-128-cbc" });
    expect(error.driver).toMatch(/./);
    expect(error.message).toBe(
      `aes-128-cbc is served by ${error.driver}, which is software, but hardware: "require" was requested`,
    );
    expect(thrown(() => device.hash("sha1"))).toMatchObject({ name: "HardwareRequiredError", algorithm: "sha1" });
    device.close();
    const hardware = Device.open(new RecordingHost({ hardware: true }), { hardware: "require" });
    expect(hardware.hash("sha1").digest()).toHaveLength(20);
    hardware.close();
  });
});

describe("ClosedError", () => {
  test("is thrown by each use of a session or a device that was closed, and says which", () => {
    const device = Device.open(new RecordingHost());
    const [aes, hash] = [device.cipher("aes-cbc", key), device.hash("sha1")];
    aes.close();
    expect(thrown(() => aes.encrypt(pattern(16), iv))).toEqual(new ClosedError("aes-cbc session: it was closed"));
    device.close();
    const error = thrown(() => hash.digest());
    expect(error).toBeInstanceOf(ClosedError);
    expect(error).not.toBeInstanceOf(CryptodevError);
    expect(error).toMatchObject({ name: "ClosedError", message: "sha1 session: its device was closed" });
  });
});

describe("UnsupportedError", () => {
  test("has a code for programs, and says what is missing and what to do", () => {
    const codes: readonly UnsupportedCode[] = ["platform", "ffi", "software", "threads", "zero-copy", "function"];
    for (const code of codes) {
      const error = new UnsupportedError(code, "there is none", { remedy: "find one" });
      expect(error).toMatchObject({ name: "UnsupportedError", code, message: "there is none; find one" });
    }
    const cause = new Error("why");
    expect(new UnsupportedError("ffi", "there is none", { cause })).toMatchObject({ cause });
    expect(new UnsupportedError("ffi", "there is none").message).toContain('open({ backend: "software" })');
  });
});

test("each error class has its name on the prototype, so that it is not listed with its properties", () => {
  const errors = [
    new AuthenticationError(),
    new BusyError("busy"),
    new ClosedError("closed"),
    new CryptodevError({ errno: 22, syscall: "ioctl", ioctl: "CIOCCRYPT", path: "/dev/crypto", hint: "why" }),
    new HardwareRequiredError("aes-cbc", "cbc-aes"),
    new UnsupportedError("ffi", "there is none"),
  ];
  for (const error of errors) {
    expect(error).toBeInstanceOf(Error);
    expect(error.name).toBe(error.constructor.name);
    expect(Object.keys(error)).not.toContain("name");
    expect(String(error)).toBe(`${error.name}: ${error.message}`);
    expect(error.stack).toContain(error.name);
  }
});
