import { Flag } from "effect/cli"

/** `--codex-home DIR`, which stands in for `$CODEX_HOME`. */
export const codexHome = Flag.String("codex-home").pipe(
  Flag.withMetavar("DIR"),
  Flag.withDescription("The Codex home; $CODEX_HOME, else ~/.codex, where it is not given"),
  Flag.optional
)

/** `--json` */
export const json = Flag.Boolean("json").pipe(
  Flag.withDescription("Print JSON for programs instead of text for people"),
  Flag.withDefault(false)
)
