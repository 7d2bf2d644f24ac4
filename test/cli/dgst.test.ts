import { describe, expect, test } from "vitest";
import { pattern } from "../bytes.ts";
import { can } from "../needs.ts";
import { Folder } from "./folder.ts";

const hasSums = can("SHA256SUM");
const folder = new Folder();
folder.write("abc", "abc");
folder.write("large", pattern(2_500_000));
folder.write("-odd name", "odd");
folder.write("new\nline", "1");
folder.write("back\\slash", "2");
folder.write("both\\\n\rx", "3");
const files = ["-odd name", "abc", "back\\slash", "both\\\n\rx", "large", "new\nline"];

const abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

describe("cryptodev dgst", () => {
  test("prints the digest in FIPS 180-4, appendix B.1, for a file and for standard input", () => {
    expect(folder.cryptodev(["dgst", "sha256", "abc"]).stdout.toString()).toBe(`${abc}  abc\n`);
    expect(folder.cryptodev(["dgst", "sha256"], "abc").stdout.toString()).toBe(`${abc}  -\n`);
    expect(folder.cryptodev(["dgst", "sha256", "-"], "abc").stdout.toString()).toBe(`${abc}  -\n`);
  });

  test.runIf(hasSums).each(["md5", "sha1", "sha224", "sha256", "sha384", "sha512"])(
    "prints what %ssum prints, byte for byte",
    (name) => {
      const ours = folder.cryptodev(["dgst", name, "--", ...files]);
      expect(ours.stdout.toString()).toBe(folder.run(`${name}sum`, ["--", ...files]).stdout.toString());
      expect([ours.stderr, ours.status]).toEqual(["", 0]);
    },
  );

  test.runIf(hasSums)("ends lines as sha256sum --zero does", () => {
    const ours = folder.cryptodev(["dgst", "sha256", "--zero", "--", ...files]).stdout;
    expect(ours.toString()).toBe(folder.run("sha256sum", ["--zero", "--", ...files]).stdout.toString());
  });

  test.runIf(hasSums).each([["--tag"], ["-b"], ["-z", "--tag"], ["-b", "-z"]])(
    "prints what sha256sum prints with %j",
    (...flags) => {
      const ours = folder.cryptodev(["dgst", "sha256", ...flags, "--", ...files]);
      expect(ours.stdout.toString()).toBe(folder.run("sha256sum", [...flags, "--", ...files]).stdout.toString());
      expect([ours.stderr, ours.status]).toEqual(["", 0]);
    },
  );

  test.each(["SHA-256", "sha256", "ripemd160"])("--tag prints lines that --check accepts, for the name %s", (name) => {
    folder.write("tag key", "key");
    for (const command of [
      ["dgst", name],
      ["hmac", name, "--key-file", "tag key"],
    ]) {
      folder.write("TAGGED", folder.cryptodev([...command, "--tag", "--", ...files]).stdout);
      const { status, stderr } = folder.cryptodev([...command, "--check", "--strict", "TAGGED"]);
      expect([status, stderr]).toEqual([0, ""]);
    }
    expect(folder.read("TAGGED").toString()).toMatch(/^HMAC-(SHA256|RIPEMD160) \(-odd name\) = [0-9a-f]+$/m);
  });

  test("continues after a file that cannot be read", () => {
    const { status, stdout, stderr } = folder.cryptodev(["dgst", "sha256", "missing", ".", "abc"]);
    expect(stdout.toString()).toBe(`${abc}  abc\n`);
    expect(stderr).toMatch(/^cryptodev: missing: ENOENT.*\ncryptodev: \.: EISDIR.*\n$/);
    expect(status).toBe(1);
  });

  test("lists the hashes if the name of the hash is unknown, and ends with status 2", () => {
    const { status, stderr } = folder.cryptodev(["dgst", "sha3", "abc"]);
    expect([status, stderr]).toEqual([
      2,
      expect.stringMatching(/^cryptodev: hash: expected one of md5, .*got "sha3"\n$/),
    ]);
  });
});

