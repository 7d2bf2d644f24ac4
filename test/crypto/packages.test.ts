import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import module from "node:module";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { describe, expect, test } from "vitest";
import { type ChildOptions, runForJson, runProgram } from "../child.ts";
import { runtimeName } from "../runtime.ts";

/* Runs well-known packages that use node:crypto, unchanged, and switched over as the README shows. */

const workspace = fileURLToPath(new URL("../.programs/", import.meta.url));
const software = { CRYPTODEV_BACKEND: "software" };

interface Program {
  /** A program that prints one list. */
  readonly code: string;
  /** Whether it needs functions that the device does not have, such as a key exchange. */
  readonly fallback: boolean;
  /** Why it is not run in a runtime. */
  readonly not?: Partial<Record<typeof runtimeName, string>>;
}

const usesWebcrypto = "it uses the web platform's crypto there";

const programs: Readonly<Record<string, Program>> = {
  "ssri, which hashes files": {
    fallback: false,
    code: `
      import ssri from "ssri";
      import { Readable } from "node:stream";
      const data = Buffer.alloc(100_000, "data");
      const algorithms = ["sha1", "sha256", "sha384", "sha512"];
      const integrity = ssri.fromData(data, { algorithms });
      const stream = await ssri.fromStream(Readable.from([data.subarray(0, 1), data.subarray(1)]), { algorithms });
      let failure;
      try {
        await ssri.checkStream(Readable.from(["other"]), integrity);
      } catch (error) {
        failure = error.code;
      }
      console.log(JSON.stringify([integrity.toString(), stream.toString(), Boolean(ssri.checkData(data, integrity)), failure]));
    `,
  },
  "object-hash, which writes to hashes as streams": {
    fallback: false,
    code: `
      import hash from "object-hash";
      const value = { text: "zażółć", list: [1, null, { date: new Date(0) }], map: new Map([["key", Buffer.from("value")]]) };
      console.log(JSON.stringify(["sha1", "md5", "sha512"].flatMap((algorithm) =>
        ["hex", "base64"].map((encoding) => hash(value, { algorithm, encoding })))));
    `,
  },
  "jws, which signs": {
    fallback: false,
    code: `
      import jws from "jws";
      const results = ["HS256", "HS384", "HS512"].map((alg) => {
        const token = jws.sign({ header: { alg }, payload: { claim: 1 }, secret: "key" });
        return [token, jws.verify(token, alg, "key"), jws.verify(token, alg, "other")];
      });
      console.log(JSON.stringify(results));
    `,
  },
  "jose, which signs and encrypts tokens": {
    fallback: true,
    not: { Deno: usesWebcrypto, Bun: usesWebcrypto },
    code: `
      import * as jose from "jose";
      const key = (size) => new Uint8Array(size).fill(7);
      const text = new TextEncoder().encode("plaintext");
      const results = [];
      for (const [alg, size] of [["HS256", 32], ["HS384", 48], ["HS512", 64]]) {
        const token = await new jose.SignJWT({ claim: 1 }).setProtectedHeader({ alg }).sign(key(size));
        const { payload } = await jose.jwtVerify(token, key(size));
        let failure;
        try {
          await jose.jwtVerify(token, key(size).fill(8));
        } catch (error) {
          failure = error.code;
        }
        results.push(token, payload, failure);
      }
      for (const [enc, size] of [["A128GCM", 16], ["A256GCM", 32], ["A128CBC-HS256", 32], ["A256CBC-HS512", 64]]) {
        const token = await new jose.CompactEncrypt(text).setProtectedHeader({ alg: "dir", enc }).encrypt(key(size));
        const { plaintext } = await jose.compactDecrypt(token, key(size));
        const parts = token.split(".");
        parts[4] = parts[4].replace(/./, (first) => (first === "A" ? "B" : "A"));
        let failure;
        try {
          await jose.compactDecrypt(parts.join("."), key(size));
        } catch (error) {
          failure = error.code;
        }
        results.push(new TextDecoder().decode(plaintext), failure);
      }
      console.log(JSON.stringify(results));
    `,
  },
  "ssh2, a client and a server": {
    fallback: true,
    code: `
      import ssh2 from "ssh2";
      const results = [];
      // ssh2 cannot read about one in a hundred of the keys that it creates, with any crypto.
      const makeKey = () => ssh2.utils.generateKeyPairSync("ed25519").private;
      let hostKey = makeKey();
      while (ssh2.utils.parseKey(hostKey) instanceof Error) hostKey = makeKey();
      for (const [cipher, hmac] of [["aes128-ctr", "hmac-sha2-256"], ["aes256-ctr", "hmac-sha2-512-etm@openssh.com"],
        ["aes256-cbc", "hmac-sha1"], ["aes128-gcm@openssh.com", "hmac-sha2-256"]]) {
        const algorithms = { cipher: [cipher], hmac: [hmac], kex: ["curve25519-sha256"] };
        const server = new ssh2.Server({ hostKeys: [hostKey], algorithms }, (connection) => {
          connection.on("error", () => {});
          connection.on("authentication", (context) => context.accept());
          connection.on("ready", () => connection.on("session", (accept) => accept().on("exec", (accept, _reject, { command }) => {
            const stream = accept();
            stream.write(command.repeat(5000));
            stream.exit(0);
            stream.end();
          })));
        });
        await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
        const client = new ssh2.Client();
        const output = await new Promise((resolve, reject) => {
          client.on("error", reject).on("ready", () => client.exec("echo", (error, stream) => {
            if (error) return reject(error);
            let text = "";
            stream.on("data", (data) => (text += data)).on("close", () => resolve(text));
          })).connect({ port: server.address().port, host: "127.0.0.1", username: "u", password: "p", algorithms });
        });
        client.end();
        await new Promise((resolve) => server.close(resolve));
        results.push([cipher, hmac, output === "echo".repeat(5000)]);
      }
      console.log(JSON.stringify(results));
      process.exit(0);
    `,
  },
};

