import { ClosedError, Device } from "@cryptodev/core";
import { describe, expect, test } from "vitest";
import { pattern } from "../bytes.ts";
import { growable, resizable } from "../memory.ts";
import { VigilantHost } from "../vigilant_host.ts";

/*
 * The object that accompanies a message can have getters, and they can do anything: close the session, or detach,
 * shrink or grow the memory that the operation uses. Whatever they do, no call has a length that its memory does not
 * have, and a result belongs to the data that was there after the last of them ran.
 */

const [key, iv, nonce, header] = [pattern(16), pattern(16), pattern(12), pattern(13)];
const both = { key, mac: "hmac-sha1", macKey: key } as const;

/** An operation over a source and, if it has one, a destination. */
interface Use {
  start(device: Device): { close(): void };
  /** What accompanies the message. */
  readonly message: Readonly<Record<string, unknown>>;
  /** Whether there is a destination. */
  readonly isInto: boolean;
  run(session: never, source: Uint8Array, destination: Uint8Array, message: never): unknown;
}

const use = <S extends { close(): void }>(
  start: (device: Device) => S,
  message: Readonly<Record<string, unknown>>,
  run: (session: S, source: Uint8Array, destination: Uint8Array, message: never) => unknown,
  isInto = false,
): Use => ({ start, message, run, isInto });

const gcm = (device: Device) => device.aead("aes-gcm", key);
const managed = (device: Device) => device.aead("aes-gcm", key, { managedNonce: true });
const tls = (device: Device) => device.tls({ cipher: "aes-cbc", ...both });
const srtp = (device: Device) => device.srtp({ cipher: "aes-ctr", ...both });
const withMac = (device: Device) => device.cipherWithMac({ cipher: "aes-cbc", ...both });
const aead = { nonce, aad: pattern(7) };
const packet = { headerSize: 12, iv };

const uses: Readonly<Record<string, Use>> = {
  "Aead.seal()": use(gcm, aead, (session, from, _to, message) => session.seal(from, message)),
  "Aead.seal() with `detached`": use(gcm, { ...aead, detached: true }, (session, from, _to, message) =>
    session.seal(from, message),
  ),
  "Aead.sealInto()": use(gcm, aead, (session, from, to, message) => session.sealInto(from, to, message), true),
  "Aead.open()": use(gcm, aead, (session, from, _to, message) => session.open(from, message)),
  "Aead.open() with a tag": use(gcm, { ...aead, tag: pattern(16) }, (session, from, _to, message) =>
    session.open(from, message),
  ),
  "Aead.openInto()": use(gcm, aead, (session, from, to, message) => session.openInto(from, to, message), true),
  "Aead.seal() with managedNonce": use(managed, { aad: pattern(7) }, (session, from, _to, message) =>
    session.seal(from, message),
  ),
  "Aead.sealInto() with managedNonce": use(
    managed,
    { aad: pattern(7) },
    (session, from, to, message) => session.sealInto(from, to, message),
    true,
  ),
  "Aead.open() with managedNonce": use(managed, { aad: pattern(7) }, (session, from, _to, message) =>
    session.open(from, message),
  ),
  "TlsCipher.seal()": use(tls, { header, iv }, (session, from, _to, message) => session.seal(from, message)),
  "TlsCipher.sealInto()": use(
    tls,
    { header, iv },
    (session, from, to, message) => session.sealInto(from, to, message),
    true,
  ),
  "TlsCipher.open()": use(tls, { header, iv }, (session, from, _to, message) => session.open(from, message)),
  "TlsCipher.openInto()": use(
    tls,
    { header, iv },
    (session, from, to, message) => session.openInto(from, to, message),
    true,
  ),
  "SrtpCipher.seal()": use(srtp, packet, (session, from, _to, message) => session.seal(from, message)),
  "SrtpCipher.sealInto()": use(srtp, packet, (session, from, to, message) => session.sealInto(from, to, message), true),
  "SrtpCipher.open()": use(srtp, packet, (session, from, _to, message) => session.open(from, message)),
  "SrtpCipher.openInto()": use(srtp, packet, (session, from, to, message) => session.openInto(from, to, message), true),
  "CipherWithMac.encrypt()": use(withMac, { iv }, (session, from, _to, message) => session.encrypt(from, message)),
  "CipherWithMac.encryptInto()": use(
    withMac,
    { iv, mac: pattern(20) },
    (session, from, to, message) => session.encryptInto(from, to, message),
    true,
  ),
  "CipherWithMac.decrypt()": use(withMac, { iv, mac: pattern(20) }, (session, from, _to, message) =>
    session.decrypt(from, message),
  ),
  "CipherWithMac.decryptInto()": use(
    withMac,
    { iv, mac: pattern(20) },
    (session, from, to, message) => session.decryptInto(from, to, message),
    true,
  ),
};

