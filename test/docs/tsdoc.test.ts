import { assert, describe, it } from "@effect/vitest"
import { readdirSync, readFileSync } from "node:fs"
import { fileURLToPath } from "node:url"
import { type Export, type Member, membersOf, modules } from "./exports.ts"

const sources = new URL("../../src/", import.meta.url)
const all = modules(fileURLToPath(sources), ".ts")

const published = all
  .flatMap(({ exports }) => exports)
  .filter(({ doc = "" }) => !doc.includes("@internal"))

const nameOf = ({ module, name }: Export) => `${module}.${name}`

const categoryOf = ({ doc = "" }: Export) => /^@category (.+)$/m.exec(doc)?.[1]

/** Public exports whose comment fails a check. */
const failing = (check: (doc: string) => boolean) =>
  published.filter(({ doc = "" }) => !check(doc)).map(nameOf)

/** Members of exports that fail a check. */
const failingMembers = (
  exports: ReadonlyArray<Export>,
  check: (member: Member) => boolean
): ReadonlyArray<string> =>
  exports.flatMap((one) =>
    membersOf(one)
      .filter(({ doc = "" }) => !doc.includes("@internal"))
      .filter((member) => !check(member))
      .map(({ name }) => `${nameOf(one)}.${name}`)
  )

/** The category that follows from a declaration; undefined if several are possible. */
const expectedCategory = ({ declaration, kind, name }: Export): string | undefined => {
  const head = declaration.replaceAll(/\s+/g, " ")
  if (kind === "class") return head.includes("Context.Service<") ? "services" : "errors"
  if (kind === "interface") return name.endsWith("Options") ? "options" : "models"
  if (kind === "type") return /Error$|Cause$/.test(name) ? "errors" : "models"
  if (name.startsWith("layer")) return "layers"
  if (name === "make") return "constructors"
  if (/^(?:encode|decode|parse)/.test(name)) return "codecs"
  const value = head.slice(head.indexOf(" = ") + 3)
  if (/^(?:Schema\.|WhiteSpace\.|\w+\.pipe\( ?Schema\.)/.test(value)) return "schemas"
  if (value.startsWith("Data.taggedEnum")) return "constructors"
  return /^(?:["\d[]|Duration\.)/.test(value) ? "constants" : undefined
}

describe("the TSDoc of every export", () => {
  it("covers the three entry points", () => {
    const names = all.map(({ name }) => name)
    assert.includeMembers(names, ["PluginStore", "NodeCodexPlugins", "TestBackend"])
    assert.isAbove(published.length, 300)
  })

  it("covers exports that a module takes from another one", () =>
    assert.includeMembers(published.map(nameOf), [
      "PluginStore.PluginStoreError",
      "RemoteBundle.RemoteBundleError",
      "RemoteBundle.maxRedirects",
      "PluginSync.BackgroundOptions",
      "PluginSync.SyncEvent",
      "NodeCodexPlugins.CertificateFileError"
    ]))

  it("says what the export is for", () =>
    assert.deepStrictEqual(
      failing((doc) => /^(?!@)\S/.test(doc)),
      []
    ))

  it("has a category", () =>
    assert.deepStrictEqual(
      failing((doc) => /^@category [a-z]/m.test(doc)),
      []
    ))

  it("has the category that its declaration suggests", () => {
    const wrong = published.filter((one) => {
      const expected = expectedCategory(one)
      return expected !== undefined && categoryOf(one) !== expected
    })
    assert.deepStrictEqual(
      wrong.map((one) => `${nameOf(one)}: ${expectedCategory(one)}, not ${categoryOf(one)}`),
      []
    )
  })

  it("says since which version it exists", () =>
    assert.deepStrictEqual(
      failing((doc) => /^@since 0\.[12]\.0$/m.test(doc)),
      []
    ))

  it("says what a layer provides", () =>
    assert.deepStrictEqual(
      published
        .filter(({ doc = "", name }) => name.startsWith("layer") && !doc.startsWith("Provides "))
        .map(nameOf),
      []
    ))
})

describe("the TSDoc of members", () => {
  const ofCategory = (category: string) =>
    published.filter((one) => categoryOf(one) === category && membersOf(one).length > 0)

  it("explains every method of a service, every option and every case of a tagged value", () => {
    const services = ofCategory("services")
    const options = ofCategory("options")
    const cases = published.filter(({ declaration }) => declaration.includes("Data.TaggedEnum<"))
    assert.isAbove(services.length, 15)
    assert.isAbove(options.length, 15)
    assert.isNotEmpty(cases)
    assert.deepStrictEqual(
      failingMembers([...services, ...options, ...cases], ({ doc }) => doc !== undefined),
      []
    )
  })

  it("gives the default of every option that may be left out", () => {
    // A callback has none, and options within options have their own.
    const hasDefault = ({ doc = "", isOptional, name, type }: Member) =>
      !isOptional ||
      /^on[A-Z]/.test(name) ||
      /^(?:\w+\.Options|Omit<\w+\.Options\b)/.test(type) ||
      /\bDefault:\s/.test(doc)
    assert.deepStrictEqual(failingMembers(ofCategory("options"), hasDefault), [])
  })

  it("has one form of a default", () => {
    const files = readdirSync(sources, { recursive: true, encoding: "utf8" })
    assert.deepStrictEqual(
      files.filter(
        (file) =>
          file.endsWith(".ts") && readFileSync(new URL(file, sources), "utf8").includes("@default")
      ),
      []
    )
  })
})
