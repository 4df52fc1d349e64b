/**
 * The names of files beside the versions of a plugin, and of the folder in which they are prepared.
 */

/** The sidecar; see `InstallMetadata`. */
export const sidecarName = ".codex-remote-plugin-install.json"

/**
 * The file in which newer releases of Codex keep a digest of a plugin that they installed from a
 * marketplace. It does not describe a local install.
 */
export const provenanceName = ".codex-plugin-install.json"

/** The staging folder below `plugins/`, which Codex uses, too. */
export const stagingName = ".remote-plugin-install-staging"
