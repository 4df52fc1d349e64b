/**
 * Every service of one Codex home, on Node's file system and HTTP client.
 */
import * as NodeFileSystem from "@effect/platform-node/NodeFileSystem"
import * as NodePath from "@effect/platform-node/NodePath"
import { type FileSystem, Layer, type Path } from "effect"
import * as CodexPlugins from "./CodexPlugins.ts"
import * as Disk from "./internal/disk/Disk.ts"
import { nodeDisk } from "./internal/disk/nodeDisk.ts"
import * as NodeHttp from "./internal/nodeHttp.ts"

export { CertificateFileError } from "./internal/certificateFile.ts"

/**
 * Provides the HTTP client of the other layers here.
 *
 * The client keeps its connections open. It uses the proxies that `HTTPS_PROXY`, `HTTP_PROXY`,
 * `ALL_PROXY` and `NO_PROXY` name. It trusts the certificates of Node, of the system, and of the
 * file in `CODEX_CA_CERTIFICATE`, else in `SSL_CERT_FILE`. The variables and the file are read
 * once, when the layer is built.
 *
 * @category layers
 * @since 0.1.0
 */
export const layerHttp = NodeHttp.layer

/**
 * Provides Node's file system and paths, for the layers of {@link CodexPlugins} with another HTTP
 * client. The services then use the cache directly through `node:fs`, which is faster than Effect's
 * `FileSystem`.
 *
 * @category layers
 * @since 0.2.0
 */
export const layerPlatform: Layer.Layer<FileSystem.FileSystem | Path.Path> = Layer.mergeAll(
  NodeFileSystem.layer,
  NodePath.layer,
  Layer.succeed(Disk.Implementation, () => nodeDisk)
)

const platform = Layer.merge(layerPlatform, layerHttp)

/**
 * Provides the services of the home that the environment names, with options: `$CODEX_HOME`, else
 * `~/.codex`.
 *
 * @category layers
 * @since 0.2.0
 */
export const layerWith = (options: CodexPlugins.Options) =>
  Layer.provide(CodexPlugins.layerWith(options), platform)

/**
 * Provides the services of the home that the environment names: `$CODEX_HOME`, else `~/.codex`.
 *
 * @category layers
 * @since 0.1.0
 */
export const layer = layerWith({})

/**
 * Provides the services of the home at this path, which must be a folder.
 *
 * @category layers
 * @since 0.1.0
 */
export const layerAt = (root: string, options: CodexPlugins.Options = {}) =>
  Layer.provide(CodexPlugins.layerAt(root, options), platform)
