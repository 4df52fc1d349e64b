/**
 * The progress of a running command on stderr: a live region on a terminal, occasional lines
 * elsewhere.
 */
import { Clock, Console, Effect, Fiber } from "effect"
import { seconds } from "./results.ts"
import { Screen } from "./screen.ts"
import { cut, type Style } from "./style.ts"

/** The displayed content after the given milliseconds. */
interface Content {
  /** The lines of the live region, cut to the given width. */
  readonly lines: (elapsed: number, columns: number, style: Style) => ReadonlyArray<string>
  /** The same in one short line. */
  readonly line: (elapsed: number) => string
}

/**
 * The time of the first frame after the start of the process, in milliseconds. A command that ends
 * sooner draws nothing.
 */
const firstFrame = 200
const frameTime = "100 millis"
/**
 * Without a terminal, the first line appears only after this time, so that a short command prints
 * none.
 */
const firstLine = "5 seconds"
const lineTime = "10 seconds"

const frames = ["⠋", "⠙", "⠹", "⠸", "⠼", "⠴", "⠦", "⠧", "⠇", "⠏"]

/** The spinner's frame at a time. */
export const spinner = (elapsed: number): string =>
  frames[Math.floor(elapsed / 100) % frames.length]!

/** The time in whole seconds, which do not flicker; empty during the first second. */
export const elapsedText = (elapsed: number): string => {
  const whole = Math.floor(elapsed / 1000)
  return whole < 1 ? "" : whole < 10 ? `${whole} s` : seconds(whole * 1000)
}

/** Erases the given number of lines and leaves the cursor at their start. */
const erase = (lines: number): string =>
  lines === 0 ? "" : `\r${lines > 1 ? `\u001b[${lines - 1}A` : ""}\u001b[J`

/** Displays the content while the effect runs. The live region is erased when the effect ends. */
export const showing = (content: Content) =>
  Effect.fnUntraced(function* <A, E, R>(effect: Effect.Effect<A, E, R>) {
    const screen = yield* Screen
    const console = yield* Console.Console
    const startedAt = yield* Clock.currentTimeMillis
    let drawn = 0

    const clear = () => {
      if (drawn > 0) screen.write(erase(drawn))
      drawn = 0
    }
    const elapsed = Effect.map(Clock.currentTimeMillis, (now) => now - startedAt)
    const draw = Effect.map(elapsed, (elapsed) => {
      const lines = content.lines(elapsed, screen.columns(), screen.messages)
      screen.write(erase(drawn) + lines.join("\n"))
      drawn = lines.length
    })
    const append = Effect.flatMap(elapsed, (elapsed) =>
      Console.error(`${content.line(elapsed)} (${seconds(elapsed)})`)
    )

    const [first, pause, tick] = screen.isLive
      ? ([Math.max(0, firstFrame - screen.uptime()), frameTime, draw] as const)
      : ([firstLine, lineTime, append] as const)
    const painter = Effect.andThen(
      Effect.sleep(first),
      Effect.forever(Effect.andThen(tick, Effect.sleep(pause)))
    )

    // Other output appears above the region.
    const above: Console.Console = Object.assign(Object.create(console), {
      log: (...args: ReadonlyArray<unknown>) => (clear(), console.log(...args)),
      error: (...args: ReadonlyArray<unknown>) => (clear(), console.error(...args))
    })

    return yield* Effect.gen(function* () {
      const painting = yield* Effect.forkChild(painter, { startImmediately: true })
      return yield* effect.pipe(
        Effect.ensuring(Fiber.interrupt(painting)),
        Effect.ensuring(Effect.sync(clear))
      )
    }).pipe(Effect.provideService(Console.Console, above))
  })

/** A spinner with a text, for work without measurable progress. */
export const spinning = (text: () => string) =>
  showing({
    lines: (elapsed, columns, style) => {
      const after = elapsedText(elapsed)
      const line = cut(text(), columns - 3 - (after === "" ? 0 : after.length + 2))
      return [
        `${style.cyan(spinner(elapsed))} ${line}${after === "" ? "" : `  ${style.dim(after)}`}`
      ]
    },
    line: text
  })