/** Creates a message one of whose members is a getter that does something first. */
const withGetter = (message: Use["message"], member: string, act: () => void): never =>
  Object.defineProperty({ ...message }, member, {
    get() {
      act();
      return message[member];
    },
  }) as never;

// One size goes through the arena, the other does not.
const cases = Object.entries(uses).flatMap(([name, { message }]) =>
  Object.keys(message).flatMap((member) => [96, 8192].map((size) => [name, member, size] as const)),
);

/** Runs an operation that may be refused. Nothing else may be thrown, and no fault may be found. */
function attempt(host: VigilantHost, run: () => unknown): unknown {
  let result: unknown;
  try {
    result = run();
  } catch (error) {
    expect(["TypeError", "RangeError", "AuthenticationError"]).toContain((error as Error).name);
  }
  expect(host.vigil.faults).toEqual([]);
  return result;
}

describe("getters of a message run before anything is measured:", () => {
  test.each(cases)("%s sends nothing if `%s` closes the session, with %i bytes", (name, member, size) => {
    const { start, message, run } = uses[name] as Use;
    for (const what of ["session", "device"]) {
      const host = new VigilantHost();
      const device = Device.open(host);
      const session = start(device);
      const act = () => (what === "session" ? session : device).close();
      const closing = withGetter(message, member, act);
      const sent = host.vigil.seen;
      expect(() => run(session as never, pattern(size), new Uint8Array(size + 64), closing)).toThrow(ClosedError);
      // Only the end of the session.
      expect(host.vigil.seen - sent).toBeLessThanOrEqual(1);
      expect(host.vigil.faults).toEqual([]);
      device.close();
    }
  });

  test.each(cases)("%s never sends a stale size if `%s` changes its memory, with %i bytes", (name, member, size) => {
    const { start, message, run, isInto } = uses[name] as Use;
    for (const which of isInto ? ["source", "destination", "both"] : ["source"]) {
      for (const after of [0, 32, size / 2, size + 16, 2 * size]) {
        const host = new VigilantHost();
        const device = Device.open(host);
        const session = start(device);
        const [from, to] = [resizable(size, 4 * size), resizable(size + 64, 4 * size)];
        new Uint8Array(from).set(pattern(size));
        const act = () => {
          if (which !== "destination") from.resize(after);
          if (which !== "source") to.resize(after);
        };
        const changing = withGetter(message, member, act);
        const result = attempt(host, () => run(session as never, new Uint8Array(from), new Uint8Array(to), changing));
        if (result instanceof Uint8Array) {
          const plain = withGetter(message, member, () => {});
          const expected = run(session as never, new Uint8Array(from), new Uint8Array(to), plain) as Uint8Array;
          // A managed nonce differs each time.
          if (name.includes("managedNonce")) expect(result).toHaveLength(expected.length);
          else expect(result).toEqual(expected);
        }
        device.close();
      }
    }
  });

  test.each(cases)("%s never uses memory that `%s` detaches or lets grow, with %i bytes", (name, member, size) => {
    const { start, message, run } = uses[name] as Use;
    const host = new VigilantHost();
    const device = Device.open(host);
    const session = start(device) as never;
    const source = pattern(size);
    const detaching = withGetter(message, member, () => structuredClone(source.buffer, { transfer: [source.buffer] }));
    expect(() => run(session, source, new Uint8Array(size + 64), detaching)).toThrow(/its memory is gone/);
    const destination = new Uint8Array(size + 64);
    const other = withGetter(message, member, () =>
      structuredClone(destination.buffer, { transfer: [destination.buffer] }),
    );
    attempt(host, () => run(session, pattern(size), destination, other));
    const shared = growable(size, 4 * size);
    const growing = withGetter(message, member, () => shared.grow(shared.byteLength + 16));
    attempt(host, () => run(session, new Uint8Array(shared), new Uint8Array(size + 128), growing));
    attempt(host, () => run(session, pattern(size), new Uint8Array(shared), growing));
    expect(host.vigil.faults).toEqual([]);
    device.close();
  });
});
