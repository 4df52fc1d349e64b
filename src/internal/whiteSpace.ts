/**
 * White space around a text, as Codex defines it.
 *
 * Rust trims what Unicode calls `White_Space`. `String.prototype.trim` differs in two characters:
 * it drops U+FEFF and keeps U+0085.
 */
import { Schema, SchemaTransformation } from "effect"

// The look-behind keeps a long run in the middle of a text from being searched again and again.
const around = /^\p{White_Space}+|(?<!\p{White_Space})\p{White_Space}+$/gu

/** Drops the white space around a text. */
export const trim = (text: string): string => text.replace(around, "")

/** A text without white space around it. */
export const Trimmed = Schema.String.check(
  Schema.makeFilter((text) => trim(text) === text, {
    expected: "a text without white space around it"
  })
)

/** As {@link Trimmed}, but the white space is dropped first. */
export const Trim = Schema.String.pipe(
  Schema.decodeTo(Trimmed, SchemaTransformation.transform({ decode: trim, encode: (text) => text }))
)
