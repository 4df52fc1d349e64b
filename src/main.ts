#!/usr/bin/env node
import { enableCompileCache } from "node:module"

enableCompileCache()
// Node's file calls wait for these threads; its default of four leaves a fast disk idle.
process.env.UV_THREADPOOL_SIZE ??= "8"

// Awaited at the top level, it would keep the build from joining chunks.
void import("./cli/run.ts")
