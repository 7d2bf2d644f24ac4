/*
 * A small exchange like that of HTTPS: requests and answers are sent in records. One call encrypts each with AES-CBC
 * and authenticates it with HMAC-SHA1, including the padding (RFC 5246, section 6.2.3.2).
 *
 * The mac covers a header that contains the length of the plaintext, and the driver needs this header before it
 * decrypts. This program therefore sends the length of the plaintext; TLS sends that of the ciphertext.
 */
import { open, type TlsCipher } from "cryptodev";

const APPLICATION_DATA = 23;
const VERSION = 0x0303;
const IV_SIZE = 16;

/** A record as it is sent: the length of the plaintext, the iv, and the sealed bytes. */
interface WireRecord {
  readonly length: number;
  readonly iv: Uint8Array;
  readonly sealed: Uint8Array;
}

/** One direction of a connection. Both ends count the records, so that none can be omitted, repeated or moved. */
class Direction {
  readonly #records: TlsCipher;
  #sequence = 0n;

  constructor(records: TlsCipher) {
    this.#records = records;
  }

  /** The header that the mac covers in addition to the data: sequence number, type, version, length. */
  #header(length: number): Uint8Array {
    const view = new DataView(new ArrayBuffer(13));
    view.setBigUint64(0, this.#sequence);
    view.setUint8(8, APPLICATION_DATA);
    view.setUint16(9, VERSION);
    view.setUint16(11, length);
    this.#sequence += 1n;
    return new Uint8Array(view.buffer);
  }

  send(text: string): WireRecord {
    const fragment = new TextEncoder().encode(text);
    const iv = crypto.getRandomValues(new Uint8Array(IV_SIZE));
    const header = this.#header(fragment.length);
    return { length: fragment.length, iv, sealed: this.#records.seal(fragment, { header, iv }) };
  }

  receive({ length, iv, sealed }: WireRecord): string {
    return new TextDecoder().decode(this.#records.open(sealed, { header: this.#header(length), iv }));
  }
}

// Each end has its own device and sessions. In TLS the keys come from the handshake.
const [key, macKey] = [crypto.getRandomValues(new Uint8Array(16)), crypto.getRandomValues(new Uint8Array(20))];
const [client, server] = [open({ backend: "auto" }), open({ backend: "auto" })];
const start = { cipher: "aes-128-cbc", key, mac: "hmac-sha1", macKey } as const;
const directionOf = (device: typeof client) => new Direction(device.tls(start));
const [requests, answers] = [
  { from: directionOf(client), to: directionOf(server) },
  { from: directionOf(server), to: directionOf(client) },
];

for (const path of ["/", "/news", "/missing"]) {
  const request = requests.from.send(`GET ${path} HTTP/1.1\r\nHost: example.org\r\n\r\n`);
  const [line] = requests.to.receive(request).split("\r\n");
  const body = path === "/missing" ? "HTTP/1.1 404 Not Found\r\n\r\n" : `HTTP/1.1 200 OK\r\n\r\nYou asked: ${line}`;
  const answer = answers.to.receive(answers.from.send(body));
  console.log(`${request.length} bytes sealed as ${request.sealed.length}: ${line} -> ${answer.split("\r\n")[0]}`);
}

// If a record is received twice, its sequence number is wrong the second time.
const again = requests.from.send("GET /twice HTTP/1.1\r\n\r\n");
requests.to.receive(again);
try {
  requests.to.receive(again);
  throw new Error("FAIL: a repeated record was accepted");
} catch (error) {
  console.log(`a repeated record: ${(error as Error).name}`);
}
for (const device of [client, server]) device.close();
