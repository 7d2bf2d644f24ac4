import real, { type CipherGCM, type DecipherGCM } from "node:crypto";
import { once } from "node:events";
import { Device } from "@cryptodev/core";
import { SoftwareHost } from "@cryptodev/soft";
import { cryptoOf, type NodeCrypto } from "cryptodev/crypto";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { pattern } from "../bytes.ts";
import { RecordingHost } from "../recording_host.ts";
import { runtimeName } from "../runtime.ts";
import { openSessions } from "./open_sessions.ts";

const [key, iv, nonce] = [pattern(16), pattern(16, 3), pattern(12, 5)];

describe("with fallback, node:crypto takes over for", () => {
  let host: RecordingHost;
  let crypto: NodeCrypto;
  beforeEach(() => {
    host = new RecordingHost();
    const device = Device.open(host);
    crypto = cryptoOf(device, { fallback: true });
    return () => device.close();
  });

  type Use = (from: NodeCrypto, isDecipher?: boolean) => unknown;
  const all = (cipher: { update(data: Uint8Array): Buffer; final(): Buffer }, ...pieces: readonly Uint8Array[]) =>
    Buffer.concat([...pieces.map((piece) => cipher.update(piece)), cipher.final()]).toString("hex");

  const gcm = (pieces: readonly Uint8Array[], options?: object): Use => {
    return (from) => {
      // Deno's own setAAD() keeps only the last chunk.
      const aad = from === real ? [Buffer.concat(pieces)] : pieces;
      const cipher = from.createCipheriv("aes-128-gcm", key, nonce, options) as CipherGCM;
      for (const part of aad) cipher.setAAD(part);
      const sealed = all(cipher, pattern(20), pattern(30));
      const tag = cipher.getAuthTag();
      const decipher = from.createDecipheriv("aes-128-gcm", key, nonce, options) as DecipherGCM;
      decipher.setAuthTag(tag);
      for (const part of aad) decipher.setAAD(part);
      const opened = all(decipher, Buffer.from(sealed, "hex").subarray(0, 7), Buffer.from(sealed, "hex").subarray(7));
      const forged = from.createDecipheriv("aes-128-gcm", key, nonce, options) as DecipherGCM;
      for (const part of aad) forged.setAAD(part);
      forged.setAuthTag(Buffer.from(tag).fill(0, 0, 2));
      forged.update(Buffer.from(sealed, "hex"));
      expect(() => forged.final()).toThrow();
      return [sealed, tag, opened];
    };
  };
  const ccm: Use = (from) => {
    const options = { authTagLength: 16 };
    const cipher = from.createCipheriv("aes-128-ccm", key, nonce, options);
    const sealed = all(cipher.setAAD(pattern(5000), { plaintextLength: 40 }), pattern(40));
    const decipher = from.createDecipheriv("aes-128-ccm", key, nonce, options);
    decipher.setAuthTag(cipher.getAuthTag());
    decipher.setAAD(pattern(5000), { plaintextLength: 40 });
    return [sealed, cipher.getAuthTag(), all(decipher, Buffer.from(sealed, "hex"))];
  };
  const xts = (...sizes: readonly number[]): Use => {
    return (from) => {
      const start = (how: "createCipheriv" | "createDecipheriv") => from[how]("aes-128-xts", pattern(32), iv);
      const cipher = start("createCipheriv");
      const sectors = sizes.map((size) => cipher.update(pattern(size)));
      const decipher = start("createDecipheriv");
      return [sectors, cipher.final(), sectors.map((sector) => decipher.update(sector)), decipher.final()];
    };
  };

  test.each<readonly [string, Use]>([
    ["GCM with aad of 5000 bytes", gcm([pattern(5000)])],
    ["GCM with aad that becomes too long in chunks", gcm([pattern(4000), pattern(1000)])],
    ["GCM with aad of 5000 bytes and a short tag", gcm([pattern(5000)], { authTagLength: 12 })],
    ["CCM with aad of 5000 bytes", ccm],
    ["XTS of 17 bytes", xts(17)],
    ["XTS of 33 bytes after a sector that the device encrypted", xts(32, 33, 32)],
  ])("%s", (name, use) => {
    let expected: unknown;
    try {
      expected = use(real);
    } catch (error) {
      console.log(
        `skipped: ${name}, because node:crypto of ${runtimeName} does not support it (${(error as Error).message})`,
      );
      expect(() => use(crypto)).toThrow();
      return;
    }
    expect(use(crypto)).toEqual(expected);
    expect(openSessions(host)).toBe(0);
  });

  test("GCM with aad of 5000 bytes, as a stream", async () => {
    const cipher = crypto.createCipheriv("aes-128-gcm", key, nonce);
    const model = real.createCipheriv("aes-128-gcm", key, nonce);
    for (const each of [cipher, model]) {
      each.setAAD(pattern(5000));
      each.end(pattern(50));
    }
    expect(cipher.read()).toEqual(model.read());
    await Promise.all([cipher, model].map((each) => once(each.resume(), "end")));
    expect(cipher.getAuthTag()).toEqual(model.getAuthTag());
    expect(openSessions(host)).toBe(0);
  });
});

