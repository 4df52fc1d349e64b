/**
 * `npm test`: the checks of `npm run check` and, beside them, the tests that run mostly in memory.
 * `npm run test:system` runs the others. Arguments go to vitest.
 */
import { spawn } from "node:child_process"
import { once } from "node:events"

/** Runs a program to its end. Gives its exit code, and its output unless that goes to the terminal. */
const run = async (command: string, args: ReadonlyArray<string>, output: "inherit" | "pipe") => {
  const child = spawn(command, args, {
    stdio: ["ignore", output, output],
    shell: process.platform === "win32"
  })
  const chunks: Array<Uint8Array> = []
  for (const stream of [child.stdout, child.stderr])
    stream?.on("data", (chunk: Uint8Array) => chunks.push(chunk))
  const [code] = await once(child, "close")
  return { failed: code !== 0, text: Buffer.concat(chunks).toString("utf8") }
}

const [check, tests] = await Promise.all([
  run("npm", ["run", "--silent", "check"], "pipe"),
  run(
    "vitest",
    ["run", "--project", "shared", "--project", "crash", ...process.argv.slice(2)],
    "inherit"
  )
])

process.stdout.write(check.text)
if (check.failed) console.error("npm run check failed")
process.exitCode = check.failed || tests.failed ? 1 : 0
