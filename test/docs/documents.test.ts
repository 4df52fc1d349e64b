import { assert, describe, it } from "@effect/vitest"
import { existsSync, readdirSync, readFileSync } from "node:fs"
import { posix } from "node:path"
import { fileURLToPath } from "node:url"
import { Duration } from "effect"
import {
  BundleArchive,
  CacheLock,
  Credentials,
  PluginSync,
  RemoteBundle,
  RemoteCatalog
} from "effect-codex-plugins"
import { membersOf, modules } from "./exports.ts"
import { layerOptions, otherOptions } from "./options.ts"
import { examplesOf, generated } from "./sections.ts"

// These tests read files of the repository, because their text is the subject.
const at = (path: string) => new URL(`../../${path}`, import.meta.url)
const read = (path: string) => readFileSync(at(path), "utf8")
const documents = [
  "README.md",
  "CHANGELOG.md",
  ...readdirSync(at("docs")).map((name) => `docs/${name}`)
]

/** The anchor of a heading, as GitHub makes it. */
const anchorOf = (heading: string) =>
  heading
    .toLowerCase()
    .replaceAll(/[^\p{L}\p{N} _-]/gu, "")
    .replaceAll(" ", "-")

const anchors = (file: string) =>
  Array.from(read(file).matchAll(/^#+ (.*)$/gm), ([, heading]) => anchorOf(heading!))

describe.each(documents)("%s", (file) => {
  const text = read(file)

  it("has current tables and examples (`npm run docs` writes them)", () =>
    assert.strictEqual(text, generated(file, read)))

  it("links to files and headings that exist", () => {
    const links = Array.from(text.matchAll(/\]\((?!https?:)([^)]*)\)/g), ([, link]) => link!)
    const broken = links.filter((link) => {
      const [path = "", anchor] = link.split("#")
      const target = path === "" ? file : posix.join(posix.dirname(file), path)
      return !existsSync(at(target)) || (anchor !== undefined && !anchors(target).includes(anchor))
    })
    assert.deepStrictEqual(broken, [])
  })

  it("names only scripts and tests that exist", () => {
    const scripts = Object.keys(JSON.parse(read("package.json")).scripts)
    const named = Array.from(text.matchAll(/npm run ([\w:]+)/g), ([, script]) => script)
    assert.includeMembers(scripts, named)
    const tests = Array.from(text.matchAll(/`(test\/[\w./]+)`/g), ([, path]) => path!)
    assert.deepStrictEqual(
      tests.filter((path) => !existsSync(at(path))),
      []
    )
  })
})

describe("README.md", () => {
  const readme = read("README.md")

  it("shows a host and its test", () =>
    assert.includeMembers(
      [...examplesOf(readme)],
      ["test/examples/host.ts", "test/examples/identify.test.ts"]
    ))

  it("has the two commands that set the repository up", () => {
    assert.include(readme, "```sh\nnpm ci && npm start\n```")
    assert.include(readme, "```sh\nnpm ci && npm test\n```")
  })

  it("has at most 45 table rows", () =>
    assert.isAtMost(readme.split("\n").filter((line) => line.startsWith("|")).length, 45))
})

