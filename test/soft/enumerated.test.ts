import { readFileSync } from "node:fs";
import { brotliDecompressSync } from "node:zlib";
import { COP_FLAG_AEAD_SRTP_TYPE, COP_FLAG_AEAD_TLS_TYPE } from "@cryptodev/core/abi";
import { beforeEach, describe, expect, test } from "vitest";
import { type Auth, type EnumeratedCall, EnumeratedCaller } from "./enumerated/caller.ts";
import { enumerate, kindNamed } from "./enumerated/cases.ts";
import { END } from "./enumerated/pages.ts";

/** The results of a real driver, in the order of the calls. */
const recorded = brotliDecompressSync(readFileSync(new URL("enumerated/outcomes.txt.br", import.meta.url)))
  .toString()
  .trimEnd()
  .split("\n");

test("SoftwareDevice.ioctl() answers 27,280 enumerated calls as a real driver did, and leaves the same memory", () => {
  const different: string[] = [];
  let count = 0;
  let cases = 0;
  enumerate(({ number, description, outcome }) => {
    const expected = recorded[count];
    if (outcome !== expected) different.push(`case ${number}: ${description}: ${outcome}, the driver: ${expected}`);
    count += 1;
    cases = number;
  });
  // The README would list calls that are allowed to differ; there are none.
  expect(different.slice(0, 20)).toEqual([]);
  expect({ count, cases }).toEqual({ count: recorded.length, cases: 9894 });
});

/*
 * Calls that were not recorded, because their results depend on addresses. The expected results follow from the
 * driver's source.
 */
describe("CIOCAUTHCRYPT", () => {
  let last: EnumeratedCall;
  const caller = new EnumeratedCaller((call) => {
    last = call;
  });
  /** @returns the result, without the hash of the memory */
  const answer = (call: Auth): string => {
    caller.auth(call);
    return last.outcome.replace(/ [0-9a-f]{8}$/, " and memory");
  };
  beforeEach(() => caller.start(kindNamed("ctr+hmacsha1")));

  test("computes the mac of the header for an SRTP packet without data, unless the header ends where the data would start", () => {
    const packet: Auth = { flags: COP_FLAG_AEAD_SRTP_TYPE, src: 1024, dst: 1024, tag: 20480, iv: 16384 };
    expect(answer({ ...packet, auth_src: 1000, auth_len: 25 })).toBe("0 tag_len=20 and memory");
    expect(answer({ ...packet, auth_src: 1000, auth_len: 24 })).toBe("EINVAL");
    expect(answer({ ...packet, auth_src: 1000, auth_len: 25, op: 1 })).toBe("EINVAL");
    expect(answer({ ...packet, auth_src: 1000, auth_len: 24, tag: null })).toBe("EINVAL");
    caller.start(kindNamed("ctr"));
    expect(answer({ ...packet, auth_src: 1000, auth_len: 25 })).toBe("EINVAL");
    // The tag is not written, but its size counts.
    expect(answer({ ...packet, auth_src: 1000, auth_len: 25, tag_len: 1 })).toBe("0");
  });

  test("requires memory for one byte of padding in a TLS record of a stream cipher, although none is written", () => {
    const size = 20 + 20;
    const record: Auth = { flags: COP_FLAG_AEAD_TLS_TYPE, len: 20, iv: 16384 };
    const at = (place: number) => answer({ ...record, src: place, dst: place });
    expect(at(END - size)).toBe("EINVAL");
    expect(at(END - size - 1)).toBe("0 len=40 tag_len=20 and memory");
  });
});
