/**
 * Lets tests import the examples in comments: `virtual:examples` exports a list of them.
 */
import { basename, join } from "node:path"
import type { Plugin } from "vitest/config"
import { examples, folder } from "./examples.ts"

const virtual = "virtual:examples"

const fileOf = (of: string, index: number) => `${of}.${index}.ts`

export const examplesPlugin: Plugin = {
  name: "examples",
  resolveId: (id) => {
    if (id === virtual) return id
    // Vite asks for a path, or for a URL path below the root.
    return /\/docs\/examples\/[^/]+$/.test(id) ? join(folder, basename(id)) : undefined
  },
  load: (id) => {
    if (id === virtual) {
      const entries = examples().map(({ of }, index) => {
        const path = JSON.stringify(join(folder, fileOf(of, index)))
        return `{ of: ${JSON.stringify(of)}, load: () => import(${path}) }`
      })
      return `export const examples = [${entries.join(",\n")}]`
    }
    return examples().find(({ of }, index) => join(folder, fileOf(of, index)) === id)?.text
  }
}
