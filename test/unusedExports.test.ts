import { assert, describe, it } from "@effect/vitest"
import { readdirSync, readFileSync } from "node:fs"
import { posix } from "node:path"

// These read files of this repository: their text is the subject.
const root = new URL("../", import.meta.url)

const sourcesIn = (folder: string): ReadonlyArray<string> =>
  readdirSync(new URL(folder, root), { recursive: true, encoding: "utf8" })
    .filter((file) => file.endsWith(".ts"))
    .map((file) => posix.join(folder, file))

const texts: ReadonlyMap<string, string> = new Map(
  [...sourcesIn("src"), ...sourcesIn("test")].map((file) => [
    file,
    readFileSync(new URL(file, root), "utf8")
  ])
)

const declaration =
  /(\/\*\*(?:(?!\*\/)[^])*\*\/\n)?^export (?:abstract )?(?:const|class|function\*?|interface|type|let) (\w+)/gm

/** The exports that are not part of the documented API, which has a category for each. */
const internalExports = (text: string): ReadonlyArray<string> => [
  ...new Set(
    Array.from(text.matchAll(declaration))
      .filter(([, comment = ""]) => !comment.includes("@category"))
      .map(([, , name]) => name!)
  )
]

const importedBy = (file: string, text: string): ReadonlySet<string> =>
  new Set(
    Array.from(text.matchAll(/(?:from |import\()\s*"(\.[^"]*)"/g), ([, path]) =>
      posix.join(posix.dirname(file), path!)
    )
  )

const imports = new Map([...texts].map(([file, text]) => [file, importedBy(file, text)]))

const isUsed = (module: string, name: string): boolean =>
  [...texts].some(
    ([file, text]) => imports.get(file)!.has(module) && new RegExp(`\\b${name}\\b`).test(text)
  )

describe("the exports of src", () => {
  it("are used by another module or a test, or belong to the documented API", () => {
    const unused = sourcesIn("src").flatMap((module) =>
      internalExports(texts.get(module)!)
        .filter((name) => !isUsed(module, name))
        .map((name) => `${module}: ${name}`)
    )
    assert.deepStrictEqual(unused, [])
  })
})
