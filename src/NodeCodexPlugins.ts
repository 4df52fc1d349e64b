/**
 * Every service of one Codex home, on Node's file system and HTTP client.
 */
import * as NodeFileSystem from "@effect/platform-node/NodeFileSystem"
import * as NodeHttpClient from "@effect/platform-node/NodeHttpClient"
import * as NodePath from "@effect/platform-node/NodePath"
import { Layer } from "effect"
import * as CodexPlugins from "./CodexPlugins.ts"

const platform = Layer.mergeAll(NodeFileSystem.layer, NodePath.layer, NodeHttpClient.layerNodeHttp)

/** The home that the environment names: `$CODEX_HOME`, else `~/.codex`. */
export const layer = Layer.provide(CodexPlugins.layer, platform)

/** The home at this path, which must be a folder. */
export const layerAt = (root: string) => Layer.provide(CodexPlugins.layerAt(root), platform)
