import node, { type CipherInfo } from "node:crypto";
import { findNodeCipher, type NodeCipher, nodeCiphers } from "./names.ts";

/** OpenSSL's numbers (nids) of ciphers: the number for the smallest key, and the step to that of the next size. */
const numbers: Readonly<Record<string, readonly [first: number, step: number]>> = {
  "aes-cbc": [419, 4],
  "aes-ccm": [896, 3],
  "aes-cfb": [421, 4],
  "aes-ctr": [904, 1],
  "aes-ecb": [418, 4],
  "aes-gcm": [895, 3],
  "aes-ofb": [420, 4],
  "aes-xts": [913, 1],
  "bf-cbc": [91, 0],
  "camellia-cbc": [751, 1],
  "des-cbc": [31, 0],
  "des-ede3-cbc": [44, 0],
};

function numberOf({ name }: NodeCipher): number {
  const [mode, size] = [name.replace(/-\d{3}-/, "-"), /-(\d{3})-/.exec(name)?.[1]];
  const [first, step] = numbers[mode] as readonly [number, number];
  return first + step * sizesOf(mode).indexOf(size);
}

function sizesOf(mode: string): (string | undefined)[] {
  return nodeCiphers
    .filter(({ name }) => name.replace(/-\d{3}-/, "-") === mode)
    .map(({ name }) => /-(\d{3})-/.exec(name)?.[1]);
}

/**
 * Implements `getCipherInfo()`: returns node:crypto's own result, or ours for a cipher that the device has and this
 * runtime does not.
 */
export function cipherInfo(nameOrNid: unknown, options: unknown): CipherInfo | undefined {
  // Node.js itself aborts with a failed assertion for -0.
  const asked = nameOrNid === 0 ? 0 : nameOrNid;
  const theirs = node.getCipherInfo(asked as string, options as object);
  if (theirs !== undefined) return theirs;
  const cipher =
    typeof asked === "string" ? findNodeCipher(asked) : nodeCiphers.find((candidate) => numberOf(candidate) === asked);
  return cipher && ownInfo(cipher, (options ?? {}) as { keyLength?: number; ivLength?: number });
}

function ownInfo(cipher: NodeCipher, sizes: { keyLength?: number; ivLength?: number }): CipherInfo | undefined {
  const {
    name,
    cipher: { algorithm, keySizes },
  } = cipher;
  const mode = name.slice(name.lastIndexOf("-") + 1) as CipherInfo["mode"];
  // Blowfish accepts keys of many sizes; OpenSSL reports one.
  const keyLength = Array.isArray(keySizes) ? (keySizes[0] as number) : 16;
  if (sizes.keyLength !== undefined && sizes.keyLength !== keyLength) return undefined;
  const isAead = algorithm.kind === "aead";
  const usual = isAead ? 12 : algorithm.ivSize;
  const { ivLength = usual } = sizes;
  const isIv = mode === "ccm" ? ivLength >= 7 && ivLength <= 13 : mode === "gcm" ? ivLength > 0 : ivLength === usual;
  if (!isIv) return undefined;
  const blockSize = isAead || mode === "xts" ? 1 : algorithm.blockSize;
  // OpenSSL's names of AEADs have a different form.
  const shown = isAead ? name.replace(/^aes-(\d+)/, "id-aes$1") : name;
  return { mode, name: shown, nid: numberOf(cipher), blockSize, ...(usual === 0 ? {} : { ivLength }), keyLength };
}
