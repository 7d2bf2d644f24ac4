import { describe, expect, test } from "vitest";
import { type ChildOptions, runForJson, runProgram } from "../child.ts";
import { canServe } from "../software.ts";

/* Runs well-known packages that use crypto.subtle, unchanged, and switched over as the guide shows. */

interface Program {
  /** A program that prints one list. */
  readonly code: string;
  /** Whether it also needs algorithms that the device does not have. */
  readonly fallback: boolean;
}

const codeOf = `
  const codeOf = (call) => call().then(() => "none", (error) => error.code ?? error.name);
  const changed = (token, part) => {
    const parts = token.split(".");
    parts[part] = parts[part].replace(/^./, (first) => (first === "A" ? "B" : "A"));
    return parts.join(".");
  };
`;

const programs: Readonly<Record<string, Program>> = {
  "jose, with tokens of HMAC, AES-GCM and AES-CBC": {
    fallback: false,
    code: `
      import * as jose from "jose6";
      ${codeOf}
      const key = (size) => new Uint8Array(size).fill(7);
      const text = new TextEncoder().encode("plaintext ".repeat(200));
      const results = [];
      for (const [alg, size] of [["HS256", 32], ["HS384", 48], ["HS512", 64]]) {
        const jwk = { kty: "oct", k: jose.base64url.encode(key(size)), alg };
        for (const secret of [key(size), await jose.importJWK(jwk), await jose.generateSecret(alg), jwk]) {
          const token = await new jose.SignJWT({ claim: 1 }).setProtectedHeader({ alg }).setIssuer("issuer").sign(secret);
          const { payload } = await jose.jwtVerify(token, secret, { issuer: "issuer", algorithms: [alg] });
          results.push(payload, await codeOf(() => jose.jwtVerify(changed(token, 2), secret)));
          results.push(await codeOf(() => jose.jwtVerify(token, key(size).fill(8))));
        }
        results.push(await new jose.SignJWT({ claim: 1 }).setProtectedHeader({ alg }).sign(key(size)));
      }
      const encs = [["A128GCM", 16], ["A192GCM", 24], ["A256GCM", 32], ["A128CBC-HS256", 32], ["A192CBC-HS384", 48], ["A256CBC-HS512", 64]];
      for (const [enc, size] of encs) {
        for (const secret of [key(size), await jose.generateSecret(enc)]) {
          const token = await new jose.CompactEncrypt(text).setProtectedHeader({ alg: "dir", enc }).encrypt(secret);
          const { plaintext } = await jose.compactDecrypt(token, secret);
          results.push(new TextDecoder().decode(plaintext), token.length);
          results.push(await codeOf(() => jose.compactDecrypt(changed(token, 3), secret)));
          results.push(await codeOf(() => jose.compactDecrypt(changed(token, 4), secret)));
        }
      }
      for (const [alg, size] of [["A128GCMKW", 16], ["A192GCMKW", 24], ["A256GCMKW", 32]]) {
        const token = await new jose.EncryptJWT({ claim: 2 }).setProtectedHeader({ alg, enc: "A256GCM" }).encrypt(key(size));
        results.push((await jose.jwtDecrypt(token, key(size))).payload);
        results.push(await codeOf(() => jose.jwtDecrypt(changed(token, 1), key(size))));
      }
      results.push(await jose.calculateJwkThumbprint({ kty: "oct", k: jose.base64url.encode(key(16)) }, "sha512"));
      console.log(JSON.stringify(results));
    `,
  },
  "jose, with keys that other algorithms wrap, derive or sign": {
    fallback: true,
    code: `
      import * as jose from "jose6";
      ${codeOf}
      const results = [];
      const text = new TextEncoder().encode("plaintext");
      for (const alg of ["RSA-OAEP-256", "ECDH-ES", "ECDH-ES+A128KW"]) {
        const { publicKey, privateKey } = await jose.generateKeyPair(alg, { extractable: true });
        for (const enc of ["A256GCM", "A128CBC-HS256"]) {
          const token = await new jose.CompactEncrypt(text).setProtectedHeader({ alg, enc }).encrypt(publicKey);
          results.push(new TextDecoder().decode((await jose.compactDecrypt(token, privateKey)).plaintext));
          results.push(await codeOf(() => jose.compactDecrypt(changed(token, 4), privateKey)));
        }
      }
      for (const [alg, secret] of [["A128KW", new Uint8Array(16)], ["A256KW", new Uint8Array(32)], ["PBES2-HS256+A128KW", new Uint8Array(9)]]) {
        const options = { keyManagementAlgorithms: [alg] };
        const token = await new jose.CompactEncrypt(text).setProtectedHeader({ alg, enc: "A192GCM" })
          .setKeyManagementParameters(alg.startsWith("P") ? { p2c: 10 } : {}).encrypt(secret);
        results.push(new TextDecoder().decode((await jose.compactDecrypt(token, secret, options)).plaintext));
      }
      for (const alg of ["ES256", "RS256", "EdDSA"]) {
        const { publicKey, privateKey } = await jose.generateKeyPair(alg);
        const token = await new jose.SignJWT({ claim: 1 }).setProtectedHeader({ alg }).sign(privateKey);
        results.push((await jose.jwtVerify(token, publicKey)).payload);
        results.push(await codeOf(() => jose.jwtVerify(changed(token, 2), publicKey)));
      }
      console.log(JSON.stringify(results));
    `,
  },
  "iron-webcrypto, which seals objects": {
    fallback: true,
    code: `
      import * as Iron from "iron-webcrypto";
      ${codeOf}
      const password = "a password that has more than thirty-two characters";
      const value = { user: 1, roles: ["one", "two"], text: "zażółć" };
      const results = [];
      for (const algorithm of ["aes-256-cbc", "aes-128-ctr"]) {
        const options = { ...Iron.defaults, encryption: { ...Iron.defaults.encryption, algorithm } };
        for (const secret of [password, new Uint8Array(32).fill(3)]) {
          const sealed = await Iron.seal(value, secret, options);
          results.push(await Iron.unseal(sealed, secret, options), sealed.length);
          const other = sealed.replace(/.$/, (last) => (last === "A" ? "Q" : "A"));
          results.push(await codeOf(() => Iron.unseal(other, secret, options)));
        }
      }
      console.log(JSON.stringify(results));
    `,
  },
  "hono, whose middleware verifies tokens": {
    fallback: false,
    code: `
      import { Hono } from "hono";
      import { jwt, sign, verify, decode } from "hono/jwt";
      ${codeOf}
      const results = [];
      for (const alg of ["HS256", "HS384", "HS512"]) {
        const token = await sign({ claim: 1 }, "secret", alg);
        results.push(token, await verify(token, "secret", alg), decode(token).header);
        results.push(await codeOf(() => verify(changed(token, 2), "secret", alg)));
        const app = new Hono();
        app.use("/private/*", jwt({ secret: "secret", alg }));
        app.get("/private/page", (context) => context.json(context.get("jwtPayload")));
        const get = async (authorization) => {
          const response = await app.request("/private/page", { headers: { authorization } });
          return [response.status, await response.text()];
        };
        results.push(await get("Bearer " + token), (await get("Bearer " + changed(token, 2)))[0], (await get("none"))[0]);
      }
      console.log(JSON.stringify(results));
    `,
  },
};

const devices: Readonly<Record<string, ChildOptions>> = {
  "software device": { env: { CRYPTODEV_BACKEND: "software" } },
  ...(canServe ? { "served device": { isServed: true } } : {}),
};

describe.each(Object.entries(programs))("%s", (_name, { code, fallback }) => {
  const env = fallback ? { CRYPTODEV_FALLBACK: "1" } : {};

  test.each(Object.entries(devices))("has the same results with the %s as without", (_device, options) => {
    const ours = { ...options, isSubtleSwitched: true, env: { ...options.env, ...env } };
    const results = runForJson<unknown[]>(code, ours);
    expect(results).not.toHaveLength(0);
    expect(results).toEqual(runForJson(code));
  });

  test("uses the device", () => {
    const ending = runProgram(code, { isSubtleSwitched: true, env: { ...env, CRYPTODEV_BACKEND: "none" } });
    expect(ending.status === 0 ? ending.stdout : ending.stderr).toMatch(
      /CRYPTODEV_BACKEND: expected "kernel", "software" or "auto", got a string|RangeError/,
    );
  });
});
