/**
 * Reads of the cache. Nothing here takes the lock or changes anything.
 */
import { Effect, Option } from "effect"
import type * as PluginId from "../../PluginId.ts"
import type { RemotePluginId } from "../../RemotePluginId.ts"
import type { Context } from "./changes.ts"
import { explain } from "./storeError.ts"

export const make = ({ reader }: Context) => {
  const list = reader.list.pipe(
    Effect.tap(({ length }) => Effect.annotateCurrentSpan({ plugins: length })),
    explain("list the cached plugins", null),
    Effect.withSpan("PluginStore.list")
  )

  const snapshot = reader.snapshot.pipe(
    Effect.tap(({ plugins }) => Effect.annotateCurrentSpan({ plugins: plugins.length })),
    explain("read the cache", null),
    Effect.withSpan("PluginStore.snapshot")
  )

  const read = Effect.fn("PluginStore.read")((pluginId: PluginId.PluginId) =>
    explain("read", pluginId)(reader.read(pluginId))
  )

  const activeVersion = Effect.fn("PluginStore.activeVersion")((pluginId: PluginId.PluginId) =>
    Effect.map(reader.locate(pluginId), ({ active }) => active).pipe(
      explain("read the active version of", pluginId)
    )
  )

  const remotePluginId = Effect.fn("PluginStore.remotePluginId")(function* (
    pluginId: PluginId.PluginId
  ) {
    const contents = yield* explain("read the identity of", pluginId)(reader.locate(pluginId))
    return Option.isNone(contents.active)
      ? Option.none<RemotePluginId>()
      : Option.map(
          yield* reader.readSidecar(pluginId, contents),
          (sidecar) => sidecar.remotePluginId
        )
  })

  return { list, snapshot, read, activeVersion, remotePluginId }
}
