/*
 * Shows what the kernel's CryptoAPI offers: encrypts a block of zeros with AES and compares the result with the known
 * answer, as the original demo for kernel modules did, and lists the algorithms of `/proc/crypto`.
 */
import { existsSync, readFileSync } from "node:fs";
import { open } from "cryptodev";

const hex = (bytes: Uint8Array) => Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");

const device = open({ backend: "auto" });
const zeros = new Uint8Array(16);
const session = device.cipher("aes-128-cbc", zeros);
const encrypted = session.encrypt(zeros, zeros);
const decrypted = session.decrypt(encrypted, zeros);
console.log(`IN: ${hex(zeros)}`);
console.log(`EN: ${hex(encrypted)}`);
console.log(`DE: ${hex(decrypted)}`);
if (hex(encrypted) !== "66e94bd4ef8a2c3b884cfa59ca342b2e" || hex(decrypted) !== hex(zeros)) throw new Error("FAIL");
console.log("PASS: encryption/decryption verified");
device.close();

/** An algorithm as `/proc/crypto` lists it. */
interface KernelAlgorithm {
  readonly name: string;
  readonly driver: string;
  readonly module: string;
  readonly type: string;
  readonly priority: number;
  readonly async: boolean;
  /** In bytes; only ciphers have it. */
  readonly minKeySize: number | undefined;
  readonly maxKeySize: number | undefined;
}

/** Parses blocks of lines such as `driver       : cbc-aes-caam`, which empty lines separate. */
function parseProcCrypto(text: string): KernelAlgorithm[] {
  return text
    .split(/\n\n+/)
    .map((block) => new Map([...block.matchAll(/^(\S.*?)\s*: (.*)$/gm)].map(([, key, value]) => [key, value])))
    .filter((fields) => fields.has("name"))
    .map((fields) => {
      const text = (key: string) => fields.get(key) ?? "";
      const size = (key: string) => (fields.has(key) ? Number(fields.get(key)) : undefined);
      return {
        name: text("name"),
        driver: text("driver"),
        module: text("module"),
        type: text("type"),
        priority: Number(text("priority")),
        async: fields.get("async") === "yes",
        minKeySize: size("min keysize"),
        maxKeySize: size("max keysize"),
      };
    });
}

const list = process.argv[2] ?? "/proc/crypto";
if (existsSync(list)) {
  const algorithms = parseProcCrypto(readFileSync(list, "utf8"));
  // Of several drivers for one algorithm, the kernel uses the one with the highest priority.
  const best = new Map<string, KernelAlgorithm>();
  for (const algorithm of algorithms) {
    if (algorithm.priority > (best.get(algorithm.name)?.priority ?? -1)) best.set(algorithm.name, algorithm);
  }
  console.log(`The kernel has ${algorithms.length} drivers for ${best.size} algorithms, among them`);
  for (const { name, driver, type } of best.values()) {
    if (/^(cbc|ctr|gcm|hmac)\(/.test(name)) console.log(`  ${type} ${name} by ${driver}`);
  }
} else {
  console.log(`${list} does not exist here`);
}
