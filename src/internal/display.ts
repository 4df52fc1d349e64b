/**
 * Text from the backend, a bundle or the disk, made safe for a terminal and a log line.
 */

/**
 * Controls (C0, DEL, C1), line and paragraph separators, and the marks that reorder text.
 * A terminal obeys the first, a log ends its line at the second, and a reader is misled by the third.
 */
const disturbing = /[\p{Cc}\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/gu

const short: Readonly<Record<string, string>> = { "\n": "\\n", "\r": "\\r", "\t": "\\t" }

const escape = (character: string): string =>
  short[character] ?? `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`

/** Of these, JSON text has only those that JSON does not escape by itself. */
const unescaped = /[\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/g

/** JSON text with the same meaning, in which nothing disturbs a terminal. */
export const displayJson = (json: string): string => json.replace(unescaped, escape)

/** The same text in one line, with each character that could disturb a terminal written as an escape. */
export const display = (text: string): string => text.replace(disturbing, escape)
