import { describe, expect, test } from "vitest";
import { can } from "../needs.ts";
import { runtimeName } from "../runtime.ts";
import { Folder, quoted } from "./folder.ts";

/* Compares `dgst --check` with GNU's `sha256sum --check`. */

const folder = new Folder();
const names = ["a", "b c", " lead", "*star", "new\nline", "back\\slash", "par)en", "(x) = y", "é", "it's", "tab\tx"];
for (const name of names) folder.write(name, name);
const digestOf = (name: string): string => folder.run("sha256sum", [], name).stdout.toString().slice(0, 64);
const digests = new Map(names.map((name) => [name, digestOf(name)]));
const a = digests.get("a") as string;
const star = digests.get("*star") as string;
const wrong = a.replace(/^./, (digit) => (digit === "0" ? "1" : "0"));

/** The result of a command in a form that is the same for both. */
function comparable({ status, stdout, stderr }: ReturnType<Folder["run"]>) {
  const messages = stderr
    .replaceAll(/^sha256sum: /gm, "cryptodev: ")
    .replaceAll("'standard input'", "standard input")
    .replaceAll("SHA256 checksum line", "sha256 checksum line")
    .replaceAll(/: E[A-Z]+, n/g, ": N")
    .replaceAll(/: E[A-Z]+, f/g, ": F");
  // Some versions of GNU escape a carriage return only if the name also contains a line feed.
  const lines = stdout
    .toString("latin1")
    .split("\n")
    .map((line) => (line.includes("\r") ? `\\${line.replaceAll("\\", "\\\\").replaceAll("\r", "\\r")}` : line));
  // Our exit status for a mismatch is 4.
  return { status: status === 4 ? 1 : status, lines, messages };
}

function expectTheSame(content: string | Uint8Array, flags: readonly string[]): void {
  folder.write("LIST", content);
  // In this locale, GNU only quotes what is not text.
  const env = { LC_ALL: "C.UTF-8" };
  const ours = comparable(folder.cryptodev(["dgst", "sha256", "--check", ...flags, "LIST"], "", env));
  const theirs = comparable(folder.run("sha256sum", ["--check", ...flags, "LIST"], "", env));
  expect(ours).toEqual(theirs);
}

const lists: readonly (readonly [title: string, content: string])[] = [
  ["plain lines", `${a}  a\n${digests.get("b c")}  b c\n`],
  ["CRLF", `${a}  a\r\n${a} *a\r\nSHA256 (a) = ${a}\r\n`],
  ["CRLF and a file that is missing", `${a}  a\r\n${a}  missing\r\n`],
  ["a carriage return twice", `${a}  a\r\r\n`],
  ["no newline at the end", `${a}  a`],
  ["a carriage return at the end", `${a}  a\r`],
  ["one blank before the name", `${a} a\n${a} a\n`],
  ["one tab before the name", `${a}\ta\n`],
  ["a tab and a blank", `${a}\t a\n${a}\t*a\n`],
  ["one blank, and a name that starts with one", `${a} a\n${digests.get(" lead")}  lead\n`],
  ["one blank, and a name that starts with an asterisk", `${a} a\n${star} *star\n`],
  ["one blank after two", `${a}  a\n${a} a\n`],
  ["two blanks after one", `${a} a\n${a}  a\n`],
  ["no name", `${a}\n${a} \n${a}  \n${a}   \n`],
  ["blanks and tabs before the digest", `  ${a}  a\n\t ${a}  a\n`],
  ["empty lines", `\n${a}  a\n\n\r\n\n`],
  ["lines of blanks only", `${a}  a\n \n\t\n`],
  ["comments", `# one\n${a}  a\n#\n # three\n`],
  ["nothing", ""],
  ["nothing but empty lines", "\n\r\n"],
  ["nothing but junk", "junk\n"],
  ["capital digits", `${a.toUpperCase()}  a\n`],
  ["a digest that is too short or too long", `${a.slice(1)}  a\n${a}0  a\n${a}  a\n`],
  ["a wrong digest", `${wrong}  a\n`],
  ["a wrong digest among right ones", `${a}  a\n${wrong}  a\n`],
  ["a missing file", `${a}  a\n${a}  missing\n`],
  ["missing files only", `${a}  missing\n`],
  ["a missing file and a wrong digest", `${a}  missing\n${wrong}  a\n`],
  [
    "BSD's lines",
    `SHA256 (a) = ${a}\nSHA256 (par)en) = ${digests.get("par)en")}\nSHA256 ((x) = y) = ${digests.get("(x) = y")}\n`,
  ],
  ["openssl's lines", `SHA256(a)= ${a}\nSHA256(b c)= ${digests.get("b c")}\n`],
  ["BSD's lines with other blanks", `SHA256 (a)=${a}\n SHA256 (a)\t =\t${a}\nSHA256  (a) = ${a}\n`],
  ["BSD's lines of another algorithm", `SHA512 (a) = ${a}\nsha256 (a) = ${a}\nSHA256 (a) = ${a}\n`],
  ["BSD's lines with something after the digest", `SHA256 (a) = ${a} \nSHA256 (a) = ${a}\n`],
  ["BSD's lines without a name", `SHA256 () = ${a}\nSHA256 (a = ${a}\n`],
  ["escaped names", `\\${digests.get("new\nline")}  new\\nline\n\\${digests.get("back\\slash")}  back\\\\slash\n`],
  ["an escaped name in a line of BSD", `\\SHA256 (new\\nline) = ${digests.get("new\nline")}\n`],
  ["wrong escapes", `\\${a}  a\\x\n\\${a}  a\\\n\\${a}  \\\\a\n${a}  a\n`],
  ["a line that is escaped without need", `\\${a}  a\n`],
  ["a backslash that is not an escape", `${digests.get("back\\slash")}  back\\slash\n`],
  ["a zero in a name", `${a}  a\0b\n\\${a}  a\0b\n`],
  ["names of control characters and blanks", `${a}  no\x1b[31m file\n${a}  no:file\n${a}  it's not\n`],
  ["a byte order mark", `\ufeff${a}  a\n${a}  a\n`],
  [
    "a digest in base64",
    `${Buffer.from(a, "hex").toString("base64")}  a\nSHA256 (a) = ${Buffer.from(a, "hex").toString("base64")}\n`,
  ],
];
/** The lists whose result depends on flags. */
const flagged = lists.filter(([title]) => /^(empty lines|nothing but junk|a (wrong|missing)|missing)/.test(title));
const flagSets = [
  ["--strict"],
  ["--ignore-missing", "--quiet"],
  ["--status"],
  ["--ignore-missing", "--status", "--warn"],
];

