/*
 * A small service that receives webhooks: it verifies the HMAC of each request before it looks at the content, and
 * refuses requests that are forged, old, or repeated.
 */
import { Buffer } from "node:buffer";
import { once } from "node:events";
import { createServer, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";
import { open } from "cryptodev";

/** How many seconds a request may be under way. Older ones may be repeated by somebody who recorded them. */
const PATIENCE = 300;

const device = open({ backend: "auto" });
// Sender and receiver share a secret. Each has a session, for which the kernel keeps the key.
const secret = crypto.getRandomValues(new Uint8Array(32));
const sender = device.hmac("sha256", secret);
const receiver = device.hmac("sha256", secret);
secret.fill(0);

/** What the mac covers: the time, too, because an old time on a recorded body must not be accepted. */
const signedBytes = (time: string, body: Uint8Array) => Buffer.concat([Buffer.from(`${time}.`), body]);

async function bodyOf(request: IncomingMessage): Promise<Uint8Array> {
  const parts: Uint8Array[] = [];
  let size = 0;
  for await (const part of request as AsyncIterable<Uint8Array>) {
    size += part.length;
    if (size > 65536) throw new RangeError("the body is too long");
    parts.push(part);
  }
  return Buffer.concat(parts);
}

/** The macs of requests that were accepted within the last {@link PATIENCE} seconds, and when they were sent. */
const seen = new Map<string, number>();

/** Returns why a request is refused, or `undefined` if it is genuine. */
function reasonAgainst(time: string, signature: string, body: Uint8Array, now: number): string | undefined {
  const mac = Buffer.from(signature, "hex");
  // Anything but a mac of the right size is an error of the program for verify(), and input of anybody here.
  if (mac.length !== receiver.digestSize) return "no signature";
  if (!receiver.verify(signedBytes(time, body), mac)) return "forged";
  // The time is genuine from here on.
  if (Math.abs(now - Number(time)) > PATIENCE) return "too old";
  for (const [old, sent] of seen) if (now - sent > PATIENCE) seen.delete(old);
  const name = mac.toString("hex");
  if (seen.has(name)) return "repeated";
  seen.set(name, Number(time));
  return undefined;
}

const server = createServer(async (request, response) => {
  try {
    const body = await bodyOf(request);
    const { "x-time": time = "", "x-signature": signature = "" } = request.headers;
    const reason = reasonAgainst(`${time}`, `${signature}`, body, Date.now() / 1000);
    response.statusCode = reason === undefined ? 200 : 401;
    response.end(reason ?? `accepted: ${JSON.parse(Buffer.from(body).toString()).event}`);
  } catch {
    response.statusCode = 400;
    response.end("bad request");
  }
});
server.listen(0, "127.0.0.1");
await once(server, "listening");
const { port } = server.address() as AddressInfo;

/** Sends a webhook as the other side does. @param change - what somebody on the way does with it */
async function send(body: string, time: number, change: (body: string) => string = (same) => same): Promise<string> {
  const mac = sender.digest(signedBytes(`${time}`, Buffer.from(body)));
  const response = await fetch(`http://127.0.0.1:${port}/`, {
    method: "POST",
    headers: { "x-time": `${time}`, "x-signature": Buffer.from(mac).toString("hex"), connection: "close" },
    body: change(body),
  });
  return `${response.status} ${await response.text()}`;
}

const now = Math.floor(Date.now() / 1000);
const paid = JSON.stringify({ event: "invoice.paid", amount: 10 });
console.log(await send(paid, now));
console.log(await send(paid, now));
console.log(await send(paid, now - 3600));
console.log(await send(JSON.stringify({ event: "refund", amount: 10 }), now, (body) => body.replace("10", "1000")));
console.log(await send(JSON.stringify({ event: "refund", amount: 10 }), now));

server.close();
device.close();
