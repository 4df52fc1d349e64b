/** Ends a process that makes no progress, even if it blocks its event loop. */
import { Effect } from "effect"
import { Worker } from "node:worker_threads"

const longestMillis = 60_000

const watch = `
const { workerData } = require("node:worker_threads")
const { writeSync } = require("node:fs")
const { progress, name, longestMillis, pid } = workerData
let seen = -1
let since = Date.now()
setInterval(() => {
  const now = Atomics.load(progress, 0)
  if (now !== seen) [seen, since] = [now, Date.now()]
  else if (Date.now() - since > longestMillis) {
    const text = Buffer.from(name).toString().replace(/\\0+$/, "")
    writeSync(2, "FINDING: " + text + ": no end after " + longestMillis + " ms\\n")
    process.kill(pid, "SIGKILL")
  }
}, 1000)
`

/** Returns a function to call with a name whenever there is progress. */
export const make = Effect.acquireRelease(
  Effect.sync(() => {
    const progress = new Int32Array(new SharedArrayBuffer(4))
    const name = new Uint8Array(new SharedArrayBuffer(200))
    const workerData = { progress, name, longestMillis, pid: process.pid }
    const worker = new Worker(watch, { eval: true, workerData })
    const alive = (text: string) => {
      name.fill(0)
      name.set(Buffer.from(text).subarray(0, name.length))
      Atomics.add(progress, 0, 1)
    }
    return { alive, worker }
  }),
  ({ worker }) => Effect.promise(() => worker.terminate())
).pipe(Effect.map(({ alive }) => alive))
