import { fileURLToPath, pathToFileURL } from "node:url";
import vm from "node:vm";

/** The options of workers that are used here, of all runtimes. */
interface Options {
  readonly eval?: boolean;
  readonly execArgv?: readonly string[];
  /** A symbol means that the worker shares this thread's environment. */
  readonly env?: Readonly<Record<string, string | undefined>> | symbol;
  /** Bun: modules to load first. */
  readonly preload?: string | readonly string[];
  /** Deno: the worker's permissions, if not those of this thread. */
  readonly deno?: unknown;
}

type Start = readonly [file: string | URL, options?: Options];

const { Bun, Deno } = globalThis as { readonly Bun?: unknown; readonly Deno?: unknown };

/** A module that threads load first. */
export interface Thread {
  /** Its URL, in the folder `dist` of its package. */
  readonly url: string;
  /** What it replaces: it is `cryptodev/register-crypto` or `cryptodev/register-webcrypto`. */
  readonly replaces: "crypto" | "webcrypto";
}

const registered: Thread[] = [];

/** What a module replaces, as programs call it. */
const replaced = { crypto: "node:crypto", webcrypto: "crypto.subtle" };

/** Adds a module that threads load first. */
export function registerThreadsWith(thread: Thread): void {
  registered.push(thread);
}

/** Checks whether the text of a stack's line is in a package that registers, both built and as sources. */
export function isRegistering(caller: string): boolean {
  return registered.some(({ url }) => caller.includes(new URL("../", url).href));
}

let isWarned = false;

/** Warns once that a thread uses the runtime's own cryptography. */
export function warnOfWorker(which: string, remedy: string): void {
  if (isWarned) return;
  isWarned = true;
  process.emitWarning(warningOf(which, remedy), "CryptodevWarning");
}

function warningOf(which: string, remedy: string): string {
  const what = registered.map(({ replaces }) => replaced[replaces]).join(" and ");
  return `a worker thread ${which} uses the runtime's own ${what}, and not the device; ${remedy}`;
}

/** Checks whether code is a script. If it is a module, Node.js runs preloaded modules before it, as for a file. */
function isScript(code: string): boolean {
  try {
    new vm.Script(code);
    return true;
  } catch {
    return false;
  }
}

/**
 * Wraps a script in one that registers first. The wrapped script is parsed only afterwards, because its declarations
 * may hide globals that registering needs. It warns if a loader, such as that of Yarn's Plug'n'Play, cannot load an ES
 * module synchronously.
 */
function scriptAfterRegistering(code: string): string {
  const warning = JSON.stringify(warningOf("with { eval: true }", "have it run a file"));
  const files = JSON.stringify(registered.map(({ url }) => fileURLToPath(url)));
  return `{
    const { process } = globalThis;
    try {
      for (const file of ${files}) process.getBuiltinModule("module").createRequire(file)(file);
    } catch {
      process.emitWarning(${warning}, "CryptodevWarning");
    }
  }
  (0, eval)(${JSON.stringify(code)});`;
}

/** Wraps a module in one that registers before the wrapped one is linked. */
function moduleAfterRegistering(file: string | URL): URL {
  const url = file instanceof URL || /^[a-z]+:/i.test(file) ? file : pathToFileURL(file);
  const imports = registered.map((thread) => `import ${JSON.stringify(thread.url)};`).join(" ");
  const code = `${imports} await import(${JSON.stringify(String(url))});`;
  return new URL(`data:text/javascript,${encodeURIComponent(code)}`);
}

/** Checks whether a thread of Node.js preloads modules. It does not check which: any of them may import ours. */
function isPreloading({ execArgv = process.execArgv, env }: Options): boolean {
  const variable = (typeof env === "object" ? env : process.env)?.NODE_OPTIONS;
  return [...execArgv, variable ?? ""].some((flags) => /(^|\s)(--import|--require|-r)\b/.test(flags));
}

/** Names modules by what they replace. */
function named(prefix: string): string {
  return registered.map(({ replaces }) => `${prefix}${replaces}`).join(" and ");
}

function switchedStart(file: string | URL, options: Options = {}): Start {
  if (Bun !== undefined)
    return [file, { ...options, preload: [...registered.map(({ url }) => url), options.preload ?? []].flat() }];
  if (options.eval === true && typeof file === "string") {
    if (!isScript(file)) return [file, options];
    if (Deno !== undefined || "require_module" in process.features) return [scriptAfterRegistering(file), options];
    warnOfWorker("with { eval: true }", "have it run a file, or use a newer version of Node.js");
  } else if (Deno !== undefined) {
    if (options.deno === undefined) return [moduleAfterRegistering(file), options];
    warnOfWorker("with permissions of its own", `have it import ${named("cryptodev/")}`);
  } else if (!isPreloading(options)) {
    warnOfWorker("that preloads nothing", `have its execArgv include --import ${named("cryptodev/register-")}`);
  }
  return [file, options];
}

/** Extends a runtime's `Worker` so that its threads are switched over. */
export function switchedWorker<Base>(base: Base): Base {
  const Unswitched = base as new (...start: Start) => object;
  class Worker extends Unswitched {
    constructor(file: string | URL, options?: Options) {
      super(...switchedStart(file, options));
    }
  }
  return Worker as Base;
}
