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
 * Makes thousands of calls of node:crypto, with this library in every runtime and with Node.js itself, and compares the
 * results, and the classes, codes and messages of errors. The other runtimes' own node:crypto differs, and is not
 * compared.
 */

type Outcomes = ReadonlyMap<string, string>;

interface Difference {
  readonly why: string;
  readonly what: RegExp;
  /** Our outcome. */
  readonly ours: RegExp;
  /** Whether node:crypto takes over if fallback is allowed. */
  readonly falls?: boolean;
  /** The first version of Node.js that differs. Defaults to every version. */
  readonly since?: number;
}

/** Any outcome in Deno and Bun, none in Node.js. */
const elsewhere = runtimeName === "Node.js" ? /^never$/ : /^/;

/** All known differences. The guide lists them under "What differs". */
const differences: readonly Difference[] = [
  {
    why: "a GCM nonce has 12 bytes",
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
    why: "XTS accepts only whole blocks",
    what: /aes-256-xts/,
    ours: /ERR_OUT_OF_RANGE data for aes-256-xts: expected a multiple of 16 bytes/,
    falls: true,
  },
  {
    why: "a hash that has ended as a stream refuses more data, which Node.js ignores",
    what: /a hash as a stream.*end, and then update/,
    ours: /ERR_CRYPTO_HASH_UPDATE_FAILED/,
  },
  {
    why: "an encoding that is not a name is not shown",
    what: /(update\(data, undefined, |final\()(what becomes hex|a detached (DataView|Uint8Array))/,
    ours: /ERR_UNKNOWN_ENCODING/,
  },
  {
    why: "a name is shown with its own characters",
    what: /a lone surrogate/,
    ours: /Invalid digest|is not supported/,
  },
  {
    why: "Node.js throws an unrelated error that is left in OpenSSL's queue",
    what: /a (GCM )?(de)?cipher as a stream.*its result, and then write/,
    ours: /Trying to add data in unsupported state/,
  },
  {
    why: "hash() accepts an object of options if the runtime's hash() does",
    what: /^(hash\("sha1", data, |hash\(\) with|the name of hash)/,
    ours: elsewhere,
  },
  {
    why: "a truncated tag is verified if the runtime's own node:crypto does so",
    what: /aes-(128|256)-gcm.*(setAuthTag\(|tag of)/,
    ours: elsewhere,
  },
  {
    why: "an HMAC that has ended as a stream has an empty digest; Node.js returns foreign memory, and newer versions text",
    what: /createHmac\.digest\(.*after the stream's end|an HMAC as a stream.*(its result|and then update)/,
    ours: /^/,
    since: 24,
  },
  {
    why: "the constructors do not warn that they are deprecated",
    what: /^(Hash|Hmac)'s own names|^what create(Hash|Hmac) makes/,
    ours: /^/,
    since: 22,
  },
  {
    why: "one XTS object accepts any number of sectors, which newer versions refuse",
    what: /aes-256-xts/,
    ours: /^/,
    since: 26,
  },
  {
    why: "getCipherInfo() returns the runtime's own result, and ours only for ciphers that it does not know",
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

/** The executable of Node.js. Bun replaces `node` in the path with itself. */
const node = runtimeName === "Node.js" ? process.execPath : (process.env.npm_node_execpath ?? "node");

describe("node:crypto over a device", { timeout: 300_000 }, () => {
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
  /** Wraps node:crypto, to record calls that throw and leave a session open. */
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

  test("returns or throws for every call what Node.js does, except as the guide lists", async () => {
    const ours = await outcomesOf(watched(cryptoOf(device)));
    expect([...ours.keys()]).toEqual([...theirs.keys()]);
    expect(differing(ours, theirs, version, false)).toEqual([]);
  });

  test("does not leave a session open if a call throws", () => {
    expect(leaks).toEqual([]);
  });

  if (runtimeName !== "Node.js") {
    console.log(`skipped: fallback in ${runtimeName}, because it would use ${runtimeName}'s own node:crypto`);
  }
  // In other runtimes, fallback uses their own node:crypto.
  test.runIf(runtimeName === "Node.js")("does what Node.js does with fallback, and leaks no session", async () => {
    const ours = await outcomesOf(watched(cryptoOf(device, { fallback: true })));
    expect(differing(ours, theirs, version, true)).toEqual([]);
    expect(leaks).toEqual([]);
  });
});