/** The code in the first column of a document's tables. */
const firstColumn = (text: string) =>
  Array.from(text.matchAll(/^\| ((?:`[^`|]+`(?:, )?)+) +\|/gm), ([, cell]) =>
    cell!.replaceAll("`", "").split(", ")
  ).flat()

describe("docs/troubleshooting.md", () => {
  it("explains every check of the doctor, in the doctor's order", () => {
    const checks = Array.from(
      read("src/PluginDoctor.ts").matchAll(/^ {6}"(\w+\.\w+)": /gm),
      ([, id]) => id!
    )
    assert.isNotEmpty(checks)
    const [, table = ""] = read("docs/troubleshooting.md").split("## The doctor's checks")
    assert.deepStrictEqual(firstColumn(table), checks)
  })
})

describe("the options in docs/hosts.md", () => {
  it("are those of every module whose layer takes options", () => {
    const configurable = modules(fileURLToPath(at("src")), ".ts")
      .filter(({ entry, exports }) => {
        const has = (wanted: string) => exports.some((one) => one.name === wanted)
        return entry === "effect-codex-plugins" && has("Options") && has("layerWith")
      })
      .map(({ name }) => name)
    assert.sameMembers(
      [...new Set([...layerOptions, ...otherOptions].map(({ module }) => module.split(".")[0]!))],
      configurable
    )
  })

  it("have the defaults of the constants", () => {
    const shown = Object.fromEntries(
      [...layerOptions, ...otherOptions].map(({ default: value, path }) => [path, value])
    )
    const MiB = (bytes: number) => `${bytes / 1024 ** 2} MiB`
    const time = (path: string) => Duration.fromInputUnsafe(shown[path] as Duration.Input)
    assert.deepInclude(shown, {
      "archive.packedBytes": MiB(BundleArchive.limits.PackedBytes),
      "archive.unpackedBytes": MiB(BundleArchive.limits.UnpackedBytes),
      "bundle.retries": String(RemoteBundle.defaultRetries),
      "catalog.retries": String(RemoteCatalog.defaultRetries),
      "sync.concurrency": String(PluginSync.defaultConcurrency)
    })
    assert.deepStrictEqual(time("lock.waitLimit"), CacheLock.defaultWaitLimit)
    assert.deepStrictEqual(time("sync.retention"), PluginSync.defaultRetention)
    assert.deepStrictEqual(time("pollInterval"), Credentials.pollInterval)
  })

  it("name flags that docs/cli.md explains", () => {
    const flags = layerOptions.flatMap(({ flag }) => flag ?? [])
    assert.isNotEmpty(flags)
    const text = read("docs/cli.md")
    assert.deepStrictEqual(
      flags.filter((flag) => !text.includes(`\`${flag}`)),
      []
    )
  })
})

/** Members of services that are no operations, or have no span for a reason that the page gives. */
const withoutSpan = [
  "BundleArchive.limits",
  // Its wait has one.
  "CacheLock.hold",
  "CacheLock.isHeld",
  "CodexHome.root",
  "CodexHome.cache",
  "CodexHome.staging",
  "CodexHome.isShared",
  "CodexHome.settings",
  "CodexHome.credentials",
  "Credentials.current",
  "Credentials.changes",
  "PluginStore.location",
  "PluginStore.versionRoot",
  "PluginStore.sidecarPath",
  // Its wait has one.
  "PluginStore.claimed",
  "PluginSync.background",
  "PluginSync.events",
  "RemoteCatalog.current"
]

describe("docs/hosts.md", () => {
  const [, telemetry = ""] = read("docs/hosts.md").split("## Telemetry")
  const named = firstColumn(telemetry.split("\n## ")[0]!)

  it("lists every metric", () => {
    const metrics = Array.from(
      read("src/internal/metrics.ts").matchAll(/"(codex_plugins\.[\w.]+)"/g),
      ([, name]) => name!
    )
    assert.sameMembers(
      named.filter((name) => name.startsWith("codex_plugins.")),
      metrics
    )
  })

  const sources = readdirSync(at("src"), { recursive: true, encoding: "utf8" })
    .filter((file) => file.endsWith(".ts"))
    .map((file) => read(`src/${file}`))
    .join("\n")

  it("is right that every other operation has a span", () => {
    const operations = modules(fileURLToPath(at("src")), ".ts")
      .filter(({ entry }) => entry === "effect-codex-plugins")
      .flatMap(({ exports }) => exports)
      .filter(({ doc = "" }) => /^@category services$/m.test(doc))
      .flatMap((service) =>
        membersOf(service)
          .filter(({ doc = "" }) => !doc.includes("@internal"))
          .map(({ name }) => `${service.name}.${name}`)
      )
    assert.isAbove(operations.length, 40)
    assert.deepStrictEqual(
      operations.filter((name) => !sources.includes(`"${name}"`)),
      withoutSpan
    )
  })

  it("names only spans that exist", () => {
    const spans = named.filter((name) => /^[A-Z]/.test(name))
    assert.isNotEmpty(spans)
    assert.deepStrictEqual(
      spans.filter((name) => !sources.includes(`"${name}"`)),
      []
    )
  })
})

describe("docs/api.md", () => {
  it("lists every export, below its module (`npm run docs:api` writes it)", () => {
    const sections = read("docs/api.md").split(/^## /m)
    const missing = modules(fileURLToPath(at("src")), ".ts").flatMap(
      ({ exports, name: module }) => {
        const section = sections.find((text) => text.startsWith(`${module}\n`)) ?? ""
        return exports
          .filter(
            ({ doc = "", name }) =>
              !doc.includes("@internal") && !section.includes(`\n### ${name}\n`)
          )
          .map(({ name }) => `${module}.${name}`)
      }
    )
    assert.deepStrictEqual(missing, [])
  })
})

describe("docs/terminal.svg", () => {
  const svg = read("docs/terminal.svg")

  it("is small, and suits light and dark pages and readers who prefer no motion", () => {
    assert.isBelow(svg.length, 60_000)
    assert.include(svg, "@media (prefers-color-scheme:dark)")
    assert.include(svg, "@media (prefers-reduced-motion:no-preference)")
  })

  it("loads nothing and names no folder of the machine that made it", () => {
    assert.notMatch(svg.replace("http://www.w3.org/2000/svg", ""), /https?:|\/tmp|\/home|script/)
  })

  it("shows each kind of change, the closing line and an identity", () => {
    const text = svg.replaceAll(/<[^>]*>/g, "\n")
    assert.match(text, /^\+$/m)
    assert.match(text, /^\d+\.\d+\.\d+ → \d+\.\d+\.\d+$/m)
    assert.match(text, /^\(uninstalled upstream\)$/m)
    assert.match(text, /^Installed \d+, updated \d+, removed \d+/m)
    assert.match(text, /^plugins~Plugin_/m)
  })

  it("is the first thing that the README shows", () => {
    assert.match(
      read("README.md"),
      /^# [^\n]+\n\n[^#]{0,600}!\[[^\]]{20,}\]\(docs\/terminal\.svg\)/
    )
  })
})
