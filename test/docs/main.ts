/**
 * `npm run docs`: writes the generated sections of the documents.
 */
import { readFileSync, writeFileSync } from "node:fs"
import { sections, withSection } from "./sections.ts"

for (const section of sections) {
  const file = new URL(`../../${section.file}`, import.meta.url)
  writeFileSync(file, withSection(readFileSync(file, "utf8"), section))
}
