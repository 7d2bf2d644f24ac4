import crypto from "../index.ts";

/* What node:crypto is in a program that is switched over: an object that programs may change, however they get it. */

export * from "../index.ts";
// What `require()` of a module returns.
export { crypto as default, crypto as "module.exports" };
