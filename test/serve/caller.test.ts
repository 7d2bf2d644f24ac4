import { Buffer } from "node:buffer";
import { closeSync, openSync, readdirSync, readFileSync, readSync } from "node:fs";
import process from "node:process";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { includes, Mappings, mappingsOf } from "../../packages/serve/dist/caller/mappings.js";
import { MemoryReader } from "../../packages/serve/dist/caller/memory_reader.js";
import { Presence } from "../../packages/serve/dist/caller/presence.js";
import { ProcessVm, UnreachableCallerError } from "../../packages/serve/dist/caller/process_vm.js";
import { serverHost } from "../../packages/serve/dist/syscalls.js";
import { pattern } from "../bytes.ts";

/* How the memory of a caller is accessed. The caller is this process. */

const host = serverHost();
const held: Uint8Array[] = [];
/** Places bytes in memory that stays where it is and is never freed, and returns them with their address. */
function place(bytes: Uint8Array): readonly [Uint8Array, number] {
  const placed = new Uint8Array(new ArrayBuffer(bytes.length));
  placed.set(bytes);
  held.push(placed);
  return [placed, Number(host.addressOf(placed))];
}
/** No process has memory there: the kernel does not map the first page. */
const UNMAPPED = 8;

describe("mappingsOf()", () => {
  test.each(["writable", "plain"] as const)(
    "returns the %s mappings of a process in ascending order, adjacent ones joined",
    (kind) => {
      const ranges = mappingsOf(process.pid)[kind];
      expect(ranges.length).toBeGreaterThan(1);
      for (const [index, { start, end }] of ranges.entries()) {
        expect(start).toBeLessThan(end);
        if (index > 0) expect(start).toBeGreaterThan(ranges[index - 1]?.end ?? 0);
      }
    },
  );

  test("contains memory that this process can write, and not its code", () => {
    const [bytes, address] = place(pattern(4096));
    const { writable, plain } = mappingsOf(process.pid);
    expect(includes(writable, address, bytes.length)).toBe(true);
    expect(includes(plain, address, bytes.length)).toBe(true);
    const [, code = ""] = /^([0-9a-f]+)-[0-9a-f]+ r-xp/m.exec(readFileSync("/proc/self/maps", "latin1")) ?? [];
    expect(includes(writable, Number.parseInt(code, 16), 1)).toBe(false);
    expect(includes(plain, Number.parseInt(code, 16), 1)).toBe(false);
  });

  test("is empty for a process that does not exist", () => {
    // No process id is that large: see proc_sys_kernel(5).
    expect(mappingsOf(2 ** 22 + 1)).toEqual({ writable: [], plain: [] });
  });
});

describe("includes()", () => {
  const ranges = [
    { start: 100, end: 200 },
    { start: 300, end: 301 },
    { start: 400, end: 500 },
  ];

  test.each([
    ["all of a range", 100, 100, true],
    ["one byte of one", 300, 1, true],
    ["the end of one", 499, 1, true],
    ["no bytes at the start of one", 100, 0, true],
    ["memory before the first", 99, 1, false],
    ["memory that begins before one", 99, 2, false],
    ["memory that ends after one", 199, 2, false],
    ["memory that spans two", 150, 300, false],
    ["memory after the last", 500, 1, false],
  ])("of %s is as expected", (_what, address, length, expected) => {
    expect(includes(ranges, address, length)).toBe(expected);
  });

  test("is false if there are no ranges", () => {
    expect(includes([], 0, 1)).toBe(false);
  });
});

describe("Presence.mayWait()", () => {
  const pageSize = host.getpagesize();
  const opened: Presence[] = [];
  afterEach(() => {
    for (const one of opened.splice(0)) one.close();
  });
  const presence = () => {
    opened.push(new Presence(new Mappings(), pageSize));
    return opened.at(-1) as Presence;
  };
  const mayWait = (address: number, length: number) => presence().mayWait(process.pid, [{ address, length }]);

  /** Returns the address of a page, in a mapped file, that nothing has read yet. */
  function unreadPage(): number {
    const maps = readFileSync("/proc/self/maps", "latin1");
    const pagemap = openSync("/proc/self/pagemap", "r");
    try {
      for (const [, from = "", to = ""] of maps.matchAll(/^([0-9a-f]+)-([0-9a-f]+) \S+ \S+ \S+ [1-9]/gm)) {
        const end = Number.parseInt(to, 16);
        for (let address = Number.parseInt(from, 16); address < end; address += pageSize) {
          const entry = Buffer.alloc(8);
          readSync(pagemap, entry, 0, 8, (address / pageSize) * 8);
          if (entry.readUInt8(7) === 0) return address;
        }
      }
      throw new Error("all pages of all files are in memory");
    } finally {
      closeSync(pagemap);
    }
  }

  test("is false for memory that has been written", () => {
    const [bytes, address] = place(pattern(10_000));
    expect(mayWait(address, bytes.length)).toBe(false);
  });

  test("is false for memory that the kernel provides when it is first accessed", () => {
    const bytes = new Uint8Array(2 ** 24);
    expect(mayWait(Number(host.addressOf(bytes)), bytes.length)).toBe(false);
    held.push(bytes);
  });

  test("is true for a page of a mapped file that has to be read, which another program may have to provide", () => {
    const address = unreadPage();
    expect(mayWait(address, 1)).toBe(true);
    const [, other] = place(pattern(100));
    expect(
      presence().mayWait(process.pid, [
        { address: other, length: 100 },
        { address, length: 1 },
      ]),
    ).toBe(true);
  });

  test("is true for memory that does not exist", () => {
    expect(mayWait(UNMAPPED, 1)).toBe(true);
  });

  test("is false for a process whose pages cannot be looked up", () => {
    expect(presence().mayWait(2 ** 22 + 1, [{ address: UNMAPPED, length: 100 }])).toBe(false);
  });

  test("keeps a file of each caller open until close()", () => {
    const files = () => readdirSync("/proc/self/fd").length;
    const before = files();
    const one = presence();
    const [, address] = place(pattern(100));
    expect(one.mayWait(process.pid, [{ address, length: 100 }])).toBe(false);
    expect(files()).toBe(before + 1);
    one.close();
    expect(files()).toBe(before);
  });

  test("is false for a call that refers to no memory", () => {
    expect(presence().mayWait(process.pid, [])).toBe(false);
  });
});

