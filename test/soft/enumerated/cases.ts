import {
  COP_FLAG_FINAL,
  COP_FLAG_NO_ZC,
  COP_FLAG_RESET,
  COP_FLAG_UPDATE,
  COP_FLAG_WRITE_IV,
  ciphers,
  macs,
  COP_FLAG_AEAD_SRTP_TYPE as SRTP,
  COP_FLAG_AEAD_TLS_TYPE as TLS,
} from "@cryptodev/core/abi";
import { type Auth, type Crypt, type EnumeratedCall, EnumeratedCaller, type Kind, type Place } from "./caller.ts";
import { BASE, END, PAGE, READ_ONLY } from "./pages.ts";

/*
 * The enumerated calls: every kind of session with flags, sizes, places and tags in all combinations, in the order of
 * the recording.
 */

const hmac = { mac: macs.CRYPTO_SHA1_HMAC.id, mackeylen: 20 };
const kinds: readonly Kind[] = [
  { name: "gcm", cipher: ciphers.CRYPTO_AES_GCM.id, keylen: 16, tagSize: 16 },
  { name: "ccm", cipher: ciphers.CRYPTO_AES_CCM.id, keylen: 16, tagSize: 16 },
  { name: "gcm+hmac", cipher: ciphers.CRYPTO_AES_GCM.id, keylen: 16, mac: macs.CRYPTO_SHA1_HMAC.id, tagSize: 16 },
  { name: "cbc+hmacsha1", cipher: ciphers.CRYPTO_AES_CBC.id, keylen: 16, ...hmac },
  { name: "ctr+hmacsha1", cipher: ciphers.CRYPTO_AES_CTR.id, keylen: 16, ...hmac },
  { name: "cbc+sha256", cipher: ciphers.CRYPTO_AES_CBC.id, keylen: 16, mac: macs.CRYPTO_SHA2_256.id, tagSize: 32 },
  { name: "cbc", cipher: ciphers.CRYPTO_AES_CBC.id, keylen: 16 },
  { name: "ctr", cipher: ciphers.CRYPTO_AES_CTR.id, keylen: 16 },
  { name: "null", cipher: ciphers.CRYPTO_NULL.id },
  { name: "null+hmacsha1", cipher: ciphers.CRYPTO_NULL.id, ...hmac },
  { name: "hmacsha1", ...hmac },
  {
    name: "des+hmacmd5",
    cipher: ciphers.CRYPTO_DES_CBC.id,
    keylen: 8,
    mac: macs.CRYPTO_MD5_HMAC.id,
    mackeylen: 16,
    tagSize: 16,
  },
  { name: "xts+hmac", cipher: ciphers.CRYPTO_AES_XTS.id, keylen: 32, ...hmac },
  { name: "cfb+hmac", cipher: ciphers.CRYPTO_AES_CFB.id, keylen: 16, ...hmac },
];
/** Returns one of the enumerated kinds of sessions. */
export const kindNamed = (name: string): Kind => kinds.find((kind) => kind.name === name) as Kind;

/** The offsets that the cases use for each member. */
const [DATA, IV, TAG, HEADER] = [1024, 16384, 20480, 30000];
/** Returns the numbers below a limit. */
const below = (limit: number): number[] => Array.from({ length: limit }, (_, index) => index);
const counting = below(16);

