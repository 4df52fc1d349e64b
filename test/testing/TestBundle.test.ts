import { assert, it } from "@effect/vitest"
import { Effect, Stream } from "effect"
import { Tar } from "effect/encoding"
import * as Zlib from "node:zlib"
import * as TestBundle from "../../src/testing/TestBundle.ts"

const read = (tarGz: Uint8Array) =>
  Stream.make(new Uint8Array(Zlib.gunzipSync(tarGz))).pipe(
    Stream.pipeThroughChannel(Tar.decode()),
    Stream.mapEffect(({ body, header: { mode, path, type } }) =>
      Effect.map(Stream.mkString(Stream.decodeText(body)), (text) => ({ path, type, mode, text }))
    ),
    Stream.runCollect
  )

it.effect("TestBundle packs files with their modes, the same way each time", () =>
  Effect.gen(function* () {
    const files: TestBundle.Files = {
      "a.txt": "text",
      "bin/run": { content: "#!/bin/sh\n", mode: 0o755 },
      bytes: new TextEncoder().encode("bytes")
    }
    const bundle = yield* TestBundle.tarGz(files)
    assert.deepStrictEqual(yield* read(bundle), [
      { path: "a.txt", type: "File", mode: 0o644, text: "text" },
      { path: "bin/run", type: "File", mode: 0o755, text: "#!/bin/sh\n" },
      { path: "bytes", type: "File", mode: 0o644, text: "bytes" }
    ])
    assert.deepStrictEqual(yield* TestBundle.tarGz(files), bundle)
  })
)

it.effect("TestBundle packs entries that are not files", () =>
  Effect.gen(function* () {
    const bundle = yield* TestBundle.tarGz([Tar.directory("d"), Tar.symlink("d/link", "/etc")])
    assert.deepStrictEqual(
      (yield* read(bundle)).map(({ path, type }) => [path, type]),
      [
        ["d/", "Directory"],
        ["d/link", "Symlink"]
      ]
    )
  })
)

it.effect("TestBundle makes the files of a plugin", () =>
  Effect.gen(function* () {
    const files = TestBundle.plugin({ name: "hello", version: "1.0.0" })
    const [manifest] = yield* read(yield* TestBundle.tarGz(files))
    assert.strictEqual(manifest?.path, ".codex-plugin/plugin.json")
    const { name, version } = JSON.parse(manifest?.text ?? "")
    assert.deepStrictEqual([name, version], ["hello", "1.0.0"])
  })
)
