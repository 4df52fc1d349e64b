/**
 * The built program as a process, on homes with special disks: image layers, read-only folders,
 * files of other users, and caches that several homes share.
 */
import { NodeServices } from "@effect/platform-node"
import { assert, describe, layer } from "@effect/vitest"
import { Effect, FileSystem, Layer } from "effect"
import { spawnSync } from "node:child_process"
import * as Fs from "node:fs"
import * as Path from "node:path"
import {
  accounts,
  alpha,
  Authority,
  beta,
  lines,
  make,
  marketplace,
  noWrap,
  sidecarName,
  versionsOf,
  whole
} from "./support/homes.ts"
import * as Mounts from "./support/mounts.ts"
import { program } from "./support/program.ts"

/** Every path below a folder with the properties that a write changes. */
const contents = (folder: string) =>
  Fs.readdirSync(folder, { recursive: true, encoding: "utf8" })
    .toSorted()
    .map((name) => {
      const { ino, mtimeMs, size } = Fs.lstatSync(Path.join(folder, name))
      return [name, ino, mtimeMs, size].join(" ")
    })

/** The content of every staging folder below a home. */
const staged = (home: string): ReadonlyArray<string> =>
  Fs.readdirSync(Path.join(home, "plugins"), { recursive: true, encoding: "utf8" }).filter((name) =>
    name.includes(".remote-plugin-install-staging/")
  )

