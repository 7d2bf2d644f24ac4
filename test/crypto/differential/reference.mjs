/* What Node.js itself makes of the cases, as a line of JSON. */
import crypto from "node:crypto";
import process from "node:process";
import { outcomesOf } from "./cases.mjs";

// What happens to a stream later is not a case's.
process.on("uncaughtException", () => {});
const outcomes = JSON.stringify({ versions: process.versions, outcomes: [...(await outcomesOf(crypto))] });
process.stdout.write(outcomes, () => process.exit(0));
