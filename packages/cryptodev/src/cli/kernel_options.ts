import { type Capability, ciphers, macs } from "cryptodev";

/** What the kernel's configuration calls an algorithm, where that is not its name. */
const named: Readonly<Record<string, string>> = {
  des3_ede: "DES",
  cipher_null: "NULL",
  sha224: "SHA256",
  sha384: "SHA512",
};

const algorithms: readonly { readonly name: string; readonly hash?: string; readonly kernelName?: string }[] = [
  ...Object.values(ciphers),
  ...Object.values(macs),
];

/** The CryptoAPI's name for what a capability is about, such as `hmac(sha256)`. */
function kernelNameOf({ name, kind }: Capability): string {
  const own = kind === "hmac" ? `hmac-${name}` : name;
  return algorithms.find((algorithm) => algorithm.name === own)?.kernelName ?? own;
}

/** How a kernel comes by an algorithm that it has not. */
export function remedyFor(capability: Capability): string {
  const kernelName = kernelNameOf(capability);
  const parts = kernelName.match(/\w+/g) ?? [];
  const options = parts.map((part) => `CONFIG_CRYPTO_${named[part] ?? part.toUpperCase()}`);
  const gone = /^(cfb|ofb)\(/.test(kernelName) ? "; Linux 6.8 and newer have it no more" : "";
  return `${kernelName}: needs ${options.join(" and ")} in the kernel, built in or as modules${gone}`;
}