layer(Layer.merge(Authority.layer, NodeServices.layer), { excludeTestServices: true })((it) => {
  describe("a cache that came with an overlay image", () => {
    const skipped = Mounts.canOverlay ? "" : " (skipped: no overlay mounts here)"

    it.effect.skipIf(!Mounts.canOverlay)(`is upgraded by sync --retain 0${skipped}`, () =>
      Effect.gen(function* () {
        const { backend, home, succeed } = yield* make
        yield* succeed(home, ["sync"])
        const image = Mounts.bake(home)
        yield* backend.update(alpha.id, { version: "2.0.0" })
        yield* succeed(home, ["sync", "--retain", "0"], image.within)
        assert.deepStrictEqual(lines(yield* succeed(image.out, ["list", "--json"])), [
          whole(alpha, "2.0.0"),
          whole(beta)
        ])
        assert.deepStrictEqual(versionsOf(image.out, "alpha"), ["2.0.0"])
        assert.deepStrictEqual(staged(image.out), [])
      })
    )

    it.effect.skipIf(!Mounts.canOverlay)(`loses a removed plugin by a sync${skipped}`, () =>
      Effect.gen(function* () {
        const { backend, home, succeed } = yield* make
        yield* succeed(home, ["sync"])
        const image = Mounts.bake(home)
        yield* backend.uninstall(alpha.id, accounts[0])
        yield* succeed(home, ["sync"], image.within)
        assert.deepStrictEqual(lines(yield* succeed(image.out, ["list", "--json"])), [whole(beta)])
        assert.isFalse(Fs.existsSync(Path.join(image.out, "plugins/cache", marketplace, "alpha")))
        assert.deepStrictEqual(staged(image.out), [])
      })
    )

    it.effect.skipIf(!Mounts.canOverlay)(`is repaired by a sync${skipped}`, () =>
      Effect.gen(function* () {
        const { home, succeed } = yield* make
        yield* succeed(home, ["sync"])
        const version = Path.join(home, "plugins/cache", marketplace, "alpha/1.0.0")
        Fs.rmSync(Path.join(version, ".codex-plugin/plugin.json"))
        const image = Mounts.bake(home)
        yield* succeed(home, ["sync"], image.within)
        assert.deepStrictEqual(lines(yield* succeed(image.out, ["list", "--json"])), [
          whole(alpha),
          whole(beta)
        ])
        assert.deepStrictEqual(versionsOf(image.out, "alpha"), ["1.0.0"])
        assert.deepStrictEqual(staged(image.out), [])
      })
    )
  })

  describe("a read-only home", () => {
    const skipped = Mounts.canMount ? "" : " (skipped: no mounts here)"

    it.effect.skipIf(!Mounts.canMount)(`needs no write if it is up to date${skipped}`, () =>
      Effect.gen(function* () {
        const { home, root, succeed } = yield* make
        yield* succeed(home, ["sync"])
        // Neither a lock nor staging came with the cache.
        for (const name of Fs.readdirSync(Path.join(home, "plugins"))) {
          if (name !== "cache") Fs.rmSync(Path.join(home, "plugins", name), { recursive: true })
        }
        const before = contents(root)
        yield* succeed(home, ["sync"], Mounts.readOnly(home))
        assert.deepStrictEqual(contents(root), before)
        // A writable home stays unchanged, too.
        yield* succeed(home, ["sync"])
        assert.deepStrictEqual(contents(root), before)
      })
    )

    it.effect.skipIf(!Mounts.canMount)(`fails a sync that has to write${skipped}`, () =>
      Effect.gen(function* () {
        const { backend, home, root, run, succeed } = yield* make
        yield* succeed(home, ["sync"])
        const before = contents(root)
        yield* backend.update(alpha.id, { version: "2.0.0" })
        const { code, output } = yield* run(home, ["sync"], Mounts.readOnly(home))
        assert.notStrictEqual(code, 0)
        assert.match(output, /read-only/i)
        assert.deepStrictEqual(contents(root), before)
      })
    )
  })

  describe("a sidecar that the user cannot read", () => {
    const isRoot = process.getuid?.() === 0
    // Another user runs the program, because root can read every file.
    const asUser: Mounts.Wrap = (command) =>
      isRoot
        ? ["setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups", ...command]
        : command
    const [file = "", ...args] = asUser([process.execPath, program, "--version"])
    const isPossible = spawnSync(file, args).status === 0
    const skipped = isPossible ? "" : " (skipped: another user cannot start the program here)"

    it.effect.skipIf(!isPossible)(
      `is unreadable in list --json, and id names the remedy${skipped}`,
      () =>
        Effect.gen(function* () {
          const { home, root, run, succeed } = yield* make
          yield* succeed(home, ["sync"])
          const sidecar = Path.join(home, "plugins/cache", marketplace, "alpha", sidecarName)
          Fs.chmodSync(sidecar, 0o000)
          Fs.chmodSync(Path.join(home, "plugins/cache", marketplace, "beta", sidecarName), 0o644)
          Fs.chmodSync(root, 0o755)
          assert.deepStrictEqual(lines(yield* succeed(home, ["list", "--json"], asUser)), [
            "alpha 1.0.0 whole unreadable",
            whole(beta)
          ])
          const { code, output } = yield* run(home, ["id", "alpha"], asUser)
          assert.strictEqual(code, 1, output)
          assert.include(output, `${sidecar}: this user may not read it`)
          assert.include(output, "`COPY --chown`")
          assert.lengthOf(output.trim().split("\n"), 1)
        })
    )
  })

  describe("a cache that two homes share", () => {
    const shm = "/dev/shm"
    const hasShm = Fs.existsSync(shm)
    const shapes: ReadonlyArray<{
      readonly shape: string
      /** The part of each home that is shared. */
      readonly name: string
      /** The folder of another file system. */
      readonly elsewhere?: string
      readonly isMount?: boolean
      readonly isPossible: boolean
    }> = [
      { shape: "plugins/ is a link", name: "plugins", isPossible: true },
      { shape: "plugins/cache is a link", name: "plugins/cache", isPossible: true },
      {
        shape: "plugins/ is a link to another file system",
        name: "plugins",
        elsewhere: shm,
        isPossible: hasShm
      },
      {
        shape: "plugins/cache is a link to another file system",
        name: "plugins/cache",
        elsewhere: shm,
        isPossible: hasShm
      },
      {
        shape: "plugins/ is a bind mount",
        name: "plugins",
        isMount: true,
        isPossible: Mounts.canMount
      },
      {
        shape: "plugins/cache is a bind mount",
        name: "plugins/cache",
        isMount: true,
        isPossible: Mounts.canMount
      },
      {
        shape: "plugins/cache is a bind mount of another file system",
        name: "plugins/cache",
        elsewhere: shm,
        isMount: true,
        isPossible: hasShm && Mounts.canMount
      }
    ]
    /** Two homes in one of the shapes, and commands on them. */
    const shareCache = Effect.fnUntraced(function* (
      { elsewhere, isMount = false, name }: (typeof shapes)[number],
      { home, other, root, succeed }: Effect.Success<typeof make>
    ) {
      const fs = yield* FileSystem.FileSystem
      const shared = Path.join(
        elsewhere === undefined
          ? root
          : yield* fs.makeTempDirectoryScoped({ directory: elsewhere }),
        "shared"
      )
      Fs.mkdirSync(shared)
      for (const each of [home, other]) {
        const path = Path.join(each, name)
        Fs.mkdirSync(isMount ? path : Path.dirname(path), { recursive: true })
        if (!isMount) Fs.symlinkSync(shared, path)
      }
      const run = (home: string, ...args: ReadonlyArray<string>) =>
        succeed(home, args, isMount ? Mounts.bound(shared, Path.join(home, name)) : noWrap)
      /** The entries left in the staging folders. */
      const left = () =>
        [home, other, Path.dirname(shared)].flatMap((folder) =>
          Fs.readdirSync(folder, { recursive: true, encoding: "utf8" }).filter((name) =>
            name.includes(".remote-plugin-install-staging/")
          )
        )
      return { left, run }
    })

    for (const shape of shapes) {
      const skipped = shape.isPossible ? "" : " (skipped: not possible here)"

      it.effect.skipIf(!shape.isPossible)(
        `keeps the plugins of both accounts if ${shape.shape}${skipped}`,
        () =>
          Effect.gen(function* () {
            const homes = yield* make
            const { backend, home, other } = homes
            const { left, run } = yield* shareCache(shape, homes)
            yield* backend.uninstall(beta.id, accounts[0])
            yield* backend.uninstall(alpha.id, accounts[1])

            yield* run(home, "sync")
            assert.deepStrictEqual(lines(yield* run(home, "list", "--json")), [whole(alpha)])
            yield* run(other, "sync")
            yield* run(home, "sync")
            for (const each of [home, other]) {
              assert.deepStrictEqual(lines(yield* run(each, "list", "--json")), [
                whole(alpha),
                whole(beta)
              ])
            }
            assert.deepStrictEqual(left(), [])
          })
      )

      it.effect.skipIf(!shape.isPossible)(
        `is filled by eight processes at once, with one download per plugin, if ${shape.shape}${skipped}`,
        () =>
          Effect.gen(function* () {
            const homes = yield* make
            const { backend, home, other } = homes
            const { left, run } = yield* shareCache(shape, homes)
            yield* backend.uninstall(beta.id, accounts[0])
            yield* Effect.forEach(
              [home, other, home, other, home, other, home, other],
              (each) => run(each, "sync"),
              { concurrency: "unbounded", discard: true }
            )
            for (const each of [home, other]) {
              assert.deepStrictEqual(lines(yield* run(each, "list", "--json")), [
                whole(alpha),
                whole(beta)
              ])
            }
            assert.deepStrictEqual(left(), [])
            const downloads = yield* backend.requests({ kind: "bundle" })
            assert.sameMembers(
              downloads.map(({ plugin }) => plugin),
              [alpha.id, beta.id]
            )
          })
      )
    }
  })
})