/** Encrypts, decrypts the result, and encrypts again with the iv that the session has then. */
function everyFlag(caller: EnumeratedCaller): void {
  const someFlags = [
    [0, COP_FLAG_WRITE_IV, TLS, SRTP, TLS | SRTP],
    [TLS | COP_FLAG_WRITE_IV, SRTP | COP_FLAG_WRITE_IV, TLS | SRTP | COP_FLAG_WRITE_IV],
    [0x40, 0x80, 0x8000, TLS | 0x40, SRTP | 0x8000, TLS | 0x7f00],
    [COP_FLAG_NO_ZC, COP_FLAG_UPDATE, COP_FLAG_FINAL, COP_FLAG_RESET],
    [TLS | COP_FLAG_UPDATE, SRTP | COP_FLAG_FINAL | COP_FLAG_UPDATE, 0xffff],
  ].flat();
  const headers: Auth[] = [{}, { auth_src: DATA - 12, auth_len: 12 + 48 }, { auth_src: HEADER, auth_len: 13 }];
  for (const kind of kinds)
    for (const flags of someFlags)
      for (const inPlace of [false, true])
        for (const tag_len of [0, kind.tagSize ?? 20, 12])
          for (const header of headers) {
            // The driver divides by 0 here, so this call was not recorded.
            if (kind.cipher === undefined && (flags & (TLS | SRTP)) === (TLS | SRTP)) continue;
            caller.start(kind);
            caller.memory.set(IV, 3);
            const dst = inPlace ? DATA : 8192;
            const seal = { flags, len: 48, src: DATA, dst, iv: IV, tag: TAG, tag_len, ...header };
            const sealed = caller.auth(seal);
            let open: Auth = { ...seal, op: 1 };
            if (sealed.returned === "0") {
              const len = sealed.len > 0 && (flags & SRTP) !== 0 ? 48 : sealed.len;
              open = { ...open, len, src: dst, dst: 12000 };
              caller.memory.set(IV, 3);
              if ((flags & COP_FLAG_WRITE_IV) !== 0) caller.memory.set(IV, ...counting);
            }
            if (inPlace) open = { ...open, dst: open.src as Place };
            caller.auth(open);
            caller.auth({ ...seal, iv: null });
          }
}

/** A hash ignores op, but not flags and dst. */
function hashes(caller: EnumeratedCaller): void {
  const someFlags = [
    [0, COP_FLAG_NO_ZC, COP_FLAG_UPDATE, COP_FLAG_RESET, COP_FLAG_RESET | COP_FLAG_UPDATE],
    [COP_FLAG_RESET | COP_FLAG_FINAL, COP_FLAG_NO_ZC | COP_FLAG_RESET, COP_FLAG_WRITE_IV],
    [COP_FLAG_RESET | COP_FLAG_WRITE_IV],
  ].flat();
  for (const kind of [
    { name: "sha1", mac: macs.CRYPTO_SHA1.id },
    { name: "hmac", ...hmac },
  ])
    for (const flags of someFlags)
      for (const dst of [null, 1001, 12288, READ_ONLY])
        for (const len of [0, 37, 5000]) {
          caller.start(kind);
          const hash: Crypt = { op: 1, flags, len, src: 1001, dst, mac: TAG };
          caller.crypt(hash);
          caller.crypt({ ...hash, flags: COP_FLAG_RESET | COP_FLAG_NO_ZC });
        }
}

/** TLS records of all short sizes, with random bytes and with paddings of several sizes. */
function records(caller: EnumeratedCaller): void {
  for (const kind of kinds.slice(3).filter(({ cipher }) => cipher !== undefined))
    for (const len of below(81))
      for (const padding of [undefined, 1, Math.min(4, len), len]) {
        caller.start(kind);
        caller.memory.set(IV, ...counting);
        const record = { len, src: DATA, dst: DATA, iv: IV };
        if (padding !== undefined && len > 0) {
          caller.memory.set(DATA + len - padding, ...below(padding).fill(padding - 1));
          const returned = caller.crypt({ ...record, mac: 24000 });
          if (returned === "crash" || (returned !== "0" && len % 16 === 0)) continue;
        }
        const tag_len = len % 2 === 1 ? 0 : (len % 3) * 10;
        const open: Auth = { ...record, op: 1, flags: TLS, auth_src: HEADER, auth_len: 13, tag_len };
        caller.auth(open);
        caller.auth({ ...open, op: 0, iv: null, tag_len: 0 });
      }
}

