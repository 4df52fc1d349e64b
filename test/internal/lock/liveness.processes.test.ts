import * as NodeFileSystem from "@effect/platform-node/NodeFileSystem"
import * as NodePath from "@effect/platform-node/NodePath"
import { assert, describe, it } from "@effect/vitest"
import { Effect, FileSystem, Layer, Path } from "effect"
import { spawn } from "node:child_process"
import * as Fs from "node:fs"
import * as Disk from "../../../src/internal/disk/Disk.ts"
import * as Liveness from "../../../src/internal/lock/liveness.ts"
import { helper } from "../../support/builtPrograms.ts"

const Node = Layer.merge(NodeFileSystem.layer, NodePath.layer)

const inStaging = Effect.gen(function* () {
  const fs = yield* FileSystem.FileSystem
  const staging = yield* fs.makeTempDirectoryScoped()
  const make = Liveness.kernel(Disk.fromFileSystem(fs), yield* Path.Path)
  return { staging, make, liveness: yield* make }
})

/** Another process that is registered as an owner in this staging folder. */
const otherOwner = (staging: string) =>
  Effect.acquireRelease(
    Effect.promise(async () => {
      const child = spawn(process.execPath, [await helper("registerOwner"), staging], {
        stdio: ["ignore", "pipe", "inherit"]
      })
      const owner = await new Promise<string>((resolve) =>
        child.stdout.once("data", (data) => resolve(String(data).trim()))
      )
      const ended = new Promise<void>((resolve) => child.once("exit", () => resolve()))
      return { child, owner, ended }
    }),
    ({ child }) => Effect.sync(() => child.kill("SIGKILL"))
  )

describe("liveness between processes", () => {
  it.live("shows a frozen process as alive, and a killed one as dead, whose file it removes", () =>
    Effect.gen(function* () {
      const { liveness, staging } = yield* inStaging
      const { child, ended, owner } = yield* otherOwner(staging)
      assert.isTrue(yield* liveness.isAlive(staging, owner))
      child.kill("SIGSTOP")
      assert.isTrue(yield* liveness.isAlive(staging, owner))
      child.kill("SIGKILL")
      yield* Effect.promise(() => ended)
      assert.isFalse(yield* liveness.isAlive(staging, owner))
      assert.deepStrictEqual(Fs.readdirSync(staging), [])
    }).pipe(Effect.scoped, Effect.provide(Node))
  )
})
