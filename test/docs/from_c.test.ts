import { spawnSync } from "node:child_process";
import { createCipheriv, createHash, createHmac } from "node:crypto";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { toHex } from "../bytes.ts";
import { cc } from "../serve/compile.ts";
import { canServe, command } from "../software.ts";
import { temporaryFolder } from "../temporary_folder.ts";
import { blocksIn, pages } from "./example.ts";

/*
 * Turns the C code in the guide into programs: adds the code around each block, and checks the memory after each of its
 * paragraphs.
 */

const blocks = blocksIn("docs/guide/from-c.md").filter(({ language }) => language === "c");

/** The bytes first, first + 1, first + 2 and so on, as count_from() of the programs generates them. */
const counting = (size: number, first: number): Uint8Array => Uint8Array.from({ length: size }, (_, at) => first + at);
const [key, mackey, iv, plaintext] = [counting(16, 0), counting(20, 30), counting(16, 60), counting(64, 100)];
const aad = counting(13, 200);

const encrypt = (name: string, data: Uint8Array): Buffer =>
  createCipheriv(name, key, iv).setAutoPadding(false).update(data);
const hmac = (...data: Uint8Array[]): Buffer => {
  const mac = createHmac("sha1", mackey);
  for (const piece of data) mac.update(piece);
  return mac.digest();
};
const line = (name: string, bytes: Uint8Array): string => `${name} ${toHex(bytes)}\n`;

const cbc = encrypt("aes-128-cbc", plaintext);
const ctr = encrypt("aes-128-ctr", plaintext);
const sha1 = createHash("sha1").update("abc").digest();

/** RFC 5246, section 6.2.3.2: data, mac and the shortest padding. */
function tlsRecord(): Uint8Array {
  const fragment = plaintext.subarray(0, 60);
  const open = Buffer.concat([fragment, hmac(aad, fragment), new Uint8Array(16).fill(15)]);
  return encrypt("aes-128-cbc", open);
}

function gcm(): Uint8Array {
  const cipher = createCipheriv("aes-128-gcm", key, iv.subarray(0, 12)).setAAD(aad);
  return Buffer.concat([cipher.update(plaintext), cipher.final(), cipher.getAuthTag()]);
}

/** What turns a block into a program. */
interface Frame {
  readonly heading: string;
  /** Declarations that the block assumes. */
  readonly given?: string;
  /** The checks after each of its paragraphs. */
  readonly after: readonly string[];
  /** What these checks print. */
  readonly prints?: string;
}

const cipherOp = `
  uint8_t ciphertext[64];
  struct session_op sess = {.ses = start_aes(fd, CRYPTO_AES_CBC)};
  struct crypt_op op = {.ses = sess.ses, .len = 16, .src = plaintext, .dst = ciphertext, .iv = iv};`;
const recordOp = (cipher: string) => `
  struct session_op sess = {.cipher = ${cipher}, .keylen = 16, .key = key,
                            .mac = CRYPTO_SHA1_HMAC, .mackeylen = 20, .mackey = mackey};
  REQUIRE(ioctl(fd, CIOCGSESSION, &sess) == 0);
  struct crypt_auth_op op = {.ses = sess.ses, .op = COP_ENCRYPT};`;