describe("cryptodev dgst --check", () => {
  const sums = folder.write("SUMS", folder.cryptodev(["dgst", "sha256", "--", ...files]).stdout);

  test("prints OK for every file that matches, as sha256sum does", () => {
    const ours = folder.cryptodev(["dgst", "sha256", "--check", sums]);
    expect([ours.status, ours.stderr]).toEqual([0, ""]);
    if (hasSums) {
      const theirs = folder.run("sha256sum", ["--check", sums]);
      expect([theirs.status, ours.stdout.toString()]).toEqual([0, theirs.stdout.toString()]);
    }
    expect(folder.cryptodev(["dgst", "sha256", "--check", "--quiet", sums]).stdout.toString()).toBe("");
  });

  const lines = folder.read(sums).toString().trim().split("\n");
  const broken = [
    (lines[0] as string).replace(/^./, (digit) => (digit === "0" ? "1" : "0")),
    ...lines.slice(1),
    `${abc}  missing`,
    "no digest",
  ];
  folder.write("BROKEN", `# a comment\n${broken.join("\n")}\n`);

  test("reports files and lines that fail, as sha256sum does, but ends with status 4", () => {
    const ours = folder.cryptodev(["dgst", "sha256", "--check", "BROKEN"]);
    expect(ours.status).toBe(4);
    expect(ours.stdout.toString()).toContain("-odd name: FAILED\nabc: OK\n");
    expect(ours.stdout.toString()).toContain("missing: FAILED open or read\n");
    expect(ours.stderr.split("\n").slice(1)).toEqual([
      "cryptodev: WARNING: 1 line is improperly formatted",
      "cryptodev: WARNING: 1 listed file could not be read",
      "cryptodev: WARNING: 1 computed checksum did NOT match",
      "",
    ]);
    if (!hasSums) return;
    const theirs = folder.run("sha256sum", ["--check", "BROKEN"]);
    expect(ours.stdout.toString()).toBe(theirs.stdout.toString());
    expect(ours.stderr.split("\n").slice(1)).toEqual(
      theirs.stderr.replaceAll("sha256sum:", "cryptodev:").split("\n").slice(1),
    );
  });

  test("prints nothing with --status, and the number of the improper line with --warn", () => {
    const silent = folder.cryptodev(["dgst", "sha256", "--check", "--status", "BROKEN"]);
    expect([silent.status, silent.stdout.toString()]).toEqual([4, ""]);
    const { stderr } = folder.cryptodev(["dgst", "sha256", "--check", "--warn", "BROKEN"]);
    expect(stderr).toContain(`cryptodev: BROKEN: ${broken.length + 1}: improperly formatted sha256 checksum line\n`);
  });

  test("skips missing files only with --ignore-missing, and fails for improper lines only with --strict", () => {
    folder.write("SOME", `${abc}  abc\n${abc}  missing\n`);
    expect(folder.cryptodev(["dgst", "sha256", "-c", "SOME"]).status).toBe(1);
    const passed = folder.cryptodev(["dgst", "sha256", "-c", "--ignore-missing", "SOME"]);
    expect([passed.status, passed.stdout.toString(), passed.stderr]).toEqual([0, "abc: OK\n", ""]);
    folder.write("IMPROPER", `${abc}  abc\nno digest\n`);
    expect(folder.cryptodev(["dgst", "sha256", "-c", "IMPROPER"]).status).toBe(0);
    expect(folder.cryptodev(["dgst", "sha256", "-c", "--strict", "IMPROPER"]).status).toBe(1);
    const nothing = folder.cryptodev(["dgst", "sha512", "-c", "SOME"]);
    expect([nothing.status, nothing.stderr]).toEqual([
      1,
      "cryptodev: SOME: no properly formatted checksum lines found\n",
    ]);
  });

  test("accepts lines of BSD for its own algorithm only, and binary lines", () => {
    folder.write("BSD", `SHA256 (abc) = ${abc}\nSHA512 (abc) = ${abc}\n${abc.toUpperCase()} *abc\n`);
    const { status, stdout, stderr } = folder.cryptodev(["dgst", "sha256", "-c", "BSD"]);
    expect([status, stdout.toString()]).toEqual([0, "abc: OK\nabc: OK\n"]);
    expect(stderr).toBe("cryptodev: WARNING: 1 line is improperly formatted\n");
  });

  test("is required by the option --ignore-missing", () => {
    const { status, stderr } = folder.cryptodev(["dgst", "sha256", "--ignore-missing", "abc"]);
    expect([status, stderr]).toEqual([2, "cryptodev: --ignore-missing requires --check\n"]);
  });
});

describe("cryptodev hmac", () => {
  // RFC 4231, test case 2.
  const key = folder.write("key", "Jefe");
  const file = folder.write("question", "what do ya want for nothing?");
  const line = "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843  question\n";

  test("prints the known answer of RFC 4231, and checks it", () => {
    const { stdout, stderr } = folder.cryptodev(["hmac", "sha256", "--key-file", key, file]);
    expect([stdout.toString(), stderr]).toEqual([line, ""]);
    folder.write("HMACS", line);
    const flags = ["hmac", "sha256", "--key-fd", "0", "--check", "HMACS"];
    expect(folder.cryptodev(flags, "Jefe").stdout.toString()).toBe("question: OK\n");
    expect(folder.cryptodev(flags, "Jeff").status).toBe(4);
  });

  test("refuses an unknown hash before it opens the key file", () => {
    const { status, stderr } = folder.cryptodev(["hmac", "sha265", "--key-file", "missing", file]);
    expect([status, stderr]).toEqual([
      2,
      'cryptodev: hmac: expected one of md5, sha1, ripemd160, sha256, sha384, sha512, sha224; got "sha265"; did you mean sha256?\n',
    ]);
  });

  test("requires a key, and accepts it only from a file or a descriptor", () => {
    expect(folder.cryptodev(["hmac", "sha256", file]).stderr).toBe(
      "cryptodev: expected a key: --key-file, --key-hex-file or --key-fd\n",
    );
    expect(folder.cryptodev(["hmac", "sha256", "--key", "Jefe", file]).status).toBe(2);
    expect(folder.cryptodev(["hmac", "sha256", "--key-fd", "0"], "Jefe").status).toBe(2);
  });
});
