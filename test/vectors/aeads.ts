/** A known answer of an AEAD, and its source. Bytes are in hex. */
export interface AeadVector {
  readonly source: string;
  /** The id of `ciphers`: 50 for GCM, 51 for CCM. */
  readonly id: number;
  readonly key: string;
  /** The nonce, from which the kernel's iv is built for CCM. */
  readonly nonce: string;
  readonly aad: string;
  readonly plaintext: string;
  readonly ciphertext: string;
  readonly tag: string;
}

/** The bytes `from`, `from + 1`, ... up to `to`, which is excluded. */
const count = (from: number, to: number): string =>
  Array.from({ length: to - from }, (_, index) => (from + index).toString(16).padStart(2, "0")).join("");

const gcmKey = "feffe9928665731c6d6a8f9467308308";
const gcmNonce = "cafebabefacedbaddecaf888";
const gcmAad = "feedfacedeadbeeffeedfacedeadbeefabaddad2";
const gcmText =
  "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a721c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b39";

/** GCM: the test cases of McGrew and Viega's specification. CCM: NIST SP 800-38C, appendix C, and RFC 3610, section 8. */
export const vectors: readonly AeadVector[] = [
  {
    source: "GCM test case 2",
    id: 50,
    key: "00".repeat(16),
    nonce: "00".repeat(12),
    aad: "",
    plaintext: "00".repeat(16),
    ciphertext: "0388dace60b6a392f328c2b971b2fe78",
    tag: "ab6e47d42cec13bdf53a67b21257bddf",
  },
  {
    source: "GCM test case 3",
    id: 50,
    key: gcmKey,
    nonce: gcmNonce,
    aad: "",
    plaintext: `${gcmText}1aafd255`,
    ciphertext:
      "42831ec2217774244b7221b784d0d49ce3aa212f2c02a4e035c17e2329aca12e21d514b25466931c7d8f6a5aac84aa051ba30b396a0aac973d58e091473f5985",
    tag: "4d5c2af327cd64a62cf35abd2ba6fab4",
  },
  {
    source: "GCM test case 4",
    id: 50,
    key: gcmKey,
    nonce: gcmNonce,
    aad: gcmAad,
    plaintext: gcmText,
    ciphertext:
      "42831ec2217774244b7221b784d0d49ce3aa212f2c02a4e035c17e2329aca12e21d514b25466931c7d8f6a5aac84aa051ba30b396a0aac973d58e091",
    tag: "5bc94fbc3221a5db94fae95ae7121a47",
  },
  {
    source: "GCM test case 10",
    id: 50,
    key: gcmKey + gcmKey.slice(0, 16),
    nonce: gcmNonce,
    aad: gcmAad,
    plaintext: gcmText,
    ciphertext:
      "3980ca0b3c00e841eb06fac4872a2757859e1ceaa6efd984628593b40ca1e19c7d773d00c144c525ac619d18c84a3f4718e2448b2fe324d9ccda2710",
    tag: "2519498e80f1478f37ba55bd6d27618c",
  },
  {
    source: "GCM test case 16",
    id: 50,
    key: gcmKey + gcmKey,
    nonce: gcmNonce,
    aad: gcmAad,
    plaintext: gcmText,
    ciphertext:
      "522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0abcc9f662",
    tag: "76fc6ece0f4e1768cddf8853bb2d551b",
  },
  {
    source: "SP 800-38C, C.1",
    id: 51,
    key: count(0x40, 0x50),
    nonce: count(0x10, 0x17),
    aad: count(0, 8),
    plaintext: count(0x20, 0x24),
    ciphertext: "7162015b",
    tag: "4dac255d",
  },
  {
    source: "SP 800-38C, C.2",
    id: 51,
    key: count(0x40, 0x50),
    nonce: count(0x10, 0x18),
    aad: count(0, 16),
    plaintext: count(0x20, 0x30),
    ciphertext: "d2a1f0e051ea5f62081a7792073d593d",
    tag: "1fc64fbfaccd",
  },
  {
    source: "SP 800-38C, C.3",
    id: 51,
    key: count(0x40, 0x50),
    nonce: count(0x10, 0x1c),
    aad: count(0, 20),
    plaintext: count(0x20, 0x38),
    ciphertext: "e3b201a9f5b71a7a9b1ceaeccd97e70b6176aad9a4428aa5",
    tag: "484392fbc1b09951",
  },
  {
    source: "RFC 3610, packet vector 1",
    id: 51,
    key: count(0xc0, 0xd0),
    nonce: "00000003020100a0a1a2a3a4a5",
    aad: count(0, 8),
    plaintext: count(8, 0x1f),
    ciphertext: "588c979a61c663d2f066d0c2c0f989806d5f6b61dac384",
    tag: "17e8d12cfdf926e0",
  },
];
