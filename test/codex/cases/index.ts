import type { Case } from "./Case.ts"
import { archives } from "./archives.ts"
import { listings } from "./listings.ts"
import { manifests } from "./manifests.ts"
import { caches } from "./caches.ts"
import { rows } from "./rows.ts"

/** All cases, by what they are about. */
export const groups: Readonly<Record<string, ReadonlyArray<Case>>> = {
  archives,
  manifests,
  rows,
  caches,
  listings
}
