import { readFileSync } from "node:fs";
import * as abi from "@cryptodev/core/abi";
import {
  ILP32,
  type Ioctl,
  LP64,
  layout,
  type Machine,
  machineOf,
  requestNumber,
  type Struct,
} from "@cryptodev/core/abi";
import { describe, expect, test } from "vitest";
import { ioctls as declared } from "../ioctls.ts";
import { cHeader } from "./c_header.ts";

/**
 * The layouts that C compilers computed from the driver's header; `README.md` in this folder explains the measurement.
 */
const measured: Record<string, Measured> = JSON.parse(readFileSync(new URL("abi.json", import.meta.url), "utf8"));

interface Measured {
  readonly structs: Record<
    string,
    { size: number; align: number; fields: Record<string, { offset: number; size: number }> }
  >;
  readonly ioctls: Record<string, string>;
}

const exported = abi as unknown as Record<string, unknown>;

describe.each(Object.entries(measured))("layout() and requestNumber() for %s", (arch, { structs, ioctls }) => {
  const machine = machineOf(arch === "armv7" ? "arm" : arch) as Machine;

  test.each(Object.entries(structs))(
    "return the C compiler's size, alignment and offsets of struct %s",
    (name, expected) => {
      const struct = exported[name] as Struct;
      expect(struct.name).toBe(name);
      const { size, align, offset, width } = layout(struct, machine);
      const fields = Object.fromEntries(
        Object.keys(offset).map((field) => [field, { offset: offset[field], size: width[field] }]),
      );
      expect({ size, align, fields }).toEqual(expected);
    },
  );

  test.each(Object.entries(ioctls))("return the C compiler's number of ioctl %s", (name, expected) => {
    const ioctl = exported[name] as Ioctl;
    expect(ioctl.name).toBe(name);
    expect(requestNumber(ioctl, machine)).toBe(Number(expected));
  });
});

test("abi.json contains every ioctl of the core", () => {
  for (const { ioctls } of Object.values(measured))
    expect(Object.keys(ioctls).sort()).toEqual(Object.keys(declared).sort());
});

describe("requestNumber() on machines with swapped direction bits", () => {
  // asm/ioctl.h of MIPS, PowerPC and SPARC; IOWR is the same on every machine.
  const expected = [
    [abi.CIOCFSESSION, 0x80046367],
    [abi.CIOCASYMFEAT, 0x4004636a],
    [abi.CIOCCPHASH, 0x80086370],
    [abi.CRIOGET, 0xc0046365],
  ] as const;

  test.each(["mips", "mips64el", "ppc64", "sparc64"])("swaps the bits of IOR and IOW for %s", (arch) => {
    for (const [ioctl, number] of expected) expect(requestNumber(ioctl, machineOf(arch) as Machine)).toBe(number);
  });

  test("depends only on the size of pointers for an IOWR ioctl", () => {
    expect(requestNumber(abi.CIOCCRYPT, machineOf("ppc64") as Machine)).toBe(requestNumber(abi.CIOCCRYPT, LP64));
    expect(requestNumber(abi.CIOCCRYPT, machineOf("mips") as Machine)).toBe(requestNumber(abi.CIOCCRYPT, ILP32));
  });
});

test("cHeader equals crypto/cryptodev.h, which the C programs of the tests include", async () => {
  await expect(cHeader).toMatchFileSnapshot("crypto/cryptodev.h");
});

test("machineOf() returns undefined for an unknown architecture", () => {
  expect(machineOf("pdp11")).toBeUndefined();
  expect(machineOf("toString")).toBeUndefined();
});

describe("ciphers and macs", () => {
  const all = [...Object.values(abi.ciphers), ...Object.values(abi.macs)];

  test("have unique ids and names, because ciphers and macs share one sequence", () => {
    expect(new Set(all.map(({ id }) => id)).size).toBe(all.length);
    expect(new Set(all.map(({ name }) => name)).size).toBe(all.length);
  });

  test("have every id of the header", () => {
    // enum cryptodev_crypto_op_t.
    const ids = [...Array(20).keys()]
      .map((index) => index + 1)
      .concat(21, 22, 23, 24, 25, 50, 51, 101, 102, 103, 104, 105, 106, 107, 108, 109);
    expect(all.map(({ id }) => id).sort((one, other) => one - other)).toEqual(ids);
  });
});