describe.each(Object.entries(programs))("%s", (_name, { code, fallback, not }) => {
  const why = not?.[runtimeName];
  if (why !== undefined) {
    test.skip(`is not run in ${runtimeName}: ${why}`, () => {});
    return;
  }
  const env = fallback ? { ...software, CRYPTODEV_FALLBACK: "1" } : software;

  test("has the same results with the device as with node:crypto", () => {
    const results = runForJson<unknown[]>(code, { isSwitched: true, env });
    expect(results).not.toHaveLength(0);
    expect(results).toEqual(runForJson(code));
  });

  test("uses the device for everything that the device supports", () => {
    const { status, stderr, stdout } = runProgram(code, {
      isSwitched: true,
      env: { ...env, CRYPTODEV_BACKEND: "none" },
    });
    expect(status, stdout).not.toBe(0);
    expect(stderr).toContain('CRYPTODEV_BACKEND: expected "kernel", "software" or "auto", got "none"');
  });
});

describe("a program that is switched over to cryptodev/crypto", () => {
  const run = (code: string, options: ChildOptions = {}) =>
    runForJson<unknown>(code, { isSwitched: true, env: software, ...options });
  const isOurs = `
    import ours from "cryptodev/crypto";
    import { createRequire } from "node:module";
    const require = createRequire(import.meta.url);
  `;

  test("gets the device from import, import() and require, with and without the prefix node:", () => {
    const code = `
      ${isOurs}
      import one, { createHash } from "crypto";
      import two, { createHash as other } from "node:crypto";
      const three = await import("crypto");
      const four = await import("node:crypto");
      const hashes = [one.createHash, createHash, two.createHash, other, three.createHash, four.default.createHash];
      const required = [require("crypto").createHash, require("node:crypto").createHash];
      console.log(JSON.stringify([...hashes, ...required].map((hash) => hash === ours.createHash)));
    `;
    expect(run(code)).toEqual(Array.from({ length: 8 }, () => true));
  });

  /** Runs a program next to other files, by their names. */
  function runWith(files: Readonly<Record<string, string>>, code: string): unknown {
    mkdirSync(workspace, { recursive: true });
    const folder = mkdtempSync(join(workspace, "files-"));
    try {
      for (const [name, text] of Object.entries(files)) {
        mkdirSync(join(folder, name, ".."), { recursive: true });
        writeFileSync(join(folder, name), text);
      }
      const own = pathToFileURL(folder).href;
      return run(code.replaceAll("FOLDER", own));
    } finally {
      rmSync(folder, { recursive: true });
    }
  }

  const hasHooks = "registerHooks" in module;

  // The guide says which programs are not switched over.
  test.runIf(hasHooks || runtimeName === "Bun")(
    "gets the device from ES modules that are required, and import others",
    () => {
      const hashes = 'import { createHash } from "crypto"; export const isOurs = "session" in createHash("sha1");';
      const files = {
        "node_modules/required/package.json": JSON.stringify({ type: "module", exports: "./index.js" }),
        "node_modules/required/index.js": 'export { isOurs } from "./other.js";',
        "node_modules/required/other.js": hashes,
      };
      const code = `
      import { createRequire } from "node:module";
      console.log(JSON.stringify(createRequire("FOLDER/program.js")("required").isOurs));
    `;
      expect(runWith(files, code)).toBe(true);
    },
  );

  test.runIf(runtimeName !== "Bun")("gets the device from imports of an alias in package.json", () => {
    const files = {
      "package.json": JSON.stringify({ type: "module", imports: { "#hashes": { default: "crypto" } } }),
      "index.js": 'import { createHash } from "#hashes"; export default "session" in createHash("sha1");',
    };
    expect(runWith(files, 'console.log((await import("FOLDER/index.js")).default)')).toBe(true);
  });

  test.runIf(runtimeName === "Bun")("gets the device from require() of an alias in package.json", () => {
    const files = {
      "package.json": JSON.stringify({ imports: { "#hashes": "node:crypto" } }),
      "index.cjs": 'module.exports = "session" in require("#hashes").createHash("sha1");',
    };
    expect(runWith(files, 'console.log((await import("FOLDER/index.cjs")).default)')).toBe(true);
  });

  test.runIf(hasHooks)("gets what hooks of its own return for node:crypto, such as a mock", () => {
    const code = `
      import module from "node:module";
      const url = "data:text/javascript,export const createHash = () => 'mocked'";
      module.registerHooks({
        resolve: (specifier, context, next) =>
          specifier === "node:crypto" ? { url, format: "module", shortCircuit: true } : next(specifier, context),
      });
      // In Deno, this library's hooks are registered again by require(), and then called first.
      module.createRequire(import.meta.url)("node:path");
      const { createHash } = await import("node:crypto");
      console.log(JSON.stringify(createHash("sha1")));
    `;
    expect(run(code)).toBe("mocked");
  });

  test("gets an error for what the device does not support, unless fallback is allowed", () => {
    const code = `
      import { randomBytes } from "node:crypto";
      let result;
      try {
        result = randomBytes(4).length;
      } catch (error) {
        result = error.name;
      }
      console.log(JSON.stringify(result));
    `;
    expect(run(code)).toBe("UnsupportedError");
    expect(run(code, { env: { ...software, CRYPTODEV_FALLBACK: "1" } })).toBe(4);
  });
});
