/**
 * The built program as a process.
 */
import { Effect } from "effect"
import { execFile } from "node:child_process"
import { fileURLToPath } from "node:url"

export const program = fileURLToPath(new URL("../../../dist/bin/codex-plugins.js", import.meta.url))

export interface Run {
  readonly code: number
  readonly stdout: string
  /** Both streams. */
  readonly output: string
}

/** Runs a command to its end. The code is -1 if a signal ended it. */
export const execute = (
  command: ReadonlyArray<string>,
  env: Readonly<Record<string, string>>
): Effect.Effect<Run> =>
  Effect.callback<Run>((resume) => {
    const [file = "", ...args] = command
    execFile(file, args, { env, timeout: 50_000 }, (error, stdout, stderr) => {
      const code = error === null ? 0 : typeof error.code === "number" ? error.code : -1
      resume(Effect.succeed({ code, stdout, output: stdout + stderr }))
    })
  })

/** Puts shell commands before the command. */
export const inShell = (script: string) => (command: ReadonlyArray<string>) => [
  "sh",
  "-c",
  `${script}; exec "$@"`,
  "sh",
  ...command
]
