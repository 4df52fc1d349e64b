import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import * as InstallMetadata from "../src/InstallMetadata.ts"
import * as RemotePluginId from "../src/RemotePluginId.ts"

const path = `/cache/alpha/${InstallMetadata.fileName}`
const utf8 = new TextEncoder()

const decode = (contents: string | Uint8Array) =>
  InstallMetadata.decode(typeof contents === "string" ? utf8.encode(contents) : contents, path)

describe("InstallMetadata", () => {
  it("has Codex's file name and mode", () => {
    assert.strictEqual(InstallMetadata.fileName, ".codex-remote-plugin-install.json")
    assert.strictEqual(InstallMetadata.fileMode, 0o600)
  })
})

describe("InstallMetadata.encode", () => {
  it("gives the exact bytes that Codex writes", () => {
    assert.strictEqual(
      InstallMetadata.encode(
        RemotePluginId.RemotePluginId.make("plugins~Plugin_b80dd84519148191a409cde181c9b3d6")
      ),
      `{
  "schema_version": 1,
  "remote_plugin_id": "plugins~Plugin_b80dd84519148191a409cde181c9b3d6"
}
`
    )
  })

  it("escapes quotes, backslashes and control characters, and nothing else", () => {
    assert.include(
      InstallMetadata.encode(
        RemotePluginId.RemotePluginId.make('a"b\\c/d\b\f\n\r\t\0\u001f\u007fé\u2028😀z')
      ),
      String.raw`"a\"b\\c/d\b\f\n\r\t\u0000\u001f` + '\u007fé\u2028😀z"'
    )
  })

  it.effect.prop(
    "is undone by decode",
    [RemotePluginId.RemotePluginId],
    Effect.fnUntraced(function* ([id]) {
      assert.strictEqual(yield* decode(InstallMetadata.encode(id)), id)
    })
  )
})

describe("InstallMetadata.decode", () => {
  it.effect.each([
    ["in another order", '{"remote_plugin_id":"id","schema_version":1}'],
    ["with unknown keys", '{"schema_version":1,"remote_plugin_id":"id","written_by":{"a":[1]}}'],
    ["with CRLF and a tab", '{\r\n\t"schema_version": 1,\r\n\t"remote_plugin_id": "id"\r\n}\r\n'],
    ["with escapes", String.raw`{"schema_version":1,"remote_plugin_id":"\u0069d"}`],
    ["with white space around the id", '{"schema_version":1,"remote_plugin_id":"\\n id\u0085 "}'],
    ["without the last newline", '{"schema_version":1,"remote_plugin_id":"id"}']
  ] as const)("reads metadata %s", ([, contents]) =>
    Effect.gen(function* () {
      assert.strictEqual(yield* decode(contents), "id")
    })
  )

  it.effect.each([
    [2, '{"schema_version":2,"remote_plugin_id":"id"}'],
    [0, '{"schema_version":0,"remote_plugin_id":"id"}'],
    [300, '{"schema_version":300,"remote_plugin_id":"id"}'],
    // The schema version is read before the body, which a newer schema may have changed.
    [2, '{"schema_version":2}'],
    [2, '{"schema_version":2,"remote_plugin_id":""}'],
    [2, '{"schema_version":2,"remote_plugin_id":{"value":"id"}}']
  ] as const)("rejects schema version %j as %s", ([found, contents]) =>
    Effect.gen(function* () {
      const error = yield* Effect.flip(decode(contents))
      assert.deepInclude(error, { _tag: "UnsupportedSchemaVersion", path, found, supported: 1 })
      assert.include(error.message, `unsupported schema version ${found} in the sidecar`)
      assert.include(error.message, path)
    })
  )

  it.effect.each([
    ["NotJson", "nothing", ""],
    ["NotJson", "a byte-order mark", '\ufeff{"schema_version":1,"remote_plugin_id":"id"}'],
    ["NotJson", "bytes that are no UTF-8", new Uint8Array([0x22, 0xff, 0x22])],
    ["NotJson", "an object cut short", '{"schema_version":1,"remote_plug'],
    ["NotJson", "something after the end", '{"schema_version":1,"remote_plugin_id":"id"}}'],
    ["NotJson", "trailing zeros", '{"schema_version":1,"remote_plugin_id":"id"}\0\0'],
    ["NotJson", "a trailing comma", '{"schema_version":1,"remote_plugin_id":"id",}'],
    ["NotInstallMetadata", "null", "null"],
    ["NotInstallMetadata", "an array", '[1,"id"]'],
    ["NotInstallMetadata", "no version", '{"remote_plugin_id":"id"}'],
    ["NotInstallMetadata", "a version in text", '{"schema_version":"1","remote_plugin_id":"id"}'],
    ["NotInstallMetadata", "a fraction", '{"schema_version":1.5,"remote_plugin_id":"id"}'],
    ["NotInstallMetadata", "a null version", '{"schema_version":null,"remote_plugin_id":"id"}'],
    ["NotInstallMetadata", "no id", '{"schema_version":1}'],
    ["NotInstallMetadata", "a null id", '{"schema_version":1,"remote_plugin_id":null}'],
    ["NotInstallMetadata", "an id that is a number", '{"schema_version":1,"remote_plugin_id":1}'],
    ["NotInstallMetadata", "a key in another case", '{"schema_version":1,"remotePluginId":"id"}'],
    ["BlankRemotePluginId", "an empty id", '{"schema_version":1,"remote_plugin_id":""}'],
    ["BlankRemotePluginId", "a blank id", '{"schema_version":1,"remote_plugin_id":" \\n\u0085"}']
  ] as const)("rejects it as %s: %s", ([reason, , contents]) =>
    Effect.gen(function* () {
      const error = yield* Effect.flip(decode(contents))
      assert.deepInclude(error, { _tag: "CorruptInstallMetadata", path, reason })
      assert.include(error.message, path)
    })
  )
})