describe("MemoryReader", () => {
  let calls: number;
  let vm: ProcessVm;
  let reader: MemoryReader;
  beforeEach(() => {
    calls = 0;
    vm = new ProcessVm({
      ...host,
      process_vm_readv(...values) {
        calls += 1;
        return host.process_vm_readv(...values);
      },
    });
    vm.pid = process.pid;
    reader = new MemoryReader(host, vm);
  });

  test.each([1, 4096, 2 ** 20, 2 ** 20 + 1])("read() returns %i bytes from an address", (size) => {
    const [bytes, address] = place(pattern(size));
    expect(Buffer.compare(reader.read(address, size) as Uint8Array, bytes)).toBe(0);
  });

  test.each([1, 2 ** 20, 2 ** 40])("read() returns undefined for %i bytes that are not mapped", (size) => {
    expect(reader.read(UNMAPPED, size)).toBeUndefined();
  });

  test("prefetch() reads several ranges in one system call", () => {
    const places = [place(pattern(64)), place(pattern(100, 5)), place(pattern(10, 9))];
    reader.prefetch(places.map(([bytes, address]) => ({ address, length: bytes.length })));
    const read = places.map(([bytes, address]) => reader.read(address, bytes.length));
    expect(read.map((bytes) => [...(bytes ?? [])])).toEqual(places.map(([bytes]) => [...bytes]));
    expect(calls).toBe(1);
  });

  test("read() reads again what was prefetched and read before", () => {
    const [bytes, address] = place(pattern(64));
    reader.prefetch([{ address, length: 64 }]);
    reader.read(address, 64);
    bytes.fill(9);
    expect([...(reader.read(address, 64) ?? [])]).toEqual([...bytes]);
  });

  test("read() returns undefined for a range that is not mapped, and the bytes of those prefetched with it", () => {
    const [bytes, address] = place(pattern(64));
    const range = { address, length: 64 };
    reader.prefetch([range, { address: UNMAPPED, length: 16 }, range]);
    expect([...(reader.read(address, 64) ?? [])]).toEqual([...bytes]);
    expect(reader.read(UNMAPPED, 16)).toBeUndefined();
    expect([...(reader.read(address, 64) ?? [])]).toEqual([...bytes]);
  });

  test("canRead() tests one byte", () => {
    expect(reader.canRead(place(pattern(1))[1])).toBe(true);
    expect(reader.canRead(UNMAPPED)).toBe(false);
  });

  test("lastFrom() returns what the last read returned from an address on", () => {
    const [bytes, address] = place(pattern(64));
    reader.read(address, 64);
    expect([...reader.lastFrom(address)]).toEqual([...bytes]);
    expect([...reader.lastFrom(address + 60)]).toEqual([...bytes.subarray(60)]);
    expect(reader.lastFrom(address + 64)).toHaveLength(0);
    expect(reader.lastFrom(address - 1)).toHaveLength(0);
  });

  test("forget() wipes keys, and forgets what was read", () => {
    const [, address] = place(pattern(32));
    const key = reader.read(address, 32) as Uint8Array;
    reader.forget();
    expect([...key]).toEqual(new Array(32).fill(0));
    expect(reader.lastFrom(address)).toHaveLength(0);
  });

  test("throws an UnreachableCallerError for a process that does not exist", () => {
    vm.pid = 2 ** 22 + 1;
    expect(() => reader.read(UNMAPPED, 1)).toThrow(UnreachableCallerError);
    expect(() => reader.read(UNMAPPED, 1)).toThrow(/^process_vm_readv failed with ESRCH$/);
    expect(new UnreachableCallerError().name).toBe("UnreachableCallerError");
  });
});
