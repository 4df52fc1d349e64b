import { assert, describe, it } from "@effect/vitest"
import { Effect, FileSystem, References } from "effect"
import { PluginSync } from "effect-codex-plugins"
import { TestBackend, TestBundle, TestCodexPlugins } from "effect-codex-plugins/testing"
import { fileURLToPath } from "node:url"
import { examples } from "virtual:examples"
import { modules } from "./exports.ts"

const hello = TestBackend.plugin({ name: "hello", version: "1.0.0" })

type Services = Effect.Services<ReturnType<typeof world>>

/** A home with one plugin, and what examples expect to find beside it. */
const world = () =>
  Effect.gen(function* () {
    const fs = yield* FileSystem.FileSystem
    yield* fs.makeDirectory("/homes/base", { recursive: true })
    yield* fs.makeDirectory("/bundles")
    yield* fs.writeFile(
      "/bundles/hello.tar.gz",
      yield* TestBundle.tarGz({ "skills/greet/SKILL.md": { content: "Say hello.\n" } })
    )
    const { sync } = yield* PluginSync.PluginSync
    yield* sync
  })

describe("the examples in comments", () => {
  it("show how each service is used", () => {
    const shown = new Set(examples.map(({ of }) => of))
    const services = modules(fileURLToPath(new URL("../../src", import.meta.url)), ".ts").flatMap(
      ({ exports }) =>
        exports
          .filter(({ doc = "" }) => /^@category services$/m.test(doc))
          .map(({ module, name }) => `${module}.${name}`)
    )
    assert.isAbove(services.length, 15)
    assert.deepStrictEqual(
      services.filter((service) => !shown.has(service)),
      []
    )
  })

  describe.each(examples)("the example of $of", async ({ load }) => {
    // An example that is a test adds itself to this suite.
    const { program, ...others } = await load()

    if (program !== undefined) {
      it.effect("succeeds in a home that is signed in", () =>
        Effect.gen(function* () {
          assert.isTrue(Effect.isEffect(program))
          yield* world()
          yield* program as Effect.Effect<unknown, unknown, Services>
        }).pipe(
          Effect.scoped,
          Effect.provideService(References.MinimumLogLevel, "None"),
          Effect.provide(TestCodexPlugins.layerWith({ plugins: [hello] }))
        )
      )
    }

    it.each(Object.keys(others))("gives %s when it is loaded", (name) =>
      assert.isDefined(others[name])
    )
  })
})
