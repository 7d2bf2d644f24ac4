/* A thread that returns every message, with the buffer that came along. */

import { parentPort } from "node:worker_threads";

const port = parentPort as NonNullable<typeof parentPort>;
port.on("message", (buffer: ArrayBuffer) => port.postMessage(buffer, [buffer]));
port.postMessage("ready");
