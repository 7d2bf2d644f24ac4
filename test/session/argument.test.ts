import { crypt_op, ILP32, LP64, type Machine } from "@cryptodev/core/abi";
import { Argument, type Host, StructBytes } from "@cryptodev/core/host";
import { describe, expect, test } from "vitest";
import { pattern, toHex } from "../bytes.ts";
import { detach } from "../memory.ts";

/** A host that only returns addresses. */
const hostOf = (machine: Machine, address: number) => ({ machine, addressOf: () => address }) as unknown as Host;

describe("the struct of a call", () => {
  test.each([
    ["64 bits", LP64, 0x7f12_f456_789a, 0x7f12, 48],
    ["32 bits", ILP32, 0xff12_3456, 0, 28],
  ] as const)("holds whole addresses of %s, in memory of its own size", (_name, machine, address, high, size) => {
    const call = new Argument(hostOf(machine, address), crypt_op);
    call.point(call.offset.src, pattern(8));
    expect(call.bytes).toHaveLength(size);
    expect(call.bytes.buffer.byteLength).toBe(size);
    expect(call.getUint32(call.offset.src)).toBe(address % 2 ** 32);
    if (high > 0) expect(call.getUint32(call.offset.src + 4)).toBe(high);
    const slot = call.offset.src / machine.pointerSize;
    expect(call.addresses[slot]).toBe(address);
    expect(call.pointees[slot]).toEqual(pattern(8));
    expect(call.addresses).toHaveLength(size / machine.pointerSize);
    expect(call.pointees).toHaveLength(size / machine.pointerSize);
    expect(call.addresses.filter((value) => value !== 0)).toHaveLength(1);
  });

  test("points to NULL for no bytes, and no longer points to memory that was detached", () => {
    const call = new Argument(hostOf(LP64, 4096), crypt_op);
    const slot = call.offset.src / 8;
    const memory = pattern(8);
    call.point(call.offset.src, memory);
    detach(memory);
    call.point(call.offset.src, memory);
    expect([call.addresses[slot], call.pointees[slot]]).toEqual([0, null]);
    call.point(call.offset.src, new Uint8Array());
    expect([call.addresses[slot], call.pointees[slot]]).toEqual([0, null]);
  });

  test("asks for the address each time, because memory can move under the same view", () => {
    let asked = 0;
    const addressOf = () => {
      asked += 1;
      return 4096;
    };
    const call = new Argument({ ...hostOf(LP64, 0), addressOf }, crypt_op);
    asked = 0;
    const [memory, other] = [pattern(8), pattern(8)];
    for (const target of [memory, memory, other, memory]) call.point(call.offset.src, target);
    expect(asked).toBe(4);
  });

  test("keeps an address that was set as a number, and releases everything that it points to", () => {
    const call = new Argument(hostOf(LP64, 4096), crypt_op);
    call.point(call.offset.src, pattern(8));
    call.setAddress(call.offset.len, 7);
    call.release();
    expect(call.pointees.every((target) => target === null)).toBe(true);
    expect(call.getUint32(call.offset.src)).toBe(0);
    expect(call.getUint32(call.offset.len)).toBe(7);
  });

  test("writes text with its terminating zero, cut to the field's width, and nothing beyond it", () => {
    const struct = new StructBytes(crypt_op, LP64);
    const written = (width: number, text: string): string => {
      struct.bytes.fill(0xff);
      struct.setString(4, width, text);
      return toHex(struct.bytes.subarray(0, 12));
    };
    expect(written(5, "abc")).toBe("ffffffff61626300ffffffff");
    expect(written(4, "abc")).toBe("ffffffff61626300ffffffff");
    expect(written(3, "abc")).toBe("ffffffff616200ffffffffff");
    expect(written(3, "")).toBe("ffffffff00ffffffffffffff");
    expect(struct.getString(4, 3)).toBe("");
  });

  test("reads text up to its first zero, or to the end of the field", () => {
    const call = new Argument(hostOf(LP64, 4096), crypt_op);
    call.bytes.set([97, 98, 0, 99]);
    expect([call.getString(0, 2), call.getString(0, 4), call.getString(2, 2)]).toEqual(["ab", "ab", ""]);
  });
});