/** Whether this runtime's node:crypto accepts a short tag without authTagLength. */
const takesShort = (() => {
  try {
    return Boolean(real.createDecipheriv("aes-128-gcm", key, nonce).setAuthTag(pattern(12)));
  } catch {
    return false;
  }
})();

describe("GCM without authTagLength verifies a short tag, if the runtime's node:crypto does, of", () => {
  const crypto = cryptoOf(Device.open(new SoftwareHost()));
  const sealed = (() => {
    const cipher = crypto.createCipheriv("aes-128-gcm", key, nonce).setAAD(pattern(20));
    return { data: Buffer.concat([cipher.update(pattern(50)), cipher.final()]), tag: cipher.getAuthTag() };
  })();
  const decipher = () => crypto.createDecipheriv("aes-128-gcm", key, nonce).setAAD(pattern(20));

  test.each([4, 8, 12, 13, 14, 15, 16])("%i bytes", (size) => {
    if (size < 16 && !takesShort) {
      expect(() => decipher().setAuthTag(sealed.tag.subarray(0, size))).toThrow("Invalid authentication tag length");
      return;
    }
    const right = decipher().setAuthTag(sealed.tag.subarray(0, size));
    expect(Buffer.concat([right.update(sealed.data), right.final()])).toEqual(Buffer.from(pattern(50)));
    const late = decipher();
    late.update(sealed.data);
    late.setAuthTag(sealed.tag.subarray(0, size));
    expect(late.final()).toHaveLength(0);
    for (const at of [0, size - 1]) {
      const wrong = Buffer.from(sealed.tag.subarray(0, size));
      wrong[at] = (wrong[at] as number) ^ 1;
      const forged = decipher().setAuthTag(wrong);
      forged.update(sealed.data);
      expect(() => forged.final()).toThrow("unable to authenticate");
    }
    const changed = decipher().setAuthTag(sealed.tag.subarray(0, size));
    changed.update(Buffer.from(sealed.data).fill(0, 49));
    expect(() => changed.final()).toThrow("unable to authenticate");
  });
});

describe("setAutoPadding() works until final() with", () => {
  const crypto = cryptoOf(Device.open(new SoftwareHost()));
  const sizes = [0, 1, 15, 16, 17, 32, 33, 48];

  test.each(["aes-128-cbc", "aes-128-ecb", "des-ede3-cbc"])("%s, in any order of chunks and calls", (name) => {
    const secret = pattern(name.startsWith("des") ? 24 : 16);
    const start = name.endsWith("ecb") ? null : pattern(name.startsWith("des") ? 8 : 16);
    const attempt = (compute: () => Buffer): string => {
      try {
        return compute().toString("hex");
      } catch (error) {
        return (error as { code: string }).code;
      }
    };
    for (const how of ["createCipheriv", "createDecipheriv"] as const) {
      for (const first of sizes) {
        for (const second of sizes) {
          for (const switches of [[false], [true, false], [undefined, false, true], [undefined, undefined, false]]) {
            const run = (from: NodeCrypto) => {
              const cipher = from[how](name, secret, start);
              const steps = [
                () => cipher.update(pattern(first)),
                () => cipher.update(pattern(second)),
                () => cipher.final(),
              ];
              return steps.map((step, index) => {
                const pads = switches[index];
                if (pads !== undefined) cipher.setAutoPadding(pads);
                return attempt(step);
              });
            };
            // Deno's own decides about padding before the first chunk.
            if (runtimeName === "Node.js")
              expect(run(crypto), `${how} ${first} ${second} ${switches}`).toEqual(run(real));
            else run(crypto);
          }
        }
      }
    }
  });
});