describe.runIf(can("SHA256SUM"))(
  "cryptodev dgst --check reports what sha256sum --check reports for a list with",
  () => {
    test.each(lists)("%s", (_, content) => expectTheSame(content, ["--warn"]));

    test.each(flagged)("%s, with each of several sets of flags", (_, content) => {
      for (const flags of flagSets) expectTheSame(content, flags);
    });

    test("random lines made of parts of lists", () => {
      let state = 20261127;
      const random = (below: number): number => {
        state = (Math.imul(state, 1103515245) + 12345) >>> 0;
        return Math.floor((state / 2 ** 32) * below);
      };
      const pieces = [
        ...names.map((name) => name.replace("\n", "\\n")),
        a,
        star,
        ` ${a}`,
        `${a} `,
        `${a}  a`,
        `${a}  `,
        "\\",
        " ",
        "  ",
        " *",
        "\t",
        "\r",
        "\0",
        "(",
        ")",
        " = ",
        "=",
        "SHA256",
        "SHA256 (",
        `) = ${a}`,
        "#",
        "\xff",
      ];
      const line = (): string => Array.from({ length: 1 + random(4) }, () => pieces[random(pieces.length)]).join("");
      // Deno reports names that are not UTF-8 even if the file does not exist.
      for (let round = 0; round < (runtimeName === "Deno" ? 6 : 8); round += 1) {
        const first = round % 2 === 0 ? `${a}  a\n` : `${a} a\n`;
        const content = first + Array.from({ length: 300 }, line).join("\n");
        expectTheSame(
          Buffer.from(content, round < 6 ? "utf8" : "latin1"),
          round % 3 === 0 ? ["--warn"] : ["--warn", "--ignore-missing"],
        );
      }
    });

    test("more text than a regular expression can match at once", () => {
      expectTheSame(`#${"x".repeat(2 ** 24)}ö\n${a}  a\n`, []);
    });

    test("a line for standard input, from which it is itself read", () => {
      const content = `${a}  -\n${a}  a\n`;
      const ours = comparable(folder.cryptodev(["dgst", "sha256", "--check", "--warn"], content));
      expect(ours).toEqual(comparable(folder.run("sha256sum", ["--check", "--warn"], content)));
    });

    test("one blank before its names, and a second list with two", () => {
      folder.write("ONE", `${a} a\n`);
      folder.write("TWO", `${a}  a\n`);
      const ours = comparable(folder.cryptodev(["dgst", "sha256", "--check", "ONE", "TWO", "NONE"]));
      expect(ours).toEqual(comparable(folder.run("sha256sum", ["--check", "ONE", "TWO", "NONE"])));
    });
  },
);

