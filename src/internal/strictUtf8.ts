/**
 * UTF-8 that must be valid.
 */

/** Throws for invalid UTF-8, and keeps a byte-order mark, so that a parser of JSON or YAML rejects it. */
export const decoder = new TextDecoder("utf-8", { ignoreBOM: true, fatal: true })
