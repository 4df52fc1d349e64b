/**
 * Every service of one Codex home, on Node's file system and HTTP client.
 */
import * as NodeFileSystem from "@effect/platform-node/NodeFileSystem"
import * as NodeHttpClient from "@effect/platform-node/NodeHttpClient"
import * as NodePath from "@effect/platform-node/NodePath"
import * as NodeStream from "@effect/platform-node/NodeStream"
import { Layer } from "effect"
import * as Zlib from "node:zlib"
import * as CodexPlugins from "./CodexPlugins.ts"
import * as Gzip from "./internal/gzip.ts"

/** Half the processor time of the Web's inflater, which is asked in 16 KiB pieces. */
export const gzipEngine: Gzip.Engine = {
  inflateRaw: (deflated, onError) =>
    NodeStream.pipeThroughDuplex(deflated, {
      evaluate: () => Zlib.createInflateRaw({ chunkSize: 128 * 1024, rejectGarbageAfterEnd: true }),
      onError
    }),
  crc32: Zlib.crc32
}

const platform = Layer.mergeAll(
  NodeFileSystem.layer,
  NodePath.layer,
  NodeHttpClient.layerNodeHttpOptions({ keepAlive: true }),
  Layer.succeed(Gzip.Engine, gzipEngine)
)

/** The home that the environment names: `$CODEX_HOME`, else `~/.codex`. */
export const layer = Layer.provide(CodexPlugins.layer, platform)

/** The home at this path, which must be a folder. */
export const layerAt = (root: string) => Layer.provide(CodexPlugins.layerAt(root), platform)
