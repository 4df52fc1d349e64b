/**
 * `npm run test:torture`: our program, as it is delivered, under kills, crowds and a real Codex. What the
 * arguments are, `--help` tells.
 */
import { fileURLToPath } from "node:url"
import * as BesideCodex from "../codex/support/BesideCodex.ts"

const main = fileURLToPath(new URL("main.ts", import.meta.url))

BesideCodex.runMain("The torture", [process.execPath, main])
