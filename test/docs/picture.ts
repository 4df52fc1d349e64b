/**
 * A recorded terminal as an SVG. Its frames follow one another by CSS alone. It has a light and a dark
 * look, and stands still on the last frame for people who prefer no motion.
 */
import type * as Emulator from "../support/emulator.ts"

/** The screen of the terminal from a moment on, in milliseconds. */
export interface Frame {
  readonly at: number
  readonly lines: ReadonlyArray<Emulator.Line>
}

const fontSize = 14
const cell = 8.4
const lineHeight = 20
const margin = 18

/** A frame is shown for at least this long; frames in between are left out. In milliseconds. */
const leastTime = 240
/** Frames that are replaced this soon show a redrawing, not a moment. */
const redrawTime = 40
/** How long a finished command stays alone, and how long the last frame stays. */
const pause = 1500
const lastPause = 8000

/** The frames of one command that are shown. */
const chosen = (frames: ReadonlyArray<Frame>): ReadonlyArray<Frame> => {
  const kept: Array<Frame> = []
  for (const [index, frame] of frames.entries()) {
    const following = frames[index + 1]
    const isLast = following === undefined
    if (!isLast && following.at - frame.at < redrawTime) continue
    const previous = kept.at(-1)
    if (isLast || previous === undefined || frame.at - previous.at >= leastTime) kept.push(frame)
  }
  return kept
}

/** The frames of all commands on one time. */
const timeline = (commands: ReadonlyArray<ReadonlyArray<Frame>>) => {
  const frames: Array<Frame> = []
  let startsAt = 0
  for (const command of commands) {
    const shown = chosen(command)
    frames.push(...shown.map(({ at, lines }) => ({ at: startsAt + at, lines })))
    startsAt += (shown.at(-1)?.at ?? 0) + pause
  }
  return { frames, duration: startsAt - pause + lastPause }
}

const escape = (text: string) =>
  text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;")

const round = (n: number) => Number(n.toFixed(2))

const classOf = ({ bold, color, dim }: Emulator.Style) =>
  [color?.[0], bold && "b", dim && "d"].filter(Boolean).join(" ")

/** Bars are drawn, because fonts leave gaps between their characters. */
const barPattern = /[━─]+/

/** One run of characters at its column. */
const runOf = (text: string, style: Emulator.Style, column: number): string => {
  const name = classOf(style)
  const attribute = name === "" ? "" : ` class="${name}"`
  const x = round(column * cell)
  if (barPattern.test(text)) {
    const y = -fontSize * 0.33
    return `<path${attribute} d="M${x} ${round(y)}h${round(text.length * cell)}"/>`
  }
  const trimmed = text.trimStart()
  const start = round((column + text.length - trimmed.length) * cell)
  return trimmed.trim() === ""
    ? ""
    : `<text${start === 0 ? "" : ` x="${start}"`}${attribute}>${escape(trimmed.trimEnd())}</text>`
}

const lineOf = (line: Emulator.Line): string => {
  let column = 0
  const runs: Array<string> = []
  for (const { style, text } of line) {
    for (const part of text.split(/((?<=[━─])(?=[^━─])|(?<=[^━─])(?=[━─]))/)) {
      runs.push(runOf(part, style, column))
      column += part.length
    }
  }
  return runs.join("")
}

interface Look {
  readonly back: string
  readonly edge: string
  readonly text: string
  /** Dim, green, yellow, red and cyan. */
  readonly parts: Readonly<Record<"d" | "g" | "y" | "r" | "c", string>>
}

const light: Look = {
  back: "#f6f8fa",
  edge: "#d0d7de",
  text: "#1f2328",
  parts: { d: "#636c76", g: "#1a7f37", y: "#9a6700", r: "#cf222e", c: "#0f6f78" }
}

const dark: Look = {
  back: "#0d1117",
  edge: "#30363d",
  text: "#e6edf3",
  parts: { d: "#8d96a0", g: "#3fb950", y: "#d29922", r: "#f85149", c: "#39c5cf" }
}

/** Rules with plain colours, which every viewer understands. */
const rulesOf = ({ back, edge, parts, text }: Look): string =>
  [
    `rect{fill:${back};stroke:${edge}}text{fill:${text}}path{stroke:${edge}}`,
    ...Object.entries(parts).map(
      ([name, color]) => `text.${name}{fill:${color}}path.${name}{stroke:${color}}`
    )
  ].join("")

/** The picture of these commands, one after the other on one screen. */
export const picture = (
  columns: number,
  commands: ReadonlyArray<ReadonlyArray<Frame>>,
  title: string
): string => {
  const { duration, frames } = timeline(commands)
  const rows = Math.max(
    ...frames.map(({ lines }) => lines.findLastIndex((line) => line.length > 0) + 1)
  )
  const height = rows * lineHeight + 2 * margin
  const width = Math.ceil(columns * cell + 2 * margin)

  // Lines that appear in several frames are written once.
  const uses = new Map<string, number>()
  const contents = frames.map(({ lines }) => lines.map(lineOf))
  for (const content of contents.flat()) uses.set(content, (uses.get(content) ?? 0) + 1)
  const shared = [...uses]
    .filter(([content, n]) => n > 1 && content !== "")
    .map(([content]) => content)
  const ids = new Map(shared.map((content, index) => [content, `l${index}`]))

  const groups = contents.map((lines, index) => {
    const body = lines.map((content, row) => {
      const y = row * lineHeight + fontSize
      const id = ids.get(content)
      if (content === "") return ""
      return id === undefined
        ? `<g transform="translate(0 ${y})">${content}</g>`
        : `<use href="#${id}" y="${y}"/>`
    })
    return `<g transform="translate(0 ${index * height})">${body.join("")}</g>`
  })
  const steps = frames.map(
    ({ at }, index) =>
      `${round((at / duration) * 100)}%{transform:translateY(-${index * height}px)}`
  )
  const rest = `translateY(-${(frames.length - 1) * height}px)`

  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img">
<title>${escape(title)}</title>
<style>
text{font-size:${fontSize}px;font-family:ui-monospace,SFMono-Regular,Menlo,Consolas,"DejaVu Sans Mono","Liberation Mono",monospace;white-space:pre}
path{stroke-width:3}
path.d{stroke-width:1}
.b{font-weight:600}
${rulesOf(light)}
@media (prefers-color-scheme:dark){${rulesOf(dark)}}
@keyframes film{${steps.join("")}100%{transform:${rest}}}
@media (prefers-reduced-motion:no-preference){#film{animation:film ${round(duration / 1000)}s steps(1,end) infinite}}
</style>
<defs>${shared.map((content) => `<g id="${ids.get(content)}">${content}</g>`).join("\n")}</defs>
<rect x=".5" y=".5" width="${width - 1}" height="${height - 1}" rx="8"/>
<svg x="${margin}" y="${margin}" width="${width - 2 * margin}" height="${height - 2 * margin}"><g id="film" transform="translate(0 -${(frames.length - 1) * height})">
${groups.join("\n")}
</g></svg>
</svg>
`
}
