#!/usr/bin/env node
import * as CompileCache from "./cli/compileCache.ts"

const [major = 0, minor = 0] = process.versions.node.split(".").map(Number)
if (major < 22 || major === 23 || (major === 22 && minor < 21) || (major === 24 && minor < 5)) {
  console.error(`codex-plugins needs Node 22.21, 24.5 or newer; this is ${process.versions.node}`)
  process.exit(1)
}

// Node 22 warns whenever SQLite is loaded. Every other warning is printed.
const emitWarning = process.emitWarning.bind(process) as (...args: ReadonlyArray<unknown>) => void
process.emitWarning = (warning: string | Error, ...rest: ReadonlyArray<unknown>) => {
  if (!String(warning).startsWith("SQLite is an experimental feature"))
    emitWarning(warning, ...rest)
}

CompileCache.enable()
// File operations run on these threads. Node's default of four leaves a fast disk idle.
process.env.UV_THREADPOOL_SIZE ??= "8"

// A static import would load the program before the compile cache is on.
await import("./cli/run.ts")
