/*
 * Encrypts a file of any size with streams, and decrypts it again. Only one chunk of the file is in memory at a time.
 * The file is the one named on the command line, or a generated one.
 */
import { createReadStream, createWriteStream, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Readable, Writable } from "node:stream";
import { type Chunks, cipherStream, hashStream, open } from "cryptodev";

const folder = mkdtempSync(join(tmpdir(), "cryptodev-example-"));
const [input = join(folder, "input")] = process.argv.slice(2);
if (process.argv[2] === undefined) writeFileSync(input, "A line that occurs more than once.\n".repeat(50_000));
const [encrypted, decrypted] = [join(folder, "encrypted"), join(folder, "decrypted")];

const device = open({ backend: "auto" });
const session = device.cipher("aes-256-cbc", crypto.getRandomValues(new Uint8Array(32)));
const iv = crypto.getRandomValues(new Uint8Array(16));

async function convert(from: string, to: string, chunks: Chunks): Promise<void> {
  await Readable.toWeb(createReadStream(from))
    .pipeThrough(cipherStream(chunks))
    .pipeTo(Writable.toWeb(createWriteStream(to)));
}

async function sha256(path: string): Promise<string> {
  const hash = device.hash("sha256");
  const digest = Readable.toWeb(createReadStream(path)).pipeThrough(hashStream(hash));
  const bytes = new Uint8Array(await new Response(digest as ReadableStream).arrayBuffer());
  hash.close();
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

await convert(input, encrypted, session.encryptor(iv, { padding: true }));
await convert(encrypted, decrypted, session.decryptor(iv, { padding: true }));
console.log(`${readFileSync(input).length} bytes became ${readFileSync(encrypted).length}`);
const [before, after] = [await sha256(input), await sha256(decrypted)];
if (before !== after) throw new Error(`FAIL: expected ${before}, got ${after}`);
console.log(`SHA-256 before and after: ${before}`);
device.close();
rmSync(folder, { recursive: true });
