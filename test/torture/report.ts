/**
 * The findings of one torture test as a report.
 */
export interface Report {
  readonly title: string
  /** The work, its amount, and the findings. */
  readonly figures: ReadonlyArray<readonly [what: string, figure: string | number]>
  /** A message for each broken guarantee. */
  readonly violations: ReadonlyArray<string>
}

export const make = (report: Report): Report => report

/** The width of the column before the figures. */
const width = 52

export const show = ({ figures, title, violations }: Report): string =>
  [
    `\n== ${title}`,
    ...figures.map(([what, figure]) => `${what.padEnd(width)}${figure}`),
    ...violations.map((violation) => `VIOLATION: ${violation}`)
  ].join("\n")

/** The median; of two middle values, the greater one. */
export const median = (values: ReadonlyArray<number>): number =>
  values.toSorted((a, b) => a - b)[values.length >> 1] ?? 0

export const milliseconds = (value: number): string => `${value.toFixed(0)} ms`

/** The number of occurrences of each value. */
export const counts = <A extends string>(all: ReadonlyArray<A>, of: ReadonlyArray<A>): string =>
  all.map((value) => `${of.filter((other) => other === value).length} ${value}`).join(", ")

/** The number of fractions in each tenth of the whole. Fractions above 1 come last. */
export const tenths = (parts: ReadonlyArray<number>): string =>
  Array.from({ length: 11 }, (_, tenth) =>
    parts.filter((part) => Math.min(10, Math.floor(part * 10)) === tenth)
  )
    .map(({ length }) => length)
    .join(" ")
