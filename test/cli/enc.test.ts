import { spawn } from "node:child_process";
import { once } from "node:events";
import { chmodSync, statSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { describe, expect, test } from "vitest";
import { fromHex, pattern, toHex } from "../bytes.ts";
import { command } from "../software.ts";
import { vectors as aeads } from "../vectors/aeads.ts";
import { vectors as ciphers } from "../vectors/ciphers.ts";
import { Folder, has, quoted } from "./folder.ts";

const folder = new Folder();
const key = folder.write("key", pattern(32, 5));
const iv = folder.write("iv", pattern(16, 9));
const plain = folder.write("plain", pattern(3_000_001, 1));
const given = ["--key-file", key, "--iv-file", iv];
const cbc = ["aes-256-cbc", "--pad", ...given];

describe("known answers", () => {
  const modes = ["aes-256-cbc", "aes-128-ctr", "aes-128-ecb", "aes-128-xts", "3des-cbc"];
  const chosen = modes.map((mode) => ciphers.find(({ algorithm }) => algorithm === mode) as (typeof ciphers)[number]);

  test.each(chosen)("$algorithm: $source", ({ algorithm, key, iv, plaintext, ciphertext }) => {
    folder.write("key.vector", fromHex(key));
    const flags = [algorithm, "--key-file", "key.vector", ...(iv === undefined ? [] : ["--iv", iv])];
    const sealed = folder.cryptodev(["enc", ...flags], fromHex(plaintext));
    expect(sealed.stderr).toBe("");
    expect(toHex(sealed.stdout)).toBe(ciphertext.replaceAll(" ", ""));
    expect(toHex(folder.cryptodev(["dec", ...flags], sealed.stdout).stdout)).toBe(plaintext.replaceAll(" ", ""));
  });

  const sealed = [50, 51].map(
    (id) => aeads.find((vector) => vector.id === id && vector.aad !== "") as (typeof aeads)[0],
  );

  test.each(sealed)("$source", ({ id, key, nonce, aad, plaintext, ciphertext, tag }) => {
    folder.write("key.vector", fromHex(key));
    folder.write("aad", fromHex(aad));
    const flags = [id === 50 ? "aes-gcm" : "aes-ccm", "--key-file", "key.vector", "--iv", nonce, "--aad-file", "aad"];
    flags.push("--tag-size", `${tag.length / 2}`);
    const { stdout, stderr } = folder.cryptodev(["enc", ...flags], fromHex(plaintext));
    expect(stderr).toBe("");
    expect(toHex(stdout)).toBe(ciphertext + tag);
    expect(toHex(folder.cryptodev(["dec", ...flags], stdout).stdout)).toBe(plaintext);
  });

  test.skipIf(!has("openssl"))("openssl decrypts what is padded here, and the other way round", () => {
    expect(folder.cryptodev(["enc", ...cbc, "-i", plain, "-o", "here"]).status).toBe(0);
    const args = ["-aes-256-cbc", "-K", toHex(folder.read(key)), "-iv", toHex(folder.read(iv))];
    const there = folder.run("openssl", ["enc", "-d", ...args, "-in", "here"]);
    expect(there.stdout.equals(folder.read(plain))).toBe(true);
    const sealed = folder.run("openssl", ["enc", ...args, "-in", plain]).stdout;
    expect(folder.cryptodev(["dec", ...cbc], sealed).stdout.equals(folder.read(plain))).toBe(true);
  });
});

describe("nothing is guessed:", () => {
  const refused: readonly (readonly [string, number, readonly string[], string])[] = [
    ["a key that is too short", 1, ["aes-256-cbc", "--key-file", iv, "--iv-file", iv], "expected 32 bytes, got 16"],
    ["a key that is too long", 1, ["aes-128-cbc", ...given], "key for aes-128-cbc: expected 16 bytes, got 32"],
    [
      "a file that is no key",
      1,
      ["aes-cbc", "--key-file", plain, "--iv-file", iv],
      "key: expected at most 512 bytes, got more",
    ],
    ["an iv that is too short", 1, ["aes-cbc", "--key-file", key, "--iv", "00ff"], "expected 16 bytes, got 2"],
    ["an iv that is missing", 2, ["aes-cbc", "--key-file", key], "expected an iv for aes-cbc: --iv or --iv-file"],
    ["a nonce that is missing", 2, ["aes-gcm", "--key-file", key], "expected an iv for aes-gcm: --iv or --iv-file"],
    ["an iv that ECB has not", 1, ["aes-ecb", ...given], "expected none"],
    ["half a byte", 2, ["aes-cbc", "--key-file", key, "--iv", "00f"], "an even number of hex digits"],
    ["two ivs", 2, ["aes-cbc", ...given, "--iv", "00"], "expected --iv or --iv-file, got both"],
    ["two keys", 2, ["aes-cbc", ...given, "--key-fd", "0"], "cannot be used with"],
    ["no key", 2, ["aes-cbc", "--iv-file", iv], "expected a key: --key-file or --key-fd"],
    ["key and data from one place", 2, ["aes-cbc", "--key-fd", "0", "--iv-file", iv], "standard input brings the key"],
    ["padding for a stream", 2, ["aes-ctr", "--pad", ...given], "aes-ctr needs no --pad"],
    ["aad without an AEAD", 2, ["aes-ctr", "--aad-file", iv, ...given], "aes-ctr has no --aad-file"],
    ["an algorithm that nobody has", 2, ["rot13", ...given], "algorithm: expected one of des-cbc, 3des-cbc"],
    ["an algorithm that is mistyped", 2, ["aes-256-cbs", ...given], "did you mean aes-256-cbc?"],
    ["a size of key that the algorithm has not", 2, ["des-256-cbc", ...given], "expected one of des-cbc"],
    ["a key in the command line", 2, ["aes-cbc", "--key", "00", "--iv-file", iv], "unknown option '--key'"],
  ];

  test.each(refused)("%s", (_, status, flags, message) => {
    const ending = folder.cryptodev(["enc", ...flags, "-o", "refused"], "sixteen bytes ok");
    expect(ending.stderr).toContain(message);
    // One line says it all, but for what commander proposes instead.
    expect(
      ending.stderr
        .replace(/\(Did you mean.*\n/, "")
        .trim()
        .split("\n"),
    ).toHaveLength(1);
    expect(ending.status).toBe(status);
    expect(folder.names).not.toContain("refused");
  });

  test("data that is no whole blocks is neither cut nor filled", () => {
    const { status, stderr } = folder.cryptodev(["enc", "aes-256-cbc", ...given], "seventeen bytes!!");
    expect([status, stderr]).toEqual([
      1,
      "cryptodev: data for aes-256-cbc: expected a multiple of 16 bytes, got 1 more\n",
    ]);
  });
});

describe("the output file", () => {
  test("is not there after a failure in the middle, and neither is what was written beside it", () => {
    const before = folder.names;
    const ending = folder.cryptodev(["enc", "aes-256-cbc", ...given, "-i", plain, "-o", "half"]);
    expect(ending.status).toBe(1);
    expect(folder.names).toEqual(before);
  });

  test("is not there after a signal in the middle", async () => {
    const before = folder.names;
    const [file, ...args] = command;
    const child = spawn(file, [...args, "enc", ...cbc, "-o", "half"], {
      cwd: folder.path,
      env: { ...process.env, CRYPTODEV_BACKEND: "software" },
      stdio: ["pipe", "inherit", "inherit"],
    });
    child.stdin?.write(pattern(100_000));
    for (let round = 0; round < 500 && folder.names.length === before.length; round += 1) {
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
    expect(folder.names.filter((name) => /^half\.[0-9a-f]{8}\.part$/.test(name))).toHaveLength(1);
    // Not `child.kill()`: in Deno that closes the input first, and the command ends well if it is fast.
    process.kill(child.pid as number, "SIGTERM");
    expect((await once(child, "exit"))[1]).toBe("SIGTERM");
    expect(folder.names).toEqual(before);
  });

  test("is not overwritten unless that is asked for, and then keeps its mode and its links", () => {
    folder.write("old", "precious");
    chmodSync(join(folder.path, "old"), 0o640);
    symlinkSync("old", join(folder.path, "link"));
    const { status, stderr } = folder.cryptodev(["enc", ...cbc, "-o", "link"], "new");
    expect([status, stderr]).toEqual([1, "cryptodev: link is there already; --force replaces it\n"]);
    expect(folder.read("old").toString()).toBe("precious");
    expect(folder.cryptodev(["enc", ...cbc, "-o", "link", "--force"], "new").status).toBe(0);
    expect(folder.read("old")).toHaveLength(16);
    expect(statSync(join(folder.path, "old")).mode & 0o777).toBe(0o640);
    // In place, as it were.
    expect(folder.cryptodev(["dec", ...cbc, "-i", "old", "-o", "old", "-f"]).status).toBe(0);
    expect(folder.read("old").toString()).toBe("new");
  });

  test("has the mode that the umask leaves", () => {
    const [file, ...args] = command;
    const line = `umask 027; exec ${quoted([file, ...args, "enc", ...cbc, "-o", "masked"])}`;
    expect(folder.run("sh", ["-c", line]).status).toBe(0);
    expect(statSync(join(folder.path, "masked")).mode & 0o777).toBe(0o640);
  });

  test("may be what is no file, and stays it", () => {
    expect(folder.cryptodev(["enc", ...cbc, "-i", plain, "-o", "/dev/null"]).status).toBe(0);
    expect(statSync("/dev/null").isCharacterDevice()).toBe(true);
  });
});

describe("what was changed", () => {
  test("is not decrypted by an AEAD, and has an exit status of its own", () => {
    const flags = ["aes-256-gcm", "--key-file", key, "--iv", "00112233445566778899aabb"];
    const { stdout: sealed } = folder.cryptodev(["enc", ...flags], "message");
    sealed[3] = (sealed[3] as number) ^ 1;
    const ending = folder.cryptodev(["dec", ...flags], sealed);
    expect(ending.status).toBe(4);
    expect(ending.stdout).toHaveLength(0);
    expect(ending.stderr).toMatch(/^cryptodev: .*EBADMSG, the data did not authenticate\n$/);
    expect(folder.cryptodev(["dec", ...flags, "-o", "forged"], sealed).status).toBe(4);
    expect(folder.names).not.toContain("forged");
  });

  test("and has no padding any more, has it too", () => {
    const { status, stderr } = folder.cryptodev(["dec", ...cbc], new Uint8Array(32));
    expect(status).toBe(4);
    expect(stderr).toContain("does not end with padding");
  });
});

describe("the key", () => {
  test("comes by any descriptor", () => {
    const sealed = folder.cryptodev(["enc", ...cbc], "message").stdout;
    const [file, ...args] = command;
    const flags = ["aes-256-cbc", "--pad", "--iv-file", iv, "--key-fd"];
    const line = `${quoted([file, ...args, "dec", ...flags, "5"])} 5< ${key}`;
    expect(folder.run("sh", ["-c", line], sealed).stdout.toString()).toBe("message");
    folder.write("sealed", sealed);
    const { stdout } = folder.cryptodev(["dec", ...flags, "0", "-i", "sealed"], folder.read(key));
    expect(stdout.toString()).toBe("message");
  });
});

describe("on and off a terminal", () => {
  const [file, ...args] = command;
  const onTerminal = (flags: readonly string[]) =>
    folder.run("script", ["-qec", quoted([file, ...args, "enc", ...flags]), "/dev/null"]);

  test("off one there is neither a bar nor a colour", () => {
    const { stderr } = folder.cryptodev(["enc", ...cbc, "-i", plain, "-o", "sealed", "-f", "-v"]);
    expect(stderr).toMatch(
      /^cryptodev: cbc\(aes\) by \S+ \(software, backend software\): 3000001 bytes in [\d.]+ s, [\d.]+ MB\/s\n$/,
    );
  });

  test.skipIf(!has("script"))("on one there is a bar, unless --quiet, and no ciphertext", () => {
    const out = ["-i", plain, "-o", "sealed", "-f"];
    const { stdout } = onTerminal([...cbc, ...out]);
    expect(stdout.toString()).toContain("3000001 of 3000001 bytes");
    expect(onTerminal([...cbc, ...out, "-q"]).stdout.toString()).toBe("");
    const refused = onTerminal([...cbc, "-i", plain]);
    expect(refused.status).toBe(2);
    expect(refused.stdout.toString()).toContain("ciphertext would confuse this terminal");
  });

  test("it fails where its output cannot be written", () => {
    for (const flags of [
      ["enc", ...cbc, "-i", plain],
      ["dgst", "sha256", plain],
    ]) {
      const { status, stderr } = folder.run("sh", ["-c", `${quoted([file, ...args, ...flags])} > /dev/full`]);
      expect([status, stderr]).toEqual([1, expect.stringMatching(/^cryptodev: .*(ENOSPC|No space left).*\n$/)]);
    }
  });

  test("it ends in silence where nobody reads on", () => {
    const line = `{ ${quoted([file, ...args, "enc", ...cbc, "-i", plain])}; echo $? >&2; } | head -c 1 > /dev/null`;
    expect(folder.run("sh", ["-c", line]).stderr).toBe("141\n");
  });
});
