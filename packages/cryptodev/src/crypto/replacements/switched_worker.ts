import { pathToFileURL } from "node:url";
import vm from "node:vm";

/** What is used of the options of a worker, in all runtimes. */
interface Options {
  readonly eval?: boolean;
  readonly execArgv?: readonly string[];
  /** A symbol shares this thread's. */
  readonly env?: Readonly<Record<string, string | undefined>> | symbol;
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
  process.emitWarning(warningOf(which, remedy), "CryptodevWarning");
}

function warningOf(which: string, remedy: string): string {
  return `a worker thread ${which} uses the runtime's own node:crypto, and not the device; ${remedy}`;
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

/**
 * A script that registers before the other is parsed, as what that declares may hide globals that registering needs. Some
 * loaders, such as that of Yarn's Plug'n'Play, cannot be asked for an ES module at once.
 */
function scriptAfterRegistering(code: string): string {
  const warning = JSON.stringify(warningOf("with { eval: true }", "have it run a file"));
  return `{
    const { process } = globalThis;
    try {
      process.getBuiltinModule("module").createRequire(${JSON.stringify(register)})("./register.js");
    } catch {
      process.emitWarning(${warning}, "CryptodevWarning");
    }
  }
  (0, eval)(${JSON.stringify(code)});`;
}

/** A module that registers before the other is linked. */
function moduleAfterRegistering(file: string | URL): URL {
  const url = file instanceof URL || /^[a-z]+:/i.test(file) ? file : pathToFileURL(file);
  const code = `import ${JSON.stringify(register)}; await import(${JSON.stringify(String(url))});`;
  return new URL(`data:text/javascript,${encodeURIComponent(code)}`);
}

/** Whether a thread of Node.js preloads modules. What they are is not looked at: one of them may import ours. */
function isPreloading({ execArgv = process.execArgv, env }: Options): boolean {
  const variable = (typeof env === "object" ? env : process.env)?.NODE_OPTIONS;
  return [...execArgv, variable ?? ""].some((flags) => /(^|\s)(--import|--require|-r)\b/.test(flags));
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
  } else if (!isPreloading(options)) {
    warnOfWorker("that preloads nothing", 'have its execArgv include "--import", "cryptodev/register-crypto"');
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
