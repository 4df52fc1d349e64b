/**
 * Text from the backend, a bundle or the disk, made safe for a terminal and a log line.
 */

/**
 * Control characters (C0, DEL, C1), line and paragraph separators, and marks that reorder text. The
 * first control a terminal, the second break a log line, and the third mislead a reader.
 */
const disturbing = /[\p{Cc}\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/gu

const short: Readonly<Record<string, string>> = { "\n": "\\n", "\r": "\\r", "\t": "\\t" }

const escape = (character: string): string =>
  short[character] ?? `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`

/** The characters of `disturbing` that JSON does not escape itself. */
const unescaped = /[\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/g

/** Equivalent JSON text that is safe for a terminal. */
export const displayJson = (json: string): string => json.replace(unescaped, escape)

/** The text in one line, in which each character that could disturb a terminal is escaped. */
export const display = (text: string): string => text.replace(disturbing, escape)

/** Such as `1 plugin` or `2 plugins`. */
export const count = (amount: number, noun: string): string =>
  `${amount} ${noun}${amount === 1 ? "" : "s"}`
