/*
 * The asynchronous side of the benchmarks, in each runtime: speaks the protocol of `programs/client.c`, and measures
 * awaited operations of the software device in threads and inline, beside a thread that returns its messages.
 */
import { once } from "node:events";
import process from "node:process";
import { createInterface } from "node:readline";
import { Worker } from "node:worker_threads";
import { type AsyncCipher, openAsync } from "cryptodev";

/** Operations that wait at the same time, where several threads share them. */
const AT_ONCE = 8;

const [key, iv] = [new Uint8Array(16).fill(3), new Uint8Array(16).fill(7)];
const echo = new Worker(new URL("./async_echo.js", import.meta.url));
await once(echo, "message");

let returned: (message: unknown) => void = () => {};
echo.on("message", (message) => returned(message));

/** Sends so many bytes to a thread that returns them, as an operation does with a copy of its data. */
function echoed(data: Uint8Array): Promise<unknown> {
  const { buffer } = data.slice();
  echo.postMessage(buffer, [buffer]);
  return new Promise((resolve) => (returned = resolve));
}

async function sessionsOf(options: Parameters<typeof openAsync>[0], many: number): Promise<AsyncCipher[]> {
  const device = await openAsync({ backend: "software", ...options });
  const sessions: AsyncCipher[] = [];
  while (sessions.length < many) sessions.push(await device.cipher("aes-128-cbc", key));
  return sessions;
}

const [inThread] = (await sessionsOf({ inline: false, workers: 1 }, 1)) as [AsyncCipher];
const [inPlace] = (await sessionsOf({ workers: 1 }, 1)) as [AsyncCipher];
const workers = [
  await sessionsOf({ inline: false, workers: 1 }, 2),
  await sessionsOf({ inline: false, workers: 2 }, 2),
];

/** Keeps several operations of two sessions waiting. */
async function shared(sessions: readonly AsyncCipher[], data: Uint8Array, count: number): Promise<void> {
  let left = count;
  const work = async (session: AsyncCipher): Promise<void> => {
    while (left > 0) {
      left -= 1;
      await session.encrypt(data, iv);
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, (_, index) => work(sessions[index % 2] as AsyncCipher)));
}

async function inTurn(count: number, operate: () => Promise<unknown>): Promise<void> {
  for (let done = 0; done < count; done += 1) await operate();
}

const rounds: Record<string, (data: Uint8Array, count: number) => Promise<void>> = {
  echo: (data, count) => inTurn(count, () => echoed(data)),
  thread: (data, count) => inTurn(count, () => inThread.encrypt(data, iv)),
  "in-place": (data, count) => inTurn(count, () => inPlace.encrypt(data, iv)),
  "workers-1": (data, count) => shared(workers[0] ?? [], data, count),
  "workers-2": (data, count) => shared(workers[1] ?? [], data, count),
};

console.log("ready");
for await (const line of createInterface({ input: process.stdin })) {
  const [name = "", size, count] = line.split(" ");
  const data = new Uint8Array(Number(size));
  const begin = performance.now();
  await rounds[name]?.(data, Number(count));
  console.log((((performance.now() - begin) * 1e6) / Number(count)).toFixed(3));
}
process.exit(0);
