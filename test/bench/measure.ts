/**
 * Runs one program and measures it as a whole: its processes, from the first start to the last end.
 */
import { Effect, Schema } from "effect"
import * as ChildProcess from "node:child_process"
import * as Fs from "node:fs"
import type { Readable } from "node:stream"

export interface Program {
  readonly words: ReadonlyArray<string>
  readonly environment: Readonly<Record<string, string>>
  readonly folder: string
  /**
   * For a program that does not end by itself: it is killed once a line of its stderr says that its
   * work is done. Until then its stdin is open.
   */
  readonly until?: RegExp
  /** Files that the program makes; when the last of them stands is noted. */
  readonly makes?: ReadonlyArray<string>
}

export interface Measurement {
  /** From the start to the end, or to the line that it was waited for. In milliseconds. */
  readonly wall: number
  /** The same, to the moment when the last of the files stood. */
  readonly made: number | undefined
  /** User and system time of all processes, in milliseconds. */
  readonly cpu: number
  /** The longest time in which the event loop did not turn, in milliseconds, where it is known. */
  readonly stall?: number
  /** The most memory that was resident in all processes of the program at once, in bytes. */
  readonly memory: number
}

export interface Run extends Measurement {
  readonly stdout: string
}

/** A program ended otherwise than it should, or not at all. */
export class RunFailed extends Schema.TaggedError<RunFailed>()("RunFailed", {
  program: Schema.String,
  problem: Schema.String,
  stderr: Schema.String
}) {
  override get message(): string {
    return `${this.program}: ${this.problem}\n${this.stderr.slice(-2_000)}`
  }
}

/** Longer than the slowest run takes, in milliseconds. */
const patience = 300_000

/** How often is looked at what the program has made, in milliseconds. */
const sampling = 4

/** Its memory is looked at once in so many times: to look takes the processor from what is measured. */
const memorySampling = 4

/**
 * Bash's `time` gives the times of the processes that were waited for, in milliseconds, as the
 * kernel counted them. It reports on descriptor 3.
 */
const timed = `exec 4>&2 2>&3; TIMEFORMAT="%3R %3U %3S"; time "$@" 2>&4 3>&- 4>&-`

/** The processes that a process has started, and those that they have. */
const descendantsOf = (pid: number): ReadonlyArray<number> => {
  const children = read(`/proc/${pid}/task/${pid}/children`).split(" ").filter(Boolean).map(Number)
  return children.concat(children.flatMap(descendantsOf))
}

/** A file of `/proc`, which may be gone. */
const read = (file: string): string => {
  try {
    return Fs.readFileSync(file, "latin1")
  } catch {
    return ""
  }
}

/** The most that was ever resident of a process, in bytes. */
const peakOf = (pid: number): number =>
  Number(/^VmHWM:\s+(\d+) kB$/m.exec(read(`/proc/${pid}/status`))?.[1] ?? 0) * 1024

const text = (stream: Readable, onText: (all: string) => void): void => {
  let all = ""
  stream.setEncoding("utf8").on("data", (piece: string) => onText((all += piece)))
}

export const run = (program: Program): Effect.Effect<Run, RunFailed> =>
  Effect.callback((resume) => {
    const { environment, folder, makes = [], until, words } = program
    let [stdout, stderr, times] = ["", "", ""]
    let [memory, standing] = [0, 0]
    let made: number | undefined
    let reached: number | undefined

    const child = ChildProcess.spawn("bash", ["-c", timed, "bash", ...words], {
      cwd: folder,
      env: environment,
      stdio: [until === undefined ? "ignore" : "pipe", "pipe", "pipe", "pipe"]
    })

    const lookAtFiles = () => {
      while (standing < makes.length && Fs.existsSync(makes[standing]!)) standing++
      if (standing === makes.length && standing > 0) made ??= performance.now()
    }
    const lookAtMemory = () => {
      const processes = descendantsOf(child.pid!)
      memory = Math.max(
        memory,
        processes.reduce((sum, pid) => sum + peakOf(pid), 0)
      )
      return processes
    }
    const kill = () => {
      lookAtFiles()
      for (const pid of lookAtMemory()) process.kill(pid, "SIGKILL")
    }
    let looks = 0
    const watch = setInterval(() => {
      lookAtFiles()
      if (looks++ % memorySampling === 0) lookAtMemory()
    }, sampling)
    const limit = setTimeout(kill, patience)

    text(child.stdout!, (all) => (stdout = all))
    text(child.stdio[3] as Readable, (all) => (times = all))
    text(child.stderr!, (all) => {
      stderr = all
      if (until === undefined || reached !== undefined || !until.test(all)) return
      reached = performance.now()
      kill()
    })
    child.stdin?.on("error", () => {})

    child.once("close", (code) => {
      const ended = performance.now()
      clearInterval(watch)
      clearTimeout(limit)
      const fail = (problem: string) =>
        resume(Effect.fail(new RunFailed({ program: words.join(" "), problem, stderr })))
      if (until === undefined && code !== 0) return fail(`it ended with ${code}`)
      if (until !== undefined && reached === undefined) return fail(`it never said ${until}`)
      const [real, user, system] = times.trim().split("\n").at(-1)!.split(" ").map(Number)
      const wall = real! * 1000
      // The kernel's span of the whole, less what came after the moment in question.
      const at = (moment: number) => wall - (ended - moment)
      resume(
        Effect.succeed({
          stdout,
          wall: at(reached ?? ended),
          made: made === undefined ? undefined : Math.min(at(made), at(reached ?? ended)),
          cpu: (user! + system!) * 1000,
          memory
        })
      )
    })
    return Effect.sync(() => {
      clearInterval(watch)
      clearTimeout(limit)
      kill()
    })
  })
