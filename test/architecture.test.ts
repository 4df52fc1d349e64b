import { assert, describe, it } from "@effect/vitest"
import { readdirSync, readFileSync } from "node:fs"
import { posix } from "node:path"

const root = new URL("../src/", import.meta.url)

/**
 * The levels of the architecture, from the lowest. A module imports nothing from a level above its
 * own. The linter finds cycles within a level.
 */
const levels: ReadonlyArray<RegExp> = [
  // Values, helpers that decode them, and the names of files.
  /^(?:CacheSnapshot|InstallMetadata|PluginId|PluginManifest|PluginVersion)\.ts$|^(?:RemotePlugin|RemotePluginDetails|RemotePluginId|SyncPlan|internal\/(?:fileNames|marketplaces|message|schemaIssue|strictUtf8|whiteSpace))\.ts$/,
  // Internals. The parts of PluginStore belong to the services.
  /^internal\/(?!cache\/(?:activation|activationSteps|changes|claims|copyTree|deletions|doubts|identities|installs|localInstall|newInstalls|reader|readings|removal|seedSource|sidecars|stagingFolder|storeError|sweep)\.ts$|(?:doctor|sync)\/|seededBundle\.ts$)/,
  // Services.
  /^(?:BundleArchive|CacheLock|CodexHome|CodexRefresh|Credentials|PluginStore|RemoteBundle|RemoteCatalog)\.ts$|^internal\/cache\/(?:activation|activationSteps|changes|claims|copyTree|deletions|doubts|identities|installs|localInstall|newInstalls|reader|readings|removal|seedSource|sidecars|stagingFolder|storeError|sweep)\.ts$/,
  // Workflows over the services.
  /^(?:ErrorAdvice|PluginInstaller|PluginSync|Readiness|SyncEvent|SyncEventJson)\.ts$|^internal\/sync\//,
  // Views and jobs for hosts.
  /^Plugin(?:Doctor|Identity|Inventory|Search|Seed|Verifier)\.ts$|^internal\/(?:doctor\/|seededBundle\.ts$)/,
  // Composition and front ends.
  /^(?:CodexPlugins|NodeCodexPlugins|index|main)\.ts$|^(?:appServer|cli|testing)\//
]

/** The highest level that may use internals. */
const workflows = 4

/** Modules above that level that use internals, because they give the services a platform. */
const platforms: ReadonlySet<string> = new Set([
  "CodexPlugins.ts",
  "NodeCodexPlugins.ts",
  "appServer/PluginCapabilities.ts",
  "appServer/PluginView.ts",
  "cli/online.ts",
  "cli/platform.ts"
])

/** Internals for every front end. */
const shared: ReadonlySet<string> = new Set([
  "internal/display.ts",
  "internal/fileTree.ts",
  "internal/message.ts",
  "internal/sync/reason.ts",
  "internal/version.ts"
])

const levelOf = (module: string): number => levels.findIndex((modules) => modules.test(module))

const modules = readdirSync(root, { recursive: true, encoding: "utf8" })
  .map((file) => file.replaceAll("\\", "/"))
  .filter((file) => file.endsWith(".ts"))
  .toSorted()

interface Import {
  readonly from: string
  /** One of {@link modules}, or the name of a package. */
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

/** The imports that break a rule, one per line. */
const violations = (isViolation: (_: Import) => boolean): ReadonlyArray<string> =>
  imports.filter(isViolation).map(({ from, to }) => `${from} imports ${to}`)

// The linter checks who may import Node's own modules.
describe("the architecture", () => {
  it("has a level for every module", () => {
    assert.isNotEmpty(imports)
    assert.deepStrictEqual(
      modules.filter((module) => levelOf(module) === -1),
      []
    )
  })

  it("lets no module import from a level above its own", () => {
    assert.deepStrictEqual(
      violations(({ from, isOurs, to }) => isOurs && levelOf(to) > levelOf(from)),
      []
    )
  })

  it("builds its values on effect only", () => {
    assert.deepStrictEqual(
      violations(({ from, isOurs, to }) => levelOf(from) === 0 && !isOurs && to !== "effect"),
      []
    )
  })

  it("lets only services, workflows and platform modules import internals", () => {
    assert.deepStrictEqual(
      violations(
        ({ from, to }) =>
          to.startsWith("internal/") &&
          !shared.has(to) &&
          levelOf(from) > workflows &&
          !platforms.has(from)
      ),
      []
    )
  })

  it("changes files through internal/disk/Disk only", () => {
    // The names of Effect's methods and of Node's functions.
    const change =
      /\b(?:fs|Fs)\.(?:append|chmod|chown|cp|copy|createWrite|link|mk|makeDirectory|makeTemp|rename|remove|rm|sink|symlink|truncate|unlink|utimes|write)\w*|\bflag: "[^r]/g
    const elsewhere = modules
      .filter((module) => !/^(?:internal\/disk|testing)\//.test(module))
      .flatMap((module) =>
        Array.from(
          readFileSync(new URL(module, root), "utf8").matchAll(change),
          ([call]) => `${module} calls ${call}`
        )
      )
    // The demo makes a home of its own, and the cache of compiled code belongs to no home.
    assert.deepStrictEqual(
      elsewhere.filter((line) => !/^cli\/(?:demoStory|compileCache)\.ts /.test(line)),
      []
    )
    assert.notDeepEqual(elsewhere, [])
  })

  it("keeps the internal folder of a part to that part", () => {
    assert.deepStrictEqual(
      violations(({ from, to }) => {
        const [part] = /^[^/]+\/(?=internal\/)/.exec(to) ?? []
        return part !== undefined && !from.startsWith(part)
      }),
      []
    )
  })
})
