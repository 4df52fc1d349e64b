/**
 * The backend's own id of a plugin, such as `plugins~Plugin_b80dd84519148191a409cde181c9b3d6`.
 */
import { Schema } from "effect"
import * as WhiteSpace from "./internal/whiteSpace.ts"

/**
 * A trimmed, non-empty string. A sidecar may name any such id; what may be part of a request's path
 * is narrower, see {@link isAddressable}.
 *
 * @category constants
 * @since 0.1.0
 */
export const RemotePluginId = WhiteSpace.Trimmed.check(Schema.isNonEmpty()).pipe(
  Schema.brand("effect-codex-plugins/RemotePluginId")
)
/**
 * The backend's id of a plugin.
 *
 * @category models
 * @since 0.1.0
 */
export type RemotePluginId = typeof RemotePluginId.Type

/**
 * As {@link RemotePluginId}, but white space around the id is dropped first, as Codex's readers do.
 *
 * @category constants
 * @since 0.1.0
 */
export const RemotePluginIdFromUntrimmed = WhiteSpace.Trim.pipe(Schema.decodeTo(RemotePluginId))

/**
 * The length that the id of a row may have, in bytes of UTF-8. Codex's reader of cached plugins
 * fails as a whole if one sidecar has a longer one, so no such sidecar is written.
 *
 * @category constants
 * @since 0.2.0
 */
export const maxBytes = 1024

const utf8 = new TextEncoder()

/**
 * Whether the id can be cached: short enough, see {@link maxBytes}, and without half a surrogate pair,
 * which no JSON reader of Codex accepts.
 *
 * @category functions
 * @since 0.2.0
 */
export const isCacheable = (id: string): boolean =>
  id.isWellFormed() && utf8.encode(id).length <= maxBytes

/**
 * Whether the id can be part of a request's path: ASCII letters, digits, `_`, `-`, `~`.
 *
 * @category functions
 * @since 0.1.0
 */
export const isAddressable = (id: string): boolean => /^[A-Za-z0-9_~-]+$/.test(id)

/**
 * An id as people are shown it: quoted where it holds what may disturb a terminal.
 *
 * @category functions
 * @since 0.1.0
 */
export const shown = (id: string): string => (isAddressable(id) ? id : JSON.stringify(id))
