/**
 * Every service of one Codex home, on Node's file system and HTTP client.
 */
import * as NodeFileSystem from "@effect/platform-node/NodeFileSystem"
import * as NodePath from "@effect/platform-node/NodePath"
import { Layer } from "effect"
import * as CodexPlugins from "./CodexPlugins.ts"
import * as Disk from "./internal/disk/Disk.ts"
import { nodeDisk } from "./internal/disk/nodeDisk.ts"
import * as NodeHttp from "./internal/nodeHttp.ts"

export { CertificateFileError } from "./internal/certificateFile.ts"

/**
 * The HTTP client of the other layers here.
 *
 * The client keeps its connections. It goes through the proxies that `HTTPS_PROXY`, `HTTP_PROXY`,
 * `ALL_PROXY` and `NO_PROXY` name, and trusts the file in `CODEX_CA_CERTIFICATE`, else
 * `SSL_CERT_FILE`, beside Node's and the system's roots. Both are read once, when the layer is built.
 *
 * @category layers
 * @since 0.1.0
 */
export const layerHttp = NodeHttp.layer

const platform = Layer.mergeAll(
  NodeFileSystem.layer,
  NodePath.layer,
  layerHttp,
  Layer.succeed(Disk.Implementation, () => nodeDisk)
)

/**
 * The home that the environment names: `$CODEX_HOME`, else `~/.codex`.
 *
 * @category layers
 * @since 0.1.0
 */
export const layer = Layer.provide(CodexPlugins.layer, platform)

/**
 * The home at this path, which must be a folder.
 *
 * @category layers
 * @since 0.1.0
 */
export const layerAt = (root: string) => Layer.provide(CodexPlugins.layerAt(root), platform)