describe("a failure of the device", () => {
  let host: RecordingHost;
  let device: Device;
  let crypto: NodeCrypto;
  beforeEach(() => {
    host = new RecordingHost();
    device = Device.open(host);
    crypto = cryptoOf(device);
  });
  afterEach(() => device.close());
  const ccm = (how: "createCipheriv" | "createDecipheriv") =>
    crypto[how]("aes-128-ccm", key, nonce, { authTagLength: 16 }) as unknown as real.CipherCCM & real.DecipherCCM;

  test("is thrown by update() of CCM and again by final(), in both directions", () => {
    for (const how of ["createCipheriv", "createDecipheriv"] as const) {
      const cipher = ccm(how);
      if (how === "createDecipheriv") cipher.setAuthTag(pattern(16) as Buffer);
      host.device.failNext("ENOMEM", "CIOCAUTHCRYPT");
      expect(() => cipher.update("secret", "utf8")).toThrow(expect.objectContaining({ code: "ENOMEM" }));
      expect(() => cipher.final()).toThrow(expect.objectContaining({ code: "ENOMEM" }));
      if (how === "createCipheriv") expect(() => cipher.getAuthTag()).toThrow("Invalid state");
    }
    expect(openSessions(host)).toBe(0);
  });

  test("is thrown only by final() if a message is forged", () => {
    const decipher = ccm("createDecipheriv");
    decipher.setAuthTag(pattern(16) as Buffer);
    expect(decipher.update("secret", "utf8")).toHaveLength(0);
    expect(() => decipher.final()).toThrow("unable to authenticate data");
  });

  test("leaves the message of GCM as it was before the chunk that failed", () => {
    const cipher = crypto.createCipheriv("aes-128-gcm", key, nonce);
    const model = real.createCipheriv("aes-128-gcm", key, nonce);
    expect(cipher.update(pattern(20))).toEqual(model.update(pattern(20)));
    host.device.failNext("ENOMEM", "CIOCCRYPT");
    expect(() => cipher.update(pattern(50))).toThrow(expect.objectContaining({ code: "ENOMEM" }));
    expect(cipher.update(pattern(30))).toEqual(model.update(pattern(30)));
    cipher.final();
    model.final();
    expect(cipher.getAuthTag()).toEqual(model.getAuthTag());
  });

  test("does not leave a session open for an HMAC whose key is hashed first", () => {
    host.device.failNext("ENOMEM", "CIOCCRYPT");
    expect(() => crypto.createHmac("sha1", pattern(1000))).toThrow(expect.objectContaining({ code: "ENOMEM" }));
    expect(openSessions(host)).toBe(0);
  });
});

describe("GCM wipes its copy of the message", () => {
  const crypto = cryptoOf(Device.open(new SoftwareHost()));
  const { set } = Uint8Array.prototype;
  const message = pattern(100, 77);
  /** All memory to which something was copied, and which is large enough for the message. */
  let kept: Uint8Array[] = [];
  beforeEach(() => {
    kept = [];
    Uint8Array.prototype.set = function (...args) {
      if (this.length >= message.length + 16) kept.push(this);
      set.apply(this, args);
    };
    return () => {
      Uint8Array.prototype.set = set;
    };
  });
  const holds = () => kept.some((memory) => Buffer.from(memory).includes(Buffer.from(message.subarray(0, 50))));

  test.each<readonly [string, (cipher: CipherGCM & DecipherGCM) => unknown]>([
    ["when it is destroyed", (cipher) => cipher.destroy()],
    ["in final()", (cipher) => cipher.final()],
    ["when it gets larger memory, and is destroyed", (cipher) => [cipher.update(pattern(5000)), cipher.destroy()]],
  ])("%s", (_when, end) => {
    for (const how of ["createCipheriv", "createDecipheriv"] as const) {
      const cipher = crypto[how]("aes-128-gcm", key, nonce) as CipherGCM & DecipherGCM;
      cipher.update(message);
      expect(holds()).toBe(true);
      try {
        end(cipher);
      } catch (error) {
        expect(String(error)).toContain("unable to authenticate");
      }
      expect(holds()).toBe(false);
    }
  });
});
