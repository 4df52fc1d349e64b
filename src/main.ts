#!/usr/bin/env node
import { keepCompiled } from "./cli/codeCache.ts"

const [major = 0, minor = 0] = process.versions.node.split(".").map(Number)
if (major < 22 || (major === 22 && minor < 19)) {
  console.error(`codex-plugins needs Node 22.19 or newer; this is ${process.versions.node}`)
  process.exit(1)
}

const [, , command = ""] = process.argv
keepCompiled(import.meta.dirname, /^(?:id|list|sync)$/.test(command) ? command : "other")
// Node's file calls wait for these threads; its default of four leaves a fast disk idle.
process.env.UV_THREADPOOL_SIZE ??= "8"

// Awaited at the top level, it could not be built as CommonJS.
void import("./cli/run.ts")
