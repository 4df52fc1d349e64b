import { assert, describe, it } from "@effect/vitest"
import { existsSync, readdirSync, readFileSync } from "node:fs"
import { posix } from "node:path"
import { examplesOf, generated } from "./sections.ts"

// These read files of this repository: their text is the subject.
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

  it("shows the host, and a test of one", () =>
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

describe("docs/terminal.svg", () => {
  const svg = read("docs/terminal.svg")

  it("is small, and fits light and dark pages and people who prefer no motion", () => {
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
