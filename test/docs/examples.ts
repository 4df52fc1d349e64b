/**
 * The examples in the TSDoc of the public exports, as modules.
 */
import { fileURLToPath } from "node:url"
import { modules } from "./exports.ts"

export interface Example {
  /** The export that it belongs to, such as `PluginStore.PluginStore`. */
  readonly of: string
  readonly text: string
}

/** An example named `program` is an effect; its module exports it. */
const asModule = (text: string) =>
  /^const program\b/m.test(text) ? `${text}\nexport { program }\n` : `${text}\n`

/** The code of a comment's examples. */
const codeOf = (doc: string): ReadonlyArray<string> =>
  doc
    .split(/^@(?=\w)/m)
    .filter((tag) => tag.startsWith("example\n"))
    .map((tag) => /^example\n+```ts\n(.*?)\n```\s*$/s.exec(tag)?.[1] ?? `${tag}\n// is not fenced`)

export const examples = (): ReadonlyArray<Example> =>
  modules(fileURLToPath(new URL("../../src", import.meta.url)), ".ts").flatMap(({ exports }) =>
    exports.flatMap(({ doc = "", module, name }) =>
      codeOf(doc).map((code) => ({ of: `${module}.${name}`, text: asModule(code) }))
    )
  )

/** The folder in which an example's module has its imports resolved. Nothing is stored there. */
export const folder = fileURLToPath(new URL("./examples", import.meta.url))
