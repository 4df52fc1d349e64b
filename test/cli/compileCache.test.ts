import * as Fs from "node:fs"
import * as Os from "node:os"
import * as Path from "node:path"
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { privateFolder } from "../../src/cli/compileCache.ts"

const temporaryFolder = Effect.acquireRelease(
  Effect.sync(() => Fs.realpathSync(Fs.mkdtempSync(Path.join(Os.tmpdir(), "compile-cache-")))),
  (folder) => Effect.sync(() => Fs.rmSync(folder, { recursive: true }))
)

/** These tests use a temporary folder as the home, so no folder counts as temporary. */
const folderFor = (env: Parameters<typeof privateFolder>[0]) => privateFolder(env, [])

describe("the folder for compiled code", () => {
  it.effect("is created for the user alone below XDG_CACHE_HOME", () =>
    Effect.gen(function* () {
      const base = Path.join(yield* temporaryFolder, "xdg")
      const folder = folderFor({ XDG_CACHE_HOME: base, HOME: "/nowhere" })
      assert.strictEqual(folder, Path.join(base, "codex-plugins"))
      assert.strictEqual(Fs.statSync(folder ?? "").mode & 0o777, 0o700)
      assert.strictEqual(folderFor({ XDG_CACHE_HOME: base }), folder)
    })
  )

  it.effect("is below ~/.cache if XDG_CACHE_HOME is empty or relative", () =>
    Effect.gen(function* () {
      const home = yield* temporaryFolder
      const expected = Path.join(home, ".cache", "codex-plugins")
      assert.strictEqual(folderFor({ HOME: home, XDG_CACHE_HOME: "" }), expected)
      assert.strictEqual(folderFor({ HOME: home, XDG_CACHE_HOME: "cache" }), expected)
    })
  )

  it.effect("is rejected below a shared temporary folder", () =>
    Effect.gen(function* () {
      const home = yield* temporaryFolder
      assert.isUndefined(privateFolder({ HOME: home }, [Path.dirname(home)]))
      assert.isUndefined(privateFolder({ XDG_CACHE_HOME: Os.tmpdir() }))
      assert.isFalse(Fs.existsSync(Path.join(home, ".cache", "codex-plugins")))
    })
  )

  it.effect("is rejected if another user can write to it", () =>
    Effect.gen(function* () {
      const home = yield* temporaryFolder
      const folder = folderFor({ HOME: home }) ?? ""
      for (const [path, mode] of [
        [folder, 0o770],
        [folder, 0o707],
        [Path.dirname(folder), 0o777]
      ] as const) {
        const before = Fs.statSync(path).mode
        Fs.chmodSync(path, mode)
        assert.isUndefined(folderFor({ HOME: home }), `${path} with mode ${mode.toString(8)}`)
        Fs.chmodSync(path, before)
      }
      assert.strictEqual(folderFor({ HOME: home }), folder)
    })
  )

  it.effect("is rejected if it is a link or a file", () =>
    Effect.gen(function* () {
      const home = yield* temporaryFolder
      const elsewhere = yield* temporaryFolder
      const cache = Path.join(home, ".cache")
      Fs.mkdirSync(cache, { mode: 0o700 })
      Fs.symlinkSync(elsewhere, Path.join(cache, "codex-plugins"))
      assert.isUndefined(folderFor({ HOME: home }))
      Fs.unlinkSync(Path.join(cache, "codex-plugins"))
      Fs.writeFileSync(Path.join(cache, "codex-plugins"), "")
      assert.isUndefined(folderFor({ HOME: home }))
    })
  )

  it.effect.skipIf(process.getuid?.() !== 0)("is rejected if another user owns it", () =>
    Effect.gen(function* () {
      const home = yield* temporaryFolder
      const folder = folderFor({ HOME: home }) ?? ""
      Fs.chownSync(folder, 65534, 65534)
      assert.isUndefined(folderFor({ HOME: home }))
    })
  )

  it("is absent without a home folder", () => {
    assert.isUndefined(folderFor({}))
    assert.isUndefined(folderFor({ HOME: "relative" }))
  })
})
