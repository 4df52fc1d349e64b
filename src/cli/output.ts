import { Console } from "effect"

/** Prints a value as Codex prints its own: two-space indent. */
export const printJson = (value: unknown) => Console.log(JSON.stringify(value, null, 2))

/** Prints rows in columns, as wide as they need to be. */
export const printTable = (
  header: ReadonlyArray<string>,
  rows: ReadonlyArray<ReadonlyArray<string>>
) => {
  const widths = header.map((title, column) =>
    Math.max(title.length, ...rows.map((row) => (row[column] ?? "").length))
  )
  const line = (cells: ReadonlyArray<string>) =>
    cells
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join("  ")
      .trimEnd()
  return Console.log([line(header), ...rows.map(line)].join("\n"))
}
