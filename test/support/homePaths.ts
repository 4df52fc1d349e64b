/**
 * Folders of a Codex home, written here once and independent of the code under test.
 */

export const cacheOf = (home: string): string => `${home}/plugins/cache`

/** The staging folder, which Codex uses too. */
export const stagingOf = (home: string): string => `${home}/plugins/.remote-plugin-install-staging`