const frames: readonly Frame[] = [
  { heading: "open and close", after: ["REQUIRE(fd >= 0);", "REFUSED(fcntl(fd, F_GETFD), EBADF);"] },
  {
    heading: "CIOCGSESSION and CIOCCRYPT: a cipher",
    given: "uint8_t ciphertext[64];",
    after: [
      "",
      'show("ciphertext", ciphertext, 64); memset(plaintext, 0, 64);',
      'show("plaintext", plaintext, sizeof plaintext);',
    ],
    prints: line("ciphertext", cbc) + line("plaintext", plaintext),
  },
  {
    heading: "CIOCFSESSION",
    given: cipherOp,
    after: ["REFUSED((ioctl)(fd, CIOCCRYPT, &op), EINVAL);"],
  },
  {
    heading: "Continuing the last operation",
    given: cipherOp,
    after: ['show("chained", ciphertext, 32);', 'show("again", op.dst, 16); show("iv", iv, sizeof iv);'],
    prints:
      line("chained", cbc.subarray(0, 32)) +
      line("again", encrypt("aes-128-cbc", plaintext.subarray(16, 32))) +
      line("iv", encrypt("aes-128-cbc", plaintext.subarray(16, 32))),
  },
  {
    heading: "CIOCCRYPT: a hash",
    given: "uint8_t digest[20];",
    after: ["", 'show("digest", digest, 20); memset(digest, 0, 20);', 'show("digest", digest, 20);'],
    prints: line("digest", sha1).repeat(2),
  },
  {
    heading: "CIOCCPHASH",
    given: `
      struct session_op first = {.ses = start_hash(fd, CRYPTO_SHA1)}, second = {.ses = start_hash(fd, CRYPTO_SHA1)};
      struct crypt_op op = {.ses = first.ses, .flags = COP_FLAG_UPDATE, .len = 2, .src = (uint8_t *)"ab"};
      REQUIRE(ioctl(fd, CIOCCRYPT, &op) == 0);`,
    after: [
      `
      uint8_t digest[20];
      struct crypt_op end = {.ses = second.ses, .flags = COP_FLAG_FINAL, .len = 1, .src = (uint8_t *)"c", .mac = digest};
      REQUIRE(ioctl(fd, CIOCCRYPT, &end) == 0);
      show("digest", digest, sizeof digest);`,
    ],
    prints: line("digest", sha1),
  },
  {
    heading: "CIOCCRYPT: a cipher and a mac",
    given: `
      uint8_t ciphertext[64], mac[20], computed[20] = {0};
      struct crypt_op op = {.len = 64, .src = plaintext, .dst = ciphertext, .iv = iv};`,
    after: [
      "",
      `
      show("ciphertext", ciphertext, 64);
      show("mac", mac, 20);
      op.src = ciphertext, op.dst = plaintext;
      memset(plaintext, 0, 64);`,
      'show("plaintext", plaintext, sizeof plaintext);',
    ],
    // The driver hashes the plaintext: before encryption, and after decryption.
    prints: line("ciphertext", cbc) + line("mac", hmac(plaintext)) + line("plaintext", plaintext),
  },
  {
    heading: "CIOCAUTHCRYPT: GCM and CCM",
    given: `
      enum { size = sizeof plaintext, aad_size = sizeof aad };
      uint8_t sealed[size + 16], opened[size + 16], *nonce = iv;
      struct session_op sess = {.ses = start_aes(fd, CRYPTO_AES_GCM)};`,
    after: ['show("sealed", sealed, sizeof sealed);', 'show("opened", opened, size);'],
    prints: line("sealed", gcm()) + line("opened", plaintext),
  },
  {
    heading: "CIOCAUTHCRYPT: TLS and SRTP",
    given: `
      enum { fragment_size = 60 };
      uint8_t *header = aad, record[fragment_size + 20 + 16];
      memcpy(record, plaintext, fragment_size);
      ${recordOp("CRYPTO_AES_CBC")}`,
    after: ['show("record", record, op.len);'],
    prints: line("record", tlsRecord()),
  },
  {
    heading: "CIOCAUTHCRYPT: TLS and SRTP",
    given: `
      enum { header_size = 13, packet_size = header_size + sizeof plaintext };
      uint8_t packet[packet_size + 20];
      memcpy(packet, aad, header_size), memcpy(packet + header_size, plaintext, sizeof plaintext);
      ${recordOp("CRYPTO_AES_CTR")}`,
    after: ['show("packet", packet, packet_size + op.tag_len);'],
    prints: line("packet", Buffer.concat([aad, ctr, hmac(aad, ctr).subarray(0, 10)])),
  },
  {
    heading: "CIOCGSESSINFO",
    given: "struct session_op sess = {.ses = start_aes(fd, CRYPTO_AES_CBC)};",
    after: [""],
    prints: "cbc(aes)-engine hardware 15\n",
  },
  {
    heading: "CRIOGET",
    after: ["REQUIRE(clone >= 0 && clone != fd);"],
  },
  {
    heading: "CIOCASYNCCRYPT and CIOCASYNCFETCH",
    given: cipherOp,
    after: ["", "", 'REQUIRE(done.dst == ciphertext); show("ciphertext", done.dst, done.len);'],
    prints: line("ciphertext", cbc.subarray(0, 16)),
  },
  { heading: "A raw ioctl", after: ["REQUIRE(result == 0 && sess.ses != 0);"] },
];

/** The guide omits error checks: this adds them around every ioctl. */
const programOf = (paragraphs: readonly string[], { given = "", after }: Frame): string => `
#include "cryptodev.h"
#include <poll.h>

static int checked(int result, const char *request) {
  if (result == 0) return 0;
  fprintf(stderr, "%s: %s\\n", request, strerror(errno));
  exit(1);
}

int main(void) {
  int fd = open_device("/dev/crypto");
  uint8_t key[16], mackey[20], iv[16], plaintext[64], aad[13];
  count_from(0, key, sizeof key), count_from(30, mackey, sizeof mackey), count_from(60, iv, sizeof iv);
  count_from(100, plaintext, sizeof plaintext), count_from(200, aad, sizeof aad);
  ${given}
#define ioctl(fd, request, argument) checked(ioctl(fd, request, argument), #request)
  {
${paragraphs.map((paragraph, index) => `${paragraph}\n${after[index]}`).join("\n")}
  }
  return 0;
}
`;

test("every C block of the documentation is in from-c.md, and has a program around it in its test", () => {
  const inC = pages.flatMap((page) => blocksIn(page)).filter(({ language }) => language === "c");
  expect(inC).toEqual(blocks);
  expect(frames.map(({ heading }) => heading)).toEqual(blocks.map(({ heading }) => heading));
});

describe.runIf(canServe)("the C code of the guide", () => {
  const folder = temporaryFolder("guide");

  // With this flag, a call that would crash a kernel ends the server, and with it the program.
  const served = ["serve", "--async", "--driver", "engine", "--alignmask", "15", "--on-crash", "fail", "--"];

  test.each(blocks.map(({ where, code }, index) => ({ where, code, frame: frames[index] as Frame })))(
    "compiles, runs and prints what the guide says: $where, $frame.heading",
    ({ where, code, frame }) => {
      const paragraphs = code.trimEnd().split("\n\n");
      expect(frame.after).toHaveLength(paragraphs.length);
      const program = join(folder, where.replaceAll(/\W+/g, "-"));
      writeFileSync(`${program}.c`, programOf(paragraphs, frame));
      cc(`${program}.c`, program, "-Wno-unused");
      const [file, ...first] = command;
      const { status, stdout, stderr } = spawnSync(file, [...first, ...served, program], { encoding: "utf8" });
      expect({ status, stdout, stderr }).toEqual({ status: 0, stdout: frame.prints ?? "", stderr: "" });
    },
  );
});
