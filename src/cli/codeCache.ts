/**
 * Keeps what V8 has compiled of the program for the next start.
 *
 * Node's compile cache keeps what was compiled as a file was loaded. A command then calls a thousand
 * functions more, and to compile these anew each time is a quarter of a quick command's time.
 */
import * as Fs from "node:fs"
import * as Module from "node:module"
import * as Path from "node:path"
import { Script } from "node:vm"

/** How Node runs a CommonJS file; not among its types. */
interface Compiler {
  _compile: (this: NodeJS.Module, source: string, file: string, ...rest: Array<unknown>) => unknown
}

/**
 * What this user left, whole. Compiled code is trusted as a program is, so nobody else's is taken; and
 * V8 would crash on a damaged one. It stands there twice: what is alike is whole, and to see that takes
 * less time than to load what computes a checksum.
 */
const read = (file: string): Buffer | undefined => {
  try {
    const descriptor = Fs.openSync(file)
    try {
      if (Fs.fstatSync(descriptor).uid !== (process.getuid?.() ?? 0)) return undefined
      const both = Fs.readFileSync(descriptor)
      const [one, other] = [both.subarray(0, both.length / 2), both.subarray(both.length / 2)]
      return one.equals(other) ? one : undefined
    } finally {
      Fs.closeSync(descriptor)
    }
  } catch {
    return undefined
  }
}

/** Where it cannot be written, the next run compiles again. */
const write = (file: string, data: Uint8Array): void => {
  const staged = `${file}.${process.pid}`
  try {
    try {
      Fs.writeFileSync(staged, Buffer.concat([data, data]), { flag: "wx", mode: 0o600 })
      Fs.renameSync(staged, file)
    } finally {
      Fs.rmSync(staged, { force: true })
    }
  } catch {}
}

/**
 * From now on, the CommonJS files in this folder start from what an earlier run of the same kind
 * left in Node's compile cache. Their names must change with their content: V8 does not compare it.
 */
export const keepCompiled = (folder: string, kind: string): void => {
  Module.enableCompileCache()
  const cache = Module.getCompileCacheDir()
  if (cache === undefined) return

  const fresh = new Map<string, Script>()
  process.once("exit", () =>
    fresh.forEach((script, kept) => write(kept, script.createCachedData()))
  )

  const compiler = Module.Module.prototype as unknown as Compiler
  const compile = compiler._compile
  compiler._compile = function (source, file, ...rest) {
    if (Path.dirname(file) !== folder) return compile.call(this, source, file, ...rest)
    const kept = Path.join(cache, `${Path.basename(file)}.${kind}`)
    const cachedData = read(kept)
    const script = new Script(Module.Module.wrap(source), { filename: file, cachedData })
    if (cachedData === undefined || script.cachedDataRejected === true) fresh.set(kept, script)
    const require = Module.createRequire(file)
    return script.runInThisContext().call(this.exports, this.exports, require, this, file, folder)
  }
}