/** SRTP packets that are short or empty, with headers up to one that is too long, and tags that cannot be written. */
function packets(caller: EnumeratedCaller): void {
  const places: Auth[] = [{ auth_src: 1100 }, { auth_len: 0 }, {}, { tag: READ_ONLY }];
  for (const kind of kinds.slice(4, 10))
    for (let len = 0; len < 30; len += 3)
      for (const [index, header] of [0, 12, 256, 257].entries())
        for (const op of [0, 1]) {
          caller.start(kind);
          const packet: Auth = { op, flags: SRTP, len, src: DATA, dst: DATA, tag: TAG };
          const tag_len = len % 2 === 1 ? 0 : 10;
          caller.auth({ ...packet, iv: IV, auth_src: DATA - header, auth_len: header + len, tag_len });
          caller.auth({ ...packet, auth_src: DATA, auth_len: len, ...places[index] });
        }
}

/** Memory that is too short or not writable: the driver copies instead of using zero-copy. */
function copies(caller: EnumeratedCaller): void {
  const places: Crypt[] = [
    { src: END - PAGE, dst: END - PAGE },
    { src: END - PAGE * 2 - 16, dst: END - PAGE * 2 - 16 },
    { src: END - PAGE * 2 },
    { src: END },
    { src: END, dst: END },
    { src: READ_ONLY, len: PAGE * 2 },
    { src: READ_ONLY, dst: READ_ONLY, len: PAGE },
    { src: READ_ONLY + PAGE },
    { dst: END - PAGE * 3 },
    { iv: END - 4, len: 64 },
    { mac: END - 4, len: 64 },
    { len: 0x7ffffff0, src: END - PAGE * 2, dst: END - PAGE * 2 },
    { len: 0xfffffff0, src: END - PAGE * 2, dst: END - PAGE * 2 },
    // An address in the kernel's own memory.
    { src: 0xffff888000000000 - BASE, len: 64 },
  ];
  const some = ["cbc+hmacsha1", "ctr+hmacsha1", "cbc", "ctr", "null", "null+hmacsha1", "des+hmacmd5", "hmacsha1"];
  for (const kind of some.map(kindNamed))
    for (const place of places)
      for (const op of [0, 1])
        for (const flags of [0, COP_FLAG_WRITE_IV, COP_FLAG_RESET | COP_FLAG_WRITE_IV]) {
          caller.start(kind);
          caller.crypt({ op, flags, len: PAGE * 3, iv: IV, mac: TAG, src: 0, dst: 0, ...place });
          const next = { flags: COP_FLAG_RESET | COP_FLAG_WRITE_IV, len: 64, src: DATA, dst: DATA, mac: TAG };
          caller.crypt(next);
        }
}

/** Memory that is too short or not writable, for AEADs, which do not copy. */
function aeads(caller: EnumeratedCaller): void {
  const places: Auth[] = [
    { src: END - 64, dst: END - 64 },
    { src: END - 32 },
    { src: END, dst: 0 },
    { auth_src: END - 4 },
    { auth_src: 40000, auth_len: 4096 },
    { auth_src: 40000, auth_len: 4097 },
    { src: READ_ONLY, dst: READ_ONLY },
    { src: READ_ONLY, dst: 2048 },
    { len: 0 },
    { len: 0, auth_len: 0 },
    { iv: END - 4 },
    { tag_len: 17 },
  ];
  for (const kind of ["gcm", "ccm"].map(kindNamed))
    for (const place of places)
      for (const op of [0, 1]) {
        caller.start(kind);
        caller.memory.set(IV, 3);
        caller.auth({ op, len: 64, src: DATA, dst: DATA, iv: IV, auth_src: HEADER, auth_len: 13, ...place });
        caller.auth({ len: 64, src: DATA, dst: 4096, iv: IV });
      }
}

/** Sends all of them to a software device. */
export function enumerate(onCall: (call: EnumeratedCall) => void): void {
  const caller = new EnumeratedCaller(onCall);
  for (const send of [everyFlag, hashes, records, packets, copies, aeads]) send(caller);
}
