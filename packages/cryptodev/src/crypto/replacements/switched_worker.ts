import { pathToFileURL } from "node:url";
import vm from "node:vm";

/** What is used of the options of a worker, in all runtimes. */
interface Options {
  readonly eval?: boolean;
  readonly execArgv?: readonly string[];
  /** Modules that Bun loads first. */
  readonly preload?: string | readonly string[];
  /** What a worker of Deno may do, if less than this thread. */
  readonly deno?: unknown;
}

type Start = readonly [file: string | URL, options?: Options];

const register = new URL("../register.js", import.meta.url).href;
const { Bun, Deno } = globalThis as { readonly Bun?: unknown; readonly Deno?: unknown };

let isWarned = false;

/** Warns of a thread that computes with the runtime's own node:crypto, once. */
export function warnOfWorker(which: string, remedy: string): void {
  if (isWarned) return;
  isWarned = true;
  const message = `a worker thread ${which} uses the runtime's own node:crypto, and not the device; ${remedy}`;
  process.emitWarning(message, "CryptodevWarning");
}

/** A script, and not a module, which Node.js runs after what was preloaded, as it does a file. */
function isScript(code: string): boolean {
  try {
    new vm.Script(code);
    return true;
  } catch {
    return false;
  }
}

/** A script that registers before the other is parsed: what that declares may hide globals that registering needs. */
function scriptAfterRegistering(code: string): string {
  const module = 'globalThis.process.getBuiltinModule("module")';
  return `${module}.createRequire(${JSON.stringify(register)})("./register.js"); (0, eval)(${JSON.stringify(code)});`;
}

/** A module that registers before the other is linked. */
function moduleAfterRegistering(file: string | URL): URL {
  const url = file instanceof URL || /^[a-z]+:/i.test(file) ? file : pathToFileURL(file);
  const code = `import ${JSON.stringify(register)}; await import(${JSON.stringify(String(url))});`;
  return new URL(`data:text/javascript,${encodeURIComponent(code)}`);
}

function switchedStart(file: string | URL, options: Options = {}): Start {
  if (Bun !== undefined) return [file, { ...options, preload: [register, options.preload ?? []].flat() }];
  if (options.eval === true && typeof file === "string") {
    if (!isScript(file)) return [file, options];
    if (Deno !== undefined || "require_module" in process.features) return [scriptAfterRegistering(file), options];
    warnOfWorker("with { eval: true }", "have it run a file, or use a newer version of Node.js");
  } else if (Deno !== undefined) {
    if (options.deno === undefined) return [moduleAfterRegistering(file), options];
    warnOfWorker("with permissions of its own", "have it import cryptodev/crypto");
  } else if (options.execArgv !== undefined && !options.execArgv.join().includes("register-crypto")) {
    warnOfWorker("with an execArgv of its own", 'add "--import", "cryptodev/register-crypto" to that');
  }
  return [file, options];
}

/** Makes of a runtime's `Worker` one whose threads are switched over. */
export function switchedWorker<Base>(base: Base): Base {
  const Unswitched = base as new (...start: Start) => object;
  class Worker extends Unswitched {
    constructor(file: string | URL, options?: Options) {
      super(...switchedStart(file, options));
    }
  }
  return Worker as Base;
}
