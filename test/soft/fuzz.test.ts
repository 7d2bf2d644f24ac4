import {
  CIOCAUTHCRYPT,
  CIOCCRYPT,
  CIOCGSESSION,
  ciphers,
  errnos,
  type Ioctl,
  macs,
  O_RDWR,
  type Struct,
} from "@cryptodev/core/abi";
import { Call } from "@cryptodev/core/host";
import { KernelCrashError, SoftwareHost } from "@cryptodev/soft";
import fc from "fast-check";
import { expect, test } from "vitest";
import { pattern } from "../bytes.ts";
import { ioctls } from "../ioctls.ts";
import { parametersOf } from "./random.ts";

/*
 * Random ioctls with random fields: whatever is sent, the device answers or throws its own error, and nothing else
 * happens.
 */

const ARENA = 12 * 1024;
const known = new Set<number>(Object.values(errnos));

/** What a pointer points to: NULL, unmapped memory, or this offset in the arena. */
const pointer = fc.oneof(
  { weight: 1, arbitrary: fc.constant(null) },
  { weight: 1, arbitrary: fc.constant("unmapped" as const) },
  { weight: 8, arbitrary: fc.record({ start: fc.nat(ARENA - 1), size: fc.oneof(fc.nat(64), fc.nat(6000)) }) },
);
const ids = [...Object.values(ciphers), ...Object.values(macs)].map(({ id }) => id);
/** A number for a field, mostly one that passes the first check. */
const value = fc.oneof(
  { weight: 6, arbitrary: fc.constantFrom(0, 1, 2, 3, 4, 8, 16, 20, 24, 32, 64, 65, 66, ...ids) },
  { weight: 2, arbitrary: fc.nat(300) },
  { weight: 1, arbitrary: fc.nat(0xffffffff) },
);
const step = fc.record({
  ioctl: fc.oneof(
    {
      weight: 3,
      arbitrary: fc.constantFrom(CIOCGSESSION, CIOCCRYPT, CIOCAUTHCRYPT) as unknown as fc.Arbitrary<Ioctl<Struct>>,
    },
    { weight: 2, arbitrary: fc.constantFrom(...Object.values(ioctls)) },
  ),
  values: fc.array(value, { minLength: 6, maxLength: 6 }),
  pointers: fc.array(pointer, { minLength: 5, maxLength: 5 }),
  /** Whether to use a session that exists, and not a random number. */
  realSession: fc.integer({ min: 0, max: 9 }),
  inPlace: fc.boolean(),
});

test("SoftwareHost.ioctl() of random calls never crashes the process, accesses other memory than the call refers to, or leaks a session", () => {
  const property = fc.property(fc.array(step, { minLength: 1, maxLength: 25 }), (steps) => {
    let ended = 0;
    const host = new SoftwareHost({ async: true, enableStats: true, onUsage: () => (ended += 1), descriptors: 8 });
    const arena = pattern(ARENA);
    const descriptors = [host.open("/dev/crypto", O_RDWR)];
    const sessions: number[] = [];

    for (const { ioctl, values, pointers, realSession, inPlace } of steps) {
      const call = new Call(host, ioctl);
      const named: (readonly [number, number])[] = [];
      const [numbers, targets] = [[...values], [...pointers]];
      for (const [field, type] of ioctl.argument.fields) {
        const at = (call.offset as Record<string, number>)[field] as number;
        if (type === "u32") call.setUint32(at, numbers.shift() ?? 0);
        if (type === "u16") call.setUint16(at, numbers.shift() ?? 0);
        if (type !== "pointer") continue;
        const target = targets.shift() ?? null;
        if (target === "unmapped") call.setUint32(at, 8);
        else if (target !== null) {
          const view = arena.subarray(target.start, target.start + target.size);
          call.point(at, view);
          named.push([target.start, target.start + view.length]);
        }
      }
      const at = call.offset as Record<string, number>;
      const ses = sessions[realSession % Math.max(sessions.length, 1)];
      if (at.ses !== undefined && ses !== undefined && ioctl.name !== "CIOCGSESSION") call.setUint32(at.ses, ses);
      if (at.dst_ses !== undefined && ses !== undefined) call.setUint32(at.dst_ses, ses);
      if (at.src_ses !== undefined && sessions[0] !== undefined) call.setUint32(at.src_ses, sessions[0]);
      if (inPlace && at.dst !== undefined && at.src !== undefined)
        call.point(at.dst, call.pointees[at.src / 8] ?? null);

      const before = arena.slice();
      let result: number;
      try {
        result = host.ioctl(descriptors[0] as number, call.request, call);
      } catch (error) {
        expect(error).toBeInstanceOf(KernelCrashError);
        result = -1;
      }
      if (result < 0 && result !== -1) expect(known).toContain(-result);
      const strayed = arena.findIndex(
        (byte, index) => byte !== before[index] && !named.some(([start, end]) => index >= start && index < end),
      );
      expect(strayed, `${ioctl.name} wrote outside of what it names`).toBe(-1);
      if (result === 0 && ioctl.name === "CIOCGSESSION") sessions.push(call.getUint32(at.ses as number));
      if (result === 0 && ioctl.name === "CRIOGET") {
        const fd = call.getUint32(0) | 0;
        if (fd >= 0) descriptors.push(fd);
      }
    }
    for (const fd of descriptors) {
      try {
        expect(host.close(fd)).toBe(0);
      } catch (error) {
        expect(error).toMatchObject({ rule: "jobs-abandoned" });
      }
    }
    expect(ended).toBe(sessions.length);
  });
  fc.assert(property, parametersOf("random ioctls", 400) as fc.Parameters<[unknown[]]>);
});
