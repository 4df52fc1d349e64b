/**
 * Reads and prints JSON without loss. `JSON.parse` rounds numbers and reorders keys that look like
 * indices.
 */
import { Result } from "effect"

/** A value in its original form: the text of a scalar, or the parts of an array or object. */
export type Json =
  | { readonly _tag: "Scalar"; readonly text: string }
  | { readonly _tag: "Array"; readonly items: ReadonlyArray<Json> }
  /**
   * Members by the text of their keys. A duplicate key has its first position and its last value.
   */
  | { readonly _tag: "Object"; readonly members: ReadonlyMap<string, Json> }

/**
 * The maximum depth of nested arrays and objects. Source: serde_json, with which Codex reads them.
 */
export const maxDepth = 127

/** The text is not JSON, is nested too deep, or contains a lone surrogate. */
export type Unreadable = "Unreadable"

const whitespace = /[ \t\n\r]*/y
const literal = /[^ \t\n\r,\]}]+/y

class Reader {
  private readonly text: string
  private index = 0

  constructor(text: string) {
    this.text = text
  }

  value(depth: number): Json {
    this.take(whitespace)
    const first = this.text[this.index]
    if (first === "{" || first === "[") {
      if (depth === maxDepth) throw new RangeError("nested too deep")
      this.index++
      return first === "{"
        ? { _tag: "Object", members: this.members(depth + 1) }
        : { _tag: "Array", items: this.items(depth + 1) }
    }
    return { _tag: "Scalar", text: first === '"' ? this.string() : number(this.take(literal)) }
  }

  private members(depth: number): ReadonlyMap<string, Json> {
    const members = new Map<string, Json>()
    while (this.another("}")) {
      const key = this.string()
      this.take(whitespace)
      this.index++
      members.set(key, this.value(depth))
    }
    return members
  }

  private items(depth: number): ReadonlyArray<Json> {
    const items: Array<Json> = []
    while (this.another("]")) items.push(this.value(depth))
    return items
  }

  /**
   * True if there is another item before the closing bracket. Steps over the comma or the bracket.
   */
  private another(closing: string): boolean {
    this.take(whitespace)
    const next = this.text[this.index]
    if (next === "," || next === closing) this.index++
    this.take(whitespace)
    return next !== closing
  }

  /** The text of a string without unnecessary escapes. */
  private string(): string {
    let end = this.index
    do end = this.text.indexOf('"', end + 1)
    while (this.isEscaped(end))
    const value: string = JSON.parse(this.text.slice(this.index, end + 1))
    this.index = end + 1
    if (!value.isWellFormed()) throw new RangeError("half a surrogate pair")
    return JSON.stringify(value)
  }

  private isEscaped(index: number): boolean {
    let start = index
    while (this.text[start - 1] === "\\") start--
    return (index - start) % 2 === 1
  }

  private take(pattern: RegExp): string {
    pattern.lastIndex = this.index
    const [taken = ""] = pattern.exec(this.text) ?? []
    this.index += taken.length
    return taken
  }
}

/**
 * A number as serde_json prints it: with its original digits, and an exponent as `e` with a sign.
 */
const number = (text: string): string =>
  text === "-0"
    ? "0"
    : text.replace(/(\d)[eE]([+-]?)/, (_, digit: string, sign: string) => `${digit}e${sign || "+"}`)

/** Reads a JSON text. */
export const parse = (text: string): Result.Result<Json, Unreadable> =>
  Result.try({
    try: () => {
      // The reader assumes that the text is JSON.
      JSON.parse(text)
      return new Reader(text).value(0)
    },
    catch: () => "Unreadable"
  })

/** The value at a path of keys and indices, if there is one. */
export const at = (json: Json, path: ReadonlyArray<string | number>): Json | undefined =>
  path.reduce<Json | undefined>((value, step) => {
    if (value?._tag === "Array" && typeof step === "number") return value.items[step]
    if (value?._tag === "Object") return value.members.get(JSON.stringify(step))
    return undefined
  }, json)

const indentation = "  "

/** Prints a value with an indent of two spaces, as serde_json and `JSON.stringify` do. */
export const print = (json: Json, margin = ""): string => {
  const inner = margin + indentation
  const lines = (open: string, parts: ReadonlyArray<string>, close: string) =>
    parts.length === 0
      ? open + close
      : `${open}\n${parts.map((part) => inner + part).join(",\n")}\n${margin}${close}`
  switch (json._tag) {
    case "Scalar":
      return json.text
    case "Array":
      return lines(
        "[",
        json.items.map((item) => print(item, inner)),
        "]"
      )
    case "Object":
      return lines(
        "{",
        Array.from(json.members, ([key, value]) => `${key}: ${print(value, inner)}`),
        "}"
      )
  }
}

/** True if `JSON.parse` has lost nothing of this value. */
export const survivedParse = (value: unknown, depth = 0): boolean => {
  if (typeof value !== "object" || value === null) return typeof value !== "number"
  if (depth === maxDepth) return false
  return Object.entries(value).every(
    ([key, member]) =>
      (Array.isArray(value) || !/^\d/.test(key)) && survivedParse(member, depth + 1)
  )
}
