/**
 * Text that fits the terminal.
 */
import { CliOutput } from "effect/cli"

/** The columns that a text takes. */
export const width = CliOutput.displayWidth

/** The first columns of a text; an ellipsis shows that there is more. */
export const truncate = (text: string, columns: number): string => {
  if (width(text) <= columns) return text
  let kept = ""
  for (const character of text) {
    if (width(kept + character) > columns - 1) break
    kept += character
  }
  return `${kept.trimEnd()}…`
}

/** Breaks a text between words. A word that is longer than a line stays whole. */
export const wrap = (text: string, columns: number): ReadonlyArray<string> => {
  const lines: Array<string> = []
  let line = ""
  for (const word of text.split(/ +/)) {
    const longer = line === "" ? word : `${line} ${word}`
    if (line !== "" && width(longer) > columns) {
      lines.push(line)
      line = word
    } else line = longer
  }
  return [...lines, line]
}
