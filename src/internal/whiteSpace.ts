/**
 * Surrounding white space, as Codex defines it.
 *
 * Rust trims Unicode's `White_Space`. `String.prototype.trim` differs in two characters: it removes
 * U+FEFF and keeps U+0085.
 */
import { Schema, SchemaTransformation } from "effect"

// Without the look-behind, a long run in the middle of a text would take quadratic time.
const around = /^\p{White_Space}+|(?<!\p{White_Space})\p{White_Space}+$/gu

/** Removes the white space around a text. */
export const trim = (text: string): string => text.replace(around, "")

/** A text without white space around it. */
export const Trimmed = Schema.String.check(
  Schema.makeFilter((text) => trim(text) === text, {
    expected: "a text without white space around it"
  })
)

/** As {@link Trimmed}, but the white space is removed first. */
export const Trim = Schema.String.pipe(
  Schema.decodeTo(Trimmed, SchemaTransformation.transform({ decode: trim, encode: (text) => text }))
)
