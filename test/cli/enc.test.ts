import { spawn } from "node:child_process";
import { once } from "node:events";
import { chmodSync, statSync, symlinkSync, truncateSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { open } from "cryptodev";
import { describe, expect, test, vi } from "vitest";
import { fromHex, pattern, toHex } from "../bytes.ts";
import { can } from "../needs.ts";
import { patience } from "../runtime.ts";
import { command } from "../software.ts";
import { vectors as aeads } from "../vectors/aeads.ts";
import { vectors as ciphers } from "../vectors/ciphers.ts";
import { Folder, quoted } from "./folder.ts";

const folder = new Folder();
const key = folder.write("key", pattern(32, 5));
const iv = folder.write("iv", pattern(16, 9));
const plain = folder.write("plain", pattern(3_000_001, 1));
const given = ["--key-file", key, "--iv-file", iv];
const cbc = ["aes-256-cbc", "--pad", ...given];

describe("cryptodev enc and dec give the known answers of", () => {
  const modes = ["aes-256-cbc", "aes-128-ctr", "aes-128-ecb", "aes-128-xts", "3des-cbc"];
  const chosen = modes.map((mode) => ciphers.find(({ algorithm }) => algorithm === mode) as (typeof ciphers)[number]);

  test.each(chosen)("$source, for $algorithm", ({ algorithm, key, iv, plaintext, ciphertext }) => {
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

  test.runIf(can("OPENSSL"))("openssl with padding, which also decrypts what enc pads", () => {
    expect(folder.cryptodev(["enc", ...cbc, "-i", plain, "-o", "here"]).status).toBe(0);
    const args = ["-aes-256-cbc", "-K", toHex(folder.read(key)), "-iv", toHex(folder.read(iv))];
    const there = folder.run("openssl", ["enc", "-d", ...args, "-in", "here"]);
    expect(there.stdout.equals(folder.read(plain))).toBe(true);
    const sealed = folder.run("openssl", ["enc", ...args, "-in", plain]).stdout;
    expect(folder.cryptodev(["dec", ...cbc], sealed).stdout.equals(folder.read(plain))).toBe(true);
  });
});

describe("cryptodev enc refuses", () => {
  const refused: readonly (readonly [string, number, readonly string[], string])[] = [
    ["a key that is too short", 2, ["aes-256-cbc", "--key-file", iv, "--iv-file", iv], "expected 32 bytes, got 16"],
    ["a key that is too long", 2, ["aes-128-cbc", ...given], "key for aes-128-cbc: expected 16 bytes, got 32"],
    [
      "a key file that is longer than any key",
      2,
      ["aes-cbc", "--key-file", plain, "--iv-file", iv],
      "key: expected at most 512 bytes, got more",
    ],
    ["an iv that is too short", 2, ["aes-cbc", "--key-file", key, "--iv", "00ff"], "expected 16 bytes, got 2"],
    ["a missing iv", 2, ["aes-cbc", "--key-file", key], "expected an iv for aes-cbc: --iv random, --iv or --iv-file"],
    [
      "a missing nonce",
      2,
      ["aes-gcm", "--key-file", key],
      "expected an iv for aes-gcm: --iv random, --iv or --iv-file",
    ],
    ["an iv for ECB", 2, ["aes-ecb", ...given], "expected none"],
    ["a nonce that is too long", 2, ["aes-gcm", ...given], "iv for aes-gcm: expected 12 bytes, got 16"],
    ["a nonce that is too short", 2, ["aes-ccm", "--key-file", key, "--iv", "00"], "expected 7 to 13 bytes, got 1"],
    ["a tag size that does not exist", 2, ["aes-gcm", "--tag-size", "3", ...given], "expected 4, 8, 12, 13"],
    [
      "an iv with an odd number of digits",
      2,
      ["aes-cbc", "--key-file", key, "--iv", "00f"],
      "the iv or nonce: expected an even number of hex digits",
    ],
    [
      "a random iv for ECB",
      2,
      ["aes-ecb", "--key-file", key, "--iv", "random"],
      "--iv random cannot be used with aes-ecb",
    ],
    ["two ivs", 2, ["aes-cbc", ...given, "--iv", "00"], "expected --iv or --iv-file, got both"],
    ["two keys", 2, ["aes-cbc", ...given, "--key-fd", "0"], "cannot be used with"],
    ["a missing key", 2, ["aes-cbc", "--iv-file", iv], "expected a key: --key-file, --key-hex-file or --key-fd"],
    [
      "standard input for both key and data",
      2,
      ["aes-cbc", "--key-fd", "0", "--iv-file", iv],
      "standard input provides the key",
    ],
    ["padding for a stream cipher", 2, ["aes-ctr", "--pad", ...given], "--pad cannot be used with aes-ctr"],
    ["aad without an AEAD", 2, ["aes-ctr", "--aad-file", iv, ...given], "--aad-file cannot be used with aes-ctr"],
    ["an unknown algorithm", 2, ["rot13", ...given], "algorithm: expected one of des-cbc, 3des-cbc"],
    ["a misspelt algorithm", 2, ["aes-256-cbs", ...given], "did you mean aes-256-cbc?"],
    ["a key size that the algorithm does not have", 2, ["des-256-cbc", ...given], "expected one of des-cbc"],
    ["a key on the command line", 2, ["aes-cbc", "--key", "00", "--iv-file", iv], "unknown option '--key'"],
  ];

  test.each(refused)("%s", (_, status, flags, message) => {
    const ending = folder.cryptodev(["enc", ...flags, "-o", "refused"], "sixteen bytes ok");
    expect(ending.stderr).toContain(message);
    // The message is one line, except for commander's suggestion.
    expect(
      ending.stderr
        .replace(/\(Did you mean.*\n/, "")
        .trim()
        .split("\n"),
    ).toHaveLength(1);
    expect(ending.status).toBe(status);
    expect(folder.names).not.toContain("refused");
  });

  test.each([
    ["aes-256-gcm --key-file key --nonce random --aad-file -", "the input", "the additional data"],
    ["aes-256-cbc --pad --key-file key --iv-file -", "the input", "the iv"],
    ["aes-256-cbc --pad --key-file key --iv-file /dev/stdin", "the input", "the iv"],
    ["aes-256-gcm --key-fd 0 --nonce random --aad-file - -i plain", "the additional data", "the key"],
    ["aes-256-gcm --key-file key --iv-file - --aad-file /proc/self/fd/0 -i plain", "the additional data", "the iv"],
    ["aes-256-gcm --key-fd 0 --nonce random -i /dev/stdin", "the input", "the key"],
    ["aes-256-gcm --key-hex-file /dev/stdin --nonce random -i /dev/fd/0", "the input", "the key"],
  ])("standard input that is to be read twice: %s", (flags, second, first) => {
    for (const name of ["enc", "dec"]) {
      const { status, stderr } = folder.cryptodev([name, ...flags.split(" "), "-o", "refused"], folder.read(key));
      expect([status, stderr]).toEqual([
        2,
        `cryptodev: expected a file as ${second}, because standard input provides ${first}\n`,
      ]);
      expect(folder.names).not.toContain("refused");
    }
  });

  test("data that is not whole blocks, instead of truncating or padding it", () => {
    const { status, stderr } = folder.cryptodev(["enc", "aes-256-cbc", ...given], "seventeen bytes!!");
    expect([status, stderr]).toEqual([
      1,
      "cryptodev: data for aes-256-cbc: expected a multiple of 16 bytes, or --pad; the last block has only 1\n",
    ]);
  });

  test.each([
    ["aes-256-gcm", "268435440"],
    ["aes-256-xts", "268435456"],
  ])("input that is too long for one call of %s, before it is read", (algorithm, most) => {
    folder.write("long", "");
    truncateSync(join(folder.path, "long"), 2 ** 40);
    folder.write("double key", pattern(64));
    const keyFile = algorithm === "aes-256-xts" ? "double key" : key;
    const flags = [algorithm, "--key-file", keyFile, "--iv", "random", "-i", "long", "-o", "refused"];
    for (const name of ["enc", "dec"]) {
      const { status, stderr } = folder.cryptodev([name, ...flags]);
      expect([status, stderr]).toEqual([
        1,
        expect.stringContaining(`for ${algorithm}, the limit of one call, got more`),
      ]);
      if (name === "enc") expect(stderr).toContain(`the input: expected at most ${most} bytes`);
    }
    expect(folder.names).not.toContain("refused");
  });

  test("a key of twice the size with a remedy for the command line", () => {
    const { stderr } = folder.cryptodev(["enc", "aes-128-cbc", ...given], "text");
    expect(stderr).toBe(
      "cryptodev: key for aes-128-cbc: expected 16 bytes, got 32; if it is the text of bytes in hex, --key-hex-file decodes it\n",
    );
  });
});

describe("the output file of cryptodev enc", () => {
  test("does not exist after a failure in the middle, and neither does the temporary file", () => {
    const before = folder.names;
    const ending = folder.cryptodev(["enc", "aes-256-cbc", ...given, "-i", plain, "-o", "half"]);
    expect(ending.status).toBe(1);
    expect(folder.names).toEqual(before);
  });

  test("does not exist after a signal in the middle", async () => {
    const before = folder.names;
    const [file, ...args] = command;
    const child = spawn(file, [...args, "enc", ...cbc, "-o", "half"], {
      cwd: folder.path,
      env: { ...process.env, CRYPTODEV_BACKEND: "software" },
      stdio: ["pipe", "inherit", "inherit"],
    });
    child.stdin?.on("error", () => {});
    child.stdin?.write(pattern(100_000));
    await vi.waitUntil(() => folder.names.length > before.length, patience);
    expect(folder.names.filter((name) => /^half\.[0-9a-f]{8}\.part$/.test(name))).toHaveLength(1);
    // Not `child.kill()`: Deno closes the input first, and a fast command then succeeds.
    process.kill(child.pid as number, "SIGTERM");
    expect((await once(child, "exit"))[1]).toBe("SIGTERM");
    expect(folder.names).toEqual(before);
  });

  test("is overwritten only with --force, and then keeps its mode and its links", () => {
    folder.write("old", "precious");
    chmodSync(join(folder.path, "old"), 0o640);
    symlinkSync("old", join(folder.path, "link"));
    const { status, stderr } = folder.cryptodev(["enc", ...cbc, "-o", "link"], "new");
    expect([status, stderr]).toEqual([1, "cryptodev: link already exists; use --force to overwrite it\n"]);
    expect(folder.read("old").toString()).toBe("precious");
    expect(folder.cryptodev(["enc", ...cbc, "-o", "link", "--force"], "new").status).toBe(0);
    expect(folder.read("old")).toHaveLength(16);
    expect(statSync(join(folder.path, "old")).mode & 0o777).toBe(0o640);
    // The output can be the input.
    expect(folder.cryptodev(["dec", ...cbc, "-i", "old", "-o", "old", "-f"]).status).toBe(0);
    expect(folder.read("old").toString()).toBe("new");
  });

  test("has the mode that the umask allows", () => {
    const [file, ...args] = command;
    const line = `umask 027; exec ${quoted([file, ...args, "enc", ...cbc, "-o", "masked"])}`;
    expect(folder.run("sh", ["-c", line]).status).toBe(0);
    expect(statSync(join(folder.path, "masked")).mode & 0o777).toBe(0o640);
  });

  test("can be a device, which remains one", () => {
    expect(folder.cryptodev(["enc", ...cbc, "-i", plain, "-o", "/dev/null"]).status).toBe(0);
    expect(statSync("/dev/null").isCharacterDevice()).toBe(true);
  });
});

describe("cryptodev dec", () => {
  test("refuses empty input if there has to be padding", () => {
    const { status, stderr } = folder.cryptodev(["dec", ...cbc]);
    expect([status, stderr]).toEqual([
      1,
      "cryptodev: data for aes-256-cbc: expected a multiple of 16 bytes, got none\n",
    ]);
  });

  test("writes nothing and ends with status 4 if the input of an AEAD was changed", () => {
    const flags = ["aes-256-gcm", "--key-file", key, "--iv", "00112233445566778899aabb"];
    const { stdout: sealed } = folder.cryptodev(["enc", ...flags], "message");
    sealed[3] = (sealed[3] as number) ^ 1;
    const ending = folder.cryptodev(["dec", ...flags], sealed);
    expect(ending.status).toBe(4);
    expect(ending.stdout).toHaveLength(0);
    expect(ending.stderr).toMatch(/^cryptodev: authentication failed: .*\n$/);
    expect(folder.cryptodev(["dec", ...flags, "-o", "forged"], sealed).status).toBe(4);
    expect(folder.names).not.toContain("forged");
  });

  test("ends with status 4 if the padding is wrong", () => {
    const { status, stderr } = folder.cryptodev(["dec", ...cbc], new Uint8Array(32));
    expect(status).toBe(4);
    expect(stderr).toMatch(/^cryptodev: authentication failed: .*\n$/);
  });
});

describe("cryptodev enc --iv random", () => {
  const keys = { 24: folder.write("key24", pattern(24)), 32: key, 64: folder.write("key64", pattern(64)) };
  const text = pattern(100_000);
  folder.write("text", text);

  test.each([
    ["aes-256-gcm", 32, 12, 16],
    ["aes-256-ccm", 32, 12, 16],
    ["aes-256-ctr", 32, 16, 0],
    ["aes-256-cbc", 32, 16, 0],
    ["aes-256-xts", 64, 16, 0],
    ["3des-cbc", 24, 8, 0],
  ] as const)(
    "writes a new iv before the ciphertext of %s, from which dec reads it",
    (cipher, keySize, ivSize, tagSize) => {
      const flags = [cipher, "--key-file", keys[keySize], "-i", "text"];
      const [one, other] = [0, 1].map(() => folder.cryptodev(["enc", ...flags, "--nonce", "random"]));
      expect([one?.status, one?.stderr]).toEqual([0, ""]);
      const made = one?.stdout as Buffer;
      expect(made).toHaveLength(ivSize + text.length + tagSize);
      expect(made.equals(other?.stdout as Buffer)).toBe(false);
      expect(made.subarray(0, ivSize).equals(other?.stdout.subarray(0, ivSize) as Buffer)).toBe(false);
      const iv = made.subarray(0, ivSize).toString("hex");
      const given = folder.cryptodev(["enc", ...flags, "--iv", iv]).stdout;
      expect(made.subarray(ivSize).equals(given)).toBe(true);
      const dec = ["dec", cipher, "--key-file", keys[keySize], "--iv", "random"];
      expect(folder.cryptodev(dec, made).stdout.equals(text)).toBe(true);
    },
  );

  test("makes what a session with managed nonces opens, and dec opens what that seals", () => {
    using device = open({ backend: "software" });
    const session = device.aead("aes-256-gcm", folder.read(key), { managedNonce: true });
    const flags = ["aes-256-gcm", "--key-file", key, "--nonce", "random"];
    const sealed = folder.cryptodev(["enc", ...flags, "-i", "text"]).stdout;
    expect(Buffer.from(session.open(sealed)).equals(text)).toBe(true);
    expect(folder.cryptodev(["dec", ...flags], session.seal(text)).stdout.equals(text)).toBe(true);
  });

  test("is refused by dec if the input is shorter than an iv", () => {
    const { status, stdout, stderr } = folder.cryptodev(
      ["dec", "aes-ctr", "--key-file", key, "--iv", "random"],
      "short",
    );
    expect([status, stdout.toString(), stderr]).toEqual([
      1,
      "",
      "cryptodev: the input: expected an iv of 16 bytes at its beginning, got 5 bytes in all\n",
    ]);
  });

  test("ends dec with status 4 if the iv before the ciphertext of an AEAD was changed", () => {
    const flags = ["aes-256-gcm", "--key-file", key, "--nonce", "random"];
    const sealed = folder.cryptodev(["enc", ...flags, "-i", "text"]).stdout;
    sealed[0] = (sealed[0] as number) ^ 1;
    const { status, stdout } = folder.cryptodev(["dec", ...flags], sealed);
    expect([status, stdout.length]).toEqual([4, 0]);
  });
});

describe("the key of cryptodev enc and dec", () => {
  test("can be read from any descriptor", () => {
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

describe("cryptodev enc", () => {
  const [file, ...args] = command;
  const onTerminal = (flags: readonly string[]) =>
    folder.run("script", ["-qec", quoted([file, ...args, "enc", ...flags]), "/dev/null"]);

  test("shows neither a progress bar nor colours without a terminal", () => {
    const { stderr } = folder.cryptodev(["enc", ...cbc, "-i", plain, "-o", "sealed", "-f", "-v"]);
    expect(stderr).toMatch(
      /^cryptodev: cbc\(aes\) by \S+ \(software, backend software\): 3000001 bytes in [\d.]+ s, [\d.]+ MB\/s\n$/,
    );
  });

  test.runIf(can("SCRIPT"))(
    "shows a progress bar on a terminal, unless --quiet, and refuses to print ciphertext there",
    () => {
      const out = ["-i", plain, "-o", "sealed", "-f"];
      const { stdout } = onTerminal([...cbc, ...out]);
      expect(stdout.toString()).toMatch(/ 100% \| 2\.9 of 2\.9 MiB \| [\d.]+ MiB\/s \| /);
      expect(onTerminal([...cbc, ...out, "-q"]).stdout.toString()).toBe("");
      const refused = onTerminal([...cbc, "-i", plain]);
      expect(refused.status).toBe(2);
      expect(refused.stdout.toString()).toContain("ciphertext would garble this terminal");
    },
  );

  test("fails if its output cannot be written, as cryptodev dgst does", () => {
    for (const flags of [
      ["enc", ...cbc, "-i", plain],
      ["dgst", "sha256", plain],
    ]) {
      const { status, stderr } = folder.run("sh", ["-c", `${quoted([file, ...args, ...flags])} > /dev/full`]);
      expect([status, stderr]).toEqual([1, expect.stringMatching(/^cryptodev: .*(ENOSPC|No space left).*\n$/)]);
    }
  });

  test("ends without a message if the reader of its output stops", () => {
    const line = `{ ${quoted([file, ...args, "enc", ...cbc, "-i", plain])}; echo $? >&2; } | head -c 1 > /dev/null`;
    expect(folder.run("sh", ["-c", line]).stderr).toBe("141\n");
  });
});
