/**
 * The backend's own id of a plugin, such as `plugins~Plugin_b80dd84519148191a409cde181c9b3d6`.
 */
import { Schema } from "effect"
import * as WhiteSpace from "./internal/whiteSpace.ts"

/**
 * A trimmed, non-empty string. A sidecar may contain any such id. Fewer may be part of a request's
 * path; see {@link isAddressable}.
 *
 * @category schemas
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
 * As {@link RemotePluginId}, but surrounding white space is removed first, as Codex's readers do.
 *
 * @category schemas
 * @since 0.1.0
 */
export const RemotePluginIdFromUntrimmed = WhiteSpace.Trim.pipe(Schema.decodeTo(RemotePluginId))

/**
 * The maximum length of a row's id, in bytes of UTF-8. Codex's reader of cached plugins fails
 * entirely if one sidecar has a longer id, so no such sidecar is written.
 *
 * @category constants
 * @since 0.2.0
 */
export const maxBytes = 1024

const utf8 = new TextEncoder()

/**
 * True if the id can be cached: it is short enough, see {@link maxBytes}, and has no lone
 * surrogate, which no JSON reader of Codex accepts.
 *
 * @category functions
 * @since 0.2.0
 */
export const isCacheable = (id: string): boolean =>
  id.isWellFormed() && utf8.encode(id).length <= maxBytes

/**
 * True if the id can be part of a request's path: it has only ASCII letters, digits, `_`, `-`, `~`.
 *
 * @category functions
 * @since 0.1.0
 */
export const isAddressable = (id: string): boolean => /^[A-Za-z0-9_~-]+$/.test(id)

/**
 * An id for people: quoted if it has any other character, which might disturb a terminal.
 *
 * @category functions
 * @since 0.1.0
 */
export const shown = (id: string): string => (isAddressable(id) ? id : JSON.stringify(id))
