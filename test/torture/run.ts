/**
 * `npm run test:torture`: the built program is killed, runs in many processes at once and beside a real
 * Codex. `--help` lists the arguments.
 */
import { fileURLToPath } from "node:url"
import * as BesideCodex from "../codex/support/BesideCodex.ts"

const main = fileURLToPath(new URL("main.ts", import.meta.url))

BesideCodex.runMain("The torture", [process.execPath, main])
