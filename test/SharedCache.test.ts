/**
 * Homes on a real disk whose `plugins/` or `plugins/cache` is a link to another folder.
 */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Latch, Layer, Option } from "effect"
import { execFileSync } from "node:child_process"
import * as Fs from "node:fs"
import { tmpdir } from "node:os"
import { dirname, join } from "node:path"
import * as CacheLock from "../src/CacheLock.ts"
import * as CodexHome from "../src/CodexHome.ts"
import * as PluginStore from "../src/PluginStore.ts"
import { helper } from "./support/builtPrograms.ts"
import { build, pluginId, remoteId, stage, versionOf } from "./support/pluginWorld.ts"
import { exercise, services } from "./support/sharedCache.ts"

const temporaryFolder = (directory = tmpdir()) =>
  Effect.acquireRelease(
    Effect.sync(() => Fs.realpathSync(Fs.mkdtempSync(join(directory, "shared-")))),
    (folder) => Effect.sync(() => Fs.rmSync(folder, { recursive: true, force: true }))
  )

const expected = [
  {
    pluginId: pluginId("alpha"),
    active: versionOf(build("A", "2.0.0")),
    versions: [versionOf(build("A", "2.0.0"))],
    identity: remoteId("A")
  },
  {
    pluginId: pluginId("beta"),
    active: versionOf(build("C", "1.0.0")),
    versions: [versionOf(build("C", "1.0.0"))],
    identity: remoteId("C")
  }
]

/** Replaces a path below the home by a link to another folder. */
const link = (home: string, name: string, target: string) => {
  Fs.mkdirSync(target, { recursive: true })
  Fs.mkdirSync(dirname(join(home, name)), { recursive: true })
  Fs.symlinkSync(target, join(home, name))
}

const shm = "/dev/shm"
const hasShm = process.platform === "linux" && Fs.existsSync(shm)

const canMount = (() => {
  try {
    execFileSync("unshare", ["-rm", "true"], { stdio: "ignore" })
    return true
  } catch {
    return false
  }
})()

describe.skipIf(process.platform !== "linux")("a cache that a home links to", () => {
  it.live.each([
    { shape: "plugins/ is a link", name: "plugins", cache: "cache", elsewhere: tmpdir() },
    { shape: "plugins/cache is a link", name: "plugins/cache", cache: "", elsewhere: tmpdir() },
    ...(hasShm
      ? [
          {
            shape: "plugins/ is a link to memory",
            name: "plugins",
            cache: "cache",
            elsewhere: shm
          },
          {
            shape: "plugins/cache is a link to memory",
            name: "plugins/cache",
            cache: "",
            elsewhere: shm
          }
        ]
      : [])
  ])("installs, replaces and removes plugins if $shape", ({ cache, elsewhere, name }) =>
    Effect.gen(function* () {
      const home = yield* temporaryFolder()
      const shared = join(yield* temporaryFolder(elsewhere), "shared")
      link(home, name, shared)
      const found = yield* Effect.provide(exercise, services(home), { local: true })
      assert.deepStrictEqual(found.location, { home, cache: join(shared, cache), isShared: true })
      assert.strictEqual(dirname(found.staging), dirname(join(shared, cache)))
      assert.deepStrictEqual(found.listed, expected)
      assert.isTrue(found.isRemoved)
      assert.deepStrictEqual(found.staged, [])
      assert.isTrue(Fs.lstatSync(join(home, name)).isSymbolicLink())
    }).pipe(Effect.scoped)
  )

  it.live("is one cache with one lock for every home that links to it", () =>
    Effect.gen(function* () {
      const shared = join(yield* temporaryFolder(), "shared")
      const homes = yield* Effect.forEach(["plugins/cache", "plugins/cache"], (name) =>
        Effect.tap(temporaryFolder(), (home) => Effect.sync(() => link(home, name, shared)))
      )
      const [first, second] = yield* Effect.forEach(homes, (home) => Layer.build(services(home)))
      yield* Effect.provideContext(stage(build("A", "1.0.0")), first!)
      // While one home holds the lock, the other one waits for it.
      const callers = [first!, second!, first!, second!]
      const haveAllAsked = yield* Latch.make()
      let asked = 0
      let isHeld = false
      let isOverlapping = false
      const inTurn = CacheLock.CacheLock.use((lock) => {
        if (++asked === callers.length) haveAllAsked.openUnsafe()
        return lock.hold(
          Effect.gen(function* () {
            isOverlapping ||= isHeld
            isHeld = true
            yield* haveAllAsked.await
            // The others continue during this call to the disk.
            yield* Effect.promise(() => Fs.promises.stat(shared))
            isHeld = false
          })
        )
      })
      yield* Effect.forEach(callers, (context) => Effect.provideContext(inTurn, context), {
        concurrency: "unbounded"
      })
      assert.isFalse(isOverlapping)
      const seen = yield* Effect.provideContext(
        PluginStore.PluginStore.use((store) => store.remotePluginId(pluginId("alpha"))),
        second!
      )
      assert.deepStrictEqual(seen, Option.some(remoteId("A")))
    }).pipe(Effect.scoped)
  )

  it.live("is not shared if only the home itself is reached by a link", () =>
    Effect.gen(function* () {
      const folder = yield* temporaryFolder()
      Fs.mkdirSync(join(folder, "real"))
      Fs.symlinkSync("real", join(folder, "home"))
      const home = join(folder, "home")
      const found = yield* Effect.provide(exercise, services(home), { local: true })
      assert.deepStrictEqual(found.location, {
        home,
        cache: join(home, "plugins", "cache"),
        isShared: false
      })
      assert.deepStrictEqual(found.listed, expected)
    }).pipe(Effect.scoped)
  )

  it.effect("finds its folders without changing anything", () =>
    Effect.gen(function* () {
      const home = yield* temporaryFolder()
      yield* Layer.build(Layer.provideMerge(CodexHome.layerAt(home), services(home)))
      assert.deepStrictEqual(Fs.readdirSync(home), [])
    }).pipe(Effect.scoped)
  )
})

describe.skipIf(!canMount)("a volume that is mounted at plugins/cache", () => {
  it.live(
    "contains the lock and staging, and plugins are installed, replaced and removed in it",
    () =>
      Effect.gen(function* () {
        const home = yield* temporaryFolder()
        const cache = join(home, "plugins", "cache")
        Fs.mkdirSync(cache, { recursive: true })
        const script = yield* Effect.promise(() => helper("sharedCache"))
        const output = execFileSync(
          "unshare",
          [
            "-rm",
            "sh",
            "-c",
            'mount -t tmpfs none "$1" && "$2" "$3" "$4" && ls -A "$1" "$5"',
            "sh",
            cache,
            process.execPath,
            script,
            home,
            dirname(cache)
          ],
          { encoding: "utf8", stdio: ["ignore", "pipe", "pipe"] }
        )
        const [line = "", ...rest] = output.split("\n")
        const found = JSON.parse(line)
        // Other homes may mount the same volume.
        assert.deepStrictEqual(found.location, { home, cache, isShared: true })
        assert.strictEqual(
          found.staging,
          join(cache, ".codex-plugins", ".remote-plugin-install-staging")
        )
        assert.deepStrictEqual(found.listed, expected)
        assert.isTrue(found.isRemoved)
        assert.deepStrictEqual(found.staged, [])
        assert.deepStrictEqual(
          rest.filter((entry) => entry !== "" && !entry.endsWith(":")),
          ["cache", ".codex-plugins", "openai-curated-remote"]
        )
      }).pipe(Effect.scoped),
    30_000
  )
})
