/**
 * The names of the files that are stored next to the versions of a plugin.
 */

/** The sidecar; see `InstallMetadata`. */
export const sidecarName = ".codex-remote-plugin-install.json"

/**
 * The file in which newer releases of Codex keep a digest of a plugin that they installed from a
 * marketplace. It does not describe a local install.
 */
export const provenanceName = ".codex-plugin-install.json"
