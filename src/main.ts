#!/usr/bin/env node
import { enableCompileCache } from "node:module"

enableCompileCache()
// Node's file calls wait for these threads; its default of four leaves a fast disk idle.
process.env.UV_THREADPOOL_SIZE ??= "8"

await import("./cli/run.ts")
