/**
 * Runs one program and measures all of its processes, from the first start to the last end.
 */
import { Effect, Schema } from "effect"
import * as ChildProcess from "node:child_process"
import * as Fs from "node:fs"
import type { Readable } from "node:stream"

export interface Command {
  readonly words: ReadonlyArray<string>
  readonly environment: Readonly<Record<string, string>>
  readonly folder: string
  /**
   * Given for a program that does not end by itself. It is killed when a line of its stderr shows that its
   * work is done. Until then its stdin is open.
   */
  readonly until?: RegExp
  /** Files that the program makes. The time is recorded when all of them exist. */
  readonly makes?: ReadonlyArray<string>
}

export interface Measurement {
  /** The time from the start to the end, or to the expected line, in milliseconds. */
  readonly wall: number
  /** The time from the start to the moment when all files existed, in milliseconds. */
  readonly made: number | undefined
  /** User and system time of all processes, in milliseconds. */
  readonly cpu: number
  /** The longest time for which the event loop was blocked, in milliseconds, if it is known. */
  readonly stall?: number
  /** The peak of the resident memory of all processes together, in bytes. */
  readonly memory: number
}

export interface Run extends Measurement {
  readonly stdout: string
}

/** A program ended in an unexpected way or not at all. */
export class RunFailed extends Schema.TaggedError<RunFailed>()("RunFailed", {
  program: Schema.String,
  problem: Schema.String,
  stderr: Schema.String
}) {
  override get message(): string {
    return `${this.program}: ${this.problem}\n${this.stderr.slice(-2_000)}`
  }
}

/** The time limit, longer than the slowest run, in milliseconds. */
const patience = 300_000

/** The interval at which the files are checked, in milliseconds. */
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

/** The peak of a process's resident memory, in bytes. */
const peakOf = (pid: number): number =>
  Number(/^VmHWM:\s+(\d+) kB$/m.exec(read(`/proc/${pid}/status`))?.[1] ?? 0) * 1024

const text = (stream: Readable, onText: (all: string) => void): void => {
  let all = ""
  stream.setEncoding("utf8").on("data", (piece: string) => onText((all += piece)))
}

export const run = (program: Command): Effect.Effect<Run, RunFailed> =>
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
