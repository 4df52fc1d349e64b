import { assert, describe, it } from "@effect/vitest"
import { readdirSync, readFileSync } from "node:fs"
import { posix } from "node:path"

// Reads the sources as they stand on disk: they are what is tested.
const root = new URL("../src/", import.meta.url)

/**
 * Every module and its floor. A module imports nothing from a floor above its own; that there are
 * no cycles on one floor is the linter's to see.
 */
const floors: ReadonlyArray<RegExp> = [
  // Values. White space is what they trim.
  /^(?:CacheSnapshot|InstallMetadata|PluginId|PluginManifest|PluginVersion)\.ts$|^(?:RemotePlugin|RemotePluginDetails|RemotePluginId|SyncPlan|internal\/whiteSpace)\.ts$/,
  // Internals. The cache's reader is half of PluginStore.
  /^internal\/(?!cache\/reader\.ts$)/,
  // Services.
  /^(?:BundleArchive|CacheLock|CodexHome|PluginStore|RemoteBundle|RemoteCatalog)\.ts$|^internal\/cache\/reader\.ts$/,
  // The flows.
  /^(?:PluginInstaller|PluginSync)\.ts$/,
  // Views and jobs for hosts.
  /^Plugin(?:Doctor|Identity|Inventory|Seed|Verifier)\.ts$/,
  // Composition and front ends.
  /^(?:CodexPlugins|NodeCodexPlugins|index|main)\.ts$|^(?:appServer|cli|testing)\//
]

/** The last floor whose modules are services. */
const flows = 4

/** What gives the services a platform. */
const platforms: ReadonlySet<string> = new Set([
  "NodeCodexPlugins.ts",
  "appServer/PluginCapabilities.ts",
  "appServer/PluginView.ts",
  "cli/DirectFileSystem.ts"
])

const floorOf = (module: string): number => floors.findIndex((modules) => modules.test(module))

const modules = readdirSync(root, { recursive: true, encoding: "utf8" })
  .map((file) => file.replaceAll("\\", "/"))
  .filter((file) => file.endsWith(".ts"))
  .toSorted()

interface Import {
  readonly from: string
  /** A module of ours as in {@link modules}, or a package as it is written. */
  readonly to: string
  readonly isOurs: boolean
}

const imports: ReadonlyArray<Import> = modules.flatMap((from) =>
  Array.from(
    readFileSync(new URL(from, root), "utf8").matchAll(/\b(?:from |import |import\()"([^"]+)"/g),
    ([, specifier = ""]) => {
      const isOurs = specifier.startsWith(".")
      return { from, isOurs, to: isOurs ? posix.join(posix.dirname(from), specifier) : specifier }
    }
  )
)

/** Those that break a rule, one a line. */
const breaches = (isBreach: (_: Import) => boolean): ReadonlyArray<string> =>
  imports.filter(isBreach).map(({ from, to }) => `${from} imports ${to}`)

// Who may import Node's own modules is the linter's to see.
describe("the house", () => {
  it("has a floor for every module", () => {
    assert.isNotEmpty(imports)
    assert.deepStrictEqual(
      modules.filter((module) => floorOf(module) === -1),
      []
    )
  })

  it("lets no module import from a floor above its own", () => {
    assert.deepStrictEqual(
      breaches(({ from, isOurs, to }) => isOurs && floorOf(to) > floorOf(from)),
      []
    )
  })

  it("builds its values on effect alone", () => {
    assert.deepStrictEqual(
      breaches(({ from, isOurs, to }) => floorOf(from) === 0 && !isOurs && to !== "effect"),
      []
    )
  })

  it("shows the ground works to the services and to what gives them a platform", () => {
    assert.deepStrictEqual(
      breaches(
        ({ from, to }) =>
          to.startsWith("internal/") && floorOf(from) > flows && !platforms.has(from)
      ),
      []
    )
  })

  it("shows the internal folder of a face to nobody else", () => {
    assert.deepStrictEqual(
      breaches(({ from, to }) => {
        const [face] = /^[^/]+\/(?=internal\/)/.exec(to) ?? []
        return face !== undefined && !from.startsWith(face)
      }),
      []
    )
  })
})
