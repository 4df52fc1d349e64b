/** The commands that the help lists. */
export const commands = [
  "sync",
  "list",
  "id",
  "search",
  "read",
  "install",
  "uninstall",
  "verify",
  "prune",
  "doctor",
  "run",
  "watch",
  "seed",
  "serve",
  "demo"
]
