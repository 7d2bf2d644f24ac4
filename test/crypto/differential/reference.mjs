/* Runs the cases with Node.js itself, and prints the outcomes as a line of JSON. */
import crypto from "node:crypto";
import process from "node:process";
import { outcomesOf } from "./cases.mjs";

// Later errors of a stream do not belong to a case.
process.on("uncaughtException", () => {});
const outcomes = JSON.stringify({ versions: process.versions, outcomes: [...(await outcomesOf(crypto))] });
process.stdout.write(outcomes, () => process.exit(0));
