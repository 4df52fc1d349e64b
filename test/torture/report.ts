/**
 * The findings of one part of the torture, and their report.
 */
export interface Report {
  readonly title: string
  /** The work, how often it was done, and its findings. */
  readonly figures: ReadonlyArray<readonly [what: string, figure: string | number]>
  /** The broken promises, and how; empty if nothing is wrong. */
  readonly violations: ReadonlyArray<string>
}

export const make = (report: Report): Report => report

/** Of what was done; figures come after it. */
const width = 44

export const show = ({ figures, title, violations }: Report): string =>
  [
    `\n== ${title}`,
    ...figures.map(([what, figure]) => `${what.padEnd(width)}${figure}`),
    ...violations.map((violation) => `VIOLATION: ${violation}`)
  ].join("\n")

/** The middle one; the upper one of two. */
export const median = (values: ReadonlyArray<number>): number =>
  values.toSorted((a, b) => a - b)[values.length >> 1] ?? 0

export const milliseconds = (value: number): string => `${value.toFixed(0)} ms`

/** How often each of some values came. */
export const counts = <A extends string>(all: ReadonlyArray<A>, of: ReadonlyArray<A>): string =>
  all.map((value) => `${of.filter((other) => other === value).length} ${value}`).join(", ")

/** How many parts of a whole fall into each of its tenths; what is beyond it comes last. */
export const tenths = (parts: ReadonlyArray<number>): string =>
  Array.from({ length: 11 }, (_, tenth) =>
    parts.filter((part) => Math.min(10, Math.floor(part * 10)) === tenth)
  )
    .map(({ length }) => length)
    .join(" ")
