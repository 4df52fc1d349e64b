import { archives } from "./archives.ts"
import { caches } from "./caches.ts"
import type { Case } from "./Case.ts"
import { commandCases as commands } from "./commands.ts"
import { listings } from "./listings.ts"
import { locals } from "./locals.ts"
import { manifests } from "./manifests.ts"
import { rows } from "./rows.ts"

/** All cases, by subject. */
export const groups: Readonly<Record<string, ReadonlyArray<Case>>> = {
  archives,
  manifests,
  commands,
  rows,
  caches,
  listings,
  locals
}
