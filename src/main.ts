#!/usr/bin/env node
import { keepCompiled } from "./cli/codeCache.ts"

const [, , command = ""] = process.argv
keepCompiled(import.meta.dirname, /^(?:id|list|sync)$/.test(command) ? command : "other")
// Node's file calls wait for these threads; its default of four leaves a fast disk idle.
process.env.UV_THREADPOOL_SIZE ??= "8"

// Awaited at the top level, it could not be built as CommonJS.
void import("./cli/run.ts")
