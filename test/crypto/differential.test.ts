import { spawnSync } from "node:child_process";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { Device } from "@cryptodev/core";
import { cryptoOf, type NodeCrypto } from "cryptodev/crypto";
import { beforeAll, describe, expect, test } from "vitest";
import { RecordingHost } from "../recording_host.ts";
import { runtimeName } from "../runtime.ts";
import { outcomesOf } from "./differential/cases.mjs";
import { openSessions } from "./open_sessions.ts";

/*
 * Thousands of calls of node:crypto, by this library in every runtime, and by Node.js itself: results, and errors with
 * their classes, codes and messages. The other runtimes' own answers differ from those, and are not asked for.
 */

type Outcomes = ReadonlyMap<string, string>;

interface Difference {
  readonly why: string;
  readonly what: RegExp;
  /** What comes of it here. */
  readonly ours: RegExp;
  /** Whether node:crypto does it if that is allowed. */
  readonly falls?: boolean;
  /** The version of Node.js that has another way from then on; every version if left out. */
  readonly since?: number;
}

/** Anything, but in Node.js. */
const elsewhere = runtimeName === "Node.js" ? /^never$/ : /^/;

/** All that differs, as the guide says it under "What differs". */
const differences: readonly Difference[] = [
  {
    why: "a GCM nonce is of 12 bytes",
    what: /aes-128-gcm.*(key, |iv of )/,
    ours: /ERR_CRYPTO_INVALID_IV/,
    falls: true,
  },
  {
    why: "the device does not have it",
    what: /chacha20|ocb|cfb8|ede3-ecb|sha3-256|shake/,
    ours: /Unknown cipher|Digest method not supported|Invalid digest|^/,
    falls: true,
  },
  {
    why: "XTS works on whole blocks",
    what: /aes-256-xts/,
    ours: /ERR_OUT_OF_RANGE data for aes-xts: expected a multiple of 16 bytes/,
    falls: true,
  },
  {
    why: "a hash that has ended as a stream takes no more, which Node.js passes over",
    what: /a hash as a stream.*end, and then update/,
    ours: /ERR_CRYPTO_HASH_UPDATE_FAILED/,
  },
  {
    why: "what stands for an encoding and is not a name is not shown",
    what: /(update\(data, undefined, |final\()(what becomes hex|a detached (DataView|Uint8Array))/,
    ours: /ERR_UNKNOWN_ENCODING/,
  },
  {
    why: "a name is shown with the characters that it has",
    what: /a lone surrogate/,
    ours: /Invalid digest|is not supported/,
  },
  {
    why: "Node.js throws what is left in OpenSSL's list of errors from something else",
    what: /a (GCM )?(de)?cipher as a stream.*its result, and then write/,
    ours: /Trying to add data in unsupported state/,
  },
  {
    why: "hash() came to take an object of options, which depends on the runtime",
    what: /^(hash\("sha1", data, |hash\(\) with|the name of hash)/,
    ours: elsewhere,
  },
  {
    why: "part of a tag is checked if the runtime's own node:crypto does so",
    what: /aes-(128|256)-gcm.*(setAuthTag\(|tag of)/,
    ours: elsewhere,
  },
  {
    why: "an HMAC that has ended as a stream has no digest, for which Node.js shows memory of others, and later text",
    what: /createHmac\.digest\(.*after the stream's end|an HMAC as a stream.*(its result|and then update)/,
    ours: /^/,
    since: 24,
  },
  {
    why: "what is written to a hash after its digest is passed over, which became an error",
    what: /(a hash|an HMAC) as a stream.*its result, and then write/,
    ours: /true\]\]$/,
    since: 24,
  },
  {
    why: "the constructors do not warn that they are deprecated",
    what: /^(Hash|Hmac)'s own names|^what create(Hash|Hmac) makes/,
    ours: /^/,
    since: 24,
  },
  {
    why: "one XTS object works on any number of sectors, which became an error",
    what: /aes-256-xts/,
    ours: /^/,
    since: 26,
  },
  {
    why: "getCipherInfo() is the runtime's own, and ours only for what that does not know",
    what: /^(the name of )?getCipherInfo/,
    ours: elsewhere,
  },
];

function differing(ours: Outcomes, theirs: Outcomes, version: number, isAllowed: boolean): string[] {
  const known = differences.filter(({ falls, since = 0 }) => !(falls && isAllowed) && version >= since);
  return [...ours]
    .filter(([what, outcome]) => theirs.get(what) !== outcome)
    .filter(
      ([what, outcome]) => !known.some((difference) => difference.what.test(what) && difference.ours.test(outcome)),
    )
    .map(([what, outcome]) => `${what}\n  Node.js: ${theirs.get(what)}\n  here:    ${outcome}`);
}

/** Node.js, which Bun puts itself in the place of. */
const node = runtimeName === "Node.js" ? process.execPath : (process.env.npm_node_execpath ?? "node");

describe("node:crypto over a device, against that of Node.js", { timeout: 300_000 }, () => {
  let theirs: Outcomes;
  let version: number;
  beforeAll(() => {
    const reference = fileURLToPath(new URL("differential/reference.mjs", import.meta.url));
    const { stdout, stderr } = spawnSync(node, [reference], { encoding: "utf8", maxBuffer: 2 ** 28 });
    const { versions, outcomes } = JSON.parse(stdout || `{"versions":{}}`);
    if (versions.node === undefined || versions.bun !== undefined) throw new Error(`${node} is not Node.js\n${stderr}`);
    theirs = new Map(outcomes);
    version = Number.parseInt(versions.node, 10);
    console.log(`${theirs.size} cases, against Node.js ${versions.node}`);
  }, 300_000);

  const host = new RecordingHost();
  const device = Device.open(host);
  const leaks: unknown[] = [];
  /** The same, and whether what throws leaves a session. */
  const watched = (crypto: NodeCrypto): NodeCrypto =>
    new Proxy(crypto, {
      get(target, name) {
        const value: unknown = Reflect.get(target, name);
        if (typeof value !== "function" || !/^create(Hash|Hmac|Cipheriv|Decipheriv)$/.test(String(name))) return value;
        return new Proxy(value, {
          apply(create, self, args) {
            host.calls.length = 0;
            try {
              return Reflect.apply(create as () => unknown, self, args);
            } catch (error) {
              if (openSessions(host) !== 0) leaks.push([name, args]);
              throw error;
            }
          },
        });
      },
    });

  test("every call has the result of Node.js or its error, but for what the guide lists", async () => {
    const ours = await outcomesOf(watched(cryptoOf(device)));
    expect([...ours.keys()]).toEqual([...theirs.keys()]);
    expect(differing(ours, theirs, version, false)).toEqual([]);
  });

  test("no call that throws leaves a session", () => {
    expect(leaks).toEqual([]);
  });

  if (runtimeName !== "Node.js") {
    console.log(`skipped: fallback in ${runtimeName}, whose own node:crypto is not Node.js'`);
  }
  // In other runtimes the rest is done by their own node:crypto, which is not that of Node.js.
  test.runIf(runtimeName === "Node.js")("with fallback, what the device cannot do is node's too", async () => {
    const ours = await outcomesOf(watched(cryptoOf(device, { fallback: true })));
    expect(differing(ours, theirs, version, true)).toEqual([]);
    expect(leaks).toEqual([]);
  });
});
