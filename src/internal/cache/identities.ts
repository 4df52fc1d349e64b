/**
 * Changes of a plugin's identity alone.
 */
import { Effect, Option } from "effect"
import type * as CacheLock from "../../CacheLock.ts"
import type { CachedPlugin } from "../../CacheSnapshot.ts"
import type * as PluginId from "../../PluginId.ts"
import type { RemotePluginId } from "../../RemotePluginId.ts"
import type { Changes, Context } from "./changes.ts"
import type * as Claims from "./claims.ts"
import { changeWith, expectWith } from "./installs.ts"
import { fail } from "./storeError.ts"

export const make = (
  context: Context,
  changes: Changes,
  { isClaimed }: ReturnType<typeof Claims.make>,
  lock: CacheLock.CacheLock["Service"]
) => {
  const { baseRootOf, locate, sidecarOf } = context.reader
  const change = changeWith(lock)
  const expect = expectWith(context)

  const writeIdentity = Effect.fn("PluginStore.writeIdentity")(
    (
      pluginId: PluginId.PluginId,
      remotePluginId: RemotePluginId,
      { expected }: { readonly expected?: Option.Option<CachedPlugin> | undefined } = {}
    ) =>
      Effect.gen(function* () {
        yield* Effect.annotateCurrentSpan({ remotePluginId })
        yield* expect(pluginId, expected)
        if (expected !== undefined && (yield* isClaimed(pluginId))) {
          return yield* fail({ _tag: "Changed" })
        }
        const contents = yield* locate(pluginId)
        if (Option.isNone(contents.active)) {
          return yield* fail({ _tag: "NotInstalled" })
        }
        const sidecar = yield* changes.readOverwritable(pluginId, contents)
        const isWritten = Option.exists(
          sidecar,
          (written) => written.exact && written.remotePluginId === remotePluginId
        )
        if (isWritten) return
        const baseRoot = baseRootOf(pluginId)
        if (contents.sidecar !== undefined && contents.sidecar !== "File") {
          const path = sidecarOf(baseRoot)
          yield* changes.discard(path, changes.deleteInPlace(path))
        }
        yield* changes.writeSidecar(baseRoot, remotePluginId)
      }).pipe(change("write the identity of", pluginId))
  )

  const clearIdentity = Effect.fn("PluginStore.clearIdentity")((pluginId: PluginId.PluginId) =>
    Effect.gen(function* () {
      const contents = yield* locate(pluginId)
      if (contents.sidecar === undefined) return
      yield* changes.removeSidecar(baseRootOf(pluginId))
    }).pipe(change("clear the identity of", pluginId))
  )

  return { writeIdentity, clearIdentity }
}
