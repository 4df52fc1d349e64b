/**
 * Plugins of the test backend.
 */
import { Effect } from "effect"
import * as TestBundle from "./TestBundle.ts"

/**
 * Fields that replace those of the backend; `undefined` removes a field.
 *
 * @category models
 * @since 0.1.0
 */
export type Fields = Readonly<Record<string, unknown>>

/**
 * The fields of a plugin that have defaults.
 *
 * @category options
 * @since 0.1.0
 */
export interface Options {
  /** The plugin's name, also in its manifest. */
  readonly name: string
  /** Default: "1.0.0". */
  readonly version?: string
  /** Default: `plugins~Plugin_<name>`, followed by the scope unless it is GLOBAL. */
  readonly id?: string
  /** Default: "GLOBAL". */
  readonly scope?: "GLOBAL" | "USER" | "WORKSPACE"
  /** Default: "LISTED" if the scope is WORKSPACE, else none. */
  readonly discoverability?: "LISTED" | "PRIVATE" | "UNLISTED"
  /** True if the accounts have it installed from the start. Default: true. */
  readonly installed?: boolean
  /**
   * True if the catalogue lists it. A plugin that is not listed can be read by its id. Default: true.
   */
  readonly listed?: boolean
  /** True if the accounts have it enabled. Default: true. */
  readonly enabled?: boolean
  /** The description in the listing. Default: none. */
  readonly description?: string
  /** The release's app manifest. Default: none. */
  readonly appManifest?: unknown
  /**
   * Files in addition to the manifest and the skill of {@link TestBundle.plugin}, or in their
   * place. Default: none.
   */
  readonly files?: TestBundle.Files
  /** The whole bundle instead: its bytes, or the contents to pack. Default: `files`. */
  readonly bundle?: Uint8Array | TestBundle.Contents
  /** Any other field of the row, such as `status` or `installation_policy`. Default: none. */
  readonly row?: Fields
  /** Any other field of the row's `release`, such as `interface`. Default: none. */
  readonly release?: Fields
}

/**
 * A plugin that a test backend can publish.
 *
 * @category models
 * @since 0.1.0
 */
export interface Plugin extends Options {
  readonly id: string
}

const idOf = ({ name, scope = "GLOBAL" }: Options): string =>
  `plugins~Plugin_${name}${scope === "GLOBAL" ? "" : `_${scope}`}`.replaceAll(
    /[^A-Za-z0-9_~-]/g,
    "_"
  )

/**
 * Describes a plugin; its default remote id follows from its name.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (options: Options): Plugin => ({ ...options, id: options.id ?? idOf(options) })

/**
 * The bundle's bytes. Contents that cannot be packed are a defect.
 *
 * @category functions
 * @since 0.1.0
 */
export const pack = ({
  bundle,
  description,
  files,
  name,
  version = "1.0.0"
}: Plugin): Effect.Effect<Uint8Array> =>
  bundle instanceof Uint8Array
    ? Effect.succeed(bundle)
    : Effect.orDie(
        TestBundle.tarGz(
          bundle ?? { ...TestBundle.plugin({ name, version, description }), ...files }
        )
      )

/**
 * A row of the plugin, with all fields that released Codex needs to decode it. The bundle's URL is
 * included if it was requested, and `installed` if an account has the plugin.
 *
 * @category functions
 * @since 0.1.0
 */
export const row = (
  plugin: Plugin,
  context: { readonly bundleUrl: string | undefined; readonly installed: boolean }
): Fields => {
  const { appManifest, description, enabled = true, id, name, scope = "GLOBAL", version } = plugin
  return {
    id,
    name,
    scope,
    discoverability: plugin.discoverability ?? (scope === "WORKSPACE" ? "LISTED" : undefined),
    installation_policy: "AVAILABLE",
    authentication_policy: "ON_USE",
    ...(context.installed ? { enabled, disabled_skill_names: [] } : undefined),
    ...plugin.row,
    release: {
      version: version ?? "1.0.0",
      display_name: name,
      description: description ?? `The plugin ${name}`,
      bundle_download_url: context.bundleUrl,
      app_manifest: appManifest,
      interface: {},
      ...plugin.release
    }
  }
}
