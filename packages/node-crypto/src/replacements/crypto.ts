import crypto from "../index.ts";

/*
 * Replaces node:crypto in a program that is switched over. Programs may change its object, whether imported or
 * required.
 */

export * from "../index.ts";
// `require()` of a module returns its export "module.exports".
export { crypto as default, crypto as "module.exports" };
