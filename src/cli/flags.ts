import { Flag } from "effect/cli"

/** `--codex-home DIR`, instead of `$CODEX_HOME`. */
export const codexHome = Flag.String("codex-home").pipe(
  Flag.withMetavar("DIR"),
  Flag.withDescription("The Codex home (default: $CODEX_HOME, else ~/.codex)"),
  Flag.filter(
    (path) => path !== "",
    () => "the path of a folder"
  ),
  Flag.optional
)

/** `--json` */
export const json = Flag.Boolean("json").pipe(
  Flag.withDescription("Print JSON for programs instead of text for people"),
  Flag.withDefault(false)
)
