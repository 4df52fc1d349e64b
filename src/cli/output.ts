/**
 * Output of results: JSON for programs, tables for people.
 */
import { Console } from "effect"
import { display, displayJson } from "../internal/display.ts"

/** The version of every JSON document that the program prints. New keys do not change it. */
export { schemaVersion } from "../internal/version.ts"

/** Prints a value as Codex does, with an indent of two spaces. */
export const printJson = (value: unknown) =>
  Console.log(displayJson(JSON.stringify(value, null, 2)))

/** Prints a value in one line. */
export const printJsonLine = (value: unknown) => Console.log(displayJson(JSON.stringify(value)))

/** Aligns rows in columns that are as wide as needed. */
export const tableLines = (
  header: ReadonlyArray<string>,
  rows: ReadonlyArray<ReadonlyArray<string>>
): ReadonlyArray<string> => {
  const table = [header, ...rows.map((row) => row.map(display))]
  const widths = header.map((_, column) =>
    Math.max(...table.map((row) => (row[column] ?? "").length))
  )
  const line = (cells: ReadonlyArray<string>) =>
    cells
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join("  ")
      .trimEnd()
  return table.map(line)
}
