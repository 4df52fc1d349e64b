/**
 * The files that are stored beside the versions of a plugin.
 */

/** The sidecar; see `InstallMetadata`. */
export const sidecarName = ".codex-remote-plugin-install.json"

/**
 * The file in which newer releases of Codex keep a digest of what they installed from a marketplace.
 * It does not describe what a local install puts there.
 */
export const provenanceName = ".codex-plugin-install.json"
