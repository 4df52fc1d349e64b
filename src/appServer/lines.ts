/**
 * The lines of a client's input.
 */
import { Stream } from "effect"

/** A line that was dropped because it is longer than the limit. */
export const tooLong: unique symbol = Symbol("tooLong")

interface State {
  /** The beginning of an incomplete line. */
  readonly rest: string
  /** True while the remainder of a line that is too long is skipped. */
  readonly isSkipping: boolean
}

const initial: State = { rest: "", isSkipping: false }

const withoutReturn = (line: string): string => (line.endsWith("\r") ? line.slice(0, -1) : line)

/**
 * Splits text into lines of at most `limit` characters. A longer line becomes one {@link tooLong}
 * and is never held in memory as a whole.
 */
export const split = <E, R>(
  text: Stream.Stream<string, E, R>,
  limit: number
): Stream.Stream<string | typeof tooLong, E, R> =>
  text.pipe(
    Stream.mapAccum(
      () => initial,
      (state, piece) => {
        const lines: Array<string | typeof tooLong> = []
        let { isSkipping, rest } = state
        let start = 0
        for (let end = piece.indexOf("\n"); ; end = piece.indexOf("\n", start)) {
          const isEnd = end !== -1
          const part = piece.slice(start, isEnd ? end : undefined)
          if (!isSkipping && rest.length + part.length > limit) {
            lines.push(tooLong)
            isSkipping = true
            rest = ""
          }
          if (!isSkipping) rest += part
          if (!isEnd) break
          if (!isSkipping) lines.push(withoutReturn(rest))
          isSkipping = false
          rest = ""
          start = end + 1
        }
        return [{ rest, isSkipping }, lines] as const
      },
      { onHalt: ({ rest }) => (rest === "" ? [] : [withoutReturn(rest)]) }
    )
  )