describe("cryptodev dgst --check and hmac --check accept lines that sha256sum does not write:", () => {
  test.each([
    ["md5", "MD5(a)= "],
    ["sha1", "SHA1(a)= "],
    ["sha224", "SHA2-224(a)= "],
    ["sha256", "SHA2-256(a)= "],
    ["sha384", "SHA384(a)= "],
    ["sha512", "SHA2-512(a)= "],
    ["ripemd160", "RIPEMD-160(a)= "],
    ["ripemd160", "RMD160 (a) = "],
    ["ripemd160", "RIPEMD160 (a) = "],
  ])("%s digests after '%s', but not after HMAC or another algorithm", (algorithm, start) => {
    const [digest] = folder.cryptodev(["dgst", algorithm, "a"]).stdout.toString().split(" ");
    const starts = [`HMAC-${start}`, start, start.replace(/^\w+/, "SHA3")];
    folder.write("LIST", starts.map((each) => `${each}${digest}\n`).join(""));
    const { status, stdout, stderr } = folder.cryptodev(["dgst", algorithm, "--check", "--warn", "LIST"]);
    expect([status, stdout.toString()]).toEqual([0, "a: OK\n"]);
    expect(stderr).toMatch(/^cryptodev: LIST: 1: .*\ncryptodev: LIST: 3: .*\ncryptodev: WARNING: 2 lines are /);
  });

  test("HMACs by openssl", () => {
    folder.write("key", "Jefe");
    const hmac = ["hmac", "sha256", "--key-file", "key"];
    const [digest] = folder
      .cryptodev([...hmac, "a"])
      .stdout.toString()
      .split(" ");
    folder.write("LIST", `HMAC-SHA2-256(a)= ${digest}\nHMAC-SHA256(a)= ${digest}\nHMAC-SHA512(a)= ${digest}\n`);
    const { status, stdout, stderr } = folder.cryptodev([...hmac, "--check", "LIST"]);
    expect([status, stdout.toString()]).toEqual([0, "a: OK\na: OK\n"]);
    expect(stderr).toBe("cryptodev: WARNING: 1 line is improperly formatted\n");
  });
});

test("cryptodev dgst --check refuses standard input as one of the files if it is the list", () => {
  const ofNothing = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
  for (const list of ["-", "/dev/stdin"]) {
    for (const file of ["-", "/dev/stdin", "/dev/fd/0"]) {
      const line = `printf '%s\\n' '${ofNothing}  ${file}' | ${quoted([...folder.command, "dgst", "sha256", "--check", list])}`;
      const { status, stderr } = folder.run("sh", ["-c", line]);
      expect([status, stderr]).toEqual([1, expect.stringContaining("no properly formatted checksum lines found")]);
    }
  }
});

describe("a file name that is not UTF-8", () => {
  const odd = Buffer.from("\xff\xfebad \xe9", "latin1");
  const shell = `name=$(printf '\\377\\376bad \\351')`;
  const command = (args: string) => {
    const [file, ...before] = folder.command;
    return folder.run("sh", ["-c", `${shell}; printf x > "$name"; ${quoted([file, ...before])} ${args}`]);
  };
  const digest = "2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881";
  const line = Buffer.concat([Buffer.from(`${digest}  `), odd, Buffer.from("\n")]);

  test.runIf(runtimeName !== "Deno")("is accepted by cryptodev in arguments and in lists", () => {
    expect(command(`dgst sha256 "$name"`)).toEqual({ status: 0, stdout: line, stderr: "" });
    folder.write("ODD", line);
    const { status, stdout, stderr } = command("dgst sha256 --check ODD");
    expect([status, stdout.equals(Buffer.concat([odd, Buffer.from(": OK\n")])), stderr]).toEqual([0, true, ""]);
    folder.write("key", new Uint8Array(16));
    const cipher = 'enc aes-ecb --pad --key-file key -i "$name"';
    const sealed = command(cipher);
    expect(command(`${cipher} -o "$name".out; cat "$name".out`)).toEqual(sealed);
  });

  test.runIf(runtimeName === "Deno")("is refused by cryptodev in Deno, which would open another file", () => {
    folder.write("\ufffd\ufffdbad \ufffd", "another");
    const { status, stdout, stderr } = command(`dgst sha256 "$name"`);
    expect([status, stdout.length, stderr]).toEqual([
      1,
      0,
      "cryptodev: ''$'\\377\\376''bad '$'\\351': Deno can only open files whose names are UTF-8; use Node.js or Bun\n",
    ]);
  });
});
