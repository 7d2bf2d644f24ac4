import type { CipherName } from "@cryptodev/core";

/** A known answer of a cipher, and its source. Bytes are in hex; spaces are ignored. */
export interface CipherVector {
  readonly source: string;
  readonly algorithm: CipherName;
  readonly key: string;
  readonly iv?: string;
  readonly plaintext: string;
  readonly ciphertext: string;
}

const sp80038a =
  "6bc1bee22e409f96e93d7e117393172a ae2d8a571e03ac9c9eb76fac45af8e51 30c81c46a35ce411e5fbc1191a0a52ef f69f2445df4f9b17ad2b417be66c3710";
const iv = "000102030405060708090a0b0c0d0e0f";
const counter = "f0f1f2f3f4f5f6f7f8f9fafbfcfdfeff";
const key128 = "2b7e151628aed2a6abf7158809cf4f3c";
const key192 = "8e73b0f7da0e6452c810f32b809079e562f8ead2522c6b7b";
const key256 = "603deb1015ca71be2b73aef0857d77811f352c073b6108d72d9810a30914dff4";

/** Known answers for every cipher of CIOCCRYPT. */
export const vectors: readonly CipherVector[] = [
  {
    source: "SP 800-38A, F.1.1",
    algorithm: "aes-128-ecb",
    key: key128,
    plaintext: sp80038a,
    ciphertext:
      "3ad77bb40d7a3660a89ecaf32466ef97 f5d3d58503b9699de785895a96fdbaaf 43b1cd7f598ece23881b00e3ed030688 7b0c785e27e8ad3f8223207104725dd4",
  },
  {
    source: "SP 800-38A, F.1.3",
    algorithm: "aes-192-ecb",
    key: key192,
    plaintext: sp80038a,
    ciphertext:
      "bd334f1d6e45f25ff712a214571fa5cc 974104846d0ad3ad7734ecb3ecee4eef ef7afd2270e2e60adce0ba2face6444e 9a4b41ba738d6c72fb16691603c18e0e",
  },
  {
    source: "SP 800-38A, F.1.5",
    algorithm: "aes-256-ecb",
    key: key256,
    plaintext: sp80038a,
    ciphertext:
      "f3eed1bdb5d2a03c064b5a7e3db181f8 591ccb10d410ed26dc5ba74a31362870 b6ed21b99ca6f4f9f153e7b1beafed1d 23304b7a39f9f3ff067d8d8f9e24ecc7",
  },
  {
    source: "SP 800-38A, F.2.1",
    algorithm: "aes-128-cbc",
    key: key128,
    iv,
    plaintext: sp80038a,
    ciphertext:
      "7649abac8119b246cee98e9b12e9197d 5086cb9b507219ee95db113a917678b2 73bed6b8e3c1743b7116e69e22229516 3ff1caa1681fac09120eca307586e1a7",
  },
  {
    source: "SP 800-38A, F.2.3",
    algorithm: "aes-192-cbc",
    key: key192,
    iv,
    plaintext: sp80038a,
    ciphertext:
      "4f021db243bc633d7178183a9fa071e8 b4d9ada9ad7dedf4e5e738763f69145a 571b242012fb7ae07fa9baac3df102e0 08b0e27988598881d920a9e64f5615cd",
  },
  {
    source: "SP 800-38A, F.2.5",
    algorithm: "aes-256-cbc",
    key: key256,
    iv,
    plaintext: sp80038a,
    ciphertext:
      "f58c4c04d6e5f1ba779eabfb5f7bfbd6 9cfc4e967edb808d679f777bc6702c7d 39f23369a9d9bacfa530e26304231461 b2eb05e2c39be9fcda6c19078c6a9d1b",
  },
  {
    source: "SP 800-38A, F.3.13",
    algorithm: "aes-128-cfb",
    key: key128,
    iv,
    plaintext: sp80038a,
    ciphertext:
      "3b3fd92eb72dad20333449f8e83cfb4a c8a64537a0b3a93fcde3cdad9f1ce58b 26751f67a3cbb140b1808cf187a4f4df c04b05357c5d1c0eeac4c66f9ff7f2e6",
  },
  {
    source: "SP 800-38A, F.3.15",
    algorithm: "aes-192-cfb",
    key: key192,
    iv,
    plaintext: sp80038a,
    ciphertext:
      "cdc80d6fddf18cab34c25909c99a4174 67ce7f7f81173621961a2b70171d3d7a 2e1e8a1dd59b88b1c8e60fed1efac4c9 c05f9f9ca9834fa042ae8fba584b09ff",
  },
  {
    source: "SP 800-38A, F.3.17",
    algorithm: "aes-256-cfb",
    key: key256,
    iv,
    plaintext: sp80038a,
    ciphertext:
      "dc7e84bfda79164b7ecd8486985d3860 39ffed143b28b1c832113c6331e5407b df10132415e54b92a13ed0a8267ae2f9 75a385741ab9cef82031623d55b1e471",
  },
  {
    source: "SP 800-38A, F.4.1",
    algorithm: "aes-128-ofb",
    key: key128,
    iv,
    plaintext: sp80038a,
    ciphertext:
      "3b3fd92eb72dad20333449f8e83cfb4a 7789508d16918f03f53c52dac54ed825 9740051e9c5fecf64344f7a82260edcc 304c6528f659c77866a510d9c1d6ae5e",
  },
  {
    source: "SP 800-38A, F.4.3",
    algorithm: "aes-192-ofb",
    key: key192,
    iv,
    plaintext: sp80038a,
    ciphertext:
      "cdc80d6fddf18cab34c25909c99a4174 fcc28b8d4c63837c09e81700c1100401 8d9a9aeac0f6596f559c6d4daf59a5f2 6d9f200857ca6c3e9cac524bd9acc92a",
  },
  {
    source: "SP 800-38A, F.4.5",
    algorithm: "aes-256-ofb",
    key: key256,
    iv,
    plaintext: sp80038a,
    ciphertext:
      "dc7e84bfda79164b7ecd8486985d3860 4febdc6740d20b3ac88f6ad82a4fb08d 71ab47a086e86eedf39d1c5bba97c408 0126141d67f37be8538f5a8be740e484",
  },
  {
    source: "SP 800-38A, F.5.1",
    algorithm: "aes-128-ctr",
    key: key128,
    iv: counter,
    plaintext: sp80038a,
    ciphertext:
      "874d6191b620e3261bef6864990db6ce 9806f66b7970fdff8617187bb9fffdff 5ae4df3edbd5d35e5b4f09020db03eab 1e031dda2fbe03d1792170a0f3009cee",
  },
  {
    source: "SP 800-38A, F.5.3",
    algorithm: "aes-192-ctr",
    key: key192,
    iv: counter,
    plaintext: sp80038a,
    ciphertext:
      "1abc932417521ca24f2b0459fe7e6e0b 090339ec0aa6faefd5ccc2c6f4ce8e94 1e36b26bd1ebc670d1bd1d665620abf7 4f78a7f6d29809585a97daec58c6b050",
  },
  {
    source: "SP 800-38A, F.5.5",
    algorithm: "aes-256-ctr",
    key: key256,
    iv: counter,
    plaintext: sp80038a,
    ciphertext:
      "601ec313775789a5b7a7f504bbf3d228 f443e3ca4d62b59aca84e990cacaf5c5 2b0930daa23de94ce87017ba2d84988d dfc9c58db67aada613c2dd08457941a6",
  },
  {
    source: "IEEE 1619-2018, B.1",
    algorithm: "aes-128-xts",
    key: "0000000000000000000000000000000000000000000000000000000000000000",
    iv: "00000000000000000000000000000000",
    plaintext: "0000000000000000000000000000000000000000000000000000000000000000",
    ciphertext: "917cf69ebd68b2ec9b9fe9a3eadda692cd43d2f59598ed858c02c2652fbf922e",
  },
  {
    source: "IEEE 1619-2018, B.2",
    algorithm: "aes-128-xts",
    key: "1111111111111111111111111111111122222222222222222222222222222222",
    iv: "33333333330000000000000000000000",
    plaintext: "4444444444444444444444444444444444444444444444444444444444444444",
    ciphertext: "c454185e6a16936e39334038acef838bfb186fff7480adc4289382ecd6d394f0",
  },
  {
    source: "IEEE 1619-2018, B.10, the first 64 bytes",
    algorithm: "aes-256-xts",
    key: "27182818284590452353602874713526624977572470936999595749669676273141592653589793238462643383279502884197169399375105820974944592",
    iv: "ff000000000000000000000000000000",
    plaintext:
      "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f202122232425262728292a2b2c2d2e2f303132333435363738393a3b3c3d3e3f",
    ciphertext:
      "1c3b3a102f770386e4836c99e370cf9bea00803f5e482357a4ae12d414a3e63b5d31e276f8fe4a8d66b317f9ac683f44680a86ac35adfc3345befecb4bb188fd",
  },
  {
    source: 'FIPS 81, C.1 ("Now is the time for all ")',
    algorithm: "des-cbc",
    key: "0123456789abcdef",
    iv: "1234567890abcdef",
    plaintext: "4e6f77206973207468652074696d6520666f7220616c6c20",
    ciphertext: "e5c7cdde872bf27c43e934008c389c0f683788499a7c05f6",
  },
  {
    source: "SP 800-67, B.1, its first block",
    algorithm: "3des-cbc",
    key: "0123456789abcdef23456789abcdef01456789abcdef0123",
    iv: "0000000000000000",
    plaintext: "5468652071756663",
    ciphertext: "a826fd8ce53b855f",
  },
  {
    source: "SP 800-67, B.1, its second block",
    algorithm: "3des-cbc",
    key: "0123456789abcdef23456789abcdef01456789abcdef0123",
    iv: "0000000000000000",
    plaintext: "6b2062726f776e20",
    ciphertext: "cce21c8112256fe6",
  },
  {
    source: "SP 800-67, B.1, its third block",
    algorithm: "3des-cbc",
    key: "0123456789abcdef23456789abcdef01456789abcdef0123",
    iv: "0000000000000000",
    plaintext: "666f78206a756d70",
    ciphertext: "68d5c05dd9b6b900",
  },
  {
    source: "the Blowfish test vectors, a key of zeros",
    algorithm: "blowfish-cbc",
    key: "0000000000000000",
    iv: "0000000000000000",
    plaintext: "0000000000000000",
    ciphertext: "4ef997456198dd78",
  },
  {
    source: "the Blowfish test vectors, CBC",
    algorithm: "blowfish-cbc",
    key: "0123456789abcdeff0e1d2c3b4a59687",
    iv: "fedcba9876543210",
    plaintext: "37363534333231204e6f77206973207468652074696d6520666f722000000000",
    ciphertext: "6b77b4d63006dee605b156e27403979358deb9e7154616d959f1652bd5ff92cc",
  },
  {
    source: "RFC 3713, A, 128 bits",
    algorithm: "camellia-128-cbc",
    key: "0123456789abcdeffedcba9876543210",
    iv: "00000000000000000000000000000000",
    plaintext: "0123456789abcdeffedcba9876543210",
    ciphertext: "67673138549669730857065648eabe43",
  },
  {
    source: "RFC 3713, A, 192 bits",
    algorithm: "camellia-192-cbc",
    key: "0123456789abcdeffedcba98765432100011223344556677",
    iv: "00000000000000000000000000000000",
    plaintext: "0123456789abcdeffedcba9876543210",
    ciphertext: "b4993401b3e996f84ee5cee7d79b09b9",
  },
  {
    source: "RFC 3713, A, 256 bits",
    algorithm: "camellia-256-cbc",
    key: "0123456789abcdeffedcba987654321000112233445566778899aabbccddeeff",
    iv: "00000000000000000000000000000000",
    plaintext: "0123456789abcdeffedcba9876543210",
    ciphertext: "9acc237dff16d76c20ef7c919e3a7509",
  },
  {
    source: "RFC 3711, B.2, the key stream",
    algorithm: "aes-128-ctr",
    key: "2b7e151628aed2a6abf7158809cf4f3c",
    iv: "f0f1f2f3f4f5f6f7f8f9fafbfcfd0000",
    plaintext: "000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000",
    ciphertext: "e03ead0935c95e80e166b16dd92b4eb4d23513162b02d0f72a43a2fe4a5f97ab41e95b3bb0a2e8dd477901e4fca894c0",
  },
];
